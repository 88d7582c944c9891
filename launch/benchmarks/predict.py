"""A cascade from native patches to soft masks: latency, images per second, first call.

With `--workdir` a trained cascade, else a freshly initialised one of `--config`: the weights do not
matter for the speed. The first call compiles.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.configs.schema.json_form import from_dict
from casgan_jax.configs.schema.kinds import Config
from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.softgan import SoftganConfig, with_own_srgan
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.errors import UserError
from casgan_jax.systems.cascade import Cascade
from casgan_jax.training.restore import initial_state
from casgan_jax.training.stages import BUILD_STAGE
from casgan_jax.workdir.weights import stage_weights

BATCHES = (1, 64)


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields one row a batch size, with and without the eight symmetries, then the summary.

    Raises:
      UserError: another kind of config, or no such run.
    """
    if options.workdir:
        weights = stage_weights(Path(options.workdir), "softgan")
        config = _cascade(from_dict(weights.facts["config"]), "workdir")
        variables = weights.generator, weights.frozen
    else:
        config = with_own_srgan(_cascade(load_config(options.config, []), "config"))
        variables = fresh_variables(config)
    speed = {}
    for symmetries, batch in itertools.product((False, True), BATCHES):
        config = replaced(config, predict=dict(symmetries=symmetries))
        row = measure(Cascade(config, *variables), batch, options.repeats)
        case = f"batch {batch}, {8 if symmetries else 1} symmetries"
        speed[case] = row["images_per_second"]
        yield {"batch": batch, "symmetries": 8 if symmetries else 1, **row}
    yield {
        "cascade": options.workdir or options.config,
        "patch": config.data.patch,
        "scale": config.data.scale,
        "calls": options.repeats,
        "images_per_second": speed,
    }


def _cascade(config: Config, flag: str) -> SoftganConfig:
    if not isinstance(config, SoftganConfig):
        raise UserError(flag, found=f"a config of {config.name!r}", expected="one of 'softgan'")
    return config


def fresh_variables(config: SoftganConfig) -> tuple[Any, Any]:
    """Variables of a freshly initialised segmentor, and the frozen ones."""
    frozen: Any = {}
    if config.sr != "none":
        # The perceptual loss needs weights that no prediction does.
        first = replaced(config.srgan, loss=dict(perceptual=0.0))
        frozen["srgan"] = initial_state(first, BUILD_STAGE["srgan"](first), {}).average
    stage = BUILD_STAGE["softgan"](config)
    return initial_state(config, stage, frozen).average, frozen


def measure(cascade: Cascade, batch: int, repeats: int) -> dict[str, float]:
    """Seconds of the first call, then median and 95th percentile of `repeats` calls."""
    shape = (batch, cascade.patch, cascade.patch)
    patches = np.random.default_rng(0).random(shape, np.float32)
    first = _seconds(lambda: cascade(patches))
    seconds = [_seconds(lambda: cascade(patches)) for _ in range(repeats)]
    median, late = np.quantile(seconds, (0.5, 0.95))
    return {
        "first_call_seconds": round(first, 4),
        "median_milliseconds": round(1e3 * float(median), 2),
        "p95_milliseconds": round(1e3 * float(late), 2),
        "images_per_second": round(batch / float(median), 2),
    }


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
