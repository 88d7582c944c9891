"""Checks of a config before anything is trained or written: its values, then its data.

    check(config)

The first thing that is wrong raises a `UserError` of one line that names the field. What one field
may be is in RULES; what several of them mean together follows. Whether they fit the data is asked
in `casgan_jax.training.data_checks`.

A label without a lesion is not wrong: its patch is trained as background, which every loss allows.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax

from casgan_jax.data import CACHES, LABELS
from casgan_jax.errors import UserError, one_line
from casgan_jax.models.segmentor import build_segmentor
from casgan_jax.models.srgan import SCALES
from casgan_jax.training.data_checks import check_data
from casgan_jax.training.optimizers import SCHEDULES
from casgan_jax.training.parallel import SPMD
from casgan_jax.training.stages import DISCRIMINATORS

STEPS_LIMIT = 2**31 - 1  # the step is counted in int32
MAX_SIDE = 2**12  # of a patch or target, pixels: one more doubling and no device holds a batch
SSIM_WINDOW = 11  # pixels, dm_pix.ssim


class Rule(NamedTuple):
    """What one field of a stage's config may be.

    Attributes:
      field: dotted name without the stage's section.
      kind: int, float, bool or str.
      allowed: an interval in mathematical notation, or the choices; None: anything of the kind.
      example: a value that works, for the remedy.
    """

    field: str
    kind: type
    allowed: str | tuple[str, ...] | None
    example: Any


RULES = (
    Rule("seed", int, "[0, 4294967295]", 0),
    Rule("dtype", str, ("float32", "bfloat16", "float16"), "float32"),
    Rule("spmd", str, SPMD, "shard_map"),
    Rule("data.dir", str, None, "data/phantom"),
    Rule("data.test_dir", str, None, "data/lidc/500"),
    Rule("data.label", str, tuple(LABELS), "alpha"),
    Rule("data.patch", int, f"[1, {MAX_SIDE}]", 64),
    Rule("data.scale", int, "[1, 16]", 4),
    Rule("data.cache", str, CACHES, "auto"),
    Rule("data.workers", int, "[0, 256]", 0),
    Rule("data.augmentation.flip", bool, None, "true"),
    Rule("data.augmentation.rotation", float, "[0, 180]", 180),
    Rule("data.augmentation.zoom", float, "[0, 3]", 0.15),
    Rule("data.augmentation.shift", float, f"[0, {MAX_SIDE}]", 4),
    Rule("data.augmentation.elastic", float, f"[0, {MAX_SIDE}]", 10),
    Rule("data.augmentation.contrast", float, "[0, 3]", 0.2),
    Rule("data.augmentation.brightness", float, "[0, 1]", 0.1),
    Rule("data.augmentation.noise", float, "[0, 1]", 0.02),
    Rule("model.network", str, None, "casgan_jax.models.unet.UNet"),
    Rule("model.features", int, "[1, 4096]", 64),
    Rule("model.levels", int, "[0, 12]", 0),
    Rule("model.blocks", int, "[0, 1024]", 5),
    Rule("model.residual_to_interpolation", bool, None, "true"),
    Rule("model.encoder_weights", str, None, "hf://timm/resnet{depth}.tv_in1k"),
    Rule("model.dropout", float, "[0, 1)", 0.5),
    Rule("model.initial_alpha", float, "(0, 1)", 0.03),
    Rule("model.discriminator", str, tuple(DISCRIMINATORS), "pixel"),
    Rule("model.discriminator_features", int, "[1, 4096]", 64),
    Rule("loss.mse", float, "[0, inf)", 1),
    Rule("loss.l1", float, "[0, inf)", 0),
    Rule("loss.cross_entropy", float, "[0, inf)", 20),
    Rule("loss.soft_dice", float, "[0, inf)", 2),
    Rule("loss.adversarial", float, "[0, inf)", 0.1),
    Rule("loss.label_smoothing", float, "[0, 1]", 0.1),
    Rule("loss.distillation", float, "[0, 1]", 0.7),
    Rule("loss.perceptual", float, "[0, inf)", 0),
    Rule("loss.tv", float, "[0, inf)", 0),
    Rule("loss.vgg19", str, None, "hf://timm/vgg19.tv_in1k"),
    Rule("prior", str, None, "runs/softgan"),
    Rule("teacher", str, None, "runs/softgan"),
    Rule("optim.lr", float, "(0, inf)", 1e-3),
    Rule("optim.b1", float, "[0, 1)", 0.9),
    Rule("optim.schedule", str, SCHEDULES, "cosine"),
    Rule("optim.constant", float, "[0, 1]", 0.5),
    Rule("optim.warmup_steps", int, f"[0, {STEPS_LIMIT}]", 100),
    Rule("optim.clip", float, "[0, inf)", 0),
    Rule("optim.batch_size", int, "[1, 65536]", 8),
    Rule("optim.average", float, "[0, 1)", 0.999),
    Rule("train.epochs", float, "[0, 10000]", 70),
    Rule("train.steps", int, f"[0, {STEPS_LIMIT}]", 10000),
    Rule("train.log_every", int, f"[1, {STEPS_LIMIT}]", 20),
    Rule("train.evaluate_every", int, f"[1, {STEPS_LIMIT}]", 1000),
    Rule("train.checkpoint_every", int, f"[1, {STEPS_LIMIT}]", 500),
    Rule("train.validation_records", int, f"[0, {STEPS_LIMIT}]", 200),
    Rule("train.best", str, ("dice", "soft_mae", "last"), "dice"),
    Rule("predict.symmetries", bool, None, "true"),
)

_SECTIONS = ("data", "model", "loss", "optim", "train")
_CONTENT = ("mse", "l1", "cross_entropy", "soft_dice", "perceptual", "tv")
_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_DISCRIMINATOR_HALVINGS = {"pixel": 2, "patch": 3}


def check(config: Any) -> None:
    """Checks a config's values and whether they fit its data sets.

    Args:
      config: `srgan` or `softgan`, as `casgan_jax.configs` gives them.

    Raises:
      UserError: something would not work; the line names the field or the file.
    """
    check_values(config)
    check_data(config)


def check_values(config: Any) -> None:
    """Checks all fields, without a look at any file.

    Raises:
      UserError: a value is out of its range, or fields contradict each other.
    """
    is_cascade = "srgan" in config
    _check_stage(config, "", "softgan" if is_cascade else "srgan")
    if not config.data.dir:
        raise UserError(
            "data.dir",
            found="''",
            expected="the folder of a prepared data set",
            remedy="set `data.dir=data/phantom`",
        )
    if is_cascade:
        _check_stage(config.srgan, "srgan.", "srgan")
        _check_halvings(config)
        if config.sr != "none":
            _check_sr_side(config.srgan, config.data.scale, "srgan.")
        _check_network(config)
    else:
        _check_sr_side(config, config.data.scale, "")


def _check_stage(config: Any, section: str, name: str) -> None:
    """All rules, and what the losses and steps of one stage mean together.

    Args:
      config: of the stage.
      section: "" or "srgan.".
      name: that the stage must have.
    """
    if config.name != name:
        raise UserError(
            f"{section}name",
            found=f"{config.name!r}",
            expected=f"{name!r}",
            remedy="choose a config by `config`",
        )
    for required in _SECTIONS:
        if required not in config:
            raise UserError(
                f"{section}{required}",
                found="no such section",
                expected=f"{', '.join(_SECTIONS)}",
                remedy="choose a config by `config`",
            )
    for rule in RULES:
        value = _value(config, rule.field)
        if value is not None and not _allows(rule, value):
            raise UserError(
                f"{section}{rule.field}",
                found=f"{value!r}",
                expected=f"{_expected(rule)}",
                remedy=f"set `{section}{rule.field}={rule.example}`",
            )
    content = [term for term in _CONTENT if term in config.loss]
    if not any(config.loss[term] for term in content):
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


def _check_halvings(config: Any) -> None:
    """The target's side can be halved as often as segmentor and discriminator do it."""
    patch, levels, discriminator = (
        config.data.patch,
        config.model.get("levels"),
        config.model.discriminator,
    )
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
    if levels is not None and possible < (levels or int(math.log2(side))):
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


def _check_network(config: Any) -> None:
    """The network exists and takes images of the target's side."""
    side = config.data.patch * config.data.scale
    channels = 1 + (config.sr != "none") + bool(config.prior)
    network = build_segmentor(config.model, axis_name=None, dtype=config.dtype)
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


def _check_sr_side(config: Any, scale: int, section: str) -> None:
    """SRGAN's scale exists, and its targets are not smaller than the window of SSIM."""
    if scale not in SCALES:
        raise UserError(
            "data.scale",
            found=f"{scale}",
            expected=f"one of {', '.join(map(str, SCALES))} for SRGAN",
            remedy=f"set `data.scale={SCALES[0]}`",
        )
    if not SSIM_WINDOW <= scale * config.data.patch <= MAX_SIDE:
        raise UserError(
            f"{section}data.patch",
            found=f"{config.data.patch} at data.scale={scale}",
            expected=f"targets of {SSIM_WINDOW} to {MAX_SIDE} pixels a side",
            remedy=f"set `{section}data.patch=24`",
        )


def _value(config: Any, field: str) -> Any:
    """The value of a dotted field, or None where the config has no such field."""
    for name in field.split("."):
        if name not in config:
            return None
        config = config[name]
    return config


def _allows(rule: Rule, value: Any) -> bool:
    kinds = (int, float) if rule.kind is float else (rule.kind,)
    if type(value) not in kinds:
        return False
    if isinstance(rule.allowed, str):
        return _within(rule.allowed, value)
    return rule.allowed is None or value in rule.allowed


def _within(interval: str, value: float) -> bool:
    """Whether a number lies in "[low, high]" or "(low, high)"; NaN lies nowhere."""
    low, high = map(float, interval[1:-1].split(","))
    above = low < value if interval[0] == "(" else low <= value
    return above and (value < high if interval[-1] == ")" else value <= high)


def _expected(rule: Rule) -> str:
    if isinstance(rule.allowed, tuple):
        return f"one of {', '.join(rule.allowed)}"
    return _KINDS[rule.kind] + (f" in {rule.allowed}" if rule.allowed else "")
