"""Weights out of an ONNX file, whose graph is compared with the network's node by node."""
import json
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..data import Preprocessing
from ..errors import TinynetError, WeightsError
from ..network import Network
from .layout import places
from .onnx_compare import Found, differences
from .onnx_graph import IMAGES, Node, nodes_of
from .onnx_write import CLASSES, PREPROCESSING, library


class Contents(NamedTuple):
    """What a file has: arrays by the names that `layout.places` gives, with PyTorch's axes; and what it says besides.
    """

    arrays: dict[str, np.ndarray]
    preprocessing: Preprocessing | None
    class_names: list[str] | None


def read_onnx(path: Path, net: Network) -> Contents:
    """Return a file's weights, by the places in the graph that they have in the network's.

    Parameters
    ----------
    path : Path
    net : Network
        Its graph must be the file's: operators, windows, groups, constants and their order. A softmax behind the last
        layer does not count; it belongs to the loss here.

    Raises
    ------
    WeightsError
        When the file cannot be read, or its graph is another one: the message names the first node that differs.
    """
    onnx, ours = library(path), nodes_of(net)
    try:
        model = onnx.load(path)
        if not model.graph.node:
            raise ValueError("there are no operators in it")
        weights, tensors = matched(f"{path} is not the graph of {net.name}", ours, model, onnx.numpy_helper.to_array)
        missing = [name for name, _ in weights.values() if name not in tensors]
        if missing:
            more = f" and {len(missing) - 1} more" if missing[1:] else ""
            raise WeightsError(f"{path} has the graph of {net.name}, but no numbers for {missing[0]}{more}: it needs "
                               "the file with the weights in it")
        arrays = {}
        for place in places(net):
            name, turned = weights[place.layer, place.key]
            array = onnx.numpy_helper.to_array(tensors[name])
            arrays[place.theirs] = array.T if turned and array.ndim == 2 else array
        return Contents(arrays, *said(path, model))
    except WeightsError:
        raise
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError:  # says nothing about the file
        raise
    except Exception as error:  # protobuf and the library meet damage with a dozen kinds of exceptions
        raise WeightsError(f"{path} is damaged, or not a .onnx file ({type(error).__name__}: {error})") from error


def matched(
    other: str, ours: list[Node], model: Any, to_array: Callable[[Any], np.ndarray]
) -> tuple[dict[tuple[str, str], tuple[str, bool]], dict[str, Any]]:
    """Return what each weight of ours is called in a graph, and whether its axes are turned; and its tensors by name.

    WeightsError, whose text begins with `other`, for the first node that differs.
    """
    tensors, nodes = parts(model.graph)
    inputs = [each.name for each in model.graph.input if each.name not in tensors]
    operator_set = max((each.version for each in model.opset_import if each.domain in ("", "ai.onnx")), default=1)
    if len(inputs) != 1:
        raise WeightsError(f"{other}: it has {len(inputs)} inputs, {', '.join(inputs) or 'none'}, expected the images")
    theirs = {IMAGES: inputs[0]}  # what an array of ours is called there
    weights: dict[tuple[str, str], tuple[str, bool]] = {}
    for node, found in zip_longest(ours, nodes):
        if found is None:
            raise WeightsError(f"{other}: it ends before layer {node.layer} ({node.op})")
        if node is None:
            if found.op == "Softmax" and found is nodes[-1]:
                break
            raise WeightsError(f"{other}: its node {found.name} ({found.op}) comes behind the last layer")
        problems = differences(node.op, node.attributes, found, node.image_size, operator_set) \
            or wrong_arrays(node, found, theirs, tensors, to_array)
        if problems:
            raise WeightsError(f"{other}: its node {found.name} has {', '.join(problems)}, as layer {node.layer} has")
        theirs |= zip(node.outputs, found.outputs, strict=True)
        turned = found.op == "Gemm" and not found.attributes.get("transB", 0)
        weights |= {(node.layer, key): (name, turned)
                    for key, name in zip(node.weights, found.inputs[len(node.inputs) :], strict=False)}
    return weights, tensors


def parts(graph: Any) -> tuple[dict[str, Any], list[Found]]:
    """Return a graph's tensors by name, and its nodes in their order, without those that do nothing to the images."""
    tensors, nodes = {tensor.name: tensor for tensor in graph.initializer}, []
    fixed = set(tensors)  # and what is computed of them alone
    same: dict[str, str] = {}  # outputs of what does nothing, and what went in
    for node in graph.node:
        attributes = {each.name: plain(each) for each in node.attribute}
        if node.op_type == "Constant" and "value" in attributes:
            tensors[node.output[0]] = attributes["value"]
        if node.op_type == "Identity" and node.input[0] in tensors:  # one of several tensors that are equal
            tensors[node.output[0]] = tensors[node.input[0]]
        if fixed.issuperset(node.input):
            fixed.update(node.output)
            continue
        inputs = [same.get(name, name) for name in node.input]
        if without_effect(node, attributes):
            same[node.output[0]] = inputs[0]
            continue
        op = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        if op == "Reshape" and len(inputs) == 2 and inputs[1] in tensors and list(tensors[inputs[1]].dims) == [2]:
            op, inputs, attributes = "Flatten", inputs[:1], {}  # to (N, all the rest)
        while inputs and not inputs[-1]:
            inputs.pop()  # left out
        nodes.append(Found(node.name or ", ".join(node.output), op, inputs, list(node.output), attributes))
    return tensors, nodes


def without_effect(node: Any, attributes: dict[str, Any]) -> bool:
    """Tell whether a node gives what it gets: dropout, and a pooling over single places, as PyTorch's adaptive one."""
    if node.op_type in ("Identity", "Dropout"):
        return node.domain == ""
    return node.op_type in ("AveragePool", "MaxPool") and attributes.get("kernel_shape") == (1, 1) and not any(
        set(attributes.get(name, (usual,))) - {usual} for name, usual in (("strides", 1), ("pads", 0)))


def plain(attribute: Any) -> Any:
    """Return an attribute's value: a number, a text, a tuple of numbers, or a tensor."""
    kind = attribute.AttributeType.Name(attribute.type)
    if kind in ("INT", "FLOAT"):
        return getattr(attribute, kind[0].lower())
    if kind in ("INTS", "FLOATS"):
        return tuple(getattr(attribute, kind.lower()))
    if kind == "STRING":
        return attribute.s.decode(errors="replace")
    return attribute.t if kind == "TENSOR" else kind


def wrong_arrays(
    node: Node, found: Found, theirs: Mapping[str, str], tensors: Mapping[str, Any],
    to_array: Callable[[Any], np.ndarray],
) -> list[str]:
    """Return what is different in the arrays that go into a file's node and come out; nothing where they fit ours."""
    first, count = len(node.inputs), len(node.inputs) + len(node.weights) + (node.constant is not None)
    if len(found.inputs) != count or len(found.outputs) != len(node.outputs):
        return [f"{len(found.inputs)} inputs and {len(found.outputs)} outputs instead of {count} and "
                f"{len(node.outputs)}"]
    expected = [theirs[name] for name in node.inputs]
    if found.inputs[:first] != expected:
        return [f"the input {', '.join(found.inputs[:first])} instead of {', '.join(expected)}"]
    if node.constant is not None:
        tensor = tensors.get(found.inputs[-1])
        if tensor is None or not np.array_equal(to_array(tensor), node.constant):
            return [f"another {found.inputs[-1]} than {node.constant.tolist()}"]
    return []


def said(path: Path, model: Any) -> tuple[Preprocessing | None, list[str] | None]:
    """Return the preprocessing and the classes' names that `save_weights` put into a file; None where there are none.
    """
    texts = {each.key: each.value for each in model.metadata_props}
    try:
        preprocessing = Preprocessing(**json.loads(texts[PREPROCESSING])) if PREPROCESSING in texts else None
        names = json.loads(texts[CLASSES]) if CLASSES in texts else None
    except (TinynetError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: what it says of its preprocessing or classes is damaged ({error})") from error
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise WeightsError(f"{path}: its names of classes are not a list of texts")
    return preprocessing, names
