"""The command line: what it prints, and its exit status."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.records import save_example
from support.series import RAN, TRIAL, TrialConfig

from koopnb import cli, data
from koopnb.checks import Refusal
from koopnb.experiments import running, series, store
from koopnb.experiments.protocol import Job


@pytest.fixture(autouse=True)
def trial(monkeypatch):
    """A series that costs nothing is among the others."""
    RAN.clear()
    monkeypatch.setitem(series.SERIES, "trial", TRIAL)


def run(*arguments, folder):
    return cli.main(["run", *map(str, arguments), "--records", str(folder)])


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    for command in ("run", "book", "check", "data"):
        assert f"\n    {command} " in shown


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "koopnb", "data", "digits"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "digits: 1437 training and 360 test samples\n"


def test_help_names_every_series_and_imports_them_then_alone(capsys):
    code = (
        "import sys, koopnb.cli; koopnb.cli._parser(); print('koopnb.experiments' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n"
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    shown = capsys.readouterr().out
    for name, one in series.SERIES.items():
        assert re.search(rf"^  {name} +{re.escape(one.what)}$", shown, re.MULTILINE)
    assert re.search(r"^  all +everything that make reproduce makes$", shown, re.MULTILINE)


def test_a_problem_is_one_message_and_status_1(capsys):
    assert cli.main(["data", "minst"]) == 1
    problem = capsys.readouterr().err
    assert problem.startswith("koopnb data: There is no data set 'minst'")
    assert "Traceback" not in problem


@pytest.mark.parametrize(
    ("error", "shown"),
    [(Refusal("choose another"), "koopnb data: choose another\n"),
     (OSError(28, "No space left on device", "/x"), "No space left on device: '/x'"),
     (ModuleNotFoundError("No module", name="papermill"), "papermill is missing. Install the")],
)  # fmt: skip
def test_what_a_user_can_mend_is_one_line(error, shown, capsys, monkeypatch):
    def fail(_):
        raise error

    monkeypatch.setattr(data, "load_dataset", fail)
    assert cli.main(["data", "digits"]) == 1
    assert shown in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [ValueError("shapes"), RuntimeError("out of memory"), KeyError("x"), TypeError("x"),
     ModuleNotFoundError("No module", name="koopnb.experiment")],
)  # fmt: skip
def test_a_fault_of_the_program_keeps_its_traceback(error, monkeypatch):
    def fail(_):
        raise error

    monkeypatch.setattr(data, "load_dataset", fail)
    with pytest.raises(type(error)):
        cli.main(["data", "digits"])


def test_a_chapter_that_fails_is_one_message(capsys, monkeypatch, tmp_path):
    pytest.importorskip("jupytext", reason="the book's packages are not installed")
    from koopnb.publish import build

    def fail(*_, **__):
        raise RuntimeError("Chapter 01 failed")

    monkeypatch.setattr(build, "build", fail)
    assert cli.main(["book"]) == 1
    assert capsys.readouterr().err == "koopnb book: Chapter 01 failed\n"


def test_interrupting_is_not_a_traceback(capsys, monkeypatch):
    def stop(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "load_dataset", stop)
    assert cli.main(["data", "digits"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_run_writes_one_record_a_seed(capsys, tmp_path):
    assert run("trial", "--dataset", "mnist", "--seeds", 0, 4, folder=tmp_path) == 0
    paths = [TRIAL.path(TrialConfig("mnist", seed), tmp_path) for seed in (0, 4)]
    assert list(store.every(tmp_path)) == paths
    lines = capsys.readouterr().out.splitlines()
    assert lines == [*(f"{path}: 0 s" for path in paths), f"{tmp_path}/README.md: what is there"]
    assert "| trial/mnist | 1 | 0, 4 |" in (tmp_path / "README.md").read_text()


def test_several_series_are_run_and_each_once(tmp_path):
    assert run("trial", "trial", "--seeds", 3, folder=tmp_path) == 0
    assert [TrialConfig(seed=3)] == RAN


def test_all_is_what_reproduce_makes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(series, "SERIES", {"trial": TRIAL})
    assert run("all", folder=tmp_path) == 0
    assert [TrialConfig(seed=0), TrialConfig(seed=1), TrialConfig("mnist", 5)] == RAN
    assert run("all", "--seeds", 1, folder=tmp_path) == run("all", "trial", folder=tmp_path) == 1
    assert "all is everything that make reproduce makes: leave out" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_where_it_stopped(monkeypatch, tmp_path, capsys):
    def stop(config, folder, *, progress):
        if config.seed == 2:
            raise KeyboardInterrupt
        return TRIAL.run(config, folder, progress=progress)

    with monkeypatch.context() as patch:
        patch.setitem(series.SERIES, "trial", dataclasses.replace(TRIAL, run=stop))
        assert run("trial", "--seeds", 0, 1, 2, folder=tmp_path) == 130
    assert run("trial", "--seeds", 0, 1, 2, folder=tmp_path) == 0
    assert [config.seed for config in RAN] == [0, 1, 2]
    assert capsys.readouterr().out.count("there already") == 2
    assert run("trial", "--seeds", 0, 1, 2, "--force", folder=tmp_path) == 0
    assert [config.seed for config in RAN] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("force", [False, True])
def test_one_damaged_record_never_stops_a_series(force, tmp_path, capsys):
    assert run("trial", folder=tmp_path) == 0
    broken = TRIAL.path(TrialConfig(seed=0), tmp_path)
    broken.write_text("{")
    assert run("trial", *["--force"] * force, folder=tmp_path) == 0
    assert store.load(broken)
    assert broken.with_name(f"{broken.name}.damaged").read_text() == "{"
    assert f"{broken} is not a result record" in capsys.readouterr().err
    assert len(RAN) == (4 if force else 3)


def test_scratch_files_of_killed_runs_are_removed_though_nothing_is_left_to_run(tmp_path):
    assert run("trial", folder=tmp_path) == 0
    left = tmp_path / "trial" / "x.json.99999999.part"
    left.write_text("")
    assert run("trial", folder=tmp_path) == 0
    assert not left.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["mnits"], "There is no series 'mnits'. Choose one of: mnist, paper,"),
     (["mnist", "--dataset", "cifar"], "cannot be run on 'cifar': choose one of mnist, digits"),
     (["ode", "--dataset", "digits"], "it has no data set"),
     (["theory", "--horizons", "2"], "leave --horizons out"),
     (["mnist", "--seeds", "3", "-1"], "seed=-1: must be an integer from 0 to 4294967295"),
     (["mnist", "--seeds", "4294967296"], "from 0 to 4294967295"),
     (["mnist", "--seeds", "9223372036854775808"], "from 0 to 4294967295"),
     (["mnist", "--horizons", "0"], "horizon=0: must be an integer from 1 to 1000"),
     (["mnist", "--horizons", "1000000000"], "from 1 to 1000"),
     (["trial", "--jobs", "0"], "--jobs=0: must be an integer >= 1")],
)  # fmt: skip
def test_run_says_what_it_can_run(arguments, message, capsys, tmp_path):
    assert run(*arguments, folder=tmp_path) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("inside", ["", "further"])
def test_run_refuses_a_folder_that_is_a_file_before_it_starts(inside, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / inside)
    assert run("trial", "--seeds", 0, folder=folder) == 1
    message = capsys.readouterr().err
    assert f"No record can be written to {folder} (" in message
    assert "name a folder that can be written to with --records" in message
    assert (tmp_path / "file").read_text() == ""
    assert RAN == []


def started(folder, *arguments, seconds=0.0):
    """The trial series run by a program of its own, as a user starts it."""
    code = (
        "from support.series import TRIAL; from koopnb import cli; "
        "from koopnb.experiments import series; series.SERIES['trial'] = TRIAL; cli.console()"
    )
    root = Path(cli.__file__).parents[1]
    paths = os.pathsep.join([str(root), str(root / "tests")])
    return subprocess.Popen(
        [sys.executable, "-c", code, "run", "trial", *arguments, "--records", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONPATH": paths, "TRIAL_SECONDS": str(seconds)},
    )  # fmt: skip


def test_several_at_once_leave_every_record(tmp_path):
    process = started(tmp_path, "--seeds", *"01234", "--jobs", "2")
    said, problems = process.communicate(timeout=120)
    assert (process.returncode, problems) == (0, "")
    assert said.count(": 0 s\n") == 5
    assert [store.load(path).config["seed"] for path in store.every(tmp_path)] == [0, 1, 2, 3, 4]


def test_timings_run_alone_and_last(tmp_path, monkeypatch):
    alone = dataclasses.replace(TRIAL, name="timed", alone=True)
    seen = []

    def note(how, job):
        seen.append((how, job.series.name))
        return running.Made(tmp_path, 0.0)

    def parallel(**_):
        return lambda calls: [note("beside others", job) for _, (job, _), _ in calls]

    monkeypatch.setattr(running.joblib, "Parallel", parallel)
    monkeypatch.setattr(running, "_make", lambda job, *_, **__: note("alone", job))
    jobs = [Job(one, TrialConfig(seed=seed)) for one in (alone, TRIAL) for seed in (0, 1)]
    list(running.make_all(jobs, tmp_path, workers=2))
    assert seen == [("beside others", "trial")] * 2 + [("alone", "timed")] * 2


def test_workers_never_see_ctrl_c_and_who_started_them_does():
    code = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with running._without_ctrl_c():
        worker = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert worker.stdout == "True\n"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_with_130_and_whole_files(jobs, tmp_path):
    """The signal goes to every process of the group, as a terminal sends it."""
    seeds = [str(seed) for seed in range(40)]
    process = started(tmp_path, "--seeds", *seeds, "--jobs", jobs, seconds=0.5)
    deadline = time.monotonic() + 100
    while not list(store.every(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "stopped; what is written is whole" in said
    assert "Traceback" not in said
    left = [*store.every(tmp_path)]
    assert 0 < len(left) < 40
    assert all(map(store.load, left))


def test_check_without_records_names_the_command_that_makes_them(capsys, tmp_path):
    assert cli.main(["check", "--records", str(tmp_path), "--results", str(tmp_path)]) == 1
    assert "python -m koopnb run mnist --records" in capsys.readouterr().err


@pytest.mark.parametrize(("loss_end", "status"), [(2.1, 0), (1.0, 1)])
def test_check_exits_non_zero_when_a_claim_moved(loss_end, status, capsys, tmp_path):
    save_example(tmp_path / "results")
    save_example(tmp_path / "fresh", loss_end=loss_end)
    found = cli.main(
        ["check", "--records", str(tmp_path / "fresh"), "--results", str(tmp_path / "results")]
    )
    lines = capsys.readouterr().out.splitlines()
    assert found == status
    moved = [line for line in lines if line.startswith("MOVED")]
    assert bool(moved) == bool(status)
    if status:
        assert any("node-deteriorates" in line for line in moved)
        assert not any("comparable" in line for line in moved)


def test_check_exits_non_zero_where_a_record_is_damaged(capsys, tmp_path):
    for name in ("results", "fresh"):
        save_example(tmp_path / name, seeds=(0, 1))
    path = sorted(store.every(tmp_path / "fresh"))[0]
    path.write_text("")
    arguments = ["--records", str(tmp_path / "fresh"), "--results", str(tmp_path / "results")]
    assert cli.main(["check", *arguments]) == 1
    assert f"damaged: {path} is not a result record" in capsys.readouterr().out
