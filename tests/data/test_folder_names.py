"""How a folder of images may be arranged: names of its folders, files that are not read."""
from pathlib import Path

import pytest
from PIL import Image

from tinynet.data import load_data, load_image_folder
from tinynet.data.image_folder import find_validation_folder
from tinynet.errors import DataError


def make(root, *folders, names=("a.png", "b.png")):
    """In each of the folders one class `dog` with images of these names."""
    for folder in folders:
        (root / folder / "dog").mkdir(parents=True)
        for name in names:
            Image.new("RGB", (5, 4)).save(root / folder / "dog" / name, format="PNG")


@pytest.mark.parametrize("train", ["train", "Train", "TRAIN", "training", "Training"])
@pytest.mark.parametrize("validation", ["val", "Val", "valid", "VALID", "validation", "Validation"])
def test_folders_may_be_called(tmp_path, train, validation, capsys):
    make(tmp_path, train, validation)
    make(tmp_path, "test", names=["c.png"])
    one, two = load_data(tmp_path, 4)
    assert two is not None
    assert one.paths[0] == tmp_path / train / "dog" / "a.png" and one.name.endswith(train)
    assert two.paths[0] == tmp_path / validation / "dog" / "a.png" and two.name.endswith(validation)
    assert find_validation_folder(tmp_path) == tmp_path / validation
    assert capsys.readouterr().err == ""


def test_test_images_are_given_but_are_no_validation_images(tmp_path):
    make(tmp_path, "train", "test")
    _, second = load_data(tmp_path, 4)
    assert second is not None and second.paths[0].parent == tmp_path / "test" / "dog"
    assert find_validation_folder(tmp_path) is None


def test_of_several_the_first_name_counts_and_else_it_is_an_error(tmp_path):
    make(tmp_path, "train", "training", "val", "validation")
    assert [data.paths[0].parent.parent.name for data in load_image_folder(tmp_path)] == ["train", "val"]
    (tmp_path / "val").rename(tmp_path / "valid")
    with pytest.raises(DataError, match="has the folders valid and validation: expected one of them"):
        load_image_folder(tmp_path)


@pytest.mark.parametrize("name", ["vall", "validate", "val_images", "eval", "Validatoin"])
def test_a_name_that_is_close_to_validation_is_named(tmp_path, name, capsys):
    make(tmp_path, "train", name)
    assert load_image_folder(tmp_path)[1] is None
    assert capsys.readouterr().err == (f"folder {tmp_path}: no validation set; the folder {name!r} is not taken for "
                                       "it, expected the name val or valid or validation\n")


@pytest.mark.parametrize("name", ["Test", "testing", "Testing"])
def test_test_images_may_be_in(tmp_path, name, capsys):
    make(tmp_path, "Training", name)
    _, second = load_data(tmp_path, 4)
    assert second is not None and second.paths[0].parent == tmp_path / name / "dog" and capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["tests", "test_set", "tets"])
def test_a_name_that_is_close_to_test_is_named(tmp_path, name, capsys):
    make(tmp_path, "train", name)
    assert load_image_folder(tmp_path)[1] is None
    assert capsys.readouterr().err == (f"folder {tmp_path}: no test set; the folder {name!r} is not taken for it, "
                                       "expected the name test or testing\n")


def test_of_validation_and_test_images_the_test_images_are_given_first_where_asked_for(tmp_path):
    make(tmp_path, "train", "val", "test")
    for first, name in ((False, "val"), (True, "test")):
        assert load_image_folder(tmp_path, 4, test_first=first)[1].paths[0].parent.parent.name == name
    (tmp_path / "test/dog").rename(tmp_path / "test/images")                   # without labels, in one folder
    assert load_image_folder(tmp_path, 4, test_first=True)[1].paths[0].parent.parent.name == "val"
    make(tmp_path, "test", names=["d.png"])                                    # and one of a class beside it
    with pytest.raises(DataError, match="test has the class 'images', which .*train does not have"):
        load_image_folder(tmp_path, 4, test_first=True)
    for image in (tmp_path / "test/images").iterdir():
        image.unlink()
    (tmp_path / "test/images").rmdir()
    for image in (tmp_path / "test/dog").iterdir():                            # or without any, as ImageNet's
        image.rename(tmp_path / "test" / image.name)
    (tmp_path / "test/dog").rmdir()
    assert load_image_folder(tmp_path, 4, test_first=True)[1].paths[0].parent.parent.name == "val"


def test_a_folder_called_shapes_is_read_where_it_is_given_as_a_path(tmp_path, monkeypatch):
    make(tmp_path / "shapes", "train", "val")
    monkeypatch.chdir(tmp_path)
    assert load_data(Path("shapes"), 8)[0].class_names == load_data("./shapes", 8)[0].class_names == ["dog"]
    assert load_data("shapes", 32)[0].class_names != ["dog"]


@pytest.mark.parametrize("name", ["images", "test", "labels"])
def test_a_name_that_is_not_close_is_not_named(tmp_path, name, capsys):
    make(tmp_path, "train", name)
    load_image_folder(tmp_path)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["trian", "train_images", "Trainset", "trainning"])
def test_a_name_that_is_close_to_train_is_named(tmp_path, name):
    make(tmp_path, name, "val")
    for load in (load_data, load_image_folder):
        with pytest.raises(DataError, match=f"the folder '{name}' is not taken for it, .*the name train or training"):
            load(tmp_path)


def test_a_file_of_that_name_is_no_folder(tmp_path):
    make(tmp_path, "train")
    (tmp_path / "valid").write_text("a list")
    assert load_image_folder(tmp_path)[1] is None


@pytest.mark.parametrize("ending", ["jfif", "jpe", "JFIF"])
def test_other_endings_of_jpeg_files(tmp_path, ending, capsys):
    make(tmp_path, "train", names=[f"a.{ending}"])
    Image.new("RGB", (5, 4), "red").save(tmp_path / "train" / "dog" / f"a.{ending}", format="JPEG")
    data, _ = load_image_folder(tmp_path, 4)
    assert len(data) == 1 and data.image(0)[0, 0, 0] > 200 and capsys.readouterr().err == ""


def test_what_is_left_out_is_counted_in_one_line(tmp_path, capsys):
    make(tmp_path, "train", "val")
    dog = tmp_path / "train" / "dog"
    for name in ("1.heic", "2.HEIC", "notes.txt", "README", ".hidden", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (dog / name).write_bytes(b"")
    (dog / "more").mkdir()
    (dog / ".cache").mkdir()
    (tmp_path / "train" / "beside.png").write_bytes(b"")
    train, _ = load_image_folder(tmp_path, 4)
    assert len(train) == 2
    assert capsys.readouterr().err == (f"folder {tmp_path / 'train'}: 5 files left out (.heic 2, .png 1, .txt 1, "
                                       "no ending 1), 1 nested folder\n")


@pytest.mark.parametrize(("files", "folders", "said"), [
    (["a.txt"], [], "1 file left out (.txt 1)"), ([], ["x", "y"], "2 nested folders left out"),
    (["a.txt"], ["x", "y"], "1 file left out (.txt 1), 2 nested folders"), (["Thumbs.db"], [".x"], "")])
def test_the_line_counts_files_and_folders(tmp_path, files, folders, said, capsys):
    make(tmp_path, "train")
    for name in files:
        (tmp_path / "train" / "dog" / name).write_bytes(b"")
    for name in folders:
        (tmp_path / "train" / "dog" / name).mkdir()
    load_image_folder(tmp_path)
    assert capsys.readouterr().err == (f"folder {tmp_path / 'train'}: {said}\n" if said else "")


def test_a_class_without_images_says_what_it_has(tmp_path):
    make(tmp_path, "train", names=[])
    (tmp_path / "train" / "dog" / "1.heic").write_bytes(b"")
    with pytest.raises(DataError, match=r"dog has no images: expected files ending in .*; 1 file left out \(.heic 1\)"):
        load_image_folder(tmp_path)
