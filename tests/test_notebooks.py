"""That the notebooks are what their sources say, show the pictures they should, and begin with the way to Colab.

.ci/run lets nbmake run copies of them and names the folder in TINYNET_NOTEBOOKS, to look at what they show now.
"""
import importlib.util
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))
from making import address  # noqa: E402 - docs/ is no package

FOLDER = ROOT / "notebooks"
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
def test_every_picture_has_words_of_its_own_for_who_cannot_see_it(source):
    pictures = [cell for cell in cells(source, FOLDER)
                if any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))]
    bare = [text(cell["source"]) for cell in pictures if len(cell["metadata"].get("alt", "").split()) < 6]
    assert bare == [], 'in the source: # %% tags=["picture"] alt="what can be seen"'
    assert len({cell["metadata"]["alt"] for cell in pictures}) == len(pictures)
    assert source.read_text().count(' alt="') == len(pictures)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_all_cells_ran_in_order_without_an_error(source):
    code = [cell for cell in cells(source) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell["outputs"] if output["output_type"] == "error"]
    assert not [output for cell in code for output in cell["outputs"] if output.get("name") == "stderr"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_is_committed_comes_from_the_source(source):
    first = [badge for badge in [address.badge(source.stem)] if badge] + [address.installation()]
    title, *rest = cells(source, FOLDER)
    assert [text(cell["source"]) for cell in rest[:len(first)]] == first, "make.py --text"
    written = []
    for cell in [title, *rest[len(first):]]:
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


def test_the_readme_has_a_badge_where_there_is_an_address():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert address.with_badge(readme) == readme, "make.py --text"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_numbers_follow_the_order_of_reading(source):
    index, written = SOURCES.index(source), source.read_text()
    own = re.search(r"^# # (\d+)\. ", written, re.MULTILINE)[1]
    assert int(own) == int(source.stem[:2]) == index + 1
    known = re.search(r"You should know notebooks? ([\d, and to]+\d)", written)
    assert not known or max(map(int, re.findall(r"\d+", known[1]))) < index + 1
    following = re.findall(r"^# Next: \[(\d+)\. .+\]\((.+)\.ipynb\)$", written, re.MULTILINE)
    assert following == [(str(index + 2), path.stem) for path in SOURCES[index + 1:index + 2]]
    named = re.findall(r"\[notebook\s+#?\s*(\d+)\]\((\d+)_", written, re.IGNORECASE)
    assert [pair for pair in named if int(pair[0]) != int(pair[1])] == []


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A folder with the README and one notebook; and a function that makes both for an address."""
    for part in ("jupytext", "nbclient"):
        pytest.importorskip(part, reason="needs the extra notebooks")
    for name in ("README.md", *(f"notebooks/{part}" for part in (
            "make.py", "source/01_one_neuron.py", "01_one_neuron.ipynb"))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    specification = importlib.util.spec_from_file_location("make_of_the_copy", tmp_path / "notebooks/make.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(address, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["make.py", "--text"])

    def make(url):
        (tmp_path / "setup.cfg").write_text(f"[metadata]\nname = tinynet\nurl = {url}\n")
        module.main()

    return tmp_path, make


def test_an_address_is_written_into_badges_and_cells_and_can_go_again(copy):
    folder, make = copy
    make("")
    before = {name: (folder / name).read_bytes() for name in ("README.md", "notebooks/01_one_neuron.ipynb")}
    make("https://github.com/somebody/some-nets")
    link = "https://colab.research.google.com/github/somebody/some-nets/blob/main/notebooks/01_one_neuron.ipynb"
    badge = f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({link})"
    title, second, install, *rest = cells(Path("01_one_neuron.py"), folder / "notebooks")
    assert text(title["source"]).startswith("# 1. ") and text(second["source"]) == badge
    assert text(install["source"]).endswith('%pip install --quiet matplotlib "git+https://github.com/somebody/some-nets"')
    assert rest == json.loads(before["notebooks/01_one_neuron.ipynb"])["cells"][2:]     # with all outputs
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# tinynet\n\n{badge}\n\n") and readme.count(address.COLAB) == 2
    make("")
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_what_cannot_be_made_is_said_and_nothing_is_written(copy):
    folder, make = copy
    before = (folder / "notebooks/01_one_neuron.ipynb").read_bytes()
    for url in ("https://example.org/nets", "https://github.com/somebody/some-nets.git", "somebody/some-nets"):
        with pytest.raises(ValueError, match=f"^url in setup.cfg is {url}, expected https://github.com/OWNER/NAME"):
            make(url)
    source = folder / "notebooks/source/01_one_neuron.py"
    source.write_text(source.read_text().replace("rate = 0.1", "rate = 0.2"))
    with pytest.raises(SystemExit, match="01_one_neuron.ipynb: its code has changed, so that it has to run"):
        make("")
    assert (folder / "notebooks/01_one_neuron.ipynb").read_bytes() == before


def test_without_an_address_the_first_cell_says_how_to_install(monkeypatch):
    monkeypatch.setattr(address, "repository", lambda: "")
    assert address.badge("01_one_neuron") == ""
    exec(address.installation(), {})                                                  # says nothing where tinynet is
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="tinynet is not installed here: run %pip install matplotlib COPY"):
        exec(address.installation(), {})


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
        kept = [cell.source for cell in before.cells if "remove-cell" not in cell.metadata.get("tags", [])]
        book = lite.for_browser(before)
        written = "\n".join(cell.source for cell in book.cells)
        assert book.cells[1].source == lite.INSTALL and len(book.cells) == len(kept) + 1
        assert "colab" not in written.lower() and "](../" not in written and f"{lite.LEFT_OUT}.ipynb" not in written
        with pytest.raises(ValueError, match="expected a cell that installs tinynet"):
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


def test_a_folder_with_other_files_is_not_built_into(lite, tmp_path, monkeypatch, capsys):
    (tmp_path / "precious").touch()
    monkeypatch.setattr(sys, "argv", ["make.py", "--to", str(tmp_path)])
    with pytest.raises(SystemExit):
        lite.main()
    assert (tmp_path / "precious").exists() and "is not empty, and what is in it would be" in capsys.readouterr().err
