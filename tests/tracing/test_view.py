"""How a trace and an explanation show themselves: tables and pictures, no script, no style sheet, not large."""
import base64
import html.parser
import io
import re

import numpy as np
import pytest
from PIL import Image
from support.small_network import batch, network

import tinynet as tn
from tinynet.plots.thumbnails import ABOVE, BELOW, ZERO, photograph, picture
from tinynet.tracing.statistics import statistics

PLAIN = {
    "p", "b", "br", "code", "table", "thead", "tbody", "tr", "th", "td", "div", "ul", "li", "details", "summary", "img",
}
EMPTY = {"br", "img"}


class Checked(html.parser.HTMLParser):
    """Checks that tags are of the plain kind, closed in order, and pictures data of their own; collects text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag in PLAIN
        assert {name for name, _ in attributes} <= {"align", "src", "alt", "title", "width", "height"}
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "img":
            self.images.append(opened(self.get_starttag_text()))
            assert dict(attributes)["alt"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def opened(tag):
    """The picture in an <img>."""
    code = re.search(r'src="data:image/png;base64,([^"]+)"', tag).group(1)
    image = Image.open(io.BytesIO(base64.b64decode(code)))
    assert f'width="{image.width}" height="{image.height}"' in tag
    return image


def colours(image):
    """All colours of a picture."""
    return {colour for _, colour in image.convert("RGB").getcolors()}


@pytest.fixture(scope="module")
def trace():
    x, labels = batch(3)
    return tn.trace(network(), x, labels, train=True)


def test_a_trace_shows_a_table_of_layers_with_pictures_and_each_layers_own(trace):
    page = Checked(trace._repr_html_())
    assert len(page.images) > 2 * 11 + 1 and {"conv1", "dropout3", "loss", "zeros", "dead"} <= set(page.texts)
    assert page.texts.count("upstream") == len(trace.steps)  # in each layer's own table


def test_names_of_parameters_are_no_html():
    class Own(tn.Layer):
        def __init__(self):
            super().__init__()
            self.params = {"<u>": np.ones(3, np.float32)}

        def forward(self, x, train=False):
            return x * self.params["<u>"], (x,)

        def backward(self, dy, saved, input_gradient=True):
            return dy * self.params["<u>"], {"<u>": (dy * saved[0]).sum(axis=0)}

    x = np.ones((1, 3), np.float32)
    shown = tn.trace(Own(), x, upstream=x)._repr_html_()
    assert "<u>" not in shown and "&lt;u&gt;" in shown


def test_a_gradient_whose_square_is_none_in_float32_has_a_size():
    x = np.full((1, 3), 1e-27, np.float32)
    assert statistics(x).rms == pytest.approx(1e-27)
    assert statistics(np.full((1, 3), 1e25, np.float32)).rms == pytest.approx(1e25)


def test_a_step_shows_its_arrays_under_the_names_they_have(trace):
    text = str(trace["norm1"])
    names = [line.split("  ")[0] for line in text.splitlines()[5:]]
    assert names == ["input", "output", "saved.scale", "upstream", "input_gradient"]
    page = Checked(trace.backward_steps[0]._repr_html_())
    assert "loss" in page.texts and "saved.probabilities" in page.texts
    assert "gradients w" in Checked(trace["conv2"]._repr_html_()).texts


@pytest.mark.parametrize("name, arguments, pictures", [
    ("conv1", {"output": (0, 5, 7, 3)}, 4),  # the image with its window, x, w, products
    ("conv1", {"grad": "w", "at": (2, 2, 0, 3)}, 3),
    ("pool1", {"grad": "x", "at": (0, 2, 2, 0)}, 3),
    ("norm1", {"grad": "x", "at": (0, 2, 2, 0)}, 0),
    ("fc3", {"output": (1, 2)}, 0),
    ("loss", {"grad": "x", "at": (0, 2)}, 0),
])
def test_an_explanation_shows_itself(trace, name, arguments, pictures):
    explanation = trace[name].explain(**arguments)
    page = Checked(explanation._repr_html_())
    assert len(page.images) == pictures
    text = " ".join(page.texts)
    assert explanation.what in text and explanation.sentence in text and explanation.equality() in text


def test_a_whole_small_alexnets_trace_is_small():
    images = np.random.default_rng(0).standard_normal((4, 32, 32, 3)).astype(np.float32)  # noise packs worst
    assert len(tn.trace(tn.alexnet_small(), images, np.arange(4))._repr_html_()) < 600_000


def test_colours_are_blue_below_zero_white_at_zero_orange_above():
    image = opened(picture(np.array([[-1.0, 0.0, 1.0, 1.0]]))).convert("RGB")
    middles = [int(image.width * (i + 0.5) / 4) for i in range(4)]
    assert [image.getpixel((x, 0)) for x in middles[:3]] == [BELOW, ZERO, ABOVE]


@pytest.mark.parametrize("shape", [(1,), (4096,), (7, 300), (227, 227, 96), (1, 1, 3), (5, 40, 2)])
def test_pictures_of_any_shape_are_small(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    if x.size:
        x.reshape(-1)[0] = np.nan
    image = opened(picture(x))
    assert image.width <= 5 * 50 and image.height <= 144


def test_zeros_nan_and_infinity_can_be_shown():
    assert colours(opened(picture(np.zeros((2, 2, 1))))) == {ZERO}
    assert colours(opened(picture(np.array([[np.inf, 1.0, np.nan, -np.inf]])))) == {ABOVE, ZERO, BELOW}


def test_a_window_is_framed_on_the_photograph():
    grey = np.full((16, 16, 3), 0.5)
    grey[0, 0] = 0, 0, 0
    grey[0, 1] = 1, 1, 1
    plain, framed = opened(photograph(grey)), opened(photograph(grey, 4, 6, 5, 5))
    changed = np.argwhere((np.asarray(plain) != np.asarray(framed)).any(axis=2))
    scale = plain.width // 16
    assert changed.min(axis=0).tolist() == [4 * scale - 2, 6 * scale - 2]
    assert changed.max(axis=0).tolist() == [9 * scale + 1, 11 * scale + 1]
    assert framed.getpixel((8 * scale, 6 * scale)) == plain.getpixel((8 * scale, 6 * scale))


def test_a_network_that_takes_blue_first_shows_its_image_in_its_own_colours():
    net, (x, labels) = network(), batch(1)
    before = Checked(tn.trace(net, x[..., ::-1].copy(), labels)._repr_html_()).images[0]
    net.preprocessing = tn.data.Preprocessing(np.zeros(3), x.shape[1:3], channel_order="BGR")
    shown = Checked(tn.trace(net, x, labels)._repr_html_()).images[0]
    np.testing.assert_array_equal(np.asarray(shown.convert("RGB")), np.asarray(before.convert("RGB")))
