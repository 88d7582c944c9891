"""HTML pages in a browser: opened from their files, with no network, checked by axe-core."""

import contextlib

import pytest


@contextlib.contextmanager
def opened_page(browser, path, *, width=1240, scheme="light", suffix=""):
    """The page of a file; errors of its scripts and all that it would fetch fail the test."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text))
    page.on("request", lambda request: faults.append(request.url))
    page.goto(f"{path.absolute().as_uri()}{suffix}")
    try:
        yield page
        asked = [fault for fault in faults if not fault.startswith((path.as_uri(), "data:"))]
        assert asked == []
    finally:
        page.close()


def faults_of(page):
    """What axe-core finds wrong, rule and element; skips where it is not installed."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    found = axe.Axe().run(page).response["violations"]
    return [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]
