"""`tinynet download`: data sets into a folder, trained networks into the user's cache."""
import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from ..data.download import SOURCES, download
from ..errors import ArgumentError
from ..files import quoted
from ..pretrained.cache import CACHE_VARIABLE, cache_folder, download_trained, fetched
from ..pretrained.trained import TO_FETCH, TRAINED, megabytes
from ..tables import text_table

DATA_FOLDER = "data"


def run_download(options: argparse.Namespace) -> None:
    """Fetch what is named; without a name, list what there is."""
    if options.name is None:
        if options.to is not None:
            raise ArgumentError(f"download: --to {options.to}: give the name of what to fetch first; `tinynet "
                                "download` lists what there is")
        print(listing())
    elif options.name in TO_FETCH:
        fetch_trained(options.name, None if options.to is None else Path(options.to))
    else:
        print(f"{options.name} is in {download(options.name, options.to or DATA_FOLDER, progress=True)}")


def fetch_trained(name: str, folder: Path | None) -> None:
    """Fetch a trained network; say how much that is beforehand, and afterwards what to do with it."""
    trained, into = TRAINED[name], folder or cache_folder()
    there = None if into is None else into / trained.file
    if there is not None and not (there.is_file() and there.stat().st_size == trained.size):
        print(f"tinynet: {name} is {megabytes(trained.size)}, from {urlsplit(trained.address).netloc} into {into}; "
              f"license: {trained.license}", file=sys.stderr)
    path = download_trained(name, folder, progress=True)
    use = f"--pretrained {name}" if folder is None else f"--model {name} --weights {quoted(path)}"
    print(f"{name} is in {path}\nuse it with: tinynet predict photo.jpg {use}")


def listing() -> str:
    """Return what can be fetched, as text."""
    sets = text_table(("data set", "what it is"), [(name, source.about) for name, source in SOURCES.items()])
    networks = text_table(("trained network", "size", "what it knows", "fetched"), [
        (name, megabytes(TRAINED[name].size), TRAINED[name].knows, "no" if fetched(name) is None else "yes")
        for name in TO_FETCH])
    return (f"{sets}\n\n{networks}\n\nA data set goes into the folder {DATA_FOLDER}, a network into\n"
            f"{cache_folder() or 'the cache'}\n(the variable {CACHE_VARIABLE} moves that); --to DIR is for another one."
            "\n`tinynet models` has errors, origins and licenses of the trained networks.")
