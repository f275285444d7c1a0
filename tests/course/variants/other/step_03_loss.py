import numpy as np


def log_softmax(scores):
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def softmax_cross_entropy(scores, labels):
    log_p = log_softmax(scores)
    losses = -np.take_along_axis(log_p, labels[:, None], axis=1)
    is_label = labels[:, None] == np.arange(scores.shape[1])
    return np.float64(losses.mean()), np.divide(np.exp(log_p) - is_label, len(labels), dtype=scores.dtype)
