"""The config of a network that the paper compares with: the segmentor's stage without SR and GAN.

A baseline learns the binary label with the same content losses, optimiser, augmentation, batch and
number of steps as the cascade's second stage, so that a comparison is of networks.
"""

from __future__ import annotations

from typing import Any

from ml_collections import ConfigDict

from casgan_jax.configs import softgan

VARIANTS = {
    "": "original widths on patches enlarged to 256 px (one GPU)",
    "cpu": "a quarter of the widths, 128 px (2 CPU cores)",
    "quick": "an eighth of the widths on the embedded phantoms, a few hundred steps",
}


def baseline(variant: str, network: str, *, features: int = 64, **model: Any) -> ConfigDict:
    """A config that trains a network alone.

    Args:
      variant: one of VARIANTS.
      network: MODULE.CLASS, see `casgan_jax.models.segmentor`.
      features: the network's width in its paper.
      model: other fields of its section `model`. A network with a ResNet named `encoder` has
        encoder_weights="": random ones at first, or those of a FILE or of hf://OWNER/NAME, in which
        {depth} stands for the ResNet's depth.
    """
    config = softgan.get_config(variant)
    kept = ("initial_alpha", "discriminator", "discriminator_features")
    fields = {name: config.model[name] for name in kept}
    width = features // {"": 1, "cpu": 4, "quick": 8}[variant]
    config.model = ConfigDict({"network": network, "features": width, **fields, **model})
    config.sr = "none"
    config.data.label = "binary"
    config.loss.adversarial = 0.0
    return config
