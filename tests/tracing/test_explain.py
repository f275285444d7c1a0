"""Explanations: the terms add up to the number in the array, for every layer and at every index."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case
from support.small_network import batch, network

import tinynet as tn
from tinynet.errors import ArgumentError, ShapeError
from tinynet.tracing.explain import EXPLAINERS


def drawn_index(draw, shape):
    """A drawn index in an array."""
    return tuple(draw(st.integers(0, length - 1)) for length in shape)


def explained(step, draw):
    """An explanation of a drawn output, and of a drawn entry of each gradient."""
    yield step.explain(output=drawn_index(draw, step.output.shape))
    for name, array in {"x": step.input_gradient, **step.gradients}.items():
        yield step.explain(grad=name, at=drawn_index(draw, array.shape))


def all_of(explanation):
    """The explanation and those inside it."""
    yield explanation
    for inner in explanation.inner:
        yield from all_of(inner)


def check(explanation, tolerance):
    for e in all_of(explanation):
        size = sum(abs(term.value) for term in e.terms)
        assert e.agrees and abs(e.difference) <= tolerance * max(size, 1e-3), str(e)
        assert sum(term.value for term in e.terms) == pytest.approx(e.total, rel=1e-9, abs=1e-12 * size)
        for term in e.terms:
            assert np.prod([value for _, value in term.factors]) == pytest.approx(term.value, rel=1e-12)
        assert "NOT EQUAL" not in str(e) and e.what in e._repr_html_()


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-10), ("float32", 2e-4)])
@given(data=st.data())
def test_terms_sum_to_the_number_for_every_layer(name, dtype, tolerance, data):
    layer, x = draw_case(data.draw, TABLE[name])
    layer, x = layer.astype(dtype), x.astype(dtype)
    train = data.draw(st.booleans())
    shape = (len(x), *layer.output_shape(x.shape[1:]))
    upstream = np.random.default_rng(3).standard_normal(shape).astype(dtype)
    step = tn.trace(layer, x, train=train, upstream=upstream)[name]
    for explanation in explained(step, data.draw):
        check(explanation, tolerance)


@pytest.mark.parametrize("layer", [tn.Tanh(), tn.Sigmoid()])
def test_a_slope_next_to_zero_is_equal_to_rounding_too(layer):
    # 1 - y * y loses most of its digits where y is next to 1.
    x = np.linspace(2, 8, 1000, dtype=np.float32)[None]
    step = tn.trace(layer, x, upstream=np.full_like(x, 0.7))[type(layer).__name__]
    assert all(step.explain(grad="x", at=(0, i)).agrees for i in range(1000))


def test_a_sigmoid_next_to_zero_is_equal_to_rounding_too():
    # (tanh(x / 2) + 1) / 2 loses most of its digits where the tanh is next to -1.
    x = np.linspace(-18, -2, 1000, dtype=np.float32)[None]
    step = tn.trace(tn.Sigmoid(), x, upstream=x)["Sigmoid"]
    assert all(step.explain(output=(0, i)).agrees for i in range(1000))


@pytest.mark.parametrize("spread", [1, 6, 20])
@pytest.mark.parametrize("classes", [2, 400])
def test_probabilities_of_scores_far_apart_are_equal_to_rounding_too(spread, classes):
    # exp(x - largest) is off by as many parts of itself as its exponent in its last digit.
    scores = spread * np.random.default_rng(classes).standard_normal((2, classes), dtype=np.float32)
    rows = tn.trace(tn.Softmax(), scores, upstream=scores)["Softmax"]
    loss = tn.trace(tn.Flatten(), scores, np.array([1, 0]))["loss"]
    for n in range(2):
        for c in range(classes):
            assert rows.explain(output=(n, c)).agrees
            gradient = loss.explain(grad="x", at=(n, c))
            assert gradient.agrees and gradient.inner[0].agrees


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_of_a_probability_next_to_one_is_equal_to_rounding_too(dtype):
    # dy[c] minus the sum of dy * y loses most of its digits where y[c] is next to 1.
    generator = np.random.default_rng(0)
    x, upstream = generator.standard_normal((200, 2)).astype(dtype), generator.standard_normal((200, 2)).astype(dtype)
    x[:, 0] += np.linspace(2, 12, 200, dtype=dtype)
    step = tn.trace(tn.Softmax(), x, upstream=upstream)["Softmax"]
    assert all(step.explain(grad="x", at=(i, c)).agrees for i in range(200) for c in range(2))


@pytest.mark.parametrize("lead", [4, 12, 30])
def test_a_loss_near_zero_is_equal_to_rounding_too(lead):
    scores = np.random.default_rng(lead).standard_normal((20, 10), dtype=np.float32)
    scores[:, 3] += lead
    for one in np.split(scores, 20):
        assert tn.trace(tn.Flatten(), one, np.array([3]))["loss"].explain(output=()).agrees


@given(data=st.data())
def test_terms_sum_to_the_number_in_drawn_networks(data):
    draw = data.draw
    groups, channels = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    norm = draw(st.sampled_from([
        tn.LocalResponseNorm(alpha=1.0, groups=groups), tn.SpatialResponseNorm(alpha=1.0),
        tn.BatchNorm2d(groups * channels),
    ]))
    pool = draw(st.sampled_from([tn.MaxPool2d(ceil_mode=True), tn.AvgPool2d(padding=1), tn.MaxPool2d(2, 2)]))
    curve = draw(st.sampled_from([tn.ReLU(), tn.Tanh(), tn.Sigmoid()]))
    conv = tn.Conv2d(2 * groups, channels * groups, 3, stride=2, padding=1, groups=groups)
    front = tn.Network([("conv", conv), ("curve", curve), ("norm", norm), ("pool", pool)])
    size = (draw(st.integers(7, 11)), draw(st.integers(7, 11)), 2 * groups)
    inputs = int(np.prod(front.output_shape(size)))
    net = tn.Network([
        ("front", front), ("flat", tn.Flatten()), ("drop", tn.Dropout()), ("fc", tn.Linear(inputs, 4)),
    ]).astype("float64")
    x = np.random.default_rng(draw(st.integers(0, 99))).standard_normal((draw(st.integers(1, 3)), *size))
    trace = tn.trace(net, x, np.arange(len(x)), train=draw(st.booleans()))
    for step in trace:
        for explanation in explained(step, draw):
            check(explanation, 1e-10)


@pytest.fixture(scope="module")
def small():
    x, labels = batch(3)
    return tn.trace(network(), x, labels)


def test_a_convolutions_terms_say_where_they_came_from(small):
    step = small["conv2"]  # 3 x 3, padding 1, two groups: filter 8 is in the second, and sees channels 4 to 7
    e = step.explain(output=(1, 0, 2, 8))
    window, bias = e.parts
    assert window.shape == (3, 3, 4) and len(e.terms) == 37 and bias.term(0).factors[0][0] == "b[8]"
    outside, inside = e.terms[0], e.terms[12]  # the window's first row, then its second
    assert outside.note == "outside the image" and outside.value == 0
    assert [name for name, _ in inside.factors] == ["x[1, 0, 1, 4]", "w[1, 0, 0, 8]"]
    assert inside.factors[0][1] == pytest.approx(step.input[1, 0, 1, 4])
    patch = window.factors[0].values.reshape(window.shape)
    np.testing.assert_array_equal(patch[1:], step.input[1, :2, 1:4, 4:8].astype(np.float64))
    np.testing.assert_array_equal(window.factors[1].values.reshape(3, 3, 4), step.layer.params["w"][..., 8])
    assert "12 products of zeros outside the image" in e.sentence
    assert "corner at row -1, column 1 of image 1" in e.sentence


def test_every_use_of_a_weight_over_the_whole_batch_has_a_term(small):
    e = small["conv1"].explain(grad="w", at=(2, 2, 0, 3))
    assert len(e.terms) == 3 * 13 * 13 and e.parts[0].shape == (3, 13, 13)
    assert [name for name, _ in e.terms[-1].factors] == ["x[2, 26, 26, 0]", "dy[2, 12, 12, 3]"]


def test_a_pixel_at_the_border_lay_in_fewer_windows(small):
    e = small["conv1"].explain(grad="x", at=(0, 0, 2, 1))
    assert len(e.terms) == 1 * 2 * 8  # one row of windows, two columns, eight filters
    assert "lay in 2 windows and met 8 filters" in e.sentence


def test_the_first_of_equal_numbers_wins_and_gets_the_gradient():
    x = np.array([[5.0, 1, 5], [0, 5, 2], [1, 1, 1]])[None, :, :, None]
    step = tn.trace(tn.MaxPool2d(2, 1), x, upstream=np.arange(1.0, 5).reshape(1, 2, 2, 1))["MaxPool2d"]
    e = step.explain(output=(0, 0, 0, 0))
    assert [t.note for t in e.terms] == ["the winner", "", "", "as large, but later"] and e.total == 5
    middle = step.explain(grad="x", at=(0, 1, 1, 0))  # in four windows; two of them have an equal number before it
    others = ["the winner was x[0, 0, 0, 0]", "the winner was x[0, 0, 2, 0]"]
    assert [t.note for t in middle.terms] == [*others, "won", "won"]
    assert middle.total == middle.value == 3 + 4 and "lay in 4 windows and won in 2" in middle.sentence


def test_in_a_window_with_a_nan_nothing_is_as_large_as_the_winner():
    x = np.array([1, np.nan, 2, 3], np.float32).reshape(1, 2, 2, 1)
    part = tn.trace(tn.MaxPool2d(2), x, upstream=np.ones((1, 1, 1, 1), np.float32))["MaxPool2d"].explain(
        output=(0, 0, 0, 0)).parts[0]
    assert [part.term(t).note for t in range(4)] == [""] * 4


INF = np.inf


@pytest.mark.parametrize("x", [[-INF, 2, 0, 1], [INF, INF, 0, 1], [-INF] * 4, [INF, -INF, 0, 1], [np.nan, INF, 0, 1]])
@pytest.mark.parametrize("layer", [tn.MaxPool2d(2), tn.ReLU(), tn.MaxPool2d(3, 2, padding=1)])
def test_numbers_that_are_not_finite_are_equal_too(layer, x):
    x = np.array(x, np.float32).reshape(1, 2, 2, 1)
    dy = np.ones_like(layer.forward(x)[0])
    step = tn.trace(layer, x, upstream=dy)[type(layer).__name__]
    for at in np.ndindex(step.output.shape):
        e = step.explain(output=at)
        assert e.agrees and "NOT EQUAL" not in str(e), str(e)
    for at in np.ndindex(x.shape):
        assert step.explain(grad="x", at=at).agrees


def test_a_masked_class_is_equal_too():
    scores = np.array([[1.0, -INF, 2.0]], np.float32)
    for step in (tn.trace(tn.Softmax(), scores, upstream=np.ones_like(scores))["Softmax"],
                 tn.trace(tn.Flatten(), scores, np.array([0]))["loss"]):
        for c in range(3):
            for e in [step.explain(grad="x", at=(0, c)), *([step.explain(output=(0, c))] if step.output.ndim else [])]:
                assert all(each.agrees for each in all_of(e)), str(e)


def test_a_nan_is_not_said_to_be_off():
    x = np.full((1, 2, 2, 3), np.nan, np.float32)
    assert "nan" in tn.trace(tn.ReLU(), x, upstream=x)["ReLU"].explain(output=(0, 0, 0, 0)).sentence
    fire = tn.Fire(3, 2, 4, 5, seed=2)
    said = tn.trace(fire, x, upstream=np.ones((1, 2, 2, 9), np.float32))["Fire"].explain(output=(0, 0, 0, 5)).sentence
    assert "nan, which the ReLU leaves as it is" in said and "not above zero" not in said


class Flat(tn.Layer):
    """Keeps the names of the layer inside it, with dots."""

    def __init__(self):
        super().__init__()
        self.inner = tn.Linear(3, 2, seed=0)
        self.params = {f"inner.{name}": array for name, array in self.inner.params.items()}

    def forward(self, x, train=False):
        return self.inner.forward(x)

    def backward(self, dy, saved, input_gradient=True):
        dx, grads = self.inner.backward(dy, saved)
        return dx, {f"inner.{name}": gradient for name, gradient in grads.items()}

    def output_shape(self, shape):
        return (2,)


def test_names_of_parameters_may_have_dots_and_one_called_x_is_told_apart():
    x = np.ones((2, 3), np.float32)
    e = tn.trace(Flat(), x, upstream=x[:, :2])["Flat"].explain(grad="inner.w", at=(1, 0))
    assert e.agrees and e.value == 2

    class Scale(tn.Layer):
        def __init__(self):
            super().__init__()
            self.params = {"x": np.ones((), np.float32)}

        def forward(self, x, train=False):
            return x * self.params["x"], x

        def backward(self, dy, saved, input_gradient=True):
            return dy * self.params["x"], {"x": np.asarray((dy * saved).sum())}

    with pytest.raises(ArgumentError, match="Scale.explain: the layer has a parameter called x, which is the input's"):
        tn.trace(Scale(), x, upstream=x)["Scale"].explain(grad="x", at=())

    class Own(tn.Network):                                                     # where x is a layer's name
        def forward(self, x, train=False, save=True):
            return super().forward(x, train, save)

    step = tn.trace(Own([("x", tn.Linear(3, 3, seed=0))]), x, upstream=x).steps[0]
    assert step.explain(grad="x", at=(0, 0)).agrees and step.explain(grad="x.w", at=(0, 0)).agrees


@pytest.mark.parametrize(("before", "how"), [
    ("nothing", "fails .AttributeError: 'Square' object has no attribute 'x'"), ("none", "fails .TypeError: "),
    ("another", "gives another gradient"),
])
def test_a_backward_that_needs_what_forward_keeps_on_the_layer_is_named(before, how):
    class Square(tn.Layer):
        def __init__(self):
            super().__init__()
            if before == "none":
                self.x = None

        def forward(self, x, train=False):
            self.x = x
            return x**2, None

        def backward(self, dy, saved, input_gradient=True):
            return 2 * dy * self.x, {}

    x = np.ones((2, 3), np.float32)
    layer = Square()
    if before == "another":
        layer.forward(100 * x)
    step = tn.trace(layer, x, upstream=x)["Square"]
    for arguments in ({"output": (0, 0)}, {"grad": "x", "at": (0, 0)}):
        with pytest.raises(ArgumentError, match=f"Square.explain: called again .* its backward {how}"):
            step.explain(**arguments)


def test_the_window_of_a_network_that_takes_blue_first_is_shown_red_first():
    net = tn.Network([("conv", tn.Conv2d(3, 2, 3))], input_shape=(5, 5, 3))
    x = np.random.default_rng(0).standard_normal((1, 5, 5, 3)).astype("f4")
    for order, shown in (("RGB", x[0]), ("BGR", x[0, :, :, ::-1])):
        net.preprocessing = tn.data.Preprocessing(np.zeros(3), (5, 5), channel_order=order)
        step = tn.trace(net, x, upstream=np.ones((1, 3, 3, 2), np.float32))["conv"]
        window = step.explain(output=(0, 0, 0, 0)).window
        np.testing.assert_array_equal(window.image, shown)


def test_the_paths_of_the_normalizations_have_names():
    x, labels = batch(3)
    trace = tn.trace(network(batch_norm=True), x, labels, train=True)
    e = trace["norm1"].explain(grad="x", at=(0, 3, 3, 2))
    assert [p.name for p in e.parts] == ["own path", "through the mean", "through the variance"]
    assert [len(p.values) for p in e.parts] == [1, 3 * 13 * 13, 3 * 13 * 13]
    y = trace["norm1"].explain(output=(0, 3, 3, 2))
    assert y.inner[0].what == "deviation[2]**2" and y.inner[0].agrees
    evaluated = tn.trace(network(batch_norm=True), x, labels)["norm1"].explain(grad="x", at=(0, 3, 3, 2))
    assert [p.name for p in evaluated.parts] == ["own path"] and "the running ones" in evaluated.sentence
    rows = tn.trace(tn.BatchNorm1d(4), x[:, 0, 4:8, 1], train=True, upstream=x[:, 0, :4, 0])
    flat = rows["BatchNorm1d"].explain(grad="x", at=(1, 2))
    assert [(p.name, len(p.values)) for p in flat.parts] == [
        ("own path", 1), ("through the mean", 3), ("through the variance", 3)]
    assert flat.parts[2].axes == ("image",) and "M = 3 outputs of feature 2." in flat.sentence
    lrn = tn.trace(network(), x, labels)["norm1"].explain(grad="x", at=(0, 3, 3, 4))
    assert [p.name for p in lrn.parts] == ["own path", "shared path"]
    assert [f.name for f in lrn.parts[1].factors][1:] == ["dy[]", "x[]", "scale[]**-1.75"]
    assert len(lrn.parts[1].values) == 3  # channel 4 is the first of its tower
    assert lrn.inner[0].what == "scale[0, 3, 3, 4]"


@pytest.fixture(scope="module")
def fire_step():
    generator = np.random.default_rng(4)
    layer = tn.Fire(3, 2, 4, 5, seed=2).astype("float64")
    for key in ("squeeze_b", "expand1_b", "expand3_b"):
        layer.params[key] = generator.standard_normal(layer.params[key].shape)
    x, dy = generator.standard_normal((2, 4, 5, 3)), generator.standard_normal((2, 4, 5, 9))
    return tn.trace(layer, x, upstream=dy)["Fire"]


def first_where(mask):
    """The first index in the part of an array that a test is about."""
    return tuple(map(int, np.argwhere(mask)[0]))


def test_a_fire_modules_side_is_a_convolution_of_the_squeezed_maps(fire_step):
    squeezed = fire_step.saved.squeezed
    n, i, j, f = at = first_where((fire_step.output > 0) & (np.arange(9) >= 4))  # of expand3, at the upper border
    assert i == 0
    e = fire_step.explain(output=at)
    window, bias = e.parts
    assert window.shape == (3, 3, 2) and bias.term(0).factors[0][0] == f"expand3_b[{f - 4}]"
    outside, inside = e.terms[0], e.terms[8]  # the window's first row, and its middle
    assert outside.note == "outside the image" and outside.factors[0][0] == f"squeezed[{n}, -1, {j - 1}, 0]"
    assert [name for name, _ in inside.factors] == [f"squeezed[{n}, 0, {j}, 0]", f"expand3_w[1, 1, 0, {f - 4}]"]
    assert inside.factors[0][1] == squeezed[n, 0, j, 0]
    assert f"times filter {f - 4} of expand3 (" in e.sentence and "products of zeros outside the image)" in e.sentence
    largest = max(window.values, key=abs)
    term = window.term(list(window.values).index(largest))
    assert e.inner[0].what == term.factors[0][0] and e.inner[0].value == term.factors[0][1] and e.inner[0].agrees


def test_a_fire_modules_unit_that_is_off_says_what_its_relu_took(fire_step):
    at = first_where((fire_step.output == 0) & (np.arange(9) < 4))
    e = fire_step.explain(output=at)
    assert [part.name for part in e.parts] == ["products", "bias", "ReLU"] and e.parts[0].shape == (1, 1, 2)
    assert e.parts[2].total == -(e.parts[0].total + e.parts[1].total) > 0
    assert e.value == e.total == 0 and "is not above zero, so the ReLU makes it 0" in e.sentence


def test_a_fire_modules_gradient_comes_back_through_both_sides(fire_step):
    n, i, j, s = first_where(fire_step.saved.squeezed[:, 1:3, 1:4] > 0)
    at = (n, i + 1, j + 1, 1)
    e = fire_step.explain(grad="x", at=at)
    assert [term.factors[1][0] for term in e.terms] == ["squeeze_w[0, 0, 1, 0]", "squeeze_w[0, 0, 1, 1]"]
    before, *_ = fire_step.layer.before_relus(fire_step.upstream, fire_step.saved)
    np.testing.assert_allclose([term.factors[0][1] for term in e.terms], before[at[:3]], rtol=1e-12)
    one, three = e.inner[0].parts
    assert (one.name, one.shape, three.name, three.shape) == ("expand1", (1, 1, 4), "expand3", (3, 3, 5))
    kept = {term.factors[1][0]: term.factors[1][1] for term in e.inner[0].terms}
    assert set(kept.values()) == {0, 1}  # of the ReLU behind the sides
    b = fire_step.explain(grad="squeeze_b", at=(s,))
    np.testing.assert_allclose(b.parts[0].values.reshape(2, 4, 5), before[..., s], rtol=1e-12)
    w = fire_step.explain(grad="expand3_w", at=(0, 2, s, 3))
    names = [name for name, _ in w.terms[0].factors]
    assert names == [f"squeezed[0, -1, 1, {s}]", "dy[0, 0, 0, 7]", "(y[0, 0, 0, 7] > 0)"]


def test_the_loss_is_probability_minus_one_hot_over_n(small):
    labels = small["loss"].layer.labels
    e = small["loss"].explain(grad="x", at=(1, int(labels[1])))
    assert [round(part.total, 9) for part in e.parts][1] == round(-1 / 3, 9)
    assert e.parts[0].total == pytest.approx(small["loss"].saved.probabilities[1, labels[1]] / 3)
    assert small["loss"].explain(output=()).total == pytest.approx(small.loss, rel=1e-6)


def test_long_sums_are_shortened_and_the_rest_has_a_line(small):
    e = small["fc3"].explain(output=(2, 7))
    shown = [line for line in str(e).splitlines() if line.startswith("products")]
    assert len(e.terms) == 433 and len(shown) == 9 and "the other 424 terms" in shown[-1]
    assert sum(float(line.split()[-1]) for line in shown) == pytest.approx(e.parts[0].total, rel=1e-4)
    assert "The sum of 433 terms is" in str(e)


@pytest.mark.parametrize("arguments, error, message", [
    ({}, ArgumentError, r"conv2\.explain: give output=\(index\), or grad=name and at="),
    ({"grad": "w"}, ArgumentError, "give output="),
    ({"output": (0, 0, 0, 0), "grad": "w", "at": (0, 0, 0, 0)}, ArgumentError, "give output="),
    ({"grad": "v", "at": (0,)}, ArgumentError, "the step has no gradient of 'v', only those of 'x', 'w', 'b'"),
    ({"output": (0, 5, 7)}, ShapeError, r"index \(0, 5, 7\) is out of range for conv2\.output, which has shape"),
    ({"output": (0, 6, 0, 0)}, ShapeError, r"expected 4 whole numbers, each from 0"),
    ({"output": (0, -1, 0, 0)}, ShapeError, r"index \(0, -1, 0, 0\) is out of range"),
    ({"output": (0, 1.5, 0, 0)}, ShapeError, r"index \(0, 1\.5, 0, 0\) is out of range"),
    ({"output": 3}, ShapeError, r"index 3 is out of range"),
    ({"grad": "b", "at": (12,)}, ShapeError, r"for the gradient of conv2\.b, which has shape \(12,\)"),
])
def test_indices_and_names_that_do_not_exist(small, arguments, error, message):
    with pytest.raises(error, match=message):
        small["conv2"].explain(**arguments)


class Scaled(tn.Layer):
    """y[n, i, f] = a * x[n, i, f] + (sum over the row of x)**2 / 2, with a weight for each feature."""

    def __init__(self, features):
        super().__init__()
        self.features = features
        self.params["a"] = np.arange(1, features + 1, dtype=np.float64)

    def forward(self, x, train=False):
        return self.params["a"] * x + x.sum(axis=1, keepdims=True) ** 2 / 2, (x,)

    def input_gradient(self, dy, saved):
        (x,) = saved
        return self.params["a"] * dy + x.sum(axis=1, keepdims=True) * dy.sum(axis=1, keepdims=True)

    def param_gradients(self, dy, saved):
        return {"a": (saved[0] * dy).sum(axis=0)}


def test_a_layer_of_ones_own_is_explained_by_its_backward_alone():
    generator = np.random.default_rng(5)
    x, dy = generator.standard_normal((2, 3, 4))
    step = tn.trace(Scaled(4), x, upstream=dy)["Scaled"]
    e = step.explain(grad="x", at=(1, 2))
    row = x[1].sum()
    assert [t.factors[0][0] for t in e.terms] == [f"dy[1, {f}]" for f in range(4)]
    np.testing.assert_allclose([t.factors[1][1] for t in e.terms], [row, row, row + 3, row])
    check(e, 1e-12)
    a = step.explain(grad="a", at=(3,))
    assert [t.factors[0][0] for t in a.terms] == ["dy[0, 3]", "dy[1, 3]", "dy[2, 3]"]
    check(a, 1e-12)
    y = step.explain(output=(1, 2))
    check(y, 1e-12)
    assert len(y.parts[0].values) == 4 and y.parts[1].total == pytest.approx(-(row**2) / 2)  # the bend


def test_a_backward_that_is_not_linear_is_found_out():
    class Wrong(tn.Layer):
        """y = x, with a gradient that is squared by mistake."""

        def forward(self, x, train=False):
            return x, (x,)

        def input_gradient(self, dy, saved):
            return dy * dy

    x = np.full((1, 3), 3.0)
    e = tn.trace(Wrong(), x, upstream=np.full((1, 3), 0.5))["Wrong"].explain(grad="x", at=(0, 1))
    assert not e.agrees and e.value == 0.25 and e.total == 0.5 and "NOT EQUAL" in str(e)


def test_outputs_that_are_too_many_make_one_term(monkeypatch):
    monkeypatch.setattr("tinynet.tracing.explain.own_layer.MOST_CALLS", 5)
    x, dy = np.random.default_rng(5).standard_normal((2, 2, 8))
    e = tn.trace(Scaled(8), x, upstream=dy)["Scaled"].explain(grad="x", at=(0, 2))
    assert e.parts[-1].name == "others" and "outputs together" in e.terms[-1].factors[0][0]
    check(e, 1e-12)


class Gain(tn.Layer):
    """y = a x with one number a for all."""

    def __init__(self):
        super().__init__()
        self.params["a"] = np.array([2.0])

    def forward(self, x, train=False):
        return self.params["a"] * x, x

    def backward(self, dy, saved, input_gradient=True):
        return self.params["a"] * dy, {"a": np.array([(dy * saved).sum()])}


@pytest.mark.parametrize("outputs", [2048, 2500, 9000])
def test_a_parameter_of_very_many_outputs_is_their_sum(outputs):
    x, dy = np.random.default_rng(6).standard_normal((2, 1, outputs))
    check(tn.trace(Gain(), x, upstream=dy)["Gain"].explain(grad="a", at=(0,)), 1e-9)


class Gate(tn.Layer):
    """ReLU of one's own."""

    def forward(self, x, train=False):
        return np.maximum(x, 0), x

    def input_gradient(self, dy, saved):
        return dy * (saved > 0)


def test_a_unit_of_ones_own_that_is_off_has_no_terms():
    e = tn.trace(Gate(), np.array([[-1.0, 2.0]]), upstream=np.ones((1, 2)))["Gate"].explain(grad="x", at=(0, 0))
    assert e.value == e.total == 0 and not e.terms


class Turn(tn.Layer):
    """y[n, i, j] = x[n, j, i], and so is dx: a view."""

    def forward(self, x, train=False):
        return np.ascontiguousarray(x.transpose(0, 2, 1)), (x,)

    def input_gradient(self, dy, saved):
        return dy.transpose(0, 2, 1)

    def output_shape(self, shape):
        return shape[1], shape[0]


def test_the_upstream_gradient_of_a_layer_of_ones_own_may_be_a_view():
    net = tn.Network([("gain", Gain()), ("turn", Turn())])
    x, dy = np.random.default_rng(7).standard_normal((1, 3, 4)), np.random.default_rng(8).standard_normal((1, 4, 3))
    check(tn.trace(net, x, upstream=dy)["gain"].explain(grad="a", at=(0,)), 1e-12)


class Loud(tn.ReLU):
    """ReLU by another name."""


class Slower(tn.BatchNorm2d):
    """Batch normalization whose running statistics move otherwise: a method that it has from BatchNorm."""

    def update_running(self, mean, variance, count):
        pass


class Leaky(tn.ReLU):
    """y = x above zero, x / 10 below."""

    def forward(self, x, train=False):
        y = np.where(x > 0, x, x / 10)
        return y, (y,)

    def input_gradient(self, dy, saved):
        return np.where(saved[0] > 0, dy, dy / 10)


def test_a_subclass_keeps_the_explanation_as_long_as_it_keeps_the_mathematics():
    x = np.array([[-1.0, 2]])
    assert tn.trace(Loud(), x, upstream=x)["Loud"].explain(grad="x", at=(0, 0)).sentence.startswith("The unit was off")
    images = np.ones((1, 1, 1, 2))
    slower = tn.trace(Slower(2).astype("float64"), images, upstream=images)["Slower"]
    assert "Only the backward pass of Slower is known" in slower.explain(grad="x", at=(0, 0, 0, 0)).sentence
    e = tn.trace(Leaky(), x, upstream=x)["Leaky"].explain(grad="x", at=(0, 0))
    assert "Only the backward pass of Leaky is known" in e.sentence and e.value == -0.1
    check(e, 1e-12)


def test_every_layer_of_tinynet_has_an_explanation_of_its_own():
    assert {kind.__name__ for kind in EXPLAINERS} == {*tn.layers.__all__, "SoftmaxCrossEntropy"}
