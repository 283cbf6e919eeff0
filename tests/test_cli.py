"""The command line: what it prints, and its exit status."""

import importlib
import subprocess
import sys

import pytest
from support.records import save_example

from koopnb import cli, data
from koopnb.evidence import judge
from koopnb.experiments import environment, mnist, record, series


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


def test_a_problem_is_one_message_and_status_1(capsys):
    assert cli.main(["data", "minst"]) == 1
    problem = capsys.readouterr().err
    assert problem.startswith("koopnb data: There is no data set 'minst'")
    assert "Traceback" not in problem


def test_interrupting_is_not_a_traceback(capsys, monkeypatch):
    def stop(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "load_dataset", stop)
    assert cli.main(["data", "digits"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_run_writes_one_record_a_seed(capsys, monkeypatch, tmp_path):
    def run(config, folder, progress):
        made = record.make(mnist.EXPERIMENT, config, {}, {}, 12.3)
        record.save(made, config, folder)
        return made

    monkeypatch.setattr(mnist, "run", run)
    arguments = ["run", "mnist", "--dataset", "digits", "--seeds", "0", "4", "--horizons", "1"]
    assert cli.main([*arguments, "--records", str(tmp_path)]) == 0
    written = sorted(tmp_path.glob("*.json"))
    assert [record.load(path).config["seed"] for path in written] == [0, 4]
    assert record.load(written[1]).config["horizon_epochs"] == [1]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{path}: 12 s" for path in written]


def test_run_knows_every_series(monkeypatch, tmp_path, capsys):
    seen = []

    def run(config, folder, progress):
        seen.append(config)
        return record.make("mnist", config, {}, {}, 1.0)

    for module in {job.run.__module__.removesuffix(".experiment") for job in every_job()}:
        monkeypatch.setattr(importlib.import_module(module), "run", run)
    for name in series.SERIES:
        assert cli.main(["run", name, "--seeds", "0", "--records", str(tmp_path)]) == 0
    assert seen == [job.config for job in every_job()]
    assert len(capsys.readouterr().out.splitlines()) == len(seen)


def every_job():
    return [job for name in series.SERIES for job in series.jobs(name, [0])]


def test_a_series_holds_what_its_name_says():
    (paper,) = series.jobs("paper", [3])
    assert paper.config.arms[0].dtype == "float64"
    names = [job.config.optimizer for job in series.jobs("optimizers", [3])]
    assert names == ["adam", "adagrad", "sgd", "momentum"]
    assert {job.config.points for job in series.jobs("ode", [3])} == {"fixed", "jittered"}
    assert [job.config.dataset for job in series.jobs("regimes", [3])] == ["mnist", "digits"]
    assert [job.config.part for job in series.jobs("causes", [3])] == ["operators"]
    for name in series.SERIES:
        for job in series.jobs(name, [3]):
            assert job.config.seed == 3
            assert judge.group(record.make(job.experiment, job.config, {}, {}, 0.0)) == name


def test_help_names_every_series(capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in series.SERIES)


def test_an_interrupted_run_goes_on_where_it_stopped(monkeypatch, tmp_path, capsys):
    ran = []

    def run(config, folder, progress):
        ran.append(config.seed)
        if ran == [0, 1, 2]:
            raise KeyboardInterrupt
        made = record.make(mnist.EXPERIMENT, config, {}, {}, 1.0)
        record.save(made, config, folder)
        return made

    monkeypatch.setattr(mnist, "run", run)
    arguments = ["run", "mnist", "--seeds", "0", "1", "2", "--records", str(tmp_path)]
    assert cli.main(arguments) == 130
    assert cli.main(arguments) == 0
    assert ran == [0, 1, 2, 2]
    assert capsys.readouterr().out.count("there already") == 2
    assert cli.main([*arguments, "--force"]) == 0
    assert ran == [0, 1, 2, 2, 0, 1, 2]


def test_a_record_of_another_version_or_configuration_is_not_taken(monkeypatch, tmp_path):
    ran = []

    def run(config, folder, progress):
        ran.append(config)
        made = record.make(mnist.EXPERIMENT, config, {}, {}, 1.0)
        record.save(made, config, folder)
        return made

    monkeypatch.setattr(mnist, "run", run)
    arguments = ["run", "mnist", "--seeds", "0", "--records", str(tmp_path)]
    assert cli.main(arguments) == cli.main([*arguments, "--horizons", "1"]) == 0
    assert len(ran) == 2
    older = environment.versions() | {"koopnb": "0.0.1"}
    monkeypatch.setattr(environment, "versions", lambda: older)
    assert cli.main(arguments) == 0
    assert len(ran) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["mnits"], "There is no series 'mnits'. Choose one of: mnist, paper,"),
     (["mnist", "--dataset", "cifar"], "cannot be run on 'cifar': choose one of mnist, digits"),
     (["ode", "--dataset", "digits"], "it has no data set"),
     (["theory", "--horizons", "2"], "leave --horizons out"),
     (["mnist", "--seeds", "3", "-1"], "seeds=[3, -1]: give integers from 0 on")],
)  # fmt: skip
def test_run_says_what_it_can_run(arguments, message, capsys):
    assert cli.main(["run", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_run_refuses_a_bad_horizon_before_it_starts(capsys):
    assert cli.main(["run", "mnist", "--horizons", "0"]) == 1
    assert "horizon_epochs=(0,)" in capsys.readouterr().err


@pytest.mark.parametrize("inside", ["", "further"])
def test_run_refuses_a_folder_that_is_a_file_before_it_starts(
    inside, capsys, monkeypatch, tmp_path
):
    monkeypatch.setattr(mnist, "run", lambda *_, **__: pytest.fail("it computed"))
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / inside)
    assert cli.main(["run", "mnist", "--seeds", "0", "--records", folder]) == 1
    message = capsys.readouterr().err
    assert f"No record can be written to {folder} (" in message
    assert "name a folder that can be written to with --records" in message
    assert (tmp_path / "file").read_text() == ""


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
