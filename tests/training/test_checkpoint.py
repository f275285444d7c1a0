"""Checkpoints: everything comes back bit for bit, and no damage goes unnoticed."""
import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError, CheckpointError
from tinynet.network.params import flat
from tinynet.training import checkpoint
from tinynet.training.checkpoint import load_checkpoint, load_training_state, restore_network, save_checkpoint
from tinynet.training.optim import SGD, Adam
from tinynet.training.schedules import ReduceOnPlateau


def small_net() -> Any:
    inner = tn.Network([("conv1", tn.Conv2d(3, 4, 3, padding=1, seed=1)), ("norm1", tn.BatchNorm2d(4)),
                        ("relu1", tn.ReLU()), ("drop1", tn.Dropout(0.3, seed=5))], name="inner")
    return tn.Network(
        [("block", inner), ("pool1", tn.MaxPool2d(2, 2)), ("flatten", tn.Flatten()), ("drop2", tn.Dropout(seed=6)),
         ("fc2", tn.Linear(4 * 4 * 4, 3, seed=2))],
        name="small", input_shape=(8, 8, 3), notes=["a note"], recipe={"epochs": 2},
        hint="Give 8 x 8.",
    )


@pytest.fixture
def batch():
    generator = np.random.default_rng(0)
    return generator.standard_normal((6, 8, 8, 3), dtype=np.float32), generator.integers(0, 3, 6)


def train(net, optimizer, batch, steps):
    for _ in range(steps):
        scores, saved = net.forward(batch[0].astype(net.dtype), train=True)
        _, dscores = tn.softmax_cross_entropy(scores, batch[1])
        optimizer.step(net.backward(dscores, saved, input_gradient=False)[1])


def assert_same(first, second):
    one, two = flat(first), flat(second)
    assert one.keys() == two.keys() and one
    for path, array in one.items():
        assert np.asarray(array).dtype == np.asarray(two[path]).dtype
        np.testing.assert_array_equal(array, two[path], err_msg=str(path))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "options", "kept"), [
    (SGD, {"bias_rate": 2}, "velocity"), (Adam, {"beta1": 0.8, "decay_biases": False}, "moments"),
])
def test_network_and_training_go_on_bit_for_bit(kind, options, kept, dtype, batch, tmp_path):
    net = small_net().astype(dtype)
    net.class_names = ["cat", "dog/wolf", "ü"]
    optimizer = kind(net, weight_decay={"fc2": 0.1}, **options)
    schedule = ReduceOnPlateau(optimizer, patience=1)
    train(net, optimizer, batch, 3)
    schedule.step(0.5)
    schedule.step(0.5)
    progress = {"epoch": 3, "loss": 0.1 + 0.2, "rows": [{"a": None}]}
    save_checkpoint(tmp_path / "a.npz", net, optimizer, schedule, progress)

    again = load_checkpoint(tmp_path / "a.npz")
    assert again.name == "small" and again.input_shape == (8, 8, 3) and again.notes == ["a note"]
    assert again.hint == "Give 8 x 8." and again.recipe["epochs"] == 2
    assert again.class_names == ["cat", "dog/wolf", "ü"] and again.preprocessing is None
    assert_same(net.params, again.params)
    assert_same(net.buffers, again.buffers)

    state = load_training_state(tmp_path / "a.npz")
    assert state["progress"] == progress
    optimizer2 = kind(again)
    optimizer2.load_state(state["optimizer"])
    schedule2 = ReduceOnPlateau(optimizer2, patience=1)
    schedule2.load_state(state["schedule"])
    assert optimizer2.learning_rate == optimizer.learning_rate < 0.01
    train(net, optimizer, batch, 3)
    train(again, optimizer2, batch, 3)
    schedule.step(0.5)
    schedule2.step(0.5)
    assert optimizer.settings == optimizer2.settings
    assert_same(net.params, again.params)
    assert_same(net.buffers, again.buffers)
    assert_same(getattr(optimizer, kept), getattr(optimizer2, kept))


def test_a_network_alone_makes_a_checkpoint(tmp_path):
    save_checkpoint(tmp_path / "a.npz", small_net())
    assert load_training_state(tmp_path / "a.npz") == {"optimizer": None, "schedule": None, "progress": None}
    assert load_checkpoint(tmp_path / "a.npz").settings == json.loads(json.dumps(small_net().settings)) | {
        "input_shape": (8, 8, 3)
    }


@pytest.mark.parametrize("kind", checkpoint.BIT_GENERATORS)
def test_every_kind_of_random_generator_comes_back(kind, tmp_path):
    net = small_net()
    net["drop2"].generator = np.random.Generator(getattr(np.random, kind)(7))
    net["drop2"].generator.integers(0, 10, dtype=np.int32)  # half a word is left for the next draw
    save_checkpoint(tmp_path / "a.npz", net)
    again: Any = load_checkpoint(tmp_path / "a.npz")
    one, two = net["drop2"].generator, again["drop2"].generator
    np.testing.assert_array_equal(one.integers(0, 10, 5, dtype=np.int32), two.integers(0, 10, 5, dtype=np.int32))
    np.testing.assert_array_equal(one.standard_normal(9), two.standard_normal(9))


def test_numpy_opens_it_without_pickle_and_the_file_is_as_plain_as_the_format_says(tmp_path):
    net = small_net()
    save_checkpoint(tmp_path / "a.npz", net)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["params/fc2/w"], net.params["fc2"]["w"])
        np.testing.assert_array_equal(file["params/block/conv1/b"], net.params["block"]["conv1"]["b"])
        header = json.loads(bytes(file["header"]))
    assert header["network"]["name"] == "small" and len(header["arrays"]["params/fc2/w"]["sha256"]) == 64


def test_odd_names_do_not_meet_each_other(tmp_path):
    net = tn.Network([("a%2Fb", tn.Linear(2, 2, seed=1)),
                      ("a", tn.Network([("b", tn.Linear(2, 2, seed=2)), ("\\ :é", tn.Linear(2, 2, seed=3))]))])
    save_checkpoint(tmp_path / "a.npz", net)
    assert_same(load_checkpoint(tmp_path / "a.npz").params, net.params)


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere.a\.npz cannot be written: No such file"):
        save_checkpoint(tmp_path / "nowhere" / "a.npz", small_net())
    with pytest.raises(CheckpointError, match=r"nowhere\.npz does not exist, expected a checkpoint"):
        load_checkpoint(tmp_path / "nowhere.npz")
    with pytest.raises(CheckpointError, match="is a folder"):
        load_checkpoint(tmp_path)


def test_a_file_cut_anywhere_is_noticed(tmp_path):
    save_checkpoint(tmp_path / "a.npz", small_net())
    whole = (tmp_path / "a.npz").read_bytes()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        (tmp_path / "b.npz").write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"b\.npz"):
            load_checkpoint(tmp_path / "b.npz")


def rewritten(path, change):
    """Write an archive anew after `change(header, members)`: members are the bytes of the .npy files."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(np.load(io.BytesIO(members.pop("header.npy"))).tobytes())
    options = change(header, members) or {}
    file = io.BytesIO()
    np.save(file, np.frombuffer(json.dumps(header).encode(), np.uint8))
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in {"header.npy": file.getvalue(), **members}.items():
            archive.writestr(name, data)


def npy(dtype, shape, data=b""):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


def claim_terabytes(header, members):
    header["arrays"]["params/fc2/w"]["shape"] = [1 << 40, 3]
    members["params/fc2/w.npy"] = npy("<f4", (1 << 40, 3))


def change_a_number(header, members):
    data = bytearray(members["params/fc2/w.npy"])
    data[-1] ^= 1
    members["params/fc2/w.npy"] = bytes(data)


def pickle_inside(header, members):
    header["arrays"]["params/fc2/w"]["dtype"] = "|O"
    members["params/fc2/w.npy"] = npy("|O", (64, 3), b"cos\nsystem\n")


def compress(header, members):
    return {"compression": zipfile.ZIP_DEFLATED}


def leave_out(header, members):
    del members["params/fc2/w.npy"]


def add(header, members):
    members["more.npy"] = npy("<f4", (0,))


def other_layer(header, members):
    header["network"]["layers"][1][1] = "Convolution9d"


def other_settings(header, members):
    header["network"]["layers"][1][2] = {"size": 3}


def other_shape(header, members):
    header["network"]["layers"][4][2]["out_features"] = 5


def other_format(header, members):
    header["format"] = "tinynet 99"


def other_generator(header, members):
    header["generators"]["drop2"]["bit_generator"] = "seed"


def lost_generator(header, members):
    del header["generators"]["drop2"]


def lost_array(header, members):
    header["params"]["fc2"]["w"]["$array"] = "params/fc2/q"


@pytest.mark.parametrize("change, message", [
    (claim_terabytes, "params/fc2/w of shape .* needs 13194139533312 bytes and has 0"),
    (change_a_number, "params/fc2/w is damaged: its SHA-256"),
    (pickle_inside, "an array of object, expected numbers"),
    (compress, "header.npy is compressed"),
    (leave_out, r"its entries are not those of its header: \['params/fc2/w.npy'\]"),
    (add, r"its entries are not those of its header: \['more.npy'\]"),
    (other_layer, "layer 'pool1' is a Convolution9d, which tinynet does not have"),
    (other_settings, "its network cannot be built: .*size"),
    (other_shape, r"fc2.w has shape \(64, 5\), in the checkpoint \(64, 3\)"),
    (other_format, "its format is 'tinynet 99', this version of tinynet reads 'tinynet 1'"),
    (other_generator, "drop2 has a random generator 'seed'"),
    (lost_generator, "it lacks 'drop2'"),
    (lost_array, "has no array 'params/fc2/q'"),
])
def test_a_file_that_was_tampered_with_is_refused_with_the_reason(change, message, tmp_path):
    save_checkpoint(tmp_path / "a.npz", small_net())
    rewritten(tmp_path / "a.npz", change)
    with pytest.raises(CheckpointError, match=rf"a\.npz.*{message}"):
        load_checkpoint(tmp_path / "a.npz")


@pytest.mark.parametrize("value, message", [
    (np.array(["x"]), "progress/note is an array of <U1, expected numbers"),
    (np.array([{}]), "progress/note is an array of object, expected numbers"),
    (np.array([1j]), "progress/note is an array of complex128, expected numbers"),
    ({1, 2}, "cannot be written as JSON: Object of type set is not JSON serializable"),
])
def test_what_could_not_be_loaded_does_not_replace_a_good_file(value, message, tmp_path):
    save_checkpoint(tmp_path / "a.npz", small_net())
    before = (tmp_path / "a.npz").read_bytes()
    with pytest.raises(ArgumentError, match=rf"a\.npz: .*{message}"):
        save_checkpoint(tmp_path / "a.npz", small_net(), progress={"note": value})
    assert (tmp_path / "a.npz").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("names", [{0: "a"}, [0, 1], "abc"])
def test_class_names_that_could_not_be_loaded_are_not_saved(names, tmp_path):
    net = small_net()
    net.class_names = names
    with pytest.raises(ArgumentError, match=r"net.class_names is .*, expected a list of str, or None"):
        save_checkpoint(tmp_path / "a.npz", net)
    assert not list(tmp_path.iterdir())


def test_a_network_of_another_make_is_refused_for_restoring(tmp_path):
    save_checkpoint(tmp_path / "a.npz", small_net())
    net = small_net()
    net["fc2"].params["w"] = np.zeros((64, 3), np.float32)
    restore_network(tmp_path / "a.npz", net)
    assert_same(net.params, small_net().params)
    with pytest.raises(CheckpointError, match=r"network other: the network has \['fc'\], the checkpoint has \["):
        restore_network(tmp_path / "a.npz", tn.Network([("fc", tn.Linear(2, 2))], name="other"))


def test_half_the_bytes_give_float32_rounded_to_float16(tmp_path):
    net = small_net()
    tn.save_checkpoint(tmp_path / "whole.npz", net)
    tn.save_checkpoint(tmp_path / "half.npz", net, half=True)
    other = load_checkpoint(tmp_path / "half.npz")
    for name, array in flat(net.params).items():
        half = flat(other.params)[name]
        assert half.dtype == np.float32 and np.array_equal(half, array.astype(np.float16))
    for name, array in flat(net.buffers).items():  # running statistics stay as they are
        assert np.array_equal(array, flat(other.buffers)[name])
    restored = small_net()
    restore_network(tmp_path / "half.npz", restored)
    assert restored.dtype == np.float32


def test_a_float16_network_comes_back_as_one(tmp_path):
    net: Any = tn.Network([("fc", tn.Linear(3, 2, seed=1))]).astype("float16")
    tn.save_checkpoint(tmp_path / "net.npz", net)
    assert load_checkpoint(tmp_path / "net.npz").dtype == np.float16


@pytest.mark.parametrize("change, message", [
    (lambda net: net.astype("float64"), "block.conv1.b is float64|block.conv1.w is float64"),
    (lambda net: net["fc2"].params["w"].__setitem__((0, 0), 7e4), "fc2.w has numbers beyond float16's 65,504"),
    (lambda net: net["fc2"].params["w"].__setitem__((0, 0), np.nan), "fc2.w has numbers beyond .* not finite"),
])
def test_what_float16_cannot_hold_is_not_written(change, message, tmp_path):
    net = small_net()
    net = change(net) or net
    with pytest.raises(ArgumentError, match=message):
        save_checkpoint(tmp_path / "net.npz", net, half=True)
    assert not list(tmp_path.iterdir())


def test_a_training_is_not_saved_by_halves(tmp_path):
    net = small_net()
    with pytest.raises(ArgumentError, match="half is for a network alone"):
        save_checkpoint(tmp_path / "net.npz", net, SGD(net), half=True)
