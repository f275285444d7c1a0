"""Image files of many kinds, sound and damaged, and folders of them."""
import struct

import numpy as np
import pytest
from PIL import Image

from tinynet.data import ImageFolder, load_data, load_image, load_image_folder
from tinynet.errors import ArgumentError, DataError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def smooth_image(height, width):
    """A photograph-like image: slow changes of colour."""
    few = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    return Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("ending", ["png", "bmp", "gif", "ppm", "tiff", "webp"])
def test_formats_without_loss(tmp_path, ending):
    # Four colours only, so that GIF keeps them too.
    pixels = np.array([[RED, GREEN, BLUE], [WHITE, RED, GREEN]], np.uint8)
    options = {"lossless": True} if ending == "webp" else {}
    path = save(tmp_path / f"image.{ending}", Image.fromarray(pixels), **options)
    assert np.array_equal(load_image(path), pixels)


def test_a_png_named_jpeg_loads(tmp_path):
    path = save(tmp_path / "n02105855_2933.JPEG", Image.new("RGB", (6, 4), RED), format="PNG")
    assert load_image(path).shape == (4, 6, 3)


@pytest.mark.parametrize("mode, colour, expected", [
    ("L", 77, (77, 77, 77)), ("1", 1, WHITE), ("CMYK", (0, 255, 255, 0), RED)])
def test_modes_of_jpeg_and_tiff(tmp_path, mode, colour, expected):
    path = save(tmp_path / "image.tiff", Image.new(mode, (9, 7), colour))
    assert np.abs(load_image(path).astype(int) - expected).max() <= 1
    if mode in ("L", "CMYK"):
        path = save(tmp_path / "image.jpeg", Image.new(mode, (9, 7), colour), quality=100)
        assert np.abs(load_image(path).astype(int) - expected).max() <= 4


def test_transparent_pixels_are_white(tmp_path):
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    assert np.array_equal(load_image(save(tmp_path / "a.png", image)), [[RED, WHITE]])
    image.putpixel((1, 0), (0, 0, 255, 128))
    half = load_image(save(tmp_path / "half.png", image))[0, 1]
    assert np.abs(half.astype(int) - (127, 127, 255)).max() <= 1

    palette = Image.new("P", (2, 1))
    palette.putpalette([*RED, *BLUE])
    palette.putpixel((1, 0), 1)
    assert np.array_equal(load_image(save(tmp_path / "p.png", palette)), [[RED, BLUE]])
    assert np.array_equal(load_image(save(tmp_path / "p0.png", palette, transparency=0)), [[WHITE, BLUE]])
    grey = Image.new("LA", (1, 1), (9, 0))
    assert np.array_equal(load_image(save(tmp_path / "la.png", grey)), [[WHITE]])


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    values = np.array([[0, 256, 257, 32896, 65535]], np.uint16)
    for ending in ("png", "tiff"):
        path = save(tmp_path / f"deep.{ending}", Image.fromarray(values))
        assert np.array_equal(load_image(path, channels=1)[0, :, 0], [0, 1, 1, 128, 255])
    path = save(tmp_path / "float.tiff", Image.fromarray(np.array([[0.5]], np.float32)))
    with pytest.raises(DataError, match="floating-point pixels"):
        load_image(path)


def odd_exif(*tags):
    """EXIF with these tags, (number, type, four bytes), whatever their types should be."""
    entries = b"".join(struct.pack("<HHI", number, kind, 1) + value for number, kind, value in sorted(tags))
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("odd", [(0x100, 1, b"\5\0\0\0"), (0x128, 4, struct.pack("<I", 70000)), (0x11a, 2, b"ab\0\0")])
def test_exif_with_a_tag_of_an_odd_type_turns_all_the_same(tmp_path, name, odd):
    turned = (0x112, 3, b"\6\0\0\0")
    for tags, shape in (((turned,), (12, 8, 3)), ((turned, odd), (12, 8, 3)), ((odd,), (8, 12, 3))):
        Image.new("RGB", (12, 8)).save(tmp_path / name, exif=odd_exif(*tags))
        assert load_image(tmp_path / name).shape == shape


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_an_image_whose_exif_cannot_be_read_stays_as_it_is_stored(tmp_path, name):
    Image.new("RGB", (12, 8)).save(tmp_path / name, exif=b"garbagegarbage")
    assert load_image(tmp_path / name).shape == (8, 12, 3)


def test_every_row_of_a_high_transparent_image_is_there(tmp_path):
    pixels = np.zeros((600, 3, 4), np.uint8)
    pixels[..., 0], pixels[..., 1] = (np.arange(600) // 256)[:, None], (np.arange(600) % 256)[:, None]
    pixels[:, 0, 3] = 255                                                      # the other columns are transparent
    Image.fromarray(pixels, "RGBA").save(tmp_path / "high.png")
    found = load_image(tmp_path / "high.png")
    np.testing.assert_array_equal(found[:, 0], pixels[:, 0, :3])
    assert (found[:, 1:] == 255).all()


@pytest.mark.parametrize("channels", [2, 3.0, True, "3", None])
def test_channels_are_1_or_3(tmp_path, channels):
    save(tmp_path / "a.png", Image.new("RGB", (2, 2)))
    with pytest.raises(ArgumentError, match="load_image: channels"):
        load_image(tmp_path / "a.png", channels=channels)
    with pytest.raises(ArgumentError, match="data set 'images': channels"):
        ImageFolder([tmp_path / "a.png"], [0], ["a"], channels=channels)


def test_exif_orientation_is_applied(tmp_path):
    image = Image.fromarray(np.array([[RED, GREEN, BLUE]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6    # turn by 90 degrees clockwise
    path = save(tmp_path / "turned.png", image, exif=exif)
    assert np.array_equal(load_image(path), [[RED], [GREEN], [BLUE]])


def test_first_frame_of_an_animation_and_of_a_two_picture_jpeg(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    path = save(tmp_path / "film.gif", frames[0], save_all=True, append_images=frames[1:])
    assert np.array_equal(load_image(path)[0, 0], RED)
    path = save(tmp_path / "phone.jpg", frames[0], format="MPO", save_all=True, append_images=frames[1:])
    assert load_image(path)[0, 0, 0] > 250


def test_grey_output(tmp_path):
    path = save(tmp_path / "green.png", Image.new("RGB", (3, 2), GREEN))
    grey = load_image(path, channels=1)
    assert grey.shape == (2, 3, 1) and np.all(grey == 150)    # 0.587 of 255
    with pytest.raises(ArgumentError, match="channels must be 1 or 3, got 4"):
        load_image(path, channels=4)


@pytest.mark.parametrize("height, width", [(40, 100), (100, 40), (9, 30), (64, 64)])
def test_shorter_side_and_central_crop(tmp_path, height, width):
    # Three equal parts along the longer side; the central square holds the middle part and as much of the others.
    longer = np.arange(max(height, width))
    grey = np.where(longer < len(longer) / 2, 50, 200).astype(np.uint8)
    pixels = np.broadcast_to(grey[None, :] if width >= height else grey[:, None], (height, width))
    loaded = load_image(save(tmp_path / "image.png", Image.fromarray(np.ascontiguousarray(pixels))), size=20)
    assert loaded.shape == (20, 20, 3)
    along = loaded[10, :, 0] if width >= height else loaded[:, 10, 0]
    assert np.all(along[:9] == 50) and np.all(along[11:] == 200)


def test_size_agrees_with_scaling_first_and_cropping_then(tmp_path):
    image = smooth_image(375, 500)
    loaded = load_image(save(tmp_path / "image.png", image), size=256)
    scaled = image.resize((341, 256), Image.Resampling.BILINEAR).crop((42, 0, 298, 256))
    assert np.abs(loaded.astype(int) - np.asarray(scaled)).max() <= 1    # the two ways round differently
    assert load_image(tmp_path / "image.png", size=(20, 30)).shape == (20, 30, 3)
    with pytest.raises(ArgumentError, match="load_image: size is 0"):
        load_image(tmp_path / "image.png", size=0)


def test_large_jpegs_keep_their_pixels_right(tmp_path):
    # 1030 pixels would be halved twice while decoding, if the filter were not left twice the size.
    noise = np.random.default_rng(1).integers(0, 40, (1030, 1100, 3), np.uint8)
    pixels = np.asarray(smooth_image(1030, 1100)) // 2 + noise
    jpeg = save(tmp_path / "a.jpg", Image.fromarray(pixels), quality=95, subsampling=0)
    whole = save(tmp_path / "a.png", Image.open(jpeg))    # every pixel decoded
    difference = load_image(whole, size=256).astype(int) - load_image(jpeg, size=256)
    assert np.abs(difference).mean() < 0.8 and np.abs(difference).max() <= 6


@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "tiff", "bmp", "webp"])
def test_damaged_files_are_named(tmp_path, ending):
    path = save(tmp_path / f"image.{ending}", smooth_image(40, 50))
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])
    with pytest.raises(DataError, match=rf"image\.{ending} (cannot be read|is damaged)"):
        load_image(path)


def test_what_is_no_image(tmp_path):
    for name, content in (("text.jpg", b"not an image"), ("empty.png", b""), ("icon.ico", b"\0\0\1\0\1\0")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} is damaged or not an image of a known format .JPEG, PNG"):
            load_image(tmp_path / name)
    with pytest.raises(DataError, match="missing.jpg cannot be read as an image: No such file or directory"):
        load_image(tmp_path / "missing.jpg")
    # EPS starts another program in Pillow; it is not on the list.
    path = save(tmp_path / "image.eps", Image.new("RGB", (4, 4)))
    with pytest.raises(DataError, match="image.eps is damaged or not an image of a known format"):
        load_image(path)


def test_every_cut_of_a_file_ends_in_a_data_error(tmp_path):
    path = save(tmp_path / "image.png", smooth_image(8, 9))
    content = path.read_bytes()
    for length in range(0, len(content) - 24, 7):    # checksums and the mark of the end come last
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match="image.png"):
            load_image(path)


def make_folder(root, test_name="val"):
    for split, names in (("train", ["n01440764_tench", "dog"]), (test_name, ["dog"])):
        for name in names:
            for number in range(3):
                colour = (40 * number, 100 if name == "dog" else 200, 0)
                save(root / split / name / f"{number}.JPEG", Image.new("RGB", (30 + number, 20), colour))


@pytest.mark.parametrize("test_name", ["val", "test"])
def test_image_folder(tmp_path, test_name):
    make_folder(tmp_path, test_name)
    (tmp_path / "train" / "dog" / ".hidden.jpg").write_bytes(b"")
    (tmp_path / "train" / "dog" / "notes.txt").write_text("not an image")
    (tmp_path / "train" / ".cache").mkdir()
    train, test = load_image_folder(tmp_path, size=16)
    assert test is not None
    assert train.class_names == test.class_names == ["dog", "n01440764_tench"]
    assert [path.name for path in train.paths] == 2 * ["0.JPEG", "1.JPEG", "2.JPEG"]
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1] and test.labels.tolist() == [0, 0, 0]
    assert train.image_shape == (16, 16, 3) and train.image(4).shape == (16, 16, 3)
    assert np.abs(train.image(5).astype(int) - (80, 200, 0)).max() <= 4
    part = train.subset([5, 0])
    assert part.paths == [train.paths[5], train.paths[0]] and part.labels.tolist() == [1, 0]
    assert np.array_equal(part.images_at([0])[0], train.image(5))
    assert load_data(tmp_path)[0].image_shape == (256, 256, 3)
    assert load_data(tmp_path, image_size=24)[1].image_shape == (24, 24, 3)


def test_no_test_folder(tmp_path):
    make_folder(tmp_path / "all")
    (tmp_path / "all" / "train").rename(tmp_path / "train")
    assert load_image_folder(tmp_path)[1] is None


@pytest.mark.parametrize("damage, message", [
    (lambda root: save(root / "val" / "cat" / "a.png", Image.new("RGB", (5, 5))), "has the class 'cat', which .*train"),
    (lambda root: (root / "train" / "cat").mkdir(), "cat has no images: expected files ending in .jpg"),
    (lambda root: (root / "train").rename(root / "pictures"), "folder .*train does not exist"),
    (lambda root: (root / "val").rename(root / "old") and (root / "val").mkdir(), "val is empty"),
])
def test_folders_that_cannot_be_used(tmp_path, damage, message):
    make_folder(tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match=message):
        load_image_folder(tmp_path)


def test_image_folder_checks_its_lists(tmp_path):
    path = save(tmp_path / "a.png", Image.new("RGB", (5, 5)))
    with pytest.raises(DataError, match="image 0 has the label 3, expected 0 to 0"):
        ImageFolder([path], [3], ["a"])
    with pytest.raises(DataError, match="data set 'images' has no images"):
        ImageFolder([], [], ["a"])


def test_the_real_photographs(data_folder):
    paths = sorted((data_folder / "imagenet-sample").glob("*.JPEG"))
    assert len(paths) == 100
    photographs = np.stack([load_image(path, 256) for path in paths[::5]])
    assert photographs.shape == (20, 256, 256, 3)
    # Photographs, not noise or blanks: much contrast, neighbours alike.
    assert photographs.std() > 40
    assert np.abs(np.diff(photographs.astype(int), axis=2)).mean() < 20


def test_a_folder_in_grey(tmp_path):
    make_folder(tmp_path)
    colour, grey = load_image_folder(tmp_path, 8), load_image_folder(tmp_path, 8, channels=1)
    for one, two in zip(colour, grey, strict=True):
        assert one.image_shape == (8, 8, 3) and two.image_shape == (8, 8, 1)
        assert two.images_at([0, 1]).shape == (2, 8, 8, 1) and two.subset([0]).image_shape == (8, 8, 1)
        np.testing.assert_array_equal(two.image(0), load_image(two.paths[0], 8, channels=1))
    assert load_data(tmp_path, 8, channels=1)[0].image_shape == (8, 8, 1)
    assert colour[0].stored_as((4, 5), 1).image(0).shape == (4, 5, 1) and colour[0].image_shape == (8, 8, 3)
    with pytest.raises(ArgumentError, match="channels must be 1 or 3, got 2"):
        load_image_folder(tmp_path, 8, channels=2)
