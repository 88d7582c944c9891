"""The pictures of an experiment: cases of one row, chosen by rank and not by eye."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.evaluation.comparison import Lesion, LesionMeans
from casgan_jax.experiments.rows import Outcome, Task
from casgan_jax.images import write_png
from casgan_jax.workdir.layout import evaluation_folder

Draw = Callable[[Sequence[Any], float], np.ndarray]
CASES = 6


def write_figures(
    name: str, draw: Draw, done: Sequence[tuple[Task, Outcome]], output: Path
) -> list[dict[str, str]]:
    """Draws the first seed of each finished row that is shown, into OUTPUT/NAME-N.png.

    Args:
      name: of the figure.
      draw: (predictions, threshold) -> picture, of `casgan_jax.report.comparison_sheet`.
      done: tasks and what became of them.
      output: folder of the report, which is there.

    Returns:
      "title" and "file", relative to the folder, of each picture.

    Raises:
      UserError: a case cannot be predicted again.
    """
    pictures = []
    for task, outcome in done:
        if outcome.status != "done" or not task.row.shown or task.seed:
            continue
        file = f"{name}-{len(pictures) + 1}.png"
        write_png(output / file, _picture(task, draw))
        pictures.append({"title": f"{task.row.name}, {task.data_set.name}", "file": file})
    return pictures


def _picture(task: Task, draw: Draw) -> np.ndarray:
    # A figure needs the networks; a table does not, and starts without JAX.
    from casgan_jax.evaluation.data_set import Failure, predict_records
    from casgan_jax.inference.load import load_system
    from casgan_jax.records.prepared import load_split, read_metadata

    folders = [evaluation_folder(task.folder, "test")]
    measured, readers = (
        LesionMeans.read(folders, column).by_lesion for column in ("consensus_dice", "n_readers")
    )
    # All of as many readers, so that columns of the sheet are of one thing.
    most = max(readers.values())
    kept = {lesion: dice for lesion, dice in measured.items() if readers[lesion] == most}
    keys = evenly_ranked(kept, CASES)
    cascade = load_system(task.folder)
    data = cascade.config.data
    directory = data.test_dir or data.dir
    found = {
        record["key"].decode(): index
        for index, record in enumerate(load_split(directory, "test", features=("key",)))
    }
    records = load_split(directory, "test")
    chosen = [records[found[key]] for key in keys]
    predictions = list(predict_records(cascade, chosen, read_metadata(directory)["window"]))
    for item in predictions:
        if isinstance(item, Failure):
            raise UserError(
                item.key,
                found=f"{item.reason}",
                expected=f"a prediction as when {task.folder} was measured",
                remedy="remove that folder and run the same command again",
            )
    return draw(predictions, cascade.threshold)


def evenly_ranked(values: Mapping[Lesion, float], count: int) -> list[str]:
    """Keys of the best, the worst and evenly spaced ranks between them, best first.

    Args:
      values: {(patient, key): figure}, higher is better.
      count: how many; all where there are fewer.
    """
    ranked = sorted(values, key=lambda lesion: (-values[lesion], lesion))
    ranks = np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int)
    return [ranked[rank][1] for rank in ranks]
