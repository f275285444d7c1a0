"""`tinynet course train`: a student's AlexNet, with their layers alone, beside tinynet's own, on drawn shapes."""
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data import PCAColour, load_shapes
from ..data.dataset import Dataset
from ..errors import ArgumentError, DataError, NotFiniteError
from ..exercises.show import WIDTH
from ..files import atomic_write
from ..network import Network
from ..tables import text_table
from ..training.optim import SGD
from ..training.step import training_step
from .folder import check_folder
from .own_network import SHAPE, Course, load_course, table_of, tinynets, whose
from .speed import duration, seconds_an_image

SCALE = 64.0  # about the standard deviation of pixels: inputs of deviation 1 are what he_std is made for
PAD = 2  # pixels around an image, room for random crops
LONG = 1800.0  # seconds beyond which a training is not begun unasked
SLOWER = 3.0  # times as slow as tinynet's: worth to be named
TEST_BATCH = 200
REACHED = 0.0215  # error after the usual 5 epochs with the steps' own solutions: results/course/curve.csv


class Recipe(NamedTuple):
    """How the network is trained."""

    images: int = 8000
    test_images: int = 2000
    epochs: int = 5
    batch: int = 32
    rate: float = 0.02
    drop: int = 4  # epochs after which the learning rate is divided by 10


class Data(NamedTuple):
    """Drawn images as numbers, (N, 36, 36, 3) with room for crops and (N, 32, 32, 3), and what colours they have."""

    train: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    colour: PCAColour
    mean: np.ndarray


def train(
    folder: str | Path, recipe: Recipe = Recipe(), seed: int = 0, anyway: bool = False,  # noqa: B008
    say: Callable[[str], None] = print,
) -> Path | None:
    """Train the network of a student's folder.

    Parameters
    ----------
    folder : path-like
    recipe : Recipe
    seed : int
        Of the initial weights, the order of the images and the augmentation.
    anyway : bool
        Train also when it will take longer than half an hour.
    say : function
        Prints a line.

    Returns
    -------
    Path or None
        A new folder in the student's, with parameters.npz, curve.csv and, with matplotlib, curve.png; None where the
        training would take too long.

    Raises
    ------
    ArgumentError
        When the student's code stops with an error.
    NotFiniteError
        When the loss becomes infinite or nan.
    """
    path = check_folder(folder)
    course = load_course(path, say)
    with course.modules() as module:
        table = table_of(module(16))
        net = module(16).build(table, SHAPE, seed=seed)
        twin = tinynets(net, table)
        say("timing each layer")
        if not affordable(net, twin, recipe, say) and not anyway:
            return None
        if course.taken:
            say(textwrap.fill(whose(course, table), WIDTH))
        say(f"drawing {recipe.images + recipe.test_images:,} images of ten shapes")
        data = prepare(recipe)
        rows = run(module, net, twin, data, recipe, seed, say)
        if recipe.images * recipe.epochs < Recipe().images * Recipe().epochs:
            say(f"(Guessing would give 90%; a full training, {Recipe().epochs} epochs on {Recipe().images:,} images, "
                f"reached {REACHED:.1%}.)")
        parameters = {name: np.array(array) for name, array in net.params.items()}
    return write(path, parameters, data.mean, rows, course)


def affordable(net: Any, twin: Network, recipe: Recipe, say: Callable[[str], None]) -> bool:
    """Time each layer beside tinynet's, say how long the training will take, and whether that is bearable."""
    cells, total, twins, slow = [], 0.0, 0.0, []
    shape: tuple[int, ...] = SHAPE
    for (name, own), layer in zip(net.layers, twin.layers.values(), strict=True):
        seconds = seconds_an_image(own, shape, batches=(1, recipe.batch))
        ours = seconds_an_image(layer, shape, batches=(recipe.batch,))
        total, twins = total + seconds, twins + ours
        if seconds > SLOWER * ours and seconds > 1e-5:
            slow.append((seconds, f"{name} ({seconds / ours:.0f} times tinynet's)"))
        cells.append([name, f"{1e6 * seconds:,.0f}", f"{1e6 * ours:,.0f}", f"{seconds / ours:.1f}"])
        shape = layer.output_shape(shape)
    say("\nforward and backward of each layer, in microseconds an image:\n"
        + text_table(["layer", "yours", "tinynet's", "times"], cells))
    expected = total * recipe.images * recipe.epochs
    say(f"Your training will take about {duration(expected)} of one idle core, and tinynet's beside it "
        f"{duration(twins * recipe.images * recipe.epochs)}.")
    if slow:
        names = ", ".join(name for _, name in sorted(slow, reverse=True)[:3])
        say(f"What would make it faster: {names} first.")
    if expected > LONG:
        say("That is long. Make these layers faster first (im2col instead of loops), or add --anyway.")
        return False
    return True


def prepare(recipe: Recipe) -> Data:
    """Draw the images and bring them to the scale that the initialization is for."""
    train_set, test_set = load_shapes(SHAPE[0], recipe.images, recipe.test_images)
    mean = train_set.images.mean(axis=(0, 1, 2))
    return Data(scaled(train_set, mean, PAD), train_set.labels, scaled(test_set, mean), test_set.labels,
                PCAColour.fit(train_set), mean)


def scaled(dataset: Dataset, mean: np.ndarray, pad: int = 0) -> np.ndarray:
    """Return images as float32, the mean colour subtracted, around them `pad` pixels of it."""
    images = dataset.images.astype(np.float32) - mean.astype(np.float32)
    return np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def run(
    module: Callable[[int], Any], net: Any, twin: Network, data: Data, recipe: Recipe, seed: int,
    say: Callable[[str], None],
) -> list[dict[str, float]]:
    """Train both networks on the same batches; return a row for each epoch."""
    generator = np.random.default_rng([seed, 1])
    step, augmentation = module(5).training_step, module(17)
    optimizer = module(4).SGD(net, learning_rate=recipe.rate)
    ours = SGD(twin, learning_rate=recipe.rate)
    rows: list[dict[str, float]] = []
    say(f"\ntraining on {recipe.images:,} images, {recipe.batch} at a time; a line follows after each epoch")
    for epoch in range(1, recipe.epochs + 1):
        if epoch == recipe.drop + 1:
            optimizer.learning_rate = ours.learning_rate = recipe.rate / 10
        order, wrong, seconds = generator.permutation(len(data.labels)), 0, [0.0, 0.0]
        for begin in range(0, len(order), recipe.batch):
            chosen = order[begin : begin + recipe.batch]
            labels = data.labels[chosen]
            start = time.perf_counter()
            images = augmentation.random_mirror(
                augmentation.random_crop(data.train[chosen], SHAPE[0], generator), generator)
            images = augmentation.pca_colour(images, data.colour.eigenvalues, data.colour.eigenvectors, generator)
            images = images / np.float32(SCALE)
            loss, scores = step(net, images, labels, optimizer)
            seconds[0] += time.perf_counter() - start
            if not np.isfinite(loss):
                raise NotFiniteError(f"your network's loss is {loss} in epoch {epoch}, batch "
                                     f"{begin // recipe.batch + 1}: a learning rate that is too high, or an "
                                     "initialization that is too large?")
            wrong += int((np.argmax(scores, axis=1) != labels).sum())
            start = time.perf_counter()
            training_step(twin, images, labels, ours)
            seconds[1] += time.perf_counter() - start
        rows.append({"epoch": epoch, "train_error": wrong / len(order), "error": error_of(net, data),
                     "tinynet_error": error_of(twin, data), "seconds": seconds[0], "tinynet_seconds": seconds[1]})
        say(f"epoch {epoch}: error on {len(data.test):,} other images {rows[-1]['error']:.1%}, tinynet's "
            f"{rows[-1]['tinynet_error']:.1%}; {duration(seconds[0])}, tinynet's {duration(seconds[1])}")
    return rows


def error_of(net: Any, data: Data) -> float:
    """Return the share of the test images that a network takes for something else."""
    wrong = 0
    for begin in range(0, len(data.test), TEST_BATCH):
        scores, _ = net.forward(data.test[begin : begin + TEST_BATCH] / np.float32(SCALE), train=False)
        wrong += int((np.argmax(scores, axis=1) != data.test_labels[begin : begin + TEST_BATCH]).sum())
    return wrong / len(data.test)


def write(
    folder: Path, parameters: dict[str, np.ndarray], mean: np.ndarray, rows: list[dict[str, float]], course: Course
) -> Path:
    """Write parameters and curve into a new folder, training-1, training-2, ..."""
    number = 1
    while (folder / f"training-{number}").exists():
        number += 1
    path = folder / f"training-{number}"
    path.mkdir()
    with atomic_write(path / "parameters.npz") as file:
        arrays: dict[str, Any] = {**parameters, "mean": mean, "taken": np.array(course.taken, dtype=int)}
        np.savez(file, **arrays)
    with atomic_write(path / "curve.csv") as file:
        lines = [",".join(rows[0]), *(",".join(f"{value:.6g}" for value in row.values()) for row in rows)]
        file.write(("\n".join(lines) + "\n").encode())
    try:
        from ..plots.pictures import BLUE, ORANGE, Picture
    except ImportError:
        return path
    picture = Picture(figsize=(6, 4), layout="constrained")
    axes = picture.subplots()
    epochs = [row["epoch"] for row in rows]
    for key, label, colour, style in (("error", "yours", BLUE, "-"), ("tinynet_error", "tinynet's", ORANGE, "--")):
        axes.plot(epochs, [100 * row[key] for row in rows], style, color=colour, marker="o", markersize=4, label=label)
    axes.set(xlabel="epoch", ylabel="error on images not trained on, %", xticks=epochs)
    axes.set_ylim(bottom=0)
    axes.legend()
    picture.savefig(path / "curve.png")
    return path


def latest(folder: Path) -> dict[str, np.ndarray] | None:
    """Return what the last training wrote; None where there was none.

    Raises
    ------
    DataError
        When its file is damaged.
    """
    runs = sorted((int(path.name.removeprefix("training-")), path) for path in folder.glob("training-*")
                  if path.name.removeprefix("training-").isdigit() and (path / "parameters.npz").is_file())
    if not runs:
        return None
    file = runs[-1][1] / "parameters.npz"
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # zipfile's, NumPy's, and others
        raise DataError(f"{file} cannot be read: {error}; `tinynet course train` writes a new one") from error


def fill(net: Any, parameters: dict[str, np.ndarray]) -> None:
    """Put trained parameters into a student's network; ArgumentError where they do not fit any more."""
    own = net.params
    trained = {name: array for name, array in parameters.items() if name not in ("mean", "taken")}
    if {name: array.shape for name, array in own.items()} != {name: array.shape for name, array in trained.items()}:
        raise ArgumentError("the parameters of the last training do not fit the network of your table any more: run "
                            "`tinynet course train` again, or trace with --untrained")
    for name, array in own.items():
        array[...] = trained[name]
