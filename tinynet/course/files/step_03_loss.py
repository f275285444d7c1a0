"""Step 3 of 17: softmax and cross-entropy, the loss.

    p[n, c] = exp(scores[n, c]) / sum over c' of exp(scores[n, c'])     the probability that image n is of class c
    loss    = mean over n of -log p[n, labels[n]]                       one number; 0 if all labels have probability 1

Training makes this number small. Its gradient is the first dy of every backward pass. Together, softmax and logarithm
have a short derivative: for one image, d (-log p[label]) / d scores[c] = p[c] - (1 if c is the label, else 0). Show
that on paper first; then do not forget the mean.

exp(1000) is infinite. p does not change when the same number is subtracted from all scores of an image: subtract their
largest (call what is left `shifted`), and no exp is larger than 1. A very small p becomes 0, and log 0 is -inf: do not
take the logarithm of p, but log p = shifted - log(sum of exp(shifted)).

To write: one function.   Uses no earlier step.   Then: tinynet course check 3
"""
import numpy as np


def softmax_cross_entropy(scores, labels):
    """Return the loss, a float, and dscores = d loss / d scores, of the shape of scores.

    scores : array (N, classes), any numbers
    labels : array of int (N,), the right class of each image, from 0 on
    """
    # solution
    correct = (np.arange(len(scores)), labels)
    shifted = scores - scores.max(axis=1, keepdims=True)                       # (N, classes), the largest is 0
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))       # (N, classes)
    dscores = np.exp(log_p)
    dscores[correct] -= 1
    return float(-log_p[correct].mean()), dscores / len(scores)
