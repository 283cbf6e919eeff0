"""The command line: what it prints, and its exit status."""

import subprocess
import sys

import pytest
from records import save_example

from koopnb import cli, data
from koopnb.experiments import costs, mnist, record, regimes


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


def test_run_knows_every_part(monkeypatch, tmp_path, capsys):
    seen = []

    def run(config, folder, progress):
        seen.append(config)
        return record.make("mnist", config, {}, {}, 1.0)

    monkeypatch.setattr(mnist, "run", run)
    monkeypatch.setattr(costs, "run", run)
    for part in ("mnist", "paper", "optimizers", "costs"):
        assert cli.main(["run", part, "--records", str(tmp_path)]) == 0
    assert [getattr(config, "optimizer", "costs") for config in seen] == [
        "adadelta", "adadelta", "adam", "adagrad", "sgd", "momentum", "costs",
    ]  # fmt: skip
    assert seen[1].arms[0].dtype == "float64"
    assert {config.horizon_epochs for config in seen} == {mnist.HORIZONS}
    assert len(capsys.readouterr().out.splitlines()) == len(seen)


def test_run_makes_the_pages_grid_of_regimes(monkeypatch, tmp_path):
    seen = []

    def run(config, folder, progress):
        seen.append(config)
        return record.make("regimes", config, {}, {}, 1.0)

    monkeypatch.setattr(regimes, "run", run)
    common = ["run", "regimes", "--dataset", "digits", "--records", str(tmp_path)]
    assert cli.main([*common, "--seeds", "3", "4"]) == 0
    assert seen == [regimes.grid("digits", 3), regimes.grid("digits", 4)]


def test_run_refuses_a_bad_horizon_before_it_starts(capsys):
    assert cli.main(["run", "mnist", "--horizons", "0"]) == 1
    assert "horizon_epochs=(0,)" in capsys.readouterr().err


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
