"""The training loop, one for every config.

    train(config, "runs/softgan")

A workdir holds `config.json`, `data.json`, which knows its data sets by their content, and a folder
for each stage, `srgan` and `softgan`, with `checkpoints`, `log.jsonl`, `tensorboard`, `samples`
and, once the stage is trained, `weights`, by which it is used, and `result.json`.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import (
    Augmentation,
    DrawnMarks,
    SoftganConfig,
    SoftganData,
    with_own_srgan,
)
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.data import TrainingData, training_batches
from casgan_jax.errors import Interrupted
from casgan_jax.files import expand_user
from casgan_jax.images import write_png
from casgan_jax.json_form import read_as
from casgan_jax.records.identity import digest
from casgan_jax.records.prepared import measured_split, read_metadata
from casgan_jax.training.checks import check
from casgan_jax.training.data_of_stages import data_of_stages
from casgan_jax.training.export import export_run, export_stage
from casgan_jax.training.initial_weights import (
    InitialWeights,
    initial_weights,
    keep_initial_weights,
    read_initial_weights,
)
from casgan_jax.training.interruption import Interruption
from casgan_jax.training.logs import Logs
from casgan_jax.training.meter import Meter
from casgan_jax.training.optimizers import adam, learning_rates
from casgan_jax.training.other_systems import (
    config_of_other_system,
    variables_of_other_systems,
    warnings_of_other_systems,
)
from casgan_jax.training.parallel import Devices
from casgan_jax.training.restore import initial_state, used_step
from casgan_jax.training.stages import BUILD_STAGE
from casgan_jax.training.state import TrainState
from casgan_jax.training.step import Batch, Constants, Stage, adversarial_step
from casgan_jax.training.usable import Look, resume
from casgan_jax.training.validation import (
    Validate,
    measure,
    softgan_validation,
    srgan_validation,
)
from casgan_jax.workdir.changes import keep_config
from casgan_jax.workdir.checkpoints import Checkpoints
from casgan_jax.workdir.layout import SAMPLES, checkpoints_folder, result_file, weights_folder
from casgan_jax.workdir.lock import hold_workdir
from casgan_jax.workdir.processes import barrier, is_first
from casgan_jax.workdir.results import StageResult, write_result
from casgan_jax.workdir.trained_on import keep_data

BUILD_VALIDATION: Mapping[str, Callable[..., Validate]] = {
    "srgan": srgan_validation,
    "softgan": softgan_validation,
}
RECORD_KIND = {"srgan": "super_resolution", "softgan": "segmentation"}


def train(
    config: StageConfig, workdir: str | Path, *, accept_config_changes: bool = False
) -> StageResult:
    """Trains what the config names: SRGAN alone, or the cascade, SRGAN first.

    The same call continues an interrupted training and returns at once from a finished one. On a
    CPU an interrupted training ends with the very bits of one that was not.

    Args:
      config: of `casgan_jax.configs`.
      workdir: folder of the run, shared by all processes.
      accept_config_changes: go on with a run of another config, where its arrays allow it.

    Returns:
      The last stage's result.

    Raises:
      UserError: bad config or data, a workdir that cannot be used, or a loss that is not finite.
      Interrupted: SIGTERM or Ctrl-C; the state is saved.
    """
    workdir = expand_user(workdir)
    config = resolve(config)
    _tell_what_lacks(config)
    with hold_workdir(workdir), Interruption() as interruption:
        changes = keep_config(config, workdir, accept_changes=accept_config_changes)
        notes = [f"going on with another {change}" for change in changes]
        notes += keep_data(data_of_stages(config), workdir, accept_changes=accept_config_changes)
        initial = read_initial_weights(config, workdir)
        frozen = frozen_variables(config, workdir, interruption)
        warnings = []
        if isinstance(config, SoftganConfig):
            warnings = warnings_of_other_systems(config, workdir)
        return train_stage(
            config,
            workdir,
            frozen,
            interruption,
            initial=initial,
            notes=notes,
            warnings=warnings,
        )


def _tell_what_lacks(config: StageConfig) -> None:
    """Says before anything is trained what cannot be measured in the end."""
    data = config.data
    # Another data set that is named for its test split has one, or is refused.
    is_measured = isinstance(data, SoftganData) and not data.test_dir
    if is_measured and measured_split(data.dir) != "test":
        _say(f"{data.dir} has no test split: validation will be measured in the end")


def resolve(config: StageConfig) -> StageConfig:
    """The config with what follows from it and from its data: the window, and SRGAN's data and
    scale."""
    check(config)
    config = replaced(config, data=dict(window=tuple(read_metadata(config.data.dir)["window"])))
    if isinstance(config, SrganConfig):
        return config
    stretched = read_metadata(config.data.dir).get("stretched", config.data.stretched)
    config = replaced(config, data=dict(stretched=stretched))
    others = {f"{role}_config": config_of_other_system(config, role) for role in config.others}
    return replaced(with_own_srgan(config), **others)


def frozen_variables(
    config: StageConfig, workdir: Path, interruption: Interruption
) -> dict[str, Any]:
    """What the stage builds on and does not train, see `casgan_jax.systems.networks`."""
    if isinstance(config, SrganConfig):
        return {}
    if config.sr == "train":
        train_stage(config.srgan, workdir, {}, interruption)
    return variables_of_other_systems(config, workdir)


def train_stage(
    config: StageConfig,
    workdir: Path,
    frozen: Any,
    interruption: Interruption,
    *,
    initial: InitialWeights | None = None,
    notes: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> StageResult:
    """Trains one stage to its end, or does nothing if it is there; returns its result.

    Args:
      config: of the stage.
      workdir: of the run.
      frozen: see `frozen_variables`.
      interruption: asked after each step.
      initial: weights that the network starts from.
      notes: lines to tell at the start.
      warnings: of what it builds on; told at the start, and kept in its result.
    """
    directory = workdir / config.name
    finished = result_file(workdir, config.name)
    if finished.is_file():
        if is_first() and not weights_folder(workdir, config.name).is_dir():
            export_run(workdir)
        barrier(f"{config.name} exported")
        return read_as(StageResult, finished, remedy="delete it and run the same command again")

    # What is trained, on which data, over which devices.
    stage = BUILD_STAGE[config.name](config)
    devices = Devices(spmd=config.spmd)
    data, steps = training_data(config, devices)
    validate = BUILD_VALIDATION[config.name](config, frozen, limit=config.train.validation_records)

    # Where it stands: at the newest intact checkpoint, or at the beginning.
    checkpoints = Checkpoints(
        checkpoints_folder(workdir, config.name),
        measure=measure(config),
        data=digest(config.data.dir),
        say=_say,
    )
    make_state = devices.once(functools.partial(initial_state, config, stage))
    shapes = jax.eval_shape(make_state, frozen)
    loss_variables = devices.replicate(stage.loss_variables)
    rates = learning_rates(config.optim, steps)
    step_function = make_step(config, stage, devices)
    look = Look(stage, devices, step_function, loss_variables)

    def first_batch(step: int) -> Batch:
        return data.render(devices.shard(next(iter(data.batches_from(step)))))

    def look_at(state: TrainState, step: int) -> str:
        return look.what_is_wrong(devices.replicate(state), first_batch(step))

    done, state = resume(checkpoints, shapes, look_at, say=_say)
    if not done:
        state = jax.device_get(make_state(frozen))
        initial = initial or read_initial_weights(config, workdir)  # no checkpoint could be used
        state = initial.put_into(state) if initial else state
    state = devices.replicate(state)
    if not done:
        # Also compiles the step, for which no SIGTERM should have to wait.
        look.check(config.name, state, first_batch(0), remedy="begin with other weights")

    with Logs(directory, name=config.name, total=steps, done=done, enabled=is_first()) as logs:
        logs.say(describe(config, state, steps, devices))
        for note in (*notes, *warnings):
            logs.say(f"{config.name}: {note}")
        if done:
            logs.say(f"{config.name}: resumed after step {done}")
        else:
            keep_initial_weights(directory, initial)
            logs.say(f"{config.name}: initial weights: {initial_weights(directory)}")
        meter = Meter(config.optim.batch_size, standing=checkpoints.standing)
        batches = iter(data.batches_from(done))
        for step in range(done + 1, steps + 1):
            batch = data.render(devices.shard(next(batches)))
            constants = Constants(loss_variables, devices.scalar(rates[step - 1]))
            state, losses = step_function(state, batch, constants)
            meter.add(step, losses)
            logs.advance()
            last = step == steps
            asked_by = interruption.requested(step)
            if step % config.train.log_every == 0 or last:
                values = meter.read()
                logs.show(values)
                logs.write("train", step, values)
            validating = step % config.train.evaluate_every == 0 or last
            saving = step % config.train.checkpoint_every == 0 or asked_by
            if validating or saving:
                meter.check()
                remedy = f"{checkpoints.standing()}; try a lower `optim.lr` or `optim.clip=1`"
                look.check(f"step {step}", state, batch, remedy=remedy)
            if validating:
                result = validate(jax.device_get(state.average))
                checkpoints.save(step, state, score=result.score)
                logs.write("validation", step, result.metrics)
                logs.picture("validation", step, result.grid)
                keep_grid(directory, step, result.grid)
                logs.say(f"{config.name} {step}: {format_metrics(result.metrics)}")
                if result.warning:
                    logs.say(f"{config.name} {step}: {result.warning}")
                meter.restart()
            elif saving:
                checkpoints.save(step, state)
            if asked_by:
                raise Interrupted(
                    f"{config.name}: stopped by {asked_by.name} after step {step} of {steps}; it "
                    "is saved, and the same command goes on from there",
                    asked_by,
                )

    return _finish(config, workdir, frozen, checkpoints, shapes, steps, warnings)


def _finish(
    config: StageConfig,
    workdir: Path,
    frozen: Any,
    checkpoints: Checkpoints,
    shapes: Any,
    steps: int,
    warnings: Sequence[str],
) -> StageResult:
    """Measures the checkpoint that is used on all of the validation split, and exports it.

    Args:
      config, workdir, frozen, warnings: as of `train_stage`.
      checkpoints: of the stage, which has ended.
      shapes: of its state.
      steps: that were taken.
    """
    directory = workdir / config.name
    used = used_step(config, checkpoints)
    state = checkpoints.restore(shapes, used)
    average = state.average
    result = BUILD_VALIDATION[config.name](config, frozen)(average)
    facts = StageResult(
        stage=config.name,
        step=used,
        steps=steps,
        parameters=sum(leaf.size for leaf in jax.tree.leaves(average["params"])),
        initial_weights=initial_weights(directory),
        devices=device_names(),
        threshold=result.threshold,
        warning="; ".join(filter(None, (result.warning, *warnings))),
        validation=result.metrics,
        grid=str(keep_grid(directory, "best", result.grid)),
    )
    if is_first():
        export_stage(config, workdir, average, state.frozen, facts)
        write_result(facts, result_file(workdir, config.name))
    barrier(f"{config.name} finished")
    return facts


def training_data(config: StageConfig, devices: Devices) -> tuple[TrainingData, int]:
    """The training split, and the number of steps to take."""
    data, count = config.data, jax.process_count()
    if isinstance(config, SoftganConfig):
        label, augmentation = config.data.label, config.data.augmentation
        marks: DrawnMarks | None = config.data.marks
        neighbours = config.data.neighbours
    else:
        label, augmentation = "alpha", Augmentation(noise=config.data.augmentation.noise)
        marks, neighbours = None, 0
    source = training_batches(
        data.dir,
        kind=RECORD_KIND[config.name],
        label=label,
        patch=data.patch,
        scale=data.scale,
        augmentation=augmentation,
        marks=marks,
        neighbours=neighbours,
        batch_size=config.optim.batch_size // count,
        seed=config.seed,
        cache=data.cache,
        mesh=devices.mesh if devices.spmd == "shard_map" else None,
        workers=data.workers,
        process_index=jax.process_index(),
        process_count=count,
    )
    epochs = config.train.epochs
    steps = config.train.steps or math.ceil(epochs * source.records / config.optim.batch_size)
    return source, steps


def make_step(config: StageConfig, stage: Stage, devices: Devices) -> Callable[..., Any]:
    """The stage's adversarial step: (state, batch, constants) -> (state, losses)."""
    return devices.map_step(
        functools.partial(
            adversarial_step,
            stage=stage,
            generator_optimizer=adam(config.optim),
            discriminator_optimizer=adam(config.optim),
            average_decay=config.optim.average,
        )
    )


def describe(config: StageConfig, state: TrainState, steps: int, devices: Devices) -> str:
    """One line: sizes, devices, steps, and that the devices change nothing but the time."""
    generator, discriminator = (
        sum(leaf.size for leaf in jax.tree.leaves(network.params)) / 1e6
        for network in (state.generator, state.discriminator)
    )
    data, optim, count = config.data, config.optim, devices.mesh.size
    return (
        f"{config.name}: {generator:.2f} M + {discriminator:.2f} M parameters, "
        f"{data.patch} -> {data.patch * data.scale} px, {config.dtype}, {steps} steps of a global "
        f"batch of {optim.batch_size} at lr {optim.lr:g}, whatever the devices (now {count} "
        f"{jax.devices()[0].platform} in {jax.process_count()} process(es), "
        f"{optim.batch_size // count} examples each), data {data.dir}"
    )


def device_names() -> str:
    """What a run is computed on: "1 x NVIDIA H100 80GB HBM3", or "cpu"."""
    device = jax.devices()[0]
    return "cpu" if device.platform == "cpu" else f"{jax.device_count()} x {device.device_kind}"


def _say(line: str) -> None:
    if is_first():
        print(line, file=sys.stderr)


def keep_grid(directory: Path, name: int | str, grid: np.ndarray) -> Path:
    """Writes a picture grid into the stage's folder and returns its path."""
    path = directory / SAMPLES / f"{name}.png"
    if is_first():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, grid)
    return path


def format_metrics(metrics: Mapping[str, float]) -> str:
    """name value, name value"""
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
