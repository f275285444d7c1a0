"""A network small enough for tests, with the paper's sequence of layers."""
import numpy as np

import tinynet as tn


def network(seed=0, batch_norm=False):
    """The paper's sequence in small."""
    norm = tn.BatchNorm2d(8) if batch_norm else tn.LocalResponseNorm(alpha=1e-2, groups=2)
    return tn.Network(
        [
            ("conv1", tn.Conv2d(3, 8, 5, stride=2, seed=[seed, 0])), ("relu1", tn.ReLU()), ("norm1", norm),
            ("pool1", tn.MaxPool2d()), ("conv2", tn.Conv2d(8, 12, 3, padding=1, groups=2, seed=[seed, 1])),
            ("relu2", tn.ReLU()), ("flatten", tn.Flatten()), ("fc3", tn.Linear(6 * 6 * 12, 20, seed=[seed, 2])),
            ("relu3", tn.ReLU()), ("dropout3", tn.Dropout()), ("fc4", tn.Linear(20, 5, seed=[seed, 3])),
        ],
        name="small", input_shape=(29, 29, 3), hint="Give 29 x 29.",
    )


def batch(n=140, seed=0):
    generator = np.random.default_rng(seed)
    return generator.standard_normal((n, 29, 29, 3), dtype=np.float32), generator.integers(0, 5, n)


def step(net, x, labels):
    scores, saved = net.forward(x, train=True)
    _, dscores = tn.softmax_cross_entropy(scores, labels)
    return scores, *net.backward(dscores, saved)
