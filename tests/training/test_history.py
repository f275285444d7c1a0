"""What a training shows of itself."""
import sys
from typing import Any

from tinynet.training.history import COLUMNS, History
from tinynet.training.progress import ProgressBar, in_notebook


def test_a_notebook_is_told_by_its_shell(monkeypatch):
    assert not in_notebook()

    class InteractiveShell:
        pass

    class ZMQInteractiveShell(InteractiveShell):
        pass

    class Shell(ZMQInteractiveShell):  # as Colab and Spyder have them
        pass

    class TerminalInteractiveShell(InteractiveShell):
        pass

    class IPython:
        pass

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    for shell, shown in ((ZMQInteractiveShell, True), (Shell, True), (TerminalInteractiveShell, False),
                         (lambda: None, False)):
        monkeypatch.setattr(IPython, "get_ipython", staticmethod(shell), raising=False)
        assert in_notebook() == shown
        assert (ProgressBar(3, 0, True).bar is not None) == (shown or sys.stderr.isatty())


def test_a_history_shows_itself():
    row: dict[str, Any] = dict.fromkeys(COLUMNS, 0.5) | {"epoch": 1, "validation_loss": None, "validation_error": None}
    history = History([row])
    assert "50.00%" in str(history) and ">50.00%</td>" in history._repr_html_() and "None" not in str(history)
    assert history.plot().axes[0].lines[0].get_ydata() == [0.5]
