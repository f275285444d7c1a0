"""`tinynet models`: every network, and which trained weights there are."""
import argparse
import textwrap

from ..layers.initializers import undrawn
from ..models import MODELS, make_model
from ..ops.arrays import shape_text
from ..pretrained import SHIPPED, TRAINED, about
from ..pretrained.cache import fetched, state
from ..pretrained.trained import error_text
from ..tables import text_table

WIDTH = 80
INDENT = " " * 11


def run_models(_: argparse.Namespace) -> None:
    print(f"{network_table()}\n\nTrained weights\n\n" + "\n\n".join(map(trained_text, TRAINED)))
    print("\n`tinynet predict photo.jpg` takes one of them with --pretrained NAME; weights in\n"
          "a file of your own (.pth, .safetensors, .onnx) with --model NAME --weights FILE.")


def network_table() -> str:
    """Return a line for each network: its name, its parameters, its input, and whether there are trained ones."""
    rows = []
    with undrawn():  # they are only counted
        for name in MODELS:
            net = make_model(name)
            rows.append((name, f"{net.parameter_count:,}", shape_text(net.input_shape or ()), trained_cell(name)))
    return text_table(("network", "parameters", "input", "trained weights"), rows)


def trained_cell(name: str) -> str:
    """Return in a word or two whether there are trained weights."""
    if name not in TRAINED:
        return ""
    return "in the package" if name in SHIPPED else "fetched" if fetched(name) else "to be fetched"


def trained_text(name: str) -> str:
    """Return a paragraph on a trained network, with a line for each thing to know."""
    trained = TRAINED[name]
    known = {"what": about(name)} if name in SHIPPED else {
        "knows": trained.knows, "error": f"{error_text(name)} (published)"}
    lines = {**known, "from": trained.origin, "license": trained.license, "file": state(name)}
    return "\n".join([name, *(
        textwrap.fill(text, WIDTH, initial_indent=f"  {what:<9}", subsequent_indent=INDENT, break_long_words=False,
                      break_on_hyphens=False) for what, text in lines.items())])
