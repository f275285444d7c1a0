"""Training images held out for validation."""
import numpy as np
import pytest

from tinynet.data import Dataset, FloatImages, ImageFolder, split_validation
from tinynet.errors import ArgumentError, DataError


def dataset(counts=(10, 40, 3), names=("a", "b", "c")):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    images = np.zeros((len(labels), 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(labels))  # each tells its index
    return Dataset(images, labels, names)


def indices(data):
    return data.images[:, 0, 0, 0].tolist()


def test_parts_are_disjoint_stratified_and_in_order():
    data = dataset()
    train, validation = split_validation(data, 0.2, 0)
    assert sorted(indices(train) + indices(validation)) == list(range(53))
    for part in (train, validation):
        assert indices(part) == sorted(indices(part)) and part.class_names == ["a", "b", "c"]
        assert part.labels.tolist() == data.labels[indices(part)].tolist()
    assert np.bincount(validation.labels).tolist() == [2, 8, 1] and np.bincount(train.labels).tolist() == [8, 32, 2]


def test_the_seed_decides():
    one, same, other = (indices(split_validation(dataset(), 0.2, seed)[1]) for seed in (3, 3, 4))
    assert one == same and one != other


def test_a_class_is_drawn_whatever_the_others_have():
    def held_out(counts):
        data = dataset(counts)
        members, held = np.flatnonzero(data.labels == 0), indices(split_validation(data, 0.3, 0)[1])
        return [np.flatnonzero(members == i)[0] for i in held if data.labels[i] == 0]
    assert held_out((10, 40, 3)) == held_out((10, 7, 20))


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
def test_one_image_of_each_class_stays_in_both_parts(share):
    for part in split_validation(dataset((2, 9, 3)), share, 0):
        assert np.bincount(part.labels, minlength=3).min() >= 1


def test_a_class_with_one_image_is_named_and_one_without_any_is_not():
    with pytest.raises(DataError, match="class 'b' of data set 'data' has one image, expected at least two"):
        split_validation(dataset((5, 1, 3)), 0.2, 0)
    train, validation = split_validation(dataset((5, 0, 3)), 0.2, 0)
    assert len(train) + len(validation) == 8


def test_a_folder_is_split_and_not_read():
    paths = [f"{index}.png" for index in range(20)]  # which do not exist
    train, validation = split_validation(
        ImageFolder(paths, np.arange(20) % 2, ["a", "b"], (8, 9), "animals", 1, "squash"), 0.25, 1)
    assert len(train) == 16 and len(validation) == 4 and np.bincount(validation.labels).tolist() == [2, 2]
    assert not set(train.paths) & set(validation.paths)
    assert validation.image_shape == (8, 9, 1) and validation.resize == "squash" and validation.name == "animals"


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan"), "0.1", True, None])
def test_a_share_is_between_0_and_1(share):
    with pytest.raises(ArgumentError, match="share is .*, expected a number above 0 and below 1"):
        split_validation(dataset(), share, 0)


def test_other_arguments_are_checked():
    with pytest.raises(ArgumentError, match="seed is -1"):
        split_validation(dataset(), 0.1, -1)
    with pytest.raises(ArgumentError, match="expected a Dataset or an ImageFolder, got FloatImages"):
        split_validation(FloatImages(np.zeros((4, 2)), [0, 0, 1, 1]), 0.5, 0)
