"""ONNX files run by onnxruntime, and AlexNets that are quick to make and to run."""
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn

ALEXNET = import_module("tinynet.models.alexnet")  # the module; tinynet.models.alexnet is the function in it


def run(path: Path, x: np.ndarray, images: str = "images") -> np.ndarray:
    """Return what onnxruntime makes of images (N, H, W, C); images have their channels last again."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    y = session.run(None, {images: np.moveaxis(x, -1, 1)})[0]
    return np.moveaxis(y, 1, -1)


def narrow_alexnet(monkeypatch: Any) -> None:
    """Give AlexNet's fully connected layers 64 units in place of 4096; all the rest of it is as it is."""
    def linear(inputs: int, outputs: int, **options: Any) -> tn.Linear:
        return tn.Linear(64 if inputs == 4096 else inputs, min(outputs, 64), **options)

    monkeypatch.setattr(ALEXNET, "Linear", linear)
