"""The names of the package itself: all there, imported when they are used, used as docs say."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import casgan_jax
from casgan_jax.soft_mask.recist import measure_axes

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "library.md").read_text(), re.S)


@pytest.mark.parametrize("name", casgan_jax.__all__)
def test_every_name_is_there(name):
    thing = getattr(casgan_jax, name)
    assert thing.__module__.startswith("casgan_jax.") and thing.__doc__
    assert name in dir(casgan_jax)


def test_the_package_is_imported_without_what_is_behind_its_names():
    code = "import sys, casgan_jax; print({'jax', 'numpy', 'cv2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_what_there_is_not_is_told():
    with pytest.raises(AttributeError, match="No casgan_jax attribute nothing"):
        _ = casgan_jax.nothing


@pytest.fixture
def names():
    """What the examples of docs/library.md are given: a ball in air, on the slices of a series."""
    z, y, x = np.mgrid[:21, :400, :400]
    ball = np.sqrt((3.0 * (z - 12)) ** 2 + (y - 305) ** 2 + (x - 212) ** 2) - 12
    volume = (-850 + 890 / (1 + np.exp(ball))).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 15, volume.shape)
    volume += noise.astype(np.float32)
    masks = np.stack([ball[12] < 0, ball[12] < 1, ball[12] < -1], axis=-1)
    return {
        "values": volume[12],
        "image": ((volume[12] + 1000) / 1400).clip(0, 1),
        "recist": measure_axes(ball[12] < 0, 0.5),
        "reader_masks": masks,
        "other_mask": ball[12] < 0,
        "other_alpha": 1 / (1 + np.exp(ball[12])),
        "volume": volume,
        "spacing_mm": (3.0, 1.0, 1.0),
    }


@pytest.mark.slow
def test_the_examples_of_the_docs_do_what_they_say(names):
    for block in BLOCKS:
        exec(compile(block, "docs/library.md", "exec"), names)
    assert names["label"].alpha.shape == (1600, 1600)
    assert casgan_jax.dice(names["mask"], names["other_mask"]) > 0.9
    assert names["measures"].volume_mm3 == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.2)
