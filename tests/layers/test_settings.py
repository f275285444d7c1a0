"""Settings of layers: what is refused, and how they are kept."""
import inspect
import json
import warnings

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError, DtypeError, ShapeError


def test_a_window_that_does_not_fit_says_what_it_met():
    with pytest.raises(ShapeError, match=r"Conv2d: a window of 5 does not fit into 4 positions \(image 4 x 9"):
        tn.Conv2d(3, 2, 5).forward(np.zeros((1, 4, 9, 3), np.float32))
    with pytest.raises(ShapeError, match=r"Conv2d: a window of 11 does not fit into 10 positions \(image 4 x 9"):
        tn.Conv2d(3, 2, 11, padding=3).forward(np.zeros((1, 4, 9, 3), np.float32))


def test_channels_first_are_recognized():
    with pytest.raises(ShapeError, match=r"got \(3, 8, 8\); this looks like \(N, C, H, W\).*transpose\(0, 2, 3, 1\)"):
        tn.Conv2d(3, 2, 3).forward(np.zeros((1, 3, 8, 8), np.float32))


@pytest.mark.parametrize("wrong", [
    {"kernel_size": 0}, {"stride": 0}, {"padding": -1}, {"kernel_size": (1, 2, 3)}, {"kernel_size": (3,)},
    {"kernel_size": 2.5}, {"in_channels": 0}, {"out_channels": True}, {"groups": 2},
])
def test_conv_refuses_settings_that_make_no_sense(wrong):
    settings = {"in_channels": 3, "out_channels": 4, "kernel_size": 3} | wrong
    with pytest.raises(ArgumentError, match=f"Conv2d: {next(iter(wrong))} is"):
        tn.Conv2d(**settings)


@pytest.mark.parametrize("made", [tn.BatchNorm1d, tn.BatchNorm2d])
@pytest.mark.parametrize(("name", "value"), [("momentum", -0.5), ("momentum", 1.5), ("eps", -0.5)])
def test_batch_norm_refuses_settings_that_make_no_sense(made, name, value):
    with pytest.raises(ArgumentError, match=f"{made.__name__}: {name} is"):
        made(3, **{name: value})
    counted = next(iter(made(3).settings))
    with pytest.raises(ArgumentError, match=f"{made.__name__}: {counted} is 0, expected a whole number of at least 1"):
        made(0)


def test_batch_norm_of_features_says_what_it_met():
    with pytest.raises(ShapeError, match="BatchNorm1d expects 5 features, got 4$"):
        tn.BatchNorm1d(5).forward(np.zeros((2, 4), np.float32))
    with pytest.raises(ShapeError, match="expects 5 features, got 2 x 3 x 5; for images there is BatchNorm2d$"):
        tn.BatchNorm1d(5).output_shape((2, 3, 5))


@pytest.mark.parametrize(("shape", "message"), [
    ((4,), "expects 5 inputs, got 4$"), ((6,), "expects 5 inputs, got 6$"), ((5, 5), "got 5 x 5$"),
    ((2, 3, 4), "got 2 x 3 x 4; a Flatten before it turns images into rows$"), ((1, 2, 3, 4), "got 1 x 2 x 3 x 4$"),
])
def test_linear_says_what_it_met(shape, message):
    with pytest.raises(ShapeError, match=message):
        tn.Linear(5, 2).output_shape(shape)


@pytest.mark.parametrize("made", [tn.LocalResponseNorm, tn.SpatialResponseNorm])
def test_response_normalization_refuses_settings_that_make_no_sense(made):
    for wrong in ({"k": 0}, {"k": -0.5}, {"beta": -0.5}, {"alpha": -0.5}, {"size": 4}, {"size": 0}):
        with pytest.raises(ArgumentError, match=f"{made.__name__}: {next(iter(wrong))} is"):
            made(**wrong)
    assert made(k=0.5, beta=0.0, alpha=0.0, size=1).k == 0.5


def test_towers_have_to_divide_the_channels():
    with pytest.raises(ShapeError, match="LocalResponseNorm: 2 groups do not divide 5 channels"):
        tn.LocalResponseNorm(groups=2).output_shape((4, 6, 5))


def test_how_many_products_a_layer_adds():
    assert tn.Conv2d(3, 96, 11, stride=4).multiply_adds((227, 227, 3)) == 55 * 55 * 96 * 11 * 11 * 3
    assert tn.Conv2d(96, 256, 5, padding=2, groups=2).multiply_adds((27, 20, 96)) == 27 * 20 * 256 * 25 * 48
    assert tn.LocallyConnected2d(3, 4, 3, (8, 9)).multiply_adds((8, 9, 3)) == 6 * 7 * 4 * 9 * 3
    assert tn.Linear(7, 5).multiply_adds((7,)) == 35


def test_locally_connected_takes_the_size_it_was_made_for():
    with pytest.raises(ShapeError, match="made for images of 4 x 6, got 6 x 4"):
        tn.LocallyConnected2d(1, 1, 3, input_size=(4, 6)).forward(np.zeros((1, 6, 4, 1), np.float32))
    with pytest.raises(ShapeError, match="made for images of 4 x 6, got 4 x 5"):
        tn.LocallyConnected2d(1, 1, 3, input_size=(4, 6)).output_shape((4, 5, 1))
    with pytest.raises(ArgumentError, match="LocallyConnected2d: input_size is"):
        tn.LocallyConnected2d(1, 1, 3, input_size=(0, 6))


@pytest.mark.parametrize("layer", [
    tn.Conv2d(np.int64(4), np.int64(2), (np.int64(3), 3), stride=np.int32(2), padding=np.int8(1), groups=np.int64(2)),
    tn.LocallyConnected2d(np.int64(4), np.int64(2), np.int64(3), [np.int64(8), 8]),
    tn.MaxPool2d(np.int64(3), np.int64(2)), tn.AvgPool2d([3, 3], np.int64(2), ceil_mode=np.True_),
    tn.Linear(np.int64(4), np.int64(2)), tn.BatchNorm1d(np.int64(4), eps=np.float32(0.5)),
    tn.BatchNorm2d(np.int64(4), momentum=np.float32(0.5)),
    tn.LocalResponseNorm(np.int64(5), groups=np.int64(2)), tn.SpatialResponseNorm(np.int64(3)),
    tn.Dropout(np.float32(0.5)),
], ids=lambda layer: type(layer).__name__)
def test_settings_of_numpy_numbers_are_fit_for_json(layer):
    settings = json.loads(json.dumps(layer.settings))
    assert repr(type(layer)(**settings)) == repr(layer)
    assert "np." not in repr(layer) and "int" not in repr(layer)


@pytest.mark.parametrize("wrong", [
    {"std": float("nan")}, {"std": -0.1}, {"std": "he"}, {"bias": "x"}, {"bias": float("nan")}, {"bias": None},
    {"seed": -1}, {"seed": 1.5}, {"seed": "a"}, {"seed": [0, -1]}, {"seed": [0, None]},
])
def test_initializations_that_make_no_sense_are_refused(wrong):
    name = next(iter(wrong))
    for kind, sizes in ((tn.Conv2d, (3, 4, 3)), (tn.Linear, (3, 4)), (tn.LocallyConnected2d, (3, 4, 3, 8))):
        with pytest.raises(ArgumentError, match=f"{kind.__name__}: {name} is"):
            kind(*sizes, **wrong)
    if name == "seed":
        with pytest.raises(ArgumentError, match="Dropout: seed is"):
            tn.Dropout(**wrong)


def test_a_tensor_of_another_library_is_refused_by_name():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")
    with pytest.raises(DtypeError, match="the input is a Tensor, expected a NumPy or CuPy array"):
        tn.ReLU().forward(torch.zeros(2, 3))


OPTIMIZERS = (tn.SGD, tn.Adam)
# Section 3.3 of the paper (LRN), 3.4 (pooling), 4.2 (dropout) and 5 (SGD), else as in PyTorch;
# SpatialResponseNorm, which neither has: size and power of the authors' CIFAR-10 network of 18%, LRN's alpha, k = 1.
DEFAULTS = {
    tn.Conv2d: {"stride": 1, "padding": 0, "groups": 1, "ceil_mode": False, "std": None, "bias": 0.0, "seed": None},
    tn.LocallyConnected2d: {"stride": 1, "padding": 0, "std": None, "bias": 0.0, "seed": None},
    tn.Linear: {"std": None, "bias": 0.0, "seed": None},
    tn.MaxPool2d: {"kernel_size": 3, "stride": None, "padding": 0, "ceil_mode": False},
    tn.AvgPool2d: {"kernel_size": 3, "stride": None, "padding": 0, "ceil_mode": False},
    tn.LocalResponseNorm: {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0, "groups": 1},
    tn.SpatialResponseNorm: {"size": 3, "alpha": 1e-4, "beta": 0.75, "k": 1.0},
    tn.BatchNorm1d: {"momentum": 0.1, "eps": 1e-5}, tn.BatchNorm2d: {"momentum": 0.1, "eps": 1e-5},
    tn.Dropout: {"p": 0.5, "seed": None},
    tn.SGD: {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "bias_rate": 1.0, "decay_biases": True},
    tn.Adam: {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0,
              "decay_biases": True},
} | {layer: {} for layer in (tn.ReLU, tn.Tanh, tn.Sigmoid, tn.Softmax, tn.Flatten)}


@pytest.mark.parametrize("made", [tn.MaxPool2d, tn.AvgPool2d])
def test_a_pooling_layer_says_which_stride_it_took_where_others_take_another(made):
    for kernel, text in ((4, "4"), ((2, 3), r"\(2, 3\)"), ((5, 5), r"\(5, 5\)"), (np.int64(1), "1")):
        with pytest.warns(UserWarning, match=rf"^{made.__name__}: without a stride it is 2, the paper's, for a "
                          rf"kernel_size of {text}, where PyTorch and Keras take the kernel_size: write stride=2 or "
                          rf"stride={text}$") as caught:
            layer = made(kernel)
        assert layer.stride == 2 and len(caught) == 1 and caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for layer in (made(), made(3), made((3, 3)), made(2), made(4, 2), made(kernel_size=5, stride=3)):
            assert "stride=" in repr(layer)
            again = type(layer)(**layer.settings)  # as from a checkpoint
            assert repr(again) == repr(layer) and again.window == layer.window
        assert made().stride == made(3).stride == made(2).stride == 2
        with pytest.raises(ArgumentError, match=f"{made.__name__}: kernel_size is 0"):
            made(0)
        for name in ("alexnet", "lenet5", "cifar_net", "alexnet_small", "alexnet_medium"):
            getattr(tn, name)()


@pytest.mark.parametrize("made", DEFAULTS, ids=lambda made: made.__name__)
def test_what_is_not_given_is_the_papers_or_pytorchs(made):
    parameters = inspect.signature(made).parameters.values()
    assert {p.name: p.default for p in parameters if p.default is not p.empty} == DEFAULTS[made]


def test_who_takes_the_whole_batch():
    # The mean of the batch; one mask for it, drawn in one thread; large weights, read once for it.
    assert {made for made in DEFAULTS if made not in OPTIMIZERS and made.whole_batch} == {
        tn.BatchNorm1d, tn.BatchNorm2d, tn.Dropout, tn.Linear}


@pytest.mark.parametrize("layer", [made for made in DEFAULTS if made not in OPTIMIZERS], ids=lambda made: made.__name__)
def test_a_layer_does_not_train_unless_told(layer):
    assert inspect.signature(layer.forward).parameters["train"].default is False
