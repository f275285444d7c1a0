"""Settings of Sphinx, which docs/make.py calls."""
import re
from pathlib import Path
from typing import Any

from making.address import file_link
from making.paths import documents

project = "tinynet"
copyright = "its authors, MIT licence"
release = re.findall(r"^version = (.+)$", (Path(__file__).parents[1] / "setup.cfg").read_text(), re.MULTILINE)[0]
extensions = ["sphinx.ext.autodoc", "sphinx.ext.mathjax", "numpydoc", "myst_nb"]
exclude_patterns: list[str] = []
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "attrs_inline"]
myst_heading_anchors = 4
nb_execution_mode = "off"                     # the notebooks have their outputs
nb_merge_streams = True
suppress_warnings = ["misc.highlighting_failure"]  # C and shell with CUDA's or our own marks
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"options": {"enableMenu": False}, "chtml": {"displayAlign": "left"}}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
autodoc_typehints = "none"                    # the docstrings say what arguments are
default_role = "code"
html_theme = "furo"
html_title = f"tinynet {release}"
html_static_path: list[str] = []
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_show_search_summary = False              # it would be fetched, which a browser refuses where there is no server
html_theme_options = {"navigation_with_keys": False}  # arrow keys scroll wide blocks of code
pygments_style, pygments_dark_style = "a11y-light", "a11y-dark"


def escape_stars(app: Any, what: str, name: str, there: Any, options: Any, lines: list[str]) -> None:
    """Keep `x**2` and `*` of our plain docstrings from being taken for marks of reStructuredText; formulas are code."""
    if what == "class" and lines and " = " in lines[0]:
        lines[0] = f"``{lines[0].replace('`', '').rstrip('.')}``"
    for i, line in enumerate(lines):
        parts = re.split(r"(``.+?``|`[^`]+`)", line)
        parts[::2] = [re.sub(r"([*|])", r"\\\1", part) for part in parts[::2]]
        lines[i] = "".join(parts)


ORIGINS = {str(Path(page).with_suffix("")): origin for origin, page in documents().items()}  # of what people wrote


def link_to_its_file(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Give a page the theme's buttons to view and to edit the file that it is made of; none without an address."""
    shown = page.removeprefix("source/") if page.startswith("source/") and not page.endswith("/index") else ""
    origin = ORIGINS.get(page, shown)
    if origin and file_link(origin):
        written = re.sub(r"^notebooks/(.+)\.ipynb$", r"notebooks/source/\1.py", origin)
        context["theme_source_view_link"] = file_link(origin)
        context["theme_source_edit_link"] = file_link(written, "edit")


def setup(app: Any) -> None:
    app.connect("html-page-context", link_to_its_file)
    app.connect("autodoc-process-docstring", escape_stars, priority=100)       # before numpydoc
    app.config.html_static_path = [str(Path(app.outdir).parent / "static")]
    app.config.html_extra_path = [str(Path(app.outdir).parent / "extra")]


