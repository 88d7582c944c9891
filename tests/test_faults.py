"""What `messages.txt` keeps: one line for every call, of tests that exist, without a place."""

import ast
import tempfile
from collections import Counter
from functools import cache

from casgan_jax.errors import UserError
from tests.faults import (
    MESSAGES,
    ROOT,
    entries,
    fault_of,
    owner,
    placeless,
    rewritten,
    without_causes,
)


def kept():
    return entries(MESSAGES.read_text("utf-8"))


@cache
def functions_of(file):
    """Names of the test functions of a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_entry_is_of_a_test_that_exists():
    for key, _ in kept():
        file, _, name = owner(key).partition("::")
        assert (ROOT / file).is_file(), key
        assert name.partition("[")[0] in functions_of(file), key


def test_entries_are_sorted_and_have_one_key_each():
    keys = [key for key, _ in kept()]
    assert keys == sorted(keys)
    assert [key for key, count in Counter(keys).items() if count > 1] == []


def test_the_folders_of_a_machine_are_replaced(tmp_path):
    with tempfile.TemporaryDirectory() as other:
        line = f"{tmp_path / 'a.png'}: found {other!r} and {ROOT / 'docs'}"
        assert placeless(line, tmp_path.parent) == "TMP/a.png: found 'TMP' and ROOT/docs"


def test_words_of_another_library_are_replaced():
    try:
        try:
            int("x")
        except ValueError as cause:
            raise UserError("a.csv", found=f"no number ({cause})", expected="one") from cause
    except UserError as error:
        assert without_causes(str(error), error) == "a.csv: found no number (CAUSE), expected one"


def test_a_run_rewrites_what_its_tests_were_told():
    old = {"a::x": "1", "a::x#2": "2", "a::failed": "3", "a::gone[0]": "4", "b::y": "5"}
    told = {"a::x": "6", "a::failed": "7"}
    found = rewritten(old, told, passed={"a::x"}, collected={"a::x", "a::failed"})
    assert found == {"a::x": "6", "a::failed": "3", "b::y": "5"}
    alone = rewritten(old, told, passed={"a::x"}, collected=set())
    assert "a::gone[0]" in alone and "a::x#2" not in alone


def test_a_fault_is_compared_with_the_kept_line():
    def fail(found):
        raise UserError("data.patch", found=found, expected="a power of two", remedy="set 64")

    assert fault_of(fail, "3").what == "data.patch"
    assert fault_of(fail, "5").found == "5"
    assert fault_of(fail, tempfile.gettempdir(), varies=True).remedy == "set 64"
