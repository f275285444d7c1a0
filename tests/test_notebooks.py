"""That the notebooks are what their sources say, and show the pictures they should.

.ci/run lets nbmake run copies of them and names the folder in TINYNET_NOTEBOOKS, to look at what they show now.
"""
import importlib.util
import json
import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
FRESH = Path(os.environ.get("TINYNET_NOTEBOOKS", FOLDER))
SOURCES = sorted((FOLDER / "source").glob("*.py"))
LARGEST = 1_000_000  # bytes
PNG = "iVBORw0KGgo"  # how every PNG begins in base64


def text(lines):
    return lines if isinstance(lines, str) else "".join(lines)


def cells(source, folder=FRESH):
    return json.loads((folder / f"{source.stem}.ipynb").read_text())["cells"]


def shows_picture(cell):
    for output in cell["outputs"]:
        data = {kind: text(lines) for kind, lines in output.get("data", {}).items()}
        if data.get("image/png", "").startswith(PNG) or f"data:image/png;base64,{PNG}" in data.get("text/html", ""):
            return True
    return False


def without_picture(book):
    """Return the code of each cell that should show a picture and does not."""
    tagged = [cell for cell in book if "picture" in cell["metadata"].get("tags", [])]
    return [text(cell["source"]) for cell in tagged if not shows_picture(cell)]


def test_each_source_has_its_notebook():
    assert SOURCES
    assert [path.stem for path in SOURCES] == sorted(path.stem for path in FRESH.glob("*.ipynb"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_pictures_are_there(source):
    book = cells(source)
    tags = source.read_text().count('tags=["picture"]')
    assert tags > 0
    assert sum("picture" in cell["metadata"].get("tags", []) for cell in book) == tags
    assert not without_picture(book)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_picture_that_is_missing_is_noticed(source):
    book = cells(source)
    cell = next(cell for cell in book if "picture" in cell["metadata"].get("tags", []))
    cell["outputs"] = [output for output in cell["outputs"] if output["output_type"] == "stream"]
    assert without_picture(book) == [text(cell["source"])]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_all_cells_ran_in_order_without_an_error(source):
    code = [cell for cell in cells(source) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell["outputs"] if output["output_type"] == "error"]
    assert not [output for cell in code for output in cell["outputs"] if output.get("name") == "stderr"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_is_committed_comes_from_the_source(source):
    title, badge, install, *rest = cells(source, FOLDER)
    assert "colab.research.google.com" in text(badge["source"]) and "%pip install" in text(install["source"])
    written = []
    for cell in [title, *rest]:
        lines = text(cell["source"]).split("\n")
        written += [f"# {line}".rstrip() for line in lines] if cell["cell_type"] == "markdown" else lines
    lines = source.read_text().split("\n")
    assert [line for line in written if line] == [line for line in lines if line and not line.startswith("# %%")]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_small_and_with_an_exercise_whose_solution_is_folded(source):
    assert (FOLDER / f"{source.stem}.ipynb").stat().st_size < LARGEST
    written = source.read_text()
    assert re.search(r"^# ## Exercise", written, re.MULTILINE)
    assert "<details>" in written.partition("# ## Exercise")[2]


@pytest.fixture(scope="module")
def lite():
    """docs/lite/make.py, which is a program."""
    for module in ("nbformat", "nbclient", "matplotlib"):
        pytest.importorskip(module)
    spec = importlib.util.spec_from_file_location("lite_make", FOLDER.parent / "docs/lite/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_copy_for_a_browser_installs_there_and_links_to_what_is_there(lite):
    nbformat = pytest.importorskip("nbformat")
    for source in SOURCES:
        before = nbformat.read(FOLDER / f"{source.stem}.ipynb", 4)
        count = len(before.cells)
        book = lite.for_browser(before)
        written = "\n".join(cell.source for cell in book.cells)
        assert book.cells[1].source == lite.INSTALL and len(book.cells) == count - 1
        assert "colab" not in written.lower() and "](../" not in written and "08_gpu.ipynb" not in written
        with pytest.raises(ValueError, match="expected the cells"):
            lite.for_browser(book)
    assert "(02_convolution_as_a_product.ipynb)" in lite.for_browser(nbformat.read(FOLDER / "01_one_neuron.ipynb", 4)
                                                                     ).cells[-1].source, "other links stay"


def test_a_fault_of_a_cell_that_ran_is_named(lite):
    nbformat = pytest.importorskip("nbformat")
    cell = nbformat.v4.new_code_cell("f()", metadata={"tags": ["picture"]})
    assert lite.fault_of(cell) == "shows no picture"
    cell.outputs = [nbformat.v4.new_output("display_data", {"image/png": PNG})]
    assert not lite.fault_of(cell)
    cell.outputs.append(nbformat.v4.new_output("stream", name="stderr", text="a warning\n"))
    assert lite.fault_of(cell) == "writes to standard error: a warning"
