"""Names in pictures letter by letter, whatever letters they have: dollars, bytes that are no text, Chinese.

matplotlib draws what stands between two dollars as a formula, cannot draw what is no Unicode, and warns of each letter
that its font lacks.
"""
import re
import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager, get_font
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from ..files import printable

# With most letters of the world, or of one script: looked into before all others, in this order.
KNOWN = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "SimHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Yu Gothic",
    "Malgun Gothic", "Arial Unicode MS", "Nirmala UI", "Segoe UI", "Noto Sans", "DejaVu Sans",
)
# Fonts with boxes for all letters, and parts of formulas under the numbers of letters.
NO_LETTERS = re.compile(r"Last ?Resort|cm(b|ex|mi|r|ss|sy|tt)\d+$|STIX(NonUnicode|Size)")
REGULAR = (400, "normal", "regular")  # weights
LISTED = 12  # letters without a font that the warning names
WARNINGS = r"Glyph \d+ .*missing from|Matplotlib currently does not support"

_named: set[str] = set()  # letters that a warning has named already


def drawn(text: object) -> str:
    """Return a text that matplotlib draws as `text` stands there; what is no letter is drawn as its number."""
    visible = re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", lambda each: f"\\x{ord(each[0]):02x}", printable(str(text)))
    return visible.replace("$", r"\$")


def columns(text: str) -> int:
    """Return how many letters wide a text is: Chinese, Japanese and Korean ones count as two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


@contextmanager
def letters_found(figure: Figure) -> Iterator[None]:
    """Give each text of a figure fonts that have its letters; inside the block matplotlib warns of no letter.

    One warning names the letters that no font has, once in a program.
    """
    nowhere = ""
    for text in figure.findobj(Text):
        lacking = lacking_letters(text)
        if lacking:
            families, missing = fonts_for(lacking, len(fontManager.ttflist))
            text.set_fontfamily([*dict.fromkeys([*text.get_fontfamily(), *families])])
            nowhere += missing
    if not nowhere:
        yield
        return
    new = sorted(set(nowhere) - _named)
    if new:
        _named.update(new)
        more = f" and {len(new) - LISTED} more" if len(new) > LISTED else ""
        warnings.warn(f"no font that matplotlib finds has the letters {' '.join(new[:LISTED])}{more}, and boxes are "
                      "drawn for them: a font such as Noto Sans CJK has most letters", stacklevel=4)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=WARNINGS)
        yield


def lacking_letters(text: Text) -> frozenset[str]:
    """Return the letters of a text that its own font does not have."""
    letters = {letter for letter in text.get_text() if ord(letter) > 126 and not letter.isspace()}
    if not letters:
        return frozenset()
    font = get_font(findfont(text.get_fontproperties()))
    return frozenset(letter for letter in letters if not font.get_char_index(ord(letter)))


@lru_cache
def fonts_for(letters: frozenset[str], fonts: int) -> tuple[tuple[str, ...], str]:
    """Return families of fonts that have the letters, as few as it takes, and the letters that none has.

    `fonts` is how many there are: with another number the search is done again.
    """
    found: dict[str, frozenset[str]] = {}
    for name, file in candidates():
        found[name] = letters_in(file, letters)
        if found[name] == letters:
            return (name,), ""
    families = []
    while letters and found:
        best = max(found, key=lambda name: len(found[name] & letters))  # of equal ones the first
        if not found[best] & letters:
            break
        families.append(best)
        letters -= found[best]
    return tuple(families), "".join(sorted(letters))


def candidates() -> Iterable[tuple[str, str]]:
    """Return name and file of each family of fonts, those that are known to have many letters first."""
    files: dict[str, str] = {}
    for entry in sorted(fontManager.ttflist, key=lambda entry: (entry.style != "normal", entry.weight not in REGULAR)):
        if not NO_LETTERS.match(entry.name):
            files.setdefault(entry.name, entry.fname)
    order = {name: i for i, name in enumerate(KNOWN)}
    return sorted(files.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))


def letters_in(file: str, letters: frozenset[str]) -> frozenset[str]:
    """Return which of the letters a font has; none where its file cannot be read any more."""
    try:
        font = FT2Font(file)
        return frozenset(letter for letter in letters if font.get_char_index(ord(letter)))
    except (OSError, RuntimeError):
        return frozenset()
