"""The page of a trace, live: written by `tinynet trace`, and shown inside a page of the site or by itself."""
import contextlib
import io
from pathlib import Path

import tinynet as tn
from tinynet import cli

PAGES = {  # the file: what is in it, and the arguments of `tinynet trace`
    "photograph.html": ("The network in the package, looking at a photograph",
                        [str(tn.data.sample_photograph("berlin_cathedral"))]),
    "shape.html": ("A small AlexNet, not yet trained, and a drawn shape", ["--model", "alexnet-small", "--train"]),
}


def write_live_pages(folder: Path) -> None:
    """Write the pages of the traces into a folder whose files the site takes as they are."""
    (folder / "live").mkdir(parents=True, exist_ok=True)
    for name, (_, arguments) in PAGES.items():
        with contextlib.redirect_stdout(io.StringIO()):
            code = cli.main(["trace", *arguments, "--html", str(folder / "live" / name)])
        if code:
            raise RuntimeError(f"tinynet trace {' '.join(arguments)} ended with {code}")
