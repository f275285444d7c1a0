"""The texts of explanations: one file, used whole by Python and by the page."""
import re
from pathlib import Path

import pytest

from tinynet.tracing import explain, page
from tinynet.tracing.explain.texts import TEXTS, text, wording

IN_PYTHON = "\n".join(path.read_text() for path in Path(explain.__file__).parent.glob("*.py"))
IN_PAGE = "\n".join(path.read_text() for path in (Path(page.__file__).parent / "web").glob("*.js"))
KEYS = {(section, name) for section, texts in TEXTS.items() for name in texts}
ONLY_PYTHON = {"unknown.output", "unknown.gradient"}  # a layer of one's own, which the page cannot explain
ONLY_BATCH = {("SoftmaxCrossEntropy.output", "several")}  # the page shows one image
ONLY_PAGE = {("sum", "float16")}


def quoted(source):
    """All strings of a program."""
    return set(re.findall(r'"([^"\n]+)"', source))


@pytest.mark.parametrize("source, others", [
    (IN_PYTHON, ONLY_PAGE), (IN_PAGE, ONLY_BATCH | {key for key in KEYS if key[0] in ONLY_PYTHON}),
], ids=["Python", "the page"])
def test_each_side_uses_every_text_and_no_other(source, others):
    strings, keys = quoted(source), KEYS - others
    by_themselves = {"formula", "reason"}  # wording() looks them up
    assert {section for section, _ in keys} <= strings
    assert {name for _, name in keys} - by_themselves <= strings
    looked_up = set(re.findall(r'\b(?:wording|text|textOf)\(\s*"([^"]+)"', source))
    assert looked_up <= {section for section, _ in KEYS}
    in_place = set(re.findall(r'\b(?:text|textOf)\("([^"]+)", "([^"]+)"', source))
    assert in_place <= KEYS and ("note", "outside") in in_place


def test_texts_stand_in_the_file_alone():
    for source in (IN_PYTHON, IN_PAGE):
        assert not [each for texts in TEXTS.values() for each in texts.values() if len(each) > 20 and each in source]


def test_placeholders_are_filled_with_words_and_numbers():
    assert wording("Linear.output", inputs=1, n=0, f=2).reason == (
        "The dot product of the 1 input of image 0 with column 2 of w, plus the bias."
    )
    assert "in 4 outputs:" in wording("Conv2d.w", outputs=4).reason
    assert wording("Tanh.output", x=-1 / 3) == ("y = tanh(x)", "The tanh of the input -0.333333.")
    assert "-0" not in text("sum", "one", total=-0.0, value=-0.0, verdict="", difference=-0.0)
    with pytest.raises(KeyError, match="outputs"):
        wording("Conv2d.w")
