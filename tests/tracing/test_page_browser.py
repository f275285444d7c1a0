"""The page of a trace in a headless Chromium: what it says, and that it can be used by pointer, keys and on a phone."""
import re
import time

import numpy as np
import pytest
from support.page_browser import go_to, live, opened, point_of, station, traced
from support.small_network import batch, network

import tinynet as tn
from tinynet.layers.loss_layer import SoftmaxCrossEntropy
from tinynet.network.params import flat
from tinynet.tracing import page
from tinynet.tracing.explain import EXPLAINERS
from tinynet.tracing.page import Subject, write_page

UNITS = 4  # drawn in each array


def other_network():
    """The layers that AlexNet doesn't have."""
    return tn.Network(
        [
            ("conv1", tn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0), seed=1)), ("norm1", tn.BatchNorm2d(4)),
            ("tanh1", tn.Tanh()), ("pool1", tn.AvgPool2d(3, 2, padding=1, ceil_mode=True)),
            ("norm2", tn.SpatialResponseNorm(alpha=0.1)), ("fire", tn.Fire(4, 3, 2, 2, seed=1)),
            ("local", tn.LocallyConnected2d(4, 3, 3, (8, 8), padding=1)),
            ("sigmoid", tn.Sigmoid()), ("pool2", tn.MaxPool2d(3, 2, padding=1)), ("flatten", tn.Flatten()),
            ("fc", tn.Linear(48, 6)), ("norm3", tn.BatchNorm1d(6)), ("softmax", tn.Softmax()),
        ],
        name="other", input_shape=(29, 16, 3),
    )


def drawn(shape, generator):
    """Drawn indices into an array."""
    return [[int(generator.integers(length)) for length in shape] for _ in range(UNITS if shape else 1)]


def questions(trace):
    """Drawn numbers: (direction, station, which array, index, Python's explanation)."""
    generator = np.random.default_rng(5)
    for station_before, step in enumerate(trace.steps):
        for at in drawn(step.output.shape, generator):
            yield "forward", station_before + 1, "x", at, step.explain(output=tuple(at))
        for at in drawn(step.input.shape, generator):
            yield "backward", station_before, "x", at, step.explain(grad="x", at=tuple(at))
        for path, array in flat(step.gradients).items():
            for at in drawn(array.shape, generator):
                name = ".".join(path)
                yield "backward", station_before + 1, name, at, step.explain(grad=name, at=tuple(at))


ANSWERS = """(questions) => {
    const said = (e) => ({
        value: e.value, total: e.total, agrees: e.agrees, values: e.parts.map((one) => one.values),
        words: [e.what, e.formula, e.reason, ...e.parts.flatMap((one) => [one.name, ...one.values.map(
            (_, t) => [...one.factors.map((each) => factorText(each, t)), noteOf(one, t)].join(" "))])],
        verdict: e.value === null ? "" : equality(e), inner: e.inner.map(said),
    });
    return questions.map(
        ([direction, station, which, at]) => said(explainUnit({ direction, station, which, filter: 0 }, at)));
}"""


def words_of(explanation):
    """What Python says of a number: its name, formula and reason, and each part's name, factors and notes."""
    yield from (explanation.what, explanation.formula, explanation.reason)
    for part in explanation.parts:
        yield part.name
        for term in map(part.term, range(len(part.values))):
            yield " ".join([*(name for name, _ in term.factors), term.note])


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]\d+)?")


def check_texts(said, expected, tolerance=1e-5):
    """Compare texts: the same words, and numbers that are the same but for their last digit."""
    said = said.replace("\N{MINUS SIGN}", "-")
    assert NUMBER.sub("0", said) == NUMBER.sub("0", expected)
    np.testing.assert_allclose(*([float(x) for x in NUMBER.findall(text)] for text in (said, expected)), tolerance)


def check_the_same(said, expected):
    """Compare the page's explanation of a number with Python's, words and numbers, and those of its factors."""
    what = str(expected)
    for text, ours in zip(said["words"], words_of(expected), strict=True):
        check_texts(text, ours)
    assert said["agrees"] and np.isclose(said["total"], expected.total, rtol=1e-6, atol=1e-12), what
    for values, part in zip(said["values"], expected.parts, strict=True):
        assert np.allclose(values, part.values, rtol=1e-6, atol=1e-9), what
    if said["value"] is not None:
        assert np.isclose(said["value"], expected.value, rtol=1e-7) and expected.agrees, what
        check_texts(said["verdict"].partition(" (")[0], expected.equality().partition(" (")[0])
    for inner, ours in zip(said["inner"], expected.inner, strict=True):
        check_the_same(inner, ours)


def test_the_two_networks_have_every_kind_of_layer():
    kinds = {type(layer) for net in (network(), other_network()) for layer in net.layers.values()}
    assert kinds | {SoftmaxCrossEntropy} == set(EXPLAINERS)


@pytest.mark.parametrize("kind", ["the paper's", "other layers", "other layers, evaluated"])
def test_it_explains_each_number_as_python_does(browser, folder, small, kind):
    file, trace = small
    if kind != "the paper's":
        file = folder / "other.html"
        trace, label = traced(other_network(), train="evaluated" not in kind, size=(29, 16))
        write_page(trace, file, Subject("noise", label, "given"))
    asked = list(questions(trace))
    assert len(asked) > 100
    with opened(browser, file) as tab:
        answers = tab.evaluate(ANSWERS, [question[:4] for question in asked])
    for (*_, expected), said in zip(asked, answers, strict=True):
        assert said["value"] == expected.value
        check_the_same(said, expected)


BITS = """(number) => {
    const { shape, numbers } = arrayOf(number);
    return [shape, Array.from(numbers instanceof Uint8Array ? numbers : new Uint32Array(numbers.slice().buffer))];
}"""


def test_it_unpacks_every_array_bit_for_bit(browser, folder):
    generator = np.random.default_rng(11)
    patterns = generator.integers(0, 2**32, 3001, dtype=np.uint32).view(np.float32)  # also subnormal numbers
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    package = page.Package(reduced=True)
    package.add(patterns[~np.isnan(patterns)])                                       # a nan may get other bits
    package.add(halves[np.abs(halves) < 2**15].astype(np.float32), rounded=True)     # at a scale of 1: all are kept
    package.add(generator.integers(0, 256, (5, 3, 2), np.uint8))
    package.add(np.array([0.0, -0.0, np.inf, -np.inf, 1e-45], np.float32))
    package.add(np.zeros((0, 3), np.float32))
    package.add(np.zeros((40, 50), np.float32))
    trace, label = traced(network(), train=True)
    content = page.packed(trace, Subject("noise", label, "given"), package)
    file = folder / "bits.html"
    file.write_text(page.assembled({**content, "arrays": package.compressed()}))
    with opened(browser, file) as tab:
        for number, (x, scale) in enumerate(package.arrays):
            shape, bits = tab.evaluate(BITS, number)
            kept = x if x.dtype == np.uint8 else (x.astype(np.float32) * np.float32(scale)).view(np.uint32)
            assert (shape, bits) == (list(x.shape), kept.ravel().tolist())
    assert {str(x.dtype) for x, _ in package.arrays} == {"float32", "float16", "uint8"}


def test_it_decodes_what_is_looked_at(browser, small):
    file, _ = small
    decoded = "(name) => Boolean(ARRAYS[CONTENT.stations.find((station) => station.name === name).params.w])"
    with opened(browser, file) as tab:
        assert not any(tab.evaluate(decoded, name) for name in ("conv1", "conv2", "fc3"))
        go_to(tab, "forward", "relu2")
        tab.mouse.click(*point_of(tab, (0, 2, 3, 1)))
        assert live(tab).startswith("relu2, row 2")
        go_to(tab, "forward", "conv2")
        assert "The window of 3" in tab.locator("#explanation").inner_text()
        assert [tab.evaluate(decoded, name) for name in ("conv1", "conv2", "fc3")] == [False, True, False]


def test_a_browser_without_decompression_is_told_so(browser, small):
    context = browser.new_context()
    tab = context.new_page()
    tab.add_init_script("delete window.DecompressionStream;")
    tab.goto(small[0].as_uri())
    assert "needs a newer browser" in tab.get_by_role("alert").inner_text()  # the body is not inert
    context.close()


def test_what_goes_wrong_at_the_start_is_said(browser, small):
    context = browser.new_context()
    tab = context.new_page()
    tab.add_init_script("window.DecompressionStream = class { constructor() { throw new Error('no memory'); } };")
    tab.goto(small[0].as_uri())
    assert "cannot be shown (no memory)" in tab.get_by_role("alert").inner_text()
    context.close()


def test_without_scripts_the_page_says_what_it_needs(browser, small):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(small[0].as_uri())
    assert "needs a browser that runs JavaScript" in tab.locator("body:not([inert])").inner_text()
    context.close()


@pytest.mark.parametrize("net", [network(), other_network()], ids=["the paper's", "other layers"])
def test_each_number_is_found_where_it_is_drawn(browser, folder, net):
    trace, label = traced(net, train=True, size=net.input_shape[:2])
    write_page(trace, folder / "where.html", Subject("noise", label, "given"))
    asked = [question[:4] for question in questions(trace)]
    with opened(browser, folder / "where.html") as tab:
        found = tab.evaluate("""(questions) => questions.map(([direction, station, which, at]) => {
            const view = { direction, station, which, filter: which === "x" ? 0 : at[at.length - 1] ?? 0 };
            const { map, row, column } = positionOf(view, at);
            const one = mapsOf(view)[map];
            const number = numbersOf(one, shownArray(view))[row * one.columns + column];
            return [indexAt(view, one, row, column), number === valueAt(shownArray(view), at)];
        })""", asked)
    assert found == [[at, True] for *_, at in asked]


def test_the_classes_have_their_names_scores_and_probabilities(browser, folder):
    trace, _ = traced(network(), train=False)
    scores = trace["fc4"].output[0].astype(np.float64)
    shares = np.exp(scores) / np.exp(scores).sum()
    names = ["n03888257 parachute", "n02979186 cassette player", "n02102040 English springer", "a", "b"]
    label = int(trace.steps[-1].layer.labels[0])
    write_page(trace, folder / "names.html", Subject("noise", label, "given", names))
    ranking = [f"{c} ({names[c]})" + (", the label" if c == label else "") for c in np.argsort(-shares)]
    with opened(browser, folder / "names.html", width=320, height=800) as tab:
        for direction, name, second in (
            ("forward", "fc4", "score"), ("forward", "loss", "score"), ("backward", "fc4", "probability"),
        ):
            go_to(tab, direction, name)
            table = tab.locator("#scores table")
            assert table.locator("td:first-child").all_inner_texts() == ranking
            assert table.locator("th").all_inner_texts()[:2] == ["class", second]
            percents = table.locator(f"td:nth-child({2 if second == 'probability' else 3})").all_inner_texts()
            assert [text.strip() for text in percents] == [f"{100 * p:.1f}%" for p in sorted(shares, reverse=True)]
            assert tab.evaluate("document.documentElement.scrollWidth") == 320
        for direction, name, which in (("forward", "relu3", "x"), ("backward", "fc4", "w"), ("backward", "loss", "x")):
            go_to(tab, direction, name, which)
            assert tab.locator("#scores table").count() == 0


def test_a_table_of_many_classes_has_the_label_and_the_most_probable(browser, folder):
    net = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(48, 30, seed=2))], name="wide")
    x = np.random.default_rng(3).standard_normal((1, 4, 4, 3), dtype=np.float32)
    label = int(net.forward(x)[0][0].argmin())
    write_page(tn.trace(net, x, np.array([label])), folder / "wide.html", Subject("noise", label, "given"))
    with opened(browser, folder / "wide.html") as tab:
        go_to(tab, "forward", "fc")
        classes = tab.locator("#scores td:first-child").all_inner_texts()
        assert len(classes) == 11 and classes[-1] == f"class {label}, the label"
        assert tab.locator("#scores caption").inner_text() == "11 of 30 classes, the most probable first"


def test_on_a_phone_what_belongs_together_stands_in_one_row(browser, small):
    file, trace = small
    with opened(browser, file, width=390, height=844, has_touch=True) as tab:
        go_to(tab, "forward", "picture")
        assert len(set(tab.evaluate("layout.maps.map((_, m) => layout.corner(m)[1])"))) == 1  # red, green, blue
        go_to(tab, "forward", "conv2")
        tab.locator("#maps").press("ArrowDown")
        for figures in ("#where canvas", "#explanation .slice:first-of-type .tile"):
            tops = [box.bounding_box()["y"] for box in tab.locator(figures).all()[:3]]
            assert len(tops) == 3 and max(tops) - min(tops) < 3, figures


def test_a_map_that_is_chosen_by_keys_scrolls_into_sight(browser, folder):
    net = tn.Network([("conv", tn.Conv2d(3, 90, 3, seed=1)), ("flatten", tn.Flatten()), ("fc", tn.Linear(3240, 2))])
    x = np.random.default_rng(3).standard_normal((1, 8, 8, 3), dtype=np.float32)
    write_page(tn.trace(net, x, np.array([0])), folder / "many.html", Subject("noise", 0, "given"))
    inside = """() => {
        const frame = document.getElementById("maps-frame"), [, top] = layout.corner(positionOf(view, unit).map);
        return frame.scrollTop <= top && top + layout.mapHeight <= frame.scrollTop + frame.clientHeight;
    }"""
    with opened(browser, folder / "many.html", width=390, height=844) as tab:
        tab.locator("#maps").press("ArrowDown")
        assert tab.evaluate(inside)
        tab.locator("#maps").press("PageUp")  # to the last
        assert "channel 89" in live(tab) and tab.evaluate(inside)
        assert tab.evaluate("document.getElementById('maps-frame').scrollTop") > 500
        tab.locator("#maps").press("PageDown")
        assert "channel 0" in live(tab) and tab.evaluate(inside)


@pytest.mark.parametrize("order, colours", [("RGB", ["red", "green", "blue"]), ("BGR", ["blue", "green", "red"])])
def test_the_colours_of_the_picture_have_their_names(browser, folder, order, colours):
    net, (x, labels) = network(), batch(1)
    x[0] = np.array([-1, 0, 1], x.dtype)  # the last channel is at its largest everywhere
    net.preprocessing = tn.data.Preprocessing(np.zeros(3), x.shape[1:3], channel_order=order)
    trace = tn.trace(net, x, labels)
    write_page(trace, folder / "order.html", Subject("noise", 0, "given"))
    pixels = np.zeros(x.shape[1:], np.uint8) + np.array([10, 20, 30], np.uint8)  # red, green and blue
    write_page(trace, folder / "pixels.html", Subject("noise", 0, "given", pixels=pixels))
    with opened(browser, folder / "pixels.html") as tab:
        for c, colour in enumerate(colours):
            said = tab.evaluate("(c) => pictureStatement([0, 2, 3, c]).reason", c)
            assert f"{dict(red=10, green=20, blue=30)[colour]} of 255 at row 2, column 3, {colour}" in said
    with opened(browser, folder / "order.html") as tab:
        assert tab.evaluate("[0, 1, 2].map((c) => channelName(0, c))") == colours
        drawn = tab.evaluate("""() => {
            const pen = document.createElement("canvas").getContext("2d");
            drawPicture(pen, 10, 10);
            return [...pen.getImageData(5, 5, 1, 1).data];
        }""")
    assert drawn[:3] == ([0, 128, 255] if order == "RGB" else [255, 128, 0])


def test_numbers_are_written_as_python_does(browser, small):
    generator = np.random.default_rng(7)
    drawn = generator.standard_normal(200) * 10.0 ** np.arange(-100, 100)
    numbers = [0.0, -0.0, 1.0, 1e5, 1234567.0, 1e-4, *drawn]
    with opened(browser, small[0]) as tab:
        for form in (".4g", ".6g", ".8g", ".1e"):
            said = tab.evaluate("([numbers, form]) => numbers.map((x) => formatted(x, form))", [numbers, form])
            assert said == [format(x + 0.0, form) for x in numbers]
        said = tab.evaluate("[NaN, Infinity, -Infinity].map((x) => formatted(x, '.4g'))")
        assert said == [format(x, ".4g") for x in (np.nan, np.inf, -np.inf)]


@pytest.mark.parametrize("curve", [tn.Tanh(), tn.Sigmoid()])
def test_a_slope_next_to_zero_and_a_loss_next_to_zero_are_equal_to_rounding(browser, folder, curve):
    x = np.linspace(2, 9, 400, dtype=np.float32).reshape(1, 20, 20, 1)
    net = tn.Network([("curve", curve), ("flatten", tn.Flatten()), ("fc", tn.Linear(400, 2))], name="flat")
    net["fc"].params["b"][:] = (12, 0)
    trace = tn.trace(net, x, np.array([0]))
    assert 0 < trace.loss < 1e-4
    write_page(trace, folder / "flat.html", Subject("ramp", 0, "given"))
    asked = [["backward", 0, "x", [0, i // 20, i % 20, 0]] for i in range(400)]
    with opened(browser, folder / "flat.html") as tab:
        answers = tab.evaluate(ANSWERS, [*asked, ["forward", 4, "x", []]])
    assert all(said["agrees"] for said in answers)


def test_it_explains_rows_of_numbers_as_python_does(browser, folder):
    x = np.random.default_rng(0).standard_normal((1, 5), dtype=np.float32)
    net = tn.Network([
        ("fc1", tn.Linear(5, 12, seed=1)), ("norm1", tn.LocalResponseNorm(alpha=0.5, groups=2)),
        ("sigmoid1", tn.Sigmoid()), ("flatten", tn.Flatten()), ("fc2", tn.Linear(12, 4, seed=2)),
    ], name="rows", input_shape=(5,))
    net["fc1"].params["b"][:] = -6
    trace = tn.trace(net, x, np.array([2]))
    write_page(trace, folder / "rows.html", Subject("five numbers", 2, "given"))
    asked = list(questions(trace))
    with opened(browser, folder / "rows.html") as tab:
        answers = tab.evaluate(ANSWERS, [question[:4] for question in asked])
        picture = tab.evaluate("explainUnit({ direction: 'forward', station: 0, which: 'x' }, [0, 3]).reason")
        go_to(tab, "forward", "norm1")
        tab.locator("#maps").press("ArrowDown")
        assert "undefined" not in tab.locator("body").inner_text()
    assert picture == "A number of the image: number 3."
    for (*_, expected), said in zip(asked, answers, strict=True):
        check_the_same(said, expected)


def test_weights_that_no_place_shares_are_labelled_by_their_input(browser, folder):
    trace, label = traced(other_network(), train=False, size=(29, 16))
    write_page(trace, folder / "local.html", Subject("noise", label, "given"))
    number = next(i for i, step in enumerate(trace.steps, 1) if step.name == "local")
    labels = "(station) => mapsOf({ direction: 'backward', station, which: 'w', filter: 0 }).map((map) => map.label)"
    with opened(browser, folder / "local.html") as tab:
        assert tab.evaluate(labels, number)[-1] == "input 35 of its window"
        assert tab.evaluate(labels, 1) == ["channel 0", "channel 1", "channel 2"]


def test_a_reduced_page_agrees_with_itself(browser, folder, monkeypatch):
    monkeypatch.setattr(page, "FULL_PRECISION", 0)
    monkeypatch.setattr(page, "LARGEST_PARAMETER", 5_000)
    trace, label = traced(network(), train=True)
    note = write_page(trace, folder / "reduced.html", Subject("noise", label, "given"))
    asked = [question[:4] for question in questions(trace)]
    with opened(browser, folder / "reduced.html") as tab:
        assert all(said["agrees"] for said in tab.evaluate(ANSWERS, asked))
        assert tab.locator("#note").inner_text() == note
        go_to(tab, "forward", "fc3")
        tab.locator("#maps").press("ArrowDown")
        assert "without fc3.w" in tab.locator("#explanation").inner_text()
        go_to(tab, "backward", "fc3", "w")
        assert "This array was left out" in tab.locator("#legend").inner_text()


def test_a_reduced_page_without_a_fire_modules_weights(browser, folder, monkeypatch):
    monkeypatch.setattr(page, "FULL_PRECISION", 0)
    trace, label = traced(other_network(), train=True, size=(29, 16))
    for largest, left in ((1_000_000, ""), (50, "fire.expand3_w")):
        monkeypatch.setattr(page, "LARGEST_PARAMETER", largest)
        note = write_page(trace, folder / "reduced-fire.html", Subject("noise", label, "given"))
        assert left in note
        number = next(i for i, step in enumerate(trace.steps, 1) if step.name == "fire")
        asked = [each[:4] for each in questions(trace) if each[:2] == ("backward", number) and each[2] != "x"]
        asked += [each[:4] for each in questions(trace) if each[:2] in (("forward", number), ("backward", number - 1))]
        with opened(browser, folder / "reduced-fire.html") as tab:
            answers = tab.evaluate(ANSWERS, asked)
            assert all(said["agrees"] for said in answers)
            told = [any("This file is without fire.expand3_w" in words for words in said["words"]) for said in answers]
            assert any(told) == bool(left) and not all(told)


def test_keys_and_buttons_step_through_all_layers_and_back(browser, small):
    file, trace = small
    names = ["picture", *(step.name for step in trace.steps)]
    walk = [(name, "forward") for name in names] + [(name, "backward") for name in reversed(names)]
    with opened(browser, file) as tab:
        assert station(tab) == ("conv1", "forward")
        tab.keyboard.press("ArrowLeft")
        seen = [station(tab)]
        for _ in walk:  # once more than there are steps
            tab.keyboard.press("ArrowRight")
            seen.append(station(tab))
        assert seen == [*walk, walk[-1]]
        for expected in reversed(walk[:-1]):
            tab.locator("#back").click()
            assert station(tab) == expected
        tab.locator("#next").click()
        assert station(tab) == walk[1] and "step 2 of" in tab.locator("#position").inner_text()
        tab.locator("#strip button", has_text="pool1").click()
        assert station(tab) == ("pool1", "forward")


def test_pointing_shows_a_unit_and_a_click_holds_it(browser, small):
    file, trace = small
    with opened(browser, file) as tab:
        assert live(tab) == "" and tab.locator("#empty").is_visible()
        tab.mouse.move(*point_of(tab, (0, 5, 7, 3)))
        value = trace["conv1"].explain(output=(0, 5, 7, 3)).value
        shown = tab.evaluate("(value) => brief(value)", value)
        assert live(tab) == f"conv1, row 5, column 7, channel 3: {shown}"
        said = tab.locator("#explanation").inner_text()
        assert "The window of 5 × 5 positions and 3 channels, its corner at row 10, column 14 of image 0" in said
        assert "✓ The sum of 76 terms is" in said and "equal to rounding" in said
        assert tab.locator("#explanation .slice").count() == 3 and tab.locator("#explanation .tile td").count() == 225
        assert tab.locator("#python-line").inner_text() == 'trace["conv1"].explain(output=(0, 5, 7, 3))'
        tab.mouse.move(3, 3)
        assert tab.locator("#empty").is_visible()
        tab.mouse.click(*point_of(tab, (0, 1, 2, 3)))
        tab.mouse.move(*point_of(tab, (0, 5, 7, 3)))
        assert "row 1, column 2, channel 3" in live(tab)
        box = tab.locator("#where canvas").last.bounding_box()  # the map enlarged
        tab.mouse.click(box["x"] + box["width"] - 3, box["y"] + 3)
        assert "row 0, column 12, channel 3" in live(tab)
        tab.keyboard.press("Escape")
        assert live(tab) == ""


def test_the_gradient_is_seen_at_the_same_index(browser, small):
    file, trace = small
    with opened(browser, file) as tab:
        go_to(tab, "forward", "relu1")
        tab.mouse.click(*point_of(tab, (0, 5, 7, 3)))
        tab.locator("#backward").click()
        assert station(tab) == ("relu1", "backward")
        shown = tab.evaluate("(value) => brief(value)", float(trace["relu1"].upstream[0, 5, 7, 3]))
        assert live(tab) == f"gradient of relu1, row 5, column 7, channel 3: {shown}"
        assert "Two paths lead from the input to the loss" in tab.locator("#explanation").inner_text()
        assert tab.locator("#station").inner_text() == "Gradient at relu1's output, backward through norm1"
        assert tab.locator("#python-line").inner_text() == 'trace["norm1"].explain(grad="x", at=(0, 5, 7, 3))'


def test_the_gradient_of_a_weight(browser, small):
    file, trace = small
    with opened(browser, file) as tab:
        go_to(tab, "backward", "conv2")
        tab.locator("#choices button", has_text="weights").click()
        tab.locator("#filter").fill("7")
        tab.keyboard.press("Tab")
        tab.mouse.click(*point_of(tab, (2, 0, 1, 7)))
        shown = tab.evaluate("(value) => brief(value)", float(trace["conv2"].gradients["w"][2, 0, 1, 7]))
        assert live(tab) == f"gradient of conv2.w[2, 0, 1, 7]: {shown}"
        assert "✓ The sum of 36 terms is" in tab.locator("#explanation").inner_text()


def test_a_fire_modules_parameters_and_its_part_of_the_picture(browser, folder):
    trace, label = traced(other_network(), train=False, size=(29, 16))
    write_page(trace, folder / "fire.html", Subject("noise", label, "given"))
    number = next(i for i, step in enumerate(trace.steps, 1) if step.name == "fire")
    with opened(browser, folder / "fire.html") as tab:
        go_to(tab, "backward", "fire")
        choices = tab.locator("#choices button").all_inner_texts()
        assert choices[1:] == [f"of the {kind} {name}_{kind[0]}" for name in ("squeeze", "expand1", "expand3")
                               for kind in ("weights", "biases")]
        tab.locator("#choices button", has_text="expand3_w").click()
        assert tab.locator("#station").inner_text() == "Gradient of fire's weights expand3_w"
        assert tab.locator("#filter").get_attribute("max") == "1"
        tab.mouse.click(*point_of(tab, (2, 0, 1, 0)))
        assert live(tab).startswith("gradient of fire.expand3_w[2, 0, 1, 0]:")
        alone, around = ([box["bottom"] - box["top"], box["right"] - box["left"]] for box in (
            tab.evaluate("([station, at]) => seenOnPicture(station, at)", [number, at])
            for at in ([0, 4, 4, 0], [0, 4, 4, 3])))
        assert alone[0] < around[0] and alone[1] < around[1]  # a filter of 1 x 1, and one of 3 x 3


class Dense(tn.Layer):
    """A layer of one's own, whose parameters have names of its own."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.params |= {"weight": np.full((inputs, outputs), 0.1, np.float32), "b": np.zeros(outputs, np.float32)}

    def output_shape(self, shape):
        return (self.outputs,)

    def forward(self, x, train=False):
        return x @ self.params["weight"] + self.params["b"], x

    def backward(self, dy, saved, input_gradient=True):
        return dy @ self.params["weight"].T, {"weight": saved.T @ dy, "b": dy.sum(axis=0)}


class Leaky(tn.Layer):
    """A layer of one's own that the page does not know."""

    def forward(self, x, train=False):
        return np.maximum(x, x / 10), x

    def input_gradient(self, dy, saved):
        return np.where(saved > 0, dy, dy / 10)


def test_a_layer_of_ones_own_has_parameters_by_their_names_and_a_field_that_is_not_known(browser, folder):
    net = tn.Network([("conv1", tn.Conv2d(3, 4, 3, seed=1)), ("leaky", Leaky()), ("flatten", tn.Flatten()),
                      ("dense", Dense(36, 5))], input_shape=(5, 5, 3))
    trace, label = traced(net, train=False, size=(5, 5))
    write_page(trace, folder / "own.html", Subject("noise", label % 5, "given"))
    with opened(browser, folder / "own.html") as tab:
        go_to(tab, "backward", "dense")
        assert tab.locator("#choices button").all_inner_texts()[1:] == ["of the parameter weight", "of the biases b"]
        tab.locator("#choices button", has_text="weight").click()
        assert tab.locator("#station").inner_text() == "Gradient of dense's parameter weight"
        assert tab.locator("#filter").get_attribute("max") == "4"
        seen = [tab.evaluate("([station, at]) => String(seenOnPicture(station, at) && 1)", [station, [0, 1, 1, 0]])
                for station in (1, 2)]
        assert seen == ["1", "undefined"]
        go_to(tab, "forward", "leaky")
        tab.mouse.click(*point_of(tab, (0, 1, 1, 0)))
        assert "what it looks at on the picture is not known" in tab.locator("body").inner_text()


def test_it_can_be_used_by_keyboard_alone(browser, small):
    file, _ = small
    with opened(browser, file) as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        tab.keyboard.press("Enter")
        focused = "document.activeElement.id"
        for _ in range(40):
            if tab.evaluate(focused) == "maps":
                break
            tab.keyboard.press("Tab")
            outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline not in ("none", ""), tab.evaluate(focused)
        assert tab.evaluate(focused) == "maps"
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "PageDown"):
            tab.keyboard.press(key)
        assert live(tab).startswith("conv1, row 1, column 1, channel 1:")
        tab.keyboard.press("Escape")
        assert live(tab) == ""
        tab.locator("#backward").focus()
        tab.keyboard.press("Enter")
        assert station(tab) == ("conv1", "backward")


@pytest.mark.parametrize("width", [320, 390])
def test_a_phone_needs_no_sideways_scrolling(browser, folder, width):
    trace, label = traced(network(), train=True)
    write_page(trace, folder / "phone.html", Subject("PXL_20240713_123456789.PORTRAIT-01.ORIGINAL.jpg", label, "given"))
    with opened(browser, folder / "phone.html", width=width, height=800, has_touch=True) as tab:
        for _ in range(2 * len(trace.steps)):
            tab.locator("#maps").press("ArrowDown")
            assert live(tab)
            inner, outer = tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            assert inner <= outer == width, station(tab)
            tab.locator("#next").tap()
        assert station(tab) == ("picture", "backward")
        tab.touchscreen.tap(*point_of(tab, (0, 2, 3, 1)))
        assert live(tab).startswith("gradient of picture, row 2, column 3, green:")


def test_a_window_without_room_is_no_error(browser, small):
    with opened(browser, small[0]) as tab:
        for name in ("conv1", "fc3", "loss"):
            go_to(tab, "forward", name)
            tab.set_viewport_size({"width": 1, "height": 1})
            tab.set_viewport_size({"width": 1280, "height": 900})
            deadline = time.monotonic() + 30  # it hears of the size a little later
            while tab.evaluate("layout.mapWidth") <= 40 and time.monotonic() < deadline:
                tab.wait_for_timeout(20)
            assert tab.evaluate("layout.mapWidth") > 40


def test_light_and_dark(browser, small):
    file, _ = small
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, file, color_scheme="light") as tab:
        light, light_map = tab.evaluate(paper), tab.locator("#maps").screenshot()
        tab.locator("#theme").click()
        dark, dark_map = tab.evaluate(paper), tab.locator("#maps").screenshot()
        assert light == "rgb(255, 255, 255)" and dark != light and dark_map != light_map
        assert tab.locator("#theme").get_attribute("aria-pressed") == "true"
    with opened(browser, file, color_scheme="dark") as tab:
        assert (tab.evaluate(paper), tab.locator("#maps").screenshot()) == (dark, dark_map)
        tab.locator("#theme").click()
        assert tab.evaluate(paper) == light


def test_it_does_not_move_for_those_who_ask_for_that(browser, small):
    file, _ = small
    with opened(browser, file, width=390, reduced_motion="reduce") as tab:
        tab.locator("#backward").click()
        tab.evaluate("goTo('backward', lastStation())")
        assert tab.evaluate("document.getElementById('strip').scrollLeft") > 100  # there at once
