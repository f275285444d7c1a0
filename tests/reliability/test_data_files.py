"""Data files cut off at every byte, with labels out of range, with sizes that lie: an error, not wrong numbers."""
import gzip
import os
import subprocess
import sys

import numpy as np
import pytest
from support.data_files import idx_bytes, random_images, write_cifar10, write_mnist
from support.parser_oracles import PARSERS, mutated

from tinynet.data import load_cifar10, load_mnist
from tinynet.data.cifar10 import RECORD, TEST_FILES, TRAIN_FILES
from tinynet.data.mnist import read_idx
from tinynet.errors import DataError

IMAGES = random_images(3, 4, 5, 1)[..., 0]
FORMS = {"idx": idx_bytes(IMAGES), "idx.gz": gzip.compress(idx_bytes(IMAGES))}


@pytest.mark.parametrize("form", FORMS)
def test_every_prefix_of_an_idx_file_is_refused(tmp_path, form):
    path = tmp_path / "images"
    for length in range(len(FORMS[form])):
        path.write_bytes(FORMS[form][:length])
        with pytest.raises(DataError, match=str(path)):
            read_idx(path)
    path.write_bytes(FORMS[form])
    assert np.array_equal(read_idx(path), IMAGES)


@pytest.mark.parametrize("form", FORMS)
def test_bytes_after_the_end_of_an_idx_file_are_refused(tmp_path, form):
    for more in (b"\x01", b"\x00" * 100, idx_bytes(IMAGES)):
        (tmp_path / "images").write_bytes(FORMS["idx"] + more if form == "idx" else gzip.compress(FORMS["idx"] + more))
        with pytest.raises(DataError, match="images is damaged"):
            read_idx(tmp_path / "images")


@pytest.mark.parametrize("name", [TRAIN_FILES[2], *TEST_FILES])
def test_every_prefix_of_a_cifar10_file_is_refused(tmp_path, name):
    write_cifar10(tmp_path / "cifar", per_file=1)
    for length in reversed(range(RECORD)):
        os.truncate(tmp_path / "cifar" / name, length)
        with pytest.raises(DataError, match=name):
            load_cifar10(tmp_path / "cifar")


def test_a_training_file_cut_after_a_whole_record_is_refused(tmp_path):
    write_cifar10(tmp_path, per_file=2)
    os.truncate(tmp_path / TEST_FILES[0], RECORD)    # here nothing tells that there was more
    assert len(load_cifar10(tmp_path)[1]) == 1
    os.truncate(tmp_path / TRAIN_FILES[4], RECORD)
    with pytest.raises(DataError, match="data_batch_5.bin or data_batch_1.bin is damaged: they have 1 and 2 records"):
        load_cifar10(tmp_path)


def test_every_label_out_of_range_is_refused(tmp_path):
    write_cifar10(tmp_path / "cifar", per_file=1)
    write_mnist(tmp_path / "digits")
    for name in (*TRAIN_FILES, *TEST_FILES):
        path = tmp_path / "cifar" / name
        content = path.read_bytes()
        for label in range(10, 256, 1 if name == TRAIN_FILES[0] else 49):
            path.write_bytes(bytes([label]) + content[1:])
            with pytest.raises(DataError, match=f"{name} is damaged: record 0 has the label {label}, expected 0 to 9"):
                load_cifar10(tmp_path / "cifar")
        path.write_bytes(content)
    path = tmp_path / "digits" / "t10k-labels-idx1-ubyte"
    content = path.read_bytes()
    for label in range(10, 256, 7):
        path.write_bytes(content[:-1] + bytes([label]))
        with pytest.raises(DataError, match=f"label 6 is {label}, expected 0 to 9"):
            load_mnist(tmp_path / "digits")


HEADERS = {
    "terabytes": (b"\x00\x00\x08\x03" + b"\x00\x10\x00\x00" * 3, "1048576 x 1048576 x 1048576"),
    "four gigabytes": (b"\x00\x00\x08\x01" + b"\xff" * 4, "4294967295"),
    "nothing times huge": (b"\x00\x00\x08\x03" + bytes(4) + b"\xff" * 8, "0 x 4294967295 x 4294967295"),
    "no axis": (b"\x00\x00\x08\x00" + b"\x07", "0 axes"),
    "70 axes": (b"\x00\x00\x08\x46" + b"\x00\x00\x00\x01" * 70 + b"\x07", "70 axes"),
    "another type": (b"\x00\x00\x0d\x01" + b"\x00\x00\x00\x01" + bytes(4), "00 00 0d"),
    "cut": (b"\x00\x00\x08\x03" + bytes(11), "ends inside its header"),
}


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("content", "message"), HEADERS.values(), ids=HEADERS)
def test_headers_that_lie_are_refused(tmp_path, content, message, compress):
    (tmp_path / "images").write_bytes(gzip.compress(content) if compress else content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "images")


def test_large_claims_and_compressed_zeros_take_no_memory(tmp_path):
    """In a process that may have 600 MB: a gigabyte of compressed zeros, headers of terabytes, a file of terabytes."""
    sixteen = b"\x00\x00\x08\x03" + b"\x00\x00\x00\x10" * 3
    (tmp_path / "zeros").write_bytes(gzip.compress(sixteen) + 64 * gzip.compress(bytes(2**24)))
    for name, compress in (("plain", bytes), ("compressed", gzip.compress)):
        (tmp_path / name).write_bytes(compress(HEADERS["terabytes"][0] + bytes(1000)))
    write_cifar10(tmp_path / "cifar", per_file=1)
    os.truncate(tmp_path / "cifar" / TRAIN_FILES[0], RECORD * 10**9)    # sparse: takes no room on the disk
    program = f"""
import pathlib, resource
resource.setrlimit(resource.RLIMIT_AS, (600 * 2**20,) * 2)
from tinynet.data import load_cifar10
from tinynet.data.mnist import read_idx
from tinynet.errors import DataError
folder = pathlib.Path({str(tmp_path)!r})
for name in ("zeros", "plain", "compressed", "cifar"):
    try:
        (load_cifar10 if name == "cifar" else read_idx)(folder / name)
    except DataError as error:
        assert str(folder / name) in str(error)
        print(name)
"""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}    # each thread of the BLAS reserves memory
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert run.stdout.split() == ["zeros", "plain", "compressed", "cifar"], run.stderr


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", PARSERS)
def test_mutated_files_give_what_is_in_them_or_an_error(tmp_path, name):
    attempt, make_seeds = PARSERS[name]
    seeds, generator = make_seeds(), np.random.default_rng(0)
    assert any(attempt(content, tmp_path) for content in seeds)
    taken = [attempt(mutated(seeds[i % len(seeds)], generator), tmp_path) for i in range(300)]
    assert not all(taken)
