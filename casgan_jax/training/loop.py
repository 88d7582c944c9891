"""The training loop, one for every config.

    train(config, "runs/softgan")

A workdir holds `config.json` and a folder for each stage, `srgan` and `softgan`, with
`checkpoints`, `log.jsonl`, `tensorboard`, `samples` and, once the stage is trained, `result.json`.
"""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from casgan_jax.cascade import read_config
from casgan_jax.data import Augmentation, TrainingData, read_metadata, training_batches
from casgan_jax.errors import UserError
from casgan_jax.images import write_png
from casgan_jax.training.checkpoint import Checkpoints
from casgan_jax.training.logs import Logs
from casgan_jax.training.optimizers import adam
from casgan_jax.training.parallel import device_mesh, map_step, replicate, shard
from casgan_jax.training.stages import softgan_stage, srgan_stage
from casgan_jax.training.state import TrainState, create_state
from casgan_jax.training.step import Stage, adversarial_step
from casgan_jax.training.validation import softgan_validation, srgan_validation

BUILD_STAGE = {"srgan": srgan_stage, "softgan": softgan_stage}
BUILD_VALIDATION = {"srgan": srgan_validation, "softgan": softgan_validation}
RECORD_KIND = {"srgan": "super_resolution", "softgan": "segmentation"}


def train(config: Any, workdir: str | Path) -> dict[str, Any]:
    """Trains what the config names: SRGAN alone, or the cascade, SRGAN first.

    The same call continues an interrupted training and returns at once from a finished one.

    Returns:
      The last stage's result: best step, threshold, validation metrics.

    Raises:
      UserError: bad config or data, or a loss that is not finite.
    """
    workdir = Path(workdir).expanduser()
    config = resolve(config)
    keep_config(config, workdir)
    if config.name == "srgan":
        return train_stage(config, workdir, frozen={})
    return train_stage(config, workdir, frozen=super_resolution_variables(config, workdir))


def resolve(config: Any) -> Any:
    """The config with what follows from it and from its data: the window, and SRGAN's data and
    scale."""
    config = config.copy_and_resolve_references()
    with config.unlocked():
        config.data.window = list(read_metadata(config.data.dir)["window"])
        if config.name == "softgan":
            # SRGAN learns from the same images, at the same scale.
            config.srgan.data.dir = config.srgan.data.dir or config.data.dir
            config.srgan.data.scale = config.data.scale
            config.srgan.dtype = config.dtype
    return config


def keep_config(config: Any, workdir: Path) -> None:
    """Writes the resolved config into the workdir, or checks that it is the one already there.

    Raises:
      UserError: the workdir holds a run of another config, or cannot be written.
    """
    path = workdir / "config.json"
    started = any(workdir.glob("*/checkpoints/*"))
    if path.is_file() and started:
        changed = _differences(read_config(workdir).to_dict(), json.loads(config.to_json()))
        if changed:
            name, (old, new) = next(iter(changed.items()))
            raise UserError(
                f"workdir: found a run in {workdir} with another config, {name}={old!r} and not "
                f"{new!r} ({len(changed)} fields differ), expected the same; choose another "
                "--workdir"
            )
        return
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        path.write_text(config.to_json(indent=2) + "\n")
    except OSError as error:
        raise UserError(
            f"workdir: found {error.strerror} at {workdir}, expected a folder that can be written"
        ) from error


def _differences(old: Any, new: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {
            name: pair
            for key in sorted({*old, *new})
            for name, pair in _differences(old.get(key), new.get(key), f"{prefix}.{key}").items()
        }
    return {} if old == new else {prefix.lstrip("."): (old, new)}


def super_resolution_variables(config: Any, workdir: Path) -> Any:
    """SRGAN's variables for a cascade: trained now, found in the workdir, or taken from another
    one."""
    if config.sr == "none":
        return {}
    if config.sr == "train":
        train_stage(config.srgan, workdir, frozen={})
        return restore_stage(config.srgan, workdir).average
    source = Path(config.sr).expanduser()
    found = read_config(source)
    found = found.srgan if found.name == "softgan" else found
    for field in ("features", "blocks", "residual_to_interpolation"):
        if found.model[field] != config.srgan.model[field]:
            raise UserError(
                f"sr: found srgan.model.{field}={found.model[field]} in {source}, expected "
                f"{config.srgan.model[field]}; set --config.srgan.model.{field} to it"
            )
    if found.data.scale != config.data.scale:
        raise UserError(
            f"sr: found scale {found.data.scale} in {source}, expected "
            f"data.scale={config.data.scale}"
        )
    return restore_stage(config.srgan, source).average


def train_stage(config: Any, workdir: Path, frozen: Any) -> dict[str, Any]:
    """Trains one stage to its end, or does nothing if it is there; returns its result."""
    directory = workdir / config.name
    finished = directory / "result.json"
    if finished.is_file():
        return json.loads(finished.read_text())

    # What is trained, on which data, over which devices.
    stage = BUILD_STAGE[config.name](config)
    mesh = device_mesh()
    frozen = jax.device_get(frozen)  # on the host: the step reuses the state's buffers
    data, steps = training_data(config, mesh)
    iterator = iter(data.batches)
    state = replicate(initial_state(config, stage, steps, frozen), mesh)
    loss_variables = replicate(stage.loss_variables, mesh)
    step_function = map_step(
        functools.partial(
            adversarial_step,
            stage=stage,
            generator_optimizer=adam(config.optim, steps),
            discriminator_optimizer=adam(config.optim, steps),
            average_decay=config.optim.average,
        ),
        mesh,
    )
    validate = BUILD_VALIDATION[config.name](config, frozen, limit=config.train.validation_records)

    with Checkpoints(directory / "checkpoints") as checkpoints:
        if checkpoints.latest is not None:
            state = checkpoints.restore(state, iterator)
        done = int(state.step)
        is_first = jax.process_index() == 0
        with Logs(directory, name=config.name, total=steps, done=done, enabled=is_first) as logs:
            logs.say(describe(config, state, steps, mesh.size))
            if done:
                logs.say(f"{config.name}: resumed after step {done}")
            meter = Meter(config.optim.batch_size)
            for step in range(done + 1, steps + 1):
                batch = data.render(shard(next(iterator), mesh))
                state, losses = step_function(state, batch, loss_variables)
                meter.add(step, losses)
                logs.advance()
                last = step == steps
                if step % config.train.log_every == 0 or last:
                    values = meter.read()
                    logs.show(values)
                    logs.write("train", step, values)
                if step % config.train.evaluate_every == 0 or last:
                    meter.check()
                    result = validate(jax.device_get(state.average))
                    checkpoints.save(step, state, iterator, score=result.score)
                    logs.write("validation", step, result.metrics)
                    logs.picture("validation", step, result.grid)
                    keep_grid(directory, step, result.grid)
                    logs.say(f"{config.name} {step}: {format_metrics(result.metrics)}")
                    if result.warning:
                        logs.say(f"{config.name} {step}: {result.warning}")
                    meter.restart()
                elif step % config.train.checkpoint_every == 0:
                    meter.check()
                    checkpoints.save(step, state, iterator)
        best = checkpoints.best
        state = checkpoints.restore(state, step=best)

    # The best checkpoint, measured on all of the validation split.
    result = BUILD_VALIDATION[config.name](config, frozen)(jax.device_get(state.average))
    facts = {
        "stage": config.name,
        "step": best,
        "steps": steps,
        "threshold": result.threshold,
        "warning": result.warning,
        "validation": result.metrics,
        "grid": str(keep_grid(directory, "best", result.grid)),
    }
    finished.write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def training_data(config: Any, mesh: Mesh) -> tuple[TrainingData, int]:
    """The training split, and the number of steps to take."""
    data, count = config.data, jax.process_count()
    for name, value in (
        ("optim.batch_size", config.optim.batch_size),
        ("data.patch", data.patch),
        ("data.scale", data.scale),
    ):
        if value < 1:
            raise UserError(f"{name}: found {value}, expected at least 1")
    if config.optim.batch_size % count:
        raise UserError(
            f"optim.batch_size: found {config.optim.batch_size}, expected a multiple of the "
            f"{count} processes"
        )
    source = training_batches(
        data.dir,
        kind=RECORD_KIND[config.name],
        label=data.get("label", "alpha"),
        patch=data.patch,
        scale=data.scale,
        augmentation=Augmentation(**data.augmentation),
        batch_size=config.optim.batch_size // count,
        seed=config.seed,
        cache=data.cache,
        mesh=mesh,
        workers=data.workers,
        process_index=jax.process_index(),
        process_count=count,
    )
    steps = config.train.steps or math.ceil(
        config.train.epochs * source.records / config.optim.batch_size
    )
    if steps < 1:
        raise UserError(
            f"train.steps: found {config.train.steps} and train.epochs={config.train.epochs}, "
            "expected one of them above 0"
        )
    return source, steps


def initial_state(config: Any, stage: Stage, steps: int, frozen: Any) -> TrainState:
    """Freshly initialised networks and optimisers."""
    side, scale = config.data.patch, config.data.scale
    patch = jnp.zeros((1, side, side, 1))
    condition = stage.condition(frozen, {"image": patch})
    return create_state(
        stage.generator,
        stage.discriminator,
        adam(config.optim, steps),
        adam(config.optim, steps),
        generator_input=condition,
        target=jnp.zeros((1, scale * side, scale * side, 1)),
        frozen=frozen,
        seed=config.seed,
    )


def restore_stage(config: Any, workdir: str | Path, frozen: Any = None) -> TrainState:
    """The best checkpoint of a trained stage, on this process's first device."""
    directory = Path(workdir).expanduser() / config.name
    stage = BUILD_STAGE[config.name](_without_perceptual(config))
    if config.name == "softgan" and config.sr != "none" and frozen is None:
        sr = config.srgan
        frozen = jax.eval_shape(
            lambda: initial_state(sr, BUILD_STAGE["srgan"](_without_perceptual(sr)), 1, {}).average
        )
    frozen = {} if frozen is None else frozen
    shapes = jax.eval_shape(lambda frozen: initial_state(config, stage, 1, frozen), frozen)
    placement = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    shapes = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=placement), shapes
    )
    with Checkpoints(directory / "checkpoints") as checkpoints:
        return checkpoints.restore(shapes, step=checkpoints.best)


def restore_generator(config: Any, workdir: str | Path) -> tuple[Any, Any]:
    """Variables of a trained cascade: the segmentor's, and SRGAN's that it was trained with."""
    state = restore_stage(config, workdir)
    return jax.device_get((state.average, state.frozen))


def _without_perceptual(config: Any) -> Any:
    """The config with no need of VGG19's weights, which no use of a trained network has."""
    config = config.copy_and_resolve_references()
    if "perceptual" in config.loss:
        with config.unlocked():
            config.loss.perceptual = 0.0
            config.loss.mse = config.loss.mse or 1.0
    return config


class Meter:
    """Collects losses on the device and reads them now and then, so that no step waits for them."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._pending: list[tuple[int, Mapping[str, jax.Array]]] = []
        self._since, self._count = time.perf_counter(), 0

    def add(self, step: int, losses: Mapping[str, jax.Array]) -> None:
        """Notes the losses of a step."""
        self._pending.append((step, losses))
        self._count += 1
        if len(self._pending) > 100:
            self.check()

    def check(self) -> list[dict[str, float]]:
        """The losses since the last look.

        Raises:
          UserError: one of them is NaN or infinite; the line names the step and the loss.
        """
        values = jax.device_get([losses for _, losses in self._pending])
        steps = [step for step, _ in self._pending]
        self._pending = []
        for step, losses in zip(steps, values, strict=True):
            for name, value in losses.items():
                if not np.isfinite(value):
                    raise UserError(
                        f"step {step}: found {name} = {value}, expected a finite loss; the last "
                        "good checkpoint stands; try a lower --config.optim.lr or "
                        "--config.optim.clip=1"
                    )
        return [{name: float(value) for name, value in losses.items()} for losses in values]

    def read(self) -> dict[str, float]:
        """The last losses and the images per second since the last reading."""
        losses = self.check()[-1]
        speed = self._count * self._batch_size / (time.perf_counter() - self._since)
        self.restart()
        return losses | {"images_per_second": speed}

    def restart(self) -> None:
        """Leaves what was not training (validation, saving) out of the next speed."""
        self._since, self._count = time.perf_counter(), 0


def describe(config: Any, state: TrainState, steps: int, devices: int) -> str:
    """One line: sizes, devices, steps."""
    generator, discriminator = (
        sum(leaf.size for leaf in jax.tree.leaves(network.params)) / 1e6
        for network in (state.generator, state.discriminator)
    )
    data, optim = config.data, config.optim
    return (
        f"{config.name}: {generator:.2f} M + {discriminator:.2f} M parameters, "
        f"{data.patch} -> {data.patch * data.scale} px, batch {optim.batch_size} over {devices} "
        f"{jax.devices()[0].platform} device(s), {steps} steps, data {data.dir}"
    )


def keep_grid(directory: Path, name: int | str, grid: np.ndarray) -> Path:
    """Writes a picture grid into the stage's folder and returns its path."""
    path = directory / "samples" / f"{name}.png"
    if jax.process_index() == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, grid)
    return path


def format_metrics(metrics: Mapping[str, float]) -> str:
    """name value, name value"""
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
