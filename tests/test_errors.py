"""Words that lines are made of."""

import pytest

from casgan_jax.errors import counted


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 readers"), (1, "1 reader"), (2, "2 readers"), (2400, "2,400 readers")],
)
def test_a_number_has_its_plural(count, words):
    assert counted(count, "reader") == words
