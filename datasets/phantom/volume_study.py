"""A small DICOM study of phantoms of whole lesions, with a report of their axes.

    python -m datasets.phantom.volume_study --output=study
    python -m launch.label --volume --input=study --output=labels --format=nifti,dicom,rtstruct

One CT series, the phantoms one above the other, and a structured report with two axes of each, in
the slice beside the one where it is longest, as happens by hand. `--shrunk=0.8` is another study of
the same lesions, smaller by a fifth, 90 days later. Nobody is in it.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.errors import Step, UserError
from datasets.phantom.dicom_volumes import write_volume_study

_OUTPUT = define_path("output", None, "Folder to write to; made if it is not there.")
_LESIONS = flags.DEFINE_integer("lesions", 3, "How many phantoms.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Which phantoms.", lower_bound=0)
_SHRUNK = flags.DEFINE_float(
    "shrunk", 1.0, "Sides of lesions and voxels, times their own.", lower_bound=0.01
)


def main(_: list[str]) -> None:
    if not _OUTPUT.value:
        raise UserError("output", found="none", expected="a folder", remedy="see `help`")
    folder = Path(_OUTPUT.value)
    report = write_volume_study(folder, _LESIONS.value, _SEED.value, shrunk=_SHRUNK.value)
    options = {"volume": "true", "input": str(folder), "output": "labels"}
    step = Step("label", options | {"format": "nifti,dicom,rtstruct"})
    print(f"{report}\nnext: {typed(step)}")


if __name__ == "__main__":
    run_main(main)
