"""Exports the weights of a trained run from its checkpoints, where it has none.

    casgan export --workdir=runs/softgan
    casgan export --workdir=runs/marked --to=marked

A training writes them by itself when a stage ends, to WORKDIR/STAGE/weights: the averaged network
and what it builds on, with a description and sums. Runs of versions before 0.3 have checkpoints
alone; prediction and evaluation ask for the weights.

--to names a folder for a copy of a finished run's weights, in float16 and without a path of this
machine: half the size, to be given to others. Prediction and evaluation take it for a workdir.
"""

from __future__ import annotations

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.errors import Step, UserError

_WORKDIR = define_path("workdir", None, "Folder of a training.")
_TO = define_path("to", None, "Folder for a copy of the weights in float16.")


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> None:
    if not _WORKDIR.value:
        raise UserError(
            "workdir", found="none", expected="the folder of a training", remedy="see `help`"
        )
    if _TO.value:
        from casgan_jax.workdir.packing import pack

        print(f"weights: {pack(_WORKDIR.value, _TO.value)}")
        return
    from casgan_jax.training.export import export_run

    for folder in export_run(_WORKDIR.value):
        print(f"weights: {folder}")
    print(f"next: {typed(Step('evaluate', {'workdir': _WORKDIR.value, 'split': 'test'}))}")
