"""Preprocessing, crops, mirror images and PCA colour, with the mistakes that real projects made."""

import json

import numpy as np
import pytest
from PIL import Image

from tinynet.data import Augmentation, Dataset, PCAColour, Preprocessing, ten_crops
from tinynet.data.image_folder import ImageFolder
from tinynet.errors import ArgumentError, DataError, DtypeError, ShapeError


def dataset(count=7, height=6, width=8, channels=3, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)
    return Dataset(images, np.arange(count) % 2, ["a", "b"])


def positions(height, width):
    """One image whose red is the row and whose green is the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, 0 * rows], axis=-1).astype(np.uint8)[None]


def test_mean_image_and_mean_colour():
    data = dataset(1203)    # more than two blocks
    exact = data.images.astype(np.float64).mean(axis=0)
    image = Preprocessing.fit(data, (6, 8))
    assert image.mean.dtype == np.float32 and np.abs(image.mean - exact).max() < 1e-4
    colour = Preprocessing.fit(data, (6, 8), mean="colour")
    assert colour.mean.shape == (3,) and np.abs(colour.mean - exact.mean(axis=(0, 1))).max() < 1e-4
    assert np.abs(image(data.images).mean(axis=0)).max() < 1e-3
    with pytest.raises(ArgumentError, match="mean must be 'image' or 'colour', got 'pixel'"):
        Preprocessing.fit(data, 6, mean="pixel")


def test_central_crop_takes_the_mean_of_its_own_position():
    data = dataset()
    mean = np.random.default_rng(1).uniform(0, 255, (6, 8, 3)).astype(np.float32)
    out = Preprocessing(mean, (4, 3))(data.images)
    assert out.dtype == np.float32 and out.shape == (7, 4, 3, 3)
    assert np.array_equal(out, data.images[:, 1:5, 2:5] - mean[1:5, 2:5])
    assert np.array_equal(Preprocessing([1, 2, 3], (4, 3), (6, 8))(data.images), data.images[:, 1:5, 2:5] - [1, 2, 3])


def test_ten_crops_by_hand():
    views = ten_crops(positions(5, 6), (2, 3))[0]
    assert views.shape == (10, 2, 3, 3)
    corners = [(0, 0), (0, 3), (3, 0), (3, 3), (1, 1)]
    for view, mirrored, (top, left) in zip(views[:5], views[5:], corners, strict=True):
        assert view[..., 0].tolist() == [[top] * 3, [top + 1] * 3]
        assert view[..., 1].tolist() == [[left, left + 1, left + 2]] * 2
        assert mirrored[..., 0].tolist() == view[..., 0].tolist()
        assert mirrored[..., 1].tolist() == [[left + 2, left + 1, left]] * 2


def test_ten_crops_subtract_the_mean_before_cropping():
    data = dataset()
    prepare = Preprocessing.fit(data, 4)
    views = prepare.ten_crops(data.images)
    assert views.shape == (7, 10, 4, 4, 3) and views.dtype == np.float32
    assert np.array_equal(views[:, 4], prepare(data.images))    # the centre
    assert np.array_equal(views[:, 3], data.images[:, 2:, 4:] - prepare.mean[2:, 4:])
    assert np.array_equal(views[:, 8], views[:, 3, :, ::-1])


def test_crops_reach_every_position_equally_often_and_half_are_mirrored():
    # Stored 5 x 6, taken 3 x 3: 3 x 4 positions. The pixels tell where a crop came from.
    count = 12_000
    images = np.repeat(positions(5, 6), count, axis=0)
    out = Augmentation()(images, Preprocessing([0, 0, 0], 3, (5, 6)), np.random.default_rng(0))
    flipped = out[:, 0, 0, 1] > out[:, 0, -1, 1]
    tops, lefts = out[:, 0, 0, 0].astype(int), out[:, 0, :, 1].min(axis=1).astype(int)
    counts = np.zeros((2, 3, 4), int)
    np.add.at(counts, (flipped.astype(int), tops, lefts), 1)
    assert counts.sum() == count
    assert np.abs(counts - 500).max() < 5 * np.sqrt(500)    # 24 cases, each 500 times, deviation 22
    assert np.array_equal(out[:, :, 0, 0], tops[:, None] + np.arange(3))


def test_crops_of_a_mean_image_take_the_mean_of_their_own_position():
    # Each image is the mean image itself, so that nothing remains wherever it is cut.
    mean = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    out = Augmentation()(np.repeat(mean[None], 50, axis=0), Preprocessing(mean, 4), np.random.default_rng(0))
    assert np.all(out == 0)


def test_padding_is_the_mean():
    mean = np.full((4, 4, 3), 100, np.float32)
    images = np.full((2000, 4, 4, 3), 107, np.uint8)
    out = Augmentation(pad=2)(images, Preprocessing(mean, 4), np.random.default_rng(0))
    assert out.shape == images.shape and set(np.unique(out)) == {0.0, 7.0}
    # 5 x 5 positions; the image is wholly inside at one of them.
    whole = np.all(out == 7, axis=(1, 2, 3)).mean()
    assert abs(whole - 1 / 25) < 0.02
    assert abs(np.mean(out == 7) - (1 - 1.2 / 4) ** 2) < 0.02    # a mean shift of 1.2 pixels in each direction


def test_without_crop_and_mirror_nothing_is_random():
    data = dataset()
    prepare = Preprocessing.fit(data, (4, 3))
    same = Augmentation(crop=False, mirror=False)(data.images, prepare, np.random.default_rng(0))
    assert np.array_equal(same, prepare(data.images))
    mirrored = Augmentation(crop=False)(data.images, prepare, np.random.default_rng(0))
    both = np.stack([same, same[:, :, ::-1]])
    assert all(np.any(np.all(both[:, i] == mirrored[i], axis=(1, 2, 3))) for i in range(len(same)))


def test_colours_of_grey_images_are_refused():
    grey = Dataset(np.zeros((4, 8, 8, 1), np.uint8), [0, 1, 0, 1], ["a", "b"])
    augmentation = Augmentation(colour=PCAColour(np.ones(3), np.eye(3)))
    with pytest.raises(ShapeError, match="colour changes red, green and blue, and the images have 1 channel$"):
        augmentation(grey.images, Preprocessing.fit(grey, (8, 8)), np.random.default_rng(0))


def coloured_dataset(strong=(3.0, 2.0, 1.0)):
    """Pixels whose colour varies along `strong`, and little otherwise."""
    generator = np.random.default_rng(0)
    direction = np.array(strong) / np.linalg.norm(strong)
    pixels = 128 + generator.normal(0, 30, (20, 10, 10, 1)) * direction + generator.normal(0, 3, (20, 10, 10, 3))
    return Dataset(pixels.clip(0, 255).round().astype(np.uint8), np.zeros(20, int), ["a"]), direction


def test_pca_colour_finds_the_covariance():
    data, direction = coloured_dataset()
    colour = PCAColour.fit(data)
    covariance = np.cov(data.images.reshape(-1, 3).T / 255, bias=True)
    rebuilt = colour.eigenvectors @ np.diag(colour.eigenvalues) @ colour.eigenvectors.T
    assert np.abs(rebuilt - covariance).max() < 1e-12
    assert abs(abs(colour.eigenvectors[:, -1] @ direction) - 1) < 1e-3


def test_pca_colour_shifts_along_the_columns_of_the_eigenvectors():
    # Transposed, the shifts would go along (0, .6, .8)'s mixture of rows: no multiple of the first column.
    columns = np.array([[0.0, 1.0, 0.0], [0.6, 0.0, -0.8], [0.8, 0.0, 0.6]])
    shift = PCAColour([0.2, 0, 0], columns).shift(np.random.default_rng(0), 1000)
    assert shift.shape == (1000, 3) and shift.dtype == np.float32
    assert np.abs(shift - np.outer(shift @ columns[:, 0], columns[:, 0])).max() < 1e-5


def test_pca_colour_is_two_sided_and_of_the_right_size():
    colour = PCAColour([0.001, 0.02, 0.2], np.eye(3)[:, [1, 2, 0]])
    shift = colour.shift(np.random.default_rng(1), 20_000)
    expected = 0.1 * 255 * np.array([0.2, 0.001, 0.02])    # deviation of red, green, blue
    assert np.abs(shift.std(axis=0) / expected - 1).max() < 0.03
    assert np.abs(shift.mean(axis=0) / expected).max() < 0.04
    assert np.abs(np.mean(shift > 0, axis=0) - 0.5).max() < 0.02
    assert np.abs(np.corrcoef(shift.T) - np.eye(3)).max() < 0.04    # three draws, not one


def test_pca_colour_shifts_whole_images_each_differently():
    data, _ = coloured_dataset()
    prepare = Preprocessing.fit(data, 10)
    augmentation = Augmentation(crop=False, mirror=False, colour=PCAColour.fit(data))
    difference = augmentation(data.images, prepare, np.random.default_rng(0)) - prepare(data.images)
    assert np.ptp(difference, axis=(1, 2)).max() < 1e-4    # the same for every pixel of an image
    shifts = difference.mean(axis=(1, 2))
    assert np.unique(shifts.round(4), axis=0).shape[0] == len(data)
    again = augmentation(data.images, prepare, np.random.default_rng(1)) - prepare(data.images)
    assert np.abs(again.mean(axis=(1, 2)) - shifts).min() > 0    # drawn anew at each use


def test_pca_colour_refuses_what_does_not_fit():
    with pytest.raises(ShapeError, match="expected images of 3 channels, got 1"):
        PCAColour.fit(dataset(channels=1))
    with pytest.raises(ShapeError, match="expected eigenvalues"):
        PCAColour([1, 2], np.eye(3))


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize("images, error, message", [
    (np.zeros((2, 6, 8, 3), np.float32), DtypeError, "expected uint8 .* got float32"),
    (np.zeros((6, 8, 3), np.uint8), ShapeError, r"expected the shape \(N, H, W, C\)"),
    (np.zeros((0, 6, 8, 3), np.uint8), DataError, "the array is empty"),
    (np.zeros((2, 3, 6, 8), np.uint8), ShapeError, "channels seem to come first"),
    (np.zeros((2, 6, 8, 1), np.uint8), ShapeError, "the mean has 3 channels, the images have 1"),
    (np.zeros((2, 8, 8, 3), np.uint8), ShapeError, "made for stored images of 6 x 8, these are 8 x 8"),
])
@pytest.mark.parametrize("mean", ["image", "colour"])
def test_preprocessing_says_what_is_wrong(mean, augment, images, error, message):
    prepare = Preprocessing.fit(dataset(), 4, mean)
    with pytest.raises(error, match=message):
        if augment:
            Augmentation()(images, prepare, np.random.default_rng(0))
        else:
            prepare(images)


def test_an_input_larger_than_the_stored_image():
    prepare = Preprocessing.fit(dataset(), 7)
    for call in (prepare, prepare.ten_crops, lambda images: Augmentation()(images, prepare, np.random.default_rng(0))):
        with pytest.raises(ShapeError, match="the network takes 7 x 7 images, the stored ones are only 6 x 8"):
            call(dataset().images)
    out = Augmentation(pad=1)(dataset().images, prepare, np.random.default_rng(0))
    assert out.shape == (7, 7, 7, 3)


def test_bad_settings():
    for call, error, message in (
            (lambda: Preprocessing([1, 2], 4), ShapeError, "1 or 3 channels"),
            (lambda: Preprocessing([1], 0), ArgumentError, "Preprocessing: input_size is 0"),
            (lambda: Preprocessing(np.zeros((4, 4, 1)), 4, 5), ShapeError, "mean image is 4 x 4 x 1, .* are 5 x 5"),
            (lambda: Augmentation(pad=-1), ArgumentError, "Augmentation: pad is -1"),
            (lambda: Augmentation(pad=0.5), ArgumentError, "pad is 0.5, expected a whole number")):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize("mean", ["image", "colour"])
def test_state_goes_through_json_and_back(mean):
    data = Dataset(dataset().images, np.zeros(7, int), ["a"], padding=1)
    prepare = Preprocessing.fit(data, (5, 4), mean)
    state = prepare.state()
    again = Preprocessing.from_state({"mean": state["mean"], "settings": json.loads(json.dumps(state["settings"]))})
    assert np.array_equal(again(data.images), prepare(data.images))
    assert (again.image_size, again.padding, again.channels) == ((6, 8), 1, 3)
    augmentation = Augmentation(mirror=False, pad=2, colour=PCAColour.fit(data))
    same = Augmentation.from_settings(json.loads(json.dumps(augmentation.settings)))
    one, other = (each(data.images, prepare, np.random.default_rng(3)) for each in (augmentation, same))
    assert np.array_equal(one, other)
    assert Augmentation.from_settings(Augmentation(crop=False).settings).settings == Augmentation(crop=False).settings


@pytest.mark.parametrize("mean", ["image", "colour"])
def test_images_without_the_padding_of_the_stored_ones_get_it(mean):
    images = dataset().images
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    prepare = Preprocessing.fit(Dataset(padded, np.zeros(7, int), ["a"], padding=2), 9, mean, deviation=3)
    other = Preprocessing.fit(dataset(), 9, mean, deviation=3, padding=2)
    assert np.array_equal(other.mean, prepare.mean) and other.state()["settings"] == prepare.state()["settings"]
    assert prepare.unpadded_size == (6, 8) and Preprocessing(prepare.mean, 9, (10, 12)).unpadded_size == (10, 12)
    assert np.array_equal(prepare(images), prepare(padded)) and np.array_equal(prepare(padded), other(padded))
    assert np.array_equal(prepare.ten_crops(images), prepare.ten_crops(padded))
    one, two = (Augmentation(pad=1)(each, prepare, np.random.default_rng(3)) for each in (images, padded))
    assert np.array_equal(one, two)
    with pytest.raises(ShapeError, match=r"images of 10 x 12 \(or 6 x 8, without padding\), these are 8 x 10"):
        prepare(padded[:, 1:-1, 1:-1])


def test_any_photograph_is_brought_to_the_stored_form(tmp_path):
    Image.new("RGB", (90, 50), (200, 200, 200)).save(tmp_path / "photograph.png")
    digits = Dataset(np.zeros((3, 32, 32, 1), np.uint8), [0, 1, 0], ["0", "1"], padding=2)
    loaded = Preprocessing.fit(digits, 32).load_image(tmp_path / "photograph.png")
    assert loaded.shape == (32, 32, 1)
    assert np.all(loaded[2:30, 2:30] == 200) and loaded.sum() == 28 * 28 * 200
    assert Preprocessing([0, 0, 0], 24, (30, 40)).load_image(tmp_path / "photograph.png").shape == (30, 40, 3)


def test_mean_of_a_large_folder_is_taken_from_a_sample(tmp_path, monkeypatch):
    monkeypatch.setattr("tinynet.data.preprocessing.SAMPLE", 3)
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        Image.new("RGB", (4, 4), (10 * number,) * 3).save(path)
    folder = ImageFolder(paths, np.zeros(5, int), ["a"], size=4)
    paths[1].unlink()    # not among the first, the middle and the last
    assert np.all(Preprocessing.fit(folder, 4).mean == 20)


def test_a_deviation_divides_what_every_way_in_gives():
    data = dataset(height=20, width=20)
    plain = Preprocessing.fit(data, 16)
    scaled = Preprocessing.fit(data, 16, deviation=64)
    np.testing.assert_allclose(scaled(data.images), plain(data.images) / 64, rtol=1e-6)
    np.testing.assert_allclose(scaled.ten_crops(data.images), plain.ten_crops(data.images) / 64, rtol=1e-6)
    augmentation = Augmentation(colour=PCAColour.fit(data))
    both = [augmentation(data.images, p, np.random.default_rng(0)) for p in (plain, scaled)]
    np.testing.assert_allclose(both[1], both[0] / 64, rtol=1e-6)
    again = Preprocessing.from_state(scaled.state())
    np.testing.assert_array_equal(again(data.images), scaled(data.images))
    with pytest.raises(ArgumentError, match="deviation is 0"):
        Preprocessing(plain.mean, 16, deviation=0)
