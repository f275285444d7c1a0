"""Errors counted, and probabilities, with and without ten crops."""
from typing import Any

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import Dataset, Preprocessing
from tinynet.errors import ArgumentError, DtypeError, NotFiniteError, ShapeError
from tinynet.training.evaluation import confusion_matrix, count_errors, evaluate, evaluate_and_count, predict
from tinynet.training.not_finite import not_finite_in


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def small_net(classes=7) -> Any:
    net = tn.Network([
        ("conv1", tn.Conv2d(3, 4, 3, seed=1)), ("norm1", tn.BatchNorm2d(4)), ("relu1", tn.ReLU()),
        ("flatten", tn.Flatten()), ("drop", tn.Dropout()), ("fc", tn.Linear(4 * 4 * 4, classes, seed=2)),
    ], name="small", input_shape=(6, 6, 3))
    net["conv1"].params["w"] /= 100  # for pixels up to 255
    return net


def small_data(rng, count=23, classes=7):
    images = rng.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return Dataset(images, rng.integers(0, classes, count), [f"class {i}" for i in range(classes)])


def softmax(scores):
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [1, 5])
def test_errors_are_those_of_sorting(k, rng):
    scores, labels = rng.standard_normal((200, 9)), rng.integers(0, 9, 200)
    expected = sum(label not in np.argsort(-row)[:k] for row, label in zip(scores, labels, strict=True))
    assert count_errors(scores, labels, k) == expected > 0


def test_ties_count_by_their_share():
    scores = np.array([[1.0, 1, 0], [1, 1, 1], [2, 1, 1], [0, 2, 2]])
    assert count_errors(scores[:1], np.array([0]), 1) == 0.5
    assert count_errors(scores[:1], np.array([1]), 1) == 0.5
    assert count_errors(scores[1:2], np.array([2]), 1) == pytest.approx(2 / 3)
    assert count_errors(scores[1:2], np.array([2]), 2) == pytest.approx(1 / 3)
    assert count_errors(scores[2:3], np.array([1]), 2) == 0.5
    assert count_errors(scores[3:], np.array([0]), 2) == 1
    for label in range(10):
        assert count_errors(np.zeros((1, 10)), np.array([label]), 1) == pytest.approx(0.9)


def test_five_of_three_classes_are_always_right_and_nan_never_is():
    assert count_errors(np.array([[3.0, 2, 1]]), np.array([2]), 5) == 0
    assert count_errors(np.array([[np.nan, 0, 0], [0, np.nan, 0], [np.inf, 0, 0]]), np.array([0, 0, 0]), 5) == 2


@pytest.mark.parametrize("batch_size", [1, 8, 100])
def test_evaluate_is_the_mean_over_all_images_however_they_are_cut(batch_size, rng):
    net, data = small_net(), small_data(rng)
    net.preprocessing = Preprocessing.fit(data, 6)
    scores, _ = net.forward(net.preprocessing(data.images), train=False)
    found = evaluate(net, data, batch_size=batch_size)
    assert found.count == 23
    p = softmax(scores.astype(np.float64))
    assert found.loss == pytest.approx(-np.log(p[np.arange(23), data.labels]).mean(), rel=1e-5)
    assert found.top1_error == pytest.approx((scores.argmax(axis=1) != data.labels).mean())
    best5 = np.argsort(-scores, axis=1)[:, :5]
    assert found.top5_error == pytest.approx(1 - (best5 == data.labels[:, np.newaxis]).any(axis=1).mean())
    assert 0 < found.top5_error < found.top1_error
    pair = (net.preprocessing(data.images), data.labels)
    assert evaluate(net, pair, batch_size=batch_size) == found
    assert str(found).startswith(f"top-1 error {found.top1_error:.2%}, top-5 error")


@pytest.mark.parametrize("ten_crop", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8, 100])
def test_confusion_matrix_counts_true_class_and_first_guess(batch_size, ten_crop, rng):
    net, data = small_net(), small_data(rng)
    net.preprocessing = Preprocessing.fit(data, 6)
    guesses = predict(net, data.images, ten_crop=ten_crop).argmax(axis=1)
    expected = np.zeros((7, 7), int)
    for label, guess in zip(data.labels, guesses, strict=True):
        expected[label, guess] += 1
    counts = confusion_matrix(net, data, batch_size=batch_size, ten_crop=ten_crop)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, expected)
    found = evaluate(net, data, batch_size=batch_size, ten_crop=ten_crop)
    assert found.top1_error == pytest.approx(1 - np.trace(counts) / 23)
    both = evaluate_and_count(net, data, batch_size, ten_crop)
    assert both[0] == found and (both[1] == counts).all()


def test_ties_go_to_the_first_class_in_a_confusion_matrix():
    net: Any = tn.Network([("fc", tn.Linear(3, 3))], input_shape=(3,))
    net["fc"].params["w"][...], net["fc"].params["b"][...] = np.eye(3), 0
    pair = (np.array([[0, 0, 0], [0, 2, 2], [1, 0, 1]], np.float32), np.array([2, 2, 0], np.int32))
    np.testing.assert_array_equal(confusion_matrix(net, pair), [[1, 0, 0], [0, 0, 0], [1, 1, 0]])
    assert evaluate(net, pair).top1_error == pytest.approx((2 / 3 + 1 / 2 + 1 / 2) / 3)


def test_the_confusion_matrix_is_the_same_on_the_gpu(gpu, rng):
    net = tn.lenet5()
    pair = (rng.normal(0, 60, (30, *net.input_shape)).astype(np.float32), rng.integers(0, 10, 30))
    found = confusion_matrix(tn.to_gpu(net), pair, batch_size=8)
    assert type(found) is np.ndarray and found.sum() == 30
    np.testing.assert_array_equal(found, confusion_matrix(net, pair, batch_size=8))


def test_ten_crops_average_probabilities(rng):
    net, data = small_net(), small_data(rng)
    net.preprocessing = Preprocessing.fit(data, 6)
    crops = net.preprocessing.ten_crops(data.images)                           # (23, 10, 6, 6, 3)
    each = [softmax(net.forward(np.ascontiguousarray(crops[:, i]))[0].astype(np.float64)) for i in range(10)]
    expected = np.mean(each, axis=0)
    np.testing.assert_allclose(predict(net, data.images, ten_crop=True), expected, rtol=1e-4, atol=1e-7)
    found = evaluate(net, data, ten_crop=True, batch_size=40)
    assert found.loss == pytest.approx(-np.log(expected[np.arange(23), data.labels]).mean(), rel=1e-5)
    assert found.top1_error == pytest.approx((expected.argmax(axis=1) != data.labels).mean())
    assert np.abs(expected - predict(net, data.images)).max() > 0.01


def test_a_probability_of_zero_gives_a_finite_loss_with_ten_crops(rng):
    net, data = small_net(), small_data(rng)
    net.preprocessing = Preprocessing.fit(data, 6)
    net["fc"].params["w"] *= 1e4
    assert predict(net, data.images, ten_crop=True).min() < 1e-37
    assert np.isfinite(evaluate(net, data, ten_crop=True).loss)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predict_gives_probabilities_for_bytes_and_for_floats(dtype, rng):
    net, data = small_net(), small_data(rng)
    preprocessing = net.preprocessing = Preprocessing.fit(data, 6)
    net = net.astype(dtype)
    probabilities = predict(net, data.images, batch_size=5)
    assert probabilities.shape == (23, 7) and probabilities.dtype == dtype
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    ready = preprocessing(data.images).astype(dtype)
    np.testing.assert_array_equal(predict(net, ready, batch_size=5), probabilities)
    np.testing.assert_allclose(probabilities, softmax(net.forward(ready)[0]), rtol=1e-4)


def test_neither_changes_the_network(rng):
    net, data = small_net(), small_data(rng)
    net.preprocessing = Preprocessing.fit(data, 6)
    before = net["norm1"].buffers["running_mean"].copy(), net["drop"].generator.bit_generator.state
    evaluate(net, data)
    predict(net, data.images)
    np.testing.assert_array_equal(net["norm1"].buffers["running_mean"], before[0])
    assert net["drop"].generator.bit_generator.state == before[1]
    assert not_finite_in(net) is None


@pytest.mark.parametrize("ten_crop", [False, True])
def test_numbers_that_are_not_finite_are_told_with_their_layer(ten_crop, rng):
    net, data = small_net(), small_data(rng)
    net.preprocessing = Preprocessing.fit(data, 6)
    net["fc"].params["w"][0, 0] = np.nan
    for call, what in ((lambda: evaluate(net, data, ten_crop=ten_crop), "the loss is nan"),
                       (lambda: confusion_matrix(net, data, ten_crop=ten_crop), "the loss is nan"),
                       (lambda: predict(net, data.images, ten_crop=ten_crop), "the probabilities are not finite")):
        with pytest.raises(NotFiniteError, match=f"{what}: fc is the first layer .*nor is its parameter w"):
            call()
    if not ten_crop:
        images = np.full((2, 6, 6, 3), np.inf, np.float32)
        with np.errstate(invalid="ignore"), pytest.raises(NotFiniteError, match="the images themselves are not finite"):
            predict(small_net(), images)


@pytest.mark.parametrize("call, error, message", [
    (lambda net, data: evaluate(net, data), ArgumentError, "small has no preprocessing for uint8 images"),
    (lambda net, data: predict(net, data.images), ArgumentError, "small has no preprocessing"),
    (lambda net, data: predict(net, data.images / np.float32(255), ten_crop=True), ArgumentError, "ten_crop needs"),
    (lambda net, data: evaluate(net, (data.images / np.float32(255), data.labels), ten_crop=True), ArgumentError,
     "ten_crop needs"),
    (lambda net, data: predict(net, data.images[0]), ShapeError, r"images are \(8, 8, 3\), expected"),
    (lambda net, data: predict(net, data.images[:0]), ShapeError, r"images are \(0, 8, 8, 3\), expected"),
    (lambda net, data: predict(net, [1, 2]), ShapeError, r"images are \(2,\), expected"),
    (lambda net, data: predict(net, np.zeros((1, 6, 6, 3))), DtypeError, "float64, expected float32"),
    (lambda net, data: evaluate(net, 5), ArgumentError, "data is a int, expected a Dataset or a pair"),
    (lambda net, data: evaluate(net, (np.zeros((2, 6, 6, 3), np.float32), np.array([0, 7]))), ShapeError, "labels go"),
    (lambda net, data: evaluate(net, data, batch_size=0), ArgumentError, "evaluate: batch_size"),
    (lambda net, data: predict(net, data.images, batch_size=0), ArgumentError, "predict: batch_size"),
])
def test_what_does_not_fit_is_named(call, error, message, rng):
    net, data = small_net(), small_data(rng)
    if "batch_size" in message:
        net.preprocessing = Preprocessing.fit(data, 6)
    with pytest.raises(error, match=message):
        call(net, data)
