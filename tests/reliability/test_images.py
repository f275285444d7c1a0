"""Image files of every kind in every condition, and training runs over files that cannot be read."""
import builtins
import errno
import importlib
import math
import os
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.image_matrix import CONDITIONS, MODES, ORIENTATIONS, PILLOW, WORDS, cases, encoded, wrong

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


def tiff(values, depth, meaning, signed=False, packed=False):
    """A grey TIFF file: whole numbers (H, W) of so many bits, 0 as white (meaning 0) or as black (1)."""
    height, width = values.shape
    if depth == 12:
        first, second = values[:, ::2], values[:, 1::2]    # three bytes
        content = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1).astype(np.uint8).tobytes()
    else:
        content = values.astype(f"<{'i' if signed else 'u'}{depth // 8}").tobytes()
    content = zlib.compress(content) if packed else content
    # Width, height, bits, compression, meaning, place, samples, rows, bytes, kind of number.
    entries = {256: width, 257: height, 258: depth, 259: 8 if packed else 1, 262: meaning, 273: 8, 277: 1, 278: height,
               279: len(content), 339: 2 if signed else 1}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items())
    content += bytes(len(content) % 2)
    directory = struct.pack("<H", len(entries)) + directory + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(content)) + content + directory


def png(rows, width, depth, kind, transparent):
    """A PNG file: its rows of pixels as bytes (H, n), grey (kind 0) or colours (2), with one value transparent."""
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    clear = struct.pack(f">{len(transparent)}H", *transparent)
    content = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", header), (b"tRNS", clear), (b"IDAT", content), (b"IEND", b"")))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("depth, meaning", [(8, 0), (8, 1), (12, 1), (16, 0), (16, 1)])
def test_grey_tiff_files_of_every_depth_that_are_read(tmp_path, depth, meaning, packed):
    values = np.random.default_rng(1).integers(0, 2**depth, (5, 6))
    values[0, :2] = 0, 2**depth - 1
    (tmp_path / "a.tif").write_bytes(tiff(values, depth, meaning, packed=packed))
    expected = 255 * (values if meaning == 1 else 2**depth - 1 - values) / (2**depth - 1)
    assert np.abs(load_image(tmp_path / "a.tif", channels=1)[..., 0] - expected).max() <= 0.5


@pytest.mark.parametrize("depth, signed", [(16, True), (32, False), (32, True)])
def test_tiff_files_of_whole_numbers_without_a_known_range_are_refused(tmp_path, depth, signed):
    (tmp_path / "a.tif").write_bytes(tiff(np.arange(200).reshape(10, 20), depth, 1, signed))
    with pytest.raises(DataError, match="a.tif has 32-bit or signed pixels.*expected 8 or 16 bits"):
        load_image(tmp_path / "a.tif")


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_transparent_value_of_few_bits_is_white(tmp_path, depth):
    values = (np.arange(16).reshape(2, 8) % 2**depth).astype(np.uint8)
    bits = np.unpackbits(values[..., None], axis=2)[..., 8 - depth:]
    for clear in (0, 1, 2**depth - 1):
        (tmp_path / "a.png").write_bytes(png(np.packbits(bits.reshape(2, -1), axis=1), 8, depth, 0, [clear]))
        expected = np.where(values == clear, 255, values * (255 // (2**depth - 1)))
        assert np.array_equal(load_image(tmp_path / "a.png", channels=1)[..., 0], expected)


def test_a_transparent_colour_of_eight_bits_is_white_and_of_sixteen_refused(tmp_path):
    colours = np.array([[[18, 52, 86], [18, 52, 87]]], np.uint8)
    (tmp_path / "a.png").write_bytes(png(colours, 2, 8, 2, [18, 52, 86]))
    assert load_image(tmp_path / "a.png").tolist() == [[[255, 255, 255], [18, 52, 87]]]
    (tmp_path / "b.png").write_bytes(png(np.repeat(colours, 2, axis=2), 2, 16, 2, [18 * 257, 52 * 257, 86 * 257]))
    with pytest.raises(DataError, match="b.png has 16-bit colours, one of them transparent, .*expected"):
        load_image(tmp_path / "b.png")


def test_more_pixels_than_memory_should_hold_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(image_file, "MOST_PIXELS", 40 * 30)
    for width in (40, 41):
        for form in ("PNG", "JPEG"):
            (tmp_path / f"{width}.{form}").write_bytes(encoded(Image.new("RGB", (width, 30)), form))
    assert load_image(tmp_path / "40.PNG").shape == (30, 40, 3)
    for form in ("PNG", "JPEG"):
        with pytest.raises(DataError, match=f"41.{form} has 41 x 30 pixels, expected 1 to 1200"):
            load_image(tmp_path / f"41.{form}")
    (tmp_path / "20.WEBP").write_bytes(encoded(Image.new("RGB", (20, 30)), "WEBP"))
    assert load_image(tmp_path / "20.WEBP").shape == (30, 20, 3)
    (tmp_path / "21.WEBP").write_bytes(encoded(Image.new("RGB", (21, 30)), "WEBP"))
    with pytest.raises(DataError, match="21.WEBP has 21 x 30 pixels, expected 1 to 600"):
        load_image(tmp_path / "21.WEBP")
    assert load_image(tmp_path / "41.JPEG", 4).shape == (4, 4, 3)    # decoded at an eighth of its size


def test_want_of_memory_does_not_make_a_file_a_bad_one(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, 4, 0)[0]
    monkeypatch.setattr(Image.Image, "resize", lambda *given, **options: (_ for _ in ()).throw(MemoryError))
    with pytest.raises(MemoryError, match=f"no memory to read {folder.paths[0].parent}.*: MemoryError$"):
        tn.data.Loader(folder, None).batches().__next__()
    assert folder.bad_files.problems == {}


def test_every_evaluation_says_how_many_files_it_leaves_out(tmp_path, capsys):
    folder = folder_of(tmp_path, 200, 1)[0]
    net = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(math.prod(folder.image_shape), 10))],
                     input_shape=folder.image_shape, seed=0)
    net.preprocessing = tn.data.Preprocessing(np.zeros(3), folder.size)
    for named in (1, 0):
        assert tn.evaluate(net, folder).count == 199
        told = capsys.readouterr().err
        assert told.count("left out: ") == named and told.count("1 of 200 files of data set ") == 1
    assert tn.training.evaluation.confusion_matrix(net, folder).sum() == 199
    assert capsys.readouterr().err.count("1 of 200 files of data set ") == 1


def test_a_bad_file_is_left_out_also_when_nobody_reads_standard_error(tmp_path, monkeypatch):
    class Closed:
        def write(self, text):
            raise BrokenPipeError

        flush = write

    folder = folder_of(tmp_path, 200, 1)[0]
    monkeypatch.setattr("sys.stderr", Closed())
    assert sum(len(labels) for _, labels in tn.data.Loader(folder, None).batches()) == 199
    assert len(folder.bad_files.problems) == 1


MACHINE = ["EMFILE", "ENFILE", "ESTALE", "ENOMEM", "ETIMEDOUT"]


@pytest.mark.parametrize("where", ["stat", "open", "read"])
@pytest.mark.parametrize("name", MACHINE)
def test_an_error_of_the_machine_does_not_make_a_file_a_bad_one(tmp_path, monkeypatch, name, where):
    folder = folder_of(tmp_path, 4, 0)[0]
    number = getattr(errno, name)

    def fail(*given, **options):
        raise OSError(number, os.strerror(number), *given[:1] if where != "read" else ())

    monkeypatch.setattr(*{"stat": (image_file.os, "stat"), "open": (builtins, "open"),
                          "read": (Image.Image, "resize")}[where], fail)
    with pytest.raises(OSError) as caught:
        next(tn.data.Loader(folder, None, threads=0).batches())
    monkeypatch.undo()
    assert caught.value.errno == number and str(folder.paths[0]) in str(caught.value)
    assert not isinstance(caught.value, DataError) and folder.bad_files.problems == {}


def test_too_many_open_files_do_not_make_a_file_a_bad_one(tmp_path):
    resource = pytest.importorskip("resource")
    folder = folder_of(tmp_path, 4, 0)[0]
    folder.image(0)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        with pytest.raises(OSError, match="Too many open files: .*000.png"):
            folder.image(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert folder.image(0).shape == (4, 4, 3)


@pytest.mark.parametrize("name", ["ENOENT", "EACCES", "ELOOP", "ENAMETOOLONG", "EINVAL", "EIO"])
def test_an_error_of_the_system_that_a_file_causes_makes_it_a_bad_one(tmp_path, monkeypatch, name):
    path = folder_of(tmp_path, 4, 0)[0].paths[0]
    number = getattr(errno, name)
    monkeypatch.setattr(Image.Image, "resize", lambda *given: (_ for _ in ()).throw(OSError(number, "what it says")))
    with pytest.raises(DataError, match="000.png cannot be read as an image: what it says"):
        load_image(path, 4)


def test_links_in_a_ring_and_names_that_are_too_long_are_named(tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    for path in (tmp_path / "a.jpg", tmp_path / ("a" * 300), tmp_path / "a\0b", tmp_path / "a.jpg" / "c.jpg"):
        with pytest.raises(DataError, match="cannot be read as an image: .") as caught:
            load_image(path)
        assert str(path) in str(caught.value)


def test_an_error_without_a_text_is_told_by_its_kind(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, 4, 0)[0]
    monkeypatch.setattr(Image.Image, "resize", lambda *given, **options: (_ for _ in ()).throw(IndexError))
    with pytest.raises(DataError, match="cannot be read as an image: IndexError$"):
        load_image(folder.paths[0], 4)


def test_a_process_of_the_long_command_that_does_not_end_is_a_failure(tmp_path, monkeypatch):
    pytest.importorskip("resource")
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "long")
    image_files = importlib.import_module("image_files")
    monkeypatch.setattr(image_files, "TIMEOUT", 0.01)
    assert image_files.apart("mutated", "3", tmp_path) == {"failures": ["mutated 3 did not end in 0.01 s"]}


def test_a_link_to_nothing_is_an_image_that_cannot_be_read(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "train" / name / "1.jpg").symlink_to(tmp_path / "elsewhere.jpg")
        (tmp_path / "train" / name / "folder.jpg").mkdir()
    data, _ = load_image_folder(tmp_path, size=4)
    assert len(data) == 2
    with pytest.raises(DataError, match=r"1\.jpg cannot be read as an image: No such file"):
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


@pytest.mark.parametrize("most_decoded, damage, said", [
    (100, lambda content: content[:-20], "2 of 100 files of data set .*val' cannot be read, more than 1%: .*098.png"),
    (99, lambda content: b"", "2 of 100 files of data set .*val' cannot be read"),
    (99, lambda content: content[:-20], None),  # a header does not give away what is missing at the end
])
def test_validation_files_are_read_before_the_first_step(tmp_path, monkeypatch, most_decoded, damage, said):
    folders = folder_of(tmp_path, 200, 0)
    for name in ("a/000.png", "a/098.png", "b/099.png"):
        path = tmp_path / "val" / name
        Image.new("RGB", (40, 40), (1, 2, 3)).save(path)
        if name != "a/000.png":  # the first batch is sound
            path.write_bytes(damage(path.read_bytes()))
    monkeypatch.setattr("tinynet.training.preparation.MOST_DECODED", most_decoded)
    steps = []
    monkeypatch.setattr("tinynet.training.loop.training_step", lambda *given: steps.append(1) or 1 / 0)
    with pytest.raises(ZeroDivisionError if said is None else DataError, match=said):
        train(folders, tmp_path / "run", batch_size=10)
    assert len(steps) == (said is None)


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
