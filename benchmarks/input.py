"""Does training wait for images? Decoding, augmentation, and the share of a step that is spent waiting.

    python benchmarks/input.py PHOTOGRAPHS --json benchmarks/results/input.json

PHOTOGRAPHS is a folder of images; they are stored as JPEG files of 256 x 256 in a temporary folder, as often as needed,
and the paper's network trains on them with random crops, mirror images and PCA colour.
"""
import argparse
import json
import tempfile
import time
from pathlib import Path

from PIL import Image

import tinynet as tn
from tinynet.data import Augmentation, ImageFolder, Loader, PCAColour, Preprocessing, load_image


def store(source: Path, target: Path, count: int) -> ImageFolder:
    """Write `count` JPEG files of 256 x 256 and return them as a data set."""
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not found:
        raise SystemExit(f"{source} has no images")
    paths = []
    for i in range(count):
        path = target / f"{i}.jpg"
        Image.fromarray(load_image(found[i % len(found)], 256)).save(path, quality=90)
        paths.append(path)
    return ImageFolder(paths, [i % 1000 for i in range(count)], [str(i) for i in range(1000)])


def rate(function, count: int) -> float:
    """Images a second of one call that does `count` images."""
    start = time.perf_counter()
    function()
    return count / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--loader-threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    count = options.batch * options.batches
    with tempfile.TemporaryDirectory() as folder:
        data = store(options.photographs, Path(folder), count)
        preprocessing = Preprocessing.fit(data, 227)
        augmentation = Augmentation(colour=PCAColour.fit(data))
        decoded = [data.images_at(range(options.batch))]
        result = {
            "decoded_a_second": rate(lambda: data.images_at(range(count)), count),
            "augmented_a_second": rate(
                lambda: list(Loader(tn.data.Dataset(decoded[0], data.labels[: options.batch], data.class_names),
                                    preprocessing, options.batch, augmentation, threads=0).batches()), options.batch),
        }
        result |= train(data, preprocessing, augmentation, options)
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


def train(data, preprocessing, augmentation, options) -> dict[str, float]:
    """Train for one epoch and tell how much of the time after the first batch was spent waiting for images."""
    tn.set_threads(options.threads)
    net = tn.alexnet()
    optimizer = tn.SGD(net, 1e-4)
    loader = Loader(data, preprocessing, options.batch, augmentation, shuffle=True, threads=options.loader_threads)
    batches = loader.batches()
    waited = worked = 0.0
    for i in range(len(loader)):
        before = time.perf_counter()
        images, labels = next(batches)
        ready = time.perf_counter()
        tn.training_step(net, images, labels, optimizer)
        if i:
            waited += ready - before
            worked += time.perf_counter() - ready
    total = waited + worked
    return {"share_waiting": waited / total, "images_a_second": options.batch * (len(loader) - 1) / total}


if __name__ == "__main__":
    main()
