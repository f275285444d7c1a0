"""Batches for training: decoded and augmented in threads, ahead of the training that uses them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from ..errors import ArgumentError
from ..ops.checks import check_count
from ..ops.threads import can_start_threads, submit
from .augment import Augmentation
from .bad_files import readable_at
from .dataset import as_data
from .preprocessing import Preprocessing


class Loader:
    """Cuts a data set into batches.

    Order and random numbers depend on (seed, epoch, index of the batch) alone: not on the number of threads, nor
    on where in an epoch a run was resumed.

    Parameters
    ----------
    dataset : Dataset, ImageFolder or FloatImages
        Or a pair (float images (N, H, W, C), labels).
    preprocessing : Preprocessing, another function of uint8 images, or None
        For instance the method `ten_crops` of a Preprocessing. None leaves the images as they are stored.
    batch_size : int
    augmentation : Augmentation, optional
        Needs a Preprocessing.
    shuffle : bool
        A new order in each epoch, otherwise that of the data set.
    seed : int
    threads : int
        At most threads + 1 batches are ready or in work ahead of the one in use. 0, and where the system starts no
        threads: each is made when asked for.

    Raises
    ------
    ArgumentError
        For a setting that makes no sense, and for an augmentation without a Preprocessing.
    ShapeError, DtypeError, DataError
        For a pair (images, labels) that is no data set.
    """

    def __init__(self, dataset, preprocessing: Callable | None, batch_size: int = 128,
                 augmentation: Augmentation | None = None, shuffle: bool = False, seed: int = 0, threads: int = 1):
        self.dataset = as_data(dataset, "Loader: dataset")
        if augmentation is not None and not isinstance(preprocessing, Preprocessing):
            raise ArgumentError("Loader: an augmentation needs a Preprocessing, which has the mean and the "
                                f"network's input size; got {preprocessing!r}")
        self.preprocessing, self.augmentation = preprocessing, augmentation
        self.batch_size = check_count("Loader", "batch_size", batch_size)
        self.shuffle, self.seed = shuffle, check_count("Loader", "seed", seed, least=0)
        self.threads = check_count("Loader", "threads", threads, least=0)

    def __len__(self) -> int:
        """Batches in an epoch; the last may be smaller."""
        return -(-len(self.dataset) // self.batch_size)

    def batches(self, epoch: int = 0, start: int = 0) -> Generator[tuple[np.ndarray, np.ndarray]]:
        """Yield (images, labels int64) of the batches of one epoch, from the batch `start` on.

        Images whose files cannot be read are left out, see `BadFiles`; so a batch may be smaller, or empty.
        An error in a thread is raised here. Closing the iterator ends the threads.
        """
        if not 0 <= start <= len(self):
            raise ArgumentError(f"Loader: start must be from 0 to the {len(self)} batches of an epoch, got {start}")
        check_count("Loader", "epoch", epoch, least=0)
        order = self.order(epoch)
        if self.threads == 0 or not can_start_threads():
            return (self._batch(order, epoch, index) for index in range(start, len(self)))
        return self._prefetched(order, epoch, start)

    def order(self, epoch: int) -> np.ndarray:
        """The images' indices in the order in which an epoch has them."""
        order = np.arange(len(self.dataset))
        return np.random.default_rng([self.seed, epoch]).permutation(order) if self.shuffle else order

    def _batch(self, order: np.ndarray, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Batch number `index`."""
        images, labels = self._read(order[index * self.batch_size:(index + 1) * self.batch_size])
        return self._ready(images, labels, epoch, index)

    def _read(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The images at these indices as they are stored, and their labels; without those that cannot be read."""
        images, kept = readable_at(self.dataset, chosen)
        return images, self.dataset.labels[kept]

    def _ready(self, images: np.ndarray, labels: np.ndarray, epoch: int, index: int, *part: int
               ) -> tuple[np.ndarray, np.ndarray]:
        """Images of batch number `index` ready for the network; `part`: which of how many they are, if not all."""
        if not len(labels):
            return images, labels
        if self.augmentation is not None and isinstance(self.preprocessing, Preprocessing):
            # 1 + index, because NumPy treats the seeds [s, e] and [s, e, 0] alike: [s, e] is the order's.
            generator = np.random.default_rng([self.seed, epoch, 1 + index])
            return self.augmentation(images, self.preprocessing, generator, *part), labels
        return (images if self.preprocessing is None else self.preprocessing(images)), labels

    def _prefetched(self, order, epoch: int, start: int) -> Generator[tuple[np.ndarray, np.ndarray]]:
        """The batches in order, from threads that work ahead."""
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="tinynet-loader")
        ahead: deque[Future] = deque()
        try:
            for index in range(start, len(self)):
                ahead.append(submit(pool, self._batch, order, epoch, index))
                if len(ahead) > self.threads + 1:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:    # also when the caller drops the iterator half-way, or a batch has failed
            pool.shutdown(wait=True, cancel_futures=True)
