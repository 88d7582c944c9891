"""Smooth against spiculated lesions, told apart by radiomics features (paper 4.3, table 5)."""

from __future__ import annotations

from casgan_jax.configs.schema.radiomics import RadiomicsConfig
from casgan_jax.configs.schema.tree import replaced

VARIANTS = {
    "": "30 lesions a class, 10 repetitions of 5-fold cross-validation (minutes on a CPU)",
    "quick": "18 phantoms a class, one repetition (a minute on a CPU)",
}


def get_config(variant: str = "") -> RadiomicsConfig:
    """The config of a variant (VARIANTS)."""
    config = RadiomicsConfig()
    if variant == "quick":
        config = replaced(config, data=dict(dir="data/phantom/quick"), per_class=18, repetitions=1)
    return config
