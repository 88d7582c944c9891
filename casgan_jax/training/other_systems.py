"""Other trained systems that a config names: what it builds on, looks at or learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.configs.schema.tree import entries
from casgan_jax.errors import UserError
from casgan_jax.files import expand_user
from casgan_jax.training.validation import worse_than_interpolation
from casgan_jax.workdir.config import read_config
from casgan_jax.workdir.layout import weights_folder
from casgan_jax.workdir.weights import read_facts, stage_weights


def config_of_other_system(config: SoftganConfig, role: str) -> SoftganConfig:
    """The config of the trained system that a config names as its prior or teacher.

    Raises:
      UserError: the folder holds no such run, or one for other patches or more slices.
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
    if found.data.neighbours > config.data.neighbours:
        raise UserError(
            role,
            found=f"data.neighbours={found.data.neighbours} in {workdir}",
            expected=f"at most {config.data.neighbours}, what this network sees itself",
            remedy=f"set `data.neighbours={found.data.neighbours}`",
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


def warnings_of_other_systems(config: SoftganConfig, workdir: Path) -> list[str]:
    """A line for each system that a stage builds on and that its own training has warned of.

    Args:
      config, workdir: as of `variables_of_other_systems`, which has found the systems good.
    """
    folders = {role: (expand_user(other), "softgan") for role, (other, _) in config.others.items()}
    if config.sr != "none":
        folders = {"sr": _source_of_sr(config, workdir)} | folders
    warnings = {role: _warning(weights_folder(*folder)) for role, folder in folders.items()}
    return [
        f"what it builds on by `{role}`, {folders[role][0]}, is {warning}"
        for role, warning in warnings.items()
        if warning
    ]


def _warning(folder: Path) -> str:
    facts = read_facts(folder)
    if facts["stage"] == "srgan":
        found = facts["validation"]
        return worse_than_interpolation(found["psnr"], found["bicubic_psnr"])
    return facts.get("warning", "")  # version 0.3 did not note it


def _super_resolution_variables(config: SoftganConfig, workdir: Path) -> Any:
    """SRGAN's, of the run itself or of the one that `sr` names."""
    source, stage = _source_of_sr(config, workdir)
    weights = stage_weights(source, stage)
    return weights.generator if stage == "srgan" else weights.frozen["srgan"]


def _source_of_sr(config: SoftganConfig, workdir: Path) -> tuple[Path, str]:
    """(workdir, stage) whose weights hold SRGAN's.

    Raises:
      UserError: the SRGAN does not fit.
    """
    if config.sr == "train":
        return workdir, "srgan"
    source = expand_user(config.sr)
    found = read_config(source)
    if isinstance(found, SoftganConfig):
        _check_srgan(config, found.srgan, source)
        # One that has it from elsewhere, too, keeps it among what it builds on.
        return source, "srgan" if found.sr == "train" else "softgan"
    assert isinstance(found, SrganConfig), "`read_config` refuses others"
    _check_srgan(config, found, source)
    return source, "srgan"


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
