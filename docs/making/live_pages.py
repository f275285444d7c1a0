"""The page of a trace, live: written by `tinynet trace`, and shown inside a page of the site or by itself."""
import contextlib
import io
from pathlib import Path

import tinynet as tn
from tinynet import cli

PAGES = {  # the file, and the arguments of `tinynet trace`
    "photograph.html": [str(tn.data.sample_photograph("berlin_cathedral"))],
    "shape.html": ["--model", "alexnet-small", "--train"],
}


def write_live_pages(folder: Path) -> None:
    """Write the pages of the traces into a folder whose files the site takes as they are."""
    (folder / "live").mkdir(parents=True, exist_ok=True)
    for name, arguments in PAGES.items():
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = cli.main(["trace", *arguments, "--html", str(folder / "live" / name)])
        if code:
            raise RuntimeError(f"tinynet trace {' '.join(arguments)}: {said.getvalue()}")
