"""Sections that the configs of both stages have, and what trained networks share."""

from __future__ import annotations

import dataclasses

from casgan_jax.configs.schema.setting import MAX_SIDE, SEEDS, STEPS_LIMIT, setting

DTYPES = ("float32", "bfloat16", "float16")
SPMD = ("shard_map", "pmap")  # see `casgan_jax.training.parallel`
CACHES = ("auto", "none", "host", "device")  # see `casgan_jax.data.pipeline`
SCHEDULES = ("constant", "constant_then_linear", "cosine")  # see `casgan_jax.training.optimizers`

_WEIGHTS = "[0, inf)"
_STEPS = f"[0, {STEPS_LIMIT}]"
_EVERY = f"[1, {STEPS_LIMIT}]"

Window = tuple[float, float]


def weight(default: float, meaning: str, *, example: float) -> float:
    """A field that is the weight of a loss."""
    return setting(default, meaning, _WEIGHTS, example=example)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """What the config of every training has."""

    name: str = setting("", "kind of the config")
    seed: int = setting(0, "of the initial weights, the order of the data and all draws", SEEDS)
    dtype: str = setting("float32", "of the computation; weights and losses are float32", DTYPES)
    spmd: str = setting("shard_map", "how the step is mapped over devices; same results", SPMD)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchData:
    """Where patches come from.

    Attributes:
      window: of the data set, once it is known.
    """

    dir: str = setting("data/phantom", "folder of a prepared data set")
    patch: int = setting(64, "side of the patches in native pixels", f"[1, {MAX_SIDE}]")
    scale: int = setting(4, "r, pixels of the output along a native one", "[1, 16]")
    cache: str = setting("auto", "where decoded records are kept", CACHES)
    workers: int = setting(0, "processes that prepare batches; 0: threads", "[0, 256]")
    window: Window | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optim:
    """Adam, the same for both networks of a stage."""

    lr: float = setting(2e-4, "largest learning rate", "(0, inf)", example=1e-3)
    b1: float = setting(0.9, "decay of the gradients' mean", "[0, 1)")
    schedule: str = setting(
        "constant_then_linear",
        "of the learning rate after its warm-up",
        SCHEDULES,
        example="cosine",
    )
    constant: float = setting(
        0.5, "share of the steps before the decay of constant_then_linear", "[0, 1]"
    )
    warmup_steps: int = setting(300, "in which the learning rate grows from 0", _STEPS, example=100)
    clip: float = setting(0.0, "largest norm of the gradients; 0: any", _WEIGHTS, example=0)
    batch_size: int = setting(8, "examples of a step, of all devices together", "[1, 65536]")
    average: float = setting(
        0.999, "decay of the moving average of the weights, which is used; 0: none", "[0, 1)"
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train:
    """How long, and what is done on the way."""

    epochs: float = setting(70.0, "passes over the training split", "[0, 10000]", example=70)
    steps: int = setting(0, "above 0: steps instead of epochs", _STEPS, example=10000)
    log_every: int = setting(20, "steps between two lines of the log", _EVERY)
    evaluate_every: int = setting(1000, "steps between two validations", _EVERY)
    checkpoint_every: int = setting(500, "steps between two checkpoints", _EVERY)
    validation_records: int = setting(200, "records of a validation on the way; 0: all", _STEPS)
