"""Records: what is written comes back, whole or not at all."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from koopnb.experiments import record


@dataclasses.dataclass(frozen=True)
class Config:
    seed: int = 3
    dataset: str = "digits"
    sizes: tuple[int, ...] = (1, 2)


def example(points=1000, **metrics):
    curves = {"arm/loss": np.linspace(1, 2, points)}
    return record.make("trial", Config(), {"end": 2.0} | metrics, curves, 1.5)


def test_what_is_saved_is_loaded(tmp_path):
    saved = example()
    path = record.save(saved, Config(), tmp_path)
    loaded = record.load(path)
    assert loaded._replace(curves={}) == saved._replace(curves={})
    for name, values in saved.curves.items():
        np.testing.assert_array_equal(loaded.curves[name], values)
    assert loaded.config == {"seed": 3, "dataset": "digits", "sizes": [1, 2]}
    assert loaded.environment["seconds"] == 1.5
    assert loaded.environment["packages"]["jax"]


@pytest.mark.parametrize("points", [1, 7, 400, 401, 1876])
def test_curves_are_thinned_and_keep_their_ends(points):
    curves = example(points).curves
    at = curves["arm/loss/at"]
    assert len(at) == min(points, 400)
    assert at[0] == 1
    assert at[-1] == points
    np.testing.assert_allclose(curves["arm/loss"], np.linspace(1, 2, points)[at - 1], rtol=1e-6)


def test_a_curve_with_times_of_its_own_keeps_them():
    curves = {"arm/loss": np.arange(3.0), "arm/loss/at": np.array([187, 374, 561])}
    kept = record.make("trial", Config(), {}, curves, 0.0).curves
    assert set(kept) == set(curves)
    np.testing.assert_array_equal(kept["arm/loss/at"], [187, 374, 561])


def test_numbers_that_are_not_finite_are_said_in_words(tmp_path):
    path = record.save(example(worst=np.inf, none=[np.nan], best=np.float32(1)), Config(), tmp_path)
    metrics = json.loads(path.read_text())["metrics"]
    assert metrics == {"end": 2.0, "worst": "inf", "none": ["nan"], "best": 1.0}
    assert float(metrics["worst"]) == np.inf


def test_other_configurations_have_other_names(tmp_path):
    names = {
        record.path_of("trial", config, tmp_path).name
        for config in (Config(), Config(seed=4), Config(sizes=(1, 3)), Config(dataset="mnist"))
    }
    assert len(names) == 4


def test_an_interrupted_write_leaves_the_old_record_and_nothing_else(tmp_path, monkeypatch):
    path = record.save(example(), Config(), tmp_path)
    before = path.read_bytes()

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", stop)
    with pytest.raises(KeyboardInterrupt):
        record.save(example(other=1), Config(), tmp_path)
    assert path.read_bytes() == before
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".npz"}


def test_a_file_that_is_no_record_is_named(tmp_path):
    path = record.save(example(), Config(), tmp_path)
    path.write_text("{")
    with pytest.raises(ValueError, match=f"{path.name} is not a result record"):
        record.load(path)


def test_a_record_is_computed_once_and_belongs_to_one_version(tmp_path, monkeypatch):
    stored, fresh, calls = tmp_path / "stored", tmp_path / "fresh", []

    def obtain(config=Config()):
        def compute():
            calls.append(config)
            return example(at=len(calls))

        return record.obtain("trial", config, compute, [stored, fresh]).metrics["at"]

    assert [obtain(), obtain()] == [1, 1]
    assert not stored.exists()
    assert obtain(Config(seed=4)) == 2
    record.save(example(at=0), Config(), stored)
    assert obtain() == 0
    versions = record.environment.versions() | {"koopnb": "0.0.1"}
    monkeypatch.setattr(record.environment, "versions", lambda: versions)
    assert obtain() == 3
    assert len(calls) == 3


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_compiled_programs_are_dropped_before_they_are_too_many(tmp_path, monkeypatch, share):
    most = 1000
    maps, limit = tmp_path / "maps", tmp_path / "limit"
    maps.write_text("one map\n" * int(share * most))
    limit.write_text(f"{most}\n")
    monkeypatch.setattr(record, "MAPS", (maps, limit))
    double = jax.jit(lambda x: 2 * x)

    def compute():
        return example(last=float(double(1.0)))

    record.obtain("trial", Config(), compute, [tmp_path / "records"])
    assert double._cache_size() == (share < 0.5)


def test_where_maps_cannot_be_counted_programs_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "MAPS", (tmp_path / "none", tmp_path / "none"))
    double = jax.jit(lambda x: 2 * x)
    double(1.0)
    record.drop_programs()
    assert double._cache_size() == 1
