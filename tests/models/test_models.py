"""The networks: exact counts, shapes and initializations; switches and the errors of wrong ones."""
import json
import math
import re
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import ArgumentError, ShapeError
from tinynet.layers.initializers import undrawn
from tinynet.models import MODELS, alexnet, alexnet_medium, alexnet_small, cifar_net, lenet5, make_model
from tinynet.models.alexnet import AUTHORS, TEXT, VERSIONS, fan_in
from tinynet.models.parts import he_initialization

PAPER_SHAPES = {
    "conv1": (55, 55, 96), "norm1": (55, 55, 96), "pool1": (27, 27, 96),
    "conv2": (27, 27, 256), "norm2": (27, 27, 256), "pool2": (13, 13, 256),
    "conv3": (13, 13, 384), "conv4": (13, 13, 384), "conv5": (13, 13, 256), "pool5": (6, 6, 256),
    "flatten": (9216,), "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
}
NARROW_SHAPES = {
    "conv1": (55, 55, 64), "pool1": (27, 27, 64), "conv2": (27, 27, 192), "pool2": (13, 13, 192),
    "conv3": (13, 13, 384), "conv4": (13, 13, 256), "conv5": (13, 13, 256), "pool5": (6, 6, 256),
    "flatten": (9216,), "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
}
COUNTS = {
    "paper": 60_965_224, "source2012": 60_965_224, "caffe": 60_965_224, "caffenet": 60_965_224,
    "ungrouped": 62_378_344, "torchvision": 61_100_840,
}


@pytest.fixture
def without_drawing(monkeypatch):
    """Weights of zeros, each a view of one number: the sizes of AlexNet without its 61 million normals."""
    def zeros(*arguments):
        shape, _, _, _ = arguments[-4:]                          # the last four: shape, fan_in, std, seed
        return np.broadcast_to(np.float32(0), shape)

    for module in ("conv", "linear"):
        monkeypatch.setattr(f"tinynet.layers.{module}.random_weights", zeros)


@pytest.fixture(scope="module")
def paper():
    return alexnet(seed=3)


@pytest.mark.parametrize("variant", VERSIONS)
def test_alexnet_has_exactly_as_many_parameters_as_the_variant(variant, without_drawing):
    assert alexnet(variant).parameter_count == COUNTS[variant]


@pytest.mark.parametrize("variant", VERSIONS)
def test_each_layer_of_alexnet_gives_the_papers_size(variant, without_drawing):
    net: Any = alexnet(variant)
    shapes = net.shapes(net.input_shape)
    expected = NARROW_SHAPES if variant == "torchvision" else PAPER_SHAPES
    if variant == "caffenet":                                    # pools first
        expected = expected | {"norm1": (27, 27, 96), "norm2": (13, 13, 256)}
    assert {name: shapes[name] for name in expected} == expected


def test_the_source_of_2012_needs_its_rounding_up_to_reach_the_papers_sizes(without_drawing):
    net: Any = alexnet("source2012")
    assert net.input_shape == (224, 224, 3)
    assert all(layer.ceil_mode for name, layer in net.layers.items() if re.match("conv|pool", name))


@pytest.mark.parametrize("variant, order", {
    "paper": "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 flatten "
             "fc6 relu6 dropout6 fc7 relu7 dropout7 fc8",
    "source2012": "conv1 norm1 pool1 relu1 conv2 relu2 norm2 spatial2 pool2 conv3 relu3 conv4 relu4 conv5 pool5 relu5 "
                  "flatten fc6 relu6 dropout6 fc7 relu7 dropout7 fc8",
    "caffenet": "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 flatten "
                "fc6 relu6 dropout6 fc7 relu7 dropout7 fc8",
    "torchvision": "conv1 relu1 pool1 conv2 relu2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 flatten "
                   "dropout6 fc6 relu6 dropout7 fc7 relu7 fc8",
}.items())
def test_layers_stand_in_the_order_of_the_variant(variant, order, without_drawing):
    assert list(alexnet(variant).layers) == order.split()


@pytest.mark.parametrize("variant, norm", {
    "paper": {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2, "groups": 2},
    "ungrouped": {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2, "groups": 1},
    "source2012": {"size": 5, "alpha": 2e-5, "beta": 0.75, "k": 2, "groups": 2},
    "caffe": {"size": 5, "alpha": 2e-5, "beta": 0.75, "k": 1, "groups": 1},
    "caffenet": {"size": 5, "alpha": 2e-5, "beta": 0.75, "k": 1, "groups": 1},
}.items())
def test_response_normalization_has_the_constants_of_the_variant(variant, norm, without_drawing):
    net: Any = alexnet(variant)
    assert net["norm1"].settings == net["norm2"].settings == norm


def test_the_normalization_within_maps_has_its_scale_divided_by_25(without_drawing):
    assert alexnet("source2012")["spatial2"].settings == {"size": 5, "alpha": 4e-5, "beta": 0.75, "k": 2}


@pytest.mark.parametrize("variant", VERSIONS)
def test_only_two_towers_split_conv2_conv4_and_conv5(variant, without_drawing):
    net: Any = alexnet(variant)
    split = [1, 1, 1, 1, 1] if variant in ("ungrouped", "torchvision") else [1, 2, 1, 2, 2]
    assert [net[f"conv{i}"].groups for i in range(1, 6)] == split


def test_classes_change_the_last_layer_only(without_drawing):
    few, many = alexnet(classes=7), alexnet()
    assert few["fc8"].settings == {"in_features": 4096, "out_features": 7}
    assert few.settings["layers"][:-1] == many.settings["layers"][:-1]


@pytest.mark.parametrize("variant", VERSIONS)
def test_pooling_without_overlap_leads_to_six_by_six_too(variant, without_drawing):
    net: Any = alexnet(variant, overlapping_pooling=False)
    shapes = net.shapes(net.input_shape)
    assert [shapes[name][0] for name in ("conv1", "pool1", "pool2", "pool5")] == [55, 27, 13, 6]
    assert net["pool1"].kernel_size == net["pool1"].stride == 2


@pytest.mark.parametrize("variant", VERSIONS)
def test_normalization_can_be_taken_out_or_exchanged(variant, without_drawing):
    assert not [name for name in alexnet(variant, normalization=None).layers if re.match("norm|spatial", name)]
    net: Any = alexnet(variant, normalization="batch")
    assert isinstance(net["norm1"], tn.BatchNorm2d) and isinstance(net["norm2"], tn.BatchNorm2d)
    assert "spatial2" not in net.layers
    assert net.shapes(net.input_shape)["fc8"] == (1000,)


@pytest.mark.parametrize("nothing", [None, 0])
def test_without_dropout_there_are_no_dropout_layers(nothing, without_drawing):
    assert not [name for name in alexnet(dropout=nothing).layers if name.startswith("dropout")]
    assert alexnet(dropout=0.3)["dropout7"].settings == {"p": 0.3}


def test_another_activation_takes_relus_place_and_gives_its_layers_their_names(without_drawing):
    net: Any = alexnet(activation="tanh")
    assert isinstance(net["tanh3"], tn.Tanh)
    assert [name.replace("tanh", "relu") for name in net.layers] == list(alexnet().layers)
    assert isinstance(alexnet(activation="sigmoid")["sigmoid7"], tn.Sigmoid)


def test_the_default_initialization_is_the_authors_programs(paper):
    for name, (std, bias) in AUTHORS.items():
        w, b = paper[name].params["w"], paper[name].params["b"]
        assert w.std() == pytest.approx(std, rel=0.02), name
        assert abs(w.mean()) < 0.02 * std, name
        assert (b == np.float32(bias)).all(), name
        assert w.dtype == b.dtype == np.float32
    assert AUTHORS["conv1"][0] == 0.01 and AUTHORS["conv4"][0] == 0.03


@pytest.mark.parametrize("options, expected", [
    ({"init": "text"}, TEXT),
    ({"init": "he"}, he_initialization(fan_in(VERSIONS["paper"]), "relu")),
    ({"variant": "caffe"}, {"conv2": (0.01, 0.1), "conv3": (0.01, 0), "fc6": (0.005, 0.1), "fc8": (0.01, 0)}),
    ({"variant": "caffenet"}, {"conv2": (0.01, 1), "conv3": (0.01, 0), "fc7": (0.005, 1), "fc8": (0.01, 0)}),
])
def test_every_initialization_reaches_its_layer(options, expected, monkeypatch):
    drawn = []

    def record(*arguments):
        shape, _, std, _ = arguments[-4:]
        drawn.append(std)
        return np.broadcast_to(np.float32(0), shape)

    for module in ("conv", "linear"):
        monkeypatch.setattr(f"tinynet.layers.{module}.random_weights", record)
    net: Any = alexnet(**options)
    stds = dict(zip(["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"], drawn, strict=True))
    for name, (std, bias) in expected.items():
        assert stds[name] == pytest.approx(std), name
        assert (net[name].params["b"] == np.float32(bias)).all(), name
        assert net.recipe["initialization"][name] == (pytest.approx(std), bias)


def test_he_takes_the_pixels_scale_down_to_one():
    """A chain of linear layers and ReLU on pixels: the mean square reaches the last layer's input as 1."""
    initialization = he_initialization({"fc1": 500, "fc2": 400, "fc3": 400}, "relu")
    rng = np.random.default_rng(0)
    x = 64 * rng.standard_normal((200, 500))
    for name, size in (("fc1", (500, 400)), ("fc2", (400, 400))):
        x = np.maximum(x @ (initialization[name][0] * rng.standard_normal(size)), 0)
    assert (2 * x**2).mean() == pytest.approx(2 * 1.0, rel=0.15)
    assert initialization["fc3"] == (0.01, 0.0)


def test_one_seed_gives_one_network_and_each_layer_its_own_numbers():
    first, again, other = (cifar_net("80sec", seed=seed) for seed in (5, 5, 6))
    assert (first["conv2"].params["w"] == again["conv2"].params["w"]).all()
    assert (first["conv2"].params["w"] != other["conv2"].params["w"]).any()
    conv2, conv3 = first["conv2"].params["w"], first["conv3"].params["w"]
    assert not np.allclose(conv2.ravel()[:1000], conv3.ravel()[:1000])


def test_a_switch_leaves_the_initial_weights_of_other_layers_as_they_were():
    plain, bare = alexnet_small(seed=2), alexnet_small(seed=2, normalization=None, dropout=None)
    for name in ("conv1", "conv3", "fc5"):
        assert (plain[name].params["w"] == bare[name].params["w"]).all()


def test_dropout_masks_differ_from_layer_to_layer(without_drawing):
    net: Any = alexnet(seed=1)
    draws = [net[name].generator.random(8) for name in ("dropout6", "dropout7")]
    assert not np.allclose(draws[0], draws[1])


def test_the_wrong_size_is_traced_to_the_rounding(paper):
    with pytest.raises(ShapeError) as caught:
        paper.forward(np.zeros((1, 224, 224, 3), np.float32))
    message = str(caught.value)
    sizes = ("9216", "6400", "5 x 5 x 256", "224 x 224", "54 x 54 x 96", "55 x 55 x 96", "227 x 227")
    for part in (*sizes, "fc6", "conv1", "variant='source2012'"):
        assert part in message, part


def test_the_papers_network_takes_an_image_to_scores_and_back(paper):
    x = (64 * np.random.default_rng(0).standard_normal((1, 227, 227, 3))).astype(np.float32)
    scores, saved = paper.forward(x, train=True)
    assert scores.shape == (1, 1000) and np.isfinite(scores).all()
    loss, dscores = tn.softmax_cross_entropy(scores, np.array([3]))
    assert 5 < loss < 12                                         # about ln(1000)
    _, grads = paper.backward(dscores, saved, input_gradient=False)
    for name in AUTHORS:
        assert np.abs(grads[name]["w"]).max() > 0, name


@pytest.mark.parametrize("options, words", [
    ({"variant": "vgg"}, ["variant", "'vgg'", "'paper'"]),
    ({"activation": "gelu"}, ["activation", "'gelu'", "'sigmoid'"]),
    ({"normalization": "layer"}, ["normalization", "'layer'", "'batch'"]),
    ({"variant": "torchvision", "normalization": "lrn"}, ["torchvision"]),
    ({"init": "xavier"}, ["init", "'xavier'", "'text'"]),
    ({"dropout": 1}, ["dropout"]), ({"dropout": -0.1}, ["dropout", "-0.1"]),
    ({"dropout": "half"}, ["dropout", "'half'"]),
    ({"classes": 1}, ["classes"]), ({"classes": 2.5}, ["classes", "2.5"]),
    ({"seed": -1}, ["seed", "-1"]), ({"seed": "x"}, ["seed", "'x'"]),
    ({"overlapping_pooling": "no"}, ["overlapping_pooling", "'no'"]),
])
def test_an_argument_that_makes_no_sense_is_named(options, words, without_drawing):
    with pytest.raises(ArgumentError) as caught:
        alexnet(**options)
    assert all(word in str(caught.value) for word in ["alexnet", *words]), str(caught.value)


def test_lenet5_is_the_common_reading():
    net: Any = lenet5()
    assert net.parameter_count == 61_706
    shapes = net.shapes((32, 32, 1))
    assert [shapes[name] for name in ("conv1", "pool1", "conv2", "pool2", "flatten", "fc3", "fc4", "fc5")] == [
        (28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (400,), (120,), (84,), (10,)
    ]
    assert isinstance(net["pool1"], tn.AvgPool2d) and isinstance(net["tanh4"], tn.Tanh)
    assert lenet5(classes=26)["fc5"].settings == {"in_features": 84, "out_features": 26}


@pytest.mark.parametrize("name, count, size, last_maps", [
    ("80sec", 145_578, 32, 4 * 4 * 64), ("19pct", 89_578, 32, 4 * 4 * 64), ("19pct-translated", 85_098, 24, 3 * 3 * 64),
    ("18pct", 89_578, 32, 4 * 4 * 64), ("13pct", 1_116_490, 24, 6 * 6 * 32), ("11pct", 2_112_970, 24, 6 * 6 * 32),
])
def test_cifar_networks_have_the_files_sizes(name, count, size, last_maps):
    net: Any = cifar_net(name)
    assert net.input_shape == (size, size, 3)
    assert net.parameter_count == count
    shapes = net.shapes(net.input_shape)
    assert shapes["flatten"] == (last_maps,)
    assert net.recipe["augmentation"] == {"crop": size == 24, "mirror": size == 24, "pad": 0, "colour": False}
    assert shapes["pool1"][:2] == (size // 2, size // 2)         # rounded up


def test_cifar_normalizations_divide_the_files_scale_by_their_window():
    assert cifar_net("18pct")["norm2"].settings == {"size": 3, "alpha": 5e-5 / 9, "beta": 0.75, "k": 1}
    assert cifar_net("11pct")["norm2"].settings == {
        "size": 9, "alpha": 0.001 / 9, "beta": 0.75, "k": 1, "groups": 1}
    assert not [name for name in cifar_net("13pct").layers if name.startswith("norm")]


def test_cifar_layers_stand_in_the_files_order():
    assert list(cifar_net("18pct").layers) == (
        "conv1 pool1 relu1 norm1 conv2 relu2 pool2 norm2 conv3 relu3 pool3 flatten fc4".split())
    assert list(cifar_net("11pct").layers) == (
        "conv1 relu1 pool1 norm1 conv2 relu2 norm2 pool2 local3 relu3 local4 relu4 flatten fc5".split())
    kinds = [type(cifar_net("80sec")[f"pool{i}"]) for i in (1, 2, 3)]
    assert kinds == [tn.MaxPool2d, tn.AvgPool2d, tn.AvgPool2d]


@pytest.mark.parametrize("name", [
    "lenet5", "cifar-80sec", "cifar-18pct", "cifar-11pct", "alexnet-small", "alexnet-medium"])
def test_initial_weights_have_the_deviation_that_the_recipe_names(name):
    net: Any = make_model(name, seed=1)
    assert list(net.recipe["initialization"]) == [key for key, layer in net.layers.items() if "w" in layer.params]
    for key, (std, bias) in net.recipe["initialization"].items():
        w = net[key].params["w"]
        assert w.std() == pytest.approx(std, rel=0.02 + 3 / math.sqrt(2 * w.size)), key
        assert (net[key].params["b"] == np.float32(bias)).all(), key


@pytest.mark.parametrize("name, expected", [
    ("80sec", ({"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc4": 0.03, "fc5": 0.03}, 10, [8, 9])),
    ("19pct", ({"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc4": 3.0}, 140, [120, 130])),
    ("19pct-translated", (0.0, 140, [120, 130])),
    ("18pct", ({"conv1": 0.004, "conv2": 0.004, "conv3": 0.004, "fc4": 1.0}, 140, [120, 130])),
    ("13pct", ({"local3": 0.004, "local4": 0.004, "fc5": 0.004}, 140, [120, 130])),
    ("11pct", ({"local3": 0.004, "local4": 0.004, "fc5": 0.01}, 520, [500, 510])),
])
def test_cifar_recipes_are_the_files(name, expected):
    recipe = cifar_net(name).recipe
    assert (recipe["weight_decay"], recipe["epochs"], recipe["schedule"]["epochs"]) == expected
    assert (recipe["learning_rate"], recipe["bias_rate"], recipe["decay_biases"]) == (0.001, 2.0, False)


@pytest.mark.parametrize("size", [16, 17, 28, 32, 48, 64, 96, 128])
def test_the_small_network_fits_any_size(size):
    net: Any = alexnet_small(size=size, classes=4)
    scores, _ = net.forward(np.zeros((2, size, size, 3), np.float32))
    assert scores.shape == (2, 4)


@pytest.mark.parametrize("options", [
    {}, {"activation": "tanh"}, {"activation": "sigmoid"}, {"normalization": "batch"}, {"normalization": None},
    {"overlapping_pooling": False}, {"dropout": None}, {"init": "he"}, {"init": "he", "activation": "tanh"},
    {"init": "text"},
])
def test_the_small_network_starts_near_equal_probabilities(options):
    net: Any = alexnet_small(seed=1, **options)
    rng = np.random.default_rng(0)
    x = (64 * rng.standard_normal((8, 32, 32, 3))).astype(np.float32)
    scores, saved = net.forward(x, train=True)
    loss, dscores = tn.softmax_cross_entropy(scores, rng.integers(0, 10, 8))
    assert loss == pytest.approx(math.log(10), abs=1)
    _, grads = net.backward(dscores, saved, input_gradient=False)
    assert all(np.abs(grad).max() > 0 for layer in grads.values() for grad in layer.values())


def test_the_small_network_is_small():
    net: Any = alexnet_small()
    assert net.multiply_adds((32, 32, 3)) < 12e6
    assert [name for name in net.layers if re.match("norm|pool", name)] == "norm1 pool1 norm2 pool2 pool4".split()


MEDIUM_SHAPES = {
    "conv1": (30, 30, 48), "pool1": (14, 14, 48), "conv2": (14, 14, 128), "pool2": (6, 6, 128),
    "conv3": (6, 6, 192), "conv4": (6, 6, 192), "conv5": (6, 6, 128), "pool5": (2, 2, 128), "flatten": (512,),
    "fc6": (512,), "fc7": (10,),
}


@pytest.mark.parametrize("towers, parameters, multiply_adds", [(1, 1_213_642, 73_923_648), (2, 3_393_930, 164_296_832)])
def test_the_medium_network_has_the_papers_tower_once_or_twice(towers, parameters, multiply_adds):
    net: Any = alexnet_medium(towers)
    assert net.parameter_count == parameters and net.multiply_adds(net.input_shape) == multiply_adds
    shapes = net.shapes(net.input_shape)
    for name, shape in MEDIUM_SHAPES.items():
        wide = shape if name == "fc7" else (*shape[:-1], towers * shape[-1])
        assert shapes[name] == wide, name
    grouped = {name: layer.groups for name, layer in net.layers.items() if getattr(layer, "groups", 1) > 1}
    assert grouped == ({} if towers == 1 else dict.fromkeys(("norm1", "conv2", "norm2", "conv4", "conv5"), 2))


def test_the_first_tower_of_two_is_the_one_tower_where_they_do_not_meet():
    one, two = alexnet_medium(seed=4), alexnet_medium(2, seed=5)
    for name, filters in (("conv1", 48), ("conv2", 128)):
        for key, array in one[name].params.items():
            two[name].params[key][..., :filters] = array
    x = (64 * np.random.default_rng(0).standard_normal((2, 127, 127, 3))).astype(np.float32)
    outputs = [tn.trace(net, x, np.array([1, 2]))["pool2"].output for net in (one, two)]
    np.testing.assert_allclose(outputs[1][..., :128], outputs[0], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("options", [
    {}, {"towers": 2}, {"activation": "tanh"}, {"normalization": "batch"}, {"normalization": None},
    {"overlapping_pooling": False}, {"dropout": None}, {"init": "he"}, {"init": "text"}, {"init": "authors"},
    {"classes": 1000},
])
def test_the_medium_networks_switches(options):
    net: Any = alexnet_medium(**{"seed": 1} | options)
    rng, classes = np.random.default_rng(0), options.get("classes", 10)
    x = (64 / net.recipe.get("deviation", 1) * rng.standard_normal((4, 127, 127, 3))).astype(np.float32)
    scores, saved = net.forward(x, train=True)
    loss, dscores = tn.softmax_cross_entropy(scores, rng.integers(0, classes, 4))
    assert scores.shape == (4, classes) and loss == pytest.approx(math.log(classes), abs=1)
    _, grads = net.backward(dscores, saved, input_gradient=False)
    assert all(np.isfinite(grad).all() for layer in grads.values() for grad in layer.values())


def test_conv1_of_the_medium_network_begins_with_a_small_part_of_hes_deviation():
    net: Any = alexnet_medium()
    assert net["conv1"].params["w"].std() == pytest.approx(0.03 * math.sqrt(2 / (11 * 11 * 3)), rel=0.02)
    assert net["conv2"].params["w"].std() == pytest.approx(math.sqrt(2 / (5 * 5 * 48)), rel=0.02)
    assert net.recipe["deviation"] == 58.0 and "deviation" not in alexnet_medium(init="authors").recipe
    assert any("0.03 of it in conv1" in note for note in net.notes)


def test_the_medium_network_takes_one_tower_or_two():
    with pytest.raises(ArgumentError, match="alexnet_medium: towers is 3, expected one of 1, 2"):
        alexnet_medium(3)


@pytest.mark.parametrize("size", [8, 15, 129, 32.0])
def test_the_small_network_refuses_other_sizes(size):
    with pytest.raises(ArgumentError, match=f"alexnet_small: size is {size}"):
        alexnet_small(size=size)


@pytest.mark.parametrize("name", MODELS)
def test_every_name_of_the_command_line_gives_its_network(name, without_drawing):
    net: Any = make_model(name, classes=12)
    assert net.name == ("alexnet" if name == "alexnet-paper" else name)
    assert net.output_shape(net.input_shape) == (12,)
    assert net.notes and net.hint
    assert json.loads(json.dumps(net.settings))["recipe"]["learning_rate"] > 0


def test_switches_pass_through_a_name(without_drawing):
    assert "tanh1" in make_model("alexnet-ungrouped", activation="tanh").layers
    assert make_model("alexnet-small", size=64).input_shape == (64, 64, 3)


def test_an_unknown_name_or_switch_lists_what_exists():
    with pytest.raises(ArgumentError, match="network 'resnet' does not exist.*alexnet-source2012.*lenet5.*cifar-80sec"):
        make_model("resnet")
    with pytest.raises(ArgumentError, match="lenet5 has no argument 'activation'.*classes"):
        make_model("lenet5", activation="relu")
    with pytest.raises(ArgumentError, match="cifar-80sec has no argument 'name'"):
        make_model("cifar-80sec", name="11pct")
    with pytest.raises(ArgumentError, match="cifar_net: name is '12pct'.*'11pct'"):
        cifar_net("12pct")


def test_a_network_comes_back_from_its_settings():
    net: Any = cifar_net("11pct")
    again: Any = tn.Network.from_settings(json.loads(json.dumps(net.settings)))
    assert again.recipe["weight_decay"] == net.recipe["weight_decay"]
    assert again.shapes(again.input_shape) == net.shapes(net.input_shape)


def test_notes_follow_the_switches(without_drawing):
    assert any("init='text'" in note and "stays flat" in note for note in alexnet(init="text").notes)
    plain = " ".join(alexnet().notes)
    for topic in ("224", "alpha", "Two towers", "Dropout stands after", "conv3 to conv5", "twice the learning rate"):
        assert topic in plain, topic
    bare = " ".join(alexnet(normalization=None, dropout=None).notes)
    assert "alpha" not in bare and "Dropout stands" not in bare


def test_undrawn_networks_have_their_sizes_and_biases_and_drawing_goes_on_afterwards():
    with undrawn():
        net: Any = alexnet_small(seed=1)
    drawn: Any = alexnet_small(seed=1)
    assert net.parameter_count == drawn.parameter_count and not net["conv1"].params["w"].any()
    assert net["fc5"].params["b"].tolist() == drawn["fc5"].params["b"].tolist() and drawn["conv1"].params["w"].all()
    with pytest.raises(ArgumentError), undrawn():
        make_model("alexnet-nothing")
    assert alexnet_small().layers["conv1"].params["w"].any()
