"""SGD against the formula of the paper and against PyTorch; the rules by which the rate falls."""
from typing import Any

import numpy as np
import pytest
from support.optimizer_steps import random_grads, small_net

import tinynet as tn
from tinynet.errors import ArgumentError, DtypeError, ShapeError
from tinynet.network.params import is_bias
from tinynet.ops.numpy_ops import PIECE
from tinynet.training.optim import SGD
from tinynet.training.schedules import ReduceOnPlateau, StepSchedule, schedule_from


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def by_hand(w, v, g, rate, momentum, decay):
    """The paper's two lines, on whole arrays."""
    v = momentum * v - decay * rate * w - rate * g
    return w + v, v


def test_three_steps_follow_the_paper_while_the_rate_changes(rng):
    net = small_net().astype("float64")
    optimizer = SGD(net, learning_rate=0.1, momentum=0.9, weight_decay=0.05)
    w, v = net.params["fc1"]["w"].copy(), 0.0
    for rate in (0.1, 0.01, 0.5):
        optimizer.learning_rate = rate
        grads = random_grads(net.params, rng)
        optimizer.step(grads)
        w, v = by_hand(w, v, grads["fc1"]["w"], rate, 0.9, 0.05)
        np.testing.assert_allclose(net.params["fc1"]["w"], w, rtol=1e-13)
        np.testing.assert_allclose(optimizer.velocity["fc1"]["w"], v, rtol=1e-12)


def test_one_step_with_numbers_from_paper_and_pencil():
    net: Any = tn.Network([("fc", tn.Linear(1, 1))]).astype("float64")
    net["fc"].params["w"] = np.array([[2.0]])
    optimizer = SGD(net, learning_rate=0.5, momentum=0.9, weight_decay=0.1)
    optimizer.velocity = {"fc": {"w": np.array([[1.0]])}}
    optimizer.step({"fc": {"w": np.array([[4.0]]), "b": np.zeros(1)}})
    # v = 0.9 * 1 - 0.1 * 0.5 * 2 - 0.5 * 4 = -1.2
    np.testing.assert_allclose(optimizer.velocity["fc"]["w"], -1.2)
    np.testing.assert_allclose(net["fc"].params["w"], 0.8)


def test_same_path_as_pytorch_while_the_rate_is_constant(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra 'reference')")
    net = small_net().astype("float64")
    ours = SGD(net, learning_rate=0.03, momentum=0.9, weight_decay=0.01)
    theirs = {(layer, name): torch.nn.Parameter(torch.from_numpy(net.params[layer][name].copy()))
              for layer in net.params for name in net.params[layer]}
    optimizer = torch.optim.SGD(theirs.values(), lr=0.03, momentum=0.9, weight_decay=0.01)
    for _ in range(20):
        grads = random_grads(net.params, rng)
        ours.step(grads)
        for (layer, name), parameter in theirs.items():
            parameter.grad = torch.from_numpy(grads[layer][name])
        optimizer.step()
    for (layer, name), parameter in theirs.items():
        np.testing.assert_allclose(net.params[layer][name], parameter.detach().numpy(), rtol=1e-10)


def test_a_lower_rate_leaves_the_old_velocity_as_large_as_it_was():
    net = small_net()
    optimizer = SGD(net, learning_rate=1.0, momentum=0.5, weight_decay=0.0)
    grads = {layer: {name: np.ones_like(w) for name, w in net.params[layer].items()} for layer in net.params}
    optimizer.step(grads)
    optimizer.learning_rate = 0.0
    before = net["fc1"].params["w"].copy()
    optimizer.step(grads)
    np.testing.assert_allclose(net["fc1"].params["w"] - before, -0.5, rtol=1e-5)  # PyTorch would stand still


def test_biases_may_be_faster_and_without_decay():
    net = small_net()
    for layer in net.params.values():
        layer["b"][:] = 1
    zero = {layer: {name: np.zeros_like(w) for name, w in net.params[layer].items()} for layer in net.params}
    w = net["fc1"].params["w"].copy()
    SGD(net, learning_rate=0.1, weight_decay=0.5, decay_biases=False).step(zero)
    np.testing.assert_array_equal(net["fc1"].params["b"], 1)
    np.testing.assert_allclose(net["fc1"].params["w"], 0.95 * w, rtol=1e-6)
    SGD(net, learning_rate=0.1, weight_decay=0.5, bias_rate=2.0).step(zero)
    np.testing.assert_allclose(net["fc1"].params["b"], 0.9, rtol=1e-6)
    one = {layer: {name: np.ones_like(g) for name, g in zero[layer].items()} for layer in zero}
    SGD(net, learning_rate=0.1, weight_decay=0.0, bias_rate=2.0).step(one)
    np.testing.assert_allclose(net["fc1"].params["b"], 0.7, rtol=1e-6)


@pytest.mark.parametrize("name, bias", [
    ("b", True), ("squeeze_b", True), ("w", False), ("squeeze_w", False), ("bulb", False), ("b_w", False)])
def test_a_bias_is_told_by_its_name(name, bias):
    assert is_bias(name) == bias


def test_the_three_biases_of_a_fire_module_are_biases(rng):
    net: Any = tn.Network([("fire", tn.Fire(3, 2, 4, 5, seed=1))]).astype("float64")
    for array in net["fire"].params.values():
        array[...] = rng.standard_normal(array.shape)
    before = {key: array.copy() for key, array in net["fire"].params.items()}
    grads = random_grads(net.params, rng)
    SGD(net, learning_rate=0.1, weight_decay=0.5, bias_rate=3.0, decay_biases=False).step(grads)
    for key, w in before.items():
        rate, decay = (0.3, 0.0) if key in ("squeeze_b", "expand1_b", "expand3_b") else (0.1, 0.5)
        expected, _ = by_hand(w, 0.0, grads["fire"][key], rate, 0.9, decay)
        np.testing.assert_allclose(net["fire"].params[key], expected, rtol=1e-13, err_msg=key)


def test_decay_by_layer_also_in_nested_networks():
    net = tn.Network([("block", small_net()), ("relu", tn.ReLU()), ("fc", tn.Linear(3, 2))])
    optimizer = SGD(net, learning_rate=1.0, weight_decay={"block.fc2": 0.5, "block": 0.25})
    zero = {"block": {name: {k: np.zeros_like(w) for k, w in p.items()} for name, p in net.params["block"].items()},
            "fc": {name: np.zeros_like(w) for name, w in net.params["fc"].items()}}
    old = net.astype("float32").params
    optimizer.step(zero)
    for path, left in {("block", "fc1"): 0.75, ("block", "fc2"): 0.5, ("fc",): 1.0}.items():
        new, before = net.params, old
        for name in path:
            new, before = new[name], before[name]
        np.testing.assert_allclose(new["w"], left * before["w"], rtol=1e-6)
    assert optimizer.velocity["block"]["fc1"]["w"].shape == (5, 4)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_every_dtype_and_memory_layout(dtype, layout, rng):
    net: Any = tn.Network([("fc", tn.Linear(300, 2 * PIECE // 300 + 7))]).astype(dtype)  # more than two pieces
    w = net["fc"].params["w"]
    whole = np.zeros((w.shape[0], 2 * w.shape[1]), dtype)
    whole[:, ::2] = w
    own = {"C": w, "F": np.asfortranarray(w), "strided": whole[:, ::2]}[layout]
    net["fc"].params["w"] = own
    grads = random_grads(net.params, rng)
    expected, _ = by_hand(w.astype("float64"), 0, grads["fc"]["w"].astype("float64"), 0.1, 0.9, 0.5)
    optimizer = SGD(net, learning_rate=np.float64(0.1), weight_decay=0.5)
    optimizer.step(grads)
    assert net["fc"].params["w"] is own and own.dtype == dtype
    assert optimizer.velocity["fc"]["w"].dtype == dtype
    np.testing.assert_allclose(own, expected, atol=8 * np.finfo(dtype).eps)
    assert not whole[:, 1::2].any()


def test_replaced_arrays_are_found_by_name_and_the_velocity_goes_on():
    net = small_net()
    optimizer = SGD(net, learning_rate=1.0, momentum=0.5, weight_decay=0.0)
    ones = {layer: {name: np.ones_like(w) for name, w in net.params[layer].items()} for layer in net.params}
    optimizer.step(ones)
    net["fc1"].params["w"] = np.zeros((5, 4), np.float32)
    optimizer.step(ones)
    np.testing.assert_allclose(net["fc1"].params["w"], -1.5)
    net["fc1"].params["w"] = np.zeros((2, 4), np.float32)
    ones["fc1"]["w"] = np.ones((2, 4), np.float32)
    optimizer.step(ones)
    np.testing.assert_allclose(net["fc1"].params["w"], -1.0)


@pytest.mark.parametrize(("shape", "dtype"), [
    ((3, 4), "float32"), ((6, 5), "float32"), ((5, 4), "float64"), ((5, 4), "float16"),
])
def test_a_parameter_of_another_kind_starts_without_velocity(shape, dtype):
    net = tn.Network([("fc1", tn.Linear(5, 4))])
    optimizer = SGD(net, learning_rate=1.0, momentum=0.5, weight_decay=0.0)
    for w in (np.zeros((5, 4), np.float32), np.zeros(shape, dtype)):
        net["fc1"].params["w"] = w
        optimizer.step({"fc1": {name: np.ones_like(array) for name, array in net["fc1"].params.items()}})
    np.testing.assert_array_equal(net["fc1"].params["w"], -np.ones(shape, dtype))


def test_only_b_is_a_bias():
    class Two(tn.Layer):
        """Has a parameter whose name comes before "b"."""

        def __init__(self):
            super().__init__()
            self.params = {"a": np.zeros(1, np.float32), "b": np.zeros(1, np.float32)}

    layer = Two()
    SGD(layer, 1.0, bias_rate=3.0).step({name: np.ones(1, np.float32) for name in layer.params})
    assert layer.params["a"] == -1 and layer.params["b"] == -3


def test_a_single_layer_can_be_trained_too():
    layer = tn.Linear(2, 1)
    SGD(layer, learning_rate=1.0, weight_decay=0.0).step({"w": layer.params["w"].copy(), "b": np.ones(1, np.float32)})
    np.testing.assert_array_equal(layer.params["w"], 0)


def test_wrong_gradients_are_refused_and_nothing_has_changed():
    net = small_net()
    before = net.astype("float32").params
    good = {layer: {name: np.ones_like(w) for name, w in net.params[layer].items()} for layer in net.params}
    optimizer = SGD(net)
    with pytest.raises(ArgumentError, match="no gradient for fc2.b"):
        optimizer.step({"fc1": good["fc1"], "fc2": {"w": good["fc2"]["w"]}})
    with pytest.raises(ShapeError, match=r"fc2.w has shape \(3, 4\), the parameter \(4, 3\)"):
        optimizer.step({"fc1": good["fc1"], "fc2": good["fc2"] | {"w": np.ones((3, 4), np.float32)}})
    with pytest.raises(ShapeError, match=r"fc2.w has shape \(5, 3\), the parameter \(4, 3\)"):
        optimizer.step({"fc1": good["fc1"], "fc2": good["fc2"] | {"w": np.ones((5, 3), np.float32)}})
    for dtype in ("float64", "float16"):
        with pytest.raises(DtypeError, match=f"fc2.w is {dtype}, the parameter float32"):
            optimizer.step({"fc1": good["fc1"], "fc2": good["fc2"] | {"w": np.ones((4, 3), dtype)}})
    for layer in before:
        for name in before[layer]:
            np.testing.assert_array_equal(net.params[layer][name], before[layer][name])


@pytest.mark.parametrize("arguments, message", [
    ({"learning_rate": -1}, "learning_rate is -1"),
    ({"learning_rate": float("nan")}, "learning_rate is nan"),
    ({"momentum": 1.5}, "momentum is 1.5"),
    ({"momentum": -0.5}, "momentum is -0.5"),
    ({"weight_decay": -0.1}, "weight_decay is -0.1"),
    ({"weight_decay": {"fc1": -1}}, r"weight_decay\['fc1'\] is -1"),
    ({"weight_decay": {"conv1": 1}}, "weight_decay names 'conv1'.*fc1, fc2"),
    ({"weight_decay": {"relu1": 1}}, "weight_decay names 'relu1'"),
    ({"weight_decay": {"": 1}}, "weight_decay names ''"),
    ({"bias_rate": -0.5}, "bias_rate is -0.5"),
])
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        SGD(small_net(), **arguments)


def test_state_goes_from_one_optimizer_to_another(rng):
    nets = [small_net(), small_net()]
    first, second = SGD(nets[0], weight_decay={"fc1": 0.1}), SGD(nets[1], learning_rate=1.0)
    first.step(random_grads(nets[0].params, rng))
    for layer in nets[0].params:
        nets[1][layer].params.update({name: w.copy() for name, w in nets[0].params[layer].items()})
    second.load_state(first.state())
    grads = random_grads(nets[0].params, rng)
    first.step(grads)
    second.step(grads)
    for layer in nets[0].params:
        for name in nets[0].params[layer]:
            np.testing.assert_array_equal(nets[0].params[layer][name], nets[1].params[layer][name])
    for inputs in (2, 9):
        other = SGD(tn.Network([("fc1", tn.Linear(inputs, 4))]))
        with pytest.raises(ArgumentError, match="velocity of fc1.w does not fit any parameter"):
            other.load_state(first.state())
    for optimizer, others, key in ((first, tn.Adam(nets[0]), "momentum, bias_rate, velocity"),
                                   (tn.Adam(nets[0]), first, "beta1, beta2, epsilon, moments")):
        name = type(optimizer).__name__
        message = rf"^{name}.load_state: the state has no {key}, expected what {name}.state\(\) returned$"
        with pytest.raises(ArgumentError, match=message):
            optimizer.load_state(others.state())
    SGD(nets[0], bias_rate=0.0)  # is allowed: biases that stay


def test_the_rate_falls_when_the_error_stops_improving():
    optimizer = SGD(small_net(), learning_rate=1.0)
    schedule = ReduceOnPlateau(optimizer, factor=0.1, patience=2, times=2)
    rates = []
    for error in (0.9, 0.8, 0.8, 0.9, 0.7, 0.7, float("nan"), 0.7, 0.7, 0.7, 0.7):
        schedule.step(error)
        rates.append(optimizer.learning_rate)
    np.testing.assert_allclose(rates, [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.01])


def test_the_rate_falls_after_given_epochs():
    optimizer = SGD(small_net(), learning_rate=1.0)
    schedule = StepSchedule(optimizer, epochs=[2, 3], factor=0.5)
    rates = []
    for epoch in (1, 2, 3, 4):
        schedule.step(epoch)
        rates.append(optimizer.learning_rate)
    assert rates == [1, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("settings", [
    {"kind": "plateau", "factor": 0.5, "patience": 1, "times": 3}, {"kind": "step", "epochs": [1, 3], "factor": 0.5},
])
def test_a_schedule_goes_on_from_its_state(settings):
    def advance(schedule, epochs):
        for epoch in epochs:
            schedule.step(0.5 if settings["kind"] == "plateau" else epoch)

    straight = schedule_from(settings, SGD(small_net(), learning_rate=1.0))
    advance(straight, range(1, 5))
    first = schedule_from(settings, SGD(small_net(), learning_rate=1.0))
    advance(first, range(1, 3))
    resumed = schedule_from(settings, SGD(small_net(), learning_rate=first.optimizer.learning_rate))
    resumed.load_state(first.state())
    advance(resumed, range(3, 5))
    assert resumed.optimizer.learning_rate == straight.optimizer.learning_rate < 1
    assert resumed.settings == settings


def test_an_unknown_schedule_is_named():
    with pytest.raises(ArgumentError, match="schedule is {'kind': 'cosine'}, expected a dict with the kind, one of pl"):
        schedule_from({"kind": "cosine"}, SGD(small_net()))
    with pytest.raises(ArgumentError, match="each of epochs is 0"):
        StepSchedule(SGD(small_net()), [0])
