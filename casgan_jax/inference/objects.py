"""Predictions as the objects of a PACS, one set for each series of images."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.dicom.finding import PREDICTION, Finding, place_finding
from casgan_jax.dicom.objects import KINDS_OF_FORMATS, series_of, write_objects
from casgan_jax.errors import UserError
from casgan_jax.images.stack import Scan
from casgan_jax.inference.predict import Prediction
from casgan_jax.json_form import to_json
from casgan_jax.soft_mask.recist import axis_lengths


class ObjectsWritten(NamedTuple):
    """The objects of a series of images: the lesions in them, and their files."""

    series: str
    lesions: tuple[str, ...]
    files: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """One object of all that is worth telling."""
        return dict(to_json(self))


class ObjectsFailed(NamedTuple):
    """A series of images whose objects could not be written."""

    series: str
    error: UserError

    @property
    def place(self) -> str:
        """The series, in words."""
        return f"series {self.series}"

    @property
    def reason(self) -> UserError:
        """The error beside the place."""
        return self.error


def predicted_finding(name: str, scan: Scan, prediction: Prediction, threshold: float) -> Finding:
    """A prediction as a finding, measured at the threshold.

    Args:
      name: of the lesion.
      scan: its image.
      prediction: of `Prediction.as_stored`.
      threshold: in (0, 1].

    Raises:
      UserError: no DICOM image, one that no object can be made of, or nothing at the threshold.
    """
    if scan.file is None or scan.instance is None:
        raise UserError(
            "format",
            found="an image that is no DICOM file",
            expected="one, for dicom and rtstruct",
            remedy="leave them out",
        )
    axes = prediction.measured_axes(threshold)
    if axes is None:
        raise UserError(
            name,
            found=f"a soft mask of at most {prediction.fine_alpha.max():.3g}",
            expected=f"a pixel of at least {threshold:.3g}",
            remedy="give a lower `threshold`",
        )
    row, column = scan.spacing_mm or (np.nan, np.nan)
    finding = Finding(
        key=name,
        file=scan.file,
        frame=scan.instance[1],
        box=prediction.box,
        scale=len(prediction.fine_alpha) // len(prediction.patch),
        alpha=prediction.fine_alpha,
        threshold=threshold,
        axes=axes,
        diameters_mm=axis_lengths(axes, (row, column)),
        area_mm2=prediction.area_px * row * column,
        quality=None,
        method=PREDICTION,
    )
    place_finding(finding)
    return finding


def write_findings(
    folder: Path, findings: Sequence[Finding], formats: Collection[str]
) -> Iterator[ObjectsWritten | ObjectsFailed]:
    """Writes the objects of all findings into dicom/SERIES.

    Yields:
      For each series what was written, or why not.
    """
    kinds = [KINDS_OF_FORMATS[name] for name in formats if name in KINDS_OF_FORMATS]
    if not (kinds and findings):
        return
    for name, group in series_of(findings).items():
        into = folder / "dicom" / name
        try:
            entries = write_objects(into, group, kinds)
        except UserError as error:
            yield ObjectsFailed(name, error)
            continue
        files = {each for entry in entries.values() for each in entry.values()}
        paths = sorted(str(into / each) for each in files if isinstance(each, str))
        yield ObjectsWritten(name, tuple(entries), tuple(paths))
