"""The weights of a trained stage, taken out of its training: all that its use needs.

    export_run("runs/softgan")  # of a run whose weights were lost, or of a version without them

A stage that ends exports its weights by itself (`casgan_jax.training.loop`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import casgan_jax
from casgan_jax.configs.schema.json_form import to_dict
from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import Step, UserError
from casgan_jax.files import expand_user
from casgan_jax.json_form import read_as
from casgan_jax.training.restore import restore_stage
from casgan_jax.workdir.config import read_config
from casgan_jax.workdir.layout import result_file, weights_folder
from casgan_jax.workdir.results import StageResult
from casgan_jax.workdir.trained_on import read_data, trained_on
from casgan_jax.workdir.weights import write_weights

_TRAINED_WITH = ("teacher",)  # frozen variables that training alone asks for


def export_stage(
    config: StageConfig,
    workdir: Path,
    average: Mapping[str, Any],
    frozen: Mapping[str, Any],
    result: StageResult,
) -> Path:
    """Writes the weights of a stage, and what they belong to; returns their folder.

    Args:
      config: the stage's, resolved.
      workdir: of the run.
      average: variables of the averaged generator.
      frozen: what it was trained on top of, see `casgan_jax.systems.networks`.
      result: of the stage: its `step`, `steps`, `threshold`, `validation` and `warning` are kept.
    """
    folder = weights_folder(workdir, config.name)
    kept = {name: variables for name, variables in frozen.items() if name not in _TRAINED_WITH}
    facts = {
        "stage": result.stage,
        "step": result.step,
        "steps": result.steps,
        "threshold": result.threshold,
        "validation": dict(result.validation),
        "warning": result.warning,
        "casgan_jax": casgan_jax.__version__,
        "config": to_dict(config),
    }
    if learnt_from := trained_on(read_data(workdir), config.name):
        facts["trained_on"] = learnt_from.to_json()
    write_weights(folder, average, kept, facts)
    return folder


def export_run(workdir: str | Path) -> list[Path]:
    """Writes the weights of every finished stage of a run from its checkpoints.

    Returns:
      The folders written.

    Raises:
      UserError: no run there, none of its stages is finished, or the checkpoint that was measured
        at the end is damaged or gone.
    """
    workdir = expand_user(workdir)
    config = read_config(workdir)
    assert isinstance(config, StageConfig), "`read_config` refuses others"
    stages: list[StageConfig] = [config]
    if isinstance(config, SoftganConfig) and config.sr == "train":
        stages.insert(0, config.srgan)
    folders = [
        _export_finished(stage, workdir)
        for stage in stages
        if result_file(workdir, stage.name).is_file()
    ]
    if not folders:
        raise UserError(
            "workdir",
            found=f"no finished stage in {workdir}",
            expected="one, whose weights can be exported",
            remedy="finish it by the command that began it",
            step=Step("train", {"workdir": str(workdir)}),
        )
    return folders


def _export_finished(config: StageConfig, workdir: Path) -> Path:
    path = result_file(workdir, config.name)
    result = read_as(StageResult, path, remedy="remove it and run the training's command again")
    # No other step will do: threshold and figures were chosen for this one.
    state = restore_stage(config, workdir, result.step)
    return export_stage(config, workdir, state.average, state.frozen, result)
