"""SRGAN: super-resolution of native patches, the first stage of the cascade."""

from __future__ import annotations

from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.configs.schema.tree import replaced

VARIANTS = {
    "": "64 features, 5 blocks, x4; losses of the paper, Adam 1e-4 (one GPU)",
    "paper": "as the paper trains it: Adam 0.01, 40 epochs",
    "cpu": "16 features, 3 blocks, x2, on top of bicubic interpolation, without VGG19 (2 cores)",
    "quick": "the same, a few hundred steps on the phantoms",
}


def get_config(variant: str = "") -> SrganConfig:
    """The config of a variant (VARIANTS)."""
    config = SrganConfig()
    if variant == "paper":
        config = replaced(config, optim=dict(lr=0.01, schedule="constant", warmup_steps=0))
    if variant in ("cpu", "quick"):
        config = replaced(
            config,
            data=dict(patch=32, scale=2),
            model=dict(
                features=16,
                blocks=3,
                residual_to_interpolation=True,
                discriminator_features=16,
            ),
            loss=dict(perceptual=0.0),
            optim=dict(lr=1e-3, batch_size=8),
            train=dict(steps=1000),
        )
    if variant == "quick":
        config = replaced(
            config,
            optim=dict(batch_size=4, warmup_steps=20),
            train=dict(steps=150, evaluate_every=150, validation_records=24),
        )
    return config
