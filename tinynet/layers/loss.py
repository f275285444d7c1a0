"""Softmax and cross-entropy in one, the loss that all networks here are trained with."""
from typing import Any

from ..errors import DtypeError, ShapeError
from ..ops.arrays import Array, array_module
from ..ops.checks import as_array, check_array
from ..ops.processes import batch_sum, images_of_all


def softmax_cross_entropy(scores: Array, labels: Array) -> tuple[float, Array]:
    """Return the loss, the mean over the batch of -log softmax(scores)[label], and its gradient.

    The paper maximizes the average log-probability of the correct label (section 3.5), which is the same.

    Parameters
    ----------
    scores : array (N, classes)
        What the last layer gives, before any softmax.
    labels : array of int (N,), or a list
        In NumPy also where the scores are on a GPU: they are checked before they are copied there.

    Returns
    -------
    loss : float
        In nats; ln(classes) when all classes are equally probable. On a GPU it has to be waited for.
    dscores : array (N, classes)
        d loss / d scores = (softmax(scores) - one-hot labels) / N.

    Raises
    ------
    ShapeError, DtypeError
        When scores or labels have another shape or dtype, or a label is not one of the classes.
    """
    labels = check_scores_and_labels(scores, labels)
    loss, dscores = cross_entropy(scores, array_module(scores).asarray(labels))
    return float(loss), dscores


def cross_entropy(scores: Array, labels: Array) -> tuple[Array, Array]:
    """Return what `softmax_cross_entropy` does, unchecked; the loss stays where the scores are, an array of no axes."""
    xp, n = array_module(scores), images_of_all(len(scores))
    correct = (xp.arange(len(scores)), labels)
    shifted = scores - scores.max(axis=1, keepdims=True)                       # the largest is 0: exp stays finite
    log_total = xp.log(xp.exp(shifted).sum(axis=1, keepdims=True))             # (N, 1)
    loss = batch_sum((log_total[:, 0] - shifted[correct]).sum()) / n
    dscores = xp.exp(shifted - log_total)                                      # the probabilities, (N, classes)
    dscores[correct] -= 1
    return loss, dscores / n


def check_scores_and_labels(scores: Array, labels: Any) -> Array:
    """Return labels as an array; raise unless scores are (N, classes) and labels (N,) integers below `classes`."""
    check_array("softmax_cross_entropy", scores, None, "scores")
    if scores.ndim != 2:
        raise ShapeError(f"softmax_cross_entropy: scores have shape {scores.shape}, expected (N, classes)")
    labels = as_array("softmax_cross_entropy: labels", labels)
    if labels.dtype.kind not in "iu":
        raise DtypeError(f"softmax_cross_entropy: labels are {labels.dtype}, expected an array of integers")
    n, classes = scores.shape
    if labels.shape != (n,):
        raise ShapeError(
            f"softmax_cross_entropy: labels have shape {labels.shape}, expected ({n},), as scores have {scores.shape}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise ShapeError(
            f"softmax_cross_entropy: labels go from {low} to {high}, expected 0 to {classes - 1}, "
            f"as the network has {classes} classes"
        )
    return labels
