"""The one line that bad input is told in."""

import re

import pytest

from casgan_jax.errors import UserError

LINE = re.compile(r".+: found .+, expected .+")
LINE_WITH_REMEDY = re.compile(r".+: found .+, expected .+; .+")


def line_of(function, *arguments, told_remedy=True, **options):
    """The one line that a call fails with."""
    with pytest.raises(UserError) as caught:
        function(*arguments, **options)
    line = str(caught.value)
    assert (LINE_WITH_REMEDY if told_remedy else LINE).fullmatch(line), line
    return line
