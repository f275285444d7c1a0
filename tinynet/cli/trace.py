"""`tinynet trace`: one image through a network, forward and backward, as a table or as a page for the browser."""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from ..data import Preprocessing, draw_shapes
from ..data.imagenet import word_of
from ..data.shapes import CLASS_NAMES, LARGEST, SMALLEST
from ..errors import ArgumentError
from ..files import printable
from ..models import make_model
from ..network import Network
from ..ops.checks import check_count
from ..tracing import trace
from ..tracing.page import Subject, write_page
from .networks import named_network, say_no_other_class, trained_preprocessing
from .output import check_place


def run_trace(options: argparse.Namespace) -> None:
    check_count("trace", "--seed", options.seed, least=0)
    if options.html is not None:
        check_place("--html", options.html)
    untrained = options.model is not None and options.weights is None
    net = make_model(options.model, seed=options.seed) if untrained else named_network(options)
    preprocessing = untrained_preprocessing(net) if untrained else trained_preprocessing(net)
    drawn = None
    if options.image is None:
        pixels, drawn = drawn_image(preprocessing, options.seed)
        picture = f"a drawn {drawn}"
    else:
        pixels, picture = preprocessing.load_image(options.image), Path(options.image).name
    if untrained:
        preprocessing.mean = pixels.mean(axis=(0, 1), dtype=np.float32)
    x = preprocessing(pixels[None])                                            # (1, H, W, C)
    scores, _ = net.forward(x)                                                 # (1, classes)
    names = None if net.class_names is None else [*map(word_of, net.class_names)]
    if names is None and drawn is not None and scores.shape[1] == len(CLASS_NAMES):
        names = CLASS_NAMES
    label, origin = choose_label(options.label, drawn, scores[0], names)
    if not untrained:
        say_no_other_class(options)
    made = trace(net, x, np.array([label]), train=options.train)
    if options.html is None:
        print(f"{printable(picture)}; label {label}, {origin}\n{made}")
        return
    crop = preprocessing.central_crop(pixels[None])[0]
    note = write_page(made, options.html, Subject(picture, label, origin, names, crop))
    print(f"{options.html} has the page, {Path(options.html).stat().st_size / 1e6:.1f} MB: open it in a browser")
    if note:
        print(note)


def untrained_preprocessing(net: Network) -> Preprocessing:
    """Return an untrained network's preprocessing; the mean, which no training set gives, is filled in later."""
    height, width, channels = net.input_shape or ()
    return Preprocessing(np.zeros(channels), (height, width), deviation=net.recipe.get("deviation", 1.0))


def drawn_image(preprocessing: Preprocessing, seed: int) -> tuple[np.ndarray, str]:
    """Draw a shape like the network's stored images: uint8 (H, W, C) and the shape's name."""
    height, width = preprocessing.image_size
    if min(height, width) < SMALLEST:
        raise ArgumentError(f"trace: shapes are drawn with {SMALLEST} pixels or more, the network takes "
                            f"{height} x {width}: give an image file")
    data = draw_shapes(1, min(height, width, LARGEST), seed=seed + 1)  # not among those that `demo` trains on
    image = Image.fromarray(data.images[0]).resize((width, height))
    pixels = np.asarray(image.convert("L"))[:, :, None] if preprocessing.channels == 1 else np.asarray(image)
    return pixels, CLASS_NAMES[data.labels[0]]


def choose_label(given: int | None, drawn: str | None, scores: np.ndarray, names: list[str] | None) -> tuple[int, str]:
    """Return the label for the loss, and where it is from: given, the drawn shape's, or the network's own guess."""
    if given is not None:
        if not 0 <= given < len(scores):
            raise ArgumentError(f"trace: --label is {given}, the network has classes 0 to {len(scores) - 1}")
        return given, "given"
    if drawn is not None and drawn in (names or []):
        return (names or []).index(drawn), "as it was drawn"
    return int(scores.argmax()), "the network's own first guess, as none was given"
