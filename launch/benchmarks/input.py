"""The input pipeline beside the training step that it feeds.

For every way to keep records and every number of worker processes: images per second of the input
alone, of the step alone on a batch that is already there, and of both together as in training; what
is missing to the step's speed is time spent waiting (on a CPU, whose cores the input shares, also
time spent working). A row is measured in rounds of all three, so that a busy machine slows all
alike; where records are kept on the host, after one epoch, in which each of two workers has decoded
half of them.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.errors import UserError
from casgan_jax.training.loop import make_step, resolve, training_data
from casgan_jax.training.parallel import Devices
from casgan_jax.training.restore import initial_state
from casgan_jax.training.stages import BUILD_STAGE
from casgan_jax.training.step import Constants

SOURCES = (
    *(("none", workers) for workers in (0, 1, 2)),
    *(("host", workers) for workers in (0, 1, 2)),
    ("device", 0),
)
SECONDS = 1.0  # of one measurement, at least
DRAIN = 8  # batches that may have been prepared before a measurement begins

Batch = dict[str, jax.Array]


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields one row a source, then the summary.

    Raises:
      UserError: no data set is named, or it does not fit the config.
    """
    if options.data_dir is None:
        raise UserError(
            "data_dir",
            found="none",
            expected="the folder of a prepared data set",
            remedy=(
                "make one with `python -m launch.build --dataset=phantom/quick --data_dir=data`"
            ),
        )
    named = load_config(options.config, [("data.dir", options.data_dir)])
    if not isinstance(named, StageConfig):
        raise UserError(
            "config", found=f"a config of {named.name!r}", expected="one of a network to train"
        )
    config = resolve(named)
    devices = Devices(spmd=config.spmd)
    step = training_step(config, devices)
    rows = []
    for cache, workers in SOURCES:
        row: dict[str, Any] = {"cache": cache, "workers": workers}
        rows.append(row | measure(config, devices, step, cache, workers, options.repeats))
        yield rows[-1]
    fastest = max(rows, key=lambda row: row["input_images_per_second"])
    yield {
        "config": options.config,
        "data_dir": options.data_dir,
        "batch_size": config.optim.batch_size,
        "devices": devices.mesh.size,
        "step_images_per_second": statistics.median(row["step_images_per_second"] for row in rows),
        "input_images_per_second": {
            f"{row['cache']}, {row['workers']} workers": row["input_images_per_second"]
            for row in rows
        },
        "fastest_input": {name: fastest[name] for name in ("cache", "workers")},
    }


def training_step(config: StageConfig, devices: Devices) -> Callable[[Batch], Any]:
    """The config's adversarial step on freshly initialised networks: device batch -> losses."""
    frozen = {}
    if isinstance(config, SoftganConfig) and config.sr != "none":
        srgan = initial_state(config.srgan, BUILD_STAGE["srgan"](config.srgan), {})
        frozen["srgan"] = srgan.average
    stage = BUILD_STAGE[config.name](config)
    state = devices.replicate(initial_state(config, stage, jax.device_get(frozen)))
    constants = devices.replicate(Constants(stage.loss_variables, np.float32(1e-3)))
    step = make_step(config, stage, devices)

    def train(batch: Batch) -> Any:
        nonlocal state
        state, losses = step(state, batch, constants)
        return losses

    return train


def measure(
    config: StageConfig,
    devices: Devices,
    step: Callable[[Batch], Any],
    cache: str,
    workers: int,
    repeats: int,
) -> dict[str, float]:
    """Medians of `repeats` rounds; seconds until the first batch is there; see the module."""
    config = replaced(config, data=dict(cache=cache, workers=workers))
    start = time.perf_counter()
    data, _ = training_data(config, devices)
    iterator = iter(data.batches_from(0))

    def read() -> Batch:
        return data.render(devices.shard(next(iterator)))

    batch = jax.block_until_ready(read())
    first = time.perf_counter() - start
    if cache == "host":
        for _ in range(math.ceil(data.records / config.optim.batch_size)):
            next(iterator)
    works = {"input": read, "step": lambda: step(batch), "training": lambda: step(read())}
    counts = {name: _calls_a_second(work) for name, work in works.items()}
    rates: dict[str, list[float]] = {name: [] for name in works}
    for _, (name, work) in itertools.product(range(repeats), works.items()):
        for _ in range(DRAIN if name != "step" else 0):
            next(iterator)
        rates[name].append(config.optim.batch_size * _rate(work, counts[name]))
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "first_batch_seconds": round(first, 2),
        **{f"{name}_images_per_second": round(value, 1) for name, value in medians.items()},
        "input_over_step": round(medians["input"] / medians["step"], 2),
        "training_over_step": round(medians["training"] / medians["step"], 3),
    }


def _calls_a_second(work: Callable[[], Any]) -> int:
    """How often to repeat `work` for a measurement of SECONDS, from its second call."""
    jax.block_until_ready(work())
    return max(1, round(SECONDS * _rate(work, 1)))


def _rate(work: Callable[[], Any], count: int) -> float:
    """Calls per second; the devices are waited for once, at the end."""
    start = time.perf_counter()
    for _ in range(count):
        result = work()
    jax.block_until_ready(result)
    return count / (time.perf_counter() - start)
