"""Draw a few training photographs of each class, as a folder that `tinynet train` takes.

    python benchmarks/fine_tuning.py IMAGENETTE few-seed0 --count 20 --seed 0
    tinynet train --model squeezenet --weights squeezenet1_1.pth --data few-seed0 --freeze fire9

The folder has links: those drawn of IMAGENETTE/train, and all of IMAGENETTE/val.
"""
import argparse
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="a folder with train/CLASS/* and val/CLASS/*")
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--count", type=int, default=20, help="photographs of each class (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draw (default: %(default)s)")
    options = parser.parse_args()
    classes = sorted(path for path in (options.data / "train").resolve().iterdir() if path.is_dir())
    for number, folder in enumerate(classes):
        files = sorted(folder.iterdir())
        if len(files) < options.count:
            parser.error(f"{folder} has {len(files)} photographs, --count asks for {options.count}")
        target = options.folder / "train" / folder.name
        target.mkdir(parents=True)
        generator = np.random.default_rng([options.seed, number])
        for index in generator.choice(len(files), options.count, replace=False):
            (target / files[index].name).symlink_to(files[index])
    (options.folder / "val").symlink_to((options.data / "val").resolve())
    print(f"{options.folder}: {options.count} photographs of each of {len(classes)} classes, drawn with seed "
          f"{options.seed}")


if __name__ == "__main__":
    main()
