"""A page for each layer: what the layer's file, its operations' files and its own outputs say, and docs/layers.toml."""
import ast
import inspect
import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.exercises.catalogue import EXERCISES
from tinynet.layers.base import Layer
from tinynet.ops import numpy_ops
from tinynet.tracing.trace import Trace

from .layer_pictures import layer_picture
from .paths import ROOT, Pages
from .run_code import with_outputs

FACTS: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "docs/layers.toml").read_text(encoding="utf-8"))
ASIDE = {"__init__", "draw_from", "output_shape", "multiply_adds", "update_running"}  # not forward, not backward
OPERATIONS = ("im2col", "col2im", "window_max", "window_max_back", "window_sum", "window_sum_back", "nearby_sum",
              "around_sum")

# The network in the package at work on a free photograph: what the pages look into, and show on their first page.
TRACE = """\
net = tn.pretrained("alexnet-medium")
photograph = tn.data.sample_photograph("berlin_cathedral")
images = net.preprocessing(net.preprocessing.load_image(photograph)[None])
guess = net.forward(images)[0].argmax(axis=1)
trace = tn.trace(net, images, guess)
"""


def write_layer_pages(pages: Pages) -> None:
    """Write the page of each layer, and the list of them all by family."""
    names: dict[str, Any] = {"tn": tn, "np": np}
    exec(TRACE, names)
    trace = names["trace"]
    lines: dict[str, list[str]] = {}
    for name, facts in FACTS.items():
        kind = getattr(tn, name)
        x, y = arrays_of(facts, trace)
        picture = pages.folder / "layers" / f"{name}.png"
        picture.parent.mkdir(exist_ok=True)
        weights = trace["conv1"].layer.params["w"] if name == "Conv2d" else None
        layer_picture(x[0], y[0], weights).savefig(picture, dpi=110)
        text = page_of(kind, facts, trace, shape_words(x[0]), shape_words(y[0]))
        text = with_outputs(text, names)
        pages.write(f"layers/{name}.md", pages.relinked(text, f"layers/{name}.md", f"layers/{name}.md"))
        lines.setdefault(facts["family"], []).append(
            f"- **[{name}]({name}.md)**: {facts['says']} `{formula_of(kind)}`")
    pages.write("layers/index.md", with_outputs(index_of(lines), names))


def arrays_of(facts: dict[str, Any], trace: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return what goes into the layer that a page is about, and what comes out of it."""
    if "at" in facts:
        return trace[facts["at"]].input, trace[facts["at"]].output
    x = trace[facts["input"]].output
    layer: Layer = eval(facts["make"], {"tn": tn})
    return x, layer.forward(x, train=facts.get("train", False))[0]


def index_of(lines: dict[str, list[str]]) -> str:
    names = "\n".join(FACTS)
    listed = "\n\n".join(f"## {family}\n\n" + "\n".join(those) for family, those in lines.items())
    return f"""# The layers

Each layer is one file: forward, and its backward right below it. A page here shows both with what stands behind them:
the operation in NumPy beside the same as a CUDA kernel, the check of its gradient, and where one of its numbers came
from. What you see is computed while these pages are made, by the code that you see. Where a network is needed, it is
the one in the package, looking at a free photograph of Berlin Cathedral; [the live page](../live.md) has all of it.

The loss, softmax and cross-entropy in one, is no layer: [softmax_cross_entropy](../reference/layers.md).

{listed}

## The network and the photograph

This is `trace`, of which the pages explain numbers:

```python run
{TRACE}print(trace)
```

```{{toctree}}
:hidden:
{names}
```
"""


def page_of(kind: type[Layer], facts: dict[str, Any], trace: Trace, given: str, made: str) -> str:
    """Return a layer's page, its code not yet run."""
    name, file = kind.__name__, Path(inspect.getsourcefile(kind)).relative_to(ROOT).as_posix()
    small, shape = facts["small"]
    traps = "\n".join(f"- {trap}" for trap in facts["traps"])
    after = f"In the network in the package, `{facts['at']}`" if "at" in facts else (
        f"`{facts['make']}` on what `{facts['input']}` of the network in the package gives out"
        + (", as in training" if facts.get("train") else ""))
    return f"""# {name}

{facts['says']}

$$
{facts['math']}
$$

In the file: `{formula_of(kind)}`. All arguments: [reference](../reference/layers.md).

## What it does to one image

```{{figure}} {name}.png
:alt: {name}, above what it was given, below what it made of it: {facts['alt']}

{after}: above {given}, below {made}. Blue is below zero, white zero, orange above; each row has a scale of its own.
```

## Forward and backward

The whole of it, from [{file}](../{file}):

```python
{methods_of(kind)}
```

{operations_of(kind, facts)}

## Is the backward pass right?

Finite differences in float64 against the backward pass
([how, and what it catches](../notebooks/07_checking_gradients.ipynb)):

```python run
x = np.random.default_rng(0).standard_normal({shape})
print(tn.check_gradients({small}, x))
```

## Where one of its numbers comes from

{explained(facts, trace)}

## Traps

{traps}

{exercises_on(name)}
"""


def explained(facts: dict[str, Any], trace: Trace) -> str:
    """Return code that explains an output, the largest there is, and a gradient."""
    before, step = "", f"trace[\"{facts.get('at')}\"]"
    if "at" not in facts:
        train = ", train=True" if facts.get("train") else ""
        before = (f"x = trace[\"{facts['input']}\"].output\n"
                  f"layer = {facts['make']}\n"
                  "shape = layer.forward(x)[0].shape\n"
                  "upstream = np.random.default_rng(1).standard_normal(shape).astype(\"float32\")\n"
                  f"step = tn.trace(layer, x{train}, upstream=upstream).steps[0]\n")
        step = "step"
    names = {"tn": tn, "np": np, "trace": trace}
    exec(before, names)
    found = eval(step, names)
    name = facts["gradient"]
    slopes = found.input_gradient if name == "x" else found.gradients[name]
    return (f"The largest output (`trace`: [how it is made](index.md#the-network-and-the-photograph)):\n\n"
            f"```python run\n{before}print({step}.explain(output={largest(found.output)}))\n```\n\n"
            f"The largest gradient of `{name}`:\n\n"
            f"```python run\nprint({step}.explain(grad=\"{name}\", at={largest(slopes)}))\n```")


def largest(x: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(np.abs(x).argmax(), x.shape))


def formula_of(kind: type[Layer]) -> str:
    return inspect.getdoc(kind).partition("\n")[0].rstrip(".").replace("`", "")


def methods_of(kind: type[Layer]) -> str:
    """Return the source of a layer's forward, backward and what they call, in the file's order."""
    found: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        if issubclass(each, Layer) and each is not Layer:
            found |= {name: member for name, member in vars(each).items() if inspect.isfunction(member)}
    order = sorted((name for name in found if name not in ASIDE),
                   key=lambda name: inspect.getsourcelines(found[name])[1])
    return "\n\n".join(textwrap.dedent(inspect.getsource(found[name])).rstrip() for name in order)


def operations_of(kind: type[Layer], facts: dict[str, Any]) -> str:
    """Return the operations that the methods call, each in NumPy beside its CUDA kernel."""
    source = methods_of(kind)
    called = {node.func.id for node in ast.walk(ast.parse(source))
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    parts = [beside(f"`{name}` in NumPy", "python", inspect.getsource(getattr(numpy_ops, name)),
                    f"`{name}` on a GPU", "c", kernel(name)) for name in OPERATIONS if name in called]
    fused = "\n\n".join(f"```c\n{kernel(name)}\n```" for name in facts.get("fused", ()))
    if fused:
        parts.append(f"On a GPU one kernel does the whole layer, forward, and one backward:\n\n{fused}")
    if not parts and kind is tn.Fire:
        return "It has no operation of its own: its three convolutions are those of [Conv2d](Conv2d.md)."
    if not parts:
        return ("It has no kernel of its own: on a GPU CuPy runs these same lines, since the arrays decide "
                "([the kernels that there are](../kernels/README.md)).")
    product = ("\n\nThe matrix product, `matmul`, goes to the BLAS library; on a GPU to cuBLAS." if "matmul" in called
               else "")
    return ("### The operations, in NumPy and as kernels\n\nThe array decides which of the two runs. "
            "[All kernels](../kernels/README.md)." + product + "\n\n" + "\n\n".join(parts))


def beside(left: str, left_language: str, code: str, right: str, right_language: str, kernel: str) -> str:
    return (f"::::{{container}} beside\n:::{{container}}\n{left}:\n```{left_language}\n{code.rstrip()}\n```\n:::\n"
            f":::{{container}}\n{right}:\n```{right_language}\n{kernel}\n```\n:::\n::::")


def kernel(name: str) -> str:
    """Return a CUDA kernel, from the file in kernels/ that has it, with its own line of comment."""
    pattern = re.compile(rf'(?:(?<=\n\n)//[^\n]*\n)?^extern "C" __global__ void {name}\(.*?^}}',
                         re.MULTILINE | re.DOTALL)
    for path in sorted((ROOT / "kernels").glob("*.cu")):
        found = pattern.search(path.read_text(encoding="utf-8"))
        if found:
            return found[0]
    raise LookupError(f"no file in kernels/ has a kernel {name}")


def exercises_on(name: str) -> str:
    numbers = [one for one in EXERCISES if one.wanted == name]
    if not numbers:
        return ""
    listed = "\n".join(f"- [Exercise {one.number}: {one.title}](../exercises/{one.number:02d}.md)" for one in numbers)
    return f"## Exercises\n\nIts file, broken, for you to mend:\n\n{listed}"


def shape_words(x: np.ndarray) -> str:
    return " x ".join(map(str, x.shape)) if x.ndim > 1 else f"{len(x)} units"
