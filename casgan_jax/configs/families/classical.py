"""The config of a method without a network to train, see `casgan_jax.classical.method`."""

from __future__ import annotations

from ml_collections import ConfigDict

from casgan_jax.classical.method import find_method, parameters_of

VARIANTS = {
    "": "on native pixels; nothing is trained (a CPU core)",
    "cpu": "the same",
    "quick": "the same",
}


def classical(method: str) -> ConfigDict:
    """A config that measures a method with the parameters that are its defaults.

    Args:
      method: MODULE.FUNCTION.
    """
    return ConfigDict(
        dict(
            name="classical",
            seed=0,  # of an experiment's row; methods draw nothing
            method=method,
            # Workdir of the trained network whose soft mask is refined, which must stay where it
            # is; "" for a method that sees the patch alone.
            prior="",
            data=dict(
                dir="data/phantom",
                test_dir="",  # another data set, whose test split is measured
                patch=64,
                scale=1,  # pixels of the mask along a native one, as those of networks beside it
            ),
            parameters=parameters_of(find_method(method)),
        )
    )
