"""Makes the notebooks anew from notebooks/source/ and runs them: python notebooks/make.py, or make.py 01 04.

The sources are Python files in the percent format, cells between lines of `# %%` and `# %% [markdown]`, that can be
read, reviewed and linted. Each begins with a cell of text, its title. A cell that has to show a picture says so by
`# %% tags=["picture"]`; tests/test_notebooks.py looks for it. Needs the extra `notebooks`.
"""
import configparser
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
SECONDS = 120  # that a cell may run
COLAB = "https://colab.research.google.com/github/"  # with nothing behind it: a page that asks for the repository
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({})"
INSTALL = """\
# Installs tinynet where it is missing, in Colab for instance.
import importlib.util

if importlib.util.find_spec("tinynet") is None:
    %pip install --quiet matplotlib "git+{}"
"""
ASK = "{input('address of the repository that this notebook is from: ')}"


def repository() -> str | None:
    """Return the address that setup.cfg has as `url`, https://github.com/OWNER/NAME; None while it has none."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(HERE.parent / "setup.cfg")
    return setup.get("metadata", "url", fallback=None)


def first_cells(name: str) -> list[nbformat.NotebookNode]:
    """Return the badge and the cell that installs tinynet, which follow the title."""
    address = repository()
    path = "" if address is None else f"{address.removeprefix('https://github.com/')}/blob/main/notebooks/{name}.ipynb"
    return [
        nbformat.v4.new_markdown_cell(BADGE.format(COLAB + path)),
        nbformat.v4.new_code_cell(INSTALL.format(ASK if address is None else address).strip()),
    ]


def make(source: Path) -> Path:
    """Write and run one notebook; what differs from one making to the next by itself is left out."""
    book = jupytext.read(source, fmt="py:percent")
    book.cells[1:1] = first_cells(source.stem)
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    book.nbformat, book.nbformat_minor = 4, 5
    NotebookClient(
        book, timeout=SECONDS, record_timing=False, coalesce_streams=True, resources={"metadata": {"path": str(HERE)}}
    ).execute()
    book.metadata["language_info"] = {"name": "python"}  # without the version of the Python that ran it
    for cell in book.cells:
        for output in cell.get("outputs", []):
            for kind, text in output.get("data", {}).items():
                if kind == "text/plain":
                    output.data[kind] = re.sub(r" at 0x[0-9a-f]+", "", text)  # where in memory
    target = HERE / f"{source.stem}.ipynb"
    nbformat.write(book, target)
    return target


def main(wanted: list[str]) -> None:
    """Make the notebooks whose names begin so; without any, all."""
    sources = sorted((HERE / "source").glob("*.py"))
    chosen = [path for path in sources if not wanted or path.stem.startswith(tuple(wanted))]
    if not chosen:
        sys.exit(f"notebook {', '.join(wanted)} does not exist; there are {', '.join(path.stem for path in sources)}")
    for path in chosen:
        target = make(path)
        print(f"{target.name}: {target.stat().st_size / 1000:,.0f} kB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
