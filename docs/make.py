"""Builds the site from the repository: `python docs/make.py`, with the extra `docs`; then open docs/_build/html.

Pages that people write are in docs/ and docs/pages/; the others are made here from what there is: layers from their
files, notebooks with their outputs, exercises, lessons from results/, the reference from docstrings. Code in a page
runs while the page is made. The site needs no server and no other site. A warning ends the build, but for --keep-going.
"""
import argparse
import re
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path

from making.layer_pages import write_layer_pages
from making.live_pages import write_live_pages
from making.notebook_pages import write_notebooks
from making.other_pages import write_commands, write_exercises, write_lessons, write_reference
from making.paths import ROOT, Pages
from making.run_code import with_outputs
from sphinx.cmd.build import build_main

DOCS = Path(__file__).resolve().parent


def main() -> int:
    """Make pages of the repository in _build/pages, and of these the site in _build/html."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--to", type=Path, default=DOCS / "_build", metavar="DIR", help="default: docs/_build")
    options.add_argument("--keep-going", action="store_true", help="build on past warnings")
    chosen = options.parse_args()
    begin, build = time.perf_counter(), chosen.to.resolve()
    if build != DOCS / "_build" and build.exists() and any(build.iterdir()):
        options.error(f"{build} is not empty, and what is in it would be deleted: give a new folder")
    shutil.rmtree(build, ignore_errors=True)
    pages = Pages(build / "pages")
    write_pages(pages)
    write_live_pages(build / "extra")
    shutil.copytree(DOCS / "static", build / "static")
    copy_mathjax(build / "static")
    print(f"pages made after {time.perf_counter() - begin:.0f} s", flush=True)
    strict = [] if chosen.keep_going else ["-W", "--keep-going"]
    code = build_main(["-q", "-b", "html", "-d", str(build / "doctrees"), *strict, "-c", str(DOCS),
                       str(pages.folder), str(build / "html")])
    print(f"{build / 'html/index.html'} after {time.perf_counter() - begin:.0f} s")
    return code


def write_pages(pages: Pages) -> None:
    """Write everything that Sphinx reads."""
    for origin, page in pages.documents.items():
        if origin == "README.md" or page.endswith(".ipynb"):
            continue
        text = pages.relinked((ROOT / origin).read_text(encoding="utf-8"), origin, page)
        pages.write(page, with_outputs(text))
    for folder in ("layers", "notebooks", "exercises", "lessons", "reference"):
        (pages.folder / folder).mkdir(exist_ok=True)
    write_layer_pages(pages)
    write_notebooks(pages)
    write_exercises(pages)
    write_lessons(pages)
    write_commands(pages)
    write_reference(pages)
    for page, text in pages.source_pages():
        pages.write(page, text)
    list_the_rest(pages)


def list_the_rest(pages: Pages) -> None:
    """List at the index's end the documents that its lists do not name, so that a new one is found without an edit."""
    index = pages.folder / "index.md"
    text = index.read_text(encoding="utf-8")
    lists = re.findall(r"^```{toctree}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    named = {line.rpartition("<")[2].rstrip(">") for line in "".join(lists).splitlines()}  # NAME, or: title <NAME>
    texts = {str(Path(page).with_suffix("")) for page in pages.documents.values() if page.endswith(".md")}
    rest = sorted(texts - named - {"index"})
    if rest:
        text += "\n" + "\n".join(["```{toctree}", ":caption: More", ":hidden:", *rest, "```"]) + "\n"
    index.write_text(text, encoding="utf-8")


def copy_mathjax(folder: Path) -> None:
    """Copy MathJax, as the package sphinx-mathjax-offline has it: one script, the fonts, and what it loads if asked."""
    wanted = ("tex-chtml.js", "input/tex/extensions/", "output/chtml/fonts/woff-v2/")
    for file in metadata.files("sphinx-mathjax-offline") or ():
        inside = file.as_posix().partition("/static/mathjax/")[2]
        if inside.startswith(wanted):
            target = folder / "mathjax" / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target)
    if not (folder / "mathjax/tex-chtml.js").exists():
        raise FileNotFoundError("the package sphinx-mathjax-offline has no static/mathjax/tex-chtml.js")


if __name__ == "__main__":
    sys.exit(main())
