"""Weights into a network and out of it: PyTorch computes the same scores, and what does not fit is listed."""
from typing import Any

import numpy as np
import pytest
from support.branches import Branches

import tinynet as tn
from tinynet.errors import ArgumentError, DtypeError, WeightsError
from tinynet.layers.initializers import undrawn
from tinynet.network.params import flat
from tinynet.training.checkpoint import restore_network
from tinynet.weights import load_weights, save_weights
from tinynet.weights.pth import read_pth, write_pth

try:
    import torch
except ImportError:
    torch: Any = None
needs_torch = pytest.mark.skipif(torch is None, reason="the reference is PyTorch, the extra `reference`")
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


@needs_torch
def test_pytorchs_weights_give_pytorchs_scores(x, tmp_path):
    module, net = theirs(), ours()
    torch.save(module.state_dict(), tmp_path / "w.pth")
    assert load_weights(net, tmp_path / "w.pth", NAMES) is net
    np.testing.assert_allclose(net.forward(x)[0], scores_of(module, x), rtol=1e-5, atol=1e-6)


@needs_torch
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


@needs_torch
def test_what_comes_between_a_flatten_and_a_linear_is_in_pytorchs_order(tmp_path):
    nn, x = torch.nn, np.random.default_rng(0).standard_normal((5, 3, 2, 4)).astype("f4")
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(24), nn.Linear(24, 6), nn.BatchNorm1d(6))
    module.train()(torch.randn(16, 4, 3, 2))
    nn.init.normal_(module[1].weight)
    torch.save(module.eval().state_dict(), tmp_path / "w.pth")
    net = tn.Network([
        ("0", tn.Flatten()), ("1", tn.BatchNorm1d(24)), ("2", tn.Linear(24, 6)), ("3", tn.BatchNorm1d(6)),
    ], input_shape=(3, 2, 4))
    load_weights(net, tmp_path / "w.pth")
    np.testing.assert_allclose(net.forward(x)[0], scores_of(module, x), rtol=1e-5, atol=1e-6)
    save_weights(net, tmp_path / "again.pth")
    module.load_state_dict(torch.load(tmp_path / "again.pth"), strict=False)
    np.testing.assert_allclose(net.forward(x)[0], scores_of(module, x), rtol=1e-5, atol=1e-6)


class Dense(tn.Layer):
    """A layer of one's own: what it makes of flattened images is in no order of PyTorch's."""

    def __init__(self, inputs, units, seed):
        super().__init__()
        self.params["w"] = np.random.default_rng(seed).standard_normal((inputs, units), np.float32)

    def forward(self, x, train=False):
        return x @ self.params["w"], x

    def output_shape(self, shape):
        return self.params["w"].shape[1:]


@pytest.mark.parametrize("units", [12, 24])
def test_a_layer_of_ones_own_behind_a_flatten_ends_its_order(units, tmp_path):
    def net(seed):
        return tn.Network([("flat", tn.Flatten()), ("own", Dense(24, units, seed=seed)),
                           ("fc", tn.Linear(units, 3, seed=seed + 1))], input_shape=(3, 2, 4))

    save_weights(net(0), tmp_path / "w.pth")
    np.testing.assert_array_equal(read_pth(tmp_path / "w.pth")["fc.weight"], net(0)["fc"].params["w"].T)
    found = load_weights(net(5), tmp_path / "w.pth")
    np.testing.assert_array_equal(found["fc"].params["w"], net(0)["fc"].params["w"])
    np.testing.assert_array_equal(found["own"].params["w"], net(0)["own"].params["w"])


def test_a_network_of_branches_is_saved_and_loaded(tmp_path, ending):
    def net(seed):
        return tn.Network([("fc1", tn.Linear(6, 4)), ("both", Branches()), ("fc3", tn.Linear(5, 2))],
                          input_shape=(6,), seed=seed)

    save_weights(net(0), tmp_path / f"w{ending}")
    found = load_weights(net(1), tmp_path / f"w{ending}")
    for name, array in flat(net(0).params).items():
        np.testing.assert_array_equal(flat(found.params)[name], array)


class Prelu(tn.Layer):
    """As PyTorch's, with one slope: it keeps the order of the numbers."""

    def __init__(self):
        super().__init__()
        self.params["weight"] = np.array([0.25], np.float32)

    def forward(self, x, train=False):
        return np.where(x > 0, x, self.params["weight"] * x), x


@needs_torch
def test_a_layer_of_ones_own_that_keeps_the_order_does_not_end_it(tmp_path):
    nn, x = torch.nn, np.random.default_rng(0).standard_normal((5, 3, 2, 4)).astype("f4")
    module = nn.Sequential(nn.Flatten(), nn.PReLU(), nn.Linear(24, 6)).eval()
    torch.save(module.state_dict(), tmp_path / "w.pth")
    net = tn.Network([("0", tn.Flatten()), ("1", Prelu()), ("2", tn.Linear(24, 6))], input_shape=(3, 2, 4))
    load_weights(net, tmp_path / "w.pth")
    np.testing.assert_allclose(net.forward(x)[0], scores_of(module, x), rtol=1e-5, atol=1e-6)


class SideBySide(tn.Network):
    """Branches that all see the network's input; their outputs are added."""

    def forward(self, x, train=False, save=True):
        return sum(layer.forward(x)[0] for layer in self.layers.values()), None

    def output_shape(self, shape):
        return (5,)


class Doubled(tn.Network):
    """A line of layers, times 2."""

    def forward(self, x, train=False, save=True):
        y, saved = super().forward(x, train, save)
        return 2 * y, saved


class Joined(tn.Network):
    """Branches, their outputs side by side."""

    def forward(self, x, train=False, save=True):
        return np.concatenate([layer.forward(x)[0] for layer in self.layers.values()], axis=1), None

    def output_shape(self, shape):
        return (sum(layer.output_shape(shape)[0] for layer in self.layers.values()),)


def flat_maps():
    return tn.Network([("conv", tn.Conv2d(2, 3, 3)), ("flat", tn.Flatten())])


@pytest.mark.parametrize("layers", [
    [("twice", Doubled([("conv", tn.Conv2d(2, 3, 3)), ("flat", tn.Flatten())]))],
    [("conv", tn.Conv2d(2, 3, 3)), ("flat", tn.Flatten()), ("twice", Doubled([("norm", tn.BatchNorm1d(18))]))],
    [("conv", tn.Conv2d(2, 3, 3)), ("flat", tn.Flatten()), ("twice", Doubled([("relu", tn.ReLU())]))],
], ids=["flatten in it", "norm in it", "relu in it"])
def test_the_order_behind_a_network_with_a_forward_of_its_own_is_kept(layers, tmp_path):
    net = tn.Network([*layers, ("fc", tn.Linear(18, 4, seed=1))], input_shape=(5, 4, 2), seed=0)
    save_weights(net, tmp_path / "w.pth")
    w = net["fc"].params["w"]
    np.testing.assert_array_equal(read_pth(tmp_path / "w.pth")["fc.weight"],
                                  w.reshape(3, 2, 3, 4).transpose(2, 0, 1, 3).reshape(18, 4).T)


def test_an_order_that_branches_leave_open_is_refused(tmp_path):
    net = tn.Network([("both", Joined([("a", flat_maps()), ("b", flat_maps())])), ("fc", tn.Linear(36, 4))],
                     input_shape=(5, 4, 2), name="joined")
    with pytest.raises(WeightsError, match="joined: a Flatten before layer fc puts images"):
        save_weights(net, tmp_path / "w.pth")

    class Silent(tn.Network):
        """It does not say its shapes, and nothing comes after it."""

        def forward(self, x, train=False, save=True):
            return self.layers["a"].forward(x)[0] + self.layers["b"].forward(x)[0], None

    silent = Silent([("a", tn.Conv2d(2, 4, 3)), ("b", tn.Conv2d(2, 4, 3))], input_shape=(5, 4, 2), seed=0)
    save_weights(silent, tmp_path / "silent.pth")
    assert list(read_pth(tmp_path / "silent.pth")) == ["a.weight", "a.bias", "b.weight", "b.bias"]


def test_branches_of_images_are_in_pytorchs_order_and_what_does_not_follow_is_refused(tmp_path):
    def branch(filters):
        return tn.Network([("conv", tn.Conv2d(2, filters, 3)), ("flat", tn.Flatten()),
                           ("fc", tn.Linear(3 * 2 * filters, 5))])

    net = SideBySide([("left", branch(4)), ("right", branch(3))], input_shape=(5, 4, 2), name="two", seed=0)
    save_weights(net, tmp_path / "w.pth")
    for name, filters in (("left", 4), ("right", 3)):
        ours, theirs = net[f"{name}"]["fc"].params["w"], read_pth(tmp_path / "w.pth")[f"{name}.fc.weight"]
        np.testing.assert_array_equal(theirs.T.reshape(filters, 3, 2, 5).transpose(1, 2, 0, 3).reshape(-1, 5), ours)

    class Late(SideBySide):
        """Its Flatten sees what the second convolution gives for the image, not for the first one's maps."""

    late = Late([("a", tn.Conv2d(2, 2, 2, stride=2)), ("b", tn.Conv2d(2, 3, 1)), ("flat", tn.Flatten()),
                 ("fc", tn.Linear(5 * 4 * 3, 5))], input_shape=(5, 4, 2), name="late")
    with pytest.raises(WeightsError, match="late: a Flatten before layer fc puts .*; whether fc sees them does not"):
        save_weights(late, tmp_path / "late.pth")
    lost = SideBySide([("a", tn.Conv2d(2, 2, 2)), ("b", tn.Conv2d(7, 3, 1)), ("flat", tn.Flatten()),
                       ("fc", tn.Linear(9, 5))], input_shape=(5, 4, 2), name="lost")
    with pytest.raises(WeightsError, match="lost: a Flatten before layer fc puts .* a network with a forward of its"):
        save_weights(lost, tmp_path / "lost.pth")
    rows = tn.Network([("flat", tn.Flatten()), ("both", Branches(24)), ("fc", tn.Linear(5, 2))], input_shape=(3, 2, 4))
    save_weights(rows, tmp_path / "rows.pth")
    for name in ("left", "right"):                                             # both see the flattened images
        np.testing.assert_array_equal(
            read_pth(tmp_path / "rows.pth")[f"both.{name}.weight"],
            rows["both"][name].params["w"].reshape(6, 4, -1).transpose(2, 1, 0).reshape(-1, 24))


def test_a_last_layer_that_is_damaged_in_part_is_no_other_one(tmp_path):
    save_weights(ours(), tmp_path / "w.pth")
    arrays = read_pth(tmp_path / "w.pth")
    write_pth(tmp_path / "w.pth", arrays | {"fc2.bias": np.ones(4, np.float32)})
    with pytest.raises(WeightsError, match="of another shape: fc2.bias 4 instead of 3"):
        load_weights(ours(), tmp_path / "w.pth", new_last=True)


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


@needs_torch
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
    (lambda p: save_weights(ours(), p / "w"), ArgumentError, "has no ending"),
    (lambda p: load_weights("alexnet-nothing", p / "w.pth"), ArgumentError, "does not exist"),
    (lambda p: load_weights(tn.ReLU(), p / "w.pth"), ArgumentError, "a ReLU, expected a Network"),
    (lambda p: save_weights({}, p / "w.pth"), ArgumentError, "a dict, expected a Network"),
    (lambda p: load_weights(ours(), p / "w.pth", {"conv9": "0"}), ArgumentError, "'conv9', which mine does not have"),
    (lambda p: load_weights(ours(), p / "w.pth"), WeightsError, "w.pth cannot be read"),
])
def test_wrong_arguments_are_named(call, error, message, tmp_path):
    with pytest.raises(error, match=message):
        call(tmp_path)


@pytest.mark.parametrize("names", [{"fc1": "fc2"}, {"fc1": "x", "fc2": "x"}])
def test_two_layers_of_one_name_in_the_file_are_refused_both_ways(names, tmp_path):
    save_weights(ours(), tmp_path / "w.pth")
    for call, path in ((save_weights, tmp_path / "new.pth"), (load_weights, tmp_path / "w.pth")):
        with pytest.raises(ArgumentError, match=r"fc1.w and fc2.w would both be called '(fc2|x).weight' in the file"):
            call(ours(), path, names)
    assert not (tmp_path / "new.pth").exists()


class Scaled(tn.Layer):
    """y = a x, with one number as its parameter."""

    def __init__(self, factor: Any) -> None:
        super().__init__()
        self.factor, self.params["a"] = float(factor), factor

    def forward(self, x: Any, train: bool = False) -> Any:
        return self.params["a"] * x, x

    def backward(self, dy: Any, saved: Any, input_gradient: bool = True) -> Any:
        return self.params["a"] * dy, {"a": (dy * saved).sum()}  # which NumPy makes a number, no array


def test_a_parameter_of_no_axis_is_written_read_and_trained(ending, tmp_path):
    net, other = (tn.Network([("scale", Scaled(np.asarray(np.float32(a))))], name="one") for a in (3, 1))
    save_weights(net, tmp_path / f"w{ending}")
    load_weights(other, tmp_path / f"w{ending}")
    assert other["scale"].params["a"] == 3 and other["scale"].params["a"].shape == ()
    images, labels = np.eye(2, dtype=np.float32), np.array([0, 1])
    tn.training_step(other, images, labels, tn.SGD(other, 0.1))
    assert other["scale"].params["a"] > 3


def test_a_parameter_that_is_no_array_is_saved_as_one_and_refused_by_a_step(tmp_path):
    net = tn.Network([("scale", Scaled(np.float32(2)))])
    tn.save_checkpoint(tmp_path / "net.npz", net)
    again = tn.Network([("scale", Scaled(np.asarray(np.float32(1))))])
    restore_network(tmp_path / "net.npz", again)
    assert again["scale"].params["a"] == 2
    for optimizer in (tn.SGD(net, 0.1), tn.Adam(net)):
        with pytest.raises(DtypeError, match="parameter scale.a is a single float32, which a step cannot change in"):
            optimizer.step({"scale": {"a": np.float32(1)}})


def test_bfloat16_in_safetensors_is_named(tmp_path):
    pytest.importorskip("safetensors", reason="needs the extra `weights`")
    head = b'{"fc1.weight":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    (tmp_path / "w.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + bytes(4))
    with pytest.raises(WeightsError, match="w.safetensors has numbers of the kind BF16, which NumPy lacks: save it in"):
        load_weights(ours(), tmp_path / "w.safetensors")


def test_damaged_safetensors_are_named(tmp_path):
    pytest.importorskip("safetensors", reason="needs the extra `weights`")
    save_weights(ours(), tmp_path / "w.safetensors")
    content = (tmp_path / "w.safetensors").read_bytes()
    for bad in (content[:-5], content[:20], content[8:]):
        (tmp_path / "bad.safetensors").write_bytes(bad)
        with pytest.raises(WeightsError, match="bad.safetensors is damaged"):
            load_weights(ours(), tmp_path / "bad.safetensors")


@pytest.mark.parametrize("call", [save_weights, load_weights])
def test_the_order_behind_a_flatten_must_be_known(call, tmp_path):
    save_weights(ours(), tmp_path / "w.pth")
    net = tn.Network(list(ours().layers.items()), name="sizeless")
    with pytest.raises(WeightsError, match=r"sizeless: layer flatten .*Network\(..., input_shape=\(H, W, C\)\)"):
        call(net, tmp_path / "w.pth")
    assert load_weights(ours(seed=5), tmp_path / "w.pth")                      # not overwritten


@pytest.mark.parametrize("content, message", [
    (b"", "is empty"), (b"\n <!doctype html><title>Log in</title>", "is a web page, not weights"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a pointer to a large file"),
])
def test_what_a_failed_download_leaves_is_named_under_every_ending(content, message, ending, tmp_path):
    (tmp_path / f"w{ending}").write_bytes(content)
    with pytest.raises(WeightsError, match=f"w{ending} {message}"):
        load_weights(ours(), tmp_path / f"w{ending}")


def test_a_file_of_another_known_network_says_whose_it_is(tmp_path):
    save_weights(tn.squeezenet(classes=3), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="its layers are those of squeezenet or squeezenet-torchvision$"):
        load_weights("alexnet-torchvision", tmp_path / "w.pth")


def test_a_named_network_has_the_files_classes_and_a_given_one_its_own(tmp_path):
    save_weights(tn.squeezenet(classes=3, seed=4), tmp_path / "w.pth")
    net: Any = load_weights("squeezenet", tmp_path / "w.pth")
    assert net["conv10"].params["b"].shape == (3,) and net.class_names is None
    assert net.preprocessing.channel_order == "BGR"
    with pytest.raises(WeightsError, match="classifier.1.weight 3 x 512 x 1 x 1 instead of 1000 x 512 x 1 x 1"):
        load_weights(tn.squeezenet(), tmp_path / "w.pth")


def test_published_weights_come_with_preprocessing_and_names_and_untrained_networks_without(tmp_path):
    save_weights(tn.squeezenet("torchvision"), tmp_path / "w.pth")
    net: Any = load_weights("squeezenet-torchvision", tmp_path / "w.pth")
    assert (net.class_names[0], net.class_names[-1]) == ("n01440764", "n15075141")
    assert net.preprocessing.image_size == (256, 256) and net.preprocessing.input_size == (224, 224)
    untrained: Any = tn.squeezenet("torchvision")
    assert untrained.preprocessing is None and untrained.class_names is None


@pytest.mark.parametrize("variant, size, order, resize, mean", [
    ("torchvision", 224, "RGB", "crop", [123.675, 116.28, 103.53]),
    ("caffe", 227, "BGR", "squash", [104.007, 116.669, 122.679]),
    ("caffenet", 227, "BGR", "squash", [104.007, 116.669, 122.679]),
])
def test_alexnets_recipes_say_what_published_weights_expect(variant, size, order, resize, mean):
    with undrawn():
        net, paper = tn.alexnet(variant), tn.alexnet()
    ready = tn.data.Preprocessing(**net.recipe["preprocessing"])
    assert (ready.input_size, ready.image_size) == ((size, size), (256, 256))
    assert (ready.channel_order, ready.resize) == (order, resize)
    np.testing.assert_allclose(ready.mean, mean)
    assert net.preprocessing is None and "preprocessing" not in paper.recipe
