"""Builds a site of the notebooks that runs in a browser: `python docs/lite/make.py`, with the extra `lite`.

JupyterLite is JupyterLab as a folder of files, with Pyodide, Python in the browser, as its kernel. The site has the
notebooks but the GPU's, and a wheel of tinynet, which each notebook's first cell installs. Before it is built, the
notebooks run here, in a kernel in which no thread and no process starts (tests/support/no_threads.py). What a browser
then needs is in docs/browser.md.
"""
import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.font_manager  # noqa: F401 - looks for fonts the first time, in a thread, which a notebook here has not
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LEFT_OUT = "11_gpu"  # it starts `tinynet gpu-check`, and a browser's Python sees no GPU
SECONDS = 600  # that a cell may run
FOR_ELSEWHERE = "remove-cell"  # the tag of the badge, and of the cell that installs tinynet
NOT_THERE = re.compile(rf"\[([^\]]+)\]\((?:\.\./[^)]*|{LEFT_OUT}\.ipynb)\)")  # links to what the site does not have
INSTALL = """\
# Installs tinynet, which this site has, and NumPy, Pillow and matplotlib, which come with Pyodide.
%pip install -q tinynet matplotlib"""
TAKE_AWAY = f"""\
import runpy
import zmq.utils.garbage
zmq.utils.garbage.gc.start()  # the kernel's own thread, with which it sends large outputs
runpy.run_path({str(ROOT / 'tests/support/no_threads.py')!r})["take_away"]()"""
SETTINGS = {"jupyter-lite-schema-version": 0, "jupyter-config-data": {"appName": "tinynet"}}


def main() -> int:
    """Build the wheel, the notebooks' copies, and of these the site in _build/html."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--to", type=Path, default=HERE / "_build", metavar="DIR", help="default: docs/lite/_build")
    options.add_argument("--no-run", action="store_true", help="do not run the notebooks first")
    options.add_argument("--no-site", action="store_true", help="only run the notebooks")
    chosen = options.parse_args()
    build = chosen.to.resolve()
    if build != HERE / "_build" and build.exists() and any(build.iterdir()):
        options.error(f"{build} is not empty, and what is in it would be deleted: give a new folder")
    shutil.rmtree(build, ignore_errors=True)
    (build / "contents").mkdir(parents=True)
    sources = [path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if path.stem != LEFT_OUT]
    for path in sources:
        # Texts in one piece: JupyterLite, which has no server to join them, shows a list of lines with commas.
        text = json.dumps(for_browser(nbformat.read(path, 4)), indent=1, ensure_ascii=False)
        (build / "contents" / path.name).write_text(text, encoding="utf-8")
    wrong = [] if chosen.no_run else [path.name for path in sources if not runs(path)]
    if wrong:
        print(f"these do not run without threads and processes: {', '.join(wrong)}")
        return 1
    if not chosen.no_site:
        build_site(build, build_wheel(build))
    return 0


def for_browser(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with the outputs that it was stored with, its installation replaced by one for JupyterLite.

    Links to files that the site does not have become their words.

    Raises
    ------
    ValueError
        When it has none.
    """
    cells = [cell for cell in book.cells if FOR_ELSEWHERE not in cell.metadata.get("tags", [])]
    if len(cells) == len(book.cells):
        raise ValueError(f"expected a cell that installs tinynet, with the tag {FOR_ELSEWHERE}")
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = NOT_THERE.sub(r"\1", cell.source)
    cells.insert(1, nbformat.v4.new_code_cell(INSTALL, id="cell-install"))  # below the title
    book.cells = cells
    book.metadata.kernelspec = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
    return book


def runs(path: Path) -> bool:
    """Run a notebook where no thread and no process starts; say how long it took, or what went wrong."""
    book = nbformat.read(path, 4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    code[0].source = TAKE_AWAY  # in place of the cell that installs tinynet
    begin = time.perf_counter()
    try:
        NotebookClient(book, timeout=SECONDS, resources={"metadata": {"path": str(path.parent)}}).execute()
    except Exception as error:  # of a cell, of the kernel, or that time is up
        print(f"{path.name}: {error}")
        return False
    faults = [f"cell {number} {fault}" for number, cell in enumerate(code) if (fault := fault_of(cell))]
    print(f"{path.name}: {'; '.join(faults) or 'runs'}, {time.perf_counter() - begin:.0f} s", flush=True)
    return not faults


def fault_of(cell: nbformat.NotebookNode) -> str:
    """Return what is wrong with the outputs of a cell that ran; "" for nothing."""
    errors = [output.text for output in cell.outputs if output.get("name") == "stderr"]
    pictures = any("image/png" in json.dumps(output) for output in cell.outputs)
    if errors:
        return f"writes to standard error: {errors[0].strip()}"
    return "shows no picture" if "picture" in cell.metadata.get("tags", []) and not pictures else ""


def build_wheel(build: Path) -> Path:
    """Return tinynet's wheel, made of a copy, as making one leaves folders where it runs."""
    copy = build / "source"
    for name in ("tinynet", "kernels"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(build / "wheel"),
                    str(copy)], check=True)
    shutil.rmtree(copy)
    return next((build / "wheel").glob("*.whl"))


def build_site(build: Path, wheel: Path) -> None:
    """Let JupyterLite build the site, and say how large it is."""
    (build / "jupyter-lite.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
    site = build / "html"
    subprocess.run([
        sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", str(build), "--contents",
        str(build / "contents"), "--piplite-wheels", str(wheel), "--output-dir", str(site), "--no-sourcemaps",
        "--no-unused-shared-packages", "--apps", "lab", "--apps", "notebooks",
    ], check=True, cwd=build)
    files = [path for path in site.rglob("*") if path.is_file()]
    print(f"{site / 'index.html'}: {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.0f} MB, "
          f"with {wheel.name} ({wheel.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    sys.exit(main())
