"""The one line that bad input is told in, and the file that keeps this line for every test."""

import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from casgan_jax.errors import UserError, one_line
from tests.shared_data import ROOT as SHARED

LINE = re.compile(r".+: found .+, expected .+")
LINE_WITH_REMEDY = re.compile(r".+: found .+, expected .+; .+")
# The test's function, its case, the number of the call in the test, and the line.
ENTRY = re.compile(r"([^\[ ]+?(?:\[.*?\])?(?:#\d+)?): (.+)")
ROOT = Path(__file__).parents[1]
MESSAGES = Path(__file__).with_name("messages.txt")


def fault_of(function, *arguments, told_remedy=True, in_form=True, varies=False, **options):
    """The error that a call fails with; its line is the one that `messages.txt` keeps.

    told_remedy: whether the line must end with a remedy.
    in_form: whether the line must say what was found and what is expected.
    varies: whether the line may differ between machines or runs (words of the system, a port, what
      is installed). It is checked for its form alone.
    """
    with pytest.raises(UserError) as caught:
        function(*arguments, **options)
    line = str(caught.value)
    assert "\n" not in line
    if in_form:
        assert (LINE_WITH_REMEDY if told_remedy else LINE).fullmatch(line), line
    messages.check(without_causes(line, caught.value), varies)
    return caught.value


class Messages:
    """The kept lines, and those of the tests that run.

    Attributes:
      temporary: folder of the temporary folders of this run.
      update: whether the file is rewritten, and nothing compared.
      collected: ids of the tests that were found.
      passed: ids of the tests that have passed.
    """

    def __init__(self):
        self.temporary = Path(tempfile.gettempdir())
        self.update = False
        self.collected, self.passed = set(), set()
        self._kept = dict(entries(MESSAGES.read_text("utf-8"))) if MESSAGES.exists() else {}
        self._told, self._calls = {}, Counter()

    def check(self, line, varies):
        """Compares the line of the running test's next call with the kept one."""
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        assert "]: " not in test, f"{test}: `]: ` ends the key of an entry; name the case otherwise"
        self._calls[test] += 1
        if varies:
            return
        key = test if self._calls[test] == 1 else f"{test}#{self._calls[test]}"
        line = placeless(line, self.temporary)
        self._told[key] = line
        if not self.update and self._kept.get(key) != line:
            pytest.fail(
                f"{key}\n  kept: {self._kept.get(key, 'nothing')}\n  told: {line}\n"
                "`python -m pytest --update-messages` and this test rewrites what is kept."
            )

    def write(self):
        """Rewrites the lines of the tests that have passed, and keeps those of others."""
        kept = rewritten(self._kept, self._told, self.passed, self.collected)
        text = "".join(f"{key}: {line}\n" for key, line in sorted(kept.items()))
        MESSAGES.write_text(text, "utf-8")


def owner(key):
    """Id of the test that an entry belongs to: its key without the number of the call."""
    return re.sub(r"#\d+$", "", key)


def entries(text):
    """(key, line) of every entry of the file."""
    return [ENTRY.fullmatch(entry).groups() for entry in text.split("\n") if entry]


def rewritten(kept, told, passed, collected):
    """The entries after a run: {key: line}.

    Those of tests that have passed are told anew. Those of a file's tests that are gone go, where
    the file's tests were collected; all others stay.
    """
    files = {test.partition("::")[0] for test in collected}

    def stays(key):
        gone = key.partition("::")[0] in files and owner(key) not in collected
        return not gone and owner(key) not in passed

    told = {key: line for key, line in told.items() if owner(key) in passed}
    return {key: line for key, line in kept.items() if stays(key)} | told


def without_causes(line, error):
    """A line without another library's words, CAUSE, which its next version may choose anew."""
    cause = error.__cause__ or error.__context__
    while cause is not None:
        if not isinstance(cause, UserError):
            words = one_line(cause)
            line = line.replace(f"({words})", "(CAUSE)").replace(f"found {words}", "found CAUSE")
        cause = cause.__cause__ or cause.__context__
    return line


def placeless(line, temporary):
    """A line without the folders of this machine.

    TMP is a temporary folder, ROOT the checkout, SHARED the folder of real images.
    """
    below = r"(/[\w-]+)?"  # its name has a number that is another in every run
    words = {
        str(temporary): ("TMP", below),
        tempfile.gettempdir(): ("TMP", below),
        str(ROOT): ("ROOT", ""),
        str(SHARED): ("SHARED", ""),
    }
    for place in sorted(words, key=len, reverse=True):  # one may be within another
        word, rest = words[place]
        line = re.sub(re.escape(place) + rest, word, line)
    return line


messages = Messages()
