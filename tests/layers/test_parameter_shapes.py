"""Parameters put into a layer: those of another shape than when it was made are refused before they are used."""
import copy
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet.errors import ArgumentError, DtypeError, ShapeError
from tinynet.layers.parameter_shapes import check_parameters
from tinynet.training.checkpoint import load_checkpoint, save_checkpoint

X = np.random.default_rng(0).standard_normal((2, 7, 7, 3), dtype=np.float32)
WITH_PARAMETERS = ["Conv2d", "LocallyConnected2d", "Linear", "BatchNorm1d", "BatchNorm2d"]


def conv_net():
    return tn.Network([("block", tn.Network([("conv1", tn.Conv2d(3, 3, 3, padding=1))])), ("relu", tn.ReLU()),
                       ("conv2", tn.Conv2d(3, 4, (3, 3))), ("flat", tn.Flatten()), ("fc", tn.Linear(100, 3))],
                      name="small")


def test_weights_in_pytorchs_order_are_refused_and_the_way_back_is_named():
    layer = tn.Conv2d(3, 3, (3, 2))
    right = layer.params["w"]
    layer.params["w"] = right.transpose(3, 2, 0, 1)
    with pytest.raises(ShapeError, match=r"^Conv2d: the parameter 'w' has shape \(3, 3, 3, 2\), expected "
                       r"\(3, 2, 3, 3\) as when the layer was made; this is PyTorch's order \(out, in, height, width\)"
                       r", which \.transpose\(2, 3, 1, 0\) brings into tinynet's \(height, width, in, out\)$"):
        layer.forward(X)
    layer.params["w"] = layer.params["w"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(layer.params["w"], right)
    assert layer.forward(X)[0].shape == (2, 5, 6, 3)
    rows = tn.Linear(5, 2)
    rows.params["w"] = rows.params["w"].T
    with pytest.raises(ShapeError, match=r"^Linear: the parameter 'w' has shape \(2, 5\), expected \(5, 2\) as when "
                       r"the layer was made; this is PyTorch's order \(out, in\), which \.transpose\(1, 0\) brings"):
        rows.forward(np.zeros((1, 5), np.float32))


@pytest.mark.parametrize("place", ["conv2", "fc"])
@pytest.mark.parametrize("array", ["w", "b"])
def test_a_parameter_of_another_dtype_is_named(place, array):
    net = conv_net()
    net[place].params[array] = net[place].params[array].astype("float64")      # as np.zeros(3) is
    found = ("b' is float32 and 'w' is float64" if array == "w" else "b' is float64 and 'w' is float32")
    for plain in (nullcontext(), tn.plain()):
        with plain, pytest.raises(DtypeError, match=rf"{place}.*: the parameter '{found}, expected the same dtype$"):
            net.forward(X)

    class Counts(tn.Layer):                                                    # one's own layer may have its reasons
        def __init__(self):
            super().__init__()
            self.params = {"w": np.ones(3, np.float32), "sum": np.ones(3)}

        def forward(self, x, train=False):
            self.check_input(x)
            return x * self.params["w"], x

    assert Counts().forward(X)[0].dtype == np.float32


def test_pytorchs_own_weights_go_in_as_the_message_says():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")
    theirs = torch.nn.Conv2d(4, 6, (3, 2), groups=2)
    layer = tn.Conv2d(4, 6, (3, 2), groups=2)
    layer.params["w"] = theirs.weight
    with pytest.raises(DtypeError, match=r"the parameter 'w' is a Parameter, expected a NumPy or CuPy array of shape "):
        layer.forward(np.zeros((1, 5, 5, 4), np.float32))
    layer.params |= {"w": theirs.weight.detach().numpy(), "b": theirs.bias.detach().numpy()}
    with pytest.raises(ShapeError, match=r"\.transpose\(2, 3, 1, 0\)"):
        layer.forward(np.zeros((1, 5, 5, 4), np.float32))
    layer.params["w"] = layer.params["w"].transpose(2, 3, 1, 0)
    x = np.random.default_rng(0).standard_normal((2, 5, 5, 4), dtype=np.float32)
    expected = theirs(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).detach().numpy()
    np.testing.assert_allclose(layer.forward(x)[0], expected, atol=1e-5)


@pytest.mark.parametrize("name", WITH_PARAMETERS)
@given(data=st.data())
def test_any_other_shape_is_refused_in_every_layer(name, data):
    layer, x = draw_case(data.draw, TABLE[name])
    key = data.draw(st.sampled_from(sorted(layer.params)))
    shape = layer.params[key].shape
    others = [(1, *shape), shape[:-1], (*shape[:-1], shape[-1] + 1), (), (7,) * 5, shape[::-1]]
    layer.params[key] = np.zeros(data.draw(st.sampled_from(others).filter(lambda other: other != shape)))
    with pytest.raises(ShapeError, match=rf"^{name}: the parameter '{key}' has shape .*, expected .* as when the"):
        layer.forward(x, train=data.draw(st.booleans()))


def in_the_layer(net, w):
    net["conv2"].params["w"] = w


def in_the_networks_params(net, w):
    net.params["conv2"]["w"] = w


def a_new_dict(net, w):
    net["conv2"].params = {"w": w, "b": net["conv2"].params["b"]}


def by_update(net, w):
    net["conv2"].params.update(w=w)


@pytest.mark.parametrize("put", [in_the_layer, in_the_networks_params, a_new_dict, by_update])
def test_a_network_names_the_layer_wherever_the_array_was_put(put, tmp_path):
    net = conv_net()
    put(net, np.zeros((4, 3, 3, 3), np.float32))
    x, labels = X, np.array([0, 1])
    says = r"layer conv2 \(Conv2d\): the parameter 'w' has shape \(4, 3, 3, 3\), expected \(3, 3, 3, 4\) as when"
    for use in (lambda: net.forward(x), lambda: net.forward(x, train=True), lambda: tn.trace(net, x, labels),
                lambda: tn.predict(net, x), lambda: tn.fit(net, (x, labels), epochs=1, progress=False)):
        with pytest.raises(ShapeError, match=f"^small, {says}"):
            use()
    with pytest.raises(ShapeError, match=f"^save_checkpoint: {says}"):
        save_checkpoint(tmp_path / "a.npz", net)
    assert not list(tmp_path.iterdir())


def test_in_nested_networks_too(tmp_path):
    net = conv_net()
    net.params["block"]["conv1"]["b"] = np.zeros((3, 1), np.float32)
    with pytest.raises(ShapeError, match=r"layer conv1 \(Conv2d\): the parameter 'b' has shape \(3, 1\), expected"):
        net.forward(X)
    with pytest.raises(ShapeError, match=r"save_checkpoint: layer block\.conv1 \(Conv2d\): the parameter 'b'"):
        save_checkpoint(tmp_path / "a.npz", net)


def test_what_is_missing_or_no_array_is_named():
    layer = tn.Linear(3, 2)
    layer.params["b"] = [0.0, 0.0]
    with pytest.raises(DtypeError, match=r"Linear: the parameter 'b' is a list, expected a NumPy or CuPy array of"):
        layer.forward(np.zeros((1, 3), np.float32))
    del layer.params["b"]
    with pytest.raises(DtypeError, match="Linear: the parameter 'b' is missing, expected"):
        layer.forward(np.zeros((1, 3), np.float32))


def test_copies_and_loaded_networks_keep_the_shapes(tmp_path):
    net = conv_net()
    save_checkpoint(tmp_path / "a.npz", net)
    for other in (copy.deepcopy(net), net.astype("float64"), tn.to_cpu(net), load_checkpoint(tmp_path / "a.npz")):
        other["conv2"].params["w"] = np.zeros((3, 3, 3, 5))
        with pytest.raises(ShapeError, match="layer conv2"):
            other.forward(X.astype(other["conv2"].dtype))


class Scale(tn.Layer):
    """y = a * x, with one number for each channel; nothing says which shape it must have."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.params["a"] = np.ones(channels, np.float32)

    def forward(self, x, train=False):
        return self.params["a"] * x, (x,)


class ForEachPlace(Scale):
    """Derived from it, with another shape: that of the whole layer counts, when it is made."""

    def __init__(self, height, width, channels):
        super().__init__(channels)
        self.height, self.width = height, width
        self.params["a"] = np.ones((height, width, channels), np.float32)


class AtFirstUse(tn.Layer):
    """Its parameter is made by the first forward pass."""

    def forward(self, x, train=False):
        self.params.setdefault("a", np.ones(x.shape[-1], x.dtype))
        return self.params["a"] * x, (x,)


def test_a_layer_of_ones_own_keeps_the_shapes_that_it_was_made_with():
    net = tn.Network([("scale", Scale(3))])
    net.params["scale"]["a"] = np.ones(1, np.float32)  # NumPy would take it
    with pytest.raises(ShapeError, match=r"layer scale \(Scale\): the parameter 'a' has shape \(1,\), expected \(3,\)"):
        net.forward(X)
    for layer in (ForEachPlace(7, 7, 3), AtFirstUse()):
        net = tn.Network([("own", layer)])
        for _ in range(2):
            np.testing.assert_array_equal(net.forward(X)[0], X)
    derived = ForEachPlace(7, 7, 3)
    derived.params["a"] = np.ones(3, np.float32)
    with pytest.raises(ShapeError, match=r"expected \(7, 7, 3\)"):
        check_parameters("ForEachPlace", derived)


def test_a_number_stays_one_when_numpy_makes_a_scalar_of_it():
    one = tn.Network([("one", AtFirstUse())])
    one["one"].params["a"] = np.array(2.0, np.float32)
    one["one"].parameter_shapes = {"a": ()}
    one["one"].params["a"] = one["one"].params["a"] - np.float32(0.5)  # no array any more, but a np.float32
    np.testing.assert_array_equal(one.forward(X)[0], 1.5 * X)


class WithoutInit(tn.Layer):
    """An __init__ that forgets super().__init__(), and has parameters."""

    def __init__(self):
        self.params["a"] = np.ones(3)


class WithoutInitOrParameters(tn.Layer):
    """The same without parameters."""

    def __init__(self, p=1):
        self.p = p


class OfOnesOwn(tn.Layer):
    """It has another mistake."""

    def __init__(self):
        super().__init__()
        self.rate = self.speed


def test_an_init_that_forgets_that_of_layer_is_told_so_at_once():
    for kind in (WithoutInit, WithoutInitOrParameters):
        with pytest.raises(ArgumentError, match=rf"^{kind.__name__}: its __init__ does not call super\(\)\.__init__"):
            kind()
    with pytest.raises(AttributeError, match="object has no attribute 'speed'"):
        OfOnesOwn()
