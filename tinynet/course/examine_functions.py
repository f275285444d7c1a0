"""The checks of the steps that are no layers: loss, SGD, training step, im2col, initialization, augmentation."""
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import ArgumentError, TinynetError
from ..exercises.compare import difference
from ..gradcheck import check_gradients
from ..layers import Linear
from ..layers.loss import softmax_cross_entropy
from ..ops import col2im, im2col
from ..ops.window import Window
from ..training.optim import SGD
from .examine_layers import report_points
from .sgd_mistakes import WrongPaths
from .stand_ins import Affine, Descent
from .step import Part, Point


def unchanged(what: str, given: dict[str, tuple[np.ndarray, np.ndarray]]) -> Point:
    """Return the point that a function has written into nothing that it was given: {"x": (now, before)}."""
    names = [name for name, (now, before) in given.items() if not np.array_equal(now, before)]
    return Point("contract", what, names and f"it writes into {' and '.join(names)}: make a copy first" or "")


def pair(result: Any, what: str) -> tuple[Any, Any]:
    """Return the two things that a function returned; ArgumentError where it is something else."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(f"it returned a {type(result).__name__}, expected two things: {what}")
    return result


def examine_loss(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    n, classes = int(generator.integers(3, 6)), int(generator.integers(4, 7))
    for label, count, size in ((f"{n} images of {classes} classes", n, 2.0), ("1 image", 1, 2.0),
                               (f"{n} images, scores of about 1000", n, 1000.0)):
        scores = size * generator.standard_normal((count, classes))
        labels = generator.integers(classes, size=count)
        labels[-1] = labels[0]  # a label twice
        expected, dscores = softmax_cross_entropy(scores, labels)
        given = scores.copy(), labels.copy()
        with np.errstate(all="ignore"):
            loss, gradient = pair(student(*given), "the loss and dscores")
        if np.ndim(loss) or not isinstance(loss, int | float | np.number):
            yield Point("numbers", label, f"loss is {np.shape(loss) or type(loss).__name__}, expected one number")
            return
        fault = difference("loss", np.asarray(loss, dtype="float64"), np.asarray(expected))
        yield Point("numbers", f"loss, {label}", fault)
        yield unchanged(f"scores and labels, {label}", {"scores": (given[0], scores), "labels": (given[1], labels)})
        if size < 100:
            yield from loss_gradients(label, student, scores, labels)
        fault = difference("dscores", gradient, dscores)
        yield Point("gradients", f"dscores beside tinynet's, {label}", fault)
        if fault:
            return
    single = scores[:, :4].astype(np.float32)
    gradient = pair(student(single, labels % 4), "the loss and dscores")[1]
    yield Point("contract", "float32 stays float32", "" if gradient.dtype == np.float32 else
                f"dscores is {gradient.dtype} for scores of float32")


def loss_gradients(label: str, student: Any, scores: np.ndarray, labels: np.ndarray) -> Iterator[Point]:
    """Compare the gradient with finite differences of the student's own loss."""

    def loss_of_scores(scores: np.ndarray) -> Any:
        return student(scores, labels)

    try:
        report = check_gradients(loss_of_scores, scores)
    except TinynetError as error:
        yield Point("contract", label, str(error))
        return
    for point in report_points(f"loss, {label}", report):
        yield point._replace(fault=point.fault.replace("dx: ", "dscores: ", 1))


def examine_sgd(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    for label, momentum, decay in (("momentum alone", 0.9, 0.0), ("weight decay alone", 0.0, 0.5),
                                   ("neither", 0.0, 0.0), ("both", 0.8, 0.3)):
        rate = float(generator.uniform(0.05, 0.3))
        settings: dict[str, Any] = {"learning_rate": rate, "momentum": momentum, "weight_decay": decay}
        truth, trial = (Linear(3, 3).astype("float64") for _ in range(2))
        truth.params["w2"] = np.zeros((3, 3))  # of the shape of w, for velocities that are kept by shape
        for name, array in truth.params.items():
            array[...] = generator.standard_normal(array.shape)
            trial.params[name] = array.copy()
        held, wrong = dict(trial.params), WrongPaths(truth.params)
        ours, theirs = SGD(truth, **settings), student(trial, **settings)
        for step in range(1, 6):
            if step == 5:
                ours.learning_rate = theirs.learning_rate = rate / 10
            grads = {name: generator.standard_normal(array.shape) for name, array in truth.params.items()}
            given = {name: array.copy() for name, array in grads.items()}
            wrong.step(grads, ours.learning_rate, momentum, decay)
            ours.step({name: array.copy() for name, array in grads.items()})
            theirs.step(given)
            what = f"step {step}, {label}" + (", the learning rate divided by 10 before it" if step == 5 else "")
            changed = unchanged(f"gradients, {what}", {f"the gradient of {n}": (given[n], grads[n]) for n in grads})
            yield changed
            for name, array in truth.params.items():
                fault = difference(name, trial.params.get(name), array)
                if not fault and trial.params[name] is not held[name]:
                    fault = f"{name} is a new array: change the old one in place, as `w += v` does"
                elif fault:
                    fault += wrong.likely(name, trial.params[name])
                yield Point("numbers", f"{name}, {what}", fault)
                if fault:
                    return


class Recorder:
    """A net and its optimizer in one, which note in which order they are called and with what."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores, self.saved = scores, object()
        self.calls: list[str] = []
        self.given: dict[str, Any] = {}
        self.grads = {"w": np.ones(2)}

    def forward(self, x: Any, train: bool = False) -> tuple[Any, Any]:
        self.calls.append("forward")
        self.given |= {"images": x, "train": train}
        return self.scores.copy(), self.saved

    def backward(self, dy: Any, saved: Any, input_gradient: bool = True) -> tuple[Any, Any]:
        self.calls.append("backward")
        self.given |= {"dy": dy, "saved": saved}
        return None, self.grads

    def step(self, grads: Any) -> None:
        self.calls.append("step")
        self.given["grads"] = grads


def examine_training_step(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    n, classes = int(generator.integers(3, 6)), int(generator.integers(3, 6))
    images, labels = generator.standard_normal((n, 4)), generator.integers(classes, size=n)
    both = Recorder(2 * generator.standard_normal((n, classes)))
    loss, scores = pair(student(both, images, labels, both), "the loss and the scores")
    expected, dscores = softmax_cross_entropy(both.scores, labels)
    order = "" if both.calls == ["forward", "backward", "step"] else (
        f"it called {', '.join(both.calls) or 'nothing'}; expected net.forward, net.backward and optimizer.step, once "
        "each, in this order")
    yield Point("numbers", "forward, backward, step", order)
    given = both.given
    checks = {
        "the images": ("images" in given and given["images"] is not images and not np.array_equal(
            given["images"], images), "net.forward got something else than the images"),
        "training mode": (given.get("train") is not True, "net.forward was not run in training mode: train=True"),
        "saved": (given.get("saved", both.saved) is not both.saved, "net.backward did not get the `saved` that "
                  "net.forward returned"),
        "the gradients": (given.get("grads", both.grads) is not both.grads, "optimizer.step did not get the gradients "
                          "that net.backward returned beside dx"),
    }
    for what, (wrong, fault) in checks.items():
        yield Point("numbers", what, fault if wrong and not order else "")
    if "dy" in given:
        yield Point("numbers", "the loss's gradient", difference("what net.backward got as dy", given["dy"], dscores))
    yield Point("numbers", "loss", difference("loss", np.asarray(loss, dtype="float64"), np.asarray(expected)))
    yield Point("numbers", "scores", difference("scores", scores, both.scores))
    if order or any(wrong for wrong, _ in checks.values()):
        return
    truth = Affine(generator, 4, classes)
    trial = copy.deepcopy(truth)
    optimizers = [Descent(net, 0.5) for net in (truth, trial)]
    for step in range(1, 4):
        scores, saved = truth.forward(images, train=True)
        expected, dscores = softmax_cross_entropy(scores, labels)
        optimizers[0].step(truth.backward(dscores, saved)[1])
        loss, found = pair(student(trial, images, labels, optimizers[1]), "the loss and the scores")
        yield Point("numbers", f"loss, step {step} of a linear layer",
                    difference("loss", np.asarray(loss, dtype="float64"), np.asarray(expected)))
        fault = difference("w", trial.params["w"], truth.params["w"])
        yield Point("numbers", f"w, step {step} of a linear layer", fault)


def windows(generator: np.random.Generator) -> Iterator[tuple[str, tuple[int, ...], Window]]:
    """Yield a label, the shape of images, and a window that fits into them."""
    for k, s, p in ((3, 1, 0), (2, 2, 0), (3, 2, 1), (1, 1, 0), (2, 3, 1)):
        n, h, w, c = (int(each) for each in generator.integers([2, 3, 5, 2], [4, 5, 8, 4]))
        yield (f"{n} images of {h} x {w} x {c}, windows of {k}, stride {s}, padding {p}", (n, h, w, c),
               Window((k, k), (s, s), (p, p), False))


def examine_im2col(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    for label, shape, window in windows(generator):
        x = generator.standard_normal(shape)
        given = x.copy()
        found = student(given, window.kernel[0], window.stride[0], window.padding[0])
        fault = difference("the rows", found, im2col(x, window))
        yield Point("numbers", label, fault)
        yield unchanged(f"x, {label}", {"x": (given, x)})
        if fault:
            return
    found = student(x.astype(np.float32), window.kernel[0], window.stride[0], window.padding[0])
    yield Point("contract", "float32 stays float32", dtype_fault(found))


def examine_col2im(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    for label, shape, window in windows(generator):
        expected = im2col(np.zeros(shape), window)
        rows = generator.standard_normal(expected.shape)
        given = rows.copy()
        found = student(given, shape, window.kernel[0], window.stride[0], window.padding[0])
        fault = difference("the image", found, col2im(rows, shape, window))
        yield Point("numbers", label, fault)
        yield unchanged(f"rows, {label}", {"rows": (given, rows)})
        if fault:
            return
    found = student(rows.astype(np.float32), shape, window.kernel[0], window.stride[0], window.padding[0])
    yield Point("contract", "float32 stays float32", dtype_fault(found))


def dtype_fault(found: Any) -> str:
    return "" if found.dtype == np.float32 else f"for float32 it returns {found.dtype}"


def examine_he_std(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    i, o, k, c, f = (int(each) for each in generator.integers(2, 9, 5))
    for shape in ((i, o + 9), (k, k, c, f + 9), (9, 9, 1, 2)):
        expected = float(np.sqrt(2 / np.prod(shape[:-1])))
        found = student(shape)
        fault = difference(f"he_std({shape})", np.asarray(found, dtype="float64"), np.asarray(expected))
        yield Point("numbers", f"weights of shape {shape}", fault)


class Bare:
    """Something with parameters."""

    def __init__(self, *shape: int) -> None:
        self.params = {"w": np.zeros(shape, np.float32), "b": np.full(shape[-1], 7, np.float32)}


def examine_initialize(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    seed, bias = int(generator.integers(1000)), float(generator.integers(1, 4))
    std = float(generator.uniform(0.05, 0.4))
    layer = Bare(60, 70)
    held = dict(layer.params)
    drawing = np.random.default_rng(seed)
    student(layer, std, bias, drawing)
    for name, array in held.items():
        new = layer.params.get(name) is not array
        yield Point("contract", f"{name} is changed in place", f"{name} is a new array: write {name}[...] = ..., which "
                    "fills the old one" if new else "")
        if new:
            return
    yield Point("numbers", "b", difference("b", held["b"], np.full(70, bias, np.float32)))
    yield Point("numbers", f"w, std {std:.3g}", draw_fault(held["w"] / std))
    if draw_fault(held["w"] / std):
        return
    again, other = Bare(60, 70), Bare(3, 3, 20, 30)
    student(again, std, bias, np.random.default_rng(seed))
    yield Point("numbers", "the same seed again", "" if np.array_equal(again.params["w"], held["w"]) else
                "a generator of the same seed gives other weights: draw from the generator that is given")
    student(again, std, bias, drawing)
    yield Point("numbers", "the same generator again", "the same generator gives the same weights a second time: draw "
                "from it, it moves on by itself" if np.array_equal(again.params["w"], held["w"]) else "")
    student(other, std, 0.0, drawing)
    yield Point("numbers", "w of a convolution", draw_fault(other.params["w"] / std))
    yield Point("numbers", "b of a convolution", difference("b", other.params["b"], np.zeros(30, np.float32)))


def draw_fault(w: np.ndarray) -> str:
    """Say how weights differ from draws of N(0, 1); nothing where they may be such."""
    if not w.any():
        return "all weights are zero"
    if not np.isfinite(w).all():
        return "weights are not finite"
    mean, deviation, beyond = w.mean(), w.std(), (np.abs(w) > 2).mean()
    if abs(mean) > 6 / np.sqrt(w.size):
        return f"the mean of the weights is {mean:.3g} std, expected about 0"
    if abs(deviation - 1) > 6 / np.sqrt(2 * w.size):
        return f"the standard deviation of the weights is {deviation:.4g} times `std`"
    if not 0.03 < beyond < 0.062:
        return f"{beyond:.1%} of the weights are beyond 2 std, of the normal distribution 4.6% are"
    if len(np.unique(w)) < 0.9 * w.size:
        return "many weights are equal: each number needs a draw of its own"
    return ""


def examine_crop(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    n, size = 300, int(generator.integers(3, 5))
    h, w = size + 2, size + 3
    images = numbered(n, h, w)
    given = images.copy()
    found = student(given, size, generator)
    shape = (n, size, size, 2)
    if getattr(found, "shape", None) != shape:
        yield Point("numbers", "crops", f"the shape is {np.shape(found)}, expected {shape}")
        return
    yield Point("contract", "dtype", "" if found.dtype == images.dtype else f"dtype is {found.dtype}, of the images "
                f"{images.dtype}")
    yield unchanged("the images", {"the images": (given, images)})
    # The first number tells the image, and the place in it, that a crop begins at.
    first = found[:, 0, 0, 0] // 2
    tops, lefts = (first % (h * w)) // w, first % w
    inside = (tops <= h - size) & (lefts <= w - size)
    for i in range(n):
        own = images[i, tops[i] : tops[i] + size, lefts[i] : lefts[i] + size] if inside[i] else None
        if own is None or not np.array_equal(found[i], own):
            yield Point("numbers", "crops", f"result {i} is no part of image {i}")
            return
    yield Point("numbers", "crops")
    places = len(set(zip(tops.tolist(), lefts.tolist(), strict=True)))
    for what, drawn, last in (("down", tops, h - size), ("across", lefts, w - size)):
        never = sorted(set(range(last + 1)) - set(drawn.tolist()))
        counts = np.bincount(drawn, minlength=last + 1)
        fault = f"in {n} images no crop begins at place {never[0]} {what}, of 0 to {last}" if never else ""
        if not fault and np.abs(counts - n / (last + 1)).max() > 6 * np.sqrt(n / (last + 1)):
            fault = f"the places {what} are not equally probable: {counts.tolist()} crops at places 0 to {last}"
        yield Point("numbers", f"places {what}", fault)
    some = int((h - size + 1) * (w - size + 1))
    yield Point("numbers", "places in both directions", "" if places == some else f"{places} different places in {n} "
                f"images, of {some}: does each image have a draw of its own, in both directions?")


def numbered(n: int, h: int, w: int) -> np.ndarray:
    """Return images (n, h, w, 2), all of whose numbers are different, in order."""
    return np.arange(n * h * w * 2, dtype=np.int64).reshape(n, h, w, 2)


def examine_mirror(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    images = numbered(200, 2, 3)
    given = images.copy()
    found = student(given, generator)
    if getattr(found, "shape", None) != images.shape:
        yield Point("numbers", "mirror images", f"the shape is {np.shape(found)}, expected {images.shape}")
        return
    yield Point("contract", "dtype", "" if found.dtype == images.dtype else f"dtype is {found.dtype}, of the images "
                f"{images.dtype}")
    yield unchanged("the images", {"the images": (given, images)})
    plain = (found == images).all(axis=(1, 2, 3))
    mirrored = (found == images[:, :, ::-1]).all(axis=(1, 2, 3))
    neither = np.flatnonzero(~(plain | mirrored))
    fault = f"result {neither[0]} is neither image {neither[0]} nor its mirror image (left and right exchanged)" \
        if len(neither) else ""
    yield Point("numbers", "mirror images", fault)
    if not fault:
        share = mirrored.mean()
        yield Point("numbers", "how many", "" if 0.3 < share < 0.7 else f"{share:.0%} of 200 images were mirrored, "
                    "expected about half: does each have a draw of its own?")


def examine_colour(student: Any, generator: np.random.Generator) -> Iterator[Point]:
    eigenvectors, _ = np.linalg.qr(generator.standard_normal((3, 3)))
    eigenvalues = np.array([0.2, 0.03, 0.008]) * generator.uniform(0.8, 1.2, 3)
    images = generator.uniform(0, 255, (400, 2, 3, 3))
    given = images.copy()
    found = student(given, eigenvalues, eigenvectors, generator)
    if getattr(found, "shape", None) != images.shape:
        yield Point("numbers", "colours", f"the shape is {np.shape(found)}, expected {images.shape}")
        return
    yield unchanged("the images", {"the images": (given, images)})
    shifts = found - images
    shift = shifts[:, 0, 0]                                                    # (N, 3)
    if np.abs(shifts - shift[:, None, None]).max() > 1e-6:
        yield Point("numbers", "one shift an image", "the pixels of an image get different shifts, expected one for "
                    "the whole image")
        return
    yield Point("numbers", "one shift an image", "all images get the same shift: each needs a draw of its own"
                if np.abs(shift - shift[0]).max() < 1e-9 else "")
    alpha = shift @ eigenvectors / (255 * eigenvalues)                         # (N, 3), N(0, 0.1**2) if it is right
    yield Point("numbers", "shifts", colour_fault(alpha, shift, eigenvalues, eigenvectors))
    single = student(images[:2].astype(np.float32), eigenvalues, eigenvectors, generator)
    yield Point("contract", "float32 stays float32", dtype_fault(single))


def colour_fault(
    alpha: np.ndarray, shift: np.ndarray, eigenvalues: np.ndarray, eigenvectors: np.ndarray
) -> str:
    """Say what is wrong with the shifts; nothing if along each eigenvector they are 255 * N(0, 0.1**2) * eigenvalue."""

    def fits(numbers: np.ndarray) -> bool:
        return bool((np.abs(numbers.std(axis=0) / 0.1 - 1) < 0.25).all())

    if not fits(alpha):
        if fits(255 * alpha):
            return "the shifts are 255 times too small: eigenvalues are for pixels from 0 to 1"
        if fits(10 * alpha) or fits(alpha / 10):
            return "the shifts have 10 times, or a tenth of, the size: a ~ N(0, 0.1**2) has the standard deviation 0.1"
        if fits(shift @ eigenvectors.T / (255 * eigenvalues)):
            return "the eigenvectors are transposed: each is a COLUMN, eigenvectors[:, i]"
        if fits(shift @ eigenvectors / (255 * np.sqrt(eigenvalues))):
            return "the shifts are too large: they have the eigenvalues' square roots as factors"
        sizes = ", ".join(f"{each:.3g}" for each in alpha.std(axis=0))
        return (f"along the three eigenvectors the shifts, divided by 255 and the eigenvalue, have the standard "
                f"deviations {sizes}, expected 0.1 each")
    if (np.abs(alpha.mean(axis=0)) > 0.1 * 6 / np.sqrt(len(alpha))).any():
        return "the shifts go to one side: their mean over many images should be about 0"
    correlation = np.corrcoef(alpha.T)
    if np.abs(correlation - np.eye(3)).max() > 0.4:
        return "one number is drawn for all three eigenvectors, expected three numbers an image"
    return ""


FUNCTIONS: dict[str, Part] = {name: Part(name, examine) for name, examine in {
    "softmax_cross_entropy": examine_loss,
    "SGD": examine_sgd,
    "training_step": examine_training_step,
    "im2col": examine_im2col,
    "col2im": examine_col2im,
    "he_std": examine_he_std,
    "initialize": examine_initialize,
    "random_crop": examine_crop,
    "random_mirror": examine_mirror,
    "pca_colour": examine_colour,
}.items()}
