"""Phantoms of whole lesions as one DICOM series, with a report of their axes.

report = write_volume_study(Path("study"), 3, seed=0)
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from casgan_jax.dicom.finding import Plane, Region, read_placed_source
from casgan_jax.dicom.identity import derived_uid, highdicom_for, write_object
from casgan_jax.dicom.report_parts import axes_group, make_document
from casgan_jax.files import make_folder
from casgan_jax.grid import Box, binarise
from casgan_jax.soft_mask.recist import axis_lengths, measure_axes
from datasets.phantom.dicom_study import DISTANCE, write_slice
from datasets.phantom.volume import make_volume_phantom

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
