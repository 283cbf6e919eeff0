"""Records as files: what is written comes back, whole or not at all, and what is not is named."""

import errno
import json
import os
import subprocess
import sys
import threading
import zlib
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from support.series import TRIAL, TrialConfig

from koopnb.experiments import record, series, store


def example(seed=3, **metrics):
    curves = {
        "arm/loss": np.linspace(1, 2, 5), "arm/loss/at": np.arange(5) * 10,
        "ranks": np.array([[1.5, np.inf], [np.nan, -0.0]]), "none": np.zeros((0, 2)),
    }  # fmt: skip
    return record.make("trial", TrialConfig(seed=seed), {"end": 0.1} | metrics, curves, 1.5)


@pytest.fixture
def path(tmp_path):
    return store.save(example(), tmp_path / "trial" / "digits-seed3.json")


def test_what_is_saved_is_loaded_to_the_bit(path):
    saved, loaded = example(), store.load(path)
    assert loaded._replace(curves={}, environment={}) == saved._replace(curves={}, environment={})
    assert list(loaded.curves) != []
    assert loaded.curves.keys() == saved.curves.keys()
    for name, values in saved.curves.items():
        assert loaded.curves[name].dtype == values.dtype
        assert loaded.curves[name].shape == values.shape
        assert loaded.curves[name].tobytes() == values.tobytes()


def test_curves_and_arrays_are_stored_apart(path):
    content = json.loads(path.read_text())
    assert set(content["arrays"]) == {"ranks", "none"}
    assert set(content["curves"]) == {"arm/loss"}
    assert set(content["curves"]["arm/loss"]) == {"at", "values"}
    assert list(content)[:4] == ["name", "series", "revision", "config"]


def changed(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def proved(path, change):
    """Changes a record and gives it the checksum of what it then holds."""
    changed(path, change)
    changed(path, lambda content: content.update(checksum=record.checksum(content)))


def another_seed(path):
    other = store.save(example(4, end=0.2), path.with_name("digits-seed4.json"))
    arrays = json.loads(other.read_text())["arrays"] | {"ranks": store._packed(np.ones(2))}
    changed(path, lambda content: content.update(arrays=arrays))


def set_metric(value):
    return lambda path: path.write_text(path.read_text().replace('"end": 0.1', f'"end": {value}'))


def damaged_array(packed):
    return lambda path: proved(path, lambda content: content["arrays"].update(ranks=packed))


def environment(value):
    return lambda path: proved(path, lambda content: content.update(environment=value))


BOMB = "<f4 1 " + store.base64.b64encode(zlib.compress(bytes(10**6))).decode()
DAMAGE = {
    "arrays of another seed": (another_seed, "checksum is not that"),
    "a changed configuration": (
        lambda path: changed(path, lambda content: content["config"].update(rate=2.0)),
        "checksum is not that",
    ),
    "an edited number": (set_metric("0.2"), "checksum is not that"),
    "a record under another name": (
        lambda path: store.save(example(4), path.with_name("digits-seed4.json")).replace(path),
        "the record trial/digits-seed4 under another name",
    ),
    "an empty file": (lambda path: path.write_text(""), "Expecting value"),
    "a truncated file": (lambda path: os.truncate(path, 300), "not a result record"),
    "a list": (lambda path: path.write_text("[]"), "its keys should be name, series"),
    "a missing key": (lambda path: changed(path, lambda c: c.pop("metrics")), "its keys should be"),
    "a key twice": (
        lambda path: path.write_text(path.read_text().replace('"end"', '"end": 1, "end"')),
        "a key stands in it twice",
    ),
    "a number too large": (set_metric("1" + "0" * 400), "is too large"),
    "a number beyond all": (set_metric("1e400"), "is too large"),
    "no number": (set_metric("NaN"), "NaN is no JSON"),
    "deep nesting": (lambda path: path.write_text("[" * 10**6), "nested too deeply"),
    "not UTF-8": (lambda path: path.write_bytes(b"\xff" + path.read_bytes()), "can't decode byte"),
    "environment null": (environment(None), "its environment is no object"),
    "environment a list": (environment([]), "its environment is no object"),
    "environment without packages": (environment({"date": ""}), "its environment lacks cores, cpu"),
    "metrics null": (
        lambda path: proved(path, lambda content: content.update(metrics=None)),
        "its metrics is no object",
    ),
    "an array of objects": (damaged_array("|O 1 gASVDQAAAA=="), "is none of ours"),
    "an array that is no text": (damaged_array(None), "of another kind"),
    "a curve without times": (
        lambda path: proved(path, lambda content: content["curves"]["arm/loss"].pop("at")),
        "a part of it is missing",
    ),
    "an array too short": (damaged_array(store._packed(np.ones(2)).replace(" 2 ", " 3 ")), "bytes"),
    "an array that unpacks without end": (damaged_array(BOMB), "has not as many bytes"),
    "an array that is not compressed": (damaged_array("<f4 1 AAAA"), "not a result record"),
    "an array too large": (damaged_array("<f4 99999999999 AAAA"), "is none of ours"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "it is no file"),
    "a FIFO": (lambda path: (path.unlink(), os.mkfifo(path)), "it is no file"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_what_is_no_record_is_named_with_advice(name, path):
    store.load(path)
    damage, why = DAMAGE[name]
    damage(path)
    with pytest.raises(store.Damaged) as caught:
        store.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is not a result record: ")
    assert why in message
    assert f"python -m koopnb run trial --records {path.parent.parent}" in message
    assert "\n" not in message


def test_no_record_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        store.load(tmp_path / "trial" / "digits-seed3.json")


def test_a_proved_change_would_be_read(path):
    proved(path, lambda content: content["metrics"].update(end=0.5))
    assert store.load(path).metrics["end"] == 0.5


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_write_leaves_the_old_record_and_nothing_else(path, monkeypatch, stopped):
    before = path.read_bytes()

    def stop(*_):
        raise stopped

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(stopped):
        store.save(example(other=1), path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_full_disk_is_told_with_path_and_advice(path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"seed3.json could not be written: No space") as caught:
        store.save(example(), path)
    assert "Free some space and run the same again" in str(caught.value)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_readers_never_see_half_of_two_records(path):
    """Each writing has numbers and arrays of its own; no reader may see them mixed."""
    done = threading.Event()

    def write():
        for call in range(60):
            curves = {"array": np.full(50, float(call))}
            store.save(record.make("trial", TrialConfig(seed=3), {"call": call}, curves, 0.0), path)
        done.set()

    store.save(record.make("trial", TrialConfig(seed=3), {"call": -1}, {"array": [-1.0]}, 0), path)
    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while not done.is_set():
        one = store.load(path)
        assert np.all(one.curves["array"] == one.metrics["call"])
        seen += 1
    writer.join()
    assert seen > 10


def test_scratch_files_of_dead_processes_are_removed(path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    dead = path.with_name(f"a.json.{gone.pid}.part")
    old = path.with_name("a.jsonxyz.part")
    alive = path.with_name(f"a.json.{os.getppid()}.part")
    for scratch in (dead, old, alive):
        scratch.write_text("")
    store.save(example(), path)
    assert not dead.exists()
    assert not old.exists()
    assert alive.exists()


def test_what_is_set_aside_is_never_lost(path):
    names = []
    for _ in range(3):
        names.append(store.set_aside(path, "damaged").name)
        store.save(example(), path)
    base = f"{path.name}.damaged"
    assert names == [base, f"{base}.2", f"{base}.3"]
    assert store.load(path)
    assert list(store.every(path.parent.parent)) == [path]


def test_the_index_tells_what_is_there(tmp_path):
    for seed in (0, 1, 2, 9):
        store.save(example(seed), TRIAL.path(TrialConfig(seed=seed), tmp_path))
    broken = TRIAL.path(TrialConfig(seed=5), tmp_path)
    broken.write_text("")
    text = store.index(tmp_path).read_text()
    today = example().environment["date"][:10]
    assert f"| trial/digits | 1 | 0-2, 9 | {today} | " in text
    assert text.splitlines()[-1].endswith("| 6 |"), "seconds"


RESULTS = Path(__file__).parents[2] / "results"


def test_the_committed_index_is_that_of_the_committed_records(tmp_path):
    for folder in RESULTS.iterdir():
        if folder.is_dir():
            (tmp_path / folder.name).symlink_to(folder)
    assert store.index(tmp_path).read_text() == (RESULTS / "README.md").read_text()


def test_results_are_small():
    assert sum(path.stat().st_size for path in RESULTS.rglob("*") if path.is_file()) < 20e6


def test_every_committed_record_stands_where_its_series_looks_for_it():
    seeds = defaultdict(set)
    for path in store.every(RESULTS):
        seeds[path.parent.name].add(int(path.stem.rpartition("seed")[2]))
    known = {
        job.path(RESULTS)
        for name, found in seeds.items()
        for dataset in series.SERIES[name].datasets or (None,)
        for job in series.jobs(name, sorted(found), dataset)
    }
    assert set(store.every(RESULTS)) <= known
