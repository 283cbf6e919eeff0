"""The registry: two files make a series, and everything that lists series reads them there."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from koopnb import cli, experiments
from koopnb.checks import Refusal
from koopnb.evidence import compare, ledger, statements
from koopnb.experiments import causes, mnist, regimes, series

ROOT = Path(__file__).parents[2]
EXPERIMENT = '''"""A toy: one number a seed."""

import dataclasses

from koopnb.experiments.protocol import Series, recorded


@dataclasses.dataclass(frozen=True)
class ToyConfig:
    seed: int = 0


@recorded(lambda _: SERIES[0])
def run(config, *, progress=False):
    return {"size": config.seed + 1.0}, {}


SERIES = (
    Series("toy", "a toy", 1000, run, lambda _data, seed, _ahead: [ToyConfig(seed)], (0, 1, 2),
           datasets=(), told=()),
)
'''
CLAIM = '''"""What is claimed of the toy."""

from koopnb.evidence.claim import Claim

CLAIMS = {
    "toy": (
        Claim("small", "Toys are small", "this book", "01-gradient-flow#heading", "size",
              lambda one: one.metrics["size"], high=3.0),
    )
}
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A toy series, of the two files that a developer adds."""
    for package, text in ((experiments, EXPERIMENT), (statements, CLAIM)):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / "toy.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.toy", raising=False)
    importlib.invalidate_caches()
    found = series.discover()
    monkeypatch.setattr(series, "SERIES", found)
    monkeypatch.setattr(statements, "CLAIMS", statements.discover())
    for module in (ledger, compare):
        monkeypatch.setattr(module, "CLAIMS", statements.CLAIMS)
    yield found["toy"]
    for package in (experiments, statements):
        sys.modules.pop(f"{package.__name__}.toy", None)
        vars(package).pop("toy", None)


def test_two_files_make_a_series(toy, tmp_path, capsys, monkeypatch):
    assert list(series.SERIES)[-1] == "toy", "last by its place"
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    assert re.search(r"^  toy +a toy$", capsys.readouterr().out, re.MULTILINE)

    fresh, stored = (str(tmp_path / name) for name in ("fresh", "stored"))
    assert cli.main(["run", "toy", "--records", fresh]) == 0
    assert cli.main(["run", "toy", "--records", stored]) == 0
    assert len(series.stored("toy", [fresh])) == 3
    assert "| toy | 1 | 0-2 |" in (tmp_path / "fresh" / "README.md").read_text()
    capsys.readouterr()
    assert cli.main(["check", "--records", fresh, "--results", stored]) == 0
    assert "same  toy, 3 seeds  small (size): stored 2" in capsys.readouterr().out

    monkeypatch.setattr(ledger, "CLAIMS", {"toy": statements.CLAIMS["toy"]})
    (entry,) = ledger.entries([fresh])
    assert (entry.key, entry.finding.verdict, entry.ran) == ("toy", "holds", "a toy; 3 seeds")
    assert [job.config.seed for job in series.reproduction("toy")] == [0, 1, 2]


def test_two_series_of_one_name_are_refused(toy, tmp_path, monkeypatch):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "toys.py").write_text(EXPERIMENT)
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(folder)])
    with pytest.raises(Refusal, match="Two series are called 'toy'"):
        series.discover()
    sys.modules.pop("koopnb.experiments.toys")


@pytest.mark.parametrize("name", ["mnist", "tyo"])
def test_claims_belong_to_one_series_and_stand_in_one_module(toy, name, tmp_path, monkeypatch):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "zzz.py").write_text(CLAIM.replace('"toy":', f'"{name}":'))
    monkeypatch.setattr(statements, "__path__", [*statements.__path__, str(folder)])
    with pytest.raises(Refusal, match=f"zzz has claims on {name}: claims belong to one"):
        statements.discover()
    sys.modules.pop("koopnb.evidence.statements.zzz")


def test_the_order_of_series_is_that_of_their_places():
    places = [one.place for one in series.SERIES.values()]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert list(series.SERIES)[:3] == ["mnist", "paper", "routes"]
    assert list(statements.CLAIMS) == [name for name in series.SERIES if name in statements.CLAIMS]


def test_a_series_holds_what_its_name_says():
    (paper,) = series.jobs("paper", [3])
    assert paper.config.arms[0].dtype == "float64"
    names = [job.config.optimizer for job in series.jobs("optimizers", [3])]
    assert names == ["adam", "adagrad", "sgd", "momentum"]
    assert {job.config.points for job in series.jobs("ode", [3])} == {"fixed", "jittered"}
    assert [job.config.dataset for job in series.jobs("regimes", [3])] == ["mnist", "digits"]
    assert [job.config.part for job in series.jobs("causes", [3])] == ["operators"]
    assert all(job.config.seed == 3 for name in series.SERIES for job in series.jobs(name, [3]))


def test_an_experiment_knows_the_series_of_its_configurations():
    """What `run` writes by itself is what `obtain` looks for."""
    for name in ("mnist", "paper", "optimizers"):
        for job in series.jobs(name, [0]):
            assert mnist.series_of(job.config) is series.SERIES[name]
    assert [one.name for one in causes.SERIES] == ["causes", "cutoffs"]
    assert [one.name for one in regimes.SERIES] == ["regimes", "decay"]


def test_every_seed_of_a_reproduction_is_run():
    digits = [job for job in series.reproduction("paper") if job.config.dataset == "digits"]
    assert [job.config.seed for job in digits] == [0, 1, 2]
    assert len(series.reproduction("ode")) == 6
    assert [job.config.dataset for job in series.reproduction("costs")] == ["mnist", "digits"]


@pytest.mark.parametrize("bad", [-1, 2**32, 2**63, 1.5, "0", True])
def test_seeds_are_bounded(bad):
    with pytest.raises(Refusal, match=r"must be an integer from 0 to 4294967295"):
        series.jobs("mnist", [0, bad])
    assert len(series.jobs("mnist", [0, 2**32 - 1])) == 2


@pytest.mark.parametrize("bad", [0, 1001, 10**9, 2.0])
def test_horizons_are_bounded(bad):
    with pytest.raises(Refusal, match="must be an integer from 1 to 1000 .epochs ahead"):
        series.jobs("mnist", [0], horizons=[1, bad])
    assert series.jobs("mnist", [0], horizons=[1000, 1])[0].config.horizon_epochs == (1, 1000)


def test_makefile_names_no_series():
    text = (ROOT / "Makefile").read_text()
    recipe = text[text.index("\nreproduce:") : text.index("\nbench:")]
    assert "koopnb run all --jobs $(JOBS)" in recipe
    assert not [name for name in series.SERIES if re.search(rf"\b{name}\b", recipe)]
