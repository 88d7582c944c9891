"""Level set driven by the soft mask of a trained network (Roy et al. 2019)."""

from __future__ import annotations

from casgan_jax.configs.families.classical import VARIANTS, classical
from casgan_jax.configs.schema.classical import ClassicalConfig

__all__ = ["VARIANTS", "get_config"]


def get_config(variant: str = "") -> ClassicalConfig:
    """The config of a variant (VARIANTS), which are all the same."""
    return classical("casgan_jax.classical.level_set.shape_driven_level_set")
