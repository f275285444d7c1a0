"""The notebooks as pages, with the outputs that they were stored with, and a page that lists them."""
import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .address import colab_link, repository
from .paths import Pages, notebooks

WIDTH = 480  # pixels of the picture in the list


def write_notebooks(pages: Pages) -> None:
    """Write each notebook with its links changed and, where there is an address, one to Colab; and their list."""
    entries = []
    for path in notebooks():
        book = json.loads(path.read_text(encoding="utf-8"))
        for cell in book["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = pages.relinked(source_of(cell), f"notebooks/{path.name}", f"notebooks/{path.name}")
            elif "alt" in cell["metadata"]:
                cell["metadata"]["mystnb"] = {"image": {"alt": cell["metadata"]["alt"]}}
        if colab_link(path.stem):
            book["cells"][0]["source"] += f"\n\n[Open in Colab]({colab_link(path.stem)})"
        pages.write(f"notebooks/{path.name}", json.dumps(book))
        entries.append(entry(pages, path, book["cells"]))
    pages.write("notebooks/index.md", index_of(entries))


def source_of(cell: dict[str, Any]) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def entry(pages: Pages, path: Path, cells: list[dict[str, Any]]) -> str:
    """Return a notebook's part of the list: title, question, and a picture, made small."""
    first = source_of(cells[0])
    title = re.findall(r"^# (.+)$", first, re.MULTILINE)[0]
    bold = [" ".join(text.split()) for text in re.findall(r"\*\*(.+?)\*\*", first, re.DOTALL) if "?" in text]
    question = f"**{bold[0]}**" if bold else "\n".join(re.findall(r"^\* .+$", first, re.MULTILINE))
    image, alt = most_colourful(cells)
    image.thumbnail((WIDTH, WIDTH * 2))
    image.quantize(128).save(pages.folder / f"notebooks/{path.stem}.png", optimize=True)
    return (f"## [{title}]({path.name})\n\n{question}\n\n"
            f"[![{alt}]({path.stem}.png)]({path.name})\n")


def most_colourful(cells: list[dict[str, Any]]) -> tuple[Image.Image, str]:
    """Return the picture with the most colour, and its words: curves and specks say little in a small picture."""
    found = [(Image.open(io.BytesIO(base64.b64decode("".join(output["data"]["image/png"])))).convert("RGB"),
              cell["metadata"]["alt"])
             for cell in cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    return max(found, key=lambda one: np.ptp(np.asarray(one[0].resize((90, 90)), np.int16), axis=2).mean())


def index_of(entries: list[str]) -> str:
    listed = "\n".join(entries)
    names = "\n".join(path.stem for path in notebooks())
    colab = ", or open one in Colab by the link below its title" if repository() else ""
    return f"""# Notebooks

In reading order, each a quarter of an hour, with an exercise at the end. They are shown here with all that they gave
when they were run; to run them yourself, see [start here](../index.md){colab}.

{listed}

```{{toctree}}
:hidden:
{names}
```
"""
