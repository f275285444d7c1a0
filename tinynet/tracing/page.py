"""A trace as one HTML file, to be stepped through in a browser; it needs no network and no server.

The file holds the arrays of the pass. Its JavaScript (in `web/`) says where a number came from in the same words as
`step.explain`, which it has from `explain/texts.toml`, and adds up the terms from these arrays.
"""
import base64
import html
import json
import zlib
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError
from ..files import atomic_write, printable, user_path
from ..layers.base import Layer
from ..network.json_settings import json_ready
from ..network.params import flat
from ..ops.arrays import Array, shape_text, to_cpu
from ..ops.window import Window
from .explain import EXPLAINERS, explainer_of
from .explain.texts import TEXTS
from .trace import Step, Trace
from .view import blue_first, in_words, name_of

SCRIPTS = (  # in reading order
    "arrays", "texts", "explanation", "explain_windows", "explain_fire", "explain_norms", "explain_others", "explain",
    "words", "geometry", "draw", "view_unit", "view", "scores", "main",
)
FULL_PRECISION = 3_600_000  # bytes before compression; a pass that has no more is kept whole, in float32
LARGEST_PARAMETER = 1_000_000  # numbers in a parameter, in a file that leaves something out
LARGEST = 32_000_000  # bytes before compression; about what a browser on a phone still opens
SETTINGS = ("groups", "in_channels", "out_channels", "size", "alpha", "beta", "k", "eps")


class Subject(NamedTuple):
    """What a page is about, beside the numbers.

    Attributes
    ----------
    picture : str
        Where the image came from: "cat.jpg".
    label : int
    label_origin : str
        "given", or how it was found.
    class_names : list of str or None
    pixels : array of uint8 (H, W, C) or None
        The image as it looked before the mean was subtracted.
    note : str
        A sentence that the page says beside the picture.
    """

    picture: str
    label: int
    label_origin: str
    class_names: list[str] | None = None
    pixels: np.ndarray | None = None
    note: str = ""


class Package:
    """The arrays of a page, equal ones once.

    Parameters
    ----------
    reduced : bool
        Keep gradients and parameters in float16, and no large parameters.
    """

    def __init__(self, reduced: bool) -> None:
        self.reduced = reduced
        self.arrays: list[tuple[np.ndarray, float]] = []  # and what each is to be multiplied by
        self.numbers: dict[tuple[str, bytes], int] = {}
        self.size = 0  # bytes, before they are compressed

    def add(self, array: Array, rounded: bool = False) -> int:
        """Keep an array, in float16 where `rounded` and the package is reduced; return its number."""
        if self.size > FULL_PRECISION and not self.reduced:
            return 0  # the whole is going to be packed anew, reduced
        x = np.array(to_cpu(array), order="C")
        scale = 1.0
        if x.dtype.kind == "f":
            x = x.astype("<f4")
            if rounded and self.reduced:
                largest = float(np.abs(x).max(initial=0))
                # float16 reaches from 6e-8 to 65504: a power of two, which rounds nothing, brings the numbers there.
                scale = 2.0 ** (np.frexp(largest)[1] - 15) if 0 < largest < np.inf else 1.0
                x = (x.astype(np.float64) / scale).astype("<f2")
        data = x.tobytes()
        key = f"{x.shape} {x.dtype} {scale}", data
        if key not in self.numbers:
            self.numbers[key] = len(self.arrays)
            self.size += len(data)
            self.arrays.append((x, scale))
        return self.numbers[key]

    def add_parameters(self, arrays: dict[str, Any]) -> dict[str, int | None]:
        """Keep parameters, or their gradients, by name; None for what is left out."""
        return {
            ".".join(path): None if self.reduced and array.size > LARGEST_PARAMETER else self.add(array, rounded=True)
            for path, array in flat(arrays).items()
        }

    def compressed(self) -> list[dict[str, Any]]:
        """Return the arrays by number, ready for JSON."""
        return [
            {"shape": x.shape, "type": str(x.dtype), "scale": scale, "data": deflated(x)} for x, scale in self.arrays
        ]


def write_page(trace: Trace, file: str | Path, subject: Subject) -> str:
    """Write a trace of one image and its loss as an HTML file.

    Returns
    -------
    str
        The page's note: the subject's, and what had to be left out so that the file stays small.

    Raises
    ------
    ArgumentError
        For a batch of several images, a trace without a loss, or a pass too large for a page.
    """
    images = trace.steps[0].input
    if len(images) != 1:
        raise ArgumentError(f"write_page: a page shows one image, the trace has {len(images)}")
    if trace.loss is None:
        raise ArgumentError("write_page: the trace has no loss: give labels to trace(...)")
    package = Package(reduced=False)
    content = packed(trace, subject, package)
    if package.size > FULL_PRECISION:
        package = Package(reduced=True)
        content = packed(trace, subject, package)
    if package.size > LARGEST:
        raise ArgumentError(
            f"write_page: the pass of {name_of(trace.network)} takes {package.size / 1e6:.0f} MB, a page at most "
            f"{LARGEST / 1e6:.0f}: take a smaller network or image"
        )
    with atomic_write(user_path(file)) as page:
        page.write(printable(assembled({**content, "arrays": package.compressed()})).encode())
    return str(content["note"])


def packed(trace: Trace, subject: Subject, package: Package) -> dict[str, Any]:
    """Return everything that the page knows, ready for JSON."""
    stations: list[dict[str, Any]] = [{
        "name": "picture", "value": package.add(trace.steps[0].input),
        "gradient": package.add(trace.steps[0].input_gradient, rounded=True),
    }]
    stations += [station(step, package) for step in trace.steps]
    names = None if subject.class_names is None else [printable(name) for name in subject.class_names]
    notes = [printable(subject.note)] if subject.note else []
    if package.reduced:
        large = [f"{at['name']}.{key}" for at in stations[1:] for key, kept in at["params"].items() if kept is None]
        without = f"is without the parameters {', '.join(large)} and their gradients, and " if large else ""
        notes += [f"So that the file stays small, it {without}has gradients and parameters in float16, with "
                  "three digits."]
    return {
        "network": name_of(trace.network), "picture": printable(subject.picture), "label": subject.label,
        "labelOrigin": subject.label_origin, "classNames": names, "note": " ".join(notes),
        "pixels": None if subject.pixels is None else package.add(subject.pixels),
        "colours": ["blue", "green", "red"] if blue_first(trace.network) else ["red", "green", "blue"],
        "stations": stations,
    }


def station(step: Step, package: Package) -> dict[str, Any]:
    """Return a layer: the array that it made, with its gradient, and what is needed to explain both."""
    layer, saved = step.layer, step.saved
    window: Any = getattr(layer, "window", None)
    window = window if isinstance(window, Window) else None  # a layer of one's own may call anything so
    kind = kind_of(layer)  # "" for a layer of one's own, which the page does not explain
    kept = {
        name: package.add(array) for name, array in getattr(saved, "_asdict", dict)().items()
        if kind and name in ("mask", "normalized", "deviation", "probabilities", "squeezed")
    }
    return {
        "name": step.name, "kind": kind, "words": in_words(layer),
        "shape": shape_text(step.output.shape[1:]) or "one number",
        "value": package.add(step.output), "gradient": package.add(step.upstream, rounded=True),
        "params": package.add_parameters(layer.params),
        "grads": package.add_parameters(step.gradients),
        "shapes": {".".join(path): array.shape for path, array in flat(layer.params).items()},
        "saved": kept, "fromBatch": bool(getattr(saved, "from_batch", False)),
        "runningMean": package.add(layer.buffers["running_mean"]) if "running_mean" in layer.buffers else None,
        "window": window and {
            "kernel": window.kernel, "stride": window.stride, "padding": window.padding,
            "outputSize": window.output_size(step.input.shape[1:3]),
        },
        "settings": json_ready({name: getattr(layer, name) for name in SETTINGS if kind and hasattr(layer, name)}),
    }


def deflated(x: np.ndarray) -> str:
    """Return an array's bytes in base64, compressed by deflate (RFC 1950).

    The bytes are sorted by their place: the first of every number, then the second of every number, and so on. Signs
    and exponents are alike in most numbers, fractions are not, and zeros become long runs. To look for runs only, and
    for how frequent each byte is, is quick and finds what there is to find.
    """
    places = np.frombuffer(x.tobytes(), np.uint8).reshape(x.size, x.itemsize).T
    packer = zlib.compressobj(strategy=zlib.Z_RLE)
    return base64.b64encode(packer.compress(places.tobytes()) + packer.flush()).decode()


def kind_of(layer: Layer) -> str:
    """Return the class whose mathematics a layer has, "Conv2d"; "" where the page has no explanation."""
    known = explainer_of(layer)
    return next((kind.__name__ for kind in type(layer).__mro__ if EXPLAINERS.get(kind) is known), "")


def assembled(content: dict[str, Any]) -> str:
    """Return the page: its HTML with style, scripts and the content put in."""
    folder = resources.files(__package__) / "web"

    def text(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    parts = {
        "TITLE": html.escape(f"{content['network']}, {content['picture']}"),
        "STYLE": text("page.css"),
        "SCRIPT": "\n".join(text(f"{name}.js") for name in SCRIPTS),
        "TEXTS": as_script(TEXTS),
        "CONTENT": as_script(content),
    }
    page = text("page.html")
    for name, part in parts.items():
        page = page.replace("{{" + name + "}}", part)
    return page


def as_script(value: Any) -> str:
    """Return a value as JSON that can stand inside a script element: a "<", in strings only, does not end it."""
    return json.dumps(value, allow_nan=False).replace("<", "\\u003c")
