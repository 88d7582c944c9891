"""Trains a config, measures it on the test split and says where the pictures are.

Where the data set has no test split, its validation split is measured.

Configs of methods that have no network to train, such as radiomics, are only measured.

    casgan train --config=softgan:quick
    casgan train --config=softgan --config.data.dir=data/lidc --config.optim.lr=1e-4
    casgan train --config=help

The same command continues an interrupted training, from its newest intact checkpoint; SIGTERM and
Ctrl-C save one first. Every field of the config can be set by --config.FIELD=VALUE; one line a
field, with its value and what it may be, is shown by

    casgan train --config=softgan:quick --config.help

Several hosts run the same command with --distributed, on a workdir that all of them see. SLURM,
GKE, Cloud TPU and Open MPI need no more; elsewhere say who is who (docs/clusters.md):

    casgan train --config=softgan --workdir=/shared/run --distributed \\
        --coordinator=host0:1234 --process_count=2 --process_index=0
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from casgan_jax.commands.entry import keep_compilations, run_main, with_flags
from casgan_jax.commands.large_pages import begin_with_large_pages
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.field_help import field_help
from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.load import HELP, config_help, load_config, split_overrides
from casgan_jax.configs.schema.radiomics import RadiomicsConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import Step, UserError

if TYPE_CHECKING:
    from casgan_jax.inference.evaluate import Measured

_CONFIG = flags.DEFINE_string(
    "config", None, "NAME or NAME:VARIANT; 'help' lists them, --config.help shows fields."
)
_WORKDIR = define_path("workdir", None, "Folder of the run; by default runs/NAME[-VARIANT].")
_ACCEPT = flags.DEFINE_bool(
    "accept_config_changes", False, "Continue a run although fields of its config have changed."
)
_DISTRIBUTED = flags.DEFINE_bool("distributed", False, "This is one of several processes of a run.")
_COORDINATOR = flags.DEFINE_string(
    "coordinator", None, "HOST:PORT of the first process, where JAX cannot find it."
)
_PROCESS_COUNT = flags.DEFINE_integer("process_count", None, "Processes of the run.", lower_bound=1)
_PROCESS_INDEX = flags.DEFINE_integer("process_index", None, "Which one this is.", lower_bound=0)
_overrides: list[tuple[str, str]] = []


def run() -> None:
    """The command; fields of the config are no flags and are taken from its arguments first."""
    begin_with_large_pages()
    sys.argv[1:], _overrides[:] = split_overrides(sys.argv[1:])
    run_main(main)


def main(_: list[str]) -> int:
    if _CONFIG.value == "help":
        print(config_help())
        return 0
    if not _CONFIG.value:
        raise UserError(
            "config",
            found="none",
            expected="NAME[:VARIANT]",
            remedy="`--config=help` lists them",
        )
    fields = [(name, text) for name, text in _overrides if name != HELP]
    config = load_config(_CONFIG.value, fields)
    if len(fields) < len(_overrides):
        print(field_help(config))
        return 0
    workdir = Path(_WORKDIR.value or Path("runs", _CONFIG.value.replace(":", "-")))

    print(f"{_CONFIG.value} -> {workdir}", flush=True)  # what is imported next takes seconds
    keep_compilations()
    if isinstance(config, RadiomicsConfig):
        return _measure_features(config, workdir)
    if isinstance(config, ClassicalConfig):
        return _measure_method(config, workdir)
    return _train(config, workdir)


def _measure_features(config: RadiomicsConfig, workdir: Path) -> int:
    from casgan_jax.commands.told import radiomics_lines
    from casgan_jax.radiomics.run import run as run_radiomics

    print("\n".join(radiomics_lines(config, run_radiomics(config, workdir))))
    return 0


def _measure_method(config: ClassicalConfig, workdir: Path) -> int:
    from casgan_jax.commands.told import classical_lines
    from casgan_jax.inference.classical import run as run_classical

    done = run_classical(config, workdir)
    print("\n".join(classical_lines(config, done)))
    _tell_next(config, done.measured)
    return 0


def _train(config: StageConfig, workdir: Path) -> int:
    from casgan_jax.commands.told import measured_lines, threshold_lines
    from casgan_jax.inference.evaluate import evaluate_workdir
    from casgan_jax.training.loop import format_metrics, train
    from casgan_jax.workdir.processes import (
        LostProcess,
        is_first,
        join_processes,
        leave_processes,
        watching_processes,
    )

    if _DISTRIBUTED.value or _COORDINATOR.value:
        join_processes(
            coordinator=_COORDINATOR.value,
            process_count=_PROCESS_COUNT.value,
            process_index=_PROCESS_INDEX.value,
        )
    try:
        with watching_processes():
            result = train(config, workdir, accept_config_changes=_ACCEPT.value)
    except LostProcess as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        # At a usual exit JAX would take leave of the lost process, and abort over that.
        os._exit(1)
    leave_processes()
    if not is_first():
        return 0
    print(f"{result.stage}: the weights of step {result.step} of {result.steps}")
    print(f"validation: {format_metrics(result.validation)}")
    if result.warning:
        print(f"warning: {with_flags(result.warning)}")
    print(f"pictures: {result.grid}")
    if isinstance(config, SoftganConfig):
        measured = evaluate_workdir(workdir)
        print("\n".join([*measured_lines(measured), *threshold_lines(config.data.dir)]))
        _tell_next(config, measured)
    return 0


def _tell_next(config: SoftganConfig | ClassicalConfig, measured: Measured) -> None:
    """Commands that go on with a finished run, as they are typed."""
    from casgan_jax.commands.told import shown_window

    subject = measured.subject
    run = {"workdir": subject.workdir}
    marks = config.data.marks if isinstance(config, SoftganConfig) else None
    mark = {"recist": "X1,Y1,...,X4,Y4"} if marks and marks.axes else {"center": "X,Y"}
    image = {"input": "IMAGE", **mark, "output": "predicted"}
    steps = [
        Step("evaluate", {**run, "split": subject.split}),
        Step("predict", {**run, **image, **shown_window(config.data, subject)}),
    ]
    print("\n".join(["next:", *(f"  {typed(step)}" for step in steps)]))
