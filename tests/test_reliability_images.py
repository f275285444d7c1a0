"""Image files of every kind in every condition, and training runs over files that cannot be read."""
import tempfile
from pathlib import Path

import numpy as np
import pytest
from image_matrix import CONDITIONS, MODES, ORIENTATIONS, PILLOW, WORDS, cases, encoded, wrong
from PIL import Image

import tinynet as tn
from tinynet.data import image_file, load_image, load_image_folder
from tinynet.errors import DataError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
CASES = list(cases())


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("mode", MODES)
def test_every_kind_in_every_condition(mode, condition):
    problems = {}
    for one, form, other in CASES:
        if (one, other) == (mode, condition):
            # Not pytest's folder, into which another user may not look.
            with tempfile.TemporaryDirectory() as folder:
                Path(folder).chmod(0o755)
                problems[form] = wrong(mode, form, condition, Path(folder))
    assert problems and not any(problems.values()), problems


@pytest.mark.parametrize("number", ORIENTATIONS)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_orientations_of_jpeg_files_which_may_leave_out_detail(tmp_path, mode, number):
    few = np.random.default_rng(1).integers(60, 200, (3, 4, 3), np.uint8)
    image = Image.fromarray(few).resize((128, 96), Image.Resampling.BICUBIC).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = number
    (tmp_path / "a.jpg").write_bytes(encoded(image, "JPEG", exif=exif, quality=95))
    upright = ORIENTATIONS[number](np.asarray(image.convert("RGB")).astype(float))
    assert np.abs(load_image(tmp_path / "a.jpg") - upright).max() < 16
    height, width = upright.shape[0] // 8, upright.shape[1] // 8
    means = upright.reshape(height, 8, width, 8, 3).mean(axis=(1, 3))
    assert np.abs(load_image(tmp_path / "a.jpg", (height, width)) - means).max() < 16


def test_a_transparent_value_of_sixteen_bits_is_white(tmp_path):
    # Pillow before 12 writes such a file from 32 bits, later ones from 16.
    image = Image.fromarray(WORDS if PILLOW >= 12 else WORDS.astype(np.int32))
    (tmp_path / "a.png").write_bytes(encoded(image, "PNG", transparency=int(WORDS[2, 3])))
    expected = np.where(WORDS == WORDS[2, 3], 255, np.round(WORDS / 257))
    assert np.array_equal(load_image(tmp_path / "a.png", channels=1)[..., 0], expected)


def test_more_pixels_than_memory_should_hold_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(image_file, "MOST_PIXELS", 40 * 30)
    for width in (40, 41):
        for form in ("PNG", "JPEG"):
            (tmp_path / f"{width}.{form}").write_bytes(encoded(Image.new("RGB", (width, 30)), form))
    assert load_image(tmp_path / "40.PNG").shape == (30, 40, 3)
    for form in ("PNG", "JPEG"):
        with pytest.raises(DataError, match=f"41.{form} has 41 x 30 pixels, expected 1 to 1200"):
            load_image(tmp_path / f"41.{form}")
    assert load_image(tmp_path / "41.JPEG", 4).shape == (4, 4, 3)    # decoded at an eighth of its size


def test_want_of_memory_does_not_make_a_file_a_bad_one(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, 4, 0)[0]
    monkeypatch.setattr(Image.Image, "resize", lambda *given, **options: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError, match=f"no memory to read {folder.paths[0].parent}.*: MemoryError$"):
        tn.data.Loader(folder, None).batches().__next__()
    assert folder.bad_files.problems == {}


def test_an_error_without_a_text_is_told_by_its_kind(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, 4, 0)[0]
    monkeypatch.setattr(Image.Image, "resize", lambda *given, **options: (_ for _ in ()).throw(IndexError))
    with pytest.raises(DataError, match="cannot be read as an image: IndexError$"):
        load_image(folder.paths[0], 4)


def test_a_link_to_nothing_is_an_image_that_cannot_be_read(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "train" / name / "1.jpg").symlink_to(tmp_path / "elsewhere.jpg")
        (tmp_path / "train" / name / "folder.jpg").mkdir()
    data, _ = load_image_folder(tmp_path, size=4)
    assert len(data) == 2
    with pytest.raises(DataError, match=r"1\.jpg is not a file"):
        data.image(0)


def folder_of(root, count, bad):
    """Images of two colours, 4 x 4; of the training images the first few cannot be read, nor the first to validate."""
    generator = np.random.default_rng(0)
    for split, number in (("train", count), ("val", 100)):
        for index in range(number):
            path = root / split / "ab"[index % 2] / f"{index:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            colour = generator.integers(0, 120, 3) + [0, 120 * (index % 2), 0]
            Image.new("RGB", (4, 4), tuple(colour.tolist())).save(path)
            if index < (bad if split == "train" else 1):
                path.write_bytes([path.read_bytes()[:50], b"not an image", b""][index % 3])
    return load_image_folder(root, size=4)


def train(folders, run=None, epochs=2, **options):
    net = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, 2, seed=1))], name="flat", input_shape=(4, 4, 3))
    options |= {"epochs": epochs, "run": run, "seed": 3, "progress": False}
    return net, tn.fit(net, *folders, optimizer=tn.SGD(net, 1e-5), **options)


def test_a_training_run_names_what_it_cannot_read_and_goes_on(tmp_path, capsys):
    folders = folder_of(tmp_path, 204, 2)
    net, history = train(folders, tmp_path / "run", batch_size=10)
    assert len(history) == 2 and np.isfinite(history[-1]["validation_loss"])
    train(folders, tmp_path / "second", batch_size=10)  # the log of another run names them too
    told = capsys.readouterr().err
    for log in [(tmp_path / run / "log.txt").read_text() for run in ("run", "second")]:
        for name in ("train/a/000.png", "train/b/001.png", "val/a/000.png"):
            assert told.count(name) == 1 and log.count(name) == 1
        assert log.count("2 of 204 files of data set") == 1 and log.count("1 of 100 files") == 1
    assert tn.evaluate(net, folders[1]).count == 99
    # As if the files were not there, but for the number of images in a batch.
    bars = [train(load_image_folder(tmp_path, 4), batch_size=10, loader_threads=threads)[0] for threads in (0, 3)]
    for other in bars:
        assert np.array_equal(other.params["fc"]["w"], net.params["fc"]["w"])


def test_a_run_over_bad_files_is_resumed_bit_for_bit_also_where_a_batch_is_empty(tmp_path):
    straight, _ = train(folder_of(tmp_path, 202, 2)[:1], batch_size=1)
    train(load_image_folder(tmp_path, 4)[:1], tmp_path / "run", epochs=1, batch_size=1)
    resumed, history = train(load_image_folder(tmp_path, 4)[:1], tmp_path / "run", batch_size=1, resume=True)
    assert len(history) == 2 and np.array_equal(resumed.params["fc"]["w"], straight.params["fc"]["w"])


@pytest.mark.parametrize("threads", [0, 2])
def test_more_than_one_in_a_hundred_stops_the_run(tmp_path, threads):
    folders = folder_of(tmp_path, 204, 3)
    with pytest.raises(DataError, match="3 of 204 files of data set .*train' cannot be read, more than 1%: .*000.png"):
        train(folders, loader_threads=threads)


@pytest.mark.parametrize("threads", [0, 2])
def test_the_limit_holds_for_each_training_and_evaluation_of_the_same_data_set(tmp_path, threads):
    folders = folder_of(tmp_path, 204, 3)
    for _ in range(2):
        with pytest.raises(DataError, match="3 of 204 files of data set .*train' cannot be read, more than 1%"):
            train(folders, loader_threads=threads)
    net, _ = train(folders[1:], loader_threads=threads)
    one = folders[0].subset([0])
    for task in (tn.evaluate, lambda net, data: train([data], loader_threads=threads)) * 2:
        with pytest.raises(DataError, match="1 of 1 files"):
            task(net, one)
