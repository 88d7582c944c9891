"""Builds a prepared data set.

    python -m launch.build --dataset=phantom --data_dir=data
    python -m launch.build --dataset=lidc --data_dir=data --manual_dir=LIDC-IDRI-slices
    python -m launch.build --dataset=help
    python -m launch.build --dataset=phantom --beam_runner=DirectRunner  # needs the extra beam

The data set appears in DATA_DIR/NAME[/CONFIG]/VERSION, complete or not at all; a build that was
interrupted is simply run again.
"""

import time
from typing import Any

from absl import flags, logging

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.errors import UserError
from datasets.catalogue import dataset_names, describe_datasets

_NAME = flags.DEFINE_string("dataset", None, "NAME or NAME/CONFIG to build; 'help' lists them.")
_OPTIONS = {
    "manual_dir": define_path("manual_dir", None, "Folder of the source files."),
    "overwrite": flags.DEFINE_bool("overwrite", False, "Build again what is there."),
    "workers": flags.DEFINE_integer("workers", None, "Processes; by default one a core.", 0),
    "beam_runner": flags.DEFINE_string(
        "beam_runner", None, "Builds with Apache Beam, by this runner (docs/building_at_scale.md)."
    ),
    "beam_options": flags.DEFINE_list("beam_options", [], "Options of the runner: key=value,..."),
}
_DATA_DIR = define_path("data_dir", "data", "Root of the prepared data sets.")


def main(_: list[str]) -> None:
    logging.set_verbosity(logging.WARNING)  # TFDS tells each of its steps otherwise
    if _NAME.value is None:
        names = ", ".join(dataset_names())
        raise UserError("dataset", found="none", expected=f"one of {names}; see `dataset=help`")
    if _NAME.value == "help":
        print(describe_datasets())
        return
    from datasets.build import build, next_step, summary

    start = time.monotonic()
    options: dict[str, Any] = {name: flag.value for name, flag in _OPTIONS.items()}
    try:
        prepared = build(_NAME.value, _DATA_DIR.value or ".", **options)
    except KeyboardInterrupt:
        remedy = "nothing half-built is left, run the same command again"
        raise UserError("build", found="an interruption", remedy=remedy) from None
    there = "already there, nothing was built; --overwrite builds it again"
    print(f"built in {time.monotonic() - start:.0f} s" if prepared.built else there)
    print(f"{summary(prepared.path)}\nnext: {typed(next_step(prepared.path))}")


if __name__ == "__main__":
    run_main(main)
