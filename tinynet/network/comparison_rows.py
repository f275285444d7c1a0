"""What there is to say about a network in a comparison: one line of words for each aspect."""
import re
from collections.abc import Iterable
from typing import Any

from ..layers import (
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Fire,
    Flatten,
    Linear,
    LocallyConnected2d,
    LocalResponseNorm,
    MaxPool2d,
    ReLU,
    Sigmoid,
    SpatialResponseNorm,
    Tanh,
)
from ..layers.base import Layer
from ..ops.arrays import shape_text
from .describe import initialization_text, size
from .network import Network
from .summary import Summary

# What accounts of these networks say beside the layers, by the beginning of the network's name.
ORIGINS = {
    "alexnet-small": {"published": "tinynet's own, after AlexNet"},
    "alexnet-medium": {"published": "tinynet's own, after AlexNet"},
    "alexnet-torchvision": {
        "published": "2014, Krizhevsky, Google; in this form part of torchvision",
        "made for": "ImageNet: 1.2 million colour photographs in 1000 classes",
    },
    "alexnet-caffe": {
        "published": "with Caffe (2014, Jia, Shelhamer and others, Berkeley), after the paper",
        "made for": "ImageNet: 1.2 million colour photographs in 1000 classes",
    },
    "alexnet-ungrouped": {
        "published": "often, as AlexNet: the paper's network without its two towers",
        "made for": "ImageNet: 1.2 million colour photographs in 1000 classes",
    },
    "alexnet": {
        "published": "2012, Krizhevsky, Sutskever and Hinton, University of Toronto",
        "made for": "ImageNet: 1.2 million colour photographs in 1000 classes",
        "trained on": "two GTX 580 GPUs of 3 GB, five to six days",
        "result": "15.3% top-5 error in ILSVRC-2012 (seven networks; the next best entry 26.2%)",
    },
    "lenet5": {
        "published": "1998, LeCun, Bottou, Bengio and Haffner, AT&T Labs",
        "made for": "MNIST: 60,000 grey images of handwritten digits in 10 classes",
        "trained on": "one processor of a server, two to three days",
        "result": "0.95% error on MNIST's 10,000 test images",
    },
    "squeezenet": {
        "published": "2016, Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer; version 1.1 later, by the same authors",
        "made for": "ImageNet: 1.2 million colour photographs in 1000 classes",
    },
    "cifar": {
        "published": "2011 and 2012, Krizhevsky, with cuda-convnet",
        "made for": "CIFAR-10: 50,000 colour images of 32 x 32 in 10 classes",
        "trained on": "one GPU of its time",
    },
}

PARTS: list[tuple[str, tuple[type[Layer], ...]]] = [
    ("conv", (Conv2d,)), ("local", (LocallyConnected2d,)), ("fire", (Fire,)), ("fc", (Linear,)),
    ("activation", (ReLU, Tanh, Sigmoid)),
    ("LRN", (LocalResponseNorm,)), ("norm within maps", (SpatialResponseNorm,)),
    ("batch norm", (BatchNorm1d, BatchNorm2d)), ("pool", (MaxPool2d, AvgPool2d)), ("dropout", (Dropout,)),
]


def aspects(net: Network, summary: Summary) -> dict[str, str]:
    """Return the aspects of a network by name, in the order in which they are shown."""
    origin = next((facts for beginning, facts in ORIGINS.items() if net.name.startswith(beginning)), {})
    r = net.recipe
    out = {
        **origin,
        "input": shape_text(summary.input_shape),
        "layers with weights": weighted_text(net),
        "filters": listed(filters_text(x) for _, x in of(net, Conv2d, LocallyConnected2d, Fire)),
        "fully connected": listed(f"{x.out_features}" for _, x in of(net, Linear)),
        "channels seen": groups_text(net),
        "activation": listed(dict.fromkeys(type(x).__name__ for _, x in of(net, ReLU, Tanh, Sigmoid))),
        "pooling": pooling_text(net),
        "sizes that don't divide": rounding_text(net),
        "order": order_text(net),
        "dropout": dropout_text(net),
        "parameters": f"{summary.parameters:,}",
        "multiply-adds": f"{summary.multiply_adds:,}",
        "neurons": f"{summary.neurons:,}",
        "outputs of one image": f"{summary.activation_bytes / 1e6:,.2f} MB",
    }
    if r.get("initialization"):
        out["initialization"] = initialization_text(r["initialization"])
    if "learning_rate" in r:
        divided = f", divided by {r['deviation']:g}" if "deviation" in r else ""
        out["pixels"] = f"0 to 255 minus the mean {r.get('mean', 'image')}{divided}"
        out["learning rate"] = f"{r['learning_rate']:g}, of biases {r['learning_rate'] * r.get('bias_rate', 1):g}"
        out["weight decay"] = decay_text(r.get("weight_decay", 0), r.get("decay_biases", True))
        out["batch, epochs"] = f"{r.get('batch_size')}, {r.get('epochs')}; {schedule_text(r.get('schedule'))}"
    return out


def norm_aspects(net: Network, other: Network) -> dict[str, str]:
    """Return the aspects of the normalizations; alpha's in words that fit the other network's."""
    out = {"LRN": "none", "norm within maps": "none", "batch normalization": "none"}
    lrns, others = of(net, LocalResponseNorm), of(other, LocalResponseNorm)
    if lrns:
        theirs: Any = (others or lrns)[0][1]
        out["LRN"] = by_settings((name, f"{x.size} channels, beta {x.beta:g}") for name, x in lrns)
        settings = {
            "k": [f"{x.k:g}" for _, x in lrns],
            "alpha": [alpha_text(x, theirs) for _, x in lrns],
            "windows": ["across all channels" if x.groups == 1 else f"inside each of {x.groups} towers"
                        for _, x in lrns],
        }
        for what, texts in settings.items():
            named = zip((name for name, _ in lrns), texts, strict=True)
            out[f"LRN's {what}"] = by_settings(named) if len(set(texts)) > 1 else texts[0]
    out["norm within maps"] = by_settings(
        (name, f"{size(x.size)}, k {x.k:g}, alpha {x.alpha:.3g} times the sum") for name, x in of(
            net, SpatialResponseNorm))
    out["batch normalization"] = by_settings(
        (name, f"eps {x.eps:g}, momentum {x.momentum:g}") for name, x in of(net, BatchNorm1d, BatchNorm2d))
    return out


def by_settings(texts: Iterable[tuple[str, str]]) -> str:
    """Write what layers have, given with their names; those that have the same together."""
    groups: dict[str, list[str]] = {}
    for name, text in texts:
        groups.setdefault(text, []).append(name)
    return listed(f"{listed(names)}: {text}" for text, names in groups.items())


def part_of(layer: Layer) -> str:
    """Return the part that a layer plays: "conv", "activation", "pool"."""
    return next((word for word, kinds in PARTS if isinstance(layer, kinds)), type(layer).__name__)


def alpha_text(layer: Any, other: Any) -> str:
    """Say what alpha multiplies: where one network's is the other's divided by the window, the sum or the mean."""
    if abs(layer.alpha * layer.size - other.alpha) < 1e-6 * other.alpha:
        return f"{other.alpha:g} times the mean of the {layer.size} squares"
    return f"{layer.alpha:g} times the sum of the {layer.size} squares"


def of(net: Network, *kinds: type[Layer]) -> list[tuple[str, Any]]:
    """Return the layers of these kinds with their names, those of nested networks too."""
    found: list[tuple[str, Any]] = []
    for name, layer in net.layers.items():
        if isinstance(layer, Network):
            found += [(f"{name}.{inner}", x) for inner, x in of(layer, *kinds)]
        elif isinstance(layer, kinds):
            found.append((name, layer))
    return found


def listed(words: Any) -> str:
    """Join words; "none" for no words."""
    return ", ".join(words) or "none"


def weighted_text(net: Network) -> str:
    """Return how many layers with weights there are of each kind."""
    words = {Conv2d: "convolutional", LocallyConnected2d: "locally connected", Fire: "fire modules",
             Linear: "fully connected"}
    return listed(f"{len(of(net, kind))} {word}" for kind, word in words.items() if of(net, kind))


def filters_text(layer: Any) -> str:
    """Return a layer's filters: "96 of 11x11"."""
    if isinstance(layer, Fire):
        return f"{layer.squeeze} of 1x1 before {layer.expand1} of 1x1 and {layer.expand3} of 3x3"
    return f"{layer.out_channels} of {size(layer.kernel_size)}"


def groups_text(net: Network) -> str:
    """Return which convolutions see a part of the channels only."""
    grouped = [(name, x) for name, x in of(net, Conv2d) if x.groups > 1]
    names = listed(name for name, _ in grouped)
    return f"{names}: one of {grouped[0][1].groups} groups; the others: all" if grouped else "all, by every filter"


def pooling_text(net: Network) -> str:
    """Return the kinds of pooling, each with its layers."""
    by_kind: dict[str, list[str]] = {}
    for name, x in of(net, MaxPool2d, AvgPool2d):
        kind = "max" if isinstance(x, MaxPool2d) else "average"
        kind += f" {size(x.kernel_size)}, stride {size(x.stride, one=True)}"
        by_kind.setdefault(kind, []).append(name)
    return listed(f"{kind} in {listed(names)}" for kind, names in by_kind.items())


def rounding_text(net: Network) -> str:
    """Return whether sizes are rounded up or down."""
    up = [name for name, x in of(net, Conv2d, MaxPool2d, AvgPool2d) if x.ceil_mode]
    down = [name for name, x in of(net, Conv2d, MaxPool2d, AvgPool2d) if not x.ceil_mode]
    return f"rounded up in {listed(up)}" if up and down else "rounded up" if up else "rounded down"


def order_text(net: Network) -> str:
    """Return what follows what, a stage for each layer with weights: "conv activation pool | fc activation | fc"."""
    words = [part_of(x) for _, x in of(net, Layer) if not isinstance(x, Flatten)]
    return re.sub(r" (conv|local|fire|fc)\b", r" | \1", " ".join(words))


def dropout_text(net: Network) -> str:
    """Return the probability and the layers whose inputs are dropped."""
    by_p: dict[str, list[str]] = {}
    p = None
    for name, x in of(net, Dropout, Linear, Conv2d, LocallyConnected2d):
        if isinstance(x, Dropout):
            p = f"{x.p:g}"
        elif p:
            by_p.setdefault(p, []).append(name)
            p = None
    return listed(f"{p} of the inputs of {listed(names)}" for p, names in by_p.items())


def decay_text(decay: Any, biases: bool) -> str:
    """Return the weight decay of a recipe in words."""
    if not decay:
        return "none"
    text = listed(f"{layer} {value:g}" for layer, value in decay.items()) if isinstance(decay, dict) else f"{decay:g}"
    return f"{text}; {'of biases too' if biases else 'not of biases'}"


def schedule_text(schedule: dict | None) -> str:
    """Return the schedule of a recipe in words."""
    if not schedule:
        return "one learning rate"
    factor = schedule.get("factor", 0.1)
    divided = f"rate divided by {1 / factor:g}" if factor else "rate set to 0"
    if schedule["kind"] == "step":
        return f"{divided} after epoch {listed(map(str, schedule['epochs']))}"
    return f"{divided} when the error stops falling, {schedule.get('times', 3)} times"
