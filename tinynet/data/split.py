"""Holds some training images out for validation, where a data set has no validation images of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, DataError
from ..ops.checks import check_count


def split_validation(dataset: Any, share: float, seed: int = 0) -> tuple[Any, Any]:
    """Split a data set into training and validation images, with about the same share of each class.

    Which images of a class are held out depends on the seed, the class and how many images it has alone. Both parts
    keep the order of the data set.

    Parameters
    ----------
    dataset : Dataset or ImageFolder
    share : float
        Of each class, for validation: above 0, below 1. It is rounded to whole images; at least one image of each
        class is in each part.
    seed : int

    Returns
    -------
    train, validation : of the kind of `dataset`

    Raises
    ------
    DataError
        When a class has one image only.
    ArgumentError
        For a share out of this range, a seed below 0, or what is no data set of stored images.
    """
    if isinstance(share, bool) or not isinstance(share, int | float | np.number) or not 0 < share < 1:
        raise ArgumentError(f"split_validation: share is {share!r}, expected a number above 0 and below 1")
    check_count("split_validation", "seed", seed, least=0)
    if not hasattr(dataset, "subset"):
        raise ArgumentError(f"split_validation: expected a Dataset or an ImageFolder, got {type(dataset).__name__}")
    held_out = np.zeros(len(dataset), bool)
    for label, name in enumerate(dataset.class_names):
        members = np.flatnonzero(dataset.labels == label)
        if len(members) == 1:
            raise DataError(f"split_validation: class {name!r} of data set {dataset.name!r} has one image, expected at "
                            "least two, one to train on and one to hold out")
        if len(members):
            count = min(max(round(share * len(members)), 1), len(members) - 1)
            held_out[np.random.default_rng([seed, label]).permutation(members)[:count]] = True
    return dataset.subset(~held_out), dataset.subset(held_out)
