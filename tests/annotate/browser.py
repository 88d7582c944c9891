"""A real browser at a real server."""

import contextlib
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.processes import wait_for

WAIT = 120_000  # ms; the first soft mask of a size is compiled, on a machine that may be busy


@contextlib.contextmanager
def served(folder, output, *options):
    """The address of `casgan annotate` on a folder."""
    command = [sys.executable, "-m", "launch.annotate", f"--input={folder}", f"--output={output}"]
    process = subprocess.Popen(
        [*command, "--noopen", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        first = process.stdout.readline()
        assert first, process.stderr.read()
        yield re.search(r"http://\S+", first)[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)


@contextlib.contextmanager
def opened_browser():
    """Debian's chromium; skips the calling test, with the reason, where it is absent."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = os.environ.get("CASGAN_CHROMIUM") or shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium: apt-get install chromium, or name one by $CASGAN_CHROMIUM")
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Page:
    """The opened page, and what a person does on it."""

    def __init__(self, browser, address, size=(1280, 720)):
        self.faults = []
        self.tab = browser.new_page(viewport={"width": size[0], "height": size[1]})
        self.tab.set_default_timeout(WAIT)
        self.tab.on("pageerror", lambda error: self.faults.append(str(error)))
        self.tab.on("console", self._note)
        self.tab.goto(address)
        self.wait_for_lesion()

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def state(self, field):
        """A field of the page's state."""
        return self.tab.evaluate(
            "name => import('/page/state.js').then(({state}) => state[name])", field
        )

    def wait(self, condition):
        """Waits for a JavaScript condition on `state`, when the server has answered."""
        text = (
            f"import('/page/state.js').then(({{state}}) => !state.waiting && Boolean({condition}))"
        )
        self._wait(text, condition)

    def wait_for_message(self, part=""):
        """Waits until the line at the bottom has a text."""
        text = "document.getElementById('message').textContent"
        self._wait(f"{text} !== '' && {text}.includes({part!r})", f"a message {part!r}")
        return self.tab.evaluate(text)

    def _wait(self, condition, what):
        # Not `wait_for_function`: it asks for eval, which the policy forbids.
        wait_for(lambda: self.tab.evaluate(condition), f"{what}; {self.faults}", WAIT // 1000)

    def wait_for_lesion(self):
        self.wait("state.opened && state.slice && state.lesion")

    def wait_for_state(self, name):
        self.wait(f"state.lesion?.state === '{name}'")

    def open(self, key):
        self.tab.locator("#rows .row", has_text=key).first.click()
        self.wait(f"state.lesion?.key === '{key}' && state.opened === '{key}'")

    def press(self, *keys):
        for key in keys:
            self.tab.keyboard.press(key)

    def drag(self, start, stop, view="whole"):
        """A drag between points of the image."""
        (x, y), (right, below) = self.screen(start, view), self.screen(stop, view)
        mouse = self.tab.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move((x + right) / 2, (y + below) / 2)
        mouse.move(right, below)
        mouse.up()

    def click(self, point, view="whole"):
        """A click on a point of the image."""
        self.tab.mouse.click(*self.screen(point, view))

    def double_click(self, point, view="whole"):
        """A double click on it."""
        self.tab.mouse.dblclick(*self.screen(point, view))

    def screen(self, point, view="whole"):
        """Where a point of the image is on the screen."""
        place = self.tab.evaluate(
            "([name, point]) => import('/page/main.js').then(({views}) =>"
            " views[name].toScreen(point))",
            [view, list(point)],
        )
        box = self.tab.locator(f"#{view}").bounding_box()
        return box["x"] + place[0], box["y"] + place[1]

    def rows(self):
        """{key: what the list says of it}."""
        texts = self.tab.locator("#rows .row").all_inner_texts()
        return {text.split("\n")[0]: text for text in texts}
