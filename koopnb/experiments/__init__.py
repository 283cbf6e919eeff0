"""One module an experiment: configuration in, result record out."""
