"""What a stage is measured by during training: scores, and a grid of pictures."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import cv2
import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.configs.schema.softgan import SoftganConfig, SoftganData
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.data import LABELS, super_resolution_planes
from casgan_jax.data.drawn_marks import draw_marks
from casgan_jax.evaluation.case import SWEEP
from casgan_jax.evaluation.data_set import choose_threshold, evaluate
from casgan_jax.evaluation.marks import lesion_rng
from casgan_jax.grid import PAPER_THRESHOLD, Box, area_mean, decode_alpha, normalise
from casgan_jax.records.marks import measured_axes
from casgan_jax.records.patches import marked_box, marked_patch
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.report.sheet import colour_error, sheet
from casgan_jax.soft_mask.mark_planes import Marks
from casgan_jax.systems.cascade import Cascade
from casgan_jax.systems.networks import super_resolver
from casgan_jax.workdir.processes import is_first

Variables = Any
GRID_ROWS = 6


@dataclasses.dataclass(frozen=True)
class Validation:
    """Figures of one validation.

    Attributes:
      metrics: by name, for the logs.
      score: what the best checkpoint is chosen by; higher is better.
      grid: (H, W, 3) uint8.
      threshold: the best one, or None where there is nothing to binarise.
      warning: a line if the networks have gone astray, else "".
    """

    metrics: dict[str, float]
    score: float
    grid: np.ndarray
    threshold: float | None = None
    warning: str = ""


Validate = Callable[[Variables], Validation]


def _first(records: Any, limit: int) -> list[Any]:
    count = min(limit, len(records)) if limit else len(records)
    return [records[index] for index in range(count)]


def softgan_validation(
    config: SoftganConfig, frozen: Variables, *, split: str = "validation", limit: int = 0
) -> Validate:
    """Measures a segmentor on the first `limit` records of a split (0: all).

    The score is the mean Dice at the threshold of `choose_threshold`; minus the soft MAE where
    `config.train.best` says so.
    """
    metadata = read_metadata(config.data.dir)
    records = _first(load_split(config.data.dir, split), limit)
    cascade: Cascade | None = None
    show = functools.partial(_as_in_training, config=config) if config.data.marks.kinds else None

    def validate(variables: Variables) -> Validation:
        nonlocal cascade
        if cascade is None:
            cascade = Cascade(config, variables, frozen)
        current = cascade.with_variables(variables)
        measured = evaluate(current, records, metadata, show=show, progress=is_first())
        rows = measured.rows
        choice = choose_threshold(measured)
        curve = measured.curves()["dice"][choice.population][choice.against]
        mae = "network_soft_mae" if config.data.label == "true_alpha" else "label_soft_mae"
        metrics = {
            "dice": choice.dice,
            "dice_128": float(np.interp(PAPER_THRESHOLD, SWEEP, curve)),
            "iou_label_128": float(np.mean([row["label_iou_128"] for row in rows])),
            "threshold": choice.threshold,
            "soft_mae": float(np.mean([row[mae] for row in rows])),
        }
        if "matting_soft_mae" in rows[0]:
            metrics["matting_soft_mae"] = float(np.mean([row["matting_soft_mae"] for row in rows]))
        score = -metrics["soft_mae"] if config.train.best == "soft_mae" else metrics["dice"]
        return Validation(
            metrics,
            score,
            _segmentation_grid(current, records[:GRID_ROWS], metadata, config.data),
            threshold=choice.threshold,
            warning=_collapse([row["predicted_share"] for row in rows], choice.dice),
        )

    return validate


def _as_in_training(record: Any, *, config: SoftganConfig) -> Marks:
    """The marks of a record, drawn as those of training are; by its key, so always the same."""
    rng, axes, drawn = lesion_rng(record, config.seed), measured_axes(record), config.data.marks
    return draw_marks(record["mark"], axes, record["image"].shape, rng, drawn=drawn)


def _collapse(shares: list[float], best_dice: float) -> str:
    """Says what is wrong if every prediction is empty or full."""
    if max(shares) == 0.0 and best_dice < 0.05:
        found = "empty"
    elif min(shares) == 1.0:
        found = "full"
    else:
        return ""
    return (
        f"collapsed: every validation mask is {found}; what helps: `loss.l1=0` (its optimum is "
        "the median, which is background), `loss.cross_entropy=20`, a lower `loss.adversarial` or "
        "`optim.lr`, `model.initial_alpha` near the lesions' share of a patch (0.03)"
    )


def _segmentation_grid(
    cascade: Cascade, records: list[Any], metadata: Any, data: SoftganData
) -> np.ndarray:
    patches = np.stack(
        [normalise(marked_patch(r, "image", data.patch), metadata["window"]) for r in records]
    )
    output = cascade(patches)
    _, make_target = LABELS[data.label]
    rows = []
    for patch, sr, alpha, record in zip(
        patches, output["super_resolution"], output["alpha"], records, strict=True
    ):
        target = make_target(record, data.scale, int(metadata["scale"]))
        truth = decode_alpha(marked_box(record, data.patch).scaled(data.scale).crop(target))
        rows.append([patch, sr, truth, alpha, colour_error(alpha, truth)])
    return sheet(rows, titles=["patch", "SR image", "truth", "prediction", "error"])


def srgan_validation(
    config: SrganConfig, frozen: Variables, *, split: str = "validation", limit: int = 0
) -> Validate:
    """Measures an SRGAN generator on the centre crops of a split: PSNR and SSIM beside bicubic's.

    The score is PSNR.
    """
    import dm_pix

    del frozen  # SRGAN depends on no other network.
    scale, patch = config.data.scale, config.data.patch
    planes = super_resolution_planes(config.data.dir, split, patch=patch, scale=scale)
    side = scale * patch
    high = np.stack([_middle(plane["image"], side) for plane in _first(planes, limit)])
    low = np.stack([area_mean(h, scale) for h in high])
    bicubic = np.stack(
        [cv2.resize(h, (side, side), interpolation=cv2.INTER_CUBIC) for h in low]
    ).clip(0.0, 1.0)
    generator = super_resolver(config)
    apply = jax.jit(lambda variables, x: generator.apply(variables, x, train=False))

    @jax.jit
    def measure(truth: jax.Array, images: jax.Array) -> dict[str, jax.Array]:
        psnr = jnp.minimum(dm_pix.psnr(truth, images), 100.0)
        return {"psnr": psnr.mean(), "ssim": dm_pix.ssim(truth, images).mean()}

    def quality(images: np.ndarray) -> dict[str, float]:
        with jax.numpy_dtype_promotion("standard"):  # dm_pix adds numbers to whole ones
            measured = measure(high[..., None], images[..., None])
        return {name: float(value) for name, value in measured.items()}

    baseline = {f"bicubic_{name}": value for name, value in quality(bicubic).items()}

    def validate(variables: Variables) -> Validation:
        batches = [
            apply(variables, low[start : start + 16, ..., None]) for start in range(0, len(low), 16)
        ]
        sr = np.concatenate([np.asarray(batch)[..., 0] for batch in batches]).clip(0.0, 1.0)
        metrics = quality(sr) | baseline
        rows = [
            [small, smooth, fine, truth, colour_error(fine, truth)]
            for small, smooth, fine, truth in zip(low, bicubic, sr, high, strict=True)
        ][:GRID_ROWS]
        titles = ["low resolution", "bicubic", "SR image", "truth", "error"]
        return Validation(metrics, metrics["psnr"], sheet(rows, titles=titles))

    return validate


def _middle(plane: np.ndarray, side: int) -> np.ndarray:
    height, width = plane.shape
    return Box.centred(((width - 1) / 2, (height - 1) / 2), side).crop(plane)
