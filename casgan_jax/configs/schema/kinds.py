"""All kinds of configs, by the name that each has."""

from __future__ import annotations

from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.radiomics import RadiomicsConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.srgan import SrganConfig

StageConfig = SrganConfig | SoftganConfig
Config = SrganConfig | SoftganConfig | ClassicalConfig | RadiomicsConfig

KINDS: dict[str, type[Config]] = {
    "srgan": SrganConfig,
    "softgan": SoftganConfig,
    "classical": ClassicalConfig,
    "radiomics": RadiomicsConfig,
}


def name_of(config: Config) -> str:
    """The name that configs of this kind have."""
    return next(name for name, kind in KINDS.items() if isinstance(config, kind))
