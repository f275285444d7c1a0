"""A network into a file that any program for ONNX runs, through the library of the format (the extra `weights`)."""
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..files import atomic_write
from ..network import Network
from ..ops.arrays import Shape
from .layout import their_arrays
from .onnx_graph import IMAGES, OPERATOR_SET, SCORES, Node, nodes_of

FORM = 7  # of files, as old as the operators
PREPROCESSING, CLASSES = "tinynet.preprocessing", "tinynet.class_names"  # keys of what a file says of itself, as JSON
LARGEST_FILE = 2**31 - 2**20  # bytes of parameters: the format ends at 2**31, and the graph needs some


def write_onnx(path: Path, net: Network) -> None:
    """Write a network as a graph from `images` (N, C, H, W) to `scores`, with any N; all float32, whatever its dtype.

    Parameters
    ----------
    path : Path
        A file of that name is replaced when the new one is whole.
    net : Network

    Raises
    ------
    WeightsError
        For a layer that ONNX has no operator for, and a file that cannot be written.
    """
    onnx = library(path)
    make: Any = onnx.helper
    shape: Any = net.input_shape
    nodes, arrays = named_ends(nodes_of(net)), list(their_arrays(net))
    size = 4 * sum(array.size for _, array in arrays)
    if size > LARGEST_FILE:
        raise WeightsError(f"{path}: the parameters of {net.name} need {size:,} bytes, and a .onnx file ends at 2 GB")
    names = {(place.layer, place.key): place.theirs for place, _ in arrays}
    kept = [onnx.numpy_helper.from_array(np.asarray(array, np.float32, order="C"), place.theirs)
            for place, array in arrays]
    made = []
    for node in nodes:
        inputs = [*node.inputs, *(names[node.layer, key] for key in node.weights)]
        if node.constant is not None:
            inputs.append(f"{node.outputs[0]}:constant")
            kept.append(onnx.numpy_helper.from_array(node.constant, inputs[-1]))
        made.append(make.make_node(node.op, inputs, node.outputs, name=node.outputs[0], **node.attributes))
    ends = [make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", *channels_first(shape)])
            for name, shape in ((IMAGES, shape), (SCORES, net.output_shape(shape)))]
    graph = make.make_graph(made, net.name, ends[:1], ends[1:], kept)
    model = make.make_model(graph, producer_name="tinynet", ir_version=FORM,
                            opset_imports=[make.make_opsetid("", OPERATOR_SET)])
    make.set_model_props(model, about(net))
    try:
        with atomic_write(path) as file:
            file.write(model.SerializeToString())
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror or error}") from error


def named_ends(nodes: list[Node]) -> list[Node]:
    """Return the nodes with SCORES as the name of what the last one gives; a graph needs one node at least."""
    last = nodes.pop() if nodes else Node("", "Identity", (IMAGES,), (SCORES,), {}, (), None, None)
    return [*nodes, last._replace(outputs=(SCORES,))]


def channels_first(shape: Shape) -> Shape:
    """Return (H, W, C) as (C, H, W)."""
    return (shape[-1], *shape[:-1])


def about(net: Network) -> dict[str, str]:
    """Return what a file says beside its graph: how images become input, and the classes' names."""
    said = {}
    if net.preprocessing is not None:
        state = net.preprocessing.state()
        said[PREPROCESSING] = json.dumps({"mean": state["mean"].tolist(), **state["settings"]})
    if net.class_names is not None:
        said[CLASSES] = json.dumps(list(net.class_names))
    return said


def library(path: str | os.PathLike) -> Any:
    """Return the package onnx."""
    try:
        import onnx
    except ImportError:
        raise WeightsError(f"{path}: .onnx files need the extra 'weights': pip install 'tinynet[weights]'") from None
    return onnx
