"""The names of the files that a run and an experiment leave behind.

A run:

    WORKDIR/config.json            the resolved config
    WORKDIR/data.json              which data sets and patients its stages learn from
    WORKDIR/features.npz           of a radiomics run: what it computed of the lesions
    WORKDIR/STAGE/                 of `srgan`, `softgan` or `classical`:
        checkpoints/, log.jsonl, tensorboard/, samples/, initial_weights.json
        weights/                   by which the stage is used, once it is trained
        result.json                of a finished stage
    WORKDIR/evaluation/SPLIT/      metrics.json, lesions.csv, curves.json, table.md, worst.png,
                                   worst_errors.png; of a radiomics run scores.npz;
                                   shown axes, SPLIT is SPLIT-axes-0.5px

An experiment: report.html, report.md and results.json, and a workdir for every row and seed, with
row.json in it.
"""

from __future__ import annotations

from pathlib import Path

# In the folder of a run.
CONFIG = "config.json"
DATA = "data.json"
LOCK = ".lock"
FEATURES = "features.npz"
ROW = "row.json"

# In the folder of a stage, and in that of its weights.
RESULT = "result.json"
LOG = "log.jsonl"
TENSORBOARD = "tensorboard"
CHECKPOINTS = "checkpoints"
SAMPLES = "samples"
INITIAL_WEIGHTS = "initial_weights.json"
WEIGHTS = "weights"
ARRAYS = "weights.safetensors"
SYSTEM = "system.json"

# In the folder of an evaluation.
METRICS = "metrics.json"
LESIONS = "lesions.csv"
CURVES = "curves.json"
TABLE = "table.md"
WORST = "worst.png"
WORST_ERRORS = "worst_errors.png"
SCORES = "scores.npz"

# In the folder of an experiment.
RESULTS = "results.json"
REPORT = "report.md"
REPORT_PAGE = "report.html"


def config_file(workdir: Path) -> Path:
    """The config of a run."""
    return workdir / CONFIG


def data_file(workdir: Path) -> Path:
    """What the stages of a run learn from."""
    return workdir / DATA


def result_file(workdir: Path, stage: str) -> Path:
    """What a run's stage came to; there once it is finished."""
    return workdir / stage / RESULT


def log_file(workdir: Path, stage: str) -> Path:
    """What a run's stage logged, one JSON object a line."""
    return workdir / stage / LOG


def checkpoints_folder(workdir: Path, stage: str) -> Path:
    """Where a run's stage is saved while it is trained."""
    return workdir / stage / CHECKPOINTS


def weights_folder(workdir: Path, stage: str) -> Path:
    """Where the weights of a run's stage are."""
    return workdir / stage / WEIGHTS


def evaluation_folder(
    workdir: Path, split: str, *, marks: str = "click", noise: float = 0.0
) -> Path:
    """What a run was measured to be on a split of its data: SPLIT, or shown axes SPLIT-axes-0.5px.

    Args:
      workdir: of the run.
      split: of its data.
      marks, noise: that the system was shown, see `casgan_jax.inference.evaluate`.
    """
    name = split if marks == "click" else f"{split}-{marks}-{noise:g}px"
    return workdir / "evaluation" / name
