"""The site that docs/make.py builds: its links, what it asks of other sites, and that its pages say what they should.

The tests of the built site look into docs/_build/html, or into the folder that TINYNET_SITE names; .ci/run builds it
first. What needs no site is tested in any case.
"""
import os
import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from support.page_browser import browser_or_skip

from tinynet import layers

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "docs"))
from making import address  # noqa: E402 - docs/ is no package
from making.paths import Pages, documents  # noqa: E402
from making.run_code import with_outputs  # noqa: E402

LARGEST = 1_000_000  # bytes of a page with its pictures
LIVE = {"live/photograph.html", "live/shape.html"}


class Page(HTMLParser):
    """What a page of the site has: its ids, links, what it loads, headings, and pictures' alternative texts."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.headings, self.alts, self.images = set(), [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "img":
            self.images.append(found["src"])
            self.alts.append(found.get("alt", ""))
        elif tag in ("script", "iframe") and "src" in found:
            self.loads.append(found["src"])
        elif tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload", "shortcut icon"):
            self.loads.append(found["href"])
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def broken_links(pages, folder):
    """Return what the links of pages (by their paths in a folder) lead to that is not there, file or place in it."""
    broken = []
    for name, page in pages.items():
        for link in [*page.links, *page.loads, *page.images]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = os.path.normpath(os.path.join(os.path.dirname(name), unquote(parts.path))) if parts.path else name
            place = unquote(parts.fragment)
            if not (folder / target).is_file() or (place and target in pages and place not in pages[target].ids):
                broken.append(f"{name}: {link}")
    return broken


def from_elsewhere(page):
    return [url for url in [*page.loads, *page.images] if urlsplit(url).scheme not in ("", "data")
            or urlsplit(url).netloc]


def headings_out_of_order(page):
    """Return whether a page has not one h1 in front, or leaves out a level on the way down."""
    steps = zip(page.headings, page.headings[1:], strict=False)
    return page.headings.count(1) != 1 or page.headings[0] != 1 or any(below > above + 1 for above, below in steps)


@pytest.fixture(scope="module")
def site():
    folder = Path(os.environ.get("TINYNET_SITE", ROOT / "docs/_build/html"))
    if not (folder / "index.html").exists():
        pytest.skip("needs the site: the extra docs, then python docs/make.py")
    return folder


@pytest.fixture(scope="module")
def pages(site):
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return {name: Page((site / name).read_text(encoding="utf-8")) for name in names if name not in LIVE}


def test_a_folder_with_other_files_is_not_built_into(tmp_path):
    for module in ("sphinx", "nbformat"):
        pytest.importorskip(module, reason="needs the extra docs")
    (tmp_path / "precious").touch()
    command = [sys.executable, str(ROOT / "docs/make.py"), "--to", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and "is not empty, and what is in it would be deleted" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_every_link_and_every_picture_is_there(site, pages):
    assert len(pages) > 100
    assert broken_links(pages, site) == []


def test_nothing_comes_from_another_site(pages):
    assert {name: found for name, page in pages.items() if (found := from_elsewhere(page))} == {}


def test_headings_are_in_order(pages):
    assert [name for name, page in pages.items() if headings_out_of_order(page) and name != "search.html"] == []


def test_every_picture_has_words(pages):
    bare = {name: page.alts for name, page in pages.items()
            if any(len(alt) < 15 or re.search(r"\.(png|svg|jpg)$", alt) for alt in page.alts)}
    assert bare == {}


def test_pages_are_light(site, pages):
    sizes = {name: (site / name).stat().st_size + sum(
        (site / os.path.normpath(os.path.join(os.path.dirname(name), unquote(image)))).stat().st_size
        for image in set(page.images) if not image.startswith("data:")) for name, page in pages.items()}
    assert {name: size for name, size in sizes.items() if size > LARGEST} == {}


def test_every_public_name_is_in_the_reference(pages):
    import tinynet
    from tinynet import course, data, plots, testing

    ids = set().union(*(page.ids for name, page in pages.items() if name.startswith("reference/")))
    expected = {f"tinynet.{name}" for name in tinynet.__all__ if name not in ("course", "data", "testing")}
    for module in (course, data, plots, testing):
        expected |= {f"{module.__name__}.{name}" for name in module.__all__}
    assert len(expected) > 70
    assert expected - ids == set()


def test_every_layer_has_a_page_with_all_its_parts(site):
    for name in layers.__all__:
        text = (site / f"layers/{name}.html").read_text(encoding="utf-8")
        parts = ("what-it-does-to-one-image", "forward-and-backward", "is-the-backward-pass-right",
                 "where-one-of-its-numbers-comes-from", "traps")
        assert [part for part in parts if f'id="{part}"' not in text] == [], name
        words = re.sub(r"<[^>]+>", "", text)
        assert "all gradients are right" in words, name
        assert words.count("equal to rounding") >= 2, name                   # an output's and a gradient's terms
        assert "def forward(self" in words and "def input_gradient(self" in words, name


def test_each_question_is_answered_by_what_code_gives(site):
    text = (site / "faq.html").read_text(encoding="utf-8")
    questions = re.split(r"<h2>", text)[1:]
    assert len(questions) > 15
    assert [one[:40] for one in questions if 'class="output' not in one] == []
    words = unescape(re.sub(r"<[^>]+>", "", text))
    again = with_outputs((ROOT / "docs/pages/faq.md").read_text(encoding="utf-8"))
    outputs = re.findall(r":class: output\n\n(.*?)\n```", again, re.DOTALL)
    assert len(outputs) > 15
    assert [output for output in outputs if output not in words] == []
    for given in ("[54.25, 55.0]", "60,965,224\n62,378,344", "290400 659272", "6.907755", "61,706"):
        assert given in words, given


def test_nothing_leads_to_an_address_that_setup_cfg_does_not_have(pages):
    outside = {link for page in pages.values() for link in page.links if re.match(r"https://(github|colab)", link)}
    if address.repository():
        assert {address.colab_link(path.stem) for path in (ROOT / "notebooks").glob("*.ipynb")} <= outside
        assert {address.file_link("docs/teachers.md"), address.file_link("docs/teachers.md", "edit")} <= outside
    else:
        assert [link for link in outside if "colab" in link or "/blob/main/" in link] == []


def test_every_notebook_and_every_exercise_is_there_and_listed(site):
    from tinynet.exercises.catalogue import EXERCISES

    notebooks = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    listed = Page((site / "notebooks/index.html").read_text(encoding="utf-8"))
    assert [name for name in notebooks if f"{name}.html" not in listed.links] == []
    assert len(listed.images) >= len(notebooks)
    for one in EXERCISES:
        text = (site / f"exercises/{one.number:02d}.html").read_text(encoding="utf-8")
        assert text.count("<details>") == len(one.hints) + 1, one.number     # the solution is folded, too


VIEWED = ("index.html", "live.html", "layers/index.html", "layers/Conv2d.html", "layers/LocalResponseNorm.html",
          "notebooks/index.html", "notebooks/04_stepping_through.html", "faq.html", "alexnet.html", "networks.html",
          "lessons.html", "lessons/relu.html", "reference/index.html", "reference/layers.html", "exercises/18.html",
          "using.html", "teachers.html", "results/index.html", "reliability.html", "commands.html")


@pytest.fixture(scope="module")
def browser(site):
    with browser_or_skip() as chromium:
        yield chromium


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_in_a_browser_without_a_network(site, browser, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked, said = [], []
    context.route(lambda url: not url.startswith(("file:", "data:")), lambda route: (asked.append(route.request.url),
                                                                                    route.abort()))
    tab = context.new_page()
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    for name in VIEWED:
        tab.goto((site / name).as_uri())
        if name in ("layers/Conv2d.html", "layers/LocalResponseNorm.html"):
            tab.wait_for_selector("mjx-container")                           # the formula is set
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
    tab.goto((site / "search.html").as_uri() + "?q=dropout")
    tab.wait_for_selector("#search-results li")
    tab.goto((site / "exercises/18.html").as_uri())
    tab.locator("summary").first.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("details").first.get_attribute("open") is not None
    context.close()
    assert (asked, said) == ([], [])


FOCUS = """() => { const found = document.activeElement, box = found.getBoundingClientRect();
    return [found.outerHTML.slice(0, 90), getComputedStyle(found).outlineStyle, box.left, box.right]; }"""


@pytest.mark.parametrize(("name", "width"), [("layers/Conv2d.html", 390), ("exercises/18.html", 1280)])
def test_by_keyboard_what_has_the_focus_is_framed_and_in_the_window(site, browser, name, width):
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.goto((site / name).as_uri())
    tab.add_style_tag(content="* { transition: none !important }")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.innerText") == "Skip to content"
    unseen, seen = [], ""
    for _ in range(75):
        tab.keyboard.press("Tab")
        element, outline, left, right = tab.evaluate(FOCUS)
        if element.startswith("<body"):                                      # past the last one
            break
        seen += element
        if outline != "solid" or left < -1 or right > width + 1:
            unseen.append(element)
    tab.close()
    assert unseen == []
    assert "sidebar-search" in seen and "<pre" in seen and "next-page" in seen


def test_the_live_page_is_live_inside_the_site(site, browser):
    tab = browser.new_page()
    tab.goto((site / "live.html").as_uri())
    frame = tab.frame_locator("iframe.live")
    frame.locator("body:not([aria-busy])").wait_for(timeout=20_000)
    steps = []
    for _ in range(2):
        steps += re.findall(r"step (\d+) of", frame.locator("body").inner_text())
        frame.get_by_role("button", name="Next").click()
    assert len(steps) == 2 and int(steps[1]) == int(steps[0]) + 1
    with tab.expect_event("framenavigated"):
        tab.get_by_text("A drawn shape").click()
    frame.get_by_text("alexnet-small", exact=False).first.wait_for(timeout=20_000)
    tab.close()


def test_what_is_wrong_with_a_page_is_noticed(tmp_path):
    for name in ("a.html", "there.html"):
        (tmp_path / name).write_text("")
    page = Page('<h1>a</h1><h3 id="b">b</h3><a href="there.html">t</a><a href="#b">b</a><a href="#c">c</a>'
                '<a href="https://example.org">e</a><img src="gone.png" alt=""><script src="https://x.org/x.js"></script>')
    assert broken_links({"a.html": page}, tmp_path) == ["a.html: #c", "a.html: gone.png"]
    assert from_elsewhere(page) == ["https://x.org/x.js"]
    assert headings_out_of_order(page) and not headings_out_of_order(Page("<h1>a</h1><h2>b</h2><h3>c</h3><h2>d</h2>"))


def test_documents_that_the_index_does_not_name_are_listed_at_its_end(tmp_path):
    pytest.importorskip("sphinx", reason="needs the extra docs")
    from make import list_the_rest

    pages = Pages(tmp_path)
    pages.documents = {"docs/a.md": "a.md", "docs/b.md": "b.md", "docs/c.md": "c.md"}
    for name in "abc":
        pages.write(f"{name}.md", f"# {name}\n")
    index = "# i\n\n1. [a](a.md)\n\n```{toctree}\n:hidden:\na\nThe b <b>\ngone\n```\n"
    pages.write("index.md", index)
    list_the_rest(pages)
    text = (tmp_path / "index.md").read_text()
    assert text == index + "\n```{toctree}\n:caption: More\n:hidden:\nc\n```\n"  # gone stays, and ends the build
    list_the_rest(pages)
    assert (tmp_path / "index.md").read_text() == text


def test_code_in_a_page_is_run_and_shown_with_what_it_gives():
    text = with_outputs("```python run\nx = 3\nx + 4\n```\n\n```python table\nprint('| a |')\nprint(f'| {x} |')\n```\n")
    assert text.splitlines() == ["```python", "x = 3", "x + 4", "```", "", "```{code-block} text", ":class: output", "",
                                 "7", "```", "", "| a |", "| 3 |"]
    with pytest.raises(ZeroDivisionError):
        with_outputs("```python run\n1 / 0\n```\n")


def test_links_between_files_become_links_between_pages(tmp_path):
    pages = Pages(tmp_path)
    text = pages.relinked(
        "[a](../CONTRIBUTING.md#style) [b](../tinynet/layers/lrn.py) `tinynet/layers/conv.py` [c](https://example.org)\n"
        "```\n[d](nowhere.py)\n```\n![e](page.png)", "docs/design.md", "design.md")
    assert text == (
        "[a](contributing.md#style) [b](source/tinynet/layers/lrn.py.md) "
        "[`tinynet/layers/conv.py`](source/tinynet/layers/conv.py.md) [c](https://example.org)\n"
        "```\n[d](nowhere.py)\n```\n![e](docs/page.png)")
    assert (tmp_path / "docs/page.png").exists()
    assert len(list(pages.source_pages())) == 2
    with pytest.raises(FileNotFoundError, match="docs/design.md links to ../gone.py"):
        pages.relinked("[a](../gone.py)", "docs/design.md", "design.md")


def test_every_layer_and_every_document_has_its_place():
    import tomllib

    facts = tomllib.loads((ROOT / "docs/layers.toml").read_text(encoding="utf-8"))
    assert sorted(facts) == sorted(layers.__all__)
    assert {"design.md", "faq.md", "reliability.md", "contributing.md", "results/imagenette/index.md"} <= set(
        documents().values())
