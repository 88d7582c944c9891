"""Level set driven by the soft mask of a trained network (Roy et al. 2019)."""

from __future__ import annotations

from ml_collections import ConfigDict

from casgan_jax.configs.families.classical import VARIANTS, classical

__all__ = ["VARIANTS", "get_config"]


def get_config(variant: str = "") -> ConfigDict:
    """The config of a variant (VARIANTS), which are all the same."""
    return classical("casgan_jax.classical.level_set.shape_driven_level_set")
