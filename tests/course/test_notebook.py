"""Notebook 8, "Write your own": with the solutions in its cells it trains, and the check in a notebook is the same."""
import re
from pathlib import Path

from tinynet import course
from tinynet.course.steps import find_step

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "08_write_your_own.py"


def bodies(text: str) -> dict[str, str]:
    """Return the top-level classes and functions of a file by name."""
    parts = re.split(r"^(?=class |def |# %%)", text, flags=re.MULTILINE)
    return {found.group(1): part for part in parts if (found := re.match(r"(?:class|def) (\w+)", part))}


def test_its_cells_are_those_of_the_steps_and_train_when_they_are_written(capsys, monkeypatch):
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: None)
    text = SOURCE.read_text(encoding="utf-8")
    written, own = text, bodies(text)
    for number in range(1, 5):
        solutions = bodies(find_step(number).solution)
        assert {part.name for part in find_step(number).parts} <= set(own)
        for part in find_step(number).parts:
            written = written.replace(own[part.name], solutions[part.name])
    exec(compile(written, "<ipython-input-1>", "exec"), {"__name__": "notebook"})
    out = capsys.readouterr().out
    assert out.count("Right: all ") == 4 and "step 200: loss 0.0" in out


def test_a_check_in_a_notebook_says_what_is_open_wrong_and_tinynets(capsys):
    assert not course.check(1, {})
    assert "the file defines no ReLU" in capsys.readouterr().out
    cell = ("import tinynet as tn\nclass ReLU:\n"
            "    def forward(self, x, train=False):\n        return tn.ReLU().forward(x)\n"
            "    def backward(self, dy, saved):\n        return dy / 0, {}\n")
    namespace: dict = {}
    exec(compile(cell, "<ipython-input-2>", "exec"), namespace)
    assert not course.check(1, namespace)
    out = capsys.readouterr().out
    assert "line 4 of ipython-input-2 calls ReLU.forward of tinynet/layers/relu.py" in out
    assert "write it yourself" in out and "wrong   ReLU" in out
