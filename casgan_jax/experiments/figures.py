"""The pictures of an experiment: cases of one row, chosen by rank and not by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.evaluation.compared import ComparedCase, compared_case
from casgan_jax.evaluation.comparison import Lesion, LesionMeans
from casgan_jax.evaluation.prediction import Failure, predict_records
from casgan_jax.experiments.plan import Draw
from casgan_jax.experiments.rows import Outcome, Task
from casgan_jax.images import write_png
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.report.results import Picture
from casgan_jax.workdir.layout import evaluation_folder

CASES = 6


def write_figures(
    name: str, draw: Draw, done: Sequence[tuple[Task, Outcome]], output: Path
) -> list[Picture]:
    """Draws the first seed of each finished row that is shown, into OUTPUT/NAME-N.png.

    Args:
      name: of the figure.
      draw: cases -> picture, of `casgan_jax.report.comparison_sheet`.
      done: tasks and what became of them.
      output: folder of the report, which is there.

    Raises:
      UserError: a case cannot be predicted again.
    """
    pictures: list[Picture] = []
    for task, outcome in done:
        if outcome.status != "done" or not task.row.shown or task.seed:
            continue
        file = f"{name}-{len(pictures) + 1}.png"
        write_png(output / file, draw(_cases(task.folder)))
        pictures.append(Picture(f"{task.row.name}, {task.data_set.name}", file))
    return pictures


def _cases(workdir: Path) -> list[ComparedCase]:
    """Lesions of a row's test split, as it sees them."""
    # A figure needs the networks; a table does not, and starts without JAX.
    from casgan_jax.inference.load import load_system

    keys = _chosen(evaluation_folder(workdir, "test"))
    system = load_system(workdir)
    directory = system.config.data.test_dir or system.config.data.dir
    found = {
        record["key"].decode(): index
        for index, record in enumerate(load_split(directory, "test", features=("key",)))
    }
    records = load_split(directory, "test")
    chosen = [records[found[key]] for key in keys]
    cases = []
    for item in predict_records(system, chosen, read_metadata(directory)["window"]):
        if isinstance(item, Failure):
            raise UserError(
                item.key,
                found=f"{item.reason}",
                expected=f"a prediction as when {workdir} was measured",
                remedy="remove that folder and run the same command again",
            )
        cases.append(compared_case(item, system.threshold))
    return cases


def _chosen(folder: Path) -> list[str]:
    """Keys of lesions that equally many readers outlined, so that a sheet's columns are alike."""
    dice, readers = (
        LesionMeans.read([folder], column) for column in ("consensus_dice", "n_readers")
    )
    if dice is None or readers is None:
        raise UserError(
            folder,
            found="no lesion that readers outlined",
            expected="those that are shown",
            remedy="draw the figure of another data set",
        )
    most = max(readers.by_lesion.values())
    kept = {key: value for key, value in dice.by_lesion.items() if readers.by_lesion[key] == most}
    return evenly_ranked(kept, CASES)


def evenly_ranked(values: Mapping[Lesion, float], count: int) -> list[str]:
    """Keys of the best, the worst and evenly spaced ranks between them, best first.

    Args:
      values: {(patient, key): figure}, higher is better.
      count: how many; all where there are fewer.
    """
    ranked = sorted(values, key=lambda lesion: (-values[lesion], lesion))
    ranks = np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int)
    return [ranked[rank][1] for rank in ranks]
