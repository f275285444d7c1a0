"""Data sets in memory: what they accept, and CIFAR-10 and MNIST files, sound and damaged."""

import gzip

import numpy as np
import pytest
from PIL import Image
from support.data_files import NAMES, idx_bytes, random_images, write_cifar10, write_mnist

from tinynet.data import Dataset, FloatImages, ImageFolder, Preprocessing, load_cifar10, load_data, load_mnist
from tinynet.errors import ArgumentError, DataError, DtypeError, ShapeError, TinynetError


def test_dataset_gives_its_images_labels_and_subsets():
    images = random_images()
    data = Dataset(images, [0, 1, 2, 0, 1, 2], ["a", "b", "c"], "letters")
    assert len(data) == 6 and data.image_shape == (5, 4, 3) and data.labels.dtype == np.int64
    assert np.array_equal(data.image(4), images[4])
    assert np.array_equal(data.images_at([3, 0]), images[[3, 0]])
    for part, expected in ((data.subset(slice(1, 4)), [1, 2, 3]), (data.subset([5, 0]), [5, 0]),
                           (data.subset(data.labels == 2), [2, 5])):
        assert np.array_equal(part.images, images[expected])
        assert np.array_equal(part.labels, data.labels[expected])
        assert part.class_names == ["a", "b", "c"] and part.name == "letters"
    assert repr(data) == "Dataset 'letters': 6 images of 5 x 4 x 3, 3 classes"


@pytest.mark.parametrize("images, labels, error, message", [
    (np.zeros((0, 5, 5, 3), np.uint8), [], DataError, "the array is empty"),
    (np.zeros((2, 5, 5, 3), np.float32), [0, 1], DtypeError, "expected uint8 numbers from 0 to 255, got float32"),
    (np.zeros((2, 5, 5), np.uint8), [0, 1], ShapeError, r"expected the shape \(N, H, W, C\), got \(2, 5, 5\)"),
    (np.zeros((2, 3, 8, 8), np.uint8), [0, 1], ShapeError, r"transpose\(0, 2, 3, 1\)"),
    (np.zeros((2, 8, 8, 4), np.uint8), [0, 1], ShapeError, "1 or 3 channels"),
    (np.zeros((2, 5, 5, 3), np.uint8), [0, 1, 1], ShapeError, "one for each of 2 images"),
    (np.zeros((2, 5, 5, 3), np.uint8), [0.0, 1.0], DtypeError, "expected integers, got float64"),
    (np.zeros((2, 5, 5, 3), np.uint8), [0, 2], DataError, "image 1 has the label 2, expected 0 to 1"),
    (np.zeros((2, 5, 5, 3), np.uint8), [-1, 1], DataError, "image 0 has the label -1, expected 0 to 1"),
])
def test_dataset_says_what_is_wrong(images, labels, error, message):
    with pytest.raises(error, match=message):
        Dataset(images, labels, ["a", "b"])


def test_a_pair_of_float_images_is_checked():
    pair = FloatImages(np.ones((3, 2, 2, 1), np.float32), np.array([4, 0, 7]))
    assert len(pair) == 3 and pair.image_shape == (2, 2, 1) and pair.images_at([1]).dtype == np.float32
    with pytest.raises(DtypeError, match="floating point, got uint8"):
        FloatImages(np.ones((3, 2, 2, 1), np.uint8), [0, 1, 2])
    with pytest.raises(ShapeError, match="not be empty"):
        FloatImages(np.ones((0, 2, 2, 1)), [])
    with pytest.raises(DataError, match=r"expected 0 to 2\*\*63 - 1"):
        FloatImages(np.ones((2, 2, 2, 1)), [0, -1])


@pytest.mark.parametrize("label", [2**63, 2**64 - 1])
def test_a_label_too_large_for_int64_is_named(label):
    labels = np.array([0, label], np.uint64)
    with pytest.raises(DataError, match=rf"image 1 has the label {label}, expected 0 to 2\*\*63 - 1"):
        FloatImages(np.ones((2, 2, 2, 1)), labels)
    with pytest.raises(DataError, match=f"image 1 has the label {label}, expected 0 to 1"):
        Dataset(np.zeros((2, 5, 5, 3), np.uint8), labels, ["a", "b"])


@pytest.mark.parametrize("mask", [True, False, [True, False]])
def test_masked_arrays_are_refused_since_their_mask_would_be_lost(mask):
    labels = np.ma.masked_array([0, 1], mask)
    stored = np.ma.masked_array(np.zeros((2, 5, 5, 3), np.uint8), np.zeros((2, 5, 5, 3), bool))
    calls = {
        r"labels of 'data'": lambda: Dataset(stored.data, labels, ["a", "b"]),
        r"images of data set 'data'": lambda: Dataset(stored, [0, 1], ["a", "b"]),
        r"labels of 'the pair \(images, labels\)'": lambda: FloatImages(np.ones((2, 2, 2, 1)), labels),
        r"the images of a pair \(images, labels\)": lambda: FloatImages(stored.astype(np.float32), [0, 1]),
        r"labels of 'images'": lambda: ImageFolder(["a.png", "b.png"], labels, ["a", "b"]),
        r"Preprocessing": lambda: Preprocessing(np.zeros(3), 5)(stored),
    }
    for what, call in calls.items():
        with pytest.raises(DtypeError, match=f"^{what}: expected a plain array, got a masked one"):
            call()


@pytest.mark.parametrize("names, message", [
    ("ab", "expected a list of str, got 'ab'"), (None, "expected a list of str, got None"),
    ([b"a", b"b"], "expected a list of str, got b'a' of bytes in it"),
    (["a", np.int64(3)], "expected a list of str, got .*3.* of int64 in it"),
])
def test_class_names_that_a_checkpoint_could_not_hold_are_refused(names, message):
    for make in (lambda: Dataset(np.zeros((2, 5, 5, 3), np.uint8), [0, 1], names),
                 lambda: ImageFolder(["a.png", "b.png"], [0, 1], names)):
        with pytest.raises(ArgumentError, match=f"class_names of data set '(data|images)': {message}"):
            make()


@pytest.mark.parametrize("names", [("a", "b"), np.array(["a", "b"])])
def test_class_names_from_other_sequences(names):
    assert Dataset(np.zeros((2, 5, 5, 3), np.uint8), [0, 1], names).class_names == ["a", "b"]


def test_padding_is_a_whole_number_from_0_up():
    for padding in (-1, 1.5):
        with pytest.raises(ArgumentError, match=f"data set 'data': padding is {padding}, expected a whole number of"):
            Dataset(np.zeros((1, 5, 5, 3), np.uint8), [0], ["a"], padding=padding)
        with pytest.raises(ArgumentError, match=f"Preprocessing: padding is {padding}, expected a whole number of"):
            Preprocessing(np.zeros(3), 5, padding=padding)


def three_kinds(folder):
    """The same six images as a Dataset, a pair and a folder."""
    images = random_images()
    paths = [folder / f"{index}.png" for index in range(6)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    names, labels = ["a", "b", "c"], [0, 1, 2, 0, 1, 2]
    return images, [Dataset(images, labels, names, "six"), FloatImages(images.astype(float), labels),
                    ImageFolder(paths, labels, names, (5, 4), "six")]


@pytest.mark.parametrize("indices, expected", [
    ([3, 0], [3, 0]), (range(2), [0, 1]), (slice(1, 4), [1, 2, 3]), (np.array([5], np.uint8), [5]), ([-1, -6], [5, 0]),
    (4, [4]), ([], []), ([True, False, False, False, True, False], [0, 4]), ([False] * 6, [])])
def test_every_data_set_takes_the_same_indices(tmp_path, indices, expected):
    images, kinds = three_kinds(tmp_path)
    for data in kinds:
        assert np.array_equal(data.images_at(indices), images[expected])
        if expected and not isinstance(data, FloatImages):
            part = data.subset(indices)
            assert np.array_equal(part.images_at(range(len(part))), images[expected])
            assert np.array_equal(part.labels, data.labels[expected])
    for data in (kinds[0], kinds[2]):
        assert np.array_equal(data.image(-2), images[4])


@pytest.mark.parametrize("indices, error, message", [
    (6, ArgumentError, "index 6 is out of range, expected 0 to 5"), (-7, ArgumentError, "index -7 is"),
    ([0, 100], ArgumentError, "index 100 is out of range"),
    (np.array([2**64 - 1], np.uint64), ArgumentError, f"index {2**64 - 1} is out of range"),
    (1.5, DtypeError, r"expected whole numbers, or a bool for each of 6 images, got float64 of the shape \(1,\)"),
    ([0.0, 1.0], DtypeError, "got float64"), ([True, False], DtypeError, r"got bool of the shape \(2,\)"),
    ("a", DtypeError, "got <U1"), (None, DtypeError, "got object"), ([[0, 1]], DtypeError, r"got int64 .*\(1, 2\)"),
])
def test_every_data_set_refuses_the_same_indices(tmp_path, indices, error, message):
    for data in three_kinds(tmp_path)[1]:
        calls = [data.images_at] if isinstance(data, FloatImages) else [data.images_at, data.subset, data.image]
        for call in calls:
            with pytest.raises(TinynetError, match="indices of '(six|the pair .*)': .*expected"):
                call(indices)
        with pytest.raises(error, match=message):
            data.images_at(indices)


@pytest.mark.parametrize("given", [".", "cifar-10-batches-bin"])
def test_cifar10_from_the_folder_or_its_parent(tmp_path, given):
    images, labels = write_cifar10(tmp_path / "cifar-10-batches-bin")
    for load in (load_cifar10, load_data):
        train, test = load(tmp_path / given)
        assert np.array_equal(train.images, images[:15]) and np.array_equal(test.images, images[15:])
        assert np.array_equal(train.labels, labels[:15]) and np.array_equal(test.labels, labels[15:])
        assert train.class_names == test.class_names == NAMES


def damage_cut(folder):
    content = (folder / "data_batch_2.bin").read_bytes()
    (folder / "data_batch_2.bin").write_bytes(content[:-1])


def damage_label(folder):
    content = bytearray((folder / "test_batch.bin").read_bytes())
    content[3073] = 10
    (folder / "test_batch.bin").write_bytes(content)


@pytest.mark.parametrize("damage, message", [
    (damage_cut, r"data_batch_2.bin is damaged: its size of 9218 bytes is not a multiple of"),
    (damage_label, r"test_batch.bin is damaged: record 1 has the label 10, expected 0 to 9"),
    (lambda folder: (folder / "data_batch_3.bin").write_bytes(b""), "data_batch_3.bin is damaged: it is empty"),
    (lambda folder: (folder / "data_batch_5.bin").unlink(), "data_batch_5.bin is missing"),
    (lambda folder: (folder / "batches.meta.txt").unlink(), "batches.meta.txt is missing"),
    (lambda folder: (folder / "batches.meta.txt").write_text("cat\ndog\n"), "expected ten class names, found 2"),
    (lambda folder: (folder / "data_batch_1.bin").unlink(), "CIFAR-10 not found in"),
])
def test_damaged_cifar10(tmp_path, damage, message):
    write_cifar10(tmp_path / "cifar-10-batches-bin")
    damage(tmp_path / "cifar-10-batches-bin")
    with pytest.raises(DataError, match=message):
        load_cifar10(tmp_path)


@pytest.mark.parametrize("compress, dotted", [
    ((), ()), (("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"), ()), ((), ("t10k-images-idx3-ubyte",))])
def test_mnist_plain_and_compressed(tmp_path, compress, dotted):
    written = write_mnist(tmp_path / "digits", compress, dotted)
    for load in (load_mnist, load_data):
        for data, prefix in zip(load(tmp_path / "digits"), ("train", "t10k"), strict=True):
            images, labels = written[prefix]
            assert data.images.shape == (len(images), 32, 32, 1) and data.padding == 2
            assert np.array_equal(data.images[:, 2:30, 2:30, 0], images)
            assert data.images.sum() == images.sum()    # so what is around them is 0
            assert np.array_equal(data.labels, labels)
            assert data.class_names == [str(digit) for digit in range(10)]


def test_fashion_mnist_is_recognized_by_its_folder(tmp_path):
    write_mnist(tmp_path / "Fashion-MNIST")
    train, _ = load_data(tmp_path / "Fashion-MNIST")
    assert train.name == "Fashion-MNIST training" and train.class_names[9] == "ankle boot"


def rewrite(name, change):
    def damage(folder):
        (folder / name).write_bytes(change((folder / name).read_bytes()))
    return damage


@pytest.mark.parametrize("damage, message", [
    (rewrite("train-images-idx3-ubyte", lambda content: content[:-1]), "12 x 28 x 28 bytes after the first 16"),
    (rewrite("train-images-idx3-ubyte", lambda content: content[:9]), "ends inside its header"),
    (rewrite("train-images-idx3-ubyte", lambda content: b""), "not an idx file of bytes"),
    (rewrite("t10k-labels-idx1-ubyte", lambda content: b"<html>" + content), "not an idx file of bytes"),
    (rewrite("t10k-labels-idx1-ubyte", lambda content: content[:-1] + b"\x0a"), "label 6 is 10, expected 0 to 9"),
    (rewrite("t10k-labels-idx1-ubyte", lambda content: idx_bytes(np.zeros(6))), "expected 7 labels"),
    (rewrite("t10k-images-idx3-ubyte", lambda content: idx_bytes(np.zeros((7, 27, 28)))), "expected images of 28 x"),
    (rewrite("t10k-images-idx3-ubyte", lambda content: gzip.compress(content)[:-20]), "does not decompress"),
    (lambda folder: (folder / "t10k-labels-idx1-ubyte").unlink(), "t10k-labels-idx1-ubyte is missing in"),
])
def test_damaged_mnist(tmp_path, damage, message):
    write_mnist(tmp_path / "digits")
    damage(tmp_path / "digits")
    with pytest.raises(DataError, match=message):
        load_mnist(tmp_path / "digits")


def test_load_data_says_what_it_looked_for(tmp_path):
    with pytest.raises(DataError, match="no data set in .*data_batch_1.bin.*train-images-idx3-ubyte.*train/<class>"):
        load_data(tmp_path)
    with pytest.raises(DataError, match="folder .*nowhere does not exist"):
        load_data(tmp_path / "nowhere")
    write_cifar10(tmp_path / "cifar-10-batches-bin")
    with pytest.raises(ArgumentError, match="image_size=64 does not suit the CIFAR-10"):
        load_data(tmp_path, image_size=64)


def test_the_real_digits(data_folder):
    train, test = load_data(data_folder / "mnist")
    assert len(train) >= 10_000 and len(test) >= 2_000 and set(train.labels) == set(range(10))
    # White ink on black, and the middle of the image has most of it.
    assert train.images[:, :4].max() == 0 or train.images[:, :4].mean() < 1
    assert train.images[:, 12:20, 12:20].mean() > 60
