"""Fine-tuning: the first layers are frozen, and what they make of the images is computed once, before the training.

The last layers are then trained on these features like any network on images. A frozen layer runs as in evaluation; no
gradient goes back through it, and no optimizer knows of it.
"""
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from ..data import Augmentation, FloatImages, Loader
from ..errors import ArgumentError, DataError, DtypeError, OutOfMemoryError, ShapeError
from ..network import Network
from ..network.split import split_network
from ..ops.arrays import Shape, to_cpu
from .evaluation import outputs_for, prepared
from .memory import allowed_memory, gigabytes
from .preparation import first_batch
from .progress import can_show_bar, say, tqdm_bar


class Features(FloatImages):
    """What frozen layers make of the images of another data set, `source`."""

    def __init__(self, features: np.ndarray, labels: np.ndarray, source: Any) -> None:
        self.name, self.source = f"what frozen layers make of {source.name}", source
        super().__init__(features, labels)


def split_for_training(net: Network, freeze: str, optimizer: Any = None) -> tuple[Network, Network]:
    """Return the frozen layers, up to `freeze`, and those to train, as two networks with the layers of `net`.

    Raises
    ------
    ArgumentError
        For an unknown layer, one after which no parameters come, and an optimizer of other layers than those to train.
    """
    net[freeze]  # raises for an unknown name
    *_, last = net.params or [""]
    names = list(net.layers)
    if not net.params or names.index(freeze) >= names.index(last):
        raise ArgumentError(f"fit: freeze is {freeze!r}, and no layer with parameters comes after it: nothing would be "
                            f"left to train; the last layer with parameters is {last or 'missing'}")
    frozen, rest = split_network(net, freeze)
    if optimizer is None:
        return frozen, rest
    own = getattr(getattr(optimizer, "net", None), "layers", None)
    if not isinstance(own, dict) or list(map(id, own.values())) != list(map(id, rest.layers.values())):
        raise ArgumentError(f"fit: with freeze, optimizer has to be one of the layers that are trained: "
                            f"SGD(split_network(net, {freeze!r})[1])")
    return frozen, optimizer.net


def mirror_alone(given: Any, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe with what of its augmentation is possible where features are computed once: mirror images.

    Raises
    ------
    ArgumentError
        When `given` is an augmentation with anything else: it would be another one for each use of an image.
    """
    if isinstance(given, Augmentation) and given.settings != Augmentation(crop=False, mirror=given.mirror).settings:
        raise ArgumentError("fit: with freeze, what frozen layers make of an image is computed once: of augmentation "
                            "mirror images alone are possible, Augmentation(crop=False)")
    wanted = recipe.get("augmentation") or {"mirror": False}
    mirror = Augmentation(**wanted | {"colour": None}).mirror
    return {**recipe, "augmentation": {"crop": False, "mirror": True} if mirror else None}


def features_of(
    net: Network, frozen: Network, train: Any, validation: Any, batch_size: int, mirror: bool, progress: bool,
    threads: int = 1,
) -> tuple[Features, Features | None]:
    """Return the outputs of frozen layers for two data sets, in memory.

    Parameters
    ----------
    net : Network
        Which has the preprocessing.
    frozen : Network
        Its first layers.
    train, validation : Dataset, ImageFolder or FloatImages; validation may be None
    batch_size : int
    mirror : bool
        The training images twice: as they are, and behind these all their mirror images.
    progress : bool
        Say what is computed and how much memory it takes, and show a bar.
    threads : int
        That read images ahead.

    Raises
    ------
    OutOfMemoryError
        When the features do not fit into the memory that the process may have; nothing has been computed then.
    DataError
        When more than 1% of the files cannot be read. Fewer are left out.
    """
    views = 2 if mirror else 1
    loader = partial(Loader, threads=threads)
    loaders = [prepared(net, train, batch_size, loader=loader)]
    if validation is not None:
        loaders.append(prepared(net, validation, batch_size, loader=loader))
    one, _ = first_batch(loaders[0], 1)
    shape = frozen.output_shape(one.shape[1:])
    images = views * len(train) + sum(len(loader.dataset) for loader in loaders[1:])
    need = images * math.prod(shape) * one.itemsize
    told = (f"the output of {frozen.name} is computed once, for {len(train)} training images"
            f"{' and their mirror images' if mirror else ''}"
            f"{'' if validation is None else f' and {len(validation)} validation images'}: {gigabytes(need)} of memory")
    free = allowed_memory()
    if free is not None and need > free:
        raise OutOfMemoryError(f"out of memory: {told}, and the process may have {gigabytes(free)} more. Freeze up to "
                               "a layer with a smaller output, or train without mirror images (--no-augmentation)")
    if progress:
        say(told)
    hide = not (progress and can_show_bar())
    with tqdm_bar(images, " images", desc="frozen layers", leave=False, disable=hide) as bar:
        found = None
        if validation is not None:  # first: what is wrong with it shows at once
            try:
                found = features(frozen, loaders[1], shape, 1, bar)
            except (ArgumentError, DataError, DtypeError, ShapeError) as error:
                raise type(error)(f"the validation set cannot be used: {error}") from error
        return features(frozen, loaders[0], shape, views, bar), found


def features(frozen: Network, loader: Loader, shape: Shape, views: int, bar: Any) -> Features:
    """Return the outputs for a loader's images, batch by batch; with two views also for their mirror images."""
    made: Any = None
    labels: list[np.ndarray] = []
    count = 0
    for images, some in loader.batches():
        if not len(some):  # none of the batch's files can be read
            continue
        for view in range(views):
            y = to_cpu(outputs_for(frozen, np.ascontiguousarray(images[:, :, ::-1]) if view else images, False))
            made = np.empty((views, len(loader.dataset), *shape), y.dtype) if made is None else made
            made[view, count : count + len(y)] = y
            bar.update(len(y))
        count += len(some)
        labels.append(some)
    if views == 2:  # the mirror images' features right behind the others, where files were left out
        made.reshape(-1, *shape)[count : 2 * count] = made[1, :count]
    return Features(made.reshape(-1, *shape)[: views * count], np.tile(np.concatenate(labels), views), loader.dataset)
