"""Every network in full size as an ONNX file, and files of others in full size into ours: the scores of both compared.

    python tests/long/onnx_networks.py

Ours are written and run by onnxruntime on drawn images, the trained SqueezeNet on photographs of Imagenette (with
TINYNET_DATA). Into ours come the model zoo's AlexNet with drawn weights, run by onnxruntime, and what PyTorch exports
of AlexNet and SqueezeNet as torchvision builds them, run by PyTorch. `results/reliability/onnx-networks.json` has the
largest difference of each, over the largest score, and is written after each; two to three minutes, 3 GB of memory.
"""
import importlib.metadata
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from record import FOLDER, write_record  # the tests' own helpers are found from here on

from support.onnx_files import run, zoo_alexnet  # isort: skip

import tinynet as tn
from tinynet.errors import WeightsError
from tinynet.models import MODELS, make_model

ALLOWED = 1e-4  # of the largest score


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference over the largest score."""
    assert found.shape == expected.shape and expected.std() > 0
    return float(f"{np.abs(found - expected).max() / np.abs(expected).max():.1e}")


def drawn_images(net: Any) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((2, *net.input_shape), np.float32) * 60


def written(name: str, path: Path) -> float | str:
    """Compare a network of ours with what onnxruntime makes of its file."""
    net = make_model(name)
    try:
        tn.save_weights(net, path)
    except WeightsError as refused:
        return str(refused)
    x = drawn_images(net)
    return difference(run(path, x), net.forward(x)[0])


def trained_squeezenet(path: Path) -> float:
    """Compare the trained SqueezeNet on 100 photographs."""
    data = Path(os.environ["TINYNET_DATA"])
    net: Any = tn.load_weights("squeezenet", data / "squeezenet" / "squeezenet1_1.pth")
    tn.save_weights(net, path)
    photographs = sorted((data / "imagenette" / "val").rglob("*.JPEG"))[::9][:100]
    x = net.preprocessing(np.stack([net.preprocessing.load_image(each) for each in photographs]))
    return difference(run(path, x), net.forward(x)[0])


def model_zoos(path: Path) -> float:
    """Compare the model zoo's AlexNet, 1,000 classes, drawn weights."""
    net = tn.alexnet("caffe")
    zoo_alexnet(path, net)
    tn.load_weights(net, path)
    x = drawn_images(net)[:1]
    return difference(net.forward(x)[0], run(path, x, "data_0"))


def exported(build: Callable[[], Any], name: str, path: Path) -> float:
    """Compare a PyTorch module with our network of the weights in its export."""
    import torch

    module = build().eval()
    net = make_model(name)
    x = drawn_images(net)
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter that needs no further package is deprecated
        torch.onnx.export(module, (images,), path, dynamo=False)
    tn.load_weights(net, path)
    return difference(net.forward(x)[0], module(images).detach().numpy())


def alexnet() -> Any:
    """Return the module that torchvision/models/alexnet.py describes."""
    from torch import nn

    features, c = [], 3
    for filters, kernel, stride, padding, pool in (
        (64, 11, 4, 2, True), (192, 5, 1, 2, True), (384, 3, 1, 1, False), (256, 3, 1, 1, False), (256, 3, 1, 1, True),
    ):
        features += [nn.Conv2d(c, filters, kernel, stride, padding), nn.ReLU()] + [nn.MaxPool2d(3, 2)] * pool
        c = filters
    return nn.Sequential(
        *features, nn.AdaptiveAvgPool2d((6, 6)), nn.Flatten(), nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000))


def squeezenet() -> Any:
    """Return the module that torchvision/models/squeezenet.py describes, version 1.1."""
    import torch
    from torch import nn

    class Sides(nn.Module):
        def __init__(self, c: int, f: int) -> None:
            super().__init__()
            self.one, self.three = nn.Conv2d(c, f, 1), nn.Conv2d(c, f, 3, padding=1)

        def forward(self, x: Any) -> Any:
            return torch.cat([torch.relu(self.one(x)), torch.relu(self.three(x))], 1)

    def fire(c: int, squeeze: int, expand: int) -> list[Any]:
        return [nn.Conv2d(c, squeeze, 1), nn.ReLU(), Sides(squeeze, expand)]

    def pool() -> Any:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), *fire(64, 16, 64), *fire(128, 16, 64), pool(), *fire(128, 32, 128),
        *fire(256, 32, 128), pool(), *fire(256, 48, 192), *fire(384, 48, 192), *fire(384, 64, 256),
        *fire(512, 64, 256), nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten())


def main() -> int:
    checks: dict[str, Callable[[Path], float | str]] = {
        f"{name} written": lambda path, name=name: written(name, path) for name in MODELS}
    if "TINYNET_DATA" in os.environ:
        checks["squeezenet written, trained, on photographs"] = trained_squeezenet
    checks["alexnet-caffe from the model zoo's graph"] = model_zoos
    checks["alexnet-torchvision from PyTorch's export"] = lambda path: exported(alexnet, "alexnet-torchvision", path)
    checks["squeezenet-torchvision from PyTorch's export"] = lambda path: exported(
        squeezenet, "squeezenet-torchvision", path)
    versions = {name: importlib.metadata.version(name) for name in ("onnx", "onnxruntime", "torch")}
    record: dict[str, Any] = {"versions": versions, "allowed": ALLOWED, "differences": {}, "refused": {}, "seconds": 0}
    failures, begin = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for what, check in checks.items():
            found = check(Path(folder) / "net.onnx")
            record["refused" if isinstance(found, str) else "differences"][what] = found
            failures += not isinstance(found, str) and not found <= ALLOWED
            record["seconds"] = round(time.monotonic() - begin)
            write_record(FOLDER / "onnx-networks.json", record)
            print(f"{what}: {found}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
