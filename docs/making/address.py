"""The repository's address, which stands in setup.cfg (`url`) and nowhere else, and what is made of it.

While `url` is empty there is no badge and no link that leads nowhere; a notebook's first cell then says in words how
tinynet is installed. Where it is given, `python notebooks/make.py --text` writes it into the notebooks and the README,
and `python docs/make.py` into the site.
"""
import configparser
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BRANCH = "main"
COLAB = "https://colab.research.google.com"
BADGE = f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({{}})"
FIRST = "01_one_neuron"  # the notebook that the README's badge opens
INSTALLS = """\
# Installs tinynet where it is missing, in Colab for instance.
import importlib.util

if importlib.util.find_spec("tinynet") is None:
    %pip install --quiet matplotlib "git+{}"
"""
SAYS = """\
# Says how tinynet is installed, where it is missing.
import importlib.util

if importlib.util.find_spec("tinynet") is None:
    raise ModuleNotFoundError(
        "tinynet is not installed here: run %pip install matplotlib COPY, where COPY is a copy of tinynet's repository "
        "(its folder, its .zip, or git+ and the address where you found it), and then this cell again"
    )
"""


def repository() -> str:
    """Return setup.cfg's `url`, https://github.com/OWNER/NAME; "" while it has none.

    Raises
    ------
    ValueError
        For an address of another form: Colab opens notebooks of GitHub by owner and name.
    """
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    url = setup.get("metadata", "url", fallback="")
    if url and not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+(?<!\.git)", url):
        raise ValueError(f"url in setup.cfg is {url}, expected https://github.com/OWNER/NAME, or nothing")
    return url


def file_link(path: str, action: str = "blob") -> str:
    """Return where GitHub shows a file of the repository, or with "edit" lets one change it; "" without an address."""
    return f"{repository()}/{action}/{BRANCH}/{path}" if repository() else ""


def colab_link(name: str) -> str:
    """Return where Colab opens a notebook; "" without an address."""
    return file_link(f"notebooks/{name}.ipynb").replace("https://github.com", f"{COLAB}/github")


def badge(name: str) -> str:
    return BADGE.format(colab_link(name)) if repository() else ""


def installation() -> str:
    """Return the code of the cell that a notebook begins with."""
    return (INSTALLS.format(repository()) if repository() else SAYS).strip()


def with_badge(readme: str) -> str:
    """Return the README with the badge below its title, or without one where there is no address."""
    title, *rest = [line for line in readme.split("\n\n") if COLAB not in line]
    return "\n\n".join([title, *filter(None, [badge(FIRST)]), *rest])
