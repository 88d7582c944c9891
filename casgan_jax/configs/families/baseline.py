"""The config of a network that the paper compares with: the segmentor's stage without SR and GAN.

A baseline learns the binary label with the same content losses, optimiser, augmentation, batch and
number of steps as the cascade's second stage, so that a comparison is of networks.
"""

from __future__ import annotations

from casgan_jax.configs import softgan
from casgan_jax.configs.schema.setting import Options, Value
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.errors import UserError

VARIANTS = {
    "": "original widths on patches enlarged to 256 px (one GPU)",
    "cpu": "a quarter of the widths, 128 px (2 CPU cores)",
    "quick": "an eighth of the widths on the embedded phantoms, a few hundred steps",
}


def baseline(variant: str, network: str, *, features: int = 64, **options: Value) -> SoftganConfig:
    """A config that trains a network alone.

    Args:
      variant: one of VARIANTS.
      network: MODULE.CLASS, see `casgan_jax.models.segmentor`.
      features: the network's width in its paper; `cpu` takes a quarter of it, `quick` an eighth.
      **options: other fields of the section `model`, attributes of the network. One with a ResNet
        named `encoder` has encoder_weights="": random ones at first, or those of a FILE or of
        hf://OWNER/NAME, in which {depth} stands for the ResNet's depth.

    Raises:
      UserError: nothing is left of the width.
    """
    share = {"": 1, "cpu": 4, "quick": 8}[variant]
    width = features // share
    if not width:
        raise UserError(
            "features",
            found=f"{features}",
            expected=f"at least {share}, as the variant {variant!r} takes 1/{share} of it",
        )
    config = softgan.get_config(variant)
    return replaced(
        config,
        sr="none",
        data=dict(label="binary"),
        model=dict(network=network, features=width, options=Options(), **options),
        loss=dict(adversarial=0.0),
    )
