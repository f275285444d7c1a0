"""The loader: the same batches whatever the threads, and threads that end."""

import threading
import time

import numpy as np
import pytest

from tinynet.data import Augmentation, Dataset, Loader, PCAColour, Preprocessing
from tinynet.errors import ArgumentError, DataError, ShapeError


def make_data(count=53, size=8, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)
    return Dataset(images, np.arange(count) % 10, list("abcdefghij"))


def make_loader(threads=0, **options):
    data = make_data()
    settings = dict(batch_size=10, augmentation=Augmentation(pad=1, colour=PCAColour.fit(data)), shuffle=True, seed=4)
    return Loader(data, Preprocessing.fit(data, 6), threads=threads, **{**settings, **options})


def loader_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("tinynet-loader")]


def same(some, others):
    some, others = list(some), list(others)
    assert len(some) == len(others)
    return all(np.array_equal(x, u) and np.array_equal(y, v)
               for (x, y), (u, v) in zip(some, others, strict=True))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_every_image_once_in_the_order_of_the_data_set(threads):
    data = make_data()
    loader = Loader(data, None, batch_size=10, threads=threads)
    batches = list(loader.batches())
    assert len(loader) == len(batches) == 6 and [len(labels) for _, labels in batches] == [10] * 5 + [3]
    assert np.array_equal(np.concatenate([images for images, _ in batches]), data.images)
    assert np.array_equal(np.concatenate([labels for _, labels in batches]), data.labels)
    assert batches[0][1].dtype == np.int64


def test_shuffled_images_keep_their_labels_and_come_once():
    data = make_data()
    images, labels = (np.concatenate(parts) for parts in
                      zip(*Loader(data, None, 10, shuffle=True).batches(epoch=2), strict=True))
    order = [int(np.flatnonzero(np.all(data.images == image, axis=(1, 2, 3)))[0]) for image in images]
    assert sorted(order) == list(range(53)) and order != list(range(53))
    assert np.array_equal(labels, data.labels[order])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_batches_do_not_depend_on_the_number_of_threads(threads):
    for epoch in (0, 1):
        assert same(make_loader(threads).batches(epoch), make_loader(0).batches(epoch))


@pytest.mark.parametrize("threads", [0, 2])
def test_an_epoch_can_be_resumed_in_its_middle(threads):
    loader = make_loader(threads)
    assert same(list(loader.batches(3))[4:], loader.batches(3, start=4))
    assert list(loader.batches(3, start=6)) == []


def test_epochs_seeds_and_batches_have_their_own_random_numbers():
    first = list(make_loader().batches(0))
    assert same(first, make_loader().batches(0))
    assert not same(first, make_loader().batches(1))
    assert not same(make_loader(shuffle=False).batches(0), make_loader(shuffle=False).batches(1))
    assert not same(first, make_loader(seed=5).batches(0))
    # One image 40 times: batches differ by their random numbers only.
    data = make_data()
    same_images = Dataset(np.repeat(data.images[:1], 40, axis=0), np.zeros(40, int), ["a"])
    batches = [images for images, _ in Loader(same_images, Preprocessing.fit(data, 4), 20, Augmentation()).batches()]
    assert not np.array_equal(batches[0], batches[1])


def test_the_order_is_not_the_random_numbers_of_the_first_batch():
    # NumPy gives the seeds [s, e] and [s, e, 0] the same numbers.
    seen = []

    class Spy(Augmentation):
        def __call__(self, images, preprocessing, generator):
            seen.append(generator.random())
            return super().__call__(images, preprocessing, generator)

    list(make_loader(augmentation=Spy(), seed=4).batches(epoch=7))
    assert len(set(seen)) == 6 and np.random.default_rng([4, 7]).random() not in seen


def test_preprocessing_alone_and_ten_crops():
    data = make_data()
    prepare = Preprocessing.fit(data, 6)
    images, _ = next(Loader(data, prepare, 10).batches())
    assert np.array_equal(images, prepare(data.images[:10]))
    views, _ = next(Loader(data, prepare.ten_crops, 10).batches())
    assert views.shape == (10, 10, 6, 6, 3)


def test_a_pair_of_float_images_goes_in_as_it_is():
    images = np.random.default_rng(0).normal(size=(7, 3, 3, 2)).astype(np.float32)
    batches = list(Loader((images, np.arange(7)), None, 4).batches())
    assert np.array_equal(np.concatenate([x for x, _ in batches]), images) and batches[1][0].dtype == np.float32


class Counting:
    """A data set that counts what was asked for, and fails at one image."""

    class_names = ["a"]

    def __init__(self, count, fail_at=None):
        self.labels, self.fail_at, self.asked = np.zeros(count, np.int64), fail_at, 0

    def __len__(self):
        return len(self.labels)

    def images_at(self, indices):
        self.asked += len(indices)
        if self.fail_at in indices:
            raise DataError(f"image{self.fail_at}.jpg cannot be read as an image: broken")
        return np.zeros((len(indices), 2, 2, 3), np.uint8)


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_an_error_in_a_thread_reaches_the_caller(threads):
    batches = Loader(Counting(100, fail_at=45), None, 10, threads=threads).batches()
    got = 0
    with pytest.raises(DataError, match="image45.jpg cannot be read"):
        for _ in batches:
            got += 1
    assert got == 4 and not loader_threads()


@pytest.mark.parametrize("threads", [1, 2])
def test_prefetching_is_bounded_and_closing_ends_the_threads(threads):
    data = Counting(10_000)
    batches = Loader(data, None, 10, threads=threads).batches()
    next(batches)
    time.sleep(0.1)    # time to run ahead, if nothing held them back
    assert data.asked <= 10 * (threads + 2)
    assert 1 <= len(loader_threads()) <= threads
    batches.close()
    assert not loader_threads() and data.asked <= 10 * (threads + 2)


def test_an_epoch_that_ends_leaves_no_threads():
    list(make_loader(3).batches())
    assert not loader_threads()


def test_bad_arguments():
    data = make_data()
    for call, error, message in (
            (lambda: Loader(data, None, 0), ArgumentError, "Loader: batch_size is 0"),
            (lambda: Loader(data, None, 2.5), ArgumentError, "batch_size is 2.5, expected a whole number"),
            (lambda: Loader(data, None, threads=-1), ArgumentError, "Loader: threads is -1"),
            (lambda: Loader(data, None, augmentation=Augmentation()), ArgumentError, "needs a Preprocessing"),
            (lambda: Loader(data, None).batches(start=2), ArgumentError, "start must be from 0 to the 1 batches"),
            (lambda: Loader(data, None).batches(epoch=-1), ArgumentError, "Loader: epoch is -1"),
            (lambda: list(Loader(data, Preprocessing.fit(data, 9), threads=1).batches()), ShapeError,
             "the network takes 9 x 9 images, the stored ones are only 8 x 8")):
        with pytest.raises(error, match=message):
            call()
    assert not loader_threads()


def test_ten_thousand_small_images_a_second():
    # 50,000 and more were measured on one core; a slow or busy machine gets a margin.
    data = make_data(20_000, 32)
    loader = Loader(data, Preprocessing.fit(data, 32), augmentation=Augmentation(pad=4), shuffle=True, threads=0)
    start = time.process_time()
    assert sum(len(labels) for _, labels in loader.batches()) == 20_000
    assert 20_000 / (time.process_time() - start) > 10_000
