import math

import numpy as np


def softmax_cross_entropy(scores, labels):
    count, classes = scores.shape
    loss, dscores = 0.0, np.zeros_like(scores)
    for n in range(count):
        largest = max(float(s) for s in scores[n])
        exps = [math.exp(float(s) - largest) for s in scores[n]]
        total = sum(exps)
        loss += (largest + math.log(total) - float(scores[n, labels[n]])) / count
        for c in range(classes):
            dscores[n, c] = (exps[c] / total - (1 if c == labels[n] else 0)) / count
    return loss, dscores
