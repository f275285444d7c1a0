"""The page of a trace in a headless Chromium: unusual networks and numbers, focus, contrast, and other windows."""
import numpy as np
from support.page_browser import go_to, live, opened, station, traced
from support.small_network import batch, network

import tinynet as tn
from tinynet.tracing.page import Subject, write_page


def test_a_filter_is_a_whole_number(browser, small):
    with opened(browser, small[0]) as tab:
        go_to(tab, "backward", "conv2", "w")
        tab.locator("#filter").fill("1.5")
        tab.locator("#filter").press("Tab")
        assert tab.evaluate("view.filter") == 1 and tab.locator("#filter").input_value() == "1"


def test_a_held_weight_stays_in_sight(browser, small):
    with opened(browser, small[0]) as tab:
        go_to(tab, "backward", "conv2", "w")
        tab.evaluate("view.filter = 2; showStation(); choose([1, 0, 3, 2], true)")
        tab.locator("#choices [data-which=w]").click()
        assert tab.evaluate("[view.filter, unit]") == [2, [1, 0, 3, 2]]


def test_rows_that_a_layer_without_weights_takes(browser, folder):
    net = tn.Network([("relu", tn.ReLU()), ("fc", tn.Linear(5, 3))], input_shape=(5,))
    x = np.random.default_rng(0).standard_normal((1, 5)).astype(np.float32)
    write_page(tn.trace(net, x, np.array([1])), folder / "row.html", Subject("numbers", 1, "given"))
    with opened(browser, folder / "row.html") as tab:
        go_to(tab, "forward", "relu")
        tab.evaluate("choose([0, 3], true)")
        assert live(tab).startswith("relu, unit 3") and "x[0, 3]" in tab.locator("#explanation").inner_text()


def test_batch_normalization_has_three_paths_back_in_training_alone(browser, folder):
    net = tn.Network([("conv", tn.Conv2d(3, 4, 3)), ("norm", tn.BatchNorm2d(4)), ("flatten", tn.Flatten()),
                      ("fc", tn.Linear(2916, 5))], input_shape=(29, 29, 3))
    for train, words in ((True, "Three paths lead back"), (False, "one path leads back")):
        trace, label = traced(net, train)
        write_page(trace, folder / "norm.html", Subject("noise", label, "given"))
        with opened(browser, folder / "norm.html") as tab:
            go_to(tab, "backward", "conv")
            assert words in tab.locator("#does").inner_text()


def test_a_network_that_gives_nan_guesses_nothing(browser, folder):
    net, (x, labels) = network(), batch(1)
    net["fc4"].params["b"][1] = np.nan
    write_page(tn.trace(net, x, labels), folder / "nan.html", Subject("noise", 0, "given"))
    with opened(browser, folder / "nan.html") as tab:
        assert "the network's guess: none, its scores are not numbers; loss nan" in tab.locator("#about").inner_text()
        go_to(tab, "backward", "fc4")
        tab.evaluate("choose([0, 1], true)")
        assert tab.locator("#meaning").inner_text() == ""


def test_numbers_that_are_nan_are_explained_with_what_there_is(browser, folder):
    """Not with the explanation of the number before."""
    net, (x, labels) = network(), batch(1)
    net["fc4"].params["b"][1] = np.nan
    write_page(tn.trace(net, x, labels), folder / "nan2.html", Subject("noise", 0, "given"))
    with opened(browser, folder / "nan2.html") as tab:
        go_to(tab, "backward", "picture")
        tab.evaluate("choose([0, 1, 1, 0], true)")
        assert "nan" in tab.locator("#live").inner_text()
        assert 'grad="x", at=(0, 1, 1, 0)' in tab.locator("#unit").inner_text()


def test_a_fire_modules_1_x_1_side_is_followed_through_layers_that_keep_channels(browser, folder):
    net = tn.Network([("fire", tn.Fire(3, 2, 4, 3)), ("pool", tn.MaxPool2d(2, 2)), ("relu", tn.ReLU()),
                      ("conv", tn.Conv2d(7, 2, 1)), ("flatten", tn.Flatten()), ("fc", tn.Linear(392, 5))],
                     input_shape=(29, 29, 3))
    trace, label = traced(net, train=False)
    write_page(trace, folder / "sides.html", Subject("noise", label, "given"))
    with opened(browser, folder / "sides.html") as tab:
        for index, channel, grown in ((2, 3, 0), (2, 4, 1), (3, 3, 0), (3, 6, 1), (4, 0, 1)):
            box = tab.evaluate("([index, c]) => seenOnPicture(index, [0, 5, 6, c])", [index, channel])
            assert box == {"top": 10 - grown, "left": 12 - grown, "bottom": 11 + grown, "right": 13 + grown}


def contrast(one, other):
    """The contrast of two colours, WCAG 2."""
    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_numbers_in_coloured_cells_can_be_read(browser, small):
    with opened(browser, small[0]) as tab:
        for dark in (False, True):
            tab.evaluate("setTheme", dark)
            cells = tab.evaluate("""() => Array.from({ length: 401 }, (_, i) => coloursTo(1)((i - 200) / 200))
                .map((colour) => [colour, inkOn(colour)])""")
            assert min(contrast(colour, {"#000": [0] * 3, "#fff": [255] * 3}[ink]) for colour, ink in cells) > 4.5


def test_a_canvas_is_no_larger_than_browsers_draw(browser, small):
    with opened(browser, small[0], device_scale_factor=3) as tab:
        for width, height in ((300, 200), (280, 7967), (370, 44_400)):
            dots = tab.evaluate("""([width, height]) => {
                const canvas = document.createElement("canvas");
                sizedCanvas(canvas, width, height);
                return [canvas.width, canvas.height];
            }""", [width, height])
            assert dots[0] * dots[1] <= 2**24 and max(dots) < 2**15
            assert dots == [3 * width, 3 * height] or height > 300


def test_the_focus_is_not_lost(browser, small):
    focused = """() => {
        const { id, dataset } = document.activeElement;
        return id || dataset.which || dataset.station;
    }"""
    with opened(browser, small[0]) as tab:
        go_to(tab, "forward", "conv1")
        tab.evaluate("choose([0, 1, 1, 1], true)")
        tab.locator("#release").press("Enter")
        assert tab.evaluate(focused) == "maps"
        go_to(tab, "backward", "conv2", "w")
        tab.locator("#choices [data-which=w]").press("ArrowLeft")
        assert tab.evaluate(focused) == ("x" if tab.locator("#choices button").count() else "next")
        tab.locator("#strip button").nth(1).focus()
        tab.evaluate("goTo(view.direction === 'forward' ? 'backward' : 'forward', 1)")
        assert tab.evaluate(focused) == "1"


def test_arrow_keys_scroll_a_table_of_terms_and_shift_selects(browser, small):
    with opened(browser, small[0]) as tab:
        go_to(tab, "forward", "conv2")
        tab.evaluate("choose([0, 1, 1, 1], true)")
        before = station(tab)
        tab.locator("#explanation summary").first.click()
        tab.evaluate("document.querySelector('.scroll').tabIndex = 0; document.querySelector('.scroll').focus()")
        tab.keyboard.press("ArrowRight")
        tab.locator("h1").click()
        tab.keyboard.press("Shift+ArrowRight")
        assert station(tab) == before
        tab.keyboard.press("ArrowRight")
        assert station(tab) != before


def test_terms_stay_open_when_only_the_height_of_the_window_changes(browser, small):
    with opened(browser, small[0]) as tab:
        go_to(tab, "forward", "conv2")
        tab.evaluate("choose([0, 1, 1, 1], true)")
        tab.locator("#explanation summary").first.click()
        size = tab.viewport_size
        tab.set_viewport_size({"width": size["width"], "height": size["height"] - 60})
        tab.wait_for_timeout(100)
        assert tab.locator("#explanation details").first.get_attribute("open") is not None
        tab.set_viewport_size({"width": size["width"] - 60, "height": size["height"]})
        tab.locator("#explanation details:not([open])").first.wait_for()
