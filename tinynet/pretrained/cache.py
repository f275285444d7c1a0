"""The user's cache, where trained networks are that were fetched."""
import os
from pathlib import Path

from ..data.download import fetch
from ..errors import WeightsError
from ..files import user_path
from .trained import TRAINED, megabytes

CACHE_VARIABLE = "TINYNET_CACHE"


def cache_folder() -> Path | None:
    """Return the folder: what TINYNET_CACHE says, else the system's for such files; None where only pooch knows it."""
    if os.environ.get(CACHE_VARIABLE):
        return user_path(os.environ[CACHE_VARIABLE])
    try:
        import pooch
    except ImportError:
        return None
    return Path(pooch.os_cache("tinynet"))


def fetched(name: str) -> Path | None:
    """Return the file of a trained network in the cache, if it is there."""
    folder = cache_folder()
    path = None if folder is None else folder / TRAINED[name].file
    return path if path is not None and path.is_file() else None


def whole(name: str) -> Path:
    """Return the file of a trained network in the cache; WeightsError where it is missing, or half a download."""
    path, trained = fetched(name), TRAINED[name]
    command = f"fetch it with: tinynet download {name}"
    if path is None:
        where = cache_folder() or f"the cache (which the extra 'download' or {CACHE_VARIABLE} knows)"
        raise WeightsError(f"{name} is not in {where}; {command}  ({megabytes(trained.size)})")
    if path.stat().st_size != trained.size:
        raise WeightsError(f"{path} has {path.stat().st_size:,} bytes instead of {trained.size:,}: half a download, or "
                           f"another file; {command}")
    return path


def state(name: str) -> str:
    """Say where a trained network is: in the package, in the cache, or how it gets there."""
    trained = TRAINED[name]
    if not trained.address:
        return "in the package"
    path = fetched(name)
    return f"fetch it with: tinynet download {name}  ({megabytes(trained.size)})" if path is None else f"in {path}"


def download_trained(name: str, folder: Path | None = None, progress: bool = False) -> Path:
    """Fetch a trained network's file into a folder, by default the cache, unless it is there already.

    Raises
    ------
    DataError
        As `tinynet.data.download`.
    """
    trained, folder = TRAINED[name], folder or cache_folder() or Path()  # without pooch `fetch` says so
    return fetch(trained.address, "sha256", trained.sha256, folder / trained.file, progress)
