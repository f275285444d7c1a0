"""Data sets in memory: what they accept, and CIFAR-10 and MNIST files, sound and damaged."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from data_files import NAMES, idx_bytes, random_images, write_cifar10, write_mnist

from tinynet.data import Dataset, FloatImages, load_cifar10, load_data, load_mnist
from tinynet.errors import ArgumentError, DataError, DtypeError, ShapeError


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
    (np.zeros((0, 5, 5, 3), np.uint8), [], DataError, "there are none"),
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
    with pytest.raises(DataError, match="a number from 0 up"):
        FloatImages(np.ones((2, 2, 2, 1)), [0, -1])


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
    (lambda folder: (folder / "data_batch_1.bin").unlink(), "no CIFAR-10 in"),
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


def test_fashion_mnist_is_recognised_by_its_folder(tmp_path):
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
    (lambda folder: (folder / "t10k-labels-idx1-ubyte").unlink(), "no t10k-labels-idx1-ubyte in"),
])
def test_damaged_mnist(tmp_path, damage, message):
    write_mnist(tmp_path / "digits")
    damage(tmp_path / "digits")
    with pytest.raises(DataError, match=message):
        load_mnist(tmp_path / "digits")


def test_load_data_says_what_it_looked_for(tmp_path):
    with pytest.raises(DataError, match="no data set in .*data_batch_1.bin.*train-images-idx3-ubyte.*train/<class>"):
        load_data(tmp_path)
    with pytest.raises(DataError, match="there is no folder .*nowhere"):
        load_data(tmp_path / "nowhere")
    write_cifar10(tmp_path / "cifar-10-batches-bin")
    with pytest.raises(ArgumentError, match="image_size=64 does not suit the CIFAR-10"):
        load_data(tmp_path, image_size=64)


def test_the_real_digits():
    if "TINYNET_DATA" not in os.environ:
        pytest.skip("TINYNET_DATA does not name a folder with mnist/")
    train, test = load_data(Path(os.environ["TINYNET_DATA"]) / "mnist")
    assert len(train) >= 10_000 and len(test) >= 2_000 and set(train.labels) == set(range(10))
    # White ink on black, and the middle of the image has most of it.
    assert train.images[:, :4].max() == 0 or train.images[:, :4].mean() < 1
    assert train.images[:, 12:20, 12:20].mean() > 60
