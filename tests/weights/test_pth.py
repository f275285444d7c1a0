"""PyTorch's files without PyTorch: the same numbers, no code run, and a sentence for everything else."""
import copy
import io
import os
import pickle
import struct
import time
import zipfile
from typing import Any

import numpy as np
import pytest

from tinynet.errors import WeightsError
from tinynet.weights import pth
from tinynet.weights.pth import RebuildParameter, pickled, read_pth, write_pth

torch: Any = pytest.importorskip("torch", reason="the files to read are written by PyTorch, the extra `reference`")


def state_dict() -> dict[str, Any]:
    base = torch.arange(24.0).reshape(4, 6)
    return {
        "float32": torch.randn(2, 3, 4, 5), "float64": torch.randn(3).double(), "float16": torch.randn(2, 2).half(),
        "int64": torch.tensor(7), "bool": torch.tensor([True, False]), "parameter": torch.nn.Parameter(torch.ones(2)),
        "empty": torch.zeros(0, 3), "transposed": base.t(), "shared": base[1:, ::2], "last": base[3:],
        "uint8": torch.arange(5, dtype=torch.uint8),
    }


def test_every_dtype_and_every_stride_comes_back(tmp_path):
    saved = state_dict()
    torch.save(saved, tmp_path / "w.pth")
    found = read_pth(tmp_path / "w.pth")
    assert list(found) == list(saved)
    for name, tensor in saved.items():
        array = tensor.detach().numpy()
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)


def test_bfloat16_becomes_float32_with_the_same_numbers(tmp_path):
    saved = {"w": torch.randn(1000).to(torch.bfloat16), "special": torch.tensor([float("inf"), -0.0]).bfloat16()}
    torch.save(saved, tmp_path / "w.pth")
    for name, array in read_pth(tmp_path / "w.pth").items():
        assert array.dtype == np.float32 and np.array_equal(array, saved[name].float().numpy())


def test_what_two_tensors_share_is_read_once(tmp_path):
    base = torch.randn(1000)
    torch.save({"one": base[:500], "two": base[400:]}, tmp_path / "w.pth")
    one, two = read_pth(tmp_path / "w.pth").values()
    assert np.shares_memory(one, two) and not one.flags.writeable


@pytest.mark.parametrize("wrapped", [
    lambda saved: {"state_dict": saved, "epoch": 3}, lambda saved: {"epoch": [1, {"a": 2.5}], "model": saved},
    lambda saved: {"model_state_dict": saved, "note": "x"},
])
def test_a_state_dict_beside_other_things_is_found(wrapped, tmp_path):
    saved = state_dict()
    torch.save(wrapped(saved), tmp_path / "w.pth")
    assert list(read_pth(tmp_path / "w.pth")) == list(saved)


def test_what_a_module_gives_is_read(tmp_path):
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    torch.save(module.state_dict(), tmp_path / "w.pth")
    assert list(read_pth(tmp_path / "w.pth")) == list(module.state_dict())


def test_torch_reads_what_is_written(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {"features.0.weight": rng.standard_normal((4, 3, 2, 2)).astype("f4"), "ä": np.arange(3),
              "float64": rng.standard_normal(2), "float16": np.ones((2, 0), "f2"), "number": np.float32(3).reshape(())}
    write_pth(tmp_path / "w.pth", arrays)
    found = torch.load(tmp_path / "w.pth", weights_only=True)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert np.array_equal(found[name].numpy(), array) and found[name].numpy().dtype == array.dtype
    for name, array in read_pth(tmp_path / "w.pth").items():
        assert np.array_equal(array, arrays[name])


def test_an_old_file_stays_where_the_new_one_cannot_be_written(tmp_path):
    write_pth(tmp_path / "w.pth", {"a": np.ones(2, "f4")})
    before = (tmp_path / "w.pth").read_bytes()
    with pytest.raises(WeightsError, match="b is complex64"):
        write_pth(tmp_path / "w.pth", {"a": np.ones(2, "f4"), "b": np.ones(2, "c8")})
    assert (tmp_path / "w.pth").read_bytes() == before
    with pytest.raises(WeightsError, match=r"none.w.pth cannot be written"):
        write_pth(tmp_path / "none" / "w.pth", {"a": np.ones(2, "f4")})


# --- files that would run something ---

class Planted:
    """What its pickle calls when it is loaded."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> Any:
        return self.call, self.arguments


def zipped(path, data: bytes, storages: dict[str, bytes] | None = None, more: dict[str, bytes] | None = None):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", data)
        for key, content in (storages or {}).items():
            archive.writestr(f"a/data/{key}", content)
        for name, content in (more or {}).items():
            archive.writestr(f"a/{name}", content)
    return path


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("call, arguments", [
    (os.system, ("touch {mark}",)), (eval, ("open('{mark}', 'w')",)), (exec, ("open('{mark}', 'w')",)),
    (open, ("{mark}", "w")), (getattr, (os, "system")), (print, ("hello",)), (bytearray, (10**9,)), (object, ()),
    (np.zeros, (10,)), (pickle.loads, (b"N.",)), (io.open, ("{mark}", "w")),
])
def test_nothing_that_a_file_brings_along_is_run(call, arguments, protocol, tmp_path):
    mark = tmp_path / "mark"
    arguments = tuple(each.format(mark=mark) if isinstance(each, str) else each for each in arguments)
    planted = Planted(call, *(a for a in arguments if a is not os), *(["system"] if os in arguments else []))
    path = zipped(tmp_path / "w.pth", pickle.dumps({"w": planted}, protocol))
    with pytest.raises(WeightsError, match="is refused: it asks for .*; nothing of it was run|is refused: it"):
        read_pth(path)
    assert not mark.exists()


def test_a_state_that_is_written_into_a_checked_tensor_is_refused(tmp_path):
    good = pickled({"w": ("FloatStorage", "0", (2,))})
    tensor, rest = good[: good.rindex(b"u.")], b"u."
    # BUILD with a dict, on the tensor at the top of the stack: offset 10**6
    attack = tensor + b"}" + b"X\x06\x00\x00\x00offset" + b"J" + struct.pack("<i", 10**6) + b"sb" + rest
    path = zipped(tmp_path / "w.pth", attack, {"0": bytes(8)})
    with pytest.raises(WeightsError):
        read_pth(path)
    assert np.array_equal(read_pth(zipped(tmp_path / "good.pth", good, {"0": bytes(8)}))["w"], [0, 0])


# --- claims that the numbers do not keep ---

def tensor_pickle(kind: str = "FloatStorage", key: Any = "0", count: Any = 4, offset: Any = 0, shape: Any = (4,),
                  strides: Any = (1,)) -> bytes:
    """Return the pickle of {"w": a tensor}, with these claims."""
    def push(value: Any) -> bytes:
        return pickle.dumps(value, 2)[2:-1]

    return (b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n"
            + kind.encode() + b"\n" + push(key) + push("cpu") + push(count) + b"tQ" + push(offset) + push(shape)
            + push(strides) + b"\x89}tRs.")


def test_the_claims_of_a_good_tensor_are_taken(tmp_path):
    numbers = np.arange(4, dtype="<f4")
    found = read_pth(zipped(tmp_path / "w.pth", tensor_pickle(), {"0": numbers.tobytes()}))
    assert np.array_equal(found["w"], numbers)


@pytest.mark.parametrize("claims, message", [
    ({"count": 10**12}, "its storage has 16"), ({"count": 3}, "its storage has 16"), ({"shape": (5,)}, "beyond"),
    ({"offset": 1}, "beyond"), ({"strides": (2,)}, "beyond"), ({"shape": (10**9, 10**9), "strides": (0, 0)}, "beyond"),
    ({"shape": (2, 2), "strides": (1,)}, "no sense"), ({"offset": -1}, "no sense"), ({"strides": (-1,)}, "no sense"),
    ({"shape": (2.0,)}, "no sense"), ({"shape": [4]}, "no sense"), ({"offset": True}, "no sense"),
    ({"count": -4}, "a storage"), ({"key": 3}, "a storage"), ({"kind": "ComplexFloatStorage"}, "asks for torch"),
    ({"key": "1"}, "damaged"), ({"key": "../w"}, "damaged"), ({"shape": (1,) * 200, "strides": (1,) * 200}, "damaged"),
])
def test_claims_beyond_the_storage_are_refused(claims, message, tmp_path):
    path = zipped(tmp_path / "w.pth", tensor_pickle(**claims), {"0": np.arange(4, dtype="<f4").tobytes()})
    with pytest.raises(WeightsError, match=message) as refused:
        read_pth(path)
    assert str(path) in str(refused.value)


def test_numbers_of_the_other_byte_order_are_turned(tmp_path):
    numbers = np.arange(4, dtype=">f4")
    path = zipped(tmp_path / "w.pth", tensor_pickle(), {"0": numbers.tobytes()}, {"byteorder": b"big"})
    assert np.array_equal(read_pth(path)["w"], numbers)


# --- what people have instead ---

def others(tmp_path) -> dict[str, tuple[bytes, str]]:
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module")
    torch.save({"w": torch.ones(2)}, tmp_path / "old", _use_new_zipfile_serialization=False)
    torch.save([torch.ones(2)], tmp_path / "list")
    torch.save({"w": torch.ones(2), "n": 3}, tmp_path / "mixed")
    with zipfile.ZipFile(tmp_path / "script", "w", zipfile.ZIP_DEFLATED) as archive:  # as torch.jit.save writes it
        archive.writestr("a/data.pkl", b"N.")
        archive.writestr("a/constants.pkl", b"N.")
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    tar = b"w" + bytes(256) + b"ustar" + bytes(500)
    return {
        **{name: ((tmp_path / name).read_bytes(), message) for name, message in {
            "module": "a whole module .*state_dict", "old": "from before version 1.6", "list": "it has a list",
            "mixed": "it has a dict of 2, in which 'n' is a int", "script": "TorchScript",
            "zip": "without weights"}.items()},
        "web page": (b"\n<!DOCTYPE html><html>", "a web page"), "empty": (b"", "is empty"), "tar": (tar, "version 1.6"),
        "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "a pointer to a large file"),
        "text": (b"hello", "not a .pth file"),
    }


def test_other_files_are_told_apart(tmp_path):
    for name, (content, message) in others(tmp_path).items():
        path = tmp_path / f"{name}.pth"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=message) as refused:
            read_pth(path)
        assert str(path) in str(refused.value), name


def test_a_file_that_is_missing_or_a_folder_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "none.pth"):
        with pytest.raises(WeightsError, match="cannot be read"):
            read_pth(path)


def test_a_file_cut_off_anywhere_is_noticed(tmp_path):
    torch.save({"w": torch.randn(50), "b": torch.randn(3)}, tmp_path / "w.pth")
    content = (tmp_path / "w.pth").read_bytes()
    for length in range(1, len(content), 7):
        (tmp_path / "cut.pth").write_bytes(content[:length])
        with pytest.raises(WeightsError):
            read_pth(tmp_path / "cut.pth")


def test_a_byte_changed_anywhere_is_noticed_or_changes_nothing(tmp_path):
    torch.save({"w": torch.randn(50), "b": torch.randn(3)}, tmp_path / "w.pth")
    content, good = (tmp_path / "w.pth").read_bytes(), read_pth(tmp_path / "w.pth")
    for place in range(0, len(content), 3):
        (tmp_path / "bad.pth").write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            found = read_pth(tmp_path / "bad.pth")
        except WeightsError:
            continue
        assert all(np.array_equal(found[name], good[name]) for name in good)


HOSTILE = {
    "a tuple as a key": b"\x80\x02})" + b"\x85" * 200_000 + b"Ns.",             # whose hash would end the process
    "by way of torch.Size": b"\x80\x02}" + b"ctorch\nSize\n" * 100_000 + b")" + b"\x85R" * 100_000 + b"Ns.",
    "the memory's place": b"\x80\x02Nr" + struct.pack("<I", 60_000_000) + b".",
    "bytes of a petabyte": b"\x80\x04\x8e" + struct.pack("<Q", 2**50) + b".",
    "a name that doubles": b"\x80\x02)" + b"2\x86" * 24 + b"Q.",
    "a name that doubles by memory": b"\x80\x02)" + b"q\x00h\x00\x86" * 24 + b"Q.",
    "a key of 3 to the power of 18 things": b"\x80\x02})" + b"q\x00h\x00h\x00\x87" * 18 + b"Ns.",
    "a stand-in's attributes": b"\x80\x02ctorch._utils\n_rebuild_parameter\nN}(X\x08\x00\x00\x00__name__X\x04\x00\x00"
                               b"\x00evilu\x86b.",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_pickle_that_would_end_or_fill_the_process_is_refused(content, tmp_path):
    path, begin = zipped(tmp_path / "w.pth", content), time.perf_counter()
    with pytest.raises(WeightsError, match="w.pth is (refused|damaged)"):
        read_pth(path)
    assert time.perf_counter() - begin < 2 and RebuildParameter.__name__ == "RebuildParameter"


def test_a_module_that_was_saved_whole_is_told_as_such(tmp_path):
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"has a whole module \(torch\.nn\..*save its numbers alone"):
        read_pth(tmp_path / "w.pth")


def test_a_view_with_another_sign_is_refused(tmp_path):
    saved = {"w": torch.complex(torch.ones(3), torch.arange(3.0)).conj().imag}
    assert saved["w"].is_neg()
    torch.save(saved, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"a view with another sign: save a copy, tensor\.clone\(\)"):
        read_pth(tmp_path / "w.pth")
    torch.save({"w": saved["w"].clone()}, tmp_path / "w.pth")
    assert read_pth(tmp_path / "w.pth")["w"].tolist() == [0, -1, -2]


def test_a_pickle_that_is_too_large_is_refused(tmp_path, monkeypatch):
    write_pth(tmp_path / "w.pth", {"w": np.ones(3, np.float32)})
    read_pth(tmp_path / "w.pth")
    monkeypatch.setattr(pth, "LARGEST_PICKLE", 50)
    with pytest.raises(WeightsError, match=r"data\.pkl has \d+ bytes, more than any state_dict needs"):
        read_pth(tmp_path / "w.pth")


def test_entries_that_overlap_are_refused(tmp_path):
    """One entry listed often: a small file that claims to be a large one."""
    path = tmp_path / "w.pth"
    write_pth(path, {"w": np.ones(3000, np.float32)})
    with zipfile.ZipFile(path, "a") as archive:
        largest = archive.getinfo("archive/data/0")
        archive.filelist += [copy.copy(largest) for _ in range(5)]
        archive._didModify = True                                              # so that the list is written anew
    with pytest.raises(WeightsError, match="compressed or overlap"):
        read_pth(path)


def test_compressed_entries_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(10**6))
    with pytest.raises(WeightsError, match="compressed or overlap"):
        read_pth(tmp_path / "w.pth")
