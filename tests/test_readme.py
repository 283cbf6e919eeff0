"""The README's Python runs as written."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    names = {}
    exec(compile(example, str(README), "exec"), names)
    assert names["operator"].rank.tolist() == [8]
    assert names["weights"]["100 iterations ahead"].layers[0].weight.shape == (20, 64)
    said = capsys.readouterr()
    assert "train: 100%" in said.err
    assert re.search(r"100 iterations ahead: test loss 0\.\d+, accuracy 0\.9", said.out)


def test_every_command_it_names_is_a_target():
    targets = set(
        re.findall(r"^([a-z-]+):", (README.parent / "Makefile").read_text(), re.MULTILINE)
    )
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", README.read_text(), re.MULTILINE)) <= targets
