"""Top-1 and top-5 of a network of ImageNet's 1,000 classes on Imagenette's validation photographs.

    python benchmarks/thousand_classes.py squeezenet1_1.pth --model squeezenet --data IMAGENETTE

All 1,000 classes compete, and the photograph's is one of ten of them. Photographs are brought to size as the network's
preprocessing says; --resize says otherwise. --lanczos squashes them with Lanczos' filter (ours is bilinear).
"""
import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import tinynet as tn
from tinynet.data.imagenet import imagenet_classes

BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--model", default="squeezenet")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--resize", choices=["crop", "squash"])
    parser.add_argument("--lanczos", action="store_true")
    options = parser.parse_args()
    net: Any = tn.load_weights(options.model, options.weights)
    net.preprocessing.resize = options.resize or net.preprocessing.resize
    load = net.preprocessing.load_image
    if options.lanczos:
        def load(file: Path) -> np.ndarray:
            height, width = net.preprocessing.image_size
            return np.asarray(Image.open(file).convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    numbers = {name: i for i, name in enumerate(imagenet_classes())}
    files = sorted((options.data / "val").glob("*/*.JPEG"))
    labels = np.array([numbers[file.parent.name] for file in files])
    ranks = []
    for start in range(0, len(files), BATCH):
        images = np.stack([load(file) for file in files[start : start + BATCH]])
        probabilities = tn.predict(net, images)
        own = probabilities[np.arange(len(images)), labels[start : start + BATCH]]
        ranks.append((probabilities > own[:, None]).sum(axis=1))
    rank = np.concatenate(ranks)
    brought = "squash with Lanczos' filter" if options.lanczos else net.preprocessing.resize
    print(f"{options.model}, {brought}, {len(rank)} photographs: top-1 {np.mean(rank < 1):.2%}, "
          f"top-5 {np.mean(rank < 5):.2%} among {len(numbers)} classes")


if __name__ == "__main__":
    main()
