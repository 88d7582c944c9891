import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models import resnet
from casgan_jax.models.resnet import ResNet

pytestmark = pytest.mark.slow


def shapes(model, size, channels=3):
    x = jnp.zeros((1, size, size, channels))
    return jax.eval_shape(lambda: model.init_with_output(jax.random.key(0), x, train=False))


@pytest.mark.parametrize(
    ("depth", "classifier", "total"),
    [
        # torchvision's resnet34 and resnet50 as its documentation counts them, with a classifier.
        (34, 512 * 1000 + 1000, 21_797_672),
        (50, 2048 * 1000 + 1000, 25_557_032),
    ],
)
def test_has_the_parameters_of_torchvision(depth, classifier, total):
    _, variables = shapes(ResNet(depth), 64)
    count = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    assert count == total - classifier


def test_stages_of_both_output_strides():
    sides = {
        stride: [stage.shape[1:] for stage in shapes(ResNet(50, output_stride=stride), 64)[0]]
        for stride in (32, 16)
    }
    assert sides[32] == [(16, 16, 256), (8, 8, 512), (4, 4, 1024), (2, 2, 2048)]
    assert sides[16] == [*sides[32][:3], (4, 4, 2048)]


def test_dilation_fills_in_the_pixels_that_the_stride_leaves_out(monkeypatch):
    monkeypatch.setitem(resnet._BLOCKS, 34, (1, 1, 1, 2))
    x = jax.random.uniform(jax.random.key(0), (1, 64, 64, 1))
    strided, dilated = (ResNet(34, 4, output_stride=stride) for stride in (32, 16))
    rng = np.random.default_rng(0)
    variables = jax.tree.map(
        lambda leaf: rng.uniform(-0.2, 1, leaf.shape).astype(np.float32) ** 2,
        jax.eval_shape(lambda: strided.init(jax.random.key(1), x, train=False)),
    )
    coarse, fine = jax.jit(
        lambda x: [net.apply(variables, x, train=False)[-1] for net in (strided, dilated)]
    )(x)
    assert coarse.shape == (1, 2, 2, 32) and fine.shape == (1, 4, 4, 32)
    np.testing.assert_allclose(fine[:, ::2, ::2], coarse, rtol=1e-3)
    assert coarse.min() > 0 and coarse.std() > 0


@pytest.mark.parametrize(
    ("model", "size", "message"),
    [
        (ResNet(18), 64, "depth: found 18, expected one of"),
        (ResNet(output_stride=8), 64, "output_stride: found 8, expected one of"),
        (ResNet(), 48, "found 48 x 48 pixels, expected multiples of 32"),
    ],
)
def test_what_it_cannot_take_is_named(model, size, message):
    with pytest.raises(ValueError, match=message):
        shapes(model, size)
