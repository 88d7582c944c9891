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

import importlib
import os
import sys
from pathlib import Path

from absl import flags

from casgan_jax.commands.entry import keep_compilations, run_main, with_flags
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.field_help import field_help
from casgan_jax.configs.schema.kinds import Config, StageConfig
from casgan_jax.configs.schema.load import HELP, config_help, load_config, split_overrides
from casgan_jax.configs.schema.radiomics import RadiomicsConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import Step, UserError

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

# Kinds of configs without a network to train: MODULE.run(config, workdir) -> lines to print.
_OTHER_KINDS: dict[type[Config], str] = {
    ClassicalConfig: "casgan_jax.inference.classical",
    RadiomicsConfig: "casgan_jax.radiomics.run",
}


def run() -> None:
    """The command; fields of the config are no flags and are taken from its arguments first."""
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

    keep_compilations()
    if not isinstance(config, StageConfig):
        run = importlib.import_module(_OTHER_KINDS[type(config)]).run
        print("\n".join(run(config, workdir)))
        if isinstance(config, ClassicalConfig):
            _tell_next(config, workdir)
        return 0
    return _train(config, workdir)


def _train(config: StageConfig, workdir: Path) -> int:
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
    print(f"{result['stage']}: the weights of step {result['step']} of {result['steps']}")
    print(f"validation: {format_metrics(result['validation'])}")
    if result["warning"]:
        print(f"warning: {with_flags(result['warning'])}")
    print(f"pictures: {result['grid']}")
    if isinstance(config, SoftganConfig):
        from casgan_jax.inference.evaluate import measure_in_the_end

        print("\n".join(measure_in_the_end(workdir)))
        _tell_next(config, workdir)
    return 0


def _tell_next(config: SoftganConfig | ClassicalConfig, workdir: Path) -> None:
    """Commands that go on with a finished run, as they are typed."""
    from casgan_jax.records.prepared import measured_split

    split = measured_split(config.data.test_dir or config.data.dir)
    evaluate = Step("evaluate", {"workdir": str(workdir), "split": split})
    print(f"next:\n  {typed(evaluate)}\n  {typed(Step('build', {'dataset': 'help'}))}")
