"""The segmentation system of a workdir, whatever made it: a trained cascade or a classical method.

system = load_system("runs/softgan-quick")
out = system(patches)  # (N, 64, 64) in [0, 1] -> {"super_resolution": ..., "alpha": ...}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from casgan_jax.classical.system import ClassicalSystem, check_values
from casgan_jax.errors import Step, UserError
from casgan_jax.files import expand_user, read_json
from casgan_jax.systems.cascade import Cascade
from casgan_jax.workdir.config import TRAINED, read_config


def load_system(workdir: str | Path, *, batch_size: int = 16) -> Cascade | ClassicalSystem:
    """The system that a run left in its workdir.

    Args:
      workdir: of a finished training.
      batch_size: patches that a network sees at once.

    Raises:
      UserError: no run in the folder, one that segments nothing, or one that has not finished.
    """
    config = read_config(workdir, names=(*TRAINED, "classical"))
    if config.name == "classical":
        return classical_system(config)
    return load_cascade(workdir, batch_size=batch_size)


def load_cascade(workdir: str | Path, *, batch_size: int = 16) -> Cascade:
    """The best checkpoint of a trained cascade, with the threshold chosen on validation.

    Raises:
      UserError: no run in the folder, a run of SRGAN alone, or one whose training has not finished.
    """
    from casgan_jax.training.restore import restore_generator

    workdir = expand_user(workdir)
    config = read_config(workdir)
    if config.name != "softgan":
        raise UserError(
            "workdir",
            found=f"a run of {config.name!r} in {workdir}",
            expected="one of 'softgan'",
        )
    result = workdir / "softgan" / "result.json"
    if not result.is_file():
        raise UserError(
            "workdir",
            found=f"no finished training in {workdir}",
            expected="softgan/result.json",
            remedy="finish it by the command that began it",
            step=Step("train", {"workdir": str(workdir)}),
        )
    remedy = "remove it and run the training's command again"
    threshold = read_json(result, remedy=remedy).get("threshold")
    if not isinstance(threshold, float):
        raise UserError(
            result,
            found=f"threshold {threshold!r}",
            expected="a number",
            remedy=f"{remedy}",
        )
    variables, frozen = restore_generator(config, workdir)
    return Cascade(config, variables, frozen, threshold=threshold, batch_size=batch_size)


def classical_system(config: Any) -> ClassicalSystem:
    """The system that a `classical` config describes.

    Raises:
      UserError: a field of the config is wrong, or the prior is missing, no trained network, or one
        of another patch.
    """
    check_values(config)
    return ClassicalSystem(config, _load_prior(config) if config.prior else None)


def _load_prior(config: Any) -> Cascade:
    try:
        found = read_config(config.prior)
        if found.data.patch != config.data.patch:
            raise UserError(
                "",
                found=f"data.patch={found.data.patch} in {config.prior}",
                expected=f"{config.data.patch}",
                remedy=f"set `data.patch={found.data.patch}`",
            )
        return load_cascade(config.prior)
    except UserError as error:
        raise error.within("prior") from error
