"""Adam against its algorithm by hand and against PyTorch; its decay, its state, and what it shares with SGD."""
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.optimizer_steps import random_grads, small_net

import tinynet as tn
from tinynet.errors import ArgumentError, DtypeError, NotFiniteError, ShapeError
from tinynet.ops.numpy_ops import PIECE
from tinynet.ops.threads import get_threads, set_threads
from tinynet.training.optim import Adam
from tinynet.training.schedules import StepSchedule


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def filled(params, value):
    return {name: filled(array, value) if isinstance(array, dict) else np.full_like(array, value)
            for name, array in params.items()}


class Single(tn.Layer):
    """Nothing but a parameter of a shape."""

    def __init__(self, shape, dtype="float64", name="w"):
        super().__init__()
        self.params = {name: np.random.default_rng(1).standard_normal(shape).astype(dtype)}


def test_two_steps_by_hand():
    layer: Any = Single((2,))
    layer.params["w"][:] = 1.0, -2.0
    optimizer = Adam(layer, learning_rate=0.5, beta1=0.5, beta2=0.75, epsilon=1.0, weight_decay=0.1)
    optimizer.step({"w": np.array([3.0, -4.0])})
    # m = 0.5 g and v = 0.25 g^2, both corrected to g and g^2: w - 0.5 * 0.1 w - 0.5 g / (|g| + 1)
    np.testing.assert_allclose(optimizer.moments["w"]["m"], [1.5, -2.0])
    np.testing.assert_allclose(optimizer.moments["w"]["v"], [2.25, 4.0])
    np.testing.assert_allclose(layer.params["w"], [0.95 - 0.375, -1.9 + 0.4])
    optimizer.learning_rate = 0.25
    optimizer.step({"w": np.array([-3.0, 0.0])})
    # m = 0.75 - 1.5 and -1, over 1 - 0.25; v = 1.6875 + 2.25 and 3, over 1 - 0.5625
    np.testing.assert_allclose(optimizer.moments["w"]["m"], [-0.75, -1.0])
    np.testing.assert_allclose(optimizer.moments["w"]["v"], [3.9375, 3.0])
    expected = [0.975 * 0.575 + 0.25 * 1 / (3 + 1), 0.975 * -1.5 + 0.25 * (4 / 3) / ((48 / 7) ** 0.5 + 1)]
    np.testing.assert_allclose(layer.params["w"], expected)
    assert optimizer.moments["w"]["t"] == 2


def test_the_first_step_is_as_long_as_the_learning_rate_whatever_the_gradient():
    for size in (1e-4, 1.0, 1e4):
        net = small_net()
        before = net["fc1"].params["w"].copy()
        Adam(net, learning_rate=0.01).step(filled(net.params, -size))
        np.testing.assert_allclose(net["fc1"].params["w"] - before, 0.01, rtol=1e-3)


@settings(max_examples=60)
@given(st.data())
def test_pytorchs_path_for_drawn_shapes_and_settings(data):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra 'reference')")
    dtype = data.draw(st.sampled_from(["float64", "float32"]))
    shape = tuple(data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=4)))
    beta = st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999])
    beta1, beta2, decay = data.draw(beta), data.draw(beta), data.draw(st.sampled_from([0.0, 1e-4, 0.01, 0.5]))
    epsilon, rate = data.draw(st.sampled_from([1e-8, 1e-3, 0.5])), data.draw(st.sampled_from([1e-4, 1e-3, 0.1]))
    layer, generator = Single(shape, dtype), np.random.default_rng(data.draw(st.integers(0, 10**6)))
    sizes = generator.choice([1e-3, 1.0, 1e3], shape)  # gradients of one array may differ in size
    ours = Adam(layer, rate, beta1, beta2, epsilon, decay)
    theirs = torch.nn.Parameter(torch.from_numpy(layer.params["w"].copy()))
    kind = torch.optim.AdamW if decay or data.draw(st.booleans()) else torch.optim.Adam
    reference = kind([theirs], lr=rate, betas=(beta1, beta2), eps=epsilon, weight_decay=decay)
    largest = 0.0
    for step in range(60):
        if step == 30:
            ours.learning_rate = reference.param_groups[0]["lr"] = rate / 10
        g = (sizes * generator.standard_normal(shape)).astype(dtype)
        ours.step({"w": g})
        theirs.grad = torch.from_numpy(g.copy())
        reference.step()
        largest = max(largest, np.abs(layer.params["w"]).max())
    assert layer.params["w"].dtype == dtype
    difference = np.abs(layer.params["w"] - theirs.detach().numpy()).max()
    assert difference <= 200 * np.finfo(dtype).eps * largest, difference / largest  # 60 steps of a few roundings


def test_the_decay_is_decoupled():
    net = small_net()
    before = net["fc1"].params["w"].copy()
    optimizer = Adam(net, learning_rate=0.1, weight_decay=0.5)
    optimizer.step(filled(net.params, 0.0))
    np.testing.assert_allclose(net["fc1"].params["w"], 0.95 * before, rtol=1e-6)
    assert not optimizer.moments["fc1"]["w"]["m"].any() and not optimizer.moments["fc1"]["w"]["v"].any()


def test_decay_by_layer_also_in_nested_networks_and_none_for_biases():
    net = tn.Network([("block", small_net()), ("relu", tn.ReLU()), ("fc", tn.Linear(3, 2))])
    for layer in (net["block"]["fc1"], net["block"]["fc2"], net["fc"]):
        layer.params["b"][:] = 1
    optimizer = Adam(net, learning_rate=1.0, weight_decay={"block.fc2": 0.5, "block": 0.25})
    old = net.astype("float32").params
    optimizer.step(filled(net.params, 0.0))
    for path, left in {("block", "fc1"): 0.75, ("block", "fc2"): 0.5, ("fc",): 1.0}.items():
        new, before = net.params, old
        for name in path:
            new, before = new[name], before[name]
        np.testing.assert_allclose(new["w"], left * before["w"], rtol=1e-6)
        np.testing.assert_allclose(new["b"], left, rtol=1e-6)
    Adam(net, learning_rate=1.0, weight_decay=0.5, decay_biases=False).step(filled(net.params, 0.0))
    np.testing.assert_allclose(net["block"]["fc2"].params["b"], 0.5, rtol=1e-6)
    np.testing.assert_allclose(net["block"]["fc2"].params["w"], 0.25 * old["block"]["fc2"]["w"], rtol=1e-6)


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
    grads["fc"]["w"] *= np.asarray(1e-4, dtype)  # whose squares float16 does not have
    grads["fc"]["w"][0] = 0
    g, old = grads["fc"]["w"].astype("float64"), w.astype("float64")
    optimizer = Adam(net, learning_rate=np.float64(0.1), weight_decay=0.5)
    optimizer.step(grads)
    assert net["fc"].params["w"] is own and own.dtype == dtype
    assert optimizer.moments["fc"]["w"]["v"].dtype == ("float64" if dtype == "float64" else "float32")
    np.testing.assert_allclose(own, 0.95 * old - 0.1 * g / (np.abs(g) + 1e-8), atol=8 * np.finfo(dtype).eps)
    assert not whole[:, 1::2].any()


def test_the_number_of_threads_changes_no_bit(rng):
    grads, found, before = rng.standard_normal((3, 3 * PIECE + 5)).astype("float32"), [], get_threads()
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            layer = Single((3 * PIECE + 5,), "float32")
            optimizer = Adam(layer, weight_decay=0.1)
            for g in grads:
                optimizer.step({"w": g})
            found.append(layer.params["w"].tobytes())
    finally:
        set_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(("shape", "dtype"), [
    ((3, 4), "float32"), ((6, 5), "float32"), ((5, 4), "float64"),
])
def test_a_parameter_of_another_kind_starts_anew_also_its_count(shape, dtype):
    net: Any = tn.Network([("fc1", tn.Linear(5, 4))])
    optimizer = Adam(net, learning_rate=1.0)
    for w in (np.zeros((5, 4), np.float32), np.zeros(shape, dtype)):
        net["fc1"].params["w"] = w
        optimizer.step({"fc1": {name: np.full_like(array, 3) for name, array in net["fc1"].params.items()}})
    np.testing.assert_allclose(net["fc1"].params["w"], -np.ones(shape, dtype), rtol=1e-6)
    assert optimizer.moments["fc1"]["w"]["t"] == 1 and optimizer.moments["fc1"]["b"]["t"] == 2


def test_replaced_arrays_are_found_by_name_and_the_moments_go_on():
    net = small_net()
    optimizer = Adam(net, learning_rate=1.0)
    ones = filled(net.params, 1.0)
    optimizer.step(ones)
    net["fc1"].params["w"] = np.zeros((5, 4), np.float32)
    optimizer.step(ones)
    np.testing.assert_allclose(net["fc1"].params["w"], -1.0, rtol=1e-5)
    assert optimizer.moments["fc1"]["w"]["t"] == 2


def test_a_single_layer_can_be_trained_too():
    layer = tn.Linear(2, 1)
    before = layer.params["w"].copy()
    Adam(layer, learning_rate=1.0).step({"w": np.ones((2, 1), np.float32), "b": np.ones(1, np.float32)})
    np.testing.assert_allclose(layer.params["w"], before - 1, rtol=1e-6)


def test_wrong_gradients_are_refused_and_nothing_has_changed():
    net = small_net()
    optimizer = Adam(net)
    good = filled(net.params, 1.0)
    optimizer.step(good)
    before, moments = net.astype("float32").params, {k: v.copy() for k, v in optimizer.moments["fc1"]["w"].items()
                                                     if k != "t"}
    last, inf = good["fc2"], np.full(3, np.inf, np.float32)
    for wrong, error, message in (
        ({"w": last["w"]}, ArgumentError, "Adam.step: grads has no gradient for fc2.b"),
        (last | {"w": np.ones((3, 4), np.float32)}, ShapeError, r"fc2.w has shape \(3, 4\), the parameter \(4, 3\)"),
        (last | {"w": np.ones((4, 3))}, DtypeError, "fc2.w is float64, the parameter float32"),
        (last | {"b": inf}, NotFiniteError, "Adam.step: the gradient of fc2.b is not finite; no parameter was changed"),
    ):
        with pytest.raises(error, match=message):
            optimizer.step({"fc1": good["fc1"], "fc2": wrong})
    with pytest.raises(ArgumentError, match="Adam.step: grads is a list"):
        optimizer.step([])
    for layer in before:
        for name in before[layer]:
            np.testing.assert_array_equal(net.params[layer][name], before[layer][name])
    for key, array in moments.items():
        np.testing.assert_array_equal(optimizer.moments["fc1"]["w"][key], array)
    assert optimizer.moments["fc1"]["w"]["t"] == 1


@pytest.mark.parametrize("arguments, message", [
    ({"learning_rate": -1}, "Adam: learning_rate is -1"),
    ({"learning_rate": float("nan")}, "learning_rate is nan"),
    ({"beta1": 1.0}, "beta1 is 1.0, expected a number from 0 to 0.999999"), ({"beta1": -0.1}, "beta1 is -0.1"),
    ({"beta2": 1}, "beta2 is 1"), ({"beta2": -0.1}, "beta2 is -0.1"),
    ({"epsilon": 0}, "epsilon is 0, expected a number from 1e-30"),
    ({"weight_decay": -0.1}, "Adam: weight_decay is -0.1"),
    ({"weight_decay": {"fc1": -1}}, r"weight_decay\['fc1'\] is -1"),
    ({"weight_decay": {"conv1": 1}}, "Adam: weight_decay names 'conv1'.*fc1, fc2"),
])
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Adam(small_net(), **arguments)


def test_state_goes_from_one_optimizer_to_another(rng):
    nets = [small_net(), small_net()]
    first, second = Adam(nets[0], beta1=0.8, weight_decay={"fc1": 0.1}), Adam(nets[1], learning_rate=1.0)
    for _ in range(3):
        first.step(random_grads(nets[0].params, rng))
    for layer in nets[0].params:
        nets[1][layer].params.update({name: w.copy() for name, w in nets[0].params[layer].items()})
    second.load_state(first.state())
    assert second.settings == first.settings and second.settings["kind"] == "Adam"
    assert second.moments["fc2"]["b"]["t"] == 3
    assert second.moments["fc2"]["b"]["m"] is not first.moments["fc2"]["b"]["m"]
    grads = random_grads(nets[0].params, rng)
    first.step(grads)
    second.step(grads)
    for layer in nets[0].params:
        for name in nets[0].params[layer]:
            np.testing.assert_array_equal(nets[0].params[layer][name], nets[1].params[layer][name])
    for inputs in (2, 9):
        other = Adam(tn.Network([("fc1", tn.Linear(inputs, 4))]))
        with pytest.raises(ArgumentError, match="moments of fc1.w do not fit any parameter"):
            other.load_state(first.state())
    for change, message in (({"beta1": 2.0}, "beta1 is 2.0"), ({"epsilon": 0}, "epsilon is 0")):
        with pytest.raises(ArgumentError, match=message):
            second.load_state(first.state() | change)
    damaged = first.state() | {"moments": {"fc1": {"w": first.moments["fc1"]["w"] | {"t": -1}}}}
    with pytest.raises(ArgumentError, match="t of fc1.w is -1"):
        second.load_state(damaged)
    assert second.moments["fc2"]["b"]["t"] == 4, "as before"


def test_what_prepare_makes_changes_no_step(rng):
    nets = [small_net(), small_net()]
    optimizers = [Adam(net) for net in nets]
    optimizers[0].prepare()
    assert {entry["t"] for layer in optimizers[0].moments.values() for entry in layer.values()} == {0}
    grads = random_grads(nets[0].params, rng)
    for net, optimizer in zip(nets, optimizers, strict=True):
        optimizer.step(grads)
        assert optimizer.moments["fc1"]["w"]["t"] == 1
        np.testing.assert_array_equal(net["fc1"].params["w"], nets[0]["fc1"].params["w"])


def test_a_schedule_changes_its_rate():
    optimizer = Adam(small_net(), learning_rate=1.0)
    schedule = StepSchedule(optimizer, epochs=[1], factor=0.5)
    schedule.step(1)
    assert optimizer.learning_rate == 0.5


def test_it_finds_a_minimum_that_plain_descent_at_its_rate_is_far_from(rng):
    """A quadratic whose directions differ in curvature by a million."""
    curvature = np.array([1e-3, 1.0, 1e3])
    left = {}
    for kind, rate in ((tn.SGD, 1e-3), (Adam, 0.05)):
        layer: Any = Single((3,))
        layer.params["w"][:] = 1
        optimizer = kind(layer, rate, weight_decay=0.0)
        schedule = StepSchedule(optimizer, epochs=[800])
        for step in range(1000):
            optimizer.step({"w": curvature * layer.params["w"]})
            schedule.step(step)
        left[kind] = np.abs(layer.params["w"]).max()
    assert left[Adam] < 1e-3 < 0.9 < left[tn.SGD]
