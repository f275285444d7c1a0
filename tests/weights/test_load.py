"""Weights into a network and out of it: PyTorch computes the same scores, and what does not fit is listed."""
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError, WeightsError
from tinynet.network.params import flat
from tinynet.weights import load_weights, save_weights
from tinynet.weights.layout import places, their_shape
from tinynet.weights.pth import read_pth, write_pth

torch: Any = pytest.importorskip("torch", reason="the reference is PyTorch, the extra `reference`")
ENDINGS = [".pth", ".safetensors"]


@pytest.fixture(params=ENDINGS)
def ending(request) -> str:
    if request.param == ".safetensors":
        pytest.importorskip("safetensors", reason="needs the extra `weights`")
    return request.param


def ours(seed: int = 0) -> Any:
    return tn.Network([
        ("conv1", tn.Conv2d(3, 4, 3, padding=1, seed=seed)), ("norm1", tn.BatchNorm2d(4)), ("relu1", tn.ReLU()),
        ("pool1", tn.MaxPool2d(2, 2)), ("conv2", tn.Conv2d(4, 6, (3, 2), groups=2, seed=seed + 1)),
        ("flatten", tn.Flatten()), ("drop", tn.Dropout()), ("fc1", tn.Linear(6 * 2 * 4, 5, seed=seed + 2)),
        ("relu2", tn.ReLU()), ("fc2", tn.Linear(5, 3, seed=seed + 3)),
    ], input_shape=(8, 10, 3), name="mine")


def theirs() -> Any:
    torch.manual_seed(0)
    nn = torch.nn
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Conv2d(4, 6, (3, 2), groups=2), nn.Flatten(), nn.Dropout(), nn.Linear(48, 5), nn.ReLU(), nn.Linear(5, 3))
    module.train()(torch.randn(16, 3, 8, 10))  # moves the running statistics
    return module.eval()


NAMES = {"conv1": "0", "norm1": "1", "conv2": "4", "fc1": "7", "fc2": "9"}


def scores_of(module: Any, x: np.ndarray) -> np.ndarray:
    return module(torch.from_numpy(x.transpose(0, 3, 1, 2))).detach().numpy()


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((5, 8, 10, 3)).astype("f4")


def test_pytorchs_weights_give_pytorchs_scores(x, tmp_path):
    module, net = theirs(), ours()
    torch.save(module.state_dict(), tmp_path / "w.pth")
    assert load_weights(net, tmp_path / "w.pth", NAMES) is net
    np.testing.assert_allclose(net.forward(x)[0], scores_of(module, x), rtol=1e-5, atol=1e-6)


def test_our_weights_give_our_scores_in_pytorch(x, tmp_path, ending):
    net, module = ours(seed=7), theirs()
    net["norm1"].buffers["running_mean"] = np.arange(4, dtype="f4")
    save_weights(net, tmp_path / f"w{ending}", NAMES)
    if ending == ".pth":
        found = torch.load(tmp_path / "w.pth", weights_only=True)
    else:
        from safetensors.torch import load_file

        found = load_file(tmp_path / "w.safetensors")
    missing, unexpected = module.load_state_dict(found, strict=False)
    assert not unexpected and set(missing) <= {"1.num_batches_tracked"}
    np.testing.assert_allclose(scores_of(module, x), net.forward(x)[0], rtol=1e-5, atol=1e-6)


def test_there_and_back_changes_no_bit(tmp_path, ending):
    net, other = ours(seed=7), ours()
    save_weights(net, tmp_path / f"w{ending}")
    load_weights(other, tmp_path / f"w{ending}")
    for name, array in flat(net.params).items():
        assert np.array_equal(array, flat(other.params)[name])
    assert all(array.flags.writeable for array in flat(other.params).values())  # a training writes into them


def test_a_last_layer_for_other_classes_stays_if_that_is_asked_for(tmp_path):
    net, other = ours(seed=7), ours()
    other = tn.Network([(name, tn.Linear(5, 4, seed=9) if name == "fc2" else layer)
                        for name, layer in other.layers.items()], input_shape=(8, 10, 3), name="mine")
    own = other["fc2"].params["w"].copy()
    save_weights(net, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"fc2.weight 3 x 5 instead of 4 x 5, fc2.bias 3 instead of 4"):
        load_weights(other, tmp_path / "w.pth")
    load_weights(other, tmp_path / "w.pth", new_last=True)
    assert np.array_equal(other["fc2"].params["w"], own)
    assert np.array_equal(other["fc1"].params["w"], net["fc1"].params["w"])
    load_weights(other := ours(), tmp_path / "w.pth", new_last=True)  # of the same size
    assert np.array_equal(other["fc2"].params["w"], net["fc2"].params["w"])


def test_float64_networks_stay_float64(tmp_path, ending):
    save_weights(ours().astype("float64"), tmp_path / f"w{ending}")
    assert load_weights(ours().astype("float64"), tmp_path / f"w{ending}").dtype == np.float64
    assert load_weights(ours(), tmp_path / f"w{ending}").dtype == np.float32


def test_the_prefix_of_data_parallel_is_taken_off(x, tmp_path):
    module = theirs()
    torch.save(torch.nn.DataParallel(module).state_dict(), tmp_path / "w.pth")
    net = load_weights(ours(), tmp_path / "w.pth", NAMES)
    np.testing.assert_allclose(net.forward(x)[0], scores_of(module, x), rtol=1e-5, atol=1e-6)


def test_all_that_does_not_fit_is_in_one_message_and_nothing_is_changed(tmp_path):
    net = ours()
    save_weights(net, tmp_path / "w.pth")
    arrays = dict(read_pth(tmp_path / "w.pth"))
    arrays["conv1.weight"] = arrays["conv1.weight"].transpose(2, 3, 1, 0)      # ours, not PyTorch's
    arrays["head.weight"] = arrays.pop("fc2.weight")
    write_pth(tmp_path / "bad.pth", arrays)
    before = {name: array.copy() for name, array in flat(net.params).items()}
    with pytest.raises(WeightsError, match=r"bad.pth does not fit mine; missing: fc2.weight; left over: head.weight; "
                       r"of another shape: conv1.weight 3 x 3 x 3 x 4 instead of 4 x 3 x 3 x 3$"):
        load_weights(net, tmp_path / "bad.pth")
    for name, array in flat(net.params).items():
        assert np.array_equal(array, before[name])


def test_a_file_for_another_network_names_the_first_and_counts_the_rest(tmp_path):
    save_weights(tn.cifar_net("80sec"), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="missing: 0.weight, .* and 6 more; left over: conv1.weight, .* 4 more"):
        load_weights(ours(), tmp_path / "w.pth", NAMES)


@pytest.mark.parametrize("call, error, message", [
    (lambda p: load_weights(ours(), p / "w.bin"), ArgumentError, r"w.bin ends in '.bin', expected .pth, .pt, .safet"),
    (lambda p: save_weights(ours(), p / "w"), ArgumentError, "ends in 'nothing'"),
    (lambda p: load_weights("alexnet-nothing", p / "w.pth"), ArgumentError, "does not exist"),
    (lambda p: load_weights(tn.ReLU(), p / "w.pth"), ArgumentError, "a ReLU, expected a Network"),
    (lambda p: save_weights({}, p / "w.pth"), ArgumentError, "a dict, expected a Network"),
    (lambda p: load_weights(ours(), p / "w.pth", {"conv9": "0"}), ArgumentError, "'conv9', which mine does not have"),
    (lambda p: load_weights(ours(), p / "w.pth"), WeightsError, "w.pth cannot be read"),
])
def test_wrong_arguments_are_named(call, error, message, tmp_path):
    with pytest.raises(error, match=message):
        call(tmp_path)


def test_damaged_safetensors_are_named(tmp_path):
    pytest.importorskip("safetensors", reason="needs the extra `weights`")
    save_weights(ours(), tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    for bad in (content[:-5], content[:20], b"", b"<html>", content[8:]):
        (tmp_path / "bad.safetensors").write_bytes(bad)
        with pytest.raises(WeightsError, match="bad.safetensors is damaged"):
            load_weights(ours(), tmp_path / "bad.safetensors")


def torchvisions_alexnet() -> Any:
    """Return the module that torchvision/models/alexnet.py describes, with its names."""
    nn = torch.nn
    features, classifier, c = [], [], 3
    for filters, kernel, stride, padding, pool in (
        (64, 11, 4, 2, True), (192, 5, 1, 2, True), (384, 3, 1, 1, False), (256, 3, 1, 1, False), (256, 3, 1, 1, True),
    ):
        features += [nn.Conv2d(c, filters, kernel, stride, padding), nn.ReLU()] + [nn.MaxPool2d(3, 2)] * pool
        c = filters
    for inputs in (9216, 4096):
        classifier += [nn.Dropout(), nn.Linear(inputs, 4096), nn.ReLU()]
    module = nn.Sequential()
    module.add_module("features", nn.Sequential(*features))
    module.add_module("flatten", nn.Flatten())
    module.add_module("classifier", nn.Sequential(*classifier, nn.Linear(4096, 1000)))
    return module.eval()


def test_torchvisions_alexnet_has_our_arrays_under_its_names():
    """With numbers the two were compared once: the same scores to 1e-4 of the largest; it takes a minute."""
    with torch.device("meta"):
        expected = {name: tuple(array.shape) for name, array in torchvisions_alexnet().state_dict().items()}
    net: Any = tn.alexnet("torchvision")
    found = {place.theirs: their_shape(place, net[place.layer]) for place in places(net)}
    assert found == expected and list(found) == list(expected)
    assert next(place for place in places(net) if place.layer == "fc6").before == (6, 6, 256)
