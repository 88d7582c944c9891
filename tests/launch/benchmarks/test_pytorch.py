"""The PyTorch networks of the benchmark are the Flax ones: weights, outputs, losses, updates."""

import dataclasses

import jax
import numpy as np
import pytest

from casgan_jax.configs.schema.tree import replaced
from casgan_jax.models.discriminators import PixelDiscriminator
from casgan_jax.models.native_unet import NativeUNet
from casgan_jax.models.srgan import SRDiscriminator, SRGenerator
from casgan_jax.models.unet import UNet
from launch.benchmarks import train

torch = pytest.importorskip("torch")
from launch.benchmarks.pytorch import networks  # noqa: E402

torch.set_num_threads(1)  # threads that wait for each other on busy cores take minutes

RNG = np.random.default_rng(0)


def images(channels, side=16):
    return RNG.random((2, side, side, channels), np.float32)


def nchw(x):
    return torch.tensor(x.transpose(0, 3, 1, 2))


def pairs():
    """Flax module, its inputs, PyTorch module; SRGAN's discriminator ignores the condition."""
    condition, candidate = images(2), images(1)
    return {
        "unet": (UNet(4, dropout=0.0), (condition,), networks.UNet(2, 4, 4, 0.0)),
        "native": (NativeUNet(4, 2, scale=2), (images(1),), networks.NativeUNet(4, 2, 8, 2)),
        "pixel": (
            PixelDiscriminator(4),
            (condition, candidate),
            networks.PixelDiscriminator(2, 4),
        ),
        "srgan": (SRGenerator(8, 2, 4), (images(1, 6),), networks.SRGenerator(8, 2, 4)),
        "judge": (SRDiscriminator(4), (condition, candidate), networks.SRDiscriminator(4)),
    }


@pytest.mark.parametrize("name", ["unet", "native", "pixel", "srgan", "judge"])
@pytest.mark.parametrize("training", [True, False])
def test_networks_compute_the_same_functions(name, training):
    module, inputs, theirs = pairs()[name]
    variables = jax.jit(lambda: module.init(jax.random.key(0), *inputs, train=False))()
    # Blocks that start as the identity would hide what is in them.
    variables = jax.tree.map(
        lambda leaf: leaf + 0.1 * RNG.random(leaf.shape, np.float32), variables
    )
    networks.load_flax(theirs, variables)
    theirs.train(training)

    @jax.jit
    def apply(variables):
        mutable = ["batch_stats"] if training else []
        return module.apply(variables, *inputs, train=training, mutable=mutable)[0]

    with torch.no_grad():
        found = theirs(*map(nchw, inputs)).numpy()
    expected = np.asarray(apply(variables))
    expected = expected.transpose(0, 3, 1, 2) if expected.ndim == 4 else expected
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    ours = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert ours == sum(parameter.numel() for parameter in theirs.parameters())


@pytest.mark.parametrize("index", [0, 2, 3])
def test_steps_have_the_same_losses(index):
    case = dataclasses.replace(train.cases("float32")[index], batch_size=2)
    small = dict(features=4, discriminator_features=4)
    small |= dict(dropout=0.0) if case.config.name == "softgan" else dict(blocks=1)
    patch = 16 if "marked" in case.name else 8
    config = replaced(case.config, data=dict(patch=patch, scale=2), model=small)
    case = dataclasses.replace(case, config=config)
    ours, theirs = train.jax_side(case), train.torch_side(case)
    # PyTorch's side has taken one step, in which its operations were counted.
    ours.step()
    for _ in range(2):
        found, expected = theirs.step(), ours.step()
        assert set(found) == set(expected)
        for name in expected:
            assert found[name].item() == pytest.approx(float(expected[name]), rel=2e-3), name
    assert theirs.facts["model_flops"] > 0
