"""DeepLabv3+ (Chen et al. 2018) on the enlarged patch, learning the binary label."""

from __future__ import annotations

from casgan_jax.configs.families.baseline import VARIANTS, baseline
from casgan_jax.configs.schema.softgan import SoftganConfig

__all__ = ["VARIANTS", "get_config"]


def get_config(variant: str = "") -> SoftganConfig:
    """The config of a variant (VARIANTS)."""
    return baseline(variant, "casgan_jax.models.deeplab.DeepLab", encoder_weights="")
