"""Drawn cases of right layers, a right loss and right networks, put to the gradient check, which must not alarm."""
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from support.layer_table import TABLE, draw_case

import tinynet as tn
from tinynet.testing.drawn_layers import small

KINDS = [*TABLE, "softmax_cross_entropy", "Network"]


def draw_loss(draw: Any) -> tuple[Any, np.ndarray]:
    n, classes = draw(st.integers(1, 6)), draw(st.integers(1, 8))
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    labels = generator.integers(0, classes, n)
    scores = draw(st.sampled_from([0.1, 1.0, 20.0])) * generator.standard_normal((n, classes))

    def loss(scores: np.ndarray) -> tuple[float, np.ndarray]:
        return tn.softmax_cross_entropy(scores, labels)

    loss.__name__ = f"softmax_cross_entropy with labels {labels.tolist()}"
    return loss, scores


def draw_network(draw: Any) -> tuple[Any, np.ndarray]:
    """Convolution, activation, normalization, pooling, dropout, a linear layer, in their usual order."""
    channels, size = 2 * draw(small), draw(st.integers(6, 9))
    norm = draw(st.sampled_from([
        tn.LocalResponseNorm(alpha=0.3), tn.LocalResponseNorm(groups=2), tn.SpatialResponseNorm(alpha=0.3),
        tn.BatchNorm2d(channels),
    ]))
    layers: list[tuple[str, tn.Layer]] = [
        ("conv1", tn.Conv2d(2, channels, draw(small), draw(st.integers(1, 2)), draw(st.integers(0, 1)))),
        ("activation1", draw(st.sampled_from([tn.ReLU, tn.Tanh, tn.Sigmoid]))()), ("norm1", norm),
        ("pool1", draw(st.sampled_from([tn.MaxPool2d, tn.AvgPool2d]))(draw(st.integers(1, 2)), draw(small))),
        ("dropout1", tn.Dropout(draw(st.sampled_from([0.0, 0.3, 0.5])))), ("flatten", tn.Flatten()),
    ]
    shape = tn.Network(layers).output_shape((size, size, 2))
    name = " ".join(repr(layer) for _, layer in layers)
    net = tn.Network([*layers, ("fc2", tn.Linear(shape[0], 3)), ("softmax", tn.Softmax())], name=name).astype("float64")
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    for arrays in net.params.values():
        for array in arrays.values():
            array[...] = 0.5 * generator.standard_normal(array.shape)
    return net, generator.standard_normal((draw(st.sampled_from([1, 2, 5, 35])), size, size, 2))


def drawn(draw: Any, kind: str) -> tuple[Any, np.ndarray]:
    """Draw something right of this kind, and an input for it."""
    if kind == "Network":
        return draw_network(draw)
    return draw_loss(draw) if kind == "softmax_cross_entropy" else tuple(draw_case(draw, TABLE[kind]))


def check_drawn(kind: str, start: int, count: int) -> list[dict[str, Any]]:
    """Check `count` cases drawn from the seed `start`; return for each whether it passed, and what it was."""
    results: list[dict[str, Any]] = []

    @seed(start)
    @settings(max_examples=count, derandomize=False, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(st.data(), st.booleans(), st.integers(0, 10**6))
    def check(data: Any, train: bool, probe_seed: int) -> None:
        f, x = drawn(data.draw, kind)
        report = tn.check_gradients(f, x, train=train, seed=probe_seed)
        what = f"{report.what if kind not in TABLE else repr(f)}, x {x.shape}, train={train}, seed={probe_seed}"
        results.append({"passed": report.passed, "undecided": report.undecided, "what": what, "report": str(report)})

    check()
    return results
