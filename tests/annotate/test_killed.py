"""Killed at random moments while several browsers work, a server has all that it confirmed."""

import random

import pytest

from tests.annotate import places

pytest.importorskip("uvicorn")
from tests.annotate.killed import kill_once

pytestmark = pytest.mark.slow


def test_everything_that_was_confirmed_is_there(tmp_path):
    images, draw = places.write_images(tmp_path / "images", 3), random.Random(0)
    confirmed = [kill_once(images, tmp_path / "out", draw) for _ in range(3)]
    assert sum(confirmed) > 0
