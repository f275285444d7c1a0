"""The bar that shows how a training goes on."""
import sys
import warnings
from contextlib import suppress
from typing import Any

from ..ops.threads import can_start_threads


class ProgressBar:
    """Images done and to do, images/s, time left, loss and error; on a terminal and in a notebook.

    That nobody reads it any more, or that a line's disk is full, is no reason to end a training.

    Parameters
    ----------
    total, done : int
        Images of the whole training, and of what an earlier run did.
    show : bool
        False: no bar and no lines. Where output goes to a file there are lines but no bar.
    """

    def __init__(self, total: int, done: int, show: bool) -> None:
        self.show = show
        self.bar: Any = tqdm_bar(total, " images", initial=done) if show and can_show_bar() else None

    def update(self, images: int, epoch: str, loss: float, error: float) -> None:
        """Move on by so many images; `loss` and `error` are those of the epoch so far."""
        if self.bar is not None:
            self.bar.set_description(epoch, refresh=False)
            self.bar.set_postfix_str(f"loss {loss:.4f}, error {error:.1%}", refresh=False)
            with suppress(OSError):
                self.bar.update(images)

    def say(self, text: str) -> None:
        """Print a line, above the bar."""
        if self.bar is not None:
            with suppress(OSError):
                self.bar.write(shown(text))
        elif self.show:
            say(text)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self.bar is not None:
            with suppress(OSError):
                self.bar.close()


def can_show_bar() -> bool:
    """Tell whether somebody sees a bar: on a terminal or in a notebook."""
    return (sys.stderr is not None and sys.stderr.isatty()) or in_notebook()  # None: closed, or a program in windows


def tqdm_bar(total: int, unit: str, **options: Any) -> Any:
    """Return a bar of tqdm's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a notebook without widgets gets the bar in letters
        from tqdm.auto import tqdm
    if not can_start_threads():
        tqdm.monitor_interval = 0  # tqdm would warn that its watch, a thread, does not start
    return tqdm(total=total, unit=unit, dynamic_ncols=True, mininterval=0.2, **options)


def say(text: str) -> None:
    """Print a line, if that can be done."""
    with suppress(OSError):
        print(shown(text), flush=True)


def shown(text: str) -> str:
    """Return a text with the number of each letter that standard output cannot show, in a file's name for instance."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def in_notebook() -> bool:
    """Tell whether this is a Jupyter kernel, whose output is no terminal but can show a bar.

    Colab's and Spyder's shells have classes of their own, derived from Jupyter's.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)
