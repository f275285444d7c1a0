"""Names in pictures: dollars, bytes that are no text, letters of any script."""
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="pictures need the extra plots")
from matplotlib.font_manager import FontEntry, fontManager  # noqa: E402
from matplotlib.text import Text  # noqa: E402

import tinynet as tn  # noqa: E402
from tinynet.files import printable  # noqa: E402
from tinynet.plots import letters  # noqa: E402
from tinynet.plots.confusion import confusion_matrix  # noqa: E402
from tinynet.plots.letters import drawn, fonts_for  # noqa: E402
from tinynet.plots.patches import patch_sheet  # noqa: E402
from tinynet.plots.pictures import (  # noqa: E402
    Picture,
    first_layer_filters,
    prediction_sheet,
    short,
    speed_ladder,
)
from tinynet.tracing.pictures import activation_maps, gradient_flow, pixel_maps  # noqa: E402

NAMES = ["Ba$$in", "a$b_c$d", r"\$\frac{", "$", "caf\udce9", "\ud83d half", "tab\there\a", "x^2_3 & # % {~}", "中文猫"]


@pytest.fixture(autouse=True)
def nothing_was_said_before(monkeypatch):
    monkeypatch.setattr(letters, "_named", set())
    fonts_for.cache_clear()
    yield
    fonts_for.cache_clear()


def network(name):
    net: Any = tn.Network(
        [(name, tn.Conv2d(3, 4, 3, padding=1, seed=0)), ("relu", tn.ReLU()), ("flatten", tn.Flatten()),
         ("fc", tn.Linear(100, 2, seed=0))], input_shape=(5, 5, 3))
    net.preprocessing = tn.data.Preprocessing(np.zeros(3), 5)
    return net


def traced(name):
    return tn.trace(network(name), np.ones((1, 5, 5, 3), np.float32), np.array([0]))


def sheet(name):
    return prediction_sheet([np.zeros((4, 4, 3), np.uint8)], [[0.75, 0.25]], [0], [name, "other"])


PICTURES = {
    "sheet": sheet,
    "confusion": lambda name: confusion_matrix(np.eye(2, dtype=int), [name, "other"]),
    "filters": lambda name: first_layer_filters(network(name)),
    "patches": lambda name: patch_sheet(network(name), np.ones((2, 5, 5, 3), np.uint8), name, [0], 1),
    "ladder": lambda name: speed_ladder({name: 3.0, "other": 1.0}, 0.5),
    "activations": lambda name: activation_maps(np.ones((4, 4, 2)), title=name),
    "layers": lambda name: gradient_flow(traced(name)),
    "legend": lambda name: gradient_flow({name: traced("conv"), "other": traced("conv")}),
    "maps": lambda name: pixel_maps(np.ones((4, 4, 3)), {name: np.ones((4, 4))}),
}


def texts(picture):
    """What stands in the picture: the texts as matplotlib is about to lay them out, none of them as a formula."""
    found = [text._preprocess_math(text.get_text()) for text in picture.findobj(Text)]
    return [text for text, formula in found if not formula]


@pytest.mark.filterwarnings("ignore:no font that matplotlib finds")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("kind", PICTURES)
def test_a_name_stands_in_a_picture_letter_by_letter(kind, name, tmp_path):
    picture = PICTURES[kind](name)
    picture.savefig(tmp_path / "picture.png", dpi=30)
    shown = printable(name).replace("\t", r"\x09").replace("\a", r"\x07")
    if kind in ("sheet", "confusion"):
        shown = shown.replace("_", " ")
    assert any(shown in text for text in texts(picture))


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_every_format_takes_every_name(ending, tmp_path):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for name in NAMES:
            sheet(name).savefig(tmp_path / f"sheet.{ending}", bbox_inches="tight")
    assert [str(each.message)[:27] for each in said] == ["no font that matplotlib fin"]


def test_names_are_cut_by_how_wide_they_are():
    assert short("n02123045_tabby_cat") == "tabby cat" and short("x" * 30) == "x" * 21 + "…"
    assert short("猫" * 11) == "猫" * 11 and short("猫" * 12) == "猫" * 10 + "…" and short("a$b") == r"a\$b"


def test_letters_without_a_font_are_named_once_in_a_sentence(tmp_path):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for names in (["\ue123\ue456", "b"], ["\ue456", "\ue123"], ["\ue123", "b"]):
            confusion_matrix(np.eye(2, dtype=int), names).savefig(tmp_path / "picture.png")
            confusion_matrix(np.eye(2, dtype=int), names)._repr_png_()
    (one,) = said
    assert str(one.message).startswith("no font that matplotlib finds has the letters \ue123 \ue456, and boxes are")
    assert one.filename == __file__


def test_many_letters_without_a_font_are_counted():
    name = "".join(chr(0xE100 + i) for i in range(20))
    with pytest.warns(UserWarning, match="and 8 more, and boxes"):
        sheet(name)._repr_png_()


def font_of(path, family, characters):
    """A font with a square for each of the characters."""
    builder = pytest.importorskip("fontTools.fontBuilder", reason="it comes with matplotlib").FontBuilder(1000)
    pen = pytest.importorskip("fontTools.pens.ttGlyphPen").TTGlyphPen(None)
    for i, corner in enumerate([(100, 0), (100, 700), (800, 700), (800, 0)]):
        (pen.lineTo if i else pen.moveTo)(corner)
    pen.closePath()
    square = pen.glyph()
    glyphs = [".notdef", *(f"g{i}" for i in range(len(characters)))]
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({ord(each): f"g{i}" for i, each in enumerate(characters)})
    builder.setupGlyf(dict.fromkeys(glyphs, square))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800)
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture
def more_fonts(tmp_path, monkeypatch):
    """Two fonts of letters that no other one has, and one whose file is gone."""
    monkeypatch.setattr(fontManager, "ttflist", list(fontManager.ttflist))
    for family, characters in (("Left", "ab\ue123\ue124"), ("Right", "ab\ue125")):
        fontManager.addfont(font_of(tmp_path / f"{family}.ttf", family, characters))
    fontManager.ttflist.append(FontEntry(fname=str(tmp_path / "gone.ttf"), name="Gone"))
    yield
    fontManager._findfont_cached.cache_clear()


def test_a_font_that_has_the_letters_is_taken(more_fonts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = confusion_matrix(np.eye(2, dtype=int), ["a\ue123", "b"])
        with_font = picture._repr_png_()
        families = {text.get_text(): text.get_fontfamily() for text in picture.findobj(Text)}
        assert families["a\ue123"][-1] == "Left" and families["b"] == families["true class"] == ["sans-serif"]
        both = confusion_matrix(np.eye(2, dtype=int), ["\ue125\ue123", "b"])
        both._repr_png_()
        assert {text.get_text(): text.get_fontfamily() for text in both.findobj(Text)}["\ue125\ue123"][-2:] == [
            "Left", "Right"]
    assert Picture(figsize=(1, 1)).text(0, 0, "a").get_fontfamily() == ["sans-serif"]
    fontManager.ttflist = [entry for entry in fontManager.ttflist if entry.name not in ("Left", "Right")]
    with pytest.warns(UserWarning, match="no font"):
        assert confusion_matrix(np.eye(2, dtype=int), ["a\ue123", "b"])._repr_png_() != with_font


def test_usual_pictures_have_the_font_that_they_had(tmp_path):
    picture = sheet("a cat ✓ …é")
    picture.savefig(tmp_path / "a.png")
    assert {tuple(text.get_fontfamily()) for text in picture.findobj(Text)} == {("sans-serif",)}


def test_a_formula_of_ones_own_stays_a_formula():
    picture = sheet("Ba$$in")
    title = picture.axes[0].set_title(r"$\alpha^2$")
    picture._repr_png_()
    assert title._preprocess_math(title.get_text())[1]


@pytest.mark.parametrize(("name", "text"), [
    ("plain", "plain"), ("caf\udce9", r"caf\xe9"), ("\ud83d", r"\ud83d"), ("\udc7f", r"\udc7f"), ("é中😀", "é中😀")])
def test_what_is_no_text_is_written_as_its_number(name, text):
    assert printable(name) == text and drawn(name) == text
    assert printable(name).encode()
