"""A browser, and the page of a small network, for the tests of the page."""
import pytest
from support.page_browser import browser_or_skip, traced
from support.small_network import network

from tinynet.tracing.page import Subject, write_page


@pytest.fixture(scope="module")
def browser():
    with browser_or_skip() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pages")


@pytest.fixture(scope="module")
def small(folder):
    """The paper's sequence in small, in training: (page, trace)."""
    trace, label = traced(network(), train=True)
    write_page(trace, folder / "small.html", Subject("noise", label, "given"))
    return folder / "small.html", trace
