"""Makes the notebooks anew from notebooks/source/ and runs them: python notebooks/make.py, or make.py 01 04.

The sources are Python files in the percent format, cells between lines of `# %%` and `# %% [markdown]`, that can be
read, reviewed and linted. Each begins with a cell of text, its title. A cell that has to show a picture says so by
`# %% tags=["picture"]`, which tests/test_notebooks.py looks for, and by `alt="..."` what can be seen in it, for readers
who cannot. `make.py --text` runs nothing and keeps the outputs, for a change of text, or of the repository's address
(docs/making/address.py). Needs the extra `notebooks`.
"""
import argparse
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "docs"))
from making.address import badge, installation, with_badge  # noqa: E402 - docs/ is no package

SECONDS = 120  # that a cell may run


def book_of(source: Path) -> nbformat.NotebookNode:
    """Return the notebook of a source, not yet run, with the badge and the cell that installs tinynet below its title.

    The site leaves both out, by their tag. The badge's number stays free where there is none, so that the other cells
    keep theirs when it comes.
    """
    book = jupytext.read(source, fmt="py:percent")
    not_on_the_site = {"tags": ["remove-cell"]}
    book.cells[1:1] = [nbformat.v4.new_markdown_cell(badge(source.stem), metadata=not_on_the_site),
                       nbformat.v4.new_code_cell(installation(), metadata=not_on_the_site)]
    for number, cell in enumerate(book.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = {key: cell.metadata[key] for key in ("tags", "alt") if key in cell.metadata}
    if not badge(source.stem):
        del book.cells[1]
    book.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    book.nbformat, book.nbformat_minor = 4, 5
    return book


def run(book: nbformat.NotebookNode) -> None:
    """Run all cells; what differs from one making to the next by itself is left out."""
    NotebookClient(
        book, timeout=SECONDS, record_timing=False, coalesce_streams=True, resources={"metadata": {"path": str(HERE)}}
    ).execute()
    book.metadata["language_info"] = {"name": "python"}  # without the version of the Python that ran it
    for cell in book.cells:
        for output in cell.get("outputs", []):
            for kind, text in output.get("data", {}).items():
                if kind == "text/plain":
                    output.data[kind] = re.sub(r" at 0x[0-9a-f]+", "", text)  # where in memory


def keep_outputs(book: nbformat.NotebookNode, target: Path) -> None:
    """Give the cells the outputs that the notebook has; only the one that installs tinynet may have other code now."""
    old, new = ([cell for cell in cells if cell.cell_type == "code"]
                for cells in (nbformat.read(target, as_version=4).cells, book.cells))
    if [cell.source for cell in old[1:]] != [cell.source for cell in new[1:]]:
        sys.exit(f"{target.name}: its code has changed, so that it has to run; make it without --text")
    for before, now in zip(old, new, strict=True):
        now.outputs, now.execution_count = before.outputs, before.execution_count


def main() -> None:
    """Make the notebooks that are named, or all, and the README's badge."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("names", nargs="*", metavar="NAME", help="how the notebooks' names begin; default: all")
    options.add_argument("--text", action="store_true", help="run nothing, keep the outputs")
    chosen = options.parse_args()
    sources = sorted((HERE / "source").glob("*.py"))
    wanted = [path for path in sources if not chosen.names or path.stem.startswith(tuple(chosen.names))]
    if not wanted:
        sys.exit(f"notebook {', '.join(chosen.names)} does not exist; there are "
                 f"{', '.join(path.stem for path in sources)}")
    readme = HERE.parent / "README.md"
    readme.write_text(with_badge(readme.read_text(encoding="utf-8")), encoding="utf-8")
    for source in wanted:
        book, target = book_of(source), HERE / f"{source.stem}.ipynb"
        if chosen.text:
            keep_outputs(book, target)
        else:
            run(book)
        nbformat.write(book, target)
        print(f"{target.name}: {target.stat().st_size / 1000:,.0f} kB", flush=True)


if __name__ == "__main__":
    main()
