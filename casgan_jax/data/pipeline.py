"""The training pipeline: order and draws by Grain, pixels by a renderer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import grain
import numpy as np
from jax.sharding import Mesh

from casgan_jax.configs.schema.sections import CACHES
from casgan_jax.configs.schema.softgan import Augmentation, DrawnMarks
from casgan_jax.data import device_rendering, host_rendering
from casgan_jax.data.augmentation import (
    Draw,
    draw_segmentation,
    draw_super_resolution,
)
from casgan_jax.data.device_rendering import device_renderer, memory_for_planes
from casgan_jax.data.planes import Planes, segmentation_planes, super_resolution_planes
from casgan_jax.errors import UserError

# By kind of training: what renders on the host and what on the device.
RENDERERS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "segmentation": (
        host_rendering.render_segmentation,
        device_rendering.render_segmentation,
    ),
    "super_resolution": (
        host_rendering.render_super_resolution,
        device_rendering.render_super_resolution,
    ),
}


class TrainingData(NamedTuple):
    """What a training loop reads: `render(shard(next(batches)))` is its next batch.

    Attributes:
      batches_from: steps taken -> the endless Grain iterable of what follows: dictionaries of
        stacked numpy arrays, this process's part of each batch.
      records: number of records in the split.
      render: makes `image` and `target` of such a batch, already on the devices; nothing is left to
        do where the host has rendered.
    """

    batches_from: Callable[[int], Any]
    records: int
    render: Callable[[Any], Any]


def training_batches(
    data_dir: str | Path,
    *,
    kind: str,
    patch: int,
    scale: int,
    batch_size: int,
    seed: int,
    label: str = "alpha",
    augmentation: Augmentation | None = None,
    marks: DrawnMarks | None = None,
    neighbours: int = 0,
    cache: str = "host",
    mesh: Mesh | None = None,
    workers: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> TrainingData:
    """The training data of a prepared data set.

    Args:
      data_dir: prepared data set, or the folder with the only one.
      kind: "segmentation" (patches and soft masks) or "super_resolution" (crops and their area
        means).
      patch: side of the images.
      scale: of the targets' side to the images'.
      batch_size: examples per batch of this process.
      seed: of the order and of the augmentation.
      label: what to train towards, one of LABELS.
      augmentation: limits of what is drawn.
      marks: of a segmentation: what batches show of a user's marks, as `marks`, and how they are
        drawn; the host renders them.
      neighbours: of a segmentation: how many slices to either side batches hold, as `neighbours`.
      cache: "none": every record is decoded whenever it is met; "host": decoded planes stay in this
        process's memory (in every worker's, where there are workers); "device": they lie on every
        device of `mesh`, which renders; "auto": "device" on accelerators that the planes fit
        (`memory_for_planes`), else "host".
      mesh: the devices; needed for "device", and "auto" is "host" without.
      workers: processes that prepare batches; 0 for threads of this one.
      process_index, process_count: this process's share of each batch.

    Raises:
      UserError: data, label, sizes or cache do not fit; the line names the field.
    """
    augmentation = augmentation or Augmentation()
    marked = marks is not None and bool(marks.kinds)
    if kind == "segmentation":
        axes = marks is not None and marks.axes > 0
        planes = segmentation_planes(
            data_dir,
            "train",
            label=label,
            patch=patch,
            scale=scale,
            axes=axes,
            neighbours=neighbours,
        )
        draw = functools.partial(draw_segmentation, augmentation=augmentation, marked=marked)
    else:
        planes = super_resolution_planes(data_dir, "train", patch=patch, scale=scale)
        draw = functools.partial(
            draw_super_resolution,
            augmentation=augmentation,
            shape=planes[0]["image"].shape,
            side=scale * patch,
        )
    if len(planes) < batch_size * process_count:
        raise UserError(
            "optim.batch_size",
            found=f"{batch_size * process_count}",
            expected=f"at most the {len(planes)} records of the training split",
            remedy="set `optim.batch_size=1`",
        )
    cache = _resolve(cache, planes, mesh, marked=marked)
    on_host, on_device = (
        functools.partial(render, patch=patch, scale=scale) for render in RENDERERS[kind]
    )
    if marked:
        on_host = functools.partial(on_host, marks=marks)
    source = planes.kept() if cache == "host" else planes

    @host_rendering.single_threaded
    def render_record(draw: Draw) -> dict[str, np.ndarray]:
        return on_host(source[draw["record"]], draw)

    batches_from = functools.partial(
        _pipeline,
        len(planes),
        draw,
        None if cache == "device" else render_record,
        batch_size=batch_size,
        seed=seed,
        workers=workers,
        process_index=process_index,
        process_count=process_count,
    )
    render: Callable[[Any], Any] = _already_rendered
    if cache == "device":
        assert mesh is not None, "`_resolve` asks for it"
        render = device_renderer(planes, on_device, mesh)
    return TrainingData(batches_from, len(planes), render)


def _already_rendered(batch: Any) -> Any:
    return batch


def _resolve(cache: str, planes: Planes, mesh: Mesh | None, *, marked: bool) -> str:
    """ "none", "host" or "device": the field of the config, or what "auto" means here."""
    if cache not in CACHES:
        raise UserError(
            "data.cache",
            found=f"{cache!r}",
            expected=f"one of {', '.join(CACHES)}",
        )
    if cache == "device" and marked:
        raise UserError(
            "data.cache",
            found="'device' for a network that sees marks",
            expected="auto, none or host: marks are drawn on the host",
            remedy="set `data.cache=host`",
        )
    if cache == "device" and mesh is None:
        raise ValueError("mesh: found None, expected the devices that are to hold the planes")
    if cache != "auto":
        return cache
    if marked or mesh is None or mesh.devices.flat[0].platform == "cpu":
        return "host"
    return "device" if planes.nbytes <= memory_for_planes(mesh) else "host"


def _pipeline(
    records: int,
    draw: Callable[[int, np.random.Generator], Draw],
    render: Callable[[Draw], dict[str, np.ndarray]] | None,
    steps_taken: int,
    *,
    batch_size: int,
    seed: int,
    workers: int,
    process_index: int,
    process_count: int,
) -> Any:
    """An endless, shuffled Grain iterable of batches: of draws, or of what `render` makes of them.

    Example i of the endless stream depends on (seed, i) alone. Step k takes the `global_batch`
    examples from k * global_batch on, of which each process takes every `process_count`-th: the
    global batches are the same for any number of processes and workers, a batch runs over the end
    of an epoch rather than being uneven, and the position in the data is the number of steps.
    """
    global_batch = batch_size * process_count
    dataset = (
        grain.MapDataset.range(records)
        .seed(seed)
        .shuffle()
        .repeat()
        .random_map(draw)[steps_taken * global_batch + process_index :: process_count]
    )
    if render is not None:
        dataset = dataset.map(render)
    # Nothing remains of an endless stream. Without this Grain computes the number of batches as a
    # float, which in batches of one is above the largest length.
    dataset = dataset.batch(batch_size, drop_remainder=True).to_iter_dataset(
        grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
    )
    if workers:
        dataset = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return dataset
