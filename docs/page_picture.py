"""Takes the README's picture of the page of a trace, docs/page.png: python docs/page_picture.py.

The network in the package looks at a free photograph, and one number of conv1 is held. Needs the extra `browser-test`
and a Chromium.
"""
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import tinynet as tn
from tinynet import cli

HERE = Path(__file__).parent
LAYER, INDEX = "conv1", (0, 7, 14, 16)  # of the number that is held
POINT = """([layer, index]) => {
    goTo("forward", CONTENT.stations.findIndex((station) => station.name === layer), "x");
    const { map, row, column } = positionOf(view, index);
    const [x, y] = layout.corner(map), one = layout.maps[map];
    const box = document.getElementById("maps").getBoundingClientRect();
    return [box.left + x + (column + 0.5) * layout.mapWidth / one.columns,
            box.top + y + (row + 0.5) * layout.mapHeight / one.rows];
}"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        page = Path(folder, "page.html")
        cli.main(["trace", str(tn.data.sample_photograph("berlin_cathedral")), "--html", str(page)])
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1180, "height": 900})
        tab.goto(page.as_uri())
        tab.wait_for_selector("body:not([aria-busy])")
        tab.mouse.click(*tab.evaluate(POINT, [LAYER, list(INDEX)]))
        tab.wait_for_timeout(500)
        tab.screenshot(path=HERE / "page.png")
        browser.close()


if __name__ == "__main__":
    main()
