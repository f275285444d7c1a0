"""Weights out of ONNX files: the model zoo's AlexNet against onnxruntime, and what is not the network's is named."""
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.onnx_files import LIGHT, narrow_alexnet, run, zoo_alexnet

import tinynet as tn
from tinynet.errors import ArgumentError, WeightsError
from tinynet.network.params import flat

onnx: Any = pytest.importorskip("onnx", reason="needs the extra `weights`")
FOLDER = Path(onnx.__file__).parent / LIGHT
ALEXNET = FOLDER / "light_bvlc_alexnet.onnx"  # the graph of the model zoo's file, whose weights are all 0.02


def attributes_of(node: Any) -> dict[str, Any]:
    return {each.name: each for each in node.attribute}


def node_called(model: Any, name: str) -> Any:
    return next(node for node in model.graph.node if node.name == name)


def tensor(model: Any, name: str) -> Any:
    return next(each for each in model.graph.initializer if each.name == name)


def put(model: Any, name: str, array: np.ndarray) -> None:
    tensor(model, name).CopyFrom(onnx.numpy_helper.from_array(array, name))


def test_the_model_zoos_alexnet_gives_its_scores(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="runs the files; the extra `test` has it")
    narrow_alexnet(monkeypatch)
    net: Any = tn.alexnet("caffe", classes=9)
    weights = zoo_alexnet(tmp_path / "zoo.onnx", net)
    assert tn.load_weights(net, tmp_path / "zoo.onnx") is net
    assert np.array_equal(net["conv2"].params["w"][3, 1], weights["conv2_w_0"][:, :, 3, 1].T)
    x = np.random.default_rng(1).uniform(-110, 150, (1, 227, 227, 3)).astype("f4")
    found, expected = net.forward(x)[0], run(tmp_path / "zoo.onnx", x, "data_0")
    assert found.shape == expected.shape == (1, 9) and expected.std() > 1e-2 * np.abs(expected).max()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.fixture(scope="module")
def caffe() -> tn.Network:
    with pytest.MonkeyPatch.context() as patch:
        narrow_alexnet(patch)
        return tn.alexnet("caffe")


def test_the_graph_without_weights_is_recognized_and_that_they_lack_is_said(caffe):
    with pytest.raises(WeightsError, match="light_bvlc_alexnet.onnx has the graph of alexnet-caffe, but no numbers for "
                       "conv1_w_0 and 15 more: it needs the file with the weights in it"):
        tn.load_weights(caffe, ALEXNET)


# What is changed in the model zoo's graph, and what is said of it: the first node that differs, and all of it.
def set_ints(node: str, name: str, values: list[int]) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        attributes_of(node_called(model, node))[name].ints[:] = values
    return change


def set_number(node: str, name: str, value: float) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        attribute = attributes_of(node_called(model, node))[name]
        setattr(attribute, "f" if isinstance(value, float) else "i", value)
    return change


def add(node: str, **attributes: Any) -> Callable[[Any], None]:
    return lambda model: node_called(model, node).attribute.extend(
        onnx.helper.make_attribute(name, value) for name, value in attributes.items())


def rename(node: str, op: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        node_called(model, node).op_type = op
        del node_called(model, node).attribute[:]
    return change


def take_from(node: str, name: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        node_called(model, node).input[0] = name
    return change


def without_last(count: int) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        del model.graph.node[-count:]
    return change


CHANGES = [
    (set_ints("n0", "strides", [2, 2]), r"n0 has strides \(2, 2\) instead of \(4, 4\), number of windows \(109, 109\)"),
    (set_ints("n4", "pads", [1, 1, 3, 3]), r"node n4 has padding at top and left \(1, 1\) instead of \(2, 2\), as "),
    (set_number("n4", "group", 1), "node n4 has group 1 instead of 2, as layer conv2 has"),
    (set_number("n2", "alpha", 5e-4), "node n2 has alpha 0.0005 instead of 0.0001, as layer norm1 has"),
    (set_number("n2", "size", 3), "node n2 has size 3 instead of 5"),
    (set_number("n6", "beta", 0.5), "node n6 has beta 0.5 instead of 0.75, as layer norm2 has"),
    (set_number("n6", "bias", 2.0), "node n6 has bias 2 instead of 1"),
    (set_ints("n14", "pads", [0, 0, 2, 2]), r"n14 has number of windows \(7, 7\) instead of \(6, 6\), as layer pool5 "),
    (set_ints("n14", "kernel_shape", [3, 2]), r"node n14 has kernel_shape \(3, 2\) instead of \(3, 3\)"),
    (set_ints("n8", "kernel_shape", [3]), r"node n8 has kernel_shape \(3,\) instead of \(3, 3\)"),
    (set_ints("n8", "pads", [1, 1, 2**40, 1]), r"node n8 has .*number of windows none instead"),
    (add("n8", dilations=[2, 2]), r"node n8 has dilations \(2, 2\) instead of \(1, 1\), as layer conv3 has"),
    (add("n8", auto_pad="SAME_UPPER"), "node n8 has auto_pad SAME_UPPER instead of NOTSET"),
    (add("n5", slope=0.1), "node n5 has slope 0.1 instead of none, as layer relu2 has"),
    (add("n19", alpha=2.0), "node n19 has alpha 2 instead of 1, as layer fc7 has"),
    (add("n16", transA=1), "node n16 has transA 1 instead of 0, as layer fc6 has"),
    (rename("n11", "Tanh"), "node n11 has operator Tanh instead of Relu, as layer relu4 has"),
    (rename("n6", "Identity"), "node n7 has operator MaxPool instead of LRN, as layer norm2 has"),
    (rename("n15", "Flatten"), "n15 has 2 inputs and 1 outputs instead of 1 and 1"),
    (lambda model: put(model, "OC2_DUMMY_1", np.array([1, 96, 96])), "n15 has operator Reshape instead of Flatten"),
    (take_from("n13", "r11"), "node n13 has the input r11 instead of r12, as layer relu5 has"),
    (without_last(2), r"it ends before layer fc8 \(Gemm\)"),
    (lambda model: model.graph.node.extend([model.graph.node[-1]]), r"n23 \(Softmax\) comes behind the last layer"),
    (lambda model: setattr(node_called(model, "n1"), "domain", "com.example"), "operator com.example.Relu instead of"),
    (lambda model: model.graph.input.add(name="more"), "it has 2 inputs, data_0, more, expected the images"),
    (lambda model: node_called(model, "n0").input.pop(), "node n0 has 2 inputs and 1 outputs instead of 3 and 1"),
]


@pytest.mark.parametrize("change, message", CHANGES, ids=range(len(CHANGES)))
def test_the_first_node_that_differs_is_named_with_what_differs(change, message, caffe, tmp_path):
    model = onnx.load(ALEXNET)
    change(model)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match=f"other.onnx is not the graph of alexnet-caffe: .*{message}"):
        tn.load_weights(caffe, tmp_path / "other.onnx")


@pytest.mark.parametrize("change", [
    rename("n18", "Identity"), set_ints("n3", "pads", [0, 0, 0, 0]), add("n0", dilations=[1, 1], group=1),
    add("n3", ceil_mode=1, storage_order=0), without_last(1), add("n16", alpha=1.0, transA=0),
    set_ints("n14", "pads", [0, 0, 0, 0]),
    lambda model: model.graph.node.insert(16, onnx.helper.make_node("Neg", ["conv1_b_0"], ["of no use"])),
], ids=range(8))
def test_graphs_that_compute_the_same_are_recognized(change, caffe, tmp_path):
    model = onnx.load(ALEXNET)
    change(model)
    onnx.save(model, tmp_path / "same.onnx")
    with pytest.raises(WeightsError, match="same.onnx has the graph of alexnet-caffe, but no numbers for"):
        tn.load_weights(caffe, tmp_path / "same.onnx")


@pytest.mark.parametrize("name", ["densenet121", "resnet50", "squeezenet", "vgg19", "inception_v1", "zfnet512"])
def test_graphs_of_other_networks_are_told_apart(name, caffe):
    with pytest.raises(WeightsError, match=rf"light_{name}.onnx is not the graph of alexnet-caffe: its node n0 has "
                       r"kernel_shape \(., .\) instead of \(11, 11\), strides .* as layer conv1 has$"):
        tn.load_weights(caffe, FOLDER / f"light_{name}.onnx")


def small() -> tn.Network:
    return tn.Network([("conv", tn.Conv2d(3, 4, 3)), ("pool", tn.AvgPool2d(3, 2, 1, ceil_mode=True)),
                       ("flatten", tn.Flatten()), ("fc", tn.Linear(24, 5))], input_shape=(6, 5, 3), name="small")


def change_file(path: Path, change: Callable[[Any], None]) -> None:
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def cut(model: Any) -> None:
    each = tensor(model, "fc.weight")
    each.raw_data = each.raw_data[:-4]


def outside(model: Any) -> None:
    each = tensor(model, "fc.weight")
    each.ClearField("raw_data")
    each.data_location = onnx.TensorProto.EXTERNAL
    each.external_data.add(key="location", value="nothing.bin")


@pytest.mark.parametrize("change, message", [
    (lambda model: model.graph.initializer.pop(0), "has the graph of small, but no numbers for conv.weight: it needs"),
    (lambda model: put(model, "conv.weight", np.zeros((4, 3, 3, 2), "f4")),
     "does not fit small; of another shape: conv.weight 4 x 3 x 3 x 2 instead of 4 x 3 x 3 x 3$"),
    (lambda model: put(model, "fc.bias", np.array(["a"] * 5)), "not numbers: fc.bias$"),
    (lambda model: put(model, "/pool/Pad:constant", np.zeros(8, np.int64)), r"another /pool/Pad:constant than \[0, 0"),
    (lambda model: model.graph.node[2].attribute.extend([onnx.helper.make_attribute("count_include_pad", 1)]),
     r"mean counts \(\(3, 3, 3\), \(3, 3\)\) instead of \(\(3, 3, 2\), \(3, 3\)\), as layer pool has"),
    (cut, r"bad.onnx is damaged, or not a .onnx file \(ValueError: "),
    (outside, r"is damaged, or not a .onnx file \(.*nothing.bin"),
    (lambda model: model.metadata_props.add(key="tinynet.preprocessing", value="{"), "of its preprocessing or class"),
    (lambda model: model.metadata_props.add(key="tinynet.preprocessing", value='{"mean": "x", "input_size": 6}'),
     "what it says of its preprocessing or classes is damaged"),
    (lambda model: model.metadata_props.add(key="tinynet.class_names", value='["a", "b"]'),
     "it has names of 2 classes, and small has 5 outputs"),
    (lambda model: model.metadata_props.add(key="tinynet.class_names", value='[1, 2, 3, 4, 5]'),
     "its names of classes are not a list of texts"),
    (lambda model: model.ClearField("graph"), "there are no operators in it"),
])
def test_damage_is_named_and_the_network_is_as_it_was(change, message, tmp_path):
    net, path = small(), tmp_path / "bad.onnx"
    tn.save_weights(small(), path)
    tn.load_weights(net, path)
    change_file(path, change)
    before = {name: array.copy() for name, array in flat(net.params).items()}
    with pytest.raises(WeightsError, match=message):
        tn.load_weights(net, path)
    assert net.preprocessing is None and net.class_names is None
    for name, array in flat(net.params).items():
        assert np.array_equal(array, before[name])


def test_what_an_operator_means_depends_on_the_operator_set(tmp_path):
    net, path = tn.Network([("softmax", tn.Softmax())], input_shape=(4, 3, 3)), tmp_path / "w.onnx"
    tn.save_weights(net, path)
    change_file(path, lambda model: setattr(model.opset_import[0], "version", 9))
    with pytest.raises(WeightsError, match="has axis 1 and all that follow instead of 1, as layer softmax has"):
        tn.load_weights(net, path)


def test_other_files_are_no_onnx_files(tmp_path):
    path = tmp_path / "w.onnx"
    tn.save_weights(small(), path)
    whole = path.read_bytes()
    for content in (whole[:-700], whole[: len(whole) // 2], whole[3:], b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="w.onnx is damaged, or not a .onnx file"):
            tn.load_weights(small(), path)
    with pytest.raises(WeightsError, match="cannot be read: No such file"):
        tn.load_weights(small(), tmp_path / "nowhere.onnx")
    with pytest.raises(ArgumentError, match="names is given"):
        tn.load_weights(small(), path, names={"conv": "0"})


def test_every_place_where_a_file_is_cut_off_is_noticed(tmp_path):
    path = tmp_path / "w.onnx"
    tn.save_weights(small(), path)
    whole, net = path.read_bytes(), small()
    for end in range(0, len(whole) - 20, 23):
        path.write_bytes(whole[:end])
        with pytest.raises(WeightsError):
            tn.load_weights(net, path)


def test_changed_bytes_are_noticed_or_do_no_harm(tmp_path):
    path, net, rng = tmp_path / "w.onnx", small(), np.random.default_rng(0)
    net.class_names = list("abcde")
    tn.save_weights(net, path)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    refused = 0
    for _ in range(150):
        changed = whole.copy()
        changed[rng.integers(len(whole), size=4)] = rng.integers(256, size=4)
        path.write_bytes(changed.tobytes())
        try:
            tn.load_weights(net, path)
        except WeightsError:  # and nothing else
            refused += 1
    assert refused > 75


def test_weights_that_are_written_the_other_way_round_are_turned(tmp_path):
    net, path = small(), tmp_path / "w.onnx"
    tn.save_weights(net, path)

    def turn(model: Any) -> None:
        node = next(node for node in model.graph.node if node.op_type == "Gemm")
        del node.attribute[:]
        put(model, "fc.weight", np.ascontiguousarray(onnx.numpy_helper.to_array(tensor(model, "fc.weight")).T))

    change_file(path, turn)
    other = tn.load_weights(small().astype("float64"), path)
    assert np.array_equal(other["fc"].params["w"], net["fc"].params["w"]) and other.dtype == np.float64


def test_graphs_as_other_programs_write_them_are_recognized(tmp_path):
    """A mean over whole maps, Reshape for Flatten, numbers in Constant nodes, dropout, a pooling over single places."""
    def make(seed: int) -> Any:
        return tn.Network([("conv", tn.Conv2d(3, 4, 3)), ("pool", tn.AvgPool2d((4, 3), 3)), ("flatten", tn.Flatten()),
                           ("fc", tn.Linear(4, 5))], input_shape=(6, 5, 3), seed=seed)

    net, path, helper = make(0), tmp_path / "w.onnx", onnx.helper
    tn.save_weights(net, path)

    def rewrite(model: Any) -> None:
        graph = model.graph
        conv, pool, flatten, fc = graph.node
        bias = tensor(model, "fc.bias")
        graph.initializer.remove(bias)
        shape = onnx.numpy_helper.from_array(np.array([-1, 4]), "shape")
        nodes = [
            conv, helper.make_node("AveragePool", conv.output, ["same"], kernel_shape=[1, 1], strides=[1, 1]),
            helper.make_node("GlobalAveragePool", ["same"], pool.output),
            helper.make_node("Constant", [], ["shape"], value=shape),
            helper.make_node("Reshape", [pool.output[0], "shape"], flatten.output),
            helper.make_node("Dropout", flatten.output, ["kept"]),
            helper.make_node("Constant", [], ["equal"], value=bias),
            helper.make_node("Identity", ["equal"], ["b"]),                    # as PyTorch writes equal tensors
            helper.make_node("Gemm", ["kept", fc.input[1], "b"], ["logits"], transB=1),
            helper.make_node("Softmax", ["logits"], fc.output)]
        del graph.node[:]
        graph.node.extend(nodes)

    change_file(path, rewrite)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    other = tn.load_weights(make(1), path)
    for name, array in flat(net.params).items():
        assert np.array_equal(flat(other.params)[name], array)

    def pool_of_two(model: Any) -> None:
        model.graph.node[1].attribute[0].ints[:] = [1, 2]

    change_file(path, pool_of_two)
    with pytest.raises(WeightsError, match=r"its node same has kernel_shape \(1, 2\) instead of \(4, 3\), number of "
                       r"windows \(4, 2\) instead of \(1, 1\), rows and columns that a window's mean counts "
                       r"\(\(1, 1, 1, 1\), \(2, 2\)\) instead of \(\(4,\), \(3,\)\), as layer pool has"):
        tn.load_weights(make(1), path)


def test_a_replaced_last_layer_does_not_get_the_files_class_names(tmp_path):
    net, path = small(), tmp_path / "w.onnx"
    net.class_names = list("abcde")
    tn.save_weights(net, path)
    other = tn.Network([(name, tn.Linear(layer.params["w"].shape[0], 3) if name == "fc" else layer)
                        for name, layer in small().layers.items()], input_shape=net.input_shape, name="small")
    tn.load_weights(other, path, new_last=True)
    assert other.class_names is None and other["fc"].params["b"].shape == (3,)
    assert np.array_equal(other["conv"].params["w"], net["conv"].params["w"])
