"""The config of a method without a network to train, see `casgan_jax.configs.families.method`."""

from __future__ import annotations

from casgan_jax.configs.families.method import find_method, parameters_of
from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.setting import Options

VARIANTS = {
    "": "on native pixels; nothing is trained (a CPU core)",
    "cpu": "the same",
    "quick": "the same",
}


def classical(method: str) -> ClassicalConfig:
    """A config that measures a method with the parameters that are its defaults.

    Args:
      method: MODULE.FUNCTION.
    """
    parameters = Options(**parameters_of(find_method(method)))
    return ClassicalConfig(method=method, parameters=parameters)
