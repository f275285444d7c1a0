"""The two ways of bringing an image to size: cropped, or squashed."""
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tinynet.data import Dataset, ImageFolder, Preprocessing, load_data, load_image, load_image_folder
from tinynet.errors import ArgumentError
from tinynet.training.preparation import choose_preprocessing, described_data


@pytest.fixture
def oval(tmp_path):
    """A white oval, three times as wide as high, that touches all four sides of a black image of 40 x 120."""
    image = Image.new("RGB", (120, 40))
    ImageDraw.Draw(image).ellipse((0, 0, 119, 39), fill="white")
    path = tmp_path / "oval.png"
    image.save(path)
    return path


def folder_of(path, **options):
    return ImageFolder([path, path], [0, 1], ["a", "b"], 40, **options)


def test_an_oval_is_squashed_to_a_disc_and_cropped_to_a_band(oval):
    rows, columns = np.mgrid[:40, :40]
    distance = np.hypot(rows - 19.5, columns - 19.5)
    squashed, cropped = load_image(oval, 40, resize="squash")[..., 0], load_image(oval, 40)[..., 0]
    assert np.all(squashed[distance < 18] > 200) and np.all(squashed[distance > 21.5] < 60)
    # The middle third of the oval reaches from side to side, and nearly from top to bottom.
    assert np.all(cropped[3:37] > 200) and np.array_equal(cropped, load_image(oval, 40, resize="crop")[..., 0])


def test_squashed_images_keep_their_edges_whatever_the_size(tmp_path):
    pixels = np.zeros((30, 90, 3), np.uint8)
    pixels[:, :30], pixels[:, 60:] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(pixels).save(tmp_path / "flag.png")
    for channels in (1, 3):
        image = load_image(tmp_path / "flag.png", (20, 25), channels, "squash")
        assert image.shape == (20, 25, channels) and image.dtype == np.uint8
        assert image[0, 0].max() > 60 and image[0, -1].max() > 20 and image[0, 12].max() < 5
    assert np.array_equal(load_image(tmp_path / "flag.png", resize="squash"), pixels)  # no size: nothing to do


def test_a_large_jpeg_is_squashed_from_enough_pixels(tmp_path):
    few = np.random.default_rng(0).integers(0, 256, (4, 12, 3), np.uint8)
    Image.fromarray(few).resize((3000, 500), Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=95)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")  # every pixel decoded
    one, two = (load_image(tmp_path / name, (64, 48), resize="squash").astype(int) for name in ("a.jpg", "a.png"))
    assert np.abs(one - two).max() <= 6


@pytest.mark.parametrize("call", [
    lambda path: load_image(path, 40, resize="fill"), lambda path: folder_of(path, resize="fill"),
    lambda path: folder_of(path).stored_as(20, 3, "fill"), lambda path: Preprocessing([0, 0, 0], 40, resize="fill")])
def test_another_way_is_refused(oval, call):
    with pytest.raises(ArgumentError, match="resize is 'fill', expected 'crop' or 'squash'"):
        call(oval)


def test_a_folder_passes_it_on(tmp_path, oval):
    folder = folder_of(oval, resize="squash")
    expected = load_image(oval, 40, resize="squash")
    for data in (folder, folder.subset([1]), folder.stored_as(40, 3), folder_of(oval).stored_as(40, 3, "squash")):
        assert data.resize == "squash" and np.array_equal(data.image(0), expected)
        assert "squashed to 40 x 40 x 3" in repr(data)
    assert folder.stored_as(40, 3, "crop").resize == folder_of(oval).subset([0]).resize == "crop"
    for split in ("train", "val"):
        (tmp_path / split / "a").mkdir(parents=True)
        (tmp_path / split / "a" / "oval.png").write_bytes(oval.read_bytes())
    for load in (load_data, load_image_folder):
        for data in load(tmp_path, 40, resize="squash"):
            assert np.array_equal(data.image(0), expected)
        assert load(tmp_path, 40)[0].resize == "crop"


def test_preprocessing_brings_an_image_to_size_as_the_training_set_did(oval):
    for resize in ("crop", "squash"):
        prepare = Preprocessing.fit(folder_of(oval, resize=resize), 36)
        assert prepare.resize == resize
        assert np.array_equal(prepare.load_image(oval), load_image(oval, 40, resize=resize))
        state = prepare.state()
        again = Preprocessing.from_state(
            {"mean": state["mean"], "settings": json.loads(json.dumps(state["settings"]))})
        assert again.resize == resize and again.state()["settings"] == state["settings"]
    assert Preprocessing.fit(Dataset(np.zeros((2, 4, 4, 1), np.uint8), [0, 0], ["a"]), 4).resize == "crop"


def test_a_state_from_before_there_were_two_ways_is_cropped(oval):
    state = Preprocessing([0, 0, 0], 36, 40).state()
    del state["settings"]["resize"]
    old = Preprocessing.from_state(state)
    assert old.resize == "crop" and np.array_equal(old.load_image(oval), load_image(oval, 40))


def test_a_runs_description_tells_them_apart_and_leaves_old_ones_as_they_were(oval):
    cropped, squashed = (described_data(folder_of(oval, resize=resize)) for resize in ("crop", "squash"))
    assert squashed == cropped | {"resize": "squash"} and "resize" not in cropped


class Net:
    """What `choose_preprocessing` asks of a network."""

    name, recipe, input_shape = "net", {}, (36, 36, 3)

    def __init__(self, preprocessing=None):
        self.preprocessing = preprocessing


def test_training_images_and_preprocessing_agree_on_it(oval):
    squashed = folder_of(oval, resize="squash")
    assert choose_preprocessing(Net(), squashed, None, False).resize == "squash"
    with pytest.raises(ArgumentError, match="brought to size by 'squash', expected 'crop' as in the preprocessing"):
        choose_preprocessing(Net(Preprocessing([0, 0, 0], 36, 40)), squashed, None, False)
    with pytest.raises(ArgumentError, match="brought to size by 'crop', expected 'squash'"):
        choose_preprocessing(Net(), folder_of(oval), Preprocessing([0, 0, 0], 36, 40, resize="squash"), False)
