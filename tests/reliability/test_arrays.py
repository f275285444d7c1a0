"""Arrays of a wrong shape, dtype or kind, and of any layout in memory, for every layer and public function."""
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet import data, layers
from tinynet.errors import TinynetError

NET = tn.Network([("flatten", tn.Flatten()), ("fc", tn.Linear(12, 3))], input_shape=(2, 2, 3))
OPTIMIZER, ADAM = tn.SGD(NET), tn.Adam(NET)
IMAGES, LABELS = np.zeros((4, 2, 2, 3), np.float32), np.array([0, 1, 2, 0])
STORED = np.zeros((4, 2, 2, 3), np.uint8)
READY = data.Preprocessing(np.zeros(3), 2)
SCORES, SAVED = NET.forward(IMAGES)

# Every public function that takes arrays, by all of its array arguments.
FUNCTIONS: dict[str, Any] = {
    "Network.forward": lambda wrong: NET.forward(wrong),
    "Network.backward": lambda wrong: NET.backward(wrong, SAVED),
    "SGD": lambda wrong: OPTIMIZER.step(wrong),
    "SGD, a gradient": lambda wrong: OPTIMIZER.step({"fc": {"w": wrong, "b": np.zeros(3, np.float32)}}),
    "Adam": lambda wrong: ADAM.step(wrong),
    "Adam, a gradient": lambda wrong: ADAM.step({"fc": {"w": wrong, "b": np.zeros(3, np.float32)}}),
    "check_gradients": lambda wrong: tn.check_gradients(tn.Linear(12, 3), wrong),
    "testing.assert_gradients": lambda wrong: tn.testing.assert_gradients(tn.Linear(12, 3), wrong),
    "testing.assert_matches": lambda wrong: tn.testing.assert_matches(tn.Linear(12, 3), tn.Linear(12, 3), wrong),
    "evaluate, images": lambda wrong: tn.evaluate(NET, (wrong, LABELS)),
    "evaluate, labels": lambda wrong: tn.evaluate(NET, (IMAGES, wrong)),
    "fit, images": lambda wrong: tn.fit(NET, (wrong, LABELS), epochs=1, progress=False),
    "fit, labels": lambda wrong: tn.fit(NET, (IMAGES, wrong), epochs=1, progress=False),
    "predict": lambda wrong: tn.predict(NET, wrong),
    "softmax_cross_entropy, scores": lambda wrong: tn.softmax_cross_entropy(wrong, LABELS),
    "softmax_cross_entropy, labels": lambda wrong: tn.softmax_cross_entropy(SCORES, wrong),
    "training_step, images": lambda wrong: tn.training_step(NET, wrong, LABELS[:1], tn.SGD(NET)),
    "training_step, labels": lambda wrong: tn.training_step(NET, IMAGES[:1], wrong, tn.SGD(NET)),
    "trace, images": lambda wrong: tn.trace(NET, wrong, LABELS[:1]),
    "trace, labels": lambda wrong: tn.trace(NET, IMAGES[:1], wrong),
    "trace, upstream": lambda wrong: tn.trace(NET, IMAGES[:1], upstream=wrong),
    "data.Dataset, images": lambda wrong: data.Dataset(wrong, LABELS, ["a", "b", "c"]),
    "data.Dataset, labels": lambda wrong: data.Dataset(STORED, wrong, ["a", "b", "c"]),
    "data.FloatImages, images": lambda wrong: data.FloatImages(wrong, LABELS),
    "data.FloatImages, labels": lambda wrong: data.FloatImages(IMAGES, wrong),
    "data.ImageFolder": lambda wrong: data.ImageFolder(["a.png"], wrong, ["a", "b", "c"]),
    "data.Loader": lambda wrong: next(data.Loader((wrong, LABELS), None, threads=0).batches()),
    "data.Preprocessing, mean": lambda wrong: data.Preprocessing(wrong, 2),
    "data.Preprocessing, images": lambda wrong: READY(wrong),
    "data.ten_crops": lambda wrong: data.ten_crops(wrong, 2),
}
# Those that take none: numbers, names and files, whose refusals other tests have.
WITHOUT_ARRAYS = {
    "Layer", "ReduceOnPlateau", "StepSchedule", "alexnet", "alexnet_medium", "alexnet_small", "check_optimizer",
    "cifar_net", "lenet5", "load_checkpoint", "load_weights", "plain", "pretrained", "save_checkpoint",
    "save_weights", "set_fast", "set_threads", "split_network", "squeezenet", "testing", "to_cpu", "to_gpu", "course",
    "data", "data.Augmentation", "data.PCAColour", "data.download", "data.draw_shapes", "data.load_cifar10",
    "data.load_data", "data.load_image", "data.load_image_folder", "data.load_mnist", "data.load_shapes",
    "data.sample_photograph", "data.split_validation", "testing.images", "testing.layers", "testing.windows",
}


def test_no_public_name_is_forgotten():
    public = set(tn.__all__) | {f"data.{name}" for name in data.__all__}
    public |= {f"testing.{name}" for name in tn.testing.__all__}
    tested = {name.split(",")[0].removesuffix(".forward").removesuffix(".backward") for name in FUNCTIONS}
    assert tested | WITHOUT_ARRAYS | set(layers.__all__) == public and set(TABLE) == set(layers.__all__)


def not_arrays():
    return st.sampled_from([None, "no", -1, 2.5, [], [[1.0]], {}, object()])


def wrong_arrays():
    kinds = ["float64", "float16", "complex64", "int8", "uint8", "int64", "bool", "object", "<U3", "datetime64[s]"]
    shapes = st.lists(st.integers(0, 3), min_size=0, max_size=5).map(tuple)
    return st.builds(lambda shape, kind: np.zeros(shape, "int64").astype(kind), shapes, st.sampled_from(kinds))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(wrong=not_arrays() | wrong_arrays())
def test_functions_say_what_they_found(name, wrong):
    try:
        FUNCTIONS[name](wrong)
    except TinynetError as error:
        assert_says(str(error), wrong)
    else:
        assert isinstance(wrong, list | np.ndarray)  # what happens to fit, or has the meaning of an array that fits


def assert_says(text, wrong):
    """Assert that a message has what was found, its type, shape or value, and what was expected."""
    array = np.asarray(wrong)  # what a function may have made of it
    shape = array.shape
    found = [type(wrong).__name__, repr(wrong), str(array.dtype), str(shape), " x ".join(map(str, shape)), "empty"]
    found += [str(number) for number in (*shape, shape[1:])] + ["no images", "does not exist"]
    nothing = wrong is None or isinstance(wrong, dict)  # of which there is nothing to say
    assert nothing or any(part and part in text for part in found), text
    words = ("expect", "must", "needs", "is empty", "the output has", "no images", "does not fit",
             "do not divide", "has no gradient", "the parameter", "adds it")
    assert any(word in text for word in words), text


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_layers_say_what_they_found(name, drawn):
    layer, x = draw_case(drawn.draw, TABLE[name])
    y, saved = layer.forward(x, train=True)
    wrong = drawn.draw(not_arrays() | wrong_arrays() | st.sampled_from([
        x[0], x[None], x[:0], x.astype(">i4"), x.astype(complex), np.concatenate([x, x], axis=-1), x.T]))
    fits = isinstance(wrong, np.ndarray) and wrong.dtype.kind == "f" and wrong.ndim > 1
    try:
        layer.forward(wrong)
    except TinynetError as error:
        assert_says(str(error), wrong)
    else:
        assert fits and (layer.dtype in (None, wrong.dtype))
    if not (isinstance(wrong, np.ndarray) and wrong.shape == y.shape and wrong.dtype == y.dtype):
        with pytest.raises(TinynetError) as caught:
            layer.backward(wrong, saved)
        assert_says(str(caught.value), wrong)
        assert "dy" in str(caught.value)


def layouts(array):
    """The same numbers in other orders in memory, and read-only."""
    wide = np.repeat(array, 2, axis=-1)
    read_only = array.copy()
    read_only.flags.writeable = False
    return {"Fortran": np.asfortranarray(array), "every second": wide[..., ::2], "read-only": read_only,
            "backwards": array[::-1, ..., ::-1].copy()[::-1, ..., ::-1]}


@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_layers_take_every_layout(name, drawn):
    layer, x = draw_case(drawn.draw, TABLE[name])
    y, saved = layer.forward(x)
    dy = np.random.default_rng(0).standard_normal(y.shape)
    dx, grads = layer.backward(dy, saved)
    for layout, other in layouts(x).items():
        y2, saved2 = layer.forward(other)
        np.testing.assert_allclose(y2, y, rtol=1e-12, atol=1e-12, err_msg=layout)
        dx2, grads2 = layer.backward(layouts(dy)[layout], saved2)
        np.testing.assert_allclose(dx2, dx, rtol=1e-12, atol=1e-12, err_msg=layout)
        for key, gradient in grads.items():
            np.testing.assert_allclose(grads2[key], gradient, rtol=1e-12, atol=1e-10, err_msg=f"{layout} {key}")


def test_a_checkpoint_does_not_depend_on_layout(tmp_path):
    net = tn.Network([("fc", tn.Linear(4, 3, seed=1))])
    expected = net["fc"].params["w"].copy()
    net["fc"].params["w"] = np.asfortranarray(expected)
    tn.save_checkpoint(tmp_path / "a.npz", net)
    np.testing.assert_array_equal(tn.load_checkpoint(tmp_path / "a.npz")["fc"].params["w"], expected)
