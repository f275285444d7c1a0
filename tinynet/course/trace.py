"""`tinynet course trace`: one image through a student's network, with where each number came from."""
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..data import draw_shapes
from ..data.shapes import CLASS_NAMES
from ..exercises.show import WIDTH
from ..tracing import trace
from ..tracing.page import Subject, write_page
from .folder import check_folder
from .own_network import SHAPE, as_tinynet_network, load_course, table_of, whose
from .train import SCALE, fill, latest


def trace_course(
    folder: str | Path, page: str | Path | None = None, seed: int = 0, untrained: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Write the page of a drawn shape's way through the network of a student's folder.

    Parameters
    ----------
    folder : path-like
    page : path-like
        The HTML file; default: network.html in the folder.
    seed : int
        Of the drawn shape, and of the weights where the network is not trained.
    untrained : bool
        Take new weights even where there are trained ones.
    say : function
        Prints a line.

    Raises
    ------
    ArgumentError
        When the student's code stops with an error, or the last training was of another table.
    """
    path = check_folder(folder)
    page = path / "network.html" if page is None else Path(page)
    course = load_course(path, say)
    with course.modules() as module:
        table = table_of(module(16))
        net = module(16).build(table, SHAPE, seed=seed)
        trained = None if untrained else latest(path)
        if trained is not None:
            fill(net, trained)
        data = draw_shapes(1, SHAPE[0], seed=seed + 1)
        pixels, label = data.images[0], int(data.labels[0])
        mean = pixels.mean(axis=(0, 1)) if trained is None else trained["mean"]
        x = ((pixels[None] - mean) / SCALE).astype(np.float32)
        made = trace(as_tinynet_network(net, table, f"the network in {path.resolve().name}"), x, np.array([label]))
    subject = Subject(f"a drawn {CLASS_NAMES[label]}", label, "as it was drawn", CLASS_NAMES, pixels,
                      whose(course, table))
    note = write_page(made, page, subject)
    state = "untrained" if trained is None else "as the last training left it"
    size = f"{page.stat().st_size / 1e6:.1f} MB"
    say(f"{page.resolve()} has the page of your network, {state}, {size}: open it in a browser.\n"
        f"{textwrap.fill(note, WIDTH)}\nThe terms that it shows are what each number should be made of.")
