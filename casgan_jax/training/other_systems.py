"""Other trained systems that a config names: what it builds on, looks at or learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError
from casgan_jax.files import expand_user
from casgan_jax.training.restore import ROLES
from casgan_jax.workdir.config import read_config
from casgan_jax.workdir.weights import stage_weights


def config_of_other_system(config: Any, role: str) -> Any:
    """The config of the trained system that a config names as its prior or teacher.

    Raises:
      UserError: the folder holds no such run, or one for other patches.
    """
    try:
        found = read_config(config[role])
    except UserError as error:
        raise error.within(role) from error
    if found.name != "softgan":
        raise UserError(
            role,
            found=f"a run of {found.name!r} in {config[role]}",
            expected="one of 'softgan'",
            remedy="name another folder",
        )
    for field in ("patch", "scale"):
        if found.data[field] != config.data[field]:
            raise UserError(
                role,
                found=f"data.{field}={found.data[field]} in {config[role]}",
                expected=f"{config.data[field]}",
                remedy=f"set `data.{field}={found.data[field]}`",
            )
    return found


def variables_of_other_systems(config: Any, workdir: Path) -> dict[str, Any]:
    """The frozen variables of a stage, see `casgan_jax.systems.networks`.

    Args:
      config: the stage's, resolved.
      workdir: of the run, where its own SRGAN is trained already.

    Raises:
      UserError: a system is not there, not finished, damaged or does not fit.
    """
    frozen: dict[str, Any] = {}
    if config.name == "softgan" and config.sr != "none":
        frozen["srgan"] = _super_resolution_variables(config, workdir)
    for role in ROLES:
        if config.get(role):
            try:
                weights = stage_weights(expand_user(config[role]), "softgan")
            except UserError as error:
                raise error.within(role) from error
            frozen[role] = {"variables": weights.generator, "frozen": weights.frozen}
    return frozen


def _super_resolution_variables(config: Any, workdir: Path) -> Any:
    """SRGAN's, of the run itself or of the one that `sr` names."""
    if config.sr == "train":
        return stage_weights(workdir, "srgan").generator
    source = expand_user(config.sr)
    found = read_config(source)
    _check_srgan(config, found.srgan if found.name == "softgan" else found, source)
    if found.name == "softgan" and found.sr != "train":  # it has it from elsewhere, too
        return stage_weights(source, "softgan").frozen["srgan"]
    return stage_weights(source, "srgan").generator


def _check_srgan(config: Any, found: Any, source: Path) -> None:
    for field in ("features", "blocks", "residual_to_interpolation"):
        if found.model[field] != config.srgan.model[field]:
            raise UserError(
                "sr",
                found=f"srgan.model.{field}={found.model[field]} in {source}",
                expected=f"{config.srgan.model[field]}",
                remedy=f"set `srgan.model.{field}={found.model[field]}`",
            )
    if found.data.scale != config.data.scale:
        raise UserError(
            "sr",
            found=f"scale {found.data.scale} in {source}",
            expected=f"data.scale={config.data.scale}",
            remedy=f"set `data.scale={found.data.scale}`, or train another SRGAN",
        )
