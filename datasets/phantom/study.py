"""A small DICOM study of phantoms with a table of axes, to try the way into a PACS on.

    python -m datasets.phantom.study --output=study
    python -m launch.label --table=study/lesions.csv --output=labels --format=png,dicom,rtstruct

One CT series, each slice another phantom; all are given the first one's spacing. Nobody is in it.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.errors import Step, UserError
from datasets.phantom.dicom_study import write_study

_OUTPUT = define_path("output", None, "Folder to write to; made if it is not there.")
_LESIONS = flags.DEFINE_integer("lesions", 5, "How many slices.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Which phantoms.", lower_bound=0)


def main(_: list[str]) -> None:
    if not _OUTPUT.value:
        raise UserError("output", found="none", expected="a folder", remedy="see `help`")
    table = write_study(Path(_OUTPUT.value), _LESIONS.value, _SEED.value)
    options = {"table": str(table), "output": "labels", "format": "png,dicom,rtstruct"}
    print(f"{table}\nnext: {typed(Step('label', options))}")


if __name__ == "__main__":
    run_main(main)
