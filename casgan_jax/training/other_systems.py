"""Other trained systems that a config names: what it builds on, looks at or learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.configs.schema.tree import entries
from casgan_jax.errors import UserError
from casgan_jax.files import expand_user
from casgan_jax.workdir.config import read_config
from casgan_jax.workdir.weights import stage_weights


def config_of_other_system(config: SoftganConfig, role: str) -> SoftganConfig:
    """The config of the trained system that a config names as its prior or teacher.

    Raises:
      UserError: the folder holds no such run, or one for other patches.
    """
    workdir, _ = config.others[role]
    try:
        found = read_config(workdir)
    except UserError as error:
        raise error.within(role) from error
    if not isinstance(found, SoftganConfig):
        raise UserError(
            role,
            found=f"a run of {found.name!r} in {workdir}",
            expected="one of 'softgan'",
            remedy="name another folder",
        )
    theirs, ours = entries(found.data), entries(config.data)
    for field in ("patch", "scale"):
        if theirs[field] != ours[field]:
            raise UserError(
                role,
                found=f"data.{field}={theirs[field]} in {workdir}",
                expected=f"{ours[field]}",
                remedy=f"set `data.{field}={theirs[field]}`",
            )
    return found


def variables_of_other_systems(config: SoftganConfig, workdir: Path) -> dict[str, Any]:
    """The frozen variables of a stage, see `casgan_jax.systems.networks`.

    Args:
      config: resolved.
      workdir: of the run, where its own SRGAN is trained already.

    Raises:
      UserError: a system is not there, not finished, damaged or does not fit.
    """
    frozen: dict[str, Any] = {}
    if config.sr != "none":
        frozen["srgan"] = _super_resolution_variables(config, workdir)
    for role, (other, _) in config.others.items():
        try:
            weights = stage_weights(expand_user(other), "softgan")
        except UserError as error:
            raise error.within(role) from error
        frozen[role] = {"variables": weights.generator, "frozen": weights.frozen}
    return frozen


def _super_resolution_variables(config: SoftganConfig, workdir: Path) -> Any:
    """SRGAN's, of the run itself or of the one that `sr` names."""
    if config.sr == "train":
        return stage_weights(workdir, "srgan").generator
    source = expand_user(config.sr)
    found = read_config(source)
    is_cascade = isinstance(found, SoftganConfig)
    _check_srgan(config, found.srgan if is_cascade else found, source)
    if is_cascade and found.sr != "train":  # it has it from elsewhere, too
        return stage_weights(source, "softgan").frozen["srgan"]
    return stage_weights(source, "srgan").generator


def _check_srgan(config: SoftganConfig, found: SrganConfig, source: Path) -> None:
    theirs, ours = entries(found.model), entries(config.srgan.model)
    for field in ("features", "blocks", "residual_to_interpolation"):
        if theirs[field] != ours[field]:
            raise UserError(
                "sr",
                found=f"srgan.model.{field}={theirs[field]} in {source}",
                expected=f"{ours[field]}",
                remedy=f"set `srgan.model.{field}={theirs[field]}`",
            )
    if found.data.scale != config.data.scale:
        raise UserError(
            "sr",
            found=f"scale {found.data.scale} in {source}",
            expected=f"data.scale={config.data.scale}",
            remedy=f"set `data.scale={found.data.scale}`, or train another SRGAN",
        )
