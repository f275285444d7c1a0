"""The file of a checkpoint: whole or refused, whatever happens to it."""
import os

import numpy as np
import pytest

from tinynet.errors import CheckpointError
from tinynet.training.archive import read_archive, write_archive


def test_any_changed_byte_is_noticed_or_does_not_matter(tmp_path):
    path = tmp_path / "a.npz"
    arrays: dict[str, np.ndarray] = {
        "a/w": np.arange(40, dtype=np.float32).reshape(5, 8), "a/b": np.zeros(3), "none": np.zeros((0, 2)),
    }
    write_archive(path, {"x": 1}, arrays)
    whole = path.read_bytes()
    noticed = 0
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            header, found = read_archive(path)
        except CheckpointError as error:
            assert str(path) in str(error)
            noticed += 1
        else:  # a date, a version or a flag of the zip format: the contents must be the same
            assert header["x"] == 1 and found.keys() == arrays.keys()
            for name in arrays:
                np.testing.assert_array_equal(found[name], arrays[name])
    assert noticed > 0.8 * len(whole)


def test_the_file_being_written_has_another_ending_and_the_old_one_stays(tmp_path, monkeypatch):
    path = tmp_path / "last.npz"
    write_archive(path, {}, {"w": np.ones(3)})
    old = path.read_bytes()
    during = []

    def interrupted(number):
        during.extend(os.listdir(tmp_path))
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_archive(path, {}, {"w": np.ones(3)})
    assert sorted(during) == ["last.npz", "last.npz.partial"]
    assert os.listdir(tmp_path) == ["last.npz"] and path.read_bytes() == old


@pytest.mark.parametrize("write, message", [
    (lambda path: path.write_bytes(b""), "damaged, or not a checkpoint"),
    (lambda path: path.write_bytes(b"hello" * 100), "damaged, or not a checkpoint"),
    (lambda path: np.savez(path, w=np.zeros(3)), "not a tinynet checkpoint, it has no header"),
    (lambda path: np.savez(path, header=np.zeros(3)), "header is float64"),
    (lambda path: np.savez(path, header=np.frombuffer(b"[1]", np.uint8)), "its format is 'list'"),
])
def test_other_files_are_refused(write, message, tmp_path):
    write(tmp_path / "a.npz")
    with pytest.raises(CheckpointError, match=message):
        read_archive(tmp_path / "a.npz")
