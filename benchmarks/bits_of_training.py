"""The SHA-256 of all parameters after 20 training steps of six networks, to compare two revisions on one machine.

    python benchmarks/bits_of_training.py > new.txt
    PYTHONPATH=FOLDER_OF_THE_OTHER_REVISION python benchmarks/bits_of_training.py > old.txt; diff old.txt new.txt

It uses public names alone, so it runs with version 0.1 as well. Other processors may give other bits.
"""
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

import tinynet as tn

BATCHES, EPOCHS = 4, 5
NETWORKS = {
    "alexnet-small": lambda: tn.alexnet_small(seed=1),
    "alexnet-small, tanh, batch normalization": lambda: tn.alexnet_small(
        seed=1, activation="tanh", normalization="batch"),
    "lenet5": lambda: tn.lenet5(seed=1),
    "cifar-80sec": lambda: tn.cifar_net("80sec", seed=1),
    "cifar-11pct": lambda: tn.cifar_net("11pct", seed=1),
    "alexnet": lambda: tn.alexnet(seed=1, classes=10),
}


def flat(nested: dict[str, Any], before: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yield all arrays of nested dicts with their names."""
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def trained(name: str) -> tuple[str, float]:
    """Train a network on drawn numbers; return the sum of its parameters and statistics, and the last loss."""
    net = NETWORKS[name]()
    images = 8 if name == "alexnet" else 64
    generator = np.random.default_rng(7)
    x = (60 * generator.standard_normal((images, *net.input_shape))).astype(np.float32)
    labels = generator.integers(0, 10, images)
    net.recipe.pop("schedule", None)
    history = tn.fit(net, (x, labels), epochs=EPOCHS, batch_size=images // BATCHES, optimizer=tn.SGD(net, 1e-4),
                     progress=False, loader_threads=0)
    digest = hashlib.sha256()
    for key, array in [*flat(net.params), *flat(net.buffers)]:
        digest.update(key.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest(), history[-1]["train_loss"]


if __name__ == "__main__":
    for name in NETWORKS:
        sha256, loss = trained(name)
        print(f"{sha256}  {name}, loss {loss:.6f}")
