"""Networks: blocks against the whole batch at once, nesting, and messages about what does not fit."""
import copy
import pickle

import numpy as np
import pytest
from support.skip import Skip
from support.small_network import batch, network, step

import tinynet as tn
from tinynet.errors import ArgumentError, DtypeError, ShapeError
from tinynet.network import executor


@pytest.fixture(autouse=True)
def default_threads():
    yield
    tn.set_threads()


def plain_step(net, x, labels):
    """The same pass layer by layer, the whole batch at once."""
    saved = {}
    for name, layer in net.layers.items():
        x, saved[name] = layer.forward(x, True)
    loss, dy = tn.softmax_cross_entropy(x, labels)
    grads = {}
    for name, layer in reversed(net.layers.items()):
        dy, grads[name] = layer.backward(dy, saved[name])
    return x, dy, grads


class TwoBiases(tn.Layer):
    """y = x + a + b: both parameters have the same gradient, and backward returns one array for both, or a view."""

    def __init__(self, view):
        super().__init__()
        self.view = view
        self.params |= {"a": np.zeros(4, np.float32), "b": np.zeros(4, np.float32)}

    def forward(self, x, train=False):
        return x + self.params["a"] + self.params["b"], None

    def input_gradient(self, dy, saved):
        return dy

    def param_gradients(self, dy, saved):
        gradient = np.broadcast_to(dy.sum(), 4) if self.view else dy.sum(axis=0)  # nobody may write into the view
        return {"a": gradient, "b": gradient}


@pytest.mark.parametrize("view", [False, True])
@pytest.mark.parametrize("n", [3, 100, 300])  # 1, 2 and 5 blocks
def test_gradients_are_added_in_no_array_of_the_layers_own(n, view):
    net = tn.Network([("two", TwoBiases(view))], input_shape=(4,))
    x = np.ones((n, 4), np.float32)
    _, grads = net.backward(x, net.forward(x)[1])
    assert all(isinstance(gradient, np.ndarray) for gradient in grads["two"].values())
    for gradient in grads["two"].values():
        np.testing.assert_array_equal(gradient, np.full(4, 4 * n if view else n))


class OneShift(TwoBiases):
    """y = x + a, one number for all: a parameter of no axis."""

    def __init__(self):
        super().__init__(False)
        self.params = {"a": np.zeros((), np.float32), "b": np.zeros((), np.float32)}

    def param_gradients(self, dy, saved):
        return {"a": np.asarray(dy.sum()), "b": np.asarray(dy.sum())}


def test_the_gradient_of_a_parameter_of_no_axis_stays_an_array():
    net = tn.Network([("one", OneShift())], input_shape=(4,))
    x = np.ones((300, 4), np.float32)
    gradient = net.backward(x, net.forward(x)[1])[1]["one"]["a"]
    assert isinstance(gradient, np.ndarray) and gradient == 1200


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("n", [1, 31, 32, 33, 70])
def test_blocks_give_what_the_whole_batch_at_once_gives(n, batch_norm):
    x, labels = batch(n)
    scores, dx, grads = step(network(batch_norm=batch_norm), x, labels)
    plain_scores, plain_dx, plain_grads = plain_step(network(batch_norm=batch_norm), x, labels)
    np.testing.assert_allclose(scores, plain_scores, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(dx, plain_dx, rtol=1e-3, atol=1e-4 * np.abs(plain_dx).max())
    for name in grads:
        for key in grads[name]:
            expected = plain_grads[name][key]
            np.testing.assert_allclose(grads[name][key], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_saved_is_joined_when_asked_for():
    x, _ = batch(140)
    net = network()
    _, saved = net.forward(x)
    assert len(saved["norm1"].parts) > 1, "the batch makes several blocks"
    np.testing.assert_array_equal(saved["conv1"].x, x)
    scale = saved["norm1"].scale
    assert scale.shape == (140, 13, 13, 8) and (scale >= 2).all()
    dy = np.ones_like(scale)
    dx, _ = net["norm1"].backward(dy, saved["norm1"])
    assert dx.shape == dy.shape
    assert "scale: (140, 13, 13, 8)" in repr(saved["norm1"])
    with pytest.raises(AttributeError, match="this layer saved x, scale, not 'mask'"):
        _ = saved["norm1"].mask


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda saved: pickle.loads(pickle.dumps(saved))])
def test_saved_can_be_copied_pickled_and_counted(again):
    x, _ = batch(140)
    _, saved = network().forward(x)
    copied = again(saved["norm1"])
    np.testing.assert_array_equal(copied.scale, saved["norm1"].scale)
    assert len(saved["conv1"]) == len(list(saved["conv1"])) == 1 and len(copied) == 2


@pytest.mark.parametrize("n", [139, 141, 70])
def test_an_upstream_gradient_of_another_batch_is_refused_whole(n):
    net = tn.Network([("conv1", tn.Conv2d(3, 4, 3)), ("relu1", tn.ReLU())])
    x, _ = batch(140)
    y, saved = net.forward(x)
    dy = np.ones((n, *y.shape[1:]), np.float32)
    with pytest.raises(ShapeError, match=rf"dy has shape \({n}, 27, 27, 4\), the output has \(140, 27, 27, 4\)"):
        net.backward(dy, saved)
    with pytest.raises(ShapeError, match=r"dy has shape \(140, 27, 27, 5\), the output has \(140, 27, 27, 4\)"):
        net.backward(np.ones((140, 27, 27, 5), np.float32), saved)
    with pytest.raises(DtypeError, match="ReLU.backward: the upstream gradient dy is a list"):
        net.backward(dy.tolist(), saved)


def test_two_forwards_then_two_backwards_in_any_order():
    net = network().astype("float64")
    net.layers["dropout3"] = tn.Dropout(0)
    first, second = (batch(5, seed)[0].astype("float64") for seed in (1, 2))
    dy = np.random.default_rng(3).standard_normal((5, 5))
    alone = net.backward(dy, net.forward(first, True)[1])[0]
    saved = [net.forward(x, True)[1] for x in (first, second)]
    np.testing.assert_array_equal(net.backward(dy, saved[0])[0], alone)
    assert not np.array_equal(net.backward(dy, saved[1])[0], alone)


def test_evaluation_keeps_nothing_and_gives_the_same_scores():
    x, _ = batch(80)
    net = network()
    scores, saved = net.forward(x, save=False)
    assert saved is None
    np.testing.assert_array_equal(scores, net.forward(x)[0])


def test_the_images_gradient_is_left_out_when_not_wanted():
    x, labels = batch(80)
    net = network()
    scores, saved = net.forward(x)
    _, dscores = tn.softmax_cross_entropy(scores, labels)
    dx, grads = net.backward(dscores, saved)
    nothing, same = net.backward(dscores, saved, input_gradient=False)
    assert nothing is None and dx.shape == x.shape
    for name in grads:
        for key in grads[name]:
            np.testing.assert_array_equal(same[name][key], grads[name][key])


@pytest.mark.parametrize("train", [True, False])
def test_a_whole_network_passes_the_gradient_check(train):
    x, _ = batch(3)
    for net in (network(), network(batch_norm=True)):
        report = tn.check_gradients(net, x, train=train)
        assert report.passed, str(report)
        assert {row.name for row in report.rows} >= {"x", "conv1.w", "conv1.b", "fc4.w", "fc4.b"}


def test_networks_nest():
    inner = tn.Network([("conv", tn.Conv2d(3, 4, 3)), ("relu", tn.ReLU())], name="inner")
    net = tn.Network([("block", inner), ("flatten", tn.Flatten()), ("fc", tn.Linear(4 * 4 * 4, 3))])
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 3), dtype=np.float32)
    scores, saved = net.forward(x, train=True)
    dx, grads = net.backward(np.ones_like(scores), saved)
    assert saved["block"]["conv"].x.shape == x.shape and dx.shape == x.shape
    assert grads["block"]["conv"]["w"].shape == net.params["block"]["conv"]["w"].shape == (3, 3, 3, 4)
    assert net.parameter_count == 3 * 3 * 3 * 4 + 4 + 64 * 3 + 3
    assert tn.check_gradients(net, x).passed
    assert net.forward(x, save=False)[1] is None
    rebuilt = tn.Network.from_settings(net.settings)
    assert repr(rebuilt) == repr(net) and rebuilt["block"]["conv"].params["w"].shape == (3, 3, 3, 4)


def test_a_network_without_parameters_runs_backward_too():
    net = tn.Network([("relu", tn.ReLU()), ("flatten", tn.Flatten())])
    x = np.array([[[[1.0, -1.0]]]])
    y, saved = net.forward(x)
    assert net.backward(np.ones_like(y), saved)[0].tolist() == [[[[1, 0]]]]
    assert net.backward(np.ones_like(y), saved, input_gradient=False) == (None, {})


def test_params_are_the_layers_own_and_may_be_replaced():
    net = network()
    net.params["conv1"]["b"] = np.full(8, 7, np.float32)
    assert (net["conv1"].params["b"] == 7).all()
    double = net.astype("float64")
    assert double.dtype == np.float64 and net.dtype == np.float32
    double.params["conv1"]["b"][:] = 0
    assert (net["conv1"].params["b"] == 7).all(), "astype gives a copy"


def test_an_image_of_a_wrong_size_is_traced_back_to_its_cause():
    with pytest.raises(ShapeError) as caught:
        network().forward(np.zeros((1, 27, 27, 3), np.float32))
    message = str(caught.value)
    assert "small, layer fc3: Linear expects 432 inputs, got 300 (5 x 5 x 12)" in message
    assert "The images are 27 x 27 x 3, small is made for 29 x 29 x 3" in message
    conv1 = "conv1 (Conv2d(in_channels=3, out_channels=8, kernel_size=5, stride=2))"
    assert f"{conv1} gives 12 x 12 x 8 instead of 13 x 13 x 8" in message
    assert message.endswith("Give 29 x 29.")
    with pytest.raises(ShapeError) as caught:
        network().forward(np.zeros((1, 29, 29, 1), np.float32))
    assert "The images are 29 x 29 x 1, small is made for 29 x 29 x 3" in str(caught.value)
    assert "Give 29 x 29" not in str(caught.value)


def test_dropout_before_a_linear_layer_does_not_hide_the_images_size():
    net = tn.Network([("flatten", tn.Flatten()), ("dropout", tn.Dropout()), ("fc", tn.Linear(9216, 10))])
    with pytest.raises(ShapeError, match=r"got 6400 \(5 x 5 x 256\)"):
        net.output_shape((5, 5, 256))
    with pytest.raises(ShapeError, match=r"expects 9216 inputs, got 6400$"):
        net.output_shape((6400,))


def test_other_bad_input():
    net = network()
    x, _ = batch(2)
    with pytest.raises(DtypeError, match="small: the batch of images is uint8, expected float32"):
        net.forward(x.astype("uint8"))
    with pytest.raises(ShapeError, match="conv1.*looks like"):
        net.forward(x.transpose(0, 3, 1, 2))
    with pytest.raises(ArgumentError, match=r"saved is None \(forward ran with save=False\), expected what forward"):
        net.backward(np.ones((2, 5), np.float32), None)
    with pytest.raises(ArgumentError, match="layer 'conv9' does not exist; small has conv1, "):
        net["conv9"]


@pytest.mark.parametrize(("layers", "message"), [
    ([], "empty"), ([("a", tn.ReLU()), ("a", tn.ReLU())], "two layers are called 'a'"), ([tn.ReLU()], "pairs"),
    ([("a", layer := tn.ReLU()), ("b", layer)], "'b' stands in the list twice"),
    ([("a", layer), ("inner", tn.Network([("b", layer)]))], r"'inner\.b' stands in the list twice"),
    ([("in", tn.Network([("b", layer)])), ("inner", tn.Network([("c", layer)]))], r"'inner\.c' stands .* twice"),
    ([("a.b", tn.ReLU())], r"'a\.b'.*without"), ([("a/b", tn.ReLU())], "'a/b'.*without"), ([("", tn.ReLU())], "''"),
])
def test_a_list_of_layers_that_makes_no_network(layers, message):
    with pytest.raises(ArgumentError, match=message):
        tn.Network(layers)


def test_blocks_follow_the_images_size_alone():
    conv = tn.Conv2d(3, 96, 11, stride=4)
    tn.set_threads(1)
    one = executor.images_per_block(executor.shapes_of([conv], (227, 227, 3)))
    tn.set_threads(3)
    assert executor.images_per_block(executor.shapes_of([conv], (227, 227, 3))) == one == 4
    assert executor.images_per_block([(32, 32, 1), (28, 28, 6)]) == executor.MOST_IMAGES
    assert executor.images_per_block([(4,), (4,)]) == executor.MOST_IMAGES


def test_activations_between_linear_layers_are_not_cut_into_blocks():
    net = tn.Network([("fc1", tn.Linear(4, 3)), ("tanh1", tn.Tanh()), ("fc2", tn.Linear(3, 2))])
    _, saved = net.forward(np.zeros((1000, 4), np.float32))
    assert saved["tanh1"].lengths == [1000], "a thread costs more than so little"


def test_the_initialization_in_a_checkpoint_of_version_0_1_is_still_shown():
    settings = tn.lenet5().settings
    settings["recipe"]["start"] = settings["recipe"].pop("initialization")
    again = tn.Network.from_settings(settings)
    assert again.recipe == tn.lenet5().recipe and str(again.summary()) == str(tn.lenet5().summary())


def test_the_recipe_is_the_networks_own():
    recipe = {"weight_decay": {"fc": 0.1}, "schedule": {"epochs": [1, 2]}}
    net = tn.Network([("fc", tn.Linear(2, 2))], recipe=recipe)
    other = tn.Network.from_settings(net.settings)
    net.recipe["weight_decay"]["fc"] = 7
    net.recipe["schedule"]["epochs"].append(3)
    assert recipe == {"weight_decay": {"fc": 0.1}, "schedule": {"epochs": [1, 2]}} == other.recipe


def test_a_network_knows_its_layers_names():
    net = network()
    assert "conv1" in net and "conv9" not in net and 0 not in net
    assert list(net) == list(net.layers) and all(net[name] is net.layers[name] for name in net)


def test_random_numbers_and_running_statistics_need_the_whole_batch():
    class Parts(Skip):
        whole_batch = False

    for inner, what in ((tn.Dropout(), "random numbers are drawn for"), (tn.BatchNorm1d(3), "running statistics are")):
        tn.Network([("skip", Skip(inner))])
        with pytest.raises(ArgumentError, match=f"'skip' is a Parts that keeps a {type(inner).__name__}, whose {what}"):
            tn.Network([("skip", Parts(inner))])
    own = Parts(tn.ReLU())
    tn.Network([("own", own)])
    own.generator = np.random.default_rng(0)
    with pytest.raises(ArgumentError, match="'own' is a Parts, whose random numbers .*: set whole_batch = True in"):
        tn.Network([("own", own)])
