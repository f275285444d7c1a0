"""ONNX files run by onnxruntime, and AlexNets that are quick to make and to run."""
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn

LIGHT = Path("backend", "test", "data", "light")  # in the package onnx: graphs of well-known networks
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


def zoo_alexnet(path: Path, net: Any) -> dict[str, np.ndarray]:
    """Write the model zoo's AlexNet with drawn weights of `net`'s sizes, for 227 x 227; return them by their names.

    The graph gives scores, not the softmax's probabilities, of which the largest alone would be compared.
    """
    import onnx

    model, rng = onnx.load(Path(onnx.__file__).parent / LIGHT / "light_bvlc_alexnet.onnx"), np.random.default_rng(0)
    graph, weights = model.graph, {}
    for name in [node.output[0] for node in graph.node if node.op_type == "ConstantOfShape"]:
        layer, key, _ = name.split("_")
        shape = net[layer].params[key].shape[::-1]
        if len(shape) == 4:
            shape = (*shape[:2], *shape[:1:-1])  # (F, C, KH, KW)
        weights[name] = rng.standard_normal(shape, np.float32) * np.float32(0.02 if key == "w" else 0.3)
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    for field, new in (
        (graph.node, [node for node in graph.node if node.op_type not in ("ConstantOfShape", "Softmax")]),
        (graph.input, [each for each in graph.input if "SHAPE" not in each.name]),
        (graph.initializer, [each for each in graph.initializer if "SHAPE" not in each.name] + tensors),
    ):
        del field[:]
        field.extend(new)
    images, scores = graph.input[0].type.tensor_type.shape, graph.output[0].type.tensor_type.shape
    assert [length.dim_value for length in images.dim] == [1, 3, 224, 224]
    images.dim[2].dim_value = images.dim[3].dim_value = 227
    scores.dim[1].dim_value = net["fc8"].params["b"].size
    graph.output[0].name = graph.node[-1].output[0]
    onnx.save(model, path)
    return weights
