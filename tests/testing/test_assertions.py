"""The two assertions: silent on right layers, loud on planted bugs, and with a text that names array and cause."""
import copy
import doctest
import inspect
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet.errors import ArgumentError
from tinynet.gradcheck.planted import CATALOGUE
from tinynet.testing import assert_gradients, assert_matches, assertions, comparison

BUGS = {name: bug for name, bug in CATALOGUE.items() if bug.family not in ("optimizer", "adam")}
# Wrong gradients of a layer whose other version is right: what a comparison of the two has to see.
GRADIENTS = [name for name, bug in BUGS.items()
             if bug.family not in ("loss", "contract", "network") and not set(bug.names) & {"forward", "backward"}]


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def text_of(assertion, *arguments, **options):
    with pytest.raises(AssertionError) as caught:
        assertion(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=5)
@given(data=st.data())
def test_right_layers_pass_against_finite_differences_and_against_themselves(name, data):
    layer, x = draw_case(data.draw, TABLE[name])
    train = data.draw(st.booleans())
    assert_gradients(layer, x, train=train)
    other = copy.deepcopy(layer)
    for key, array in other.params.items():
        other.params[key] = 0 * array  # the reference works with the layer's numbers, not with its own
    assert_matches(layer, other, x, train=train)


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=5)
@given(data=st.data())
def test_right_layers_match_pytorch(name, data):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")
    layer, x = draw_case(data.draw, TABLE[name])
    layer.last_mask = np.ones(1)  # of dropout in evaluation

    def reference(x, **params):
        return TABLE[name].reference(torch, layer, x, params)

    reference.__signature__ = inspect.Signature([
        inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD) for key in ("x", *layer.params)])
    assert_matches(layer, reference, x, train=name != "Dropout")


@pytest.mark.parametrize("name", list(BUGS)[::3])  # the check itself is proven on all of them in tests/gradcheck
def test_planted_bugs_fail_with_the_report_that_names_them(name):
    bug = BUGS[name]
    f, x = bug.case()
    text = text_of(assert_gradients, f, x)
    assert all(f"\n{each}: " in text for each in bug.names), text


def test_the_text_is_the_report_of_the_gradient_check():
    f, x = BUGS["relu-guided"].case()
    assert text_of(assert_gradients, f, x, train=False, seed=3) == str(tn.check_gradients(f, x, train=False, seed=3))


@pytest.mark.parametrize("name", GRADIENTS[::3])
def test_planted_bugs_differ_from_the_right_layer_by_name(name):
    bug = BUGS[name]
    (wrong, x), (right, _) = bug.case(), bug.case(right=True)
    text = text_of(assert_matches, wrong, right, x)
    assert_matches(right, copy.deepcopy(right), x)
    if "\ny: " not in text:  # where forward is another function, its gradients may be those of the right layer
        assert all(f"\nthe gradient of {each}: " in text for each in bug.names), text
        assert "\nLikely cause: " in text


def test_there_are_bugs_to_find():
    assert len(BUGS) > 100 and len(GRADIENTS) > 80


def test_the_examples_in_the_docstrings_run():
    found = doctest.testmod(assertions)
    assert found.attempted >= 9 and found.failed == 0


class TestAgainstPyTorch:
    """What people pass: modules, functions, functions written in C."""

    @pytest.fixture(autouse=True)
    def torch(self):
        return pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")

    def test_a_module(self, torch):
        module = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
        before = module.weight.detach().clone()
        assert_matches(tn.Conv2d(4, 6, 3, 2, 1, groups=2), module, numbers(2, 7, 6, 4), layout="NCHW")
        assert torch.equal(module.weight, before) and module.weight.grad is None
        assert_matches(tn.Linear(5, 3, bias=0.5), torch.nn.Linear(5, 3), numbers(4, 5), layout="NCHW")
        assert_matches(tn.ReLU(), torch.nn.ReLU(), numbers(2, 5, 4, 3))

    @pytest.mark.parametrize("train", [True, False])
    def test_batch_normalization_with_its_running_statistics(self, torch, train):
        layer = tn.BatchNorm2d(3).astype("float64")
        layer.forward(numbers(4, 5, 5, 3) + 2, train=True)
        layer.params["w"] += numbers(3)
        assert_matches(layer, torch.nn.BatchNorm2d(3), numbers(2, 5, 4, 3, seed=1), "NCHW", train=train)
        by_order = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
        assert_matches(layer, by_order, numbers(2, 5, 4, 3, seed=1), "NCHW", train=train)

    def test_functions(self, torch):
        functional, layer, x = torch.nn.functional, tn.Conv2d(3, 4, 3), numbers(2, 6, 5, 3)
        assert_matches(layer, lambda x, w, b: functional.conv2d(x, w, b), x, layout="NCHW")
        assert_matches(layer, lambda x, b, w: functional.conv2d(x, w, b), x, layout="NCHW")
        assert_matches(layer, lambda x, filters, shift: functional.conv2d(x, filters, shift), x, layout="NCHW")
        assert_matches(layer, functional.conv2d, x, layout="NCHW")
        assert_matches(layer, lambda x, w: functional.conv2d(x, w), x, layout="NCHW")  # its bias is 0
        assert_matches(tn.ReLU(), functional.relu, x)
        assert_matches(tn.MaxPool2d(3, 2), lambda x: functional.max_pool2d(x, 3, 2), x, layout="NCHW")

    def test_a_network_by_the_names_of_its_layers(self, torch):
        net = tn.Network([("conv1", tn.Conv2d(3, 4, 3)), ("relu1", tn.ReLU()), ("conv2", tn.Conv2d(4, 4, 2))])
        layers = OrderedDict(conv1=torch.nn.Conv2d(3, 4, 3), relu1=torch.nn.ReLU(), conv2=torch.nn.Conv2d(4, 4, 2))
        for reference in (torch.nn.Sequential(layers), torch.nn.Sequential(*layers.values())):  # the second: "0.weight"
            assert_matches(net, reference, numbers(2, 6, 6, 3), layout="NCHW")

    def test_the_layout_is_named_where_the_other_one_agrees(self, torch):
        functional, x = torch.nn.functional, numbers(2, 6, 6, 6)  # as many channels as rows: no shape shows it
        says = 'Likely cause: the reference takes images as (N, C, H, W) and weights as (F, C, KH, KW) or (out, in): ' \
               'with layout="NCHW" all arrays agree.'
        assert says in text_of(assert_matches, tn.Conv2d(6, 6, 6), torch.nn.Conv2d(6, 6, 6), x)
        assert says in text_of(assert_matches, tn.Conv2d(6, 4, 3), lambda x, w, b: functional.conv2d(x, w, b), x)
        assert says in text_of(assert_matches, tn.Linear(4, 4), torch.nn.Linear(4, 4), numbers(3, 4))
        assert says in text_of(assert_matches, tn.Linear(4, 2), torch.nn.Linear(4, 2), numbers(3, 4))
        assert says in text_of(assert_matches, tn.MaxPool2d(2, 2), lambda x: functional.max_pool2d(x, 2), x)
        assert 'with layout="NHWC"' in text_of(assert_matches, tn.Flatten(), torch.nn.Flatten(), x, "NCHW")
        text = text_of(assert_matches, tn.Linear(4, 4), lambda x, w, b: x @ w + b, numbers(3, 4), "NCHW")
        assert 'weights as (KH, KW, C, F) or (in, out): with layout="NHWC" all arrays agree.' in text

    def test_numpy_in_a_function_of_tensors(self, torch):
        text = text_of(assert_matches, tn.Tanh(), np.tanh, numbers(2, 3))
        assert "Likely cause: the reference computes in NumPy, which finds no gradients: give it as a pair" in text

    def test_what_does_not_return_a_tensor_or_has_no_use_for_x(self, torch):
        with pytest.raises(ArgumentError, match="the reference returned a tuple, expected a torch.Tensor"):
            assert_matches(tn.ReLU(), lambda x: (x, x), numbers(2, 3))
        text = text_of(assert_matches, tn.ReLU(), lambda x: torch.ones(2, 3, dtype=torch.float64), numbers(2, 3))
        assert "\nthe gradient of x: it differs in" in text

    def test_parameters_that_do_not_belong_together(self, torch):
        with pytest.raises(ArgumentError, match="the reference has the parameters weight, bias, the layer has none: "):
            assert_matches(tn.ReLU(), torch.nn.Conv2d(3, 4, 3), numbers(2, 6, 6, 3))
        with pytest.raises(ArgumentError, match="the reference has the parameters gain, the layer has w, b: "):
            assert_matches(tn.Linear(3, 3), lambda x, gain: x * gain, numbers(2, 3))


class Own(tn.Linear):
    """A Linear with one mistake."""


def linear_with(**methods):
    return type("Own", (Own,), methods)(4, 4, seed=1)


def forward(change):
    def method(self, x, train=False):
        w, b = change(self.params["w"], self.params["b"])
        return x @ w + b, tn.layers.linear.Saved(x)

    return method


LINEAR = {
    "forward uses w transposed: y agrees": forward(lambda w, b: (w.T, b)),
    "forward uses w flipped along axis 0: y agrees": forward(lambda w, b: (w[::-1], b)),
    "forward leaves b out": forward(lambda w, b: (w, 0)),
    "forward uses b twice": forward(lambda w, b: (w, 2 * b)),
    "forward uses -w": forward(lambda w, b: (-w, b)),
}


@pytest.mark.parametrize("sentence", LINEAR)
def test_slips_of_a_forward_are_named(sentence):
    layer = linear_with(forward=LINEAR[sentence])
    layer.params["b"] += 1
    text = text_of(assert_matches, layer, tn.Linear(4, 4), numbers(3, 4))
    assert "\ny: it differs in 12 of 12 numbers, most at [" in text and f"Likely cause: {sentence}" in text


def test_slips_of_a_convolution_are_named():
    class Flipped(tn.Conv2d):
        def forward(self, x, train=False):
            y, _ = super().forward(np.ascontiguousarray(x[:, ::-1, ::-1]))
            return np.ascontiguousarray(y[:, ::-1, ::-1]), tn.layers.conv.Saved(x)  # a true convolution

    class ChannelsFirst(tn.Conv2d):
        def forward(self, x, train=False):
            y, saved = super().forward(np.ascontiguousarray(x.transpose(0, 2, 3, 1)), train)
            return np.ascontiguousarray(y.transpose(0, 3, 1, 2)), saved

        def backward(self, dy, saved, input_gradient=True):
            dx, grads = super().backward(np.ascontiguousarray(dy.transpose(0, 2, 3, 1)), saved)
            return dx.transpose(0, 3, 1, 2), grads

    class Reshaped(tn.Conv2d):
        def forward(self, x, train=False):
            y, saved = super().forward(x, train)
            return y.transpose(0, 3, 1, 2).reshape(y.shape), saved

    class OtherColours(tn.Conv2d):
        def forward(self, x, train=False):
            return super().forward(x[..., ::-1].copy(), train)

    x = numbers(2, 4, 4, 4)
    for kind, sentence in (
        (Flipped, "forward uses w flipped along axis 0 and 1: y agrees when the reference gets it so."),
        (ChannelsFirst, "the layer reads its images as (N, C, H, W), and got (N, H, W, C)."),
        (Reshaped, "y has the reference's numbers in another order: a reshape where a transpose belongs?"),
        (OtherColours, "the layer reads the channels in reverse order (RGB as BGR)."),
    ):
        text = text_of(assert_matches, kind(4, 4, 2), tn.Conv2d(4, 4, 2), x)
        assert sentence in text, text


def test_an_output_with_its_axes_in_another_order():
    pair = (lambda x, w: (x @ w).T, lambda dy, x, w: (dy.T @ w.T, x.T @ dy.T))
    text = text_of(assert_matches, pair, (lambda x, w: x @ w, lambda dy, x, w: (dy @ w.T, x.T @ dy)), numbers(3, 4),
                   params={"w": numbers(4, 2)})
    assert "y: it has shape (2, 3), that of the reference is (3, 2)." in text
    assert "as if its axes were (1, 0) of the reference's" in text


def test_a_wrong_gradient_is_explained_by_the_gradient_check():
    layer = linear_with(param_gradients=lambda self, dy, saved: {"w": dy.T @ saved.x, "b": dy.sum(axis=0)})
    text = text_of(assert_matches, layer, tn.Linear(4, 4), numbers(3, 4))
    assert text.startswith("Own: the gradient of w differs from the reference\n")
    assert "Likely cause: w: it is transposed: its rows are the right one's columns." in text
    pair = (lambda x: np.sin(x), lambda dy, x: dy * np.sin(x))
    text = text_of(assert_matches, (np.sin, lambda dy, x: dy * np.cos(x)), pair, numbers(3, 4))
    assert "the layer's backward agrees with finite differences of it: is the reference's gradient of x wrong?" in text


def test_missing_gradients_and_those_of_another_form():
    layer = linear_with(param_gradients=lambda self, dy, saved: {"w": saved.x.T @ dy})
    assert "the gradient of b: backward gives no gradient of it." in text_of(
        assert_matches, layer, tn.Linear(4, 4), numbers(3, 4))
    layer = linear_with(param_gradients=lambda self, dy, saved: {"w": saved.x.T @ dy, "b": dy.sum(axis=1)})
    assert "the gradient of b: it has shape (3,), that of the reference is (4,)." in text_of(
        assert_matches, layer, tn.Linear(4, 4), numbers(3, 4))
    layer = linear_with(input_gradient=lambda self, dy, saved: np.full_like(dy, np.nan))
    assert "the gradient of x: it differs in 12 of 12 numbers" in text_of(
        assert_matches, layer, tn.Linear(4, 4), numbers(3, 4))


def test_the_tolerance_is_a_part_of_the_largest_number():
    def times(factor):
        return lambda x: factor * x, lambda dy, x: factor * dy

    x = np.array([[1.0, -2.0, 1000.0]])
    assert_matches(times(1 + 1e-5), times(1), x, tolerance=2e-5)
    assert "y: it differs in 1 of 3 numbers, most at [0, 2]: 1000.01, the reference has 1000." in text_of(
        assert_matches, times(1 + 1e-5), times(1), x, tolerance=5e-6)
    with pytest.raises(ArgumentError, match="tolerance is -1"):
        assert_matches(times(1), times(1), x, tolerance=-1)


def test_equal_infinities_and_nans_agree():
    nothing = (lambda x: np.where(x > 0, np.inf, np.nan), lambda dy, x: np.zeros_like(x))
    assert_matches(nothing, nothing, np.array([[1.0, -1.0]]))


# Two plain functions


def affine_forward(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


AFFINE = {"b": np.zeros(2), "w": numbers(3, 2)}  # in another order than forward's


@pytest.mark.parametrize("pair", [
    (affine_forward, affine_backward),
    (lambda x, w, b: x @ w + b, lambda dy, x, w, b: (dy @ w.T, x.T @ dy, dy.sum(axis=0))),
    (lambda x, w, b: x @ w + b, lambda dy, x, w, b: (dy @ w.T, {"b": dy.sum(axis=0), "w": x.T @ dy})),
], ids=["with a cache", "without", "a dict of gradients"])
def test_two_functions_with_parameters(pair):
    x = numbers(4, 3)
    assert_gradients(pair, x, params=AFFINE)
    assert_matches(pair, tn.Linear(3, 2), x, params=AFFINE)
    assert_matches(tn.Linear(3, 2), pair, x)
    wrong = (affine_forward, lambda dout, cache: (*affine_backward(dout, cache)[:2], dout.mean(axis=0)))
    text = text_of(assert_gradients, wrong, x, params=AFFINE)
    assert "\nb: it is 0.25 (" in text and "1 / the number of images" in text and "the gradient of b is wrong" in text


def test_two_functions_without_parameters_may_compute_in_float64_only():
    def backward(dy, x):
        dx = np.zeros(x.shape)  # float64, whatever x is: right for what promises no more
        dx[x > 0] = dy[x > 0]
        return dx

    assert_gradients((lambda x: np.maximum(x, 0), backward), numbers(3, 4))
    assert_matches(tn.ReLU(), (lambda x: np.maximum(x, 0), backward), numbers(3, 4))
    assert_gradients((np.tanh, lambda dy, x: [dy * (1 - np.tanh(x) ** 2)]), numbers(3))  # no batch, a ufunc, a list


@pytest.mark.parametrize(("params", "message"), [
    (None, "takes w besides x, expected it in params={'w': array}"),
    ({"w": np.ones((3, 2))}, "takes b besides x"),
    (AFFINE | {"c": np.ones(2)}, "params has 'c', forward of .* takes x, w, b"),
    (AFFINE | {"b": "no"}, r"params\['b'\] is 'no', expected an array of real numbers"),
    (AFFINE | {"b": None}, r"params\['b'\] is None, expected an array of real numbers"),
    (AFFINE | {"b": [[1.0], [1.0, 2.0]]}, r"params\['b'\] is not an array of numbers"),
])
def test_parameters_of_two_functions_that_do_not_fit(params, message):
    for assertion in (assert_gradients, lambda f, x, **k: assert_matches(f, tn.Linear(3, 2), x, **k)):
        with pytest.raises(ArgumentError, match=message):
            assertion((affine_forward, affine_backward), numbers(4, 3), params=params)


def test_what_cannot_be_compared_is_said():
    x = numbers(4, 3)
    with pytest.raises(ArgumentError, match="params are for a pair .*; a Linear has its own"):
        assert_gradients(tn.Linear(3, 2), x, params=AFFINE)
    with pytest.raises(ArgumentError, match=r"returned 1 array, expected \(dx, dw, db\)"):
        assert_gradients((affine_forward, lambda dout, cache: dout), x, params=AFFINE)
    with pytest.raises(ArgumentError, match=r"returned 2 arrays, expected dx"):
        assert_gradients((np.tanh, lambda dy, x: (dy, dy)), x)
    with pytest.raises(ArgumentError, match="assert_matches: layout is 'HWCN', expected 'NHWC' or 'NCHW'"):
        assert_matches(tn.ReLU(), tn.ReLU(), x, "HWCN")
    with pytest.raises(ArgumentError, match="assert_matches: f is the class Linear"):
        assert_matches(tn.Linear, tn.ReLU(), x)
    with pytest.raises(ArgumentError, match="assert_matches: reference is the class Linear"):
        assert_matches(tn.ReLU(), tn.Linear, x)
    with pytest.raises(ArgumentError, match="assert_matches: reference is a int"):
        assert_matches(tn.ReLU(), 3, x)
    with pytest.raises(ArgumentError, match="assert_matches: f is the function loss"):
        assert_matches(loss, tn.ReLU(), x)
    with pytest.raises(ArgumentError, match="assert_matches: x is not an array of numbers|assert_matches: x is object"):
        assert_matches(tn.ReLU(), tn.ReLU(), [[1.0], [1.0, 2.0]])


def loss(scores):
    return float((scores**2).sum()), 2 * scores


def test_a_loss_has_gradients_too():
    assert_gradients(loss, numbers(3, 4))
    assert "it is 2 times the right one" in text_of(
        assert_gradients, lambda scores: (loss(scores)[0], 4 * scores), numbers(3, 4))


def test_a_gradient_that_nothing_decides_is_no_success():
    text = text_of(assert_gradients, (np.sign, lambda dy, x: np.zeros_like(x)), np.zeros((2, 3)))
    assert "not decided for x: every probe met a kink" in text


def test_what_a_layer_is_stays_as_it_was():
    layer, other = tn.Dropout(0.5), tn.Dropout(0.5)
    states = [each.generator.bit_generator.state for each in (layer, other)]
    assert_matches(layer, other, numbers(3, 4))  # the same masks
    assert [each.generator.bit_generator.state for each in (layer, other)] == states
    layer, other = tn.Linear(3, 2, seed=1), tn.Linear(3, 2, seed=2)
    before = other.params["w"].copy()
    assert_matches(layer, other, numbers(4, 3))
    np.testing.assert_array_equal(other.params["w"], before)
    assert layer.dtype == other.dtype == np.float32


def test_a_difference_of_shape_is_said_for_the_parameters_too():
    text = text_of(assert_matches, tn.Conv2d(3, 4, 2), tn.Conv2d(3, 4, 3), numbers(2, 5, 5, 3))
    assert "the reference fails for x of shape (2, 5, 5, 3) (ValueError: its w has shape (3, 3, 3, 4), w has " in text
    assert comparison.called("y") == "y"
