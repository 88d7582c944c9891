"""What is said of networks that have gone astray: in a validation, in the end, and before another
network is built on them."""

import json

import jax
import numpy as np
import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.systems.networks import super_resolver
from casgan_jax.training.loop import train
from casgan_jax.training.other_systems import warnings_of_other_systems
from casgan_jax.training.validation import _collapse, srgan_validation, worse_than_interpolation
from casgan_jax.workdir.weights import weights_folder, write_weights
from tests.faults import fault_of
from tests.training.test_loop import TINY_SR, tiny_config


@pytest.mark.parametrize(
    ("shares", "dice", "found"),
    [
        ([0.0, 0.0], 0.0, "is empty"),
        ([1.0, 1.0], 0.06, "is full"),
        ([0.1, 0.5], 0.04, "is beside its lesion"),
    ],
)
def test_masks_that_are_no_use_are_a_collapse(shares, dice, found):
    assert found in _collapse(shares, dice)


@pytest.mark.parametrize(("shares", "dice"), [([0.0, 0.1], 0.3), ([0.0, 0.0], 0.9)])
def test_masks_that_meet_their_lesions_are_none(shares, dice):
    assert _collapse(shares, dice) == ""


def test_srgan_below_interpolation_is_told():
    assert worse_than_interpolation(45.6, 45.6) == ""
    line = worse_than_interpolation(4.1, 45.6)
    assert "PSNR is 4.1, that of bicubic interpolation 45.6" in line and "`sr=none`" in line


@pytest.fixture(scope="module")
def srgan(discs):
    """(validation, variables) of a generator that enlarges by interpolation."""
    fields = {name.removeprefix("srgan."): value for name, value in TINY_SR.items()}
    config = load_config("srgan:quick", list((fields | {"data.dir": str(discs)}).items()))
    patch = np.zeros((1, 8, 8, 1), np.float32)
    variables = super_resolver(config).init(jax.random.key(0), patch, train=False)
    return srgan_validation(config, {}, limit=2), variables


@pytest.mark.slow
def test_a_validation_of_srgan_warns_and_names_weights_that_cannot_be_used(srgan):
    validate, variables = srgan
    astray = jax.tree.map(lambda leaf: leaf + 1.0, variables)
    assert "worse than interpolation" in validate(astray).warning
    error = fault_of(validate, jax.tree.map(lambda leaf: leaf * np.float32(np.nan), variables))
    assert error.what == "weights"


@pytest.mark.parametrize(("psnr", "lines"), [(4.1, 1), (46.0, 0)])
def test_a_cascade_knows_what_its_srgan_is(discs, tmp_path, psnr, lines):
    # As version 0.3 left it, without a warning of its own.
    folder = weights_folder(tmp_path, "srgan")
    folder.parent.mkdir()
    figures = {"psnr": psnr, "bicubic_psnr": 45.6}
    write_weights(folder, {}, {}, {"stage": "srgan", "validation": figures})
    found = warnings_of_other_systems(tiny_config("softgan:quick", discs), tmp_path)
    assert len(found) == lines
    assert all("what it builds on by `sr`" in line and "worse than" in line for line in found)


@pytest.mark.slow
def test_a_cascade_on_an_srgan_that_went_astray_says_so(discs, tmp_path, capsys):
    fields = dict(srgan__optim__lr=1, srgan__optim__warmup_steps=0, train__steps=1)
    result = train(tiny_config("softgan:quick", discs, **fields), tmp_path)
    of_srgan = json.loads((tmp_path / "srgan" / "result.json").read_text())
    assert of_srgan["warning"].startswith("worse than interpolation: SRGAN's PSNR")
    assert f"what it builds on by `sr`, {tmp_path}, is worse than interpolation" in result.warning
    told = "".join(capsys.readouterr())
    assert "srgan 2: worse than interpolation" in told
    assert "softgan: what it builds on by `sr`" in told
