"""What a record holds, and when it is the one that is asked for."""

import dataclasses

import numpy as np
import pytest

from koopnb.experiments import record


@dataclasses.dataclass(frozen=True)
class Part:
    name: str = "node"
    rank: int = 3


@dataclasses.dataclass(frozen=True)
class Config:
    seed: int = 3
    dataset: str = "digits"
    sizes: tuple[int, ...] = (1, 2)
    parts: tuple[Part, ...] = (Part(), Part("layer"))


def made(**curves):
    return record.make("trial", Config(), {"end": 2.0}, curves, 1.5)


def test_a_record_holds_configuration_environment_and_session():
    one = made()
    assert (one.series, one.revision) == ("trial", 1)
    assert one.config["sizes"] == [1, 2]
    assert one.config["parts"][1] == {"name": "layer", "rank": 3}
    assert one.environment["seconds"] == 1.5
    assert one.environment["packages"]["jax"]
    assert one.environment["session"] == {
        "float64": False, "generator": "threefry2x32", "partitionable": True, "matmul": "default",
    }  # fmt: skip


def test_arrays_have_no_times_and_curves_keep_theirs():
    one = made(ranks=[1, 2], loss=np.arange(3.0), **{"loss/at": np.array([187, 374, 561])})
    assert set(one.curves) == {"ranks", "loss", "loss/at"}
    assert one.curves["loss/at"].dtype == np.int32
    assert one.curves["loss/at"].tolist() == [187, 374, 561]
    assert one.curves["ranks"].dtype == np.float32


@pytest.mark.parametrize("points", [1, 7, 400, 401, 1876])
def test_a_curve_is_thinned_where_that_is_asked_for_and_keeps_its_ends(points):
    found = record.thinned("loss", np.linspace(1, 2, points))
    at = found["loss/at"]
    assert len(at) == min(points, 400)
    assert (at[0], at[-1]) == (1, points)
    np.testing.assert_array_equal(found["loss"], np.linspace(1, 2, points)[at - 1])


def test_numbers_that_are_not_finite_are_said_in_words():
    metrics = {"worst": np.inf, "none": [np.nan], "best": np.float32(1), "by": {1: np.int64(2)}}
    kept = record.make("trial", Config(), metrics, {}, 0.0).metrics
    assert kept == {"worst": "inf", "none": ["nan"], "best": 1.0, "by": {"1": 2}}
    assert float(kept["worst"]) == np.inf


def test_a_configuration_agrees_with_itself_and_no_other():
    stored = record.as_dict(Config())
    assert record.agrees(stored, Config())
    for other in (
        Config(seed=4), Config(sizes=(1, 3)), Config(sizes=(1,)), Config(parts=(Part(),)),
        Config(parts=(Part(), Part("layer", 4))),
    ):  # fmt: skip
        assert not record.agrees(stored, other)
    assert not record.agrees(stored | {"parts": "node"}, Config())
    assert not record.agrees(stored | {"parts": ["node", "layer"]}, Config())


@dataclasses.dataclass(frozen=True)
class NewPart(Part):
    window: int = 1


@dataclasses.dataclass(frozen=True)
class NewConfig(Config):
    parts: tuple[NewPart, ...] = (NewPart(), NewPart("layer"))
    stride: int = 10
    names: list[str] = dataclasses.field(default_factory=list)


def test_a_new_field_with_a_default_orphans_no_record():
    stored = record.as_dict(Config())
    assert record.agrees(stored, NewConfig())
    assert not record.agrees(stored, NewConfig(stride=5))
    assert not record.agrees(stored, NewConfig(parts=(NewPart(), NewPart("layer", window=2))))


@dataclasses.dataclass(frozen=True)
class ChangedConfig(Config):
    sizes: tuple[int, ...] = (9,)


def test_a_changed_default_takes_no_old_record():
    stored = record.as_dict(Config())
    assert not record.agrees(stored, ChangedConfig())
    assert record.agrees(stored, ChangedConfig(sizes=(1, 2)))


def test_a_field_that_is_gone_is_another_configuration():
    assert not record.agrees(record.as_dict(NewConfig()), Config())


def test_stored_configurations_are_compared_as_far_as_both_say_something():
    old, new = record.as_dict(Config()), record.as_dict(NewConfig())
    assert record.alike(old, new)
    assert not record.alike(old, new | {"seed": 4})
    assert not record.alike(old, new | {"sizes": [1]})
    assert not record.alike(old, new | {"parts": [{"rank": 4}, {}]})
