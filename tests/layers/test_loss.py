"""Softmax cross-entropy: by hand, against PyTorch, against finite differences."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinynet as tn
from tinynet.errors import DtypeError, ShapeError


def test_equal_scores_cost_the_logarithm_of_the_classes():
    loss, dscores = tn.softmax_cross_entropy(np.zeros((2, 4)), np.array([0, 3]))
    assert loss == pytest.approx(np.log(4))
    np.testing.assert_allclose(dscores, np.array([[-3, 1, 1, 1], [1, 1, 1, -3]]) / 8)


def test_large_scores_neither_overflow_nor_lose_the_loss():
    with np.errstate(all="raise", under="ignore"):
        loss, dscores = tn.softmax_cross_entropy(np.array([[1e4, 0.0]]), np.array([1]))
    assert loss == 1e4
    np.testing.assert_array_equal(dscores, [[1, -1]])


@given(st.integers(1, 6), st.integers(2, 7), st.integers(0, 10**6))
def test_loss_and_gradient_agree_with_pytorch(n, classes, seed):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: reference)")
    generator = np.random.default_rng(seed)
    scores, labels = generator.normal(0, 5, (n, classes)), generator.integers(0, classes, n)
    theirs = torch.tensor(scores, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(theirs, torch.tensor(labels))
    expected.backward()
    loss, dscores = tn.softmax_cross_entropy(scores, labels)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-12)
    np.testing.assert_allclose(dscores, theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


@given(st.integers(1, 6), st.integers(2, 7), st.integers(0, 10**6))
def test_the_gradient_agrees_with_finite_differences(n, classes, seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, n)
    report = tn.check_gradients(lambda s: tn.softmax_cross_entropy(s, labels), generator.normal(0, 2, (n, classes)))
    assert report.passed, str(report)


def test_scores_are_left_as_they_were():
    scores = np.ones((2, 3), np.float32)
    loss, dscores = tn.softmax_cross_entropy(scores, np.array([0, 1]))
    assert (scores == 1).all() and dscores.dtype == np.float32 and isinstance(loss, float)


@pytest.mark.parametrize(("labels", "error", "message"), [
    (np.array([0, 3]), ShapeError, "from 0 to 3, expected 0 to 2"),
    (np.array([0, 4]), ShapeError, "from 0 to 4, expected 0 to 2"),
    (np.array([-1, 0]), ShapeError, "from -1 to 0"),
    (np.array([0]), ShapeError, r"shape \(1,\), expected \(2,\)"),
    (np.array([0, 1, 2]), ShapeError, r"shape \(3,\), expected \(2,\)"),
    (np.array([0.0, 1.0]), DtypeError, "float64, expected an array of integers"),
    ([0.5, 1], DtypeError, "float64, expected an array of integers"),
])
def test_bad_labels_are_refused(labels, error, message):
    with pytest.raises(error, match=message):
        tn.softmax_cross_entropy(np.zeros((2, 3)), labels)


def test_scores_must_be_a_matrix():
    with pytest.raises(ShapeError, match=r"scores have shape \(2, 3, 1\)"):
        tn.softmax_cross_entropy(np.zeros((2, 3, 1)), np.array([0, 1]))
