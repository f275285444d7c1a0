"""Numbers that stop being finite anywhere in a training: the layer is named, and the last good checkpoint stays."""
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet import layers
from tinynet.errors import NotFiniteError
from tinynet.training.checkpoint import restore_network
from tinynet.training.not_finite import not_finite_in
from tinynet.training.run_folder import RunFolder

EVERY_KIND = [
    ("conv1", tn.Conv2d(2, 4, 3, padding=1, seed=1)), ("batchnorm1", tn.BatchNorm2d(4)), ("tanh1", tn.Tanh()),
    ("fire1", tn.Fire(4, 3, 2, 2, seed=6)),
    ("maxpool1", tn.MaxPool2d(2, 2)), ("local2", tn.LocallyConnected2d(4, 4, 3, 4, seed=2)),
    ("lrn2", tn.LocalResponseNorm()), ("spatial2", tn.SpatialResponseNorm()), ("sigmoid2", tn.Sigmoid()),
    ("avgpool2", tn.AvgPool2d(2, 1)), ("flatten", tn.Flatten()), ("fc3", tn.Linear(4, 6, bias=0.5, seed=3)),
    ("batchnorm3", tn.BatchNorm1d(6)), ("relu3", tn.ReLU()), ("dropout3", tn.Dropout(0.2)), ("softmax3", tn.Softmax()),
    ("fc4", tn.Linear(6, 3, seed=4)),
]
NAMES = [name for name, _ in EVERY_KIND]
BEFORE_BOUNDED = ("batchnorm1", "spatial2")  # tanh and sigmoid of infinity are 1, and all gradients are finite


def network() -> Any:
    return tn.Network([(name, layer.astype("float32")) for name, layer in EVERY_KIND], name="every kind")


def images():
    return np.random.default_rng(0).standard_normal((12, 8, 8, 2), dtype=np.float32), np.arange(12) % 3


@pytest.fixture(autouse=True)
def without_curves(monkeypatch):
    monkeypatch.setattr(RunFolder, "draw_curve", lambda self, history, now=False: None)


def stopped_by(net, happen, folder, monkeypatch):
    """Let something happen after the second of three steps; return the error's text. A checkpoint follows each step."""
    usual, steps = tn.SGD.step, []

    def step(self, grads):
        usual(self, grads)
        steps.append(1)
        if len(steps) == 2:
            happen()

    with monkeypatch.context() as patch, pytest.raises(NotFiniteError) as caught, np.errstate(all="ignore"):
        patch.setattr(tn.SGD, "step", step)
        tn.fit(net, images(), epochs=3, batch_size=4, run=folder, progress=False, checkpoint_seconds=0)
    assert str(caught.value).endswith(f"{folder / 'last.npz'} was saved before that")
    fresh = network()
    restore_network(folder / "last.npz", fresh)  # load_checkpoint would ask for a class that was changed
    assert not_finite_in(fresh) is None
    return str(caught.value)


def test_the_network_has_every_kind_of_layer():
    assert {type(layer).__name__ for _, layer in EVERY_KIND} == set(layers.__all__)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [name for name, layer in EVERY_KIND if layer.params])
def test_parameters(name, value, tmp_path, monkeypatch):
    for key in network()[name].params:
        net = network()

        def spoil(array=net[name].params[key]):
            array.flat[0] = value

        text = stopped_by(net, spoil, tmp_path / key, monkeypatch)
        assert f"{name}.{key} has numbers that are not finite" in text


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_layer_gives_out(name, value, tmp_path, monkeypatch):
    net = network()

    def forward(self, x, train=False):
        y, saved = type(self).__mro__[1].forward(self, x, train)
        y = y.copy()
        y[:, ..., 0] = value
        return y, saved

    if value == np.inf and name in BEFORE_BOUNDED:
        change(net[name], forward=forward)
        tn.fit(net, images(), epochs=2, batch_size=4, progress=False)
        assert not_finite_in(net) is None
        return
    text = stopped_by(net, lambda: change(net[name], forward=forward), tmp_path, monkeypatch)
    assert f"{name} is the first layer whose output is not finite" in text


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_what_a_layer_passes_back(name, value, tmp_path, monkeypatch):
    net = network()

    def input_gradient(self, dy, saved):
        dx = type(self).__mro__[1].input_gradient(self, dy, saved).copy()
        dx.flat[0] = value
        return dx

    def param_gradients(self, dy, saved):
        grads = type(self).__mro__[1].param_gradients(self, dy, saved)
        return {key: np.full_like(array, value) for key, array in grads.items()}

    if name != NAMES[0]:  # the first passes nothing back
        text = stopped_by(net, lambda: change(net[name], input_gradient=input_gradient), tmp_path / "x", monkeypatch)
        assert f"the gradient that {name} passes back is the first that is not finite" in text
    if net[name].params:
        net = network()
        text = stopped_by(net, lambda: change(net[name], param_gradients=param_gradients), tmp_path / "p", monkeypatch)
        assert f"the gradient of {name}'s {next(iter(net[name].params))} is the first that is not finite" in text
        assert not_finite_in(net) is None  # the step was not taken


def change(layer, **methods):
    """Give one layer other methods than its class has."""
    layer.__class__ = type(type(layer).__name__, (type(layer),), methods)


def test_images(tmp_path, monkeypatch):
    net, (x, labels) = network(), images()
    x[5] = np.inf
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match="the images themselves are not finite"):
        tn.fit(net, (x, labels), epochs=1, batch_size=4, run=tmp_path, progress=False)
    assert not_finite_in(tn.load_checkpoint(tmp_path / "last.npz")) is None


@pytest.mark.parametrize(("model", "rate", "diverges"), [
    ("lenet5", 10.0, False), ("alexnet_small", 10.0, False),  # units are saturated, or dead, for good: nothing grows
    ("lenet5", 1e10, True), ("alexnet_small", 1e10, True), ("cifar_net", 10.0, True), ("cifar_net", 1e10, True),
])
def test_rates_that_are_too_high(model, rate, diverges, tmp_path):
    net = {"lenet5": tn.lenet5, "alexnet_small": lambda: tn.alexnet_small(size=16), "cifar_net": tn.cifar_net}[model]()
    generator = np.random.default_rng(1)
    data = generator.normal(0, 60, (16, *net.input_shape)).astype(np.float32), generator.integers(0, 10, 16)
    text = ""
    with np.errstate(all="ignore"):
        try:
            tn.fit(net, data, epochs=6, batch_size=8, optimizer=tn.SGD(net, rate), run=tmp_path, progress=False,
                   checkpoint_seconds=0)
        except NotFiniteError as error:
            text = str(error)
    assert bool(text) == diverges
    if diverges:
        assert f"The learning rate was {rate:g}" in text
        assert any(told in text for name in net.layers for told in (
            f"{name} is the first layer", f"{name}.w has numbers", f"{name}'s w is the first", f"{name} passes back"))
    else:
        assert not_finite_in(net) is None
    assert not_finite_in(tn.load_checkpoint(tmp_path / "last.npz")) is None
