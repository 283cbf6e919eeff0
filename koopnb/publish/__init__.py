"""From MyST chapters to the rendered book: jupytext, papermill, Jupyter Book."""
