"""The table of a network, and two networks side by side."""
import html.parser
import re
from typing import Any

import numpy as np
import pytest
from support.branches import Branches

import tinynet as tn
from tinynet.errors import ArgumentError, ShapeError
from tinynet.models import alexnet, alexnet_small, cifar_net, lenet5
from tinynet.network.compare import compare
from tinynet.network.describe import describe, initialization_text
from tinynet.tables import html_table, text_table


@pytest.fixture(scope="module")
def nets():
    """Some versions of AlexNet without their 61 million normals."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("conv", "linear"):
            patch.setattr(
                f"tinynet.layers.{module}.random_weights",
                lambda *arguments: np.broadcast_to(np.float32(0), arguments[-4]),  # shape, fan_in, std, seed
            )
        versions = ("paper", "ungrouped", "source2012", "caffe", "caffenet", "torchvision")
        made = {variant: alexnet(variant) for variant in versions}
        switched: dict[str, Any] = {
            "text": {"init": "text"}, "tanh": {"activation": "tanh"}, "batch": {"normalization": "batch"},
        }
        return made | {name: alexnet(**switches) for name, switches in switched.items()}


class Tables(html.parser.HTMLParser):
    """Reads the cells of all tables, row by row, and the names of all tags."""

    def __init__(self, text):
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.inside = True
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


def test_the_papers_figures(nets):
    summary = nets["paper"].summary(input_shape=(227, 227, 3))
    rows = {row.name: row for row in summary.rows}
    assert summary.parameters == 60_965_224
    assert summary.multiply_adds == 724_406_816
    assert summary.neurons == 659_272                            # section 3.5 says 650,000
    assert rows["conv1"].neurons == 290_400
    assert rows["conv1"].multiply_adds == 105_415_200 and rows["fc6"].multiply_adds == 37_748_736
    assert rows["conv1"].parameters == 34_944 and rows["fc6"].parameters == 37_752_832
    assert rows["conv1"].bytes == 4 * 290_400 and rows["pool5"].output_shape == (6, 6, 256)
    assert rows["fc6"].input_shape == (9216,)
    assert summary.parameter_bytes == 4 * 60_965_224
    assert summary.activation_bytes == 4 * sum(np.prod(row.output_shape) for row in summary.rows)


def test_the_text_has_every_layer_and_the_totals(nets):
    text = str(nets["paper"].summary())
    lines = text.splitlines()
    for name in nets["paper"].layers:
        assert any(line.startswith(f"{name} ") for line in lines), name
    conv2 = next(line for line in lines if line.startswith("conv2"))
    assert re.search(r"256 of 5x5x48, padding 2, 2 groups +27 x 27 x 256 +307,456 +223,948,800 +746\.50$", conv2)
    total = next(line for line in lines if line.startswith("total"))
    assert re.search(r"659,272 neurons +60,965,224 +724,406,816 +7,737\.76$", total)
    words = " ".join(text.split())
    assert "N(0, 0.03²) in conv3, conv4, conv5" in words and "biases 1, 0 in conv1, conv3, fc8" in words
    assert max(map(len, lines)) <= 112


@pytest.mark.parametrize("name", ["paper", "source2012", "caffe", "torchvision", "text"])
def test_the_notes_stand_under_the_table(name, nets):
    words = " ".join(str(nets[name].summary()).split())
    for note in nets[name].notes:
        assert note in words, note


def test_the_initialization_of_the_text_is_said_to_stay_flat(nets):
    words = " ".join(str(nets["text"].summary()).split())
    assert "Initialization: weights N(0, 0.01²); biases 1, 0 in conv1, conv3, fc8." in words
    assert "stays flat at ln(classes)" in words


def test_double_precision_takes_twice_the_memory():
    net: Any = lenet5()
    single, double = net.summary(), net.astype("float64").summary()
    assert double.activation_bytes == 2 * single.activation_bytes
    assert double.parameter_bytes == 2 * single.parameter_bytes == 8 * 61_706


def test_another_size_than_the_networks_own():
    net = tn.Network([("conv1", tn.Conv2d(3, 4, 3))])
    assert net.summary((10, 8, 3)).rows[0].output_shape == (8, 6, 4)
    assert "10 x 8 x 3" in str(net.summary((10, 8, 3)))


def test_without_any_size_the_summary_asks_for_one():
    with pytest.raises(ArgumentError, match=r"summary of mine needs an input shape.*\(H, W, C\)"):
        tn.Network([("conv1", tn.Conv2d(3, 4, 3))], name="mine").summary()


def test_a_size_that_does_not_fit_is_explained(nets):
    with pytest.raises(ShapeError, match="fc6.*conv1.*54 x 54 x 96 instead of 55 x 55 x 96"):
        nets["paper"].summary((224, 224, 3))


def test_a_network_inside_a_network_is_opened():
    inner = tn.Network([("conv1", tn.Conv2d(3, 4, 3)), ("relu1", tn.ReLU())], name="block")
    layers = [("block", inner), ("flatten", tn.Flatten()), ("fc2", tn.Linear(6 * 6 * 4, 5))]
    net = tn.Network(layers, input_shape=(8, 8, 3))
    summary = net.summary()
    assert [row.name for row in summary.rows] == ["block.conv1", "block.relu1", "flatten", "fc2"]
    assert summary.parameters == net.parameter_count
    assert summary.multiply_adds == net.multiply_adds((8, 8, 3)) == 6 * 6 * 4 * 27 + 144 * 5
    assert compare(net, net).differences == []


def test_a_network_without_decay_is_said_to_have_none():
    found = differences(cifar_net("19pct"), cifar_net("19pct-translated"))
    assert found["weight decay"] == ("conv1 0.004, conv2 0.004, conv3 0.004, fc4 3; not of biases", "none")


def test_batch_normalization_is_no_neuron_but_has_parameters(nets):
    rows = {row.name: row for row in nets["batch"].summary().rows}
    assert rows["norm1"].parameters == 2 * 96 and rows["norm1"].neurons == 0


@pytest.mark.parametrize("thing", [lambda nets: nets["paper"].summary(), lambda nets: compare(nets["paper"], lenet5())])
def test_html_is_plain_tables(thing, nets):
    shown = thing(nets)
    page = shown._repr_html_()
    tables = Tables(page)
    assert tables.tags <= {"p", "b", "table", "thead", "tbody", "tr", "th", "td", "div", "ul", "li"}
    assert "style" not in page and "script" not in page
    assert any("conv1" in row and "55 x 55 x 96" in row or "55x55x96" in row for row in tables.rows)


def test_html_has_the_cells_of_the_text(nets):
    summary = nets["paper"].summary()
    assert Tables(summary._repr_html_()).rows[1:] == summary.cells()


def test_html_escapes_what_it_shows():
    net = tn.Network([("a<b", tn.ReLU())], name="<i>", input_shape=(2, 2, 1), notes=["1 < 2 & 3"])
    page = net.summary()._repr_html_()
    assert "a&lt;b" in page and "&lt;i&gt;" in page and "1 &lt; 2 &amp; 3" in page and "<i>" not in page


@pytest.mark.parametrize("layer, words", [
    (tn.Conv2d(96, 256, 5, padding=2, groups=2), "Conv2d 256 of 5x5x48, padding 2, 2 groups"),
    (tn.Conv2d(3, 8, (3, 5), stride=(1, 2), padding=(0, 1)), "Conv2d 8 of 3x5x3, stride 1x2, padding 0x1"),
    (tn.Conv2d(3, 8, 3, stride=2, ceil_mode=True), "Conv2d 8 of 3x3x3, stride 2, rounded up"),
    (tn.LocallyConnected2d(4, 8, 3, 6), "LocallyConnected2d 8 of 3x3x4"),
    (tn.MaxPool2d(), "MaxPool2d 3x3, stride 2"),
    (tn.AvgPool2d(3, 1, ceil_mode=True), "AvgPool2d 3x3, stride 1, rounded up"),
    (tn.Linear(7, 3), "Linear 7 to 3"),
    (tn.LocalResponseNorm(groups=2), "LocalResponseNorm 5 channels, k 2, alpha 0.0001, beta 0.75, 2 groups"),
    (tn.SpatialResponseNorm(), "SpatialResponseNorm 3x3 places, k 1, alpha 0.0001, beta 0.75"),
    (tn.Dropout(0.5), "Dropout p 0.5"),
    (tn.ReLU(), "ReLU"),
])
def test_layers_in_words(layer, words):
    assert describe(layer) == words


def test_initializations_in_words():
    assert initialization_text({"a": (0.01, 0.0), "b": (0.01, 1.0)}) == "weights N(0, 0.01²); biases 0 in a, 1 in b"
    assert initialization_text({"a": (0.5, 0)}) == "weights N(0, 0.5²); biases 0"


def test_tables_set_numbers_right_and_break_long_cells():
    table = text_table(["name", "what", "n"], [["a", "one two three", "5"], ["b", "", "1,200"]], rules=[1], wrap=8)
    assert table.splitlines() == [
        "name  what         n",
        "--------------------",
        "a     one two      5",
        "        three",
        "--------------------",
        "b              1,200",
    ]
    assert html_table(["x"], [["<5>"]]).count("&lt;5&gt;") == 1


def differences(first, second):
    return {aspect: (mine, other) for aspect, mine, other in compare(first, second).differences}


def test_what_the_authors_program_has_otherwise_than_the_text(nets):
    found = differences(nets["paper"], nets["source2012"])
    assert found["input"] == ("227 x 227 x 3", "224 x 224 x 3")
    assert found["sizes that don't divide"] == ("rounded down", "rounded up")
    assert found["LRN's alpha"] == ("0.0001 times the sum of the 5 squares", "0.0001 times the mean of the 5 squares")
    mine, other = found["order"]
    assert mine.startswith("conv activation LRN pool | conv activation LRN pool | conv activation |")
    assert other.startswith("conv LRN pool activation | conv activation LRN norm within maps pool |")
    assert "alpha 4e-05" in found["norm within maps"][1]
    assert found["learning rate"] == ("0.01, of biases 0.01", "0.01, of biases 0.02")
    for alike in ("activation", "pooling", "parameters", "initialization", "LRN's k", "channels seen", "dropout"):
        assert alike not in found
    assert "parameters (60,965,224)" in compare(nets["paper"], nets["source2012"]).same()


def test_what_caffe_has_otherwise(nets):
    found = differences(nets["paper"], nets["caffe"])
    assert found["LRN's k"] == ("2", "1")
    assert found["LRN's windows"] == ("inside each of 2 towers", "across all channels")
    assert found["initialization"][1] == (
        "weights N(0, 0.01²), N(0, 0.005²) in fc6, fc7; biases 0.1, 0 in conv1, conv3, fc8")
    assert found["sizes that don't divide"] == ("rounded down", "rounded up in pool1, pool2, pool5")
    assert "input" not in found and "order" not in found


def test_what_one_tower_and_torchvision_have_otherwise(nets):
    found = differences(nets["paper"], nets["ungrouped"])
    assert found["channels seen"] == ("conv2, conv4, conv5: one of 2 groups; the others: all", "all, by every filter")
    assert found["parameters"] == ("60,965,224", "62,378,344")
    found = differences(nets["paper"], nets["torchvision"])
    assert found["dropout"] == ("0.5 of the inputs of fc7, fc8", "0.5 of the inputs of fc6, fc7")
    assert found["LRN"][1] == "none" and "LRN's k" not in found


def test_all_normalizations_within_maps_are_named_and_fire_modules_begin_a_stage(nets):
    found = {aspect: mine for aspect, mine, _ in compare(cifar_net("18pct"), cifar_net("80sec")).aspects}
    assert found["norm within maps"] == "norm1, norm2: 3x3, k 1, alpha 5.56e-06 times the sum"
    found = {aspect: mine for aspect, mine, _ in compare(tn.squeezenet(), lenet5()).aspects}
    assert found["order"].startswith("conv activation pool | fire | fire pool | fire |")
    assert found["order"].endswith("| fire dropout | conv activation pool")


@pytest.mark.parametrize("variant", ["caffe", "caffenet"])
def test_caffes_networks_were_not_published_in_2012(variant, nets):
    published, *_ = [row for row in compare(nets["paper"], nets[variant]).differences if row[0] == "published"]
    assert published[2].startswith("with Caffe (2014")
    assert "15.3%" not in str(compare(nets[variant], lenet5()))


def test_one_tower_is_not_what_won_in_2012(nets):
    text = str(compare(nets["ungrouped"], lenet5()))
    assert "15.3%" not in text and "GTX 580" not in text and "without its two towers" in text


@pytest.mark.parametrize("other, aspect, values", [
    ("tanh", "activation", ("ReLU", "Tanh")),
    ("text", "initialization", (
        "weights N(0, 0.01²), N(0, 0.03²) in conv3, conv4, conv5; biases 1, 0 in conv1, conv3, fc8",
        "weights N(0, 0.01²); biases 1, 0 in conv1, conv3, fc8")),
])
def test_a_switch_shows_as_the_one_difference(other, aspect, values, nets):
    assert differences(nets["paper"], nets[other]) == {aspect: values}


def test_a_schedule_that_stops_learning_is_told_too():
    net = lenet5()
    net.recipe = {**net.recipe, "schedule": {"kind": "step", "epochs": [3], "factor": 0.0}}
    (aspect, other, mine), = compare(lenet5(), net).differences
    assert aspect == "batch, epochs" and mine.endswith("rate set to 0 after epoch 3")


def test_alexnet_beside_lenet5_as_accounts_have_it(nets):
    found = differences(nets["paper"], lenet5())
    assert found["published"][0].startswith("2012, Krizhevsky") and found["published"][1].startswith("1998, LeCun")
    assert found["made for"][0].startswith("ImageNet") and found["made for"][1].startswith("MNIST")
    assert found["layers with weights"] == (
        "5 convolutional, 3 fully connected", "2 convolutional, 3 fully connected")
    assert found["pixels"] == ("0 to 255 minus the mean image", "0 to 255 minus the mean colour, divided by 64")
    assert found["activation"] == ("ReLU", "Tanh")
    assert found["pooling"] == ("max 3x3, stride 2 in pool1, pool2, pool5", "average 2x2, stride 2 in pool1, pool2")
    assert found["parameters"] == ("60,965,224", "61,706")
    assert found["multiply-adds"] == ("724,406,816", "416,520")
    text = str(compare(nets["paper"], lenet5()))
    assert re.search(r"^conv2 .*27x27x256 +conv2 .*10x10x16$", text, re.M)
    assert re.search(r"^fc8 .*1000 +fc5 .*10$", text, re.M)
    assert re.search(r"^conv3 .*13x13x384$", text, re.M)
    assert max(map(len, text.splitlines())) <= 130


def test_layers_are_paired_by_the_part_they_play(nets):
    pairs = [(a and a.name, b and b.name) for a, b in compare(nets["paper"], nets["source2012"]).layers]
    assert pairs[:5] == [("conv1", "conv1"), ("relu1", None), ("norm1", "norm1"), ("pool1", "pool1"), (None, "relu1")]
    assert (None, "spatial2") in pairs and ("fc8", "fc8") in pairs
    pairs = [(a and a.name, b and b.name) for a, b in compare(cifar_net("80sec"), cifar_net("11pct")).layers]
    assert {("conv3", "local3"), (None, "local4"), ("fc4", None), ("fc5", "fc5")} <= set(pairs)


def test_every_layer_stands_in_a_comparison_once(nets):
    first, second = nets["torchvision"], alexnet_small()
    pairs = compare(first, second).layers
    assert [a.name for a, _ in pairs if a] == list(first.layers)
    assert [b.name for _, b in pairs if b] == list(second.layers)


def test_two_of_a_kind_do_not_differ():
    same = compare(lenet5(seed=1), lenet5(seed=2))
    assert same.differences == [] and str(same).startswith("No difference.")


def test_all_settings_of_all_normalizations_are_compared():
    def two(size=9, k=1.0, eps=0.1):
        return tn.Network([("norm1", tn.LocalResponseNorm()), ("norm2", tn.LocalResponseNorm(size, k=k)),
                           ("bn", tn.BatchNorm2d(3, eps=eps))], input_shape=(4, 4, 3), name="n")

    assert compare(two(), two()).differences == []
    assert differences(two(), two(size=5))["LRN"] == (
        "norm1: 5 channels, beta 0.75, norm2: 9 channels, beta 0.75", "norm1, norm2: 5 channels, beta 0.75")
    assert differences(two(), two(k=2.0)) == {"LRN's k": ("norm1: 2, norm2: 1", "2")}
    assert differences(two(), two(eps=0.5)) == {
        "batch normalization": ("bn: eps 0.1, momentum 0.1", "bn: eps 0.5, momentum 0.1")}


def test_a_part_whose_recipe_has_no_initialization_is_compared():
    net = alexnet_small()
    net = tn.Network([*net.layers.items(), ("softmax", tn.Softmax())], input_shape=net.input_shape, recipe=net.recipe)
    _, rest = tn.split_network(net, "fc5")
    assert compare(rest, rest).differences == []


def test_a_comparison_needs_the_sizes_that_the_networks_were_made_for():
    with pytest.raises(ArgumentError, match="needs an input shape"):
        compare(lenet5(), tn.Network([("relu1", tn.ReLU())]))


def test_a_network_whose_layers_are_not_in_a_line_has_one_row():
    net = tn.Network([("fc1", tn.Linear(6, 4)), ("both", Branches()), ("fc3", tn.Linear(5, 2))], input_shape=(6,))
    summary = net.summary()
    assert [(row.name, row.output_shape, row.parameters) for row in summary.rows] == [
        ("fc1", (4,), 28), ("both", (5,), 25), ("fc3", (2,), 12)]
    assert summary.rows[1].text == "Branches of left, right" and summary.parameters == net.parameter_count
    alone = Branches().summary((4,))
    assert [(row.name, row.output_shape) for row in alone.rows] == [("branches", (5,))]


def test_a_residual_block_is_opened_and_its_branch_counted():
    class Residual(tn.Network):
        def forward(self, x, train=False, save=True):
            y, saved = super().forward(x, train, save)
            return x + y, saved

    net = tn.Network([("block", Residual([("fc1", tn.Linear(4, 3)), ("fc2", tn.Linear(3, 4))]))], input_shape=(4,))
    assert [row.name for row in net.summary().rows] == ["block.fc1", "block.fc2"]
    assert net.summary().multiply_adds == net.multiply_adds((4,)) == 24
