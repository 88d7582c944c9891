"""Cross-validation over patients: each fold is a prepared data set of its own.

A fold's test split holds a share of the patients, another share of the others chooses thresholds,
the rest trains. Whoever reads prepared data sets reads folds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from array_record.python.array_record_module import ArrayRecordWriter

from casgan_jax.errors import UserError
from casgan_jax.evaluation.planes import plain_value
from casgan_jax.files import read_json
from casgan_jax.records.prepared import dataset_directory, load_split, open_prepared
from casgan_jax.records.splits import SPLITS, position_of

VALIDATION_SHARE = 0.1  # of the patients that are not in the test split
_REMEDY = "build the data set again, with `overwrite`"


def split_in_fold(patient: str, fold: int, folds: int) -> str:
    """The split of a patient in a fold; every patient is in one fold's test split.

    Patients lie along `position_of`, which folds cut into equal pieces; of the rest, taken round
    from the piece's end, the first tenth validates.
    """
    position = (position_of(patient) - fold / folds) % 1.0
    if position < 1.0 / folds:
        return "test"
    share = (position - 1.0 / folds) / (1.0 - 1.0 / folds)
    return "validation" if share < VALIDATION_SHARE else "train"


def write_fold(data_dir: str | Path, folder: Path, fold: int, folds: int) -> Path:
    """A fold of a prepared data set, all of whose patients are drawn again; written once.

    Args:
      data_dir: prepared, with the patient of each record.
      folder: to write to.
      fold: from 0 to folds - 1.
      folds: into which patients are cut, 2 or more.

    Returns:
      The folder of the prepared fold.

    Raises:
      UserError: the data set cannot be read, or a split of the fold would have no record.
    """
    source = dataset_directory(data_dir)
    version = source.name
    done = folder / version
    if done.is_dir():
        return done
    part = folder / f"{version}.incomplete"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    name = open_prepared(source).info.name
    paths = {split: part / f"{name}-{split}.array_record-00000-of-00001" for split in SPLITS}
    writers = {split: ArrayRecordWriter(str(path), "group_size:1") for split, path in paths.items()}
    counts = dict.fromkeys(SPLITS, 0)
    for patient, coded in _coded_records(source):
        split = split_in_fold(patient, fold, folds)
        writers[split].write(coded)
        counts[split] += 1
    for writer in writers.values():
        writer.close()
    for split, count in counts.items():
        if not count:
            raise UserError(
                f"fold {fold + 1} of {folds}",
                found=f"no {split} record",
                expected="patients in every split",
                remedy="use a data set of more patients, or fewer folds",
            )
    info = read_json(source / "dataset_info.json", remedy=_REMEDY)
    first = info["splits"][0]
    sizes = {split: str(path.stat().st_size) for split, path in paths.items()}
    info["splits"] = [
        {**first, "name": split, "shardLengths": [str(count)], "numBytes": sizes[split]}
        for split, count in counts.items()
    ]
    (part / "dataset_info.json").write_text(json.dumps(info, indent=2))
    for other in ("features.json", "metadata.json"):
        shutil.copy(source / other, part / other)
    return part.rename(done)


def _coded_records(source: Path) -> Iterator[tuple[str, bytes]]:
    """The patient and the bytes of every record of all splits."""
    import tensorflow_datasets as tfds

    builder: Any = open_prepared(source)
    for split, info in builder.info.splits.items():
        if not info.num_examples:
            continue
        coded = builder.as_data_source(
            split=split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
        )
        patients = load_split(source, split, features=("patient",))
        for index in range(len(coded)):
            yield plain_value(patients[index]["patient"]), coded[index]
