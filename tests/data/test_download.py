"""Downloads, from a server on this machine."""

import hashlib
import io
import sys
import tarfile

import pytest
from support.data_files import write_cifar10, write_mnist
from support.local_server import serving

from tinynet.data import download, load_data
from tinynet.data.download import SAFELY, SOURCES, Source
from tinynet.data.download import _unpack as unpack
from tinynet.errors import ArgumentError, DataError

pytest.importorskip("pooch", reason="the extra 'download' is not installed")


@pytest.fixture
def server(tmp_path):
    """A folder, the address at which its files are served, and what was asked for."""
    with serving(tmp_path / "served") as found:
        yield found[:3]


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def serve_mnist(folder):
    names = [f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    write_mnist(folder / "mnist", compress=names)
    return {path.name: md5(path) for path in (folder / "mnist").iterdir()}


def serve_cifar10(folder):
    write_cifar10(folder / "cifar-10-batches-bin")
    archive = folder / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder / "cifar-10-batches-bin", "cifar-10-batches-bin")
    return {archive.name: md5(archive)}


def test_separate_files_are_fetched_once(server, tmp_path, monkeypatch):
    folder, address, requests = server
    monkeypatch.setitem(SOURCES, "fashion-mnist", Source(address + "mnist/", serve_mnist(folder)))
    for _ in range(2):
        where = download("fashion-mnist", tmp_path / "data")
        train, test = load_data(where)
        assert (len(train), len(test)) == (12, 7) and train.name == "Fashion-MNIST training"
    assert len(requests) == 4


def test_an_archive_is_unpacked(server, tmp_path, monkeypatch):
    folder, address, requests = server
    monkeypatch.setitem(SOURCES, "cifar10", Source(address, serve_cifar10(folder), "cifar-10-batches-bin"))
    for _ in range(2):
        where = download("cifar10", tmp_path / "data")
        assert len(load_data(where)[0]) == 15
    assert len(requests) == 1
    assert sorted(path.name for path in where.parent.iterdir()) == ["cifar-10-batches-bin", "cifar-10-binary.tar.gz"]
    (where.parent / "cifar-10-binary.tar.gz").unlink()                         # who needs the space may
    assert download("cifar10", tmp_path / "data") == where and len(requests) == 1


def test_two_that_unpack_at_once_do_not_disturb_each_other(tmp_path, monkeypatch):
    serve_cifar10(tmp_path)
    archive, folder = tmp_path / "cifar-10-binary.tar.gz", tmp_path / "cifar-10-batches-bin"
    folder.rename(tmp_path / "moved")
    (tmp_path / "unpacking").mkdir()                                           # left by an older version
    extract = tarfile.TarFile.extractall

    def slow(tar, path, **options):
        extract(tar, path, **options)
        if not folder.exists():                                                # the other process was faster
            (tmp_path / "moved").rename(folder)

    monkeypatch.setattr(tarfile.TarFile, "extractall", slow)
    unpack(archive, folder.name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, archive.name, "unpacking"]
    assert len(load_data(folder)[0]) == 15


def test_a_wrong_checksum_is_refused_and_the_file_not_kept(server, tmp_path, monkeypatch):
    folder, address, _ = server
    files = serve_cifar10(folder)
    archive = folder / "cifar-10-binary.tar.gz"
    archive.write_bytes(archive.read_bytes() + b"more")
    monkeypatch.setitem(SOURCES, "cifar10", Source(address, files, "cifar-10-batches-bin"))
    with pytest.raises(DataError, match=r"cifar-10-binary.tar.gz does not have the expected checksum md5 \w{32}"):
        download("cifar10", tmp_path / "data")
    assert list((tmp_path / "data" / "cifar10").iterdir()) == []


def test_a_damaged_file_from_earlier_is_fetched_again(server, tmp_path, monkeypatch):
    folder, address, requests = server
    monkeypatch.setitem(SOURCES, "mnist", Source(address + "mnist/", serve_mnist(folder)))
    where = download("mnist", tmp_path / "data")
    (where / "train-labels-idx1-ubyte.gz").write_bytes(b"cut off")
    download("mnist", tmp_path / "data")
    assert len(load_data(where)[0]) == 12 and len(requests) == 5


def test_what_cannot_be_fetched(server, tmp_path, monkeypatch):
    _, address, _ = server
    monkeypatch.setitem(SOURCES, "mnist", Source(address, {"missing.gz": "0" * 32}))
    with pytest.raises(DataError, match="missing.gz could not be fetched to .*404"):
        download("mnist", tmp_path)
    monkeypatch.setitem(SOURCES, "mnist", Source("http://127.0.0.1:9/", {"a.gz": "0" * 32}))
    with pytest.raises(DataError, match="a.gz could not be fetched"):
        download("mnist", tmp_path)
    with pytest.raises(ArgumentError, match="data set 'imagenet' does not exist; tinynet knows cifar10, mnist"):
        download("imagenet", tmp_path)


@pytest.mark.skipif(not SAFELY, reason="this Python's tarfile has no filters (it is older than 3.11.4)")
def test_an_archive_that_would_write_elsewhere_is_refused(server, tmp_path, monkeypatch):
    folder, address, _ = server
    archive = folder / "evil.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("inside/harmless.txt", "../../outside.txt"):
            member = tarfile.TarInfo(name)
            member.size = 4
            tar.addfile(member, io.BytesIO(b"evil"))
    monkeypatch.setitem(SOURCES, "cifar10", Source(address, {archive.name: md5(archive)}, "inside"))
    with pytest.raises(DataError, match="evil.tar.gz could not be unpacked"):
        download("cifar10", tmp_path / "data")
    assert not list(tmp_path.rglob("outside.txt"))


def test_without_pooch_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DataError, match=r"pip install 'tinynet\[download\]'"):
        download("mnist", tmp_path)
