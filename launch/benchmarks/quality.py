"""CasGAN and U-Net beside MONAI's networks: the same patients, the same seconds, the same measures.

For each fold of the patients (`peers/folds.py`) every system is trained for `seconds` of processor
time, with compilation and without validations (on a GPU: of time), one after the other, and
measured by a click alone on the fold's test patients: with all folds every patient is tested once.
Rows tell of every system in every fold, then of every system over all of them: Dice against the
consensus of four readers, clicked in the middle of the lesion and at any pixel of it, against each
of them, against the majority of each three (as a reader is measured: `reader`), error of the soft
mask where any reader marked, expected calibration error, 95% Hausdorff distance in native pixels;
Dice by the size and the kind of nodule. The summary has paired differences to the best peer, with
intervals by resampling patients.

With --isbi_dir the same on ISBI 2012 (`isbi2012/honest`): its own split, no folds. With --workdir
everything that is trained is kept there, and the same command goes on; learning_curves.png lies
beside it. --suite=quality:quick trains for two minutes, on one fold. --suite=quality:package trains
the peers alone, on the data set's own split of LIDC, and has the network of the package in place of
CasGAN. --peers chooses some of the peers.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError
from launch.benchmarks.peers.comparing import compared, measured
from launch.benchmarks.peers.folds import write_fold
from launch.benchmarks.peers.tasks import ISBI, LIDC, PACKAGE, Task, among

VARIANTS = {
    "quick": "two minutes each, one fold, 100 test slices",
    "package": "the network of the package beside peers, on the data set's own split",
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is trained."""

    seconds: float
    folds: int
    run: int  # of the folds
    limit: int = 0  # of test records; 0: all


def run(options: Any, variant: str = "") -> Iterator[dict[str, Any]]:
    """Yields a row for each system of each fold, a row for each system, then the summary.

    Args:
      options: of the command.
      variant: "" or one of VARIANTS.

    Raises:
      UserError: no data set is named, it does not fit, no such peer, a package lacks, or a
        training failed.
    """
    tasks = [(LIDC, options.data_dir), (ISBI, options.isbi_dir)]
    if variant == "package":
        tasks = [(PACKAGE, options.data_dir)]
    tasks = [(among(task, options.peers), data_dir) for task, data_dir in tasks if data_dir]
    if not tasks:
        raise UserError(
            "data_dir",
            found="none",
            expected="the folder of a prepared data set",
            remedy="build the lidc data set",
        )
    plan = Plan(options.seconds, options.folds, options.first_folds or options.folds)
    if variant == "quick":
        plan = Plan(seconds=120.0, folds=5, run=1, limit=100)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.workdir or temporary)
        summary: dict[str, Any] = {"seconds": plan.seconds}
        if any(task.folded for task, _ in tasks):
            summary["folds"] = f"{plan.run} of {plan.folds}"
        for task, data_dir in tasks:
            for row in _of_task(task, data_dir, folder / task.name, plan):
                if "best_peer" in row:
                    summary[task.name] = row
                else:
                    yield {"data": task.name, **row}
        yield summary


def _of_task(task: Task, data_dir: str, folder: Path, plan: Plan) -> Iterator[dict[str, Any]]:
    """Rows of one data set; the last is what it comes to."""
    found = []
    for fold in range(plan.run if task.folded else 1):
        place = folder / f"fold-{fold}"
        data = Path(data_dir)
        if task.folded:
            data = write_fold(data_dir, place / "data", fold, plan.folds)
        for name in task.systems:
            where = place / name.replace(" ", "-").lower()
            result = measured(task, name, data, where, plan.seconds, plan.limit)
            found.append(result)
            yield {"fold": fold, **result.row()}
    yield from compared(task, found, folder)
