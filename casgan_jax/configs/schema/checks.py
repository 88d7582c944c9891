"""What is wrong with the values of a config, without a look at any file, network or data.

    check_fields(config)

The first thing that is wrong raises a `UserError` of one line that names the field. What one field
may be is in its setting; what several of them mean together follows.
"""

from __future__ import annotations

import math

from casgan_jax.configs.schema.kinds import Config, StageConfig, name_of
from casgan_jax.configs.schema.setting import MAX_SIDE
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.srgan import SR_SCALES, SrganConfig
from casgan_jax.configs.schema.tree import flat, flat_settings
from casgan_jax.errors import UserError

SSIM_WINDOW = 11  # pixels, dm_pix.ssim

_DISCRIMINATOR_HALVINGS = {"pixel": 2, "patch": 3}
_OTHER_CONFIGS = ("srgan", "prior_config", "teacher_config")  # fields that are configs themselves


def check_fields(config: Config) -> None:
    """Checks all fields.

    Raises:
      UserError: a value is out of its range, or fields contradict each other.
    """
    _check_each(config, "")
    if isinstance(config, StageConfig):
        _check_stage(config, "")
    if not config.data.dir:
        raise UserError(
            "data.dir",
            found="''",
            expected="the folder of a prepared data set",
            remedy="set `data.dir=data/phantom`",
        )
    if isinstance(config, SoftganConfig):
        _check_each(config.srgan, "srgan.")
        _check_stage(config.srgan, "srgan.")
        _check_halvings(config)
        _check_one_start(config)
        if config.sr != "none":
            _check_sr_side(config.srgan, config.data.scale, "srgan.")
    elif isinstance(config, SrganConfig):
        _check_sr_side(config, config.data.scale, "")


def _check_each(config: Config, section: str) -> None:
    """The name, and every field by itself."""
    name = name_of(config)
    if config.name != name:
        raise UserError(
            f"{section}name",
            found=f"{config.name!r}",
            expected=f"{name!r}",
            remedy="choose a config by `config`",
        )
    values = flat(config)
    for field, setting in flat_settings(config).items():
        if field.split(".")[0] not in _OTHER_CONFIGS and not setting.allows(values[field]):
            raise UserError(
                f"{section}{field}",
                found=f"{values[field]!r}",
                expected=setting.expected,
                remedy=f"set `{section}{field}={setting.example}`",
            )


def _check_stage(config: StageConfig, section: str) -> None:
    """What the losses and steps of one stage mean together.

    Args:
      config: of the stage.
      section: "" or "srgan.".
    """
    content = config.loss.content
    if not any(content.values()):
        raise UserError(
            f"{section}loss",
            found=f"no weight above 0 among {', '.join(content)}",
            expected="at least one",
            remedy=f"set `{section}loss.mse=1`",
        )
    if config.data.cache == "device" and config.spmd == "pmap":
        raise UserError(
            f"{section}data.cache",
            found="'device' at spmd='pmap'",
            expected="auto, none or host with it",
            remedy=f"set `{section}data.cache=host`",
        )
    if not config.train.steps and not config.train.epochs:
        raise UserError(
            f"{section}train.steps",
            found="0 and train.epochs=0",
            expected="one of them above 0",
            remedy=f"set `{section}train.steps=10000`",
        )


def _check_one_start(config: SoftganConfig) -> None:
    """The network starts from one kind of weights."""
    encoder = config.model.options.get("encoder_weights")
    if config.init and encoder:
        raise UserError(
            "init",
            found=f"{config.init!r} beside model.encoder_weights={encoder!r}",
            expected="one of them",
            remedy="leave `init` out",
        )


def _check_halvings(config: SoftganConfig) -> None:
    """The target's side can be halved as often as segmentor and discriminator do it."""
    patch, discriminator = config.data.patch, config.model.discriminator
    levels = config.model.options.get("levels")
    side = patch * config.data.scale
    if side > MAX_SIDE:
        raise UserError(
            "data.patch",
            found=f"{patch} at data.scale={config.data.scale}",
            expected=f"targets of at most {MAX_SIDE} pixels a side",
            remedy="set `data.patch=64`",
        )
    possible = (side & -side).bit_length() - 1
    needed = _DISCRIMINATOR_HALVINGS[discriminator]
    if possible < needed:
        raise UserError(
            "data.patch",
            found=f"{patch} at data.scale={config.data.scale}",
            expected=(
                f"a target side that is a multiple of {2**needed} for "
                f"model.discriminator={discriminator!r}"
            ),
            remedy="set `data.patch=64`",
        )
    if isinstance(levels, int) and possible < (levels or int(math.log2(side))):
        other = "" if levels else ", or 0 for a power of two"
        raise UserError(
            "model.levels",
            found=(
                f"{levels} for targets of {side} x {side} pixels (data.patch={patch} at "
                f"data.scale={config.data.scale})"
            ),
            expected=f"1 to {possible}{other}",
            remedy=f"set `model.levels={possible}`",
        )


def _check_sr_side(config: SrganConfig, scale: int, section: str) -> None:
    """SRGAN's scale exists, and its targets are not smaller than the window of SSIM."""
    if scale not in SR_SCALES:
        raise UserError(
            "data.scale",
            found=f"{scale}",
            expected=f"one of {', '.join(map(str, SR_SCALES))} for SRGAN",
            remedy=f"set `data.scale={SR_SCALES[0]}`",
        )
    if not SSIM_WINDOW <= scale * config.data.patch <= MAX_SIDE:
        raise UserError(
            f"{section}data.patch",
            found=f"{config.data.patch} at data.scale={scale}",
            expected=f"targets of {SSIM_WINDOW} to {MAX_SIDE} pixels a side",
            remedy=f"set `{section}data.patch=24`",
        )
