"""A few hundred of the damaged files of `tests.fuzz_files`."""

import pytest

from tests.fuzz_files import fuzz

pytestmark = pytest.mark.slow


def test_damaged_files_are_read_or_told_in_one_line():
    told, failures = fuzz(360, seed=1, seconds=300)
    assert not failures, "\n".join(failures)
    assert sum(told.values()) == 360
    assert {name.split()[1] for name in told} == {"read", "told", "labelled"}
