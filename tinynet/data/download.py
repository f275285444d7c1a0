"""Downloads files and checks their checksums, data sets above all (needs the extra "download")."""

from __future__ import annotations

import http.client
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from ..errors import ArgumentError, DataError
from ..files import user_path
from ..ops.checks import check_path
from .cifar10 import FOLDER as CIFAR10_FOLDER

# Refuse members that would land outside the folder. Python before 3.11.4 cannot; there the checksum has to do.
SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


class Source(NamedTuple):
    """Where a data set comes from."""

    address: str                  # of the folder with the files
    files: dict[str, str]         # file name: md5
    unpacked: str | None = None   # the folder that comes out of an archive
    about: str = ""


FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
IMAGENETTE = "https://s3.amazonaws.com/fast-ai-imageclas/"
SOURCES = {
    "cifar10": Source("https://www.cs.toronto.edu/~kriz/",
                      {"cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530"}, CIFAR10_FOLDER,
                      "60,000 colour images of 32 x 32 in 10 classes"),
    "mnist": Source("https://ossci-datasets.s3.amazonaws.com/mnist/", {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c"}, about="70,000 handwritten digits, 28 x 28"),
    "fashion-mnist": Source(FASHION, {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310"}, about="70,000 articles of clothing, 28 x 28"),
    "imagenette160": Source(IMAGENETTE, {"imagenette2-160.tgz": "e793b78cc4c9e9a4ccc0c1155377a412"},
                            "imagenette2-160", "photographs of 10 of ImageNet's classes, shorter side 160"),
    "imagenette320": Source(IMAGENETTE, {"imagenette2-320.tgz": "3df6f0d01a2c9592104656642f5e78a3"},
                            "imagenette2-320", "the same, shorter side 320"),
}


def download(name: str, folder, progress: bool = False) -> Path:
    """Fetch a data set, unless it is there already.

    Parameters
    ----------
    name : "cifar10", "mnist", "fashion-mnist", "imagenette160" or "imagenette320"
    folder : path-like
        The data set gets a folder of its own in it.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Path
        The folder to give to `load_data`.

    Raises
    ------
    ArgumentError
        For a name that is none of these.
    DataError
        When pooch is not installed, a file cannot be fetched, or its checksum is wrong; such a file is not kept.
    """
    if name not in SOURCES:
        raise ArgumentError(f"download: data set {name!r} does not exist; tinynet knows {', '.join(SOURCES)}")
    source = SOURCES[name]
    target = user_path(check_path("download", folder, "folder")) / name
    if source.unpacked is not None and (target / source.unpacked).is_dir():  # its archive may be gone
        return target / source.unpacked
    for file, md5 in source.files.items():
        path = fetch(source.address + file, "md5", md5, target / file, progress)
        if source.unpacked is not None:
            _unpack(path, source.unpacked)
    return target / (source.unpacked or "")


def fetch(address: str, algorithm: str, checksum: str, path: Path, progress: bool = False) -> Path:
    """Fetch one file, unless it is there already with this checksum; return its path.

    It gets its name when it is whole and its checksum is right: until then an older file of that name stays.
    """
    try:
        import pooch
    except ImportError as problem:
        raise DataError("download needs pooch: install the extra, pip install 'tinynet[download]'") from problem
    pooch.get_logger().setLevel("WARNING")

    def downloader(*what: Any) -> None:  # with a bar of our own, as pooch leaves its bar open after an error
        with Bar(unit="B", unit_scale=True, ncols=79, disable=not progress) as bar:  # pooch gives it the total
            pooch.HTTPDownloader(progressbar=bar if progress else False)(*what)

    try:
        pooch.retrieve(address, f"{algorithm}:{checksum}", path.name, path.parent, downloader=downloader)
    except ValueError as problem:    # what pooch raises for a wrong checksum; it has removed the file
        raise DataError(f"{address} does not have the expected checksum {algorithm} {checksum}, so it was not kept: "
                        "try again; if that is no help, the file there has changed") from problem
    except OSError as problem:       # the errors of requests are OSErrors too
        raise DataError(f"{address} could not be fetched to {path.parent}: {_reason(problem)}") from problem
    return path


class Bar(tqdm):
    """A bar for pooch, which counts in whole chunks, and at the end begins anew with the right number.

    Its total is 0 where the server does not say how much will come.
    """

    def __bool__(self) -> bool:
        return True

    def update(self, n: float | None = 1) -> bool | None:
        return super().update(min(n or 0, self.total - self.n) if self.total else n)

    def reset(self, total: float | None = None) -> None:
        """Go on: to begin anew would lose the time that it took."""


def _reason(problem: OSError) -> str:
    """Return why a file could not be fetched: a server's answer, or what began the chain of requests' errors."""
    response = getattr(problem, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    first: BaseException = problem
    while first.__context__ is not None:
        first = first.__context__
    if isinstance(first, http.client.IncompleteRead) and first.expected is not None:
        return f"the connection broke off {first.expected:,} bytes before the end"
    return getattr(first, "strerror", None) or str(first)


def _unpack(archive: Path, folder: str) -> None:
    """Unpack `folder` beside the archive; it gets its name when it is complete, unless another process was faster."""
    whole = archive.parent / folder
    try:
        with tempfile.TemporaryDirectory("", "unpacking-", archive.parent, ignore_cleanup_errors=True) as partial:
            with tarfile.open(archive) as tar:
                tar.extractall(partial, **SAFELY)
            try:
                Path(partial, folder).rename(whole)
            except OSError:
                if not whole.is_dir():
                    raise
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise DataError(f"{archive} could not be unpacked: {problem}") from problem
