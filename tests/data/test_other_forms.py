"""Data sets as torchvision and Keras leave them (CIFAR-10's pickles, FashionMNIST/raw, mnist.npz); planted pickles."""
import os
import pickle
import pickletools
import zipfile
from functools import partial
from typing import Any

import numpy as np
import pytest
from support.data_files import (
    NAMES,
    idx_bytes,
    python2_pickle,
    random_images,
    write_cifar10,
    write_cifar10_python,
    write_mnist,
)

from tinynet import cli
from tinynet.data import load_cifar10, load_data, load_mnist
from tinynet.data.mnist import FASHION, FASHION_LABELS
from tinynet.data.plain_pickle import PLAIN, read_pickle
from tinynet.errors import DataError

FORMS = {"Python 2": python2_pickle, **{f"protocol {p}": partial(pickle.dumps, protocol=p) for p in range(6)}}


def same(data, images, labels, names):
    return (np.array_equal(data.images, images) and np.array_equal(data.labels, labels)
            and data.class_names == names)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("place", "given"), [
    ("cifar-10-batches-py", "."), ("cifar-10-batches-py", "cifar-10-batches-py"), ("any", "any"),
    ("cifar-10-batches-py-target/cifar-10-batches-py", ".")])
def test_cifar10_in_the_python_form(tmp_path, form, place, given):
    images, labels = write_cifar10_python(tmp_path / place, dump=FORMS[form])
    with open(tmp_path / place / "data_batch_1", "rb") as file:  # as torchvision reads it
        assert np.array_equal(pickle.load(file, encoding="latin1")["data"].reshape(3, 3, 32, 32).transpose(0, 2, 3, 1),
                              images[:3])
    for load in (load_cifar10, load_data):
        train, test = load(tmp_path / given)
        assert same(train, images[:15], labels[:15], NAMES) and same(test, images[15:], labels[15:], NAMES)
        assert (train.name, test.name) == ("CIFAR-10 training", "CIFAR-10 test")


def test_both_forms_of_cifar10_are_the_same_data(tmp_path):
    write_cifar10(tmp_path / "binary")
    write_cifar10_python(tmp_path / "python")
    for one, two in zip(load_data(tmp_path / "binary"), load_data(tmp_path / "python"), strict=True):
        assert same(one, two.images, two.labels, two.class_names) and one.name == two.name


def test_labels_may_be_an_array(tmp_path):
    images, labels = write_cifar10_python(tmp_path)
    for k in range(1, 6):
        path = tmp_path / f"data_batch_{k}"
        content = pickle.loads(path.read_bytes(), encoding="latin1")
        path.write_bytes(pickle.dumps(content | {"labels": np.array(content["labels"], ">i8")}))
    assert same(load_data(tmp_path)[0], images[:15], labels[:15], NAMES)


class Runs:
    """An object whose pickle runs something."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def marker(tmp_path):
    return tmp_path / "it-ran"


def planted(tmp_path):
    """Pickles that would make a folder, each in another way."""
    mark = str(marker(tmp_path)).encode()
    yield "a call", pickle.dumps(Runs(os.mkdir, str(marker(tmp_path))))
    for protocol in range(6):
        value = {"data": np.zeros((1, 3072), np.uint8), "labels": [Runs(os.mkdir, str(marker(tmp_path)))]}
        yield f"in a list, protocol {protocol}", pickle.dumps(value, protocol)
    yield "INST", b"(S'" + mark + b"'\nios\nmkdir\n."
    yield "OBJ", b"(cos\nmkdir\nU" + bytes([len(mark)]) + mark + b"o."
    yield "NEWOBJ", b"\x80\x02cos\nmkdir\nU" + bytes([len(mark)]) + mark + b"\x85\x81."
    yield "by a dotted name", b"\x80\x04\x8c\x05numpy\x94\x8c\x12f2py.os.path.os.rm\x94\x93."
    yield "eval", b"c__builtin__\neval\n(S'__import__(\"os\").mkdir(" + mark + b")'\ntR."
    yield "getattr", b"cbuiltins\ngetattr\n(cnumpy\nndarray\nS'tofile'\ntR."
    yield "NumPy's own call", b"cnumpy\nsave\n(S'" + mark + b"'\n]tR."
    yield "NumPy's load", b"cnumpy\nload\n(S'x'\ntR."
    yield "a persistent id", b"P" + mark + b"\n."
    yield "an extension", b"\x80\x02\x82\x01."
    yield "a codec that runs", b"c_codecs\nencode\n(Vx\nVbz2\ntR."
    yield "codecs.decode", b"c_codecs\ndecode\n(Vx\nVrot13\ntR."
    yield "a class of ours", b"ctinynet.data.plain_pickle\nNumber\n."


@pytest.mark.parametrize("number", range(20))
def test_nothing_in_a_pickle_runs(tmp_path, number, monkeypatch):
    cases = list(planted(tmp_path))
    assert len(cases) == 20
    _, content = cases[number]
    (tmp_path / "pickle").write_bytes(content)
    with pytest.raises(DataError, match="(?s)pickle .*(could run a program|has the instruction|damaged)"):
        read_pickle(tmp_path / "pickle")
    write_cifar10_python(tmp_path / "cifar")
    for name in ("data_batch_3", "batches.meta"):
        whole = (tmp_path / "cifar" / name).read_bytes()
        (tmp_path / "cifar" / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            load_data(tmp_path / "cifar")
        (tmp_path / "cifar" / name).write_bytes(whole)
    assert not marker(tmp_path).exists()


def test_the_planted_pickles_would_run(tmp_path):
    """The test above could not fail otherwise."""
    ran = set()
    for name, content in planted(tmp_path):
        try:
            pickle.loads(content, encoding="latin1")
        except Exception:  # noqa: S110 - some only name what they would call
            pass
        if marker(tmp_path).exists():
            marker(tmp_path).rmdir()
            ran.add(name)
    assert {"a call", "INST", "OBJ", *(f"in a list, protocol {p}" for p in range(6))} <= ran


def test_a_refused_name_is_in_the_message(tmp_path, capsys):
    write_cifar10_python(tmp_path)
    (tmp_path / "test_batch").write_bytes(pickle.dumps(Runs(os.system, "true")))
    assert cli.main(["train", "--model", "lenet5", "--data", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert f"{tmp_path / 'test_batch'} is not read: it asks for posix.system, which could run a program" in err or (
        "nt.system" in err)
    assert err.count("\n") == 1


def test_build_changes_nothing_of_the_stand_ins(tmp_path):
    """BUILD sets attributes of whatever is there: names of NumPy lead to fresh objects that have none to set."""
    for name in (b"numpy.core.multiarray\n_reconstruct", b"numpy\ndtype", b"numpy\nndarray", b"_codecs\nencode"):
        for state in (b"}U\x05placeK\x01s", b"N}U\x05placeK\x01s\x86", b"}U\x08__call__K\x01s", b"N}U\x01xK\x01s\x86"):
            (tmp_path / "pickle").write_bytes(b"\x80\x02c" + name + b"\n" + state + b"b.")
            with pytest.raises(DataError, match="damaged"):
                read_pickle(tmp_path / "pickle")
    images, labels = write_cifar10_python(tmp_path / "cifar")
    assert same(load_data(tmp_path / "cifar")[0], images[:15], labels[:15], NAMES)


@pytest.mark.parametrize("array", [
    np.array([None, 1]), np.array(["a"]), np.zeros(2, "i4,f4"), np.array([1j]), np.array(["2020"], "M8[Y]"),
    np.zeros(2, np.longdouble)], ids=str)
def test_an_array_of_something_else_is_refused(tmp_path, array):
    for dump in (pickle.dumps, partial(pickle.dumps, protocol=2), partial(pickle.dumps, protocol=5)):
        write_cifar10_python(tmp_path)
        (tmp_path / "data_batch_1").write_bytes(dump({"data": array, "labels": [0]}))
        with pytest.raises(DataError, match="data_batch_1"):
            load_data(tmp_path)


def test_every_prefix_of_a_pickle_is_refused(tmp_path):
    write_cifar10_python(tmp_path, per_file=1)
    for name, step in (("batches.meta", 1), ("test_batch", 61), ("data_batch_4", 61)):
        content = (tmp_path / name).read_bytes()
        for length in range(0, len(content), step):
            (tmp_path / name).write_bytes(content[:length])
            with pytest.raises(DataError, match=name):
                load_data(tmp_path)
        (tmp_path / name).write_bytes(content)
    assert len(load_data(tmp_path)[0]) == 5


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("form", ["Python 2", "protocol 0", "protocol 4", "protocol 5"])
def test_mutated_pickles_are_read_or_refused(tmp_path, form):
    write_cifar10_python(tmp_path, per_file=1, dump=FORMS[form])
    generator, whole = np.random.default_rng(0), (tmp_path / "test_batch").read_bytes()
    meta = (tmp_path / "batches.meta").read_bytes()
    head = len(whole) - whole[::-1].find(b"u") if form == "protocol 0" else 250
    taken = 0
    for i in range(300):
        name, content = ("test_batch", bytearray(whole)) if i % 2 else ("batches.meta", bytearray(meta))
        for _ in range(generator.integers(1, 4)):
            place = generator.integers(min(len(content), head)) * generator.choice([1, -1])
            content[place] = generator.integers(256)
        (tmp_path / name).write_bytes(content)
        try:
            train, test = load_data(tmp_path)
            taken += train.images.shape == (5, 32, 32, 3) and test.images.shape == (1, 32, 32, 3)
        except DataError as error:
            assert name in str(error)
        (tmp_path / name).write_bytes(whole if i % 2 else meta)
    assert 0 < taken < 300


CLAIMS = {
    "a place in memory": b"\x80\x02]r\xff\xff\xff\xff.", "another": b"]p4294967295\n.",
    "bytes of an exabyte": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x0f.", "text of 4 GB": b"\x80\x02X\xff\xff\xff\xff.",
    "a frame": b"\x80\x04\x95" + b"\xff" * 7 + b"\x0f.", "a number": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "digits": b"I" + b"9" * 10_000 + b"\n.", "tuples inside each other": b"\x80\x02)" + b"\x85" * 10**6 + b".",
    "lists inside each other": b"\x80\x02" + b"](" * 10**5 + b"e" * 10**5 + b".", "nothing": b"", "a dot": b".",
    "no bytes": b"\x80\x02N.",
}


@pytest.mark.parametrize("content", CLAIMS.values(), ids=CLAIMS)
def test_a_pickle_that_claims_too_much_is_refused(tmp_path, content):
    write_cifar10_python(tmp_path)
    (tmp_path / "data_batch_2").write_bytes(content)
    with pytest.raises(DataError, match="data_batch_2"):
        load_data(tmp_path)


def change(name, **entries):
    def damage(folder):
        content = pickle.loads((folder / name).read_bytes(), encoding="latin1") | entries
        (folder / name).write_bytes(python2_pickle({key: each for key, each in content.items() if each is not None}))
    return damage


def test_the_shape_of_an_array_must_fit_its_bytes(tmp_path):
    write_cifar10_python(tmp_path)
    content = (tmp_path / "data_batch_1").read_bytes()
    shape = b"(J\x03\x00\x00\x00J\x00\x0c\x00\x00t"
    assert content.count(shape) == 1
    for other in (b"(J\x04\x00\x00\x00J\x00\x0c\x00\x00t", b"(J\xfd\xff\xff\xffJ\x00\xf4\xff\xfft", b"(NNt", b"N",
                  b"(" + b"J\x01\x00\x00\x00" * 40 + b"t", b"(J\xff\xff\xff\x7fJ\x00\x0c\x00\x00t"):
        (tmp_path / "data_batch_1").write_bytes(content.replace(shape, other))
        with pytest.raises(DataError, match="data_batch_1 is damaged"):
            load_data(tmp_path)


@pytest.mark.parametrize(("damage", "message"), [
    (change("data_batch_2", data=None), "data_batch_2: expected an array called data, found none"),
    (change("data_batch_2", data=[1, 2]), "data_batch_2: expected an array called data, found a list"),
    (change("data_batch_2", data=np.zeros((3, 3071), np.uint8)), r"expected pixels of uint8 \(N, 3072\), found uint8"),
    (change("data_batch_2", data=np.zeros((3, 3072), np.float32)), r"found float32 \(3, 3072\)"),
    (change("data_batch_2", data=np.zeros((0, 3072), np.uint8), labels=[]), r"found uint8 \(0, 3072\)"),
    (change("data_batch_2", labels=[0, 1]), "data_batch_2 is damaged: it has 2 labels for 3 images"),
    (change("data_batch_2", labels=[0, 1, 10]), "data_batch_2 is damaged: label 2 is 10, expected 0 to 9"),
    (change("data_batch_2", labels=[0, "x", 1]), "label 1 is a bytes, expected 0 to 9"),
    (change("data_batch_2", labels=[0, -1, 1]), "label 1 is -1"),
    (change("data_batch_2", data=np.zeros((2, 3072), np.uint8), labels=[1, 2]), "they have 2 and 3 images"),
    (change("batches.meta", label_names=["a"]), "batches.meta: expected ten class names, found 1"),
    (change("batches.meta", label_names=None), "batches.meta: expected a list called label_names, found none"),
    (lambda folder: (folder / "test_batch").unlink(), "test_batch is missing: expected data_batch_1, data_batch_2"),
    (lambda folder: (folder / "batches.meta").unlink(), "batches.meta is missing"),
    (lambda folder: (folder / "test_batch").write_bytes(python2_pickle([1])), "test_batch has a list: expected a dict"),
    (lambda folder: (folder / "test_batch").write_bytes(b"<html>"), "test_batch is damaged, or no pickle"),
])
def test_damaged_cifar10_in_the_python_form(tmp_path, damage, message):
    write_cifar10_python(tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match=message):
        load_data(tmp_path)


def test_the_instructions_of_plain_data_exist():
    assert PLAIN <= {each.name for each in pickletools.opcodes}
    assert not PLAIN & {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID"}


@pytest.mark.parametrize(("place", "given", "fashion"), [
    ("FashionMNIST/raw", "FashionMNIST/raw", True), ("FashionMNIST/raw", "FashionMNIST", True),
    ("FashionMNIST/raw", ".", True), ("MNIST/raw", ".", False), ("MNIST/raw", "MNIST/raw", False),
    ("fashion_mnist", "fashion_mnist", True), ("raw", "raw", False)])
def test_the_folders_that_torchvision_makes(tmp_path, place, given, fashion):
    written = write_mnist(tmp_path / "sets" / place)
    for load in (load_mnist, load_data):
        train, test = load(tmp_path / "sets" / given)
        assert np.array_equal(train.labels, written["train"][1]) and len(test) == 7
        assert train.class_names == test.class_names == (FASHION if fashion else list("0123456789"))
        assert train.name == ("Fashion-MNIST training" if fashion else "MNIST training")


def test_fashion_mnist_is_recognized_by_its_first_labels(tmp_path):
    write_mnist(tmp_path / "any")
    for labels, fashion in ((FASHION_LABELS, True), (FASHION_LABELS[:-1] + [5], False)):
        (tmp_path / "any" / "train-images-idx3-ubyte").write_bytes(idx_bytes(random_images(20, 28, 28, 1)[..., 0]))
        (tmp_path / "any" / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.array(labels)))
        train, test = load_data(tmp_path / "any")
        assert (train.class_names == test.class_names == FASHION) == fashion


def test_mnist_itself_is_no_fashion(data_folder):
    train, _ = load_data(data_folder / "mnist")
    assert train.class_names == list("0123456789") and train.name == "MNIST training"


def test_a_folder_with_several_data_sets_is_named(tmp_path):
    write_mnist(tmp_path / "MNIST" / "raw")
    write_mnist(tmp_path / "FashionMNIST" / "raw")
    with pytest.raises(DataError, match="has MNIST and FashionMNIST: expected the folder of one of them"):
        load_data(tmp_path)
    write_cifar10_python(tmp_path / "cifar-10-batches-py")
    (tmp_path / "FashionMNIST").rename(tmp_path / "other")
    with pytest.raises(DataError, match="has two data sets, .*cifar-10-batches-py and .*MNIST.raw: expected one"):
        load_data(tmp_path)
    assert len(load_data(tmp_path / "cifar-10-batches-py")[0]) == 15 and len(load_data(tmp_path / "MNIST")[0]) == 12


def write_npz(path, save=np.savez, **entries):
    arrays = {"x_train": random_images(12, 28, 28, 1)[..., 0], "y_train": np.arange(12) % 10,
              "x_test": random_images(7, 28, 28, 1, seed=1)[..., 0], "y_test": np.arange(7, dtype=np.uint8)}
    arrays |= entries
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, **{name: each for name, each in arrays.items() if each is not None})
    return arrays


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("given", [".", "mnist.npz"])
def test_mnist_as_keras_leaves_it(tmp_path, save, given):
    arrays = write_npz(tmp_path / "mnist.npz", save)
    for load in (load_mnist, load_data):
        train, test = load(tmp_path / given)
        for data, part in ((train, "train"), (test, "test")):
            assert data.images.shape[1:] == (32, 32, 1) and data.padding == 2
            assert np.array_equal(data.images[:, 2:30, 2:30, 0], arrays[f"x_{part}"])
            assert np.array_equal(data.labels, arrays[f"y_{part}"])
            assert data.class_names == list("0123456789")
    (tmp_path / "mnist.npz").rename(tmp_path / "Fashion.npz")
    assert load_data(tmp_path / "Fashion.npz")[0].class_names == FASHION


def test_arrays_in_columns_and_of_large_numbers(tmp_path):
    arrays = write_npz(tmp_path / "mnist.npz", x_test=np.asfortranarray(random_images(7, 28, 28, 1)[..., 0]),
                       y_test=np.arange(7, dtype=">i8"))
    test = load_data(tmp_path)[1]
    assert np.array_equal(test.images[:, 2:30, 2:30, 0], arrays["x_test"]) and test.labels.tolist() == list(range(7))


@pytest.mark.parametrize(("entries", "message"), [
    ({"x_test": None}, "it has no array x_test: expected x_train, y_train, x_test, y_test"),
    ({"x_train": np.zeros((12, 28, 27), np.uint8)}, r"images of train: expected images of 28 x 28 bytes, found uint8"),
    ({"x_train": np.zeros((12, 28, 28), np.int32)}, "found int32 of the shape"),
    ({"x_train": np.zeros((12, 28, 28))}, "x_train is of float64: expected whole numbers"),
    ({"y_train": np.arange(11)}, r"labels of train: expected 12 labels, one for each image, found the shape \(11,\)"),
    ({"y_test": np.array([0, 1, -1, 3, 4, 5, 6])}, "labels of test is damaged: label 2 is -1, expected 0 to 9"),
    ({"y_test": np.array([0, 1, 2, 3, 4, 5, 10], np.uint64)}, "label 6 is 10"),
    ({"y_test": np.array([Runs(os.mkdir, "it-ran")] * 7)}, "y_test is of object: expected whole numbers"),
])
def test_a_damaged_npz(tmp_path, entries, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_npz(tmp_path / "mnist.npz", **entries)
    with pytest.raises(DataError, match=f"(?s)mnist.npz: .*{message}"):
        load_data(tmp_path)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_cut_and_mutated_npz_files_are_read_or_refused(tmp_path, save):
    path = tmp_path / "mnist.npz"
    write_npz(path, save)
    content, generator = path.read_bytes(), np.random.default_rng(0)
    for length in range(0, len(content), 211):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match="mnist.npz"):
            load_data(tmp_path)
    for _ in range(200):
        mutated = bytearray(content)
        for place in generator.integers(len(mutated), size=4):
            mutated[place] = generator.integers(256)
        for place in generator.integers(1, 700, size=2):
            mutated[-place] = generator.integers(256)
        path.write_bytes(mutated)
        try:
            assert load_data(tmp_path)[0].images.shape[1:] == (32, 32, 1)
        except DataError as error:
            assert "mnist.npz" in str(error)


def test_an_npz_that_claims_too_much(tmp_path):
    write_npz(tmp_path / "mnist.npz")
    head = b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1048576, 1048576), }"
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            archive.writestr(f"{name}.npy", head.ljust(127) + b"\n")
    with pytest.raises(DataError, match="needs 1099511627776 bytes and has 0"):
        load_data(tmp_path)


@pytest.mark.parametrize(("name", "message"), [
    ("cifar-10-python.tar.gz", "is a file, expected a folder with a data set, or mnist.npz: unpack it, and give the"),
    ("train-images-idx3-ubyte", "is a file, expected a folder with a data set, or mnist.npz: give the folder"),
    ("net.npz", "net.npz is damaged, or no .npz file"),
])
def test_another_file(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"no data set")
    with pytest.raises(DataError, match=f"{name} .*{message}" if "is a" in message else message):
        load_data(tmp_path / name)


def test_a_training_on_each_form(tmp_path, capsys, monkeypatch):
    write_cifar10_python(tmp_path / "cifar-10-batches-py", per_file=2)
    write_npz(tmp_path / "mnist.npz")
    for model, data in (("alexnet-small", "cifar-10-batches-py"), ("lenet5", "mnist.npz")):
        run = tmp_path / model
        assert cli.main(["train", "--model", model, "--data", str(tmp_path / data), "--epochs", "1", "--run",
                         str(run)]) == 0
        assert cli.main(["evaluate", str(run), "--data", str(tmp_path / data)]) == 0
