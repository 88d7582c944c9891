"""Graph cut (Boykov, Jolly 2001) from a click in the middle of the patch."""

from __future__ import annotations

from casgan_jax.configs.families.classical import VARIANTS, classical
from casgan_jax.configs.schema.classical import ClassicalConfig

__all__ = ["VARIANTS", "get_config"]


def get_config(variant: str = "") -> ClassicalConfig:
    """The config of a variant (VARIANTS), which are all the same."""
    return classical("casgan_jax.classical.graph_cut.click_cut")
