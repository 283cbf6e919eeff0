"""nbval runs these notebooks; one whose data set cannot be had is skipped, and says why."""

import pytest

from koopnb.publish.contents import CHAPTERS, unavailable


def pytest_collection_modifyitems(items):
    datasets = {chapter.name: chapter.dataset for chapter in CHAPTERS}
    reasons = {name: unavailable(dataset) for name, dataset in datasets.items()}
    for item in items:
        why = reasons.get(item.path.stem) if item.path.suffix == ".ipynb" else None
        if why is not None:
            item.add_marker(pytest.mark.skip(reason=why))
