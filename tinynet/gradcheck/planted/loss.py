"""Losses whose gradient is wrong."""
import numpy as np

from ...layers.loss import softmax_cross_entropy
from .catalogue import planted

LABELS = np.array([2, 0, 4, 4])
SHAPE = (4, 5)


def with_labels(loss):
    """The loss as a function of the scores alone."""

    def of_scores(scores):
        return loss(scores, LABELS)

    return of_scores


def loss_bug(name):
    """As `planted`, for a loss."""
    return planted(name, "x", with_labels, SHAPE, right=softmax_cross_entropy)


def probabilities(scores, axis=1):
    exp = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return exp / exp.sum(axis=axis, keepdims=True)


@loss_bug("loss-batch-size-forgotten")
def batch_size_forgotten(scores, labels):
    """The gradient lacks the 1 / N of the mean."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    return loss, len(scores) * dscores


@loss_bug("loss-batch-size-twice")
def batch_size_twice(scores, labels):
    """The gradient is divided by N twice."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    return loss, dscores / len(scores)


@loss_bug("loss-divided-by-classes")
def divided_by_classes(scores, labels):
    """The gradient is divided by the number of scores, N times classes, as a careless mean() does."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    return loss, dscores / scores.shape[1]


@loss_bug("loss-sum-for-mean")
def sum_for_mean(scores, labels):
    """The loss is the sum over the batch, its gradient that of the mean."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    return len(scores) * loss, dscores


@loss_bug("loss-label-off-by-one")
def label_off_by_one(scores, labels):
    """The one-hot labels are counted from 1: the class before is subtracted."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    n = len(scores)
    dscores[np.arange(n), labels] += 1 / n
    dscores[np.arange(n), labels - 1] -= 1 / n
    return loss, dscores


@loss_bug("loss-label-only")
def label_only(scores, labels):
    """Only the label's score gets a gradient; the path through the sum of all exponentials is missing for the rest."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    at_label = (np.arange(len(scores)), labels)
    out = np.zeros_like(dscores)
    out[at_label] = dscores[at_label]
    return loss, out


@loss_bug("loss-sign")
def sign(scores, labels):
    """labels - probabilities instead of probabilities - labels."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    return loss, -dscores


@loss_bug("loss-label-not-subtracted")
def label_not_subtracted(scores, labels):
    """The gradient is the probabilities: the label's 1 is not subtracted."""
    loss, _ = softmax_cross_entropy(scores, labels)
    return loss, probabilities(scores) / len(scores)


@loss_bug("loss-softmax-over-batch")
def softmax_over_batch(scores, labels):
    """The probabilities in the gradient are normalized over the images: axis 0."""
    loss, _ = softmax_cross_entropy(scores, labels)
    dscores = probabilities(scores, axis=0)
    dscores[np.arange(len(scores)), labels] -= 1
    return loss, dscores / len(scores)


@loss_bug("loss-label-subtracted-from-every-row")
def from_every_row(scores, labels):
    """dscores[:, labels] -= 1 instead of dscores[arange(N), labels]: 1 is subtracted at all labels in every row."""
    loss, _ = softmax_cross_entropy(scores, labels)
    dscores = probabilities(scores)
    dscores[:, labels] -= 1
    return loss, dscores / len(scores)


@loss_bug("loss-through-softmax-twice")
def through_softmax_twice(scores, labels):
    """The fused gradient is multiplied by the softmax's Jacobian once more."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    y = probabilities(scores)
    return loss, y * (dscores - (dscores * y).sum(axis=1, keepdims=True))


@loss_bug("loss-shift-differentiated")
def shift_differentiated(scores, labels):
    """The largest score, subtracted against overflow, is differentiated as well, but on one side only."""
    loss, dscores = softmax_cross_entropy(scores, labels)
    dscores[np.arange(len(scores)), scores.argmax(axis=1)] -= 1 / len(scores)
    return loss, dscores
