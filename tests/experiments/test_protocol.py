"""Series and jobs: what their records are called, which are taken, and what stands in the way."""

import dataclasses
import os

import jax
import pytest
from support.series import RAN, TRIAL, TrialConfig, run

from koopnb.checks import Refusal
from koopnb.experiments import environment, programs, series, store
from koopnb.experiments.environment import Session
from koopnb.experiments.protocol import Job, Series, recorded

JOB = Job(TRIAL, TrialConfig())


@pytest.fixture(autouse=True)
def fresh():
    RAN.clear()


@pytest.fixture
def path(tmp_path):
    path = JOB.make(tmp_path)[0]
    RAN.clear()
    return path


def names(folder):
    return sorted(file.name for file in (folder / "trial").iterdir())


@pytest.mark.parametrize(
    ("how", "name"),
    [({}, "digits-seed0"), ({"seed": 7}, "digits-seed7"), ({"dataset": "mnist"}, "mnist-seed0"),
     ({"rate": 0.5}, "digits-rate=0.5-seed0"), ({"sizes": (3, 4)}, "digits-sizes=3,4-seed0"),
     ({"dataset": "mnist", "rate": 2.0, "sizes": ()}, "mnist-rate=2.0-sizes=4f53cda1-seed0")],
)  # fmt: skip
def test_names_tell_what_differs_and_the_seed_last(how, name, tmp_path):
    assert TRIAL.path(TrialConfig(**how), tmp_path) == tmp_path / "trial" / f"{name}.json"


@pytest.mark.parametrize("value", ["../x", "/etc/x", "a b", "a" * 60, "ä"])
def test_what_a_file_name_cannot_hold_is_told_by_a_hash(value, tmp_path):
    path = TRIAL.path(TrialConfig(dataset=value), tmp_path)
    assert path.parent == tmp_path / "trial"
    assert len(path.name) < 40


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "", "A", "a b", "all", ".."])
def test_names_of_series_are_names_of_folders(name):
    with pytest.raises(Refusal, match="a series is named in small letters"):
        dataclasses.replace(TRIAL, name=name)
    assert dataclasses.replace(TRIAL, name="a-2").name == "a-2"


def test_every_series_names_all_its_records_differently():
    jobs = [job for name in series.SERIES for job in series.reproduction(name)]
    assert len({job.path("") for job in jobs}) == len(jobs)


def test_a_record_is_made_once_and_taken_where_it_is_first(tmp_path):
    stored, own = tmp_path / "stored", tmp_path / "own"
    assert [JOB.obtain([stored, own]).metrics["call"] for _ in range(2)] == [1, 1]
    assert not stored.exists()
    JOB.make(stored)
    assert JOB.obtain([stored, own]).metrics["call"] == 2
    assert len(RAN) == 2


def test_the_experiment_itself_leaves_the_record_that_is_then_obtained(tmp_path):
    made = run(TrialConfig(), tmp_path)
    assert JOB.obtain([tmp_path]).metrics == made.metrics
    assert len(RAN) == 1


def test_another_version_of_the_package_takes_the_same_records(path, tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "versions", lambda: {"koopnb": "9.9.9", "jax": "9"})
    assert JOB.look_up([tmp_path]) is not None


@dataclasses.dataclass(frozen=True)
class NewConfig(TrialConfig):
    window: int = 1


@dataclasses.dataclass(frozen=True)
class ChangedConfig(TrialConfig):
    rate: float = 3.0


def of(config_class):
    """The trial series as it would be with another configuration class."""
    changed = dataclasses.replace(
        TRIAL, configs=lambda dataset, seed, _: [config_class(dataset or "digits", seed)]
    )
    return changed.configs("digits", 0, ())[0], changed


def test_a_new_field_with_a_default_takes_the_same_records(path, tmp_path):
    config, changed = of(NewConfig)
    assert Job(changed, config).look_up([tmp_path])[0] == path
    assert Job(changed, NewConfig(window=2)).look_up([tmp_path]) is None


def test_a_changed_default_takes_no_old_record_and_keeps_it(path, tmp_path, capsys):
    config, changed = of(ChangedConfig)
    job = Job(changed, config)
    assert job.path(tmp_path) == path, "neither default differs from itself"
    assert job.look_up([tmp_path]) is None
    assert "is not taken: it was made with other settings" in capsys.readouterr().err
    assert job.obtain([tmp_path]).config["rate"] == 3.0
    assert names(tmp_path) == ["digits-seed0.json", "digits-seed0.json.kept"]
    assert f"is kept as {path}.kept: it was made with other settings" in capsys.readouterr().err


def test_a_record_of_another_revision_is_told_and_kept(path, tmp_path, capsys):
    before = path.read_bytes()
    again = Job(dataclasses.replace(TRIAL, revision=2, run=again_of(2)), TrialConfig())
    assert again.look_up([tmp_path]) is None
    assert "of revision 1, and trial has come to revision 2" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert again.obtain([tmp_path]).revision == 2
    assert path.with_name(f"{path.name}.kept").read_bytes() == before


def again_of(revision):
    """The trial's experiment at another revision."""
    return recorded(lambda _: dataclasses.replace(TRIAL, revision=revision))(
        lambda config, progress: ({}, {})
    )


def test_a_record_of_another_session_is_not_taken(path, tmp_path, capsys):
    double = dataclasses.replace(TRIAL, session=Session(float64=True))
    assert Job(double, TrialConfig()).look_up([tmp_path]) is None
    assert "made in another session" in capsys.readouterr().err


@pytest.mark.parametrize("session", [Session(), Session(True, "rbg", False, "highest")])
def test_a_series_computes_in_its_own_session_whatever_the_callers(session):
    def measure(config, progress):
        draw = jax.random.normal(jax.random.key(0), ())
        return {"dtype": str(jax.numpy.zeros(()).dtype), "draw": float(draw)}, {}

    experiment = recorded(lambda _: dataclasses.replace(TRIAL, session=session))(measure)
    plain = experiment(TrialConfig())
    assert plain.environment["session"] == session._asdict()
    assert plain.metrics["dtype"] == ("float64" if session.float64 else "float32")
    with Session(not session.float64, "unsafe_rbg", not session.partitionable, "high").entered():
        assert experiment(TrialConfig()).metrics == plain.metrics
        assert environment.session().generator == "unsafe_rbg"
    assert environment.session() == Session()


@pytest.mark.parametrize("damage", ["", "[]", "folder", "fifo"])
def test_what_is_no_record_is_kept_and_made_again(damage, path, tmp_path, capsys):
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "fifo":
        os.mkfifo(path)
    else:
        path.write_text(damage)
    assert JOB.look_up([tmp_path]) is None
    assert names(tmp_path) == ["digits-seed0.json"], "who only looks moves nothing"
    assert JOB.obtain([tmp_path]).metrics["call"] == 1
    assert names(tmp_path) == ["digits-seed0.json", "digits-seed0.json.damaged"]
    told = capsys.readouterr().err
    assert "is not a result record" in told
    assert f"It is kept as {path}.damaged" in told


def test_what_cannot_be_set_aside_is_known_before_anything_is_computed(path, monkeypatch, tmp_path):
    path.write_text("")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store, "set_aside", refuse)
    with pytest.raises(PermissionError):
        JOB.obtain([tmp_path])
    assert RAN == []


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, "0", 1.0, True])
def test_seeds_that_are_none_are_refused_before_anything_is_computed(seed, tmp_path):
    config = dataclasses.make_dataclass("Any", [("seed", object, 0)], frozen=True)(seed)
    with pytest.raises(Refusal, match=r"must be an integer from 0 to 4294967295"):
        run(config, tmp_path)
    assert RAN == []
    assert run(TrialConfig(seed=2**32 - 1)).config["seed"] == 2**32 - 1


@pytest.mark.parametrize("share", [0.4, 0.6])
def test_compiled_programs_are_dropped_before_they_are_too_many(tmp_path, monkeypatch, share):
    most = 1000
    maps, limit = tmp_path / "maps", tmp_path / "limit"
    maps.write_text("one map\n" * int(share * most))
    limit.write_text(f"{most}\n")
    monkeypatch.setattr(programs, "MAPS", (maps, limit))
    double = jax.jit(lambda x: 2 * x)
    double(1.0)
    JOB.make(tmp_path)
    assert double._cache_size() == (share < 0.5)


def test_where_maps_cannot_be_counted_programs_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "MAPS", (tmp_path / "none", tmp_path / "none"))
    double = jax.jit(lambda x: 2 * x)
    double(1.0)
    programs.drop()
    assert double._cache_size() == 1


def test_a_series_of_the_book_is_one():
    assert all(isinstance(one, Series) for one in series.SERIES.values())
