"""Copies of configs with other values, and what ranges and options are."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.setting import Interval, Options, Span
from casgan_jax.configs.schema.softgan import with_own_srgan
from casgan_jax.configs.schema.tree import replaced


def test_a_copy_has_other_values_and_the_config_keeps_its_own():
    config = load_config("softgan", [])
    changed = replaced(config, sr="none", data=dict(scale=2), model=dict(levels=3, own="x"))
    assert (changed.sr, changed.data.scale, changed.data.patch) == ("none", 2, 64)
    assert dict(changed.model.options) == {"levels": 3, "dropout": 0.5, "own": "x"}
    assert (config.sr, config.data.scale) == ("train", 4)
    assert dict(config.model.options) == {"levels": 0, "dropout": 0.5}
    with pytest.raises(TypeError, match="lrr"):
        replaced(config, optim=dict(lrr=1.0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 3


def test_srgan_follows_the_cascade():
    config = replaced(load_config("softgan:cpu", []), dtype="bfloat16", data=dict(dir="data/x"))
    first = with_own_srgan(config).srgan
    assert (first.dtype, first.data.dir, first.data.scale) == ("bfloat16", "data/x", 2)
    own = replaced(config, srgan=dict(data=dict(dir="data/y")))
    assert with_own_srgan(own).srgan.data.dir == "data/y"


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (Interval("[0, 1)"), (0, 0.5, -0.0), (1, -1e-9, np.nan, np.inf)),
        (Interval("(0, inf)"), (1e-300, 1), (0, np.inf, np.nan)),
        (Interval("[0, 4294967295]"), (0, 2**32 - 1), (2**32, 10**400, -1)),
        (Span(2, 10), (2, 10), (1, 11)),
        (Span(18), (18, 10**400), (17, -1)),
    ],
)
def test_ranges(allowed, inside, outside):
    assert all(value in allowed for value in inside)
    assert not any(value in allowed for value in outside)


def test_options_are_equal_by_their_values():
    one, other = Options(a=1, b="x"), Options(b="x", a=1)
    assert one == other and hash(one) == hash(other) and one != Options(a=1)
    assert repr(one) == "Options(a=1, b='x')"
    with pytest.raises(TypeError):
        one["a"] = 2
