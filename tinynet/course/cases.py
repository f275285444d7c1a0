"""The cases that layers are tried in: sizes are drawn, what makes a mistake show is in every draw."""
from collections.abc import Callable, Iterator

import numpy as np

from ..exercises.exercise import Case

Draw = Callable[[np.random.Generator], Iterator[Case]]


def any_shape(generator: np.random.Generator) -> Iterator[Case]:
    n, f, h, w, c = (int(each) for each in generator.integers([3, 4, 2, 4, 2], [6, 8, 4, 6, 4]))
    yield Case(f"{n} rows of {f}", {}, (n, f))
    yield Case(f"{n} images of {h} x {w} x {c}", {}, (n, h, w, c))


def any_shape_and_zeros(generator: np.random.Generator) -> Iterator[Case]:
    yield from any_shape(generator)
    yield Case("4 rows of 9, some of them 0", {}, (4, 9), ties=True)


def images_to_rows(generator: np.random.Generator) -> Iterator[Case]:
    n, h, c = (int(each) for each in generator.integers([2, 2, 3], [4, 4, 5]))
    yield Case(f"{n} images of {h} x {h + 1} x {c}", {}, (n, h, h + 1, c))


def linear(generator: np.random.Generator) -> Iterator[Case]:
    n, i, o = (int(each) for each in generator.integers([2, 4, 2], [5, 6, 4]))
    # As many outputs as inputs first: a forgotten transpose raises no error there, and can be told by its numbers.
    yield Case(f"{n + 1} rows, {i} inputs, {i} outputs", {"in_features": i, "out_features": i}, (n + 1, i))
    yield Case(f"{n} rows, {i} inputs, {o} outputs", {"in_features": i, "out_features": o}, (n, i))


def convolution(generator: np.random.Generator) -> Iterator[Case]:
    # label, channels, filters, kernel, stride, padding; the image is that much larger than the kernel
    for what, c, f, k, s, p in (("simple", 2, 2, 3, 1, 0), ("padding", 2, 3, 3, 1, 1), ("stride", 3, 2, 3, 2, 1)):
        h, w = (k + int(each) for each in generator.integers([1, 3], [3, 5]))
        settings = {"in_channels": c, "out_channels": f, "kernel_size": k, "stride": s, "padding": p}
        yield Case(f"{what}: 2 images of {h} x {w} x {c}, {f} filters of {k} x {k}, stride {s}, padding {p}", settings,
                   (2, h, w, c))


def grouped(generator: np.random.Generator) -> Iterator[Case]:
    for c, f, k, s, p, groups in ((4, 4, 3, 2, 1, 2), (2, 3, 2, 1, 0, 1), (3, 6, 2, 1, 1, 3)):
        h, w = (k + int(each) for each in generator.integers([1, 3], [3, 5]))
        settings = {"in_channels": c, "out_channels": f, "kernel_size": k, "stride": s, "padding": p, "groups": groups}
        yield Case(f"{groups} groups: 2 images of {h} x {w} x {c}, {f} filters of {k} x {k}, stride {s}, padding {p}",
                   settings, (2, h, w, c))


def pooling(generator: np.random.Generator) -> Iterator[Case]:
    c = int(generator.integers(2, 4))
    for k, s, least in ((3, 2, 5), (2, 2, 4), (2, 3, 5)):
        h, w = least + int(generator.integers(0, 3)), least + 2 + int(generator.integers(0, 2))
        yield Case(f"2 images of {h} x {w} x {c}, windows of {k}, stride {s}", {"kernel_size": k, "stride": s},
                   (2, h, w, c))


def max_pooling(generator: np.random.Generator) -> Iterator[Case]:
    yield from pooling(generator)
    h, w = (int(each) for each in generator.integers(5, 8, 2))
    yield Case(f"ties: 2 images of {h} x {w} x 2, windows of 3, stride 2", {"kernel_size": 3, "stride": 2},
               (2, h, w, 2), ties=True)


def response_norm(generator: np.random.Generator) -> Iterator[Case]:
    h, w, c = (int(each) for each in generator.integers([1, 2, 7], [3, 4, 10]))
    for settings in ({}, {"alpha": 0.5}, {"size": 3, "alpha": 1.0, "beta": 0.5, "k": 1.0}, {"size": 9, "alpha": 0.3}):
        text = ", ".join(f"{name}={value}" for name, value in settings.items()) or "the paper's settings"
        channels = c if settings.get("size") != 9 else 3
        yield Case(f"{text}: 2 images of {h} x {w} x {channels}", settings, (2, h, w, channels))


def batch_norm(generator: np.random.Generator) -> Iterator[Case]:
    n, h, c = (int(each) for each in generator.integers([2, 2, 2], [4, 4, 5]))
    yield Case(f"training: {n} images of {h} x {h + 1} x {c}", {"channels": c}, (n, h, h + 1, c))
    yield Case(f"training, eps=0.1, momentum=0.3: {n} images of {h} x {h + 1} x {c}",
               {"channels": c, "eps": 0.1, "momentum": 0.3}, (n, h, h + 1, c))
    yield Case(f"evaluation: {n} images of {h} x {h + 1} x {c}", {"channels": c}, (n, h, h + 1, c), train=False)
