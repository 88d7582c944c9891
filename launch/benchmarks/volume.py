"""Soft masks of whole lesions from the RECIST axes of one slice.

Lesions of the test split of a prepared data set of volumes: Dice with the readers' 50% consensus or
the true alpha at one half, error of the volume, and whether the soft mask ends within a slice of
where the lesion does, from axes of the largest slice with a hand's noise; with --workdir followed
by a network, too.

lidc/volumes: the data set holds no slice beyond those that readers marked, so that a lesion can end
too early, never too late; and not the distance of slices, which is taken to be 2 mm. Its crops are
stretched each by itself. The pretrained network was trained on other patients of LIDC.

phantom/volumes: made lesions in slices of 1.25, 2.5 and 5 mm, whose true volume is known; ends may
be missed on both sides. No network has learnt from them, unless it was told to.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from casgan_jax.errors import Step, UserError
from casgan_jax.grid import binarise
from casgan_jax.inference.load import load_cascade
from casgan_jax.soft_mask.trimap import AnnotationError
from launch.benchmarks.volumes import cases as lesions
from launch.benchmarks.volumes.methods import Method, methods

NOISES = (0.0, 0.5, 1.0)
_THRESHOLD = 0.5
_READERS = 0.3  # where matted soft masks agree best with what readers outline (docs/labels.md)


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields a row for each method and noise, then the summary.

    Raises:
      UserError: no data set of volumes is named, or the network sees no axes.
    """
    if options.volume_dir is None:
        raise UserError(
            "volume_dir",
            found="none",
            expected="a data set of volumes",
            remedy="make one",
            step=Step("build", {"dataset": "phantom/volumes", "data_dir": "data"}),
        )
    cascade = None if options.workdir is None else load_cascade(options.workdir)
    if cascade is not None and "axes" not in cascade.mark_kinds:
        raise UserError("workdir", found="a network that sees no axes", expected="one that does")
    ways = methods(cascade)
    best = list(ways)[-1]
    cases = lesions.read_cases(options.volume_dir, options.limit)
    agreements = [lesions.readers_agreement(case) for case in cases if len(case.readers) > 1]
    yield {
        "lesions": len(cases),
        "readers_dice": round(float(np.nanmean(agreements)), 3) if agreements else None,
    }
    summary: dict[str, Any] = {}
    for noise in NOISES:
        for name, way in ways.items():
            row = measured(cases, way, noise)
            yield {"method": name, "noise_px": noise, **row}
            if name == best:
                _add(summary, row, noise)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    yield {"method": best, **summary, "megabytes": memory}


def _add(summary: dict[str, Any], row: dict[str, Any], noise: float) -> None:
    summary.setdefault("dice_volume", {})[f"{noise:g} px"] = row["dice_at_0.3"]
    summary.setdefault("median_volume_error", {})[f"{noise:g} px"] = row["error_at_0.3"]
    for name in ("soft_error", "binary_error"):
        summary.setdefault(name, {})[f"{noise:g} px"] = row[name]
    summary.setdefault("ends_within_one", {})[f"{noise:g} px"] = row["ends_within_one"]
    summary["seconds"] = row["seconds"]


def measured(cases: Sequence[lesions.Case], way: Method, noise: float) -> dict[str, Any]:
    """Figures of a method from axes with so much noise; errors are medians of the absolute."""
    found, seconds = [], []
    for case in cases:
        start = time.perf_counter()
        try:
            alpha = way(case, case.axes(noise))
        except AnnotationError:  # axes of noise alone
            continue
        seconds.append(time.perf_counter() - start)
        found.append(_figures(case, alpha))
    dice, readers_dice, soft, binary, outlined, ends = np.array(found).T
    return {
        "lesions": len(found),
        "dice": round(float(dice.mean()), 4),
        "dice_at_0.3": round(float(readers_dice.mean()), 4),
        "error_at_0.3": round(float(np.median(abs(outlined))), 4),
        "soft_error": round(float(np.median(abs(soft))), 4),
        "binary_error": round(float(np.median(abs(binary))), 4),
        "binary_bias": round(float(np.median(binary)), 4),
        "ends_within_one": round(float(ends.mean()), 3),
        "seconds": round(float(np.median(seconds)), 3),
    }


def _figures(case: lesions.Case, alpha: np.ndarray) -> tuple[float, ...]:
    """Dice at both thresholds, relative errors of the soft volume and of those, right ends."""
    mask, outlined = binarise(alpha, _THRESHOLD), binarise(alpha, _READERS)
    dices = [lesions.volume_dice(each, case.truth) for each in (mask, outlined)]
    errors = [float(each.sum()) / case.volume - 1 for each in (alpha, mask, outlined)]
    slices, true = (np.flatnonzero(each.any(axis=(1, 2))) for each in (mask, case.truth))
    ends = bool(len(slices)) and max(abs(slices[[0, -1]] - true[[0, -1]])) <= 1
    return *dices, *errors, float(ends)
