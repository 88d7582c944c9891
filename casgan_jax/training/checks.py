"""Checks of a config before anything is trained or written: its values, then its data.

    check(config)

The first thing that is wrong raises a `UserError` of one line that names the field. Its values
alone are checked by `casgan_jax.configs.schema.checks`; whether they fit the data is asked in
`casgan_jax.training.data_checks`.

A label without a lesion is not wrong: its patch is trained as background, which every loss allows.
"""

from __future__ import annotations

import jax

from casgan_jax.configs.schema.checks import check_fields
from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import UserError, one_line
from casgan_jax.models.segmentor import build_segmentor
from casgan_jax.training.data_checks import check_data


def check(config: StageConfig) -> None:
    """Checks a config's values and whether they fit its data sets.

    Raises:
      UserError: something would not work; the line names the field or the file.
    """
    check_values(config)
    check_data(config)


def check_values(config: StageConfig) -> None:
    """Checks all fields, without a look at any file.

    Raises:
      UserError: a value is out of its range, fields contradict each other, or the network is none
        or sees no images of that size.
    """
    check_fields(config)
    if isinstance(config, SoftganConfig):
        _check_network(config)


def _check_network(config: SoftganConfig) -> None:
    """The network exists and takes images of the target's side."""
    side = config.data.patch * config.data.scale
    channels = 1 + (config.sr != "none") + bool(config.prior) + len(config.data.marks.kinds)
    network = build_segmentor(
        config.model, scale=config.data.scale, axis_name=None, dtype=config.dtype
    )
    condition = jax.ShapeDtypeStruct((1, side, side, channels), "float32")
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    try:
        output, _ = jax.eval_shape(
            lambda keys, x: network.init_with_output(keys, x, train=True), keys, condition
        )
    except ValueError as error:
        raise UserError(
            "model.network",
            found=(
                f"that {config.model.network} cannot see targets of {side} pixels a side "
                f"({one_line(error)})"
            ),
            expected="a side that it takes",
            remedy="set `data.patch=64`",
        ) from error
    if output.shape[-1] > 1 and config.loss.adversarial:
        raise UserError(
            "loss.adversarial",
            found=f"{config.loss.adversarial} for a network with {output.shape[-1]} outputs",
            expected="0",
            remedy="set `loss.adversarial=0`",
        )
