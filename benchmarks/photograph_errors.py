"""Errors of trainings on Imagenette: one crop and ten, squashed photographs and cropped ones, with intervals.

    python benchmarks/photograph_errors.py runs/medium-seed0/last.npz runs/medium-seed1/last.npz ... --data IMAGENETTE

Imagenette's photographs here are squares of 224 pixels into which whole photographs were squashed; those of people are
not. Stretching a square to 4 x 3 (or 3 x 4) gives its proportions back to a photograph that was taken so, and others to
the rest. Measured on the validation photographs:

- squashed: the squares as they are, as training saw them and `tinynet evaluate` does, with one central crop and with
  ten;
- wide, cropped: stretched to 4 x 3, and of that the central square (`--resize crop` of a wide photograph), one crop;
- high, cropped: stretched to 3 x 4, and of that the central square, one crop.

The table is Markdown. The mean over the trainings has the 95% interval of Student's t, for another seed's training; a
single error has that of the binomial distribution (Wilson's), for other photographs.
"""
import argparse
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tinynet as tn
from tinynet.lessons.result import T95

FORMS = {  # the factors of width and height, and whether ten crops are taken
    "squashed, one crop": (1, 1, False), "squashed, ten crops": (1, 1, True),
    "wide, cropped": (4 / 3, 1, False), "high, cropped": (1, 4 / 3, False),
}


def stretched(folder: Path, size: int, width: float, height: float) -> np.ndarray:
    """Return all photographs of a folder, stretched by these factors, and their central squares: uint8 (N, H, W, 3)."""
    found = []
    for path in sorted(folder.glob("*/*.JPEG")):
        with Image.open(path) as file:
            image = file.convert("RGB").resize((round(size * width), round(size * height)), Image.Resampling.BICUBIC)
        left, top = (image.width - size) // 2, (image.height - size) // 2
        found.append(np.asarray(image.crop((left, top, left + size, top + size))))
    return np.stack(found)


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 95% interval of a share of `count` (Wilson 1927)."""
    z = 1.96
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return middle - half, middle + half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoints", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    _, validation = tn.data.load_data(options.data)
    print("| training | " + " | ".join(FORMS) + " |\n|---|" + "---|" * len(FORMS), flush=True)
    errors: dict[str, list[float]] = {name: [] for name in FORMS}
    for path in options.checkpoints:
        net: Any = tn.load_checkpoint(path)
        cells = []
        for name, (width, height, ten) in FORMS.items():
            size = net.preprocessing.image_size[0]
            data: Any = validation.stored_as((size, size), 3, net.preprocessing.resize)
            if width != height:
                images = stretched(options.data / "val", size, width, height)
                data = tn.data.Dataset(images, validation.labels, net.class_names)
            found = tn.evaluate(net, data, ten_crop=ten)
            errors[name].append(found.top1_error)
            low, high = wilson(found.top1_error, found.count)
            cells.append(f"{found.top1_error:.1%} ({low:.1%} to {high:.1%})")
        print(f"| {path.parent.name} | " + " | ".join(cells) + " |", flush=True)
    if 1 < len(options.checkpoints) <= len(T95) + 1:
        means = [f"{statistics.mean(each):.1%} ± {100 * half(each):.1f}" for each in errors.values()]
        print("| mean | " + " | ".join(means) + " |")


def half(values: list[float]) -> float:
    """Return half the 95% interval of the mean."""
    return T95[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))


if __name__ == "__main__":
    main()
