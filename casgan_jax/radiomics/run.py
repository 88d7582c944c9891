"""A run of table 5: lesions, their features, cross-validation, what is left behind in a folder.

    done = run(load_config("radiomics", [("data.dir", "data/phantom/medium")]), Path("runs/soft"))
    done.scores.auc

WORKDIR gets config.json; features.npz, unless another run's are taken (`config.table`); and in
evaluation/test lesions.csv, metrics.json and scores.npz, unless `config.classifier` is "none". No
split is left out for testing: all lesions are measured, each by classifiers that have not seen it.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.configs.schema.checks import check_fields
from casgan_jax.configs.schema.json_form import to_dict
from casgan_jax.configs.schema.radiomics import NO_CLASSIFIER, RadiomicsConfig
from casgan_jax.errors import UserError
from casgan_jax.evaluation.bootstrap import Interval
from casgan_jax.files import expand_user, make_folder, read_json, write_whole
from casgan_jax.json_form import to_json
from casgan_jax.progress import followed
from casgan_jax.radiomics.classification import (
    OutOfFold,
    accuracy,
    auc,
    correct,
    cross_validate,
)
from casgan_jax.radiomics.feature_sets import feature_table
from casgan_jax.radiomics.features import EIGHT_BITS, HOUNSFIELD
from casgan_jax.radiomics.scores import read_arrays, write_scores
from casgan_jax.workdir.config import write_config
from casgan_jax.workdir.layout import (
    FEATURES,
    LESIONS,
    METRICS,
    SCORES,
    config_file,
    evaluation_folder,
)

# What a table of features depends on.
_OF_TABLE = ("data", "features", "per_class", "match_area", "seed")


class FeatureTable(NamedTuple):
    """Lesions and their features.

    Attributes:
      keys, patients: (N,) names.
      groups: (N,) names of what stays in one fold, see `casgan_jax.radiomics.selection`.
      spiculated: (N,) bool, the class.
      values: (N, F).
    """

    keys: np.ndarray
    patients: np.ndarray
    groups: np.ndarray
    spiculated: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Scores:
    """How well classifiers tell lesions apart that they have not seen; metrics.json has it.

    Attributes:
      acc: share of lesions that were classified correctly.
      auc: area under the ROC curve.
      lesions, patients: that were measured.
      features: of each lesion.
      repetitions: of the cross-validation.
    """

    acc: Interval
    auc: Interval
    lesions: int
    patients: int
    features: int
    repetitions: int


@dataclass(frozen=True)
class RadiomicsRun:
    """What a run found.

    Attributes:
      lesions, patients: whose features there are.
      features: of each lesion.
      scores: of the classifier; None where the config names none.
      file: what the run leaves: a line for each lesion, or the features where nothing is measured.
    """

    lesions: int
    patients: int
    features: int
    scores: Scores | None
    file: Path


def run(config: RadiomicsConfig, workdir: Path) -> RadiomicsRun:
    """Measures how well lesions' features tell spiculated from smooth.

    Args:
      config: what is measured, and how.
      workdir: made if it is not there.

    Raises:
      UserError: a field is out of range, lesions, ratings or another run's features cannot be
        read, there are too few lesions, or pyradiomics is missing.
    """
    check_fields(config)
    workdir = make_folder(expand_user(workdir), field="workdir")
    write_config(config, workdir)
    if config.table:
        table = _read_table(config)
    else:
        table = _make_table(config)
        _write_table(workdir / FEATURES, table)
    sizes = (len(table.keys), len(np.unique(table.patients)), table.values.shape[1])
    if config.classifier == NO_CLASSIFIER:
        return RadiomicsRun(*sizes, None, workdir / FEATURES)
    first = config.seed * config.repetitions
    result = cross_validate(
        table.values,
        table.spiculated,
        table.patients,
        config.classifier,
        groups=table.groups,
        folds=config.folds,
        inner_folds=config.inner_folds,
        seeds=range(first, first + config.repetitions),
        progress=True,
    )
    folder = make_folder(evaluation_folder(workdir, "test"), field="workdir")
    scores = Scores(accuracy(result), auc(result), *sizes, len(result.scores))
    _write_evaluation(folder, table, result, scores)
    return RadiomicsRun(*sizes, scores, folder / LESIONS)


def _make_table(config: RadiomicsConfig) -> FeatureTable:
    # Imported here: who takes another run's features reads no data set.
    from casgan_jax.radiomics.selection import select_lidc, select_phantoms
    from casgan_jax.records.prepared import feature_names

    found = feature_names(config.data.dir)
    missing = sorted({"image", "alpha", "consensus", "lesion", "patient"} - found)
    if missing:
        raise UserError(
            "data.dir",
            found=f"records without {', '.join(missing)} in {config.data.dir}",
            expected="lesions with soft and binary masks",
            remedy="name a data set like phantom or lidc",
        )
    choice: dict[str, Any] = dict(
        per_class=config.per_class, match_area=config.match_area, seed=config.seed
    )
    if config.data.ratings:
        lesions = select_lidc(config.data.dir, config.data.ratings, **choice)
    elif {"spiculation", "lobulation"} <= found:
        lesions = select_phantoms(config.data.dir, **choice)
    else:
        raise UserError(
            "data.ratings",
            found=f"none, and {config.data.dir} does not know how its lesions were drawn",
            expected="a CSV file with the columns patient,nodule,spiculation_mean,margin_mean",
            remedy="set `data.ratings=FILE`",
        )
    eight_bits = lesions[0].image.dtype == np.uint8
    values = feature_table(
        followed(lesions, config.features, total=len(lesions), unit="lesion"),
        config.features,
        EIGHT_BITS if eight_bits else HOUNSFIELD,
    )
    return FeatureTable(
        np.asarray([one.key for one in lesions]),
        np.asarray([one.patient for one in lesions]),
        np.asarray([one.group for one in lesions]),
        np.asarray([one.spiculated for one in lesions]),
        values,
    )


def _write_table(path: Path, table: FeatureTable) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **table._asdict())
    write_whole(path, buffer.getvalue())


def _read_table(config: RadiomicsConfig) -> FeatureTable:
    folder = expand_user(config.table)
    remedy = "set `table=` to compute them, or name a run that did"
    made_from = read_json(config_file(folder), remedy=remedy)
    for field in _OF_TABLE:
        wanted = to_dict(config)[field]
        if made_from.get(field) != wanted:
            raise UserError(
                "table",
                found=f"features made with {field} {made_from.get(field)!r} in {folder}",
                expected=f"{wanted!r}",
                remedy=f"{remedy}",
            )
    return FeatureTable(**read_arrays(folder / FEATURES, FeatureTable._fields, remedy=remedy))


def _write_evaluation(folder: Path, table: FeatureTable, result: OutOfFold, scores: Scores) -> None:
    columns = {
        "key": table.keys.tolist(),
        "patient": table.patients.tolist(),
        "spiculated": table.spiculated.astype(int).tolist(),
        "score": result.scores.mean(axis=0).tolist(),
        "correct": correct(result).tolist(),
    }
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    write_whole(folder / LESIONS, text.getvalue().encode())
    write_whole(folder / METRICS, (json.dumps(to_json(scores), indent=1) + "\n").encode())
    write_scores(folder / SCORES, table.keys, result)
