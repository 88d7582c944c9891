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

from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig, SoftganData
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.data import LABELS, super_resolution_planes
from casgan_jax.data.drawn_marks import draw_marks
from casgan_jax.evaluation.case import SWEEP, Case
from casgan_jax.evaluation.data_set import choose_threshold, evaluate
from casgan_jax.evaluation.marks import lesion_rng
from casgan_jax.grid import PAPER_THRESHOLD, Box, area_mean, decode_alpha, normalise
from casgan_jax.json_form import to_json
from casgan_jax.records.marks import measured_axes
from casgan_jax.records.neighbours import shown_neighbours
from casgan_jax.records.patches import marked_box, marked_patch
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.report.sheet import ERROR_COLOURS, colour_error, sheet
from casgan_jax.soft_mask.mark_planes import Marks
from casgan_jax.systems.cascade import Cascade, check_finite, symmetries_of
from casgan_jax.systems.networks import super_resolver
from casgan_jax.workdir.processes import is_first

Variables = Any
GRID_ROWS = 6


@dataclasses.dataclass(frozen=True)
class SegmentationFigures:
    """What a segmentor is measured by.

    Attributes:
      dice: the best mean, at `threshold`; see `casgan_jax.evaluation.data_set.choose_threshold`.
      dice_128: at 128/255.
      iou_label_128: against the label, both at 128/255.
      threshold: the best one.
      soft_mae: against the true alpha where that is learnt, else against the label.
      matting_soft_mae: of the label against the true alpha; None where that is not known.
    """

    dice: float
    dice_128: float
    iou_label_128: float
    threshold: float
    soft_mae: float
    matting_soft_mae: float | None = None


@dataclasses.dataclass(frozen=True)
class SuperResolutionFigures:
    """What SRGAN is measured by: PSNR in dB and SSIM, its own and bicubic interpolation's."""

    psnr: float
    ssim: float
    bicubic_psnr: float
    bicubic_ssim: float


@dataclasses.dataclass(frozen=True)
class Validation:
    """One validation.

    Attributes:
      figures: what was measured.
      score: what the best checkpoint is chosen by; higher is better.
      grid: (H, W, 3) uint8.
      threshold: the best one, or None where there is nothing to binarise.
      warning: a line if the networks have gone astray, else "".
    """

    figures: SegmentationFigures | SuperResolutionFigures
    score: float
    grid: np.ndarray
    threshold: float | None = None
    warning: str = ""

    @property
    def metrics(self) -> dict[str, float]:
        """The figures by name, for the logs."""
        metrics: dict[str, float] = to_json(self.figures)
        return metrics


Validate = Callable[[Variables], Validation]


def measure(config: StageConfig) -> str:
    """What the score of a validation on the way is; only equal measures can be compared."""
    records = f"{config.train.validation_records or 'all'} records"
    if isinstance(config, SrganConfig):
        return f"psnr of {records}"
    score = "dice"
    if config.train.best == "soft_mae":
        score = f"soft_mae against {config.data.label}"
    return f"{score} of {records} by {len(symmetries_of(config))} symmetries"


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
    show = functools.partial(_as_in_training, config=config)

    def validate(variables: Variables) -> Validation:
        nonlocal cascade
        if cascade is None:
            cascade = Cascade(config, variables, frozen)
        current = cascade.with_variables(variables)
        measured = evaluate(current, records, metadata, show=show, progress=is_first())
        cases = measured.cases
        choice = choose_threshold(measured)
        curve = measured.curves().dice[choice.population].against(choice.against)
        mae = "network_soft_mae" if config.data.label == "true_alpha" else "label_soft_mae"
        figures = SegmentationFigures(
            dice=choice.dice,
            dice_128=float(np.interp(PAPER_THRESHOLD, SWEEP, curve)),
            iou_label_128=_mean(cases, "label_iou_128"),
            threshold=choice.threshold,
            soft_mae=_mean(cases, mae),
            matting_soft_mae=(
                _mean(cases, "matting_soft_mae") if "matting_soft_mae" in cases[0].figures else None
            ),
        )
        score = -figures.soft_mae if config.train.best == "soft_mae" else figures.dice
        return Validation(
            figures,
            score,
            _segmentation_grid(current, records[:GRID_ROWS], metadata, config.data),
            threshold=choice.threshold,
            warning=_collapse([case.predicted_share for case in cases], choice.dice),
        )

    return validate


def _mean(cases: list[Case], name: str) -> float:
    return float(np.mean([case.figures[name] for case in cases]))


def _as_in_training(record: Any, *, config: SoftganConfig) -> Marks:
    """The marks of a record, drawn as those of training are; by its key, so always the same."""
    rng, axes, drawn = lesion_rng(record, config.seed), measured_axes(record), config.data.marks
    return draw_marks(record["mark"], axes, record["image"].shape, rng, drawn=drawn)


def _collapse(shares: list[float], best_dice: float) -> str:
    """Says what is wrong if every prediction is empty, full or beside its lesion."""
    if max(shares) == 0.0 and best_dice < 0.05:
        found = "empty"
    elif min(shares) == 1.0:
        found = "full"
    elif best_dice < 0.05:  # a mask of the whole patch has more
        found = "beside its lesion"
    else:
        return ""
    return (
        f"collapsed: every validation mask is {found}; what helps: more steps, where these were "
        "few, `loss.l1=0` (its optimum is the median, which is background), "
        "`loss.cross_entropy=20`, a lower `loss.adversarial` or `optim.lr`, `model.initial_alpha` "
        "near the lesions' share of a patch (0.03)"
    )


def worse_than_interpolation(psnr: float, bicubic_psnr: float) -> str:
    """Says what is wrong if SRGAN's images are further from the truth than bicubic ones."""
    if psnr >= bicubic_psnr:
        return ""
    return (
        f"worse than interpolation: SRGAN's PSNR is {psnr:.1f}, that of bicubic interpolation "
        f"{bicubic_psnr:.1f}; what helps: more steps, a lower `optim.lr`, `optim.clip=1`, where it "
        "is not so `model.residual_to_interpolation=true` (in a cascade `srgan.optim.lr` and so "
        "on), or a cascade without SRGAN by `sr=none`"
    )


def _segmentation_grid(
    cascade: Cascade, records: list[Any], metadata: Any, data: SoftganData
) -> np.ndarray:
    patches = np.stack(
        [normalise(marked_patch(r, "image", data.patch), metadata["window"]) for r in records]
    )
    output = cascade(patches, neighbours=_beside(records, metadata, data))
    _, make_target = LABELS[data.label]
    rows = []
    for patch, sr, alpha, record in zip(
        patches, output["super_resolution"], output["alpha"], records, strict=True
    ):
        target = make_target(record, data.scale, int(metadata["scale"]))
        truth = decode_alpha(marked_box(record, data.patch).scaled(data.scale).crop(target))
        rows.append([patch, sr, truth, alpha, colour_error(alpha, truth)])
    titles = ["patch", "SR image", "truth", "prediction", "error"]
    return sheet(rows, titles=titles, note=ERROR_COLOURS)


def _beside(records: list[Any], metadata: Any, data: SoftganData) -> np.ndarray | None:
    """(N, P, P, slices) in [0, 1] beside the patches; None of a network that sees none."""
    if not data.neighbours:
        return None
    return np.stack(
        [
            marked_box(r, data.patch).crop(shown_neighbours(r, metadata["window"], data.neighbours))
            for r in records
        ]
    )


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
        sr = np.concatenate([np.asarray(batch)[..., 0] for batch in batches])
        check_finite(sr)
        sr = sr.clip(0.0, 1.0)
        figures = SuperResolutionFigures(**quality(sr), **baseline)
        rows = [
            [small, smooth, fine, truth, colour_error(fine, truth)]
            for small, smooth, fine, truth in zip(low, bicubic, sr, high, strict=True)
        ][:GRID_ROWS]
        titles = ["low resolution", "bicubic", "SR image", "truth", "error"]
        return Validation(
            figures,
            figures.psnr,
            sheet(rows, titles=titles, note=ERROR_COLOURS),
            warning=worse_than_interpolation(figures.psnr, figures.bicubic_psnr),
        )

    return validate


def _middle(plane: np.ndarray, side: int) -> np.ndarray:
    height, width = plane.shape
    return Box.centred(((width - 1) / 2, (height - 1) / 2), side).crop(plane)
