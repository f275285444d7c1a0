"""Errors on photographs that were squashed to a square, and on those of people, which are not.

    python benchmarks/proportions.py runs/medium-seed0/last.npz ... --data IMAGENETTE

Imagenette's photographs here are squares of 224 pixels into which whole photographs were squashed. Stretching
the square to 4 x 3 (or 3 x 4) gives the proportions back to those that a camera took so, and others to the rest.
Measured are, with one central crop:

- squashed: the squares as they are, as the network saw them in training (`--resize squash`);
- wide, cropped: stretched to 4 x 3, and of that the central square (`--resize crop` of a wide photograph);
- high, cropped: stretched to 3 x 4, and of that the central square.
"""
import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tinynet as tn


def stretched(folder: Path, size: int, width: float, height: float) -> np.ndarray:
    """Return all photographs of a folder, stretched by these factors, and their central squares: uint8 (N, H, W, 3)."""
    found = []
    for path in sorted(folder.glob("*/*.JPEG")):
        with Image.open(path) as file:
            image = file.convert("RGB").resize((round(size * width), round(size * height)), Image.Resampling.BICUBIC)
        left, top = (image.width - size) // 2, (image.height - size) // 2
        found.append(np.asarray(image.crop((left, top, left + size, top + size))))
    return np.stack(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    _, validation = tn.data.load_data(options.data)
    forms = {"squashed": (1, 1), "wide, cropped": (4 / 3, 1), "high, cropped": (1, 4 / 3)}
    for path in options.checkpoints:
        net: Any = tn.load_checkpoint(path)
        for name, (width, height) in forms.items():
            images = stretched(options.data / "val", net.preprocessing.image_size[0], width, height)
            data = tn.data.Dataset(images, validation.labels, net.class_names)
            print(f"{path}: {name}: {tn.evaluate(net, data)}", flush=True)


if __name__ == "__main__":
    main()
