"""Graph cut with the soft mask of a trained network as prior (Mukherjee et al. 2017)."""

from __future__ import annotations

from casgan_jax.configs.families.classical import VARIANTS, classical
from casgan_jax.configs.schema.classical import ClassicalConfig

__all__ = ["VARIANTS", "get_config"]


def get_config(variant: str = "") -> ClassicalConfig:
    """The config of a variant (VARIANTS), which are all the same."""
    return classical("casgan_jax.classical.deep_prior.deep_prior_cut")
