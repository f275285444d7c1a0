"""Make the network that the package ships of a training of `alexnet-medium` on Imagenette.

    python benchmarks/ship_network.py runs/medium-seed0 --data IMAGENETTE

The last checkpoint is taken, whatever its error: none is chosen by the photographs that the error is measured on. Its
parameters are rounded to float16, the error is measured with the rounded ones, and all is written to
tinynet/pretrained/alexnet-medium.npz, with a note on how it was made.
"""
import argparse
import json
from pathlib import Path

import tinynet as tn
from tinynet.data import ImageFolder
from tinynet.data.imagenet import word_of

TARGET = Path(tn.__file__).parent / "pretrained" / "alexnet-medium.npz"


def ship(run: Path, data: Path, target: Path) -> str:
    """Write the shipped checkpoint; return what it says about itself."""
    net = tn.load_checkpoint(run / "last.npz")
    train, validation = tn.data.load_data(data)
    size, resize = net.preprocessing.image_size, net.preprocessing.resize
    if not isinstance(validation, ImageFolder) or train.class_names != net.class_names:
        raise SystemExit(f"{data}: its classes are {train.class_names}, the network's {net.class_names}")
    validation = validation.stored_as(size, 3, resize)
    rounded = run / "rounded.npz"
    tn.save_checkpoint(rounded, net, half=True)
    net = tn.load_checkpoint(rounded)
    rounded.unlink()
    one, ten = (tn.evaluate(net, validation, ten_crop=crops) for crops in (False, True))
    words = [word_of(name) for name in net.class_names]
    settings = json.loads((run / "settings.json").read_text())
    about = (
        f"one tower of AlexNet for photographs of 127 x 127 pixels, trained on the {len(train):,} photographs of "
        f"Imagenette for {settings['epochs']} epochs (seed {settings['seed']}), knows {', '.join(words)}; "
        f"error on {len(validation)} other photographs {one.top1_error:.1%} with one crop, {ten.top1_error:.1%} with "
        "ten")
    net.notes.append(f"Pretrained: {about}. Its parameters were rounded to float16.")
    tn.save_checkpoint(target, net, progress={"about": about, "settings": settings}, half=True)
    return about


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, default=TARGET)
    options = parser.parse_args()
    print(ship(options.run, options.data, options.to))
    print(f"{options.to} has it, {options.to.stat().st_size / 1e6:.2f} MB")
