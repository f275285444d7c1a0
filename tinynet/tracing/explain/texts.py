"""What explanations say, from texts.toml, which the page's JavaScript has too (`../web/texts.js`)."""
import re
import tomllib
from importlib import resources
from typing import Any, NamedTuple

TEXTS: dict[str, dict[str, str]] = tomllib.loads(
    (resources.files(__package__) / "texts.toml").read_text(encoding="utf-8")
)


class Wording(NamedTuple):
    """What an explanation says: the formula, the same for any index, and in words what was added here."""

    formula: str
    reason: str


def wording(section: str, reason: str = "reason", /, **values: Any) -> Wording:
    """Return the formula of a section and one of its reasons, filled in."""
    return Wording(text(section, "formula", **values), text(section, reason, **values))


def text(section: str, name: str, /, **values: Any) -> str:
    """Return a text with its {placeholders} filled in."""
    return re.sub(r"\{(\w+):?([^}]*)\}", lambda found: written(values[found[1]], found[2]), TEXTS[section][name])


def written(value: Any, form: str) -> str:
    """Write a value: as it is, "1 window" or "4 windows" for the form "window", or a number in a format like ".6g"."""
    if form.isalpha():
        return f"{value} {form}" if value == 1 else f"{value} {form}s"
    return format(value + 0.0, form) if form else str(value)  # + 0.0: -0 as 0
