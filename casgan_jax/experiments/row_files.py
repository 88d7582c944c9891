"""What a row of an experiment left in its workdir, as far as a report tells of it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from casgan_jax.evaluation.comparison import Lesion, LesionMeans
from casgan_jax.evaluation.files import read_curves
from casgan_jax.evaluation.summary import Agreement, Headline
from casgan_jax.json_form import from_json, read_as
from casgan_jax.report.results import DiceByStep, DiceByThreshold
from casgan_jax.workdir.layout import (
    CURVES,
    METRICS,
    WORST,
    evaluation_folder,
    log_file,
    result_file,
)
from casgan_jax.workdir.results import ClassicalResult, StageResult

_NOTHING = 0.05  # Dice below which nothing was learnt
_REMEDY = "remove the row's folder and run the same command again"


@dataclass(frozen=True)
class _LogLine:
    kind: str
    step: int
    images_per_second: float | None = None
    dice: float | None = None


@dataclass(frozen=True)
class _Metrics:
    """What is asked of metrics.json, which radiomics has, too."""

    agreement: Agreement | None = None
    records: int = 0
    empty_predictions: int = 0
    full_predictions: int = 0
    headline: Headline | None = None


def training_speed(workdir: Path) -> float | None:
    """Images a second of training, the median of what was logged; None of what is not trained."""
    found = [line.images_per_second for line in _log_lines(workdir, "train")]
    speeds = [speed for speed in found if speed is not None]
    return float(statistics.median(speeds)) if speeds else None


def inference_speed(workdir: Path) -> float | None:
    """Images a second that a method without training segments; None of what is trained."""
    path = result_file(workdir, "classical")
    if not path.is_file():
        return None
    return read_as(ClassicalResult, path, remedy=_REMEDY).images_per_second


def dice_by_step(workdir: Path) -> DiceByStep | None:
    """Dice on validation during training; None of what is not trained."""
    lines = [line for line in _log_lines(workdir, "validation") if line.dice is not None]
    if not lines:
        return None
    return DiceByStep(
        tuple(line.step for line in lines),
        tuple(line.dice for line in lines if line.dice is not None),
    )


def stage_result(workdir: Path) -> StageResult | None:
    """What training came to, of the segmentor or of SRGAN alone; None where nothing was trained."""
    for path in (result_file(workdir, stage) for stage in ("softgan", "srgan")):
        if path.is_file():
            return read_as(StageResult, path, remedy=_REMEDY)
    return None


def dice_by_threshold(workdir: Path) -> DiceByThreshold | None:
    """Mean Dice on the test split against the label; None where no masks were measured."""
    folder = evaluation_folder(workdir, "test")
    if not (folder / CURVES).is_file():
        return None
    curves = read_curves(folder)
    return DiceByThreshold(curves.thresholds, curves.dice["all"].label)


def mean_agreement(workdirs: Sequence[Path]) -> Agreement | None:
    """Dice of readers, consensus and network with each other, the mean over a row's seeds."""
    read = [one.agreement for one in _metrics(workdirs)]
    found = [agreement for agreement in read if agreement is not None]
    if not found or len(found) < len(read):
        return None
    dice = np.mean([one.dice for one in found], axis=0).round(4).tolist()
    return Agreement(
        tuple(name.replace("_", " ") for name in found[0].names),
        tuple(tuple(line) for line in dice),
        tuple(np.mean([one.others for one in found], axis=0).round(4).tolist()),
    )


def collapse(workdirs: Sequence[Path]) -> str:
    """How the networks of a row's seeds learnt nothing, such as "every mask is empty"; "" where
    they learnt something."""
    found = [told for one in _metrics(workdirs) if (told := _collapse(one))]
    seeds = f" ({len(found)} of {len(workdirs)} seeds)" if len(workdirs) > 1 else ""
    return f"{'; '.join(dict.fromkeys(found))}{seeds}" if found else ""


def _collapse(metrics: _Metrics) -> str:
    """As training says it of validation, at the threshold that was chosen there."""
    if not metrics.records:
        return ""
    if metrics.empty_predictions == metrics.records:
        return "every mask is empty"
    if metrics.full_predictions == metrics.records:
        return "every mask is full"
    if metrics.headline is not None and metrics.headline.chosen.mean < _NOTHING:
        return f"{metrics.empty_predictions} of {metrics.records} masks are empty, others astray"
    return ""


def readers_of_lesions(workdirs: Sequence[Path]) -> dict[Lesion, int]:
    """How many readers outlined each lesion of the test split; empty where that is not known."""
    folders = [evaluation_folder(workdir, "test") for workdir in workdirs]
    found = LesionMeans.read(folders, "n_readers")
    return {} if found is None else {key: int(n) for key, n in found.by_lesion.items()}


def worst_cases(workdir: Path) -> Path | None:
    """The picture of the worst cases of the test split, where there is one."""
    path = evaluation_folder(workdir, "test") / WORST
    return path if path.is_file() else None


def _metrics(workdirs: Sequence[Path]) -> list[_Metrics]:
    paths = [evaluation_folder(workdir, "test") / METRICS for workdir in workdirs]
    return [read_as(_Metrics, path, remedy=_REMEDY) for path in paths if path.is_file()]


def _log_lines(workdir: Path, kind: str) -> list[_LogLine]:
    path = log_file(workdir, "softgan")
    if not path.is_file():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    read = [from_json(_LogLine, line, place=str(path), remedy=_REMEDY) for line in lines]
    return [line for line in read if line.kind == kind]
