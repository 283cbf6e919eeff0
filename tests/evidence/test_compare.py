"""What moved between two folders of records, and what cannot be compared."""

import pytest
from support.records import CLAIM, sized

from koopnb.evidence import compare as comparing
from koopnb.evidence.compare import compare
from koopnb.experiments import mnist, store

MNIST = mnist.SERIES[0]


def save(folder, *sizes, first=0):
    """Records of seeds from ``first`` on, a size each."""
    for one in sized(*[1.0] * first, *sizes)[first:]:
        store.save(one, MNIST.path(mnist.MnistConfig(seed=one.config["seed"]), folder))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """The folders of fresh and of stored records; of these there is one, of size 0.8."""
    monkeypatch.setattr(comparing, "CLAIMS", {"mnist": (CLAIM,)})
    save(tmp_path / "results", 0.8)
    return tmp_path / "fresh", tmp_path / "results"


def test_without_a_tolerance_only_the_verdict_can_move():
    assert comparing._near(0.03, -0.02, float("inf"))
    assert comparing._near(0.2, 0.0, float("inf"))
    assert not comparing._near(0.03, -0.02, 10.0)


def test_seeds_of_a_configuration_are_compared_together(folders):
    fresh, stored = folders
    save(stored, 0.5, 0.6, 0.9)
    save(fresh, 0.9, 0.6, 0.5)
    found = compare(fresh, stored)
    assert (found.moved, found.damaged) == (0, 0)
    assert found.lines[1:] == ("1 claims compared, 0 moved",)
    assert found.lines[0].startswith("same  mnist/mnist-arms=")
    assert ", 3 seeds  small (size)" in found.lines[0]


@pytest.mark.parametrize("size", [0.8, 0.9])
def test_equal_records_have_not_moved(folders, size):
    save(folders[0], size)
    assert compare(*folders).moved == 0


@pytest.mark.parametrize("size", [1.1, 0.3, -0.8, float("nan")])
def test_a_moved_claim_is_named_with_both_numbers(folders, size):
    save(folders[0], size)
    found = compare(*folders)
    assert found.moved == 1
    assert "MOVED" in found.lines[0]
    assert "small (size): stored 0.8 within a factor 1.5, verdict 'holds'; fresh" in found.lines[0]


def test_folders_without_records_are_named(folders):
    fresh, stored = folders
    with pytest.raises(FileNotFoundError, match="fresh holds no records"):
        compare(fresh, stored)
    save(fresh, 2.0, first=1)
    with pytest.raises(FileNotFoundError, match="share no configuration"):
        compare(fresh, stored)


@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_record_is_named_and_the_others_are_compared(folders, which):
    fresh, stored = folders
    save(stored, 0.8, 0.8)
    save(fresh, 0.8, 0.8)
    broken = sorted(store.every(folders[which]))[1]
    broken.write_text("{}")
    found = compare(fresh, stored)
    assert (found.moved, found.damaged) == (0, 1)
    assert found.lines[0].startswith(f"damaged: {broken} is not a result record")
    assert found.lines[-1] == "1 claims compared, 0 moved"
    assert ", 1 seed  small" in found.lines[-2]


def test_nothing_but_damaged_records_is_no_success(folders):
    save(folders[0], 0.8)
    for folder in folders:
        next(store.every(folder)).write_text("")
    assert compare(*folders).damaged == 2


@pytest.mark.parametrize(
    "change",
    [{"revision": 2}, {"config": {"seed": 0, "batch_size": 1}}, {"environment": "another session"}],
)
def test_records_of_other_runs_are_not_compared(folders, change):
    fresh, stored = folders
    save(fresh, 99.0)
    path = next(store.every(fresh))
    one = store.load(path)
    if "environment" in change:
        session = one.environment["session"] | {"float64": True}
        change = {"environment": one.environment | {"session": session}}
    store.save(one._replace(**change), path)
    found = compare(fresh, stored)
    assert found.moved == 0
    assert found.lines[0].endswith("which has another revision, session or setting")


def test_a_newer_field_is_no_other_run(folders):
    fresh, stored = folders
    save(fresh, 0.8)
    path = next(store.every(fresh))
    one = store.load(path)
    store.save(one._replace(config=one.config | {"newer": 1}), path)
    assert compare(fresh, stored).lines[0].startswith("same")
