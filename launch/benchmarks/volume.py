"""Soft masks of whole lesions from the RECIST axes of one slice.

Nodules of a prepared LIDC data set's test split, on three neighbouring slices or more: Dice of the
volume with the readers' 50% consensus, error of its volume, and whether it ends within a slice of
it, from axes of the largest slice with a hand's noise. The data set holds no slice beyond those
that readers marked, so that on it a lesion can end too early, never too late; and not the distance
of slices, which is taken to be 2 mm. Its crops are stretched each by itself. The pretrained network
was trained on other patients of LIDC.

Made lesions (`datasets.phantom.volume`) in slices of 1.25, 2.5 and 5 mm: error of the true volume,
of the soft mask and of what reaches one half, and ends, which may be missed on both sides.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import binarise
from casgan_jax.inference.load import load_cascade
from casgan_jax.soft_mask.trimap import AnnotationError
from launch.benchmarks.volumes import cases as lesions
from launch.benchmarks.volumes.methods import Method, methods

NOISES = (0.0, 0.5, 1.0)
PHANTOMS = 48
_THRESHOLD = 0.5
_READERS = 0.3  # where matted soft masks agree best with what readers outline (docs/labels.md)


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields a row for each method and noise on nodules, for each method on made lesions, then the
    summary.

    Raises:
      UserError: no data set is named, or the network sees no axes.
    """
    cascade = None if options.workdir is None else load_cascade(options.workdir)
    if cascade is not None and "axes" not in cascade.mark_kinds:
        raise UserError("workdir", found="a network that sees no axes", expected="one that does")
    ways = methods(cascade)
    best = list(ways)[-1]
    summary: dict[str, Any] = {}
    if options.data_dir is not None:
        nodules = lesions.nodules(options.data_dir, options.limit)
        agreement = float(np.nanmean([lesions.readers_agreement(case) for case in nodules]))
        yield {"readers_dice": round(agreement, 3), "nodules": len(nodules)}
        for noise in NOISES:
            for name, way in ways.items():
                row = measured(nodules, way, noise)
                yield {"method": name, "noise_px": noise, **row}
                if name == best:
                    _add(summary, row, noise)
    made = list(lesions.phantoms(min(PHANTOMS, options.limit)))
    for name, way in ways.items():
        if "network" not in name:  # it has not learnt from made lesions, nor in Hounsfield units
            row = measured(made, way, 0.0)
            yield {"method": name, "made": True, **row}
    summary |= {f"phantom_{key}": row[key] for key in ("soft_error", "binary_error")}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    yield {"method": best, **summary, "megabytes": memory}


def _add(summary: dict[str, Any], row: dict[str, Any], noise: float) -> None:
    summary.setdefault("dice_volume", {})[f"{noise:g} px"] = row["dice_at_0.3"]
    summary.setdefault("median_volume_error", {})[f"{noise:g} px"] = row["error_at_0.3"]
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
