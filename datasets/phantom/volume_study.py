"""A small DICOM study of phantoms of whole lesions, with a report of their axes.

    python -m datasets.phantom.volume_study --output=study
    python -m launch.label --volume --input=study --output=labels --format=nifti,dicom,rtstruct

One CT series, the phantoms one above the other, and a structured report with two axes of each, in
the slice beside the one where it is longest, as happens by hand. `--shrunk=0.8` is another study of
the same lesions, smaller by a fifth, 90 days later. Nobody is in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.dicom.finding import Plane, Region, read_placed_source
from casgan_jax.dicom.identity import derived_uid, highdicom_for, write_object
from casgan_jax.dicom.report_parts import axes_group, make_document
from casgan_jax.errors import Step, UserError
from casgan_jax.files import make_folder
from casgan_jax.grid import Box, binarise
from casgan_jax.soft_mask.recist import axis_lengths, measure_axes
from datasets.phantom.dicom_study import DISTANCE, write_slice
from datasets.phantom.volume import make_volume_phantom

_OUTPUT = define_path("output", None, "Folder to write to; made if it is not there.")
_LESIONS = flags.DEFINE_integer("lesions", 3, "How many phantoms.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Which phantoms.", lower_bound=0)
_SHRUNK = flags.DEFINE_float(
    "shrunk", 1.0, "Sides of lesions and voxels, times their own.", lower_bound=0.01
)
_DATES = ("20260101", "20260401")
_THRESHOLD = 0.5


class _Drawn(NamedTuple):
    """A lesion as it was measured: number of the slice, (8,) axes in its pixels."""

    key: str
    slice: int
    axes: np.ndarray


def write_volume_study(folder: Path, lesions: int, seed: int, *, shrunk: float = 1.0) -> Path:
    """Writes the slices and report.dcm; returns its path.

    Args:
      folder: to write to; made if it is not there.
      lesions: how many.
      seed: which.
      shrunk: what the sides of voxels are multiplied by; less than 1: a later study.

    Raises:
      UserError: it cannot be written, or pydicom or highdicom are not installed.
    """
    make_folder(folder / "ct", field="output")
    phantoms = [make_volume_phantom(seed, index, DISTANCE) for index in range(lesions)]
    step, row, column = (shrunk * side for side in phantoms[0].spacing_mm)
    names = ("phantom volumes", shrunk, seed)
    tags = {"StudyDate": _DATES[int(shrunk != 1)], "SeriesDescription": "phantoms of volumes"}
    drawn: list[_Drawn] = []
    files: list[Path] = []
    for index, phantom in enumerate(phantoms, 1):
        number, axes = _measured(phantom.true_alpha)
        drawn.append(_Drawn(f"lesion-{index}", len(files) + number, axes))
        for image in phantom.image:
            path = folder / "ct" / f"{len(files)}.dcm"
            files.append(write_slice(path, image, len(files), (step, row, column), names, **tags))
    return _write_report(folder / "report.dcm", files, drawn, (row, column))


def _measured(alpha: np.ndarray) -> tuple[int, np.ndarray]:
    """The slice beside the one with the largest area, and the lesion's axes there."""
    areas = binarise(alpha, _THRESHOLD).sum(axis=(1, 2))
    largest = int(np.argmax(areas))
    beside = max((largest - 1, largest + 1), key=lambda k: areas[k])
    number = beside if areas[beside] else largest
    return number, measure_axes(alpha[number], _THRESHOLD)


def _write_report(
    path: Path, files: list[Path], drawn: list[_Drawn], sides: tuple[float, float]
) -> Path:
    highdicom = highdicom_for(path)
    regions, groups = [], []
    for one in drawn:
        source, geometry = read_placed_source(files[one.slice], 1)
        columns, rows, _ = geometry.size
        empty = np.zeros((rows, columns), np.float32)
        box = Box(0, 0, columns, rows)
        plane = Plane(files[one.slice], 1, source, geometry, empty, box, 1, empty)
        name = f"{one.key} {source.SOPInstanceUID}"
        uid = derived_uid("phantom", one.key)
        region = Region(one.key, name, uid, _THRESHOLD, "drawn", (plane,))
        lengths = axis_lengths(one.axes, sides)
        regions.append(region)
        groups.append(axes_group(highdicom, region, plane, one.axes, lengths))
    return write_object(path, make_document(regions, groups))


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
