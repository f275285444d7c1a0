"""A headless Chromium for the tests of the page, and what is read from it."""
import shutil
from contextlib import contextmanager

import pytest
from support.small_network import batch

import tinynet as tn

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]


@contextmanager
def browser_or_skip():
    """Yield Playwright's Chromium; skip where Playwright or a browser is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the extra browser-test (playwright)")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs a Chromium on the PATH (chromium or google-chrome)")
    with api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield chromium
        chromium.close()


@contextmanager
def opened(browser, file, width=1280, height=900, **options):
    """Yield a page; afterwards fail for errors on its console and for anything that it asked the network for."""
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    tab = context.new_page()
    tab.set_default_timeout(5000)
    problems, requests = [], []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(file.as_uri())
    tab.wait_for_selector("body:not([aria-busy])")  # it has unpacked its arrays
    yield tab
    context.close()
    assert problems == []
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]


def station(tab):
    """The name of the current station, and the direction."""
    name = tab.locator("#strip [aria-current=step]").inner_text()
    return name, "forward" if tab.locator("#forward").get_attribute("aria-pressed") == "true" else "backward"


def live(tab):
    """The line that says which number is chosen."""
    return tab.locator("#live").inner_text()


def point_of(tab, index):
    """Where on the screen the number at an index of the shown array is drawn."""
    return tab.evaluate(
        """(index) => {
            const { map, row, column } = positionOf(view, index);
            const [x, y] = layout.corner(map), one = layout.maps[map];
            const box = document.getElementById("maps").getBoundingClientRect();
            return [box.left + x + (column + 0.5) * layout.mapWidth / one.columns,
                    box.top + y + (row + 0.5) * layout.mapHeight / one.rows];
        }""",
        list(index),
    )


def go_to(tab, direction, name, which="x"):
    """Go to a station without keys, for tests of what is shown there."""
    index = tab.evaluate("(name) => CONTENT.stations.findIndex((station) => station.name === name)", name)
    tab.evaluate("([direction, index, which]) => goTo(direction, index, which)", [direction, index, which])


def traced(net, train, size=(29, 29)):
    x, labels = batch(1)
    return tn.trace(net, x[:, : size[0], : size[1]], labels, train=train), int(labels[0])
