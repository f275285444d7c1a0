"""`tinynet train --weights`: a network begins with weights that were trained before."""
import sys
from pathlib import Path

from ..errors import CheckpointError
from ..network import Network
from ..training.checkpoint import check_same, fill, load_checkpoint
from ..weights import load_weights


def take_weights(net: Network, path: Path) -> None:
    """Fill a network, made for the data's classes, from a file; say so where its last layer stays as it was drawn.

    Raises
    ------
    WeightsError, CheckpointError
        When the file cannot be read, or is another network's.
    ArgumentError
        For an ending that no kind of file has.
    """
    *_, last = net.params
    before = next(iter(net.params[last].values()))
    if path.suffix.lower() == ".npz":
        take_checkpoint(net, path, last)
    else:
        load_weights(net, path, new_last=True)
    if any(array is before for array in net.params[last].values()):
        print(f"tinynet: {last} of {path} is for another number of classes than the data has: a fresh {last} takes its "
              "place", file=sys.stderr)
    if net.preprocessing is not None:
        net.recipe["mean"] = "image" if net.preprocessing.mean.ndim == 3 else "colour"


def take_checkpoint(net: Network, path: Path, last: str) -> None:
    """Fill a network and its preprocessing from a checkpoint; not `last`, where that has another shape there.

    Raises
    ------
    CheckpointError
        When the file cannot be read, or its layers differ from the network's in more than that.
    """
    found = load_checkpoint(path)
    if list(found.layers) != list(net.layers):
        raise CheckpointError(f"{path} has the network {found.name} ({', '.join(found.layers)}), expected {net.name} "
                              f"({', '.join(net.layers)})")
    for name, layer in net.layers.items():
        if name != last and repr(found[name]) != repr(layer):
            raise CheckpointError(f"{path} has another network than {net.name}: its {name} is {found[name]}, expected "
                                  f"{layer}")
    own, saved = dict(net.params), dict(found.params)
    shapes = [{key: array.shape for key, array in params[last].items()} for params in (own, saved)]
    if shapes[0] != shapes[1]:
        del own[last], saved[last]
    check_same(own, saved)
    check_same(net.buffers, found.buffers)
    fill(own, saved)
    fill(net.buffers, found.buffers)
    net.preprocessing = found.preprocessing
