"""CF-CNN (Wang et al. 2017) on the enlarged patch, learning the binary label."""

from __future__ import annotations

from casgan_jax.configs.families.baseline import VARIANTS, baseline
from casgan_jax.configs.schema.softgan import SoftganConfig

__all__ = ["VARIANTS", "get_config"]


def get_config(variant: str = "") -> SoftganConfig:
    """The config of a variant (VARIANTS)."""
    return baseline(
        variant,
        "casgan_jax.models.cf_cnn.CFCNN",
        features=36,
        stride=16,  # of training: 8 takes 9.5 GB at a batch of 8
        predict_stride=4,  # every native pixel at full size, every second one of `cpu` and `quick`
    )
