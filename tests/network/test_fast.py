"""What you read is what runs: when a fast implementation stands in for a layer, and what is noticed before it does."""
import copy
import importlib
import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.small_network import batch, network

import tinynet as tn
from tinynet.layers import conv as conv_file
from tinynet.network import fast, fast_conv, winograd
from tinynet.network.fast import fast_implementation, fast_or_own
from tinynet.network.fast_conv import FewChannelsConv
from tinynet.network.fast_winograd import WinogradConv
from tinynet.ops import numpy_ops
from tinynet.ops.fast_switch import fast_allowed

WAYS = ("forward", "input_gradient", "param_gradients")
CASES = {  # a layer for each fast implementation, and one image's shape; heights that don't divide into tiles
    "WinogradConv": (lambda: tn.Conv2d(8, 6, 3, padding=1, groups=2), (9, 7, 8)),
    "FewChannelsConv": (lambda: tn.Conv2d(2, 14, (3, 4), padding=1), (9, 7, 2)),
    "SideBySideConv": (lambda: tn.Conv2d(3, 5, (3, 4), padding=1), (9, 7, 3)),
    "ConvInParts": (lambda: tn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (9, 7, 4)),
}


@pytest.fixture
def own_calls():
    """Counts the calls of methods."""
    return Counted()


class Counted(dict):
    """How often each way of a layer's own methods ran."""

    def note(self, way: str) -> None:
        self[way] = self.get(way, 0) + 1


def in_a_network(layer: Any) -> Any:
    return tn.Network([("first", tn.ReLU()), ("conv", layer), ("last", tn.ReLU())])


def images(shape, count=5, dtype="float32"):
    return np.random.default_rng(1).standard_normal((count, *shape)).astype(dtype)


def pass_through(net, x):
    y, saved = net.forward(x, train=True)
    dx, grads = net.backward(np.ones_like(y), saved)
    return y, dx, grads["conv"]["w"], grads["conv"]["b"]


def replacement(way, calls):
    """A method that does what the layer's own does, times two, and notes that it ran."""
    usual = getattr(tn.Conv2d, way)

    def method(self, *args, **options):
        calls.note(way)
        result = usual(self, *args, **options)
        if way == "forward":
            return 2 * result[0], result[1]
        return 2 * result if way == "input_gradient" else {key: 2 * array for key, array in result.items()}

    return method


def test_every_fast_implementation_has_a_case():
    for name, (make, _) in CASES.items():
        assert fast_implementation(make()).__name__ == name
    made = {kind.__name__ for kind in vars(fast_conv).values() if isinstance(kind, type) and hasattr(kind, "label")}
    assert made == set(CASES)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("where", ["class", "object", "derived class"])
def test_a_method_of_ones_own_runs_in_a_network(name, way, where, monkeypatch, own_calls):
    make, shape = CASES[name]
    layer, x = make(), images(shape)
    usual = pass_through(in_a_network(copy.deepcopy(layer)), x)
    method = replacement(way, own_calls)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if where == "class":
            monkeypatch.setattr(tn.Conv2d, way, method)
        elif where == "object":
            monkeypatch.setattr(layer, way, method.__get__(layer), raising=False)
        else:
            layer.__class__ = type("Mine", (tn.Conv2d,), {way: method})
        found = pass_through(in_a_network(layer), x)
    assert own_calls[way] >= 1
    changed = {"forward": 0, "input_gradient": 1, "param_gradients": 2}[way]
    np.testing.assert_allclose(found[changed], 2 * usual[changed], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_it_runs_in_training_too(name, monkeypatch, own_calls):
    make, shape = CASES[name]
    for way in WAYS:
        monkeypatch.setattr(tn.Conv2d, way, replacement(way, own_calls))
    net = tn.Network([("relu", tn.ReLU()), ("norm", tn.BatchNorm2d(shape[2])), ("conv", make()),
                      ("flat", tn.Flatten()), ("fc", tn.Linear(int(np.prod(make().output_shape(shape))), 3))])
    tn.fit(net, (images(shape, 8), np.arange(8) % 3), epochs=2, batch_size=4, progress=False)
    assert [own_calls[way] for way in WAYS] == [4, 4, 4]


@pytest.mark.parametrize("name", CASES)
def test_untouched_layers_run_fast_and_say_nothing(name, monkeypatch, own_calls):
    make, shape = CASES[name]
    used = []
    for way in ("forward", "backward"):
        usual = getattr(getattr(fast_conv, name), way)
        monkeypatch.setattr(getattr(fast_conv, name), way,
                            lambda self, *args, way=way, usual=usual: used.append(way) or usual(self, *args))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pass_through(in_a_network(make()), images(shape))
    assert used.count("forward") == used.count("backward") == 2  # once in the proof


def test_code_that_a_notebook_loads_anew_runs_as_written(monkeypatch):
    layer, x = CASES["ConvInParts"][0](), images(CASES["ConvInParts"][1])
    assert fast_or_own(layer, x, x.shape[1:]) is not layer
    function = tn.Conv2d.param_gradients
    usual = function.__code__
    other = compile(textwrap.dedent("""
        def param_gradients(self, dy, saved):
            return {"w": 0 * self.params["w"], "b": 0 * self.params["b"]}
    """), "<cell>", "exec").co_consts[0]
    try:
        function.__code__ = other  # as IPython's autoreload does
        assert fast_or_own(layer, x, x.shape[1:]) is layer
    finally:
        function.__code__ = usual
    assert fast_or_own(layer, x, x.shape[1:]) is not layer
    monkeypatch.setattr(conv_file, "im2col", lambda x, window: None)
    assert fast_or_own(layer, x, x.shape[1:]) is layer


# ---- the file itself is edited -------------------------------------------------------------------------------------

EDITS = {
    "in training only": ('        rows += self.params["b"]\n', '        rows += self.params["b"]\n'
                         "        if train:\n            rows *= 1.1\n"),
    "the bias left out": ('        rows += self.params["b"]\n', ""),
    "dw transposed": ("(cols.T @ rows[:, filters]).reshape(*dw.shape[:3], w.shape[1])",
                      "(cols.T @ rows[:, filters]).reshape(*dw.shape[:3], w.shape[1]).swapaxes(0, 1)"),
    "a pad too few": ("            rows[:, filters] = im2col(x[..., channels], self.window) @ w\n",
                      "            x = x.copy(); x[:, -1] = 0\n"
                      "            rows[:, filters] = im2col(x[..., channels], self.window) @ w\n"),
}
PROGRAM = """
import warnings
import numpy as np
import tinynet as tn
net = tn.Network([("conv1", tn.Conv2d(3, 8, 3, padding=1, seed=1)), ("relu1", tn.ReLU()),
                  ("conv2", tn.Conv2d(8, 4, 3, padding=1, seed=2)), ("conv3", tn.Conv2d(4, 4, 3, stride=2, seed=3))])
for layer in net.layers.values():
    if layer.params:
        layer.params["b"] = np.linspace(1, 2, layer.out_channels, dtype=np.float32)
x = np.random.default_rng(0).standard_normal((70, 9, 9, 3), dtype=np.float32)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for _ in range(3):
        y, saved = net.forward(x, train=True)
        dx, grads = net.backward(np.ones_like(y), saved)
with tn.plain():
    own_y, own_saved = net.forward(x, train=True)
    own_dx, own_grads = net.backward(np.ones_like(y), own_saved)
def far(a, b):
    return float(np.abs(a - b).max() / np.abs(b).max())
print(max([far(y, own_y), far(dx, own_dx), *(far(grads[n][k], own_grads[n][k]) for n in grads for k in grads[n])]))
print(len(said), *(str(one.message) for one in said))
"""


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_file_is_what_runs_and_one_warning_says_so(edit, tmp_path):
    here = Path(tn.__file__).parent
    shutil.copytree(here, tmp_path / "tinynet", ignore=shutil.ignore_patterns("__pycache__", "web", "broken"))
    path = tmp_path / "tinynet" / "layers" / "conv.py"
    old, new = EDITS[edit]
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True,
                          env=os.environ | {"PYTHONPATH": str(tmp_path)})
    far, said = done.stdout.split("\n", 1)
    assert float(far) < 1e-5, "the numbers are those of the edited file"
    count, text = said.split(" ", 1)
    way = "backward" if edit == "dw transposed" else "forward"
    assert count == "1" and re.match(
        rf"layer 'conv\d' \(Conv2d\): its {way} and tinynet's fast implementation of it differ by \d\.\de[-+]\d\d of "
        r"the largest number\. Conv2d now runs as its file, tinynet\.layers\.conv, is written", text), said


# ---- a fast implementation is wrong --------------------------------------------------------------------------------

def last_row_lost(usual):
    def outputs(self, products, y):
        usual(self, products, y)
        if y.shape[1] % 2:
            y[:, -1] = 0
    return outputs


def border_tile_wrong(usual):
    def images(self, x):
        x = x.copy()
        x[:, 0] = x[:, 1]
        return usual(self, x)
    return images


def bias_missing(usual):
    def forward(self, x, train=False):
        y, saved = usual(self, x, train)
        return y - self.params["b"], saved
    return forward


def saves_something_else(usual):
    def forward(self, x, train=False):
        y, saved = usual(self, x, train)
        return y, saved._replace(x=1.5 * saved.x)
    return forward


def filters_transposed(usual):
    def backward(self, dy, saved, input_gradient=True):
        dx, grads = usual(self, dy, saved, input_gradient)
        return dx, grads | {"w": grads["w"][::-1]}
    return backward


def wrong_dx_row(usual):
    def backward(self, dy, saved, input_gradient=True):
        dx, grads = usual(self, dy, saved, input_gradient)
        if dx is not None:
            dx[:, -1] = 0
        return dx, grads
    return backward


def fails(usual):
    def forward(self, x, train=False):
        raise IndexError("a row too many")
    return forward


PLANTED = [
    ("WinogradConv", winograd.Tiles, "outputs", last_row_lost, "forward"),
    ("WinogradConv", winograd.Tiles, "images", border_tile_wrong, "forward"),
    *((name, getattr(fast_conv, name), "forward", bias_missing, "forward") for name in CASES),
    *((name, getattr(fast_conv, name), "forward", saves_something_else, "forward") for name in CASES),
    *((name, getattr(fast_conv, name), "forward", fails, "forward") for name in CASES),
    *((name, getattr(fast_conv, name), "backward", filters_transposed, "backward") for name in CASES),
    *((name, getattr(fast_conv, name), "backward", wrong_dx_row, "backward") for name in CASES),
]


@pytest.mark.parametrize(("name", "owner", "method", "mistake", "way"), PLANTED)
def test_a_planted_mistake_is_noticed_before_it_is_used(name, owner, method, mistake, way, monkeypatch):
    make, shape = CASES[name]
    layer, x = make(), images(shape)  # its biases are zero, and the proof sees a missing one all the same
    with tn.plain():
        expected = pass_through(in_a_network(layer), x)
    monkeypatch.setattr(owner, method, mistake(getattr(owner, method)))
    with pytest.warns(UserWarning, match=rf"layer 'conv' \(Conv2d\): its {way} and tinynet's fast") as said:
        found = pass_through(in_a_network(layer), x)
        pass_through(in_a_network(make()), x)
    assert len(said) == 1
    if mistake is fails:
        assert "differ: the fast one ends in IndexError: a row too many. Conv2d now" in str(said[0].message)
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_what_a_fast_forward_saves_is_what_the_layers_own_backward_needs(monkeypatch):
    usual = fast.NormInPieces.forward

    def forward(self, x, train=False):
        y, saved = usual(self, x, train)
        return y, saved._replace(scale=1.5 * saved.scale)

    monkeypatch.setattr(fast.NormInPieces, "forward", forward)
    net, x = tn.Network([("norm", tn.LocalResponseNorm())]), images((4, 3, 8))
    with pytest.warns(UserWarning, match=r"layer 'norm' \(LocalResponseNorm\): its forward and tinynet's fast"):
        y, saved = net.forward(x)
    dx, _ = net.backward(np.ones_like(y), saved)
    with tn.plain():
        expected, _ = net.backward(np.ones_like(y), net.forward(x)[1])
    np.testing.assert_allclose(dx, expected, rtol=1e-5)


def test_helpers_of_helpers_that_were_loaded_anew_run_as_written(monkeypatch):
    """As a notebook's %autoreload does it: the function stays, and gets other code."""
    net, x = tn.Network([("pool", tn.MaxPool2d(2))]), images((4, 4, 3))
    net.forward(x)                                                             # proven

    usual = types.FunctionType(numpy_ops.window_max.__code__, numpy_ops.window_max.__globals__)
    monkeypatch.setitem(numpy_ops.window_max.__globals__, "usual", usual)
    monkeypatch.setattr(numpy_ops.window_max, "__code__", smallest_code())
    with tn.plain():
        expected = net.forward(x)[0]
    np.testing.assert_array_equal(expected, x.reshape(len(x), 2, 2, 2, 2, 3).min(axis=(2, 4)))
    np.testing.assert_array_equal(net.forward(x)[0], expected)


def smallest_code():
    """The code of a minimum, for a module that has the maximum under the name `usual`."""
    def window_max(x, window):
        return -usual(-x, window)  # noqa: F821

    return window_max.__code__


def test_on_a_gpu_too(gpu, monkeypatch):
    layer = tn.to_gpu(tn.LocalResponseNorm())
    x = gpu.asarray(images((3, 3, 8)))
    assert type(fast_or_own(layer, x, x.shape[1:], "norm")).__name__ == "FusedResponseNorm"
    usual = fast.FusedResponseNorm.forward
    monkeypatch.setattr(fast.FusedResponseNorm, "forward", lambda self, x, train=False: (
        1.001 * usual(self, x)[0], usual(self, x)[1]))
    with pytest.warns(UserWarning, match=r"layer 'norm' \(LocalResponseNorm\)"):
        assert fast_or_own(tn.to_gpu(tn.LocalResponseNorm()), x, x.shape[1:], "norm").__class__ is tn.LocalResponseNorm


def test_what_fails_in_the_file_fails_as_it_would_without(monkeypatch):
    net = in_a_network(CASES["FewChannelsConv"][0]())

    def forward(self, x, train=False):
        raise ZeroDivisionError("mine")

    monkeypatch.setattr(tn.Conv2d, "forward", forward)
    monkeypatch.setattr(fast, "as_loaded", lambda layer: True)  # as if the file had said so
    with pytest.raises(ZeroDivisionError, match="mine"):
        net.forward(images(CASES["FewChannelsConv"][1]))


# ---- plain, set_fast, debuggers ------------------------------------------------------------------------------------

@pytest.mark.parametrize("switch", ["plain", "set_fast"])
def test_the_layers_own_methods_run_everywhere_when_asked_for(switch, monkeypatch):
    net, (x, labels) = network(), batch(70)
    usual = [array for array in step_arrays(net, x, labels)]
    called = Counted()
    for name, layer in net.layers.items():
        for way in ("forward", "backward"):
            monkeypatch.setattr(layer, way, noting(called, f"{name} {way}", getattr(layer, way)), raising=False)
    try:
        if switch == "plain":
            with tn.plain():
                found = step_arrays(net, x, labels)
        else:
            tn.set_fast(False)
            fresh = CASES["WinogradConv"][0]()                                 # with no method patched
            assert fast_or_own(fresh, images(CASES["WinogradConv"][1]), CASES["WinogradConv"][1]) is fresh
            found = step_arrays(net, x, labels)
    finally:
        tn.set_fast(True)
    assert all(called[f"{name} {way}"] >= 1 for name in net.layers for way in ("forward", "backward"))
    for one, two in zip(found, usual, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-4 * np.abs(two).max())


def noting(called, what, method):
    def run(*args, **options):
        called.note(what)
        return method(*args, **options)

    return run


def step_arrays(net, x, labels):
    for layer in net.layers.values():
        if isinstance(layer, tn.Dropout):
            layer.generator = np.random.default_rng(0)
    scores, saved = net.forward(x, train=True)
    dx, grads = net.backward(tn.softmax_cross_entropy(scores, labels)[1], saved)
    return [scores, dx, *(array for own in grads.values() for array in own.values())]


def test_plain_stays_in_the_calling_thread_and_ends_with_the_block():
    seen = set()

    class Look(tn.Layer):
        def forward(self, x, train=False):
            seen.add(threading.current_thread())
            return x, ()

    net, x = tn.Network([("look", Look())]), images((3, 3, 2), 200)
    assert fast_allowed()
    with tn.plain():
        assert not fast_allowed()
        net.forward(x)
        with tn.plain():
            pass
        assert not fast_allowed()
    assert fast_allowed() and seen == {threading.current_thread()}


def test_set_fast_takes_true_or_false():
    with pytest.raises(tn.errors.ArgumentError, match="set_fast: on is 'no', expected True or False"):
        tn.set_fast("no")


@pytest.mark.parametrize("say", ["trace", "gradient check"])
def test_traces_and_gradient_checks_say_the_same(say):
    net, x = network().astype("float64"), batch(2)[0].astype("float64")

    def said():
        if say == "trace":
            return [step.output.tobytes() for step in tn.trace(net, x, np.array([0, 1])).steps]
        small = tn.Network([("conv", CASES["WinogradConv"][0]()), ("relu", tn.ReLU())])
        return str(tn.check_gradients(small, images(CASES["WinogradConv"][1], 2))).split("\n")[0]

    usual = said()
    with tn.plain():
        assert said() == usual


DEBUGGED = """
import numpy as np
import tinynet as tn
net = tn.Network([("conv", tn.Conv2d(3, 4, 3)), ("flat", tn.Flatten()), ("fc", tn.Linear(4 * 7 * 7, 2))])
x = np.random.default_rng(0).standard_normal((40, 9, 9, 3), dtype=np.float32)
tn.fit(net, (x, np.arange(40) % 2), epochs=1, batch_size=40, progress=False)
print("trained")
"""


@pytest.mark.parametrize("method", ["forward", "param_gradients"])
def test_a_breakpoint_in_a_layers_file_is_hit_in_training(method, tmp_path):
    program = tmp_path / "train.py"
    program.write_text(DEBUGGED)
    commands = "\n".join(["import tinynet.layers.conv", f"break tinynet.layers.conv.Conv2d.{method}", "continue",
                          "where", "clear 1", "continue", "q\n"])
    done = subprocess.run([sys.executable, "-m", "pdb", str(program)], input=commands, capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(Path(tn.__file__).parents[1])}, timeout=120)
    assert f"conv.py({line_of(method)})" in done.stdout.replace("->", ""), done.stdout + done.stderr
    assert "trained" in done.stdout, "and goes on"


def line_of(method):
    """The first line of a method's body, where pdb stops."""
    import inspect

    lines, start = inspect.getsourcelines(getattr(tn.Conv2d, method))
    body = next(i for i, line in enumerate(lines[1:], 1) if line.strip() and not line.strip().startswith("#"))
    return start + body


def test_while_a_debugger_traces_nothing_stands_in():
    layer, x = CASES["FewChannelsConv"][0](), images(CASES["FewChannelsConv"][1])
    assert type(fast_or_own(layer, x, x.shape[1:])) is FewChannelsConv
    before = sys.gettrace()
    try:
        sys.settrace(lambda *args: None)
        assert fast_or_own(layer, x, x.shape[1:]) is layer
    finally:
        sys.settrace(before)


def test_a_proof_is_made_once_for_each_size_method_and_dtype(monkeypatch):
    made = []
    usual = fast.difference
    monkeypatch.setattr(fast, "difference", lambda *args: made.append(args[3:]) or usual(*args))
    layer = CASES["WinogradConv"][0]()
    net = in_a_network(layer)
    for shape in ((9, 7, 8), (9, 7, 8), (8, 7, 8)):
        for _ in range(2):
            pass_through(net, images(shape))
    assert made == [((rows, 7, 8), method, True) for rows in (9, 8) for method in ("forward", "backward")]
    net.forward(images((9, 7, 8)), train=False)
    assert made[4:] == [((9, 7, 8), "forward", False)]


@pytest.mark.filterwarnings("error")
def test_float16_runs_as_written_and_leaves_the_others_fast():
    layers = [("conv1", tn.Conv2d(2, 3, 3)), ("norm1", tn.LocalResponseNorm()), ("pool1", tn.AvgPool2d(2))]
    net = tn.Network(layers).astype("float16")
    x = np.random.default_rng(0).standard_normal((2, 8, 8, 2)).astype(np.float16)
    y, saved = net.forward(x, train=True)
    assert y.dtype == net.backward(y, saved)[0].dtype == np.float16
    for layer in (tn.Conv2d(2, 3, 3), tn.LocalResponseNorm(), tn.AvgPool2d(2)):
        shape = (8, 8, layer.params["w"].shape[2] if layer.params else 2)
        assert fast.fast_or_own(layer, np.zeros(1, np.float32), shape) is not layer


def test_the_old_name_of_the_function_still_imports():
    module = importlib.import_module("tinynet.primitives.twins")
    assert module.twin is fast_or_own and isinstance(module.twin(CASES["WinogradConv"][0]()), WinogradConv)


LAYOUTS = {  # of the same numbers, (N, H, W, C)
    "channels first": lambda x: np.ascontiguousarray(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1),
    "every second": lambda x: np.repeat(x, 2, axis=2)[:, :, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
    "columns first": np.asfortranarray,
}
ANY_LAYOUT = {
    "winograd": lambda: tn.Conv2d(4, 6, 3, padding=1), "few channels": lambda: tn.Conv2d(4, 14, (3, 4), padding=1),
    "stride": lambda: tn.Conv2d(4, 6, 3, stride=2), "groups": lambda: tn.Conv2d(4, 6, 3, groups=2),
    "1 x 1": lambda: tn.Conv2d(4, 6, 1), "fire": lambda: tn.Fire(4, 3, 5, 5),
    "local": lambda: tn.LocallyConnected2d(4, 3, 3, input_size=(8, 7)),
    "max": lambda: tn.MaxPool2d(3, 2, ceil_mode=True), "max, padded": lambda: tn.MaxPool2d(3, 1, padding=1),
    "average": lambda: tn.AvgPool2d(3, 2), "average, apart": lambda: tn.AvgPool2d(2, 2, ceil_mode=True),
    "LRN": lambda: tn.LocalResponseNorm(3, alpha=1.0), "LRN in towers": lambda: tn.LocalResponseNorm(3, groups=2),
    "within maps": lambda: tn.SpatialResponseNorm(3, alpha=1.0), "batch norm": lambda: tn.BatchNorm2d(4),
    "relu": tn.ReLU, "tanh": tn.Tanh, "sigmoid": tn.Sigmoid, "flatten": tn.Flatten, "dropout": tn.Dropout,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ANY_LAYOUT)
def test_the_layout_of_an_array_in_memory_changes_nothing(name, layout):
    """A view, such as images transposed from (N, C, H, W), gives what its copy gives: both passes, fast and plain."""
    x = images((8, 7, 4))
    net = tn.Network([("layer", ANY_LAYOUT[name]())])
    before = copy.deepcopy(net)
    y, saved = net.forward(x, train=True)
    dy = np.random.default_rng(2).standard_normal(y.shape).astype("float32")
    dx, grads = net.backward(dy, saved)
    arranged = LAYOUTS[layout]
    for way in (tn.plain, warnings.catch_warnings):
        other = copy.deepcopy(before)
        with way():
            seen, kept = other.forward(arranged(x), train=True)
            back, found = other.backward(arranged(dy) if dy.ndim == 4 else np.asfortranarray(dy), kept)
        np.testing.assert_allclose(seen, y, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(back, dx, rtol=1e-4, atol=1e-5)
        for key, gradient in grads.get("layer", {}).items():
            np.testing.assert_allclose(found["layer"][key], gradient, rtol=1e-4, atol=1e-4)
