"""The tags of one frame of a DICOM file: what its values mean, and where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError, one_line
from casgan_jax.images.geometry import Geometry

_LARGEST_WHOLE = 2**31
_LEAST_ANGLE = 1e-3  # between rows and columns, as a sine


class Frame:
    """The tags of one frame: its own, what all frames share, or what the file says."""

    def __init__(self, path: Path, dataset: Any, index: int) -> None:
        self.path, self.dataset, self.index = path, dataset, index
        self._sources = [dataset]
        for name, number in (
            ("SharedFunctionalGroupsSequence", 0),
            ("PerFrameFunctionalGroupsSequence", index),
        ):
            groups = dataset.get(name) or []
            for group in groups[number : number + 1]:
                self._sources += [item for each in group if each.VR == "SQ" for item in each.value]

    def get(self, name: str) -> Any:
        """The value that is nearest to the frame, or None."""
        for source in reversed(self._sources):
            if (value := source.get(name)) not in (None, "", []):
                return value
        return None

    def numbers(self, name: str) -> list[float]:
        """All values of a tag; none where it is absent.

        Raises:
          UserError: they are no numbers.
        """
        try:
            value = self.get(name)
            return [] if value is None else np.ravel(np.asarray(value, dtype=np.float64)).tolist()
        except (ValueError, TypeError, OverflowError) as error:
            raise UserError(
                self.path,
                found=f"{name} that is no number ({one_line(error)})",
                expected="one with a decimal point",
                remedy="export it again",
            ) from error


def referenced_frames(source: Any) -> list[tuple[str, int]]:
    """(SOPInstanceUID, frame from 1, or 0 for all) of the images that an item refers to."""
    uid = str(source.get("ReferencedSOPInstanceUID", ""))
    numbers = source.get("ReferencedFrameNumber") or 0
    numbers = [numbers] if isinstance(numbers, int) else numbers
    return [(uid, int(number)) for number in numbers]


def rescaling(frame: Frame) -> tuple[float, float]:
    """(slope, intercept); 1 and 0 where there are none.

    Raises:
      UserError: a CT image has none, or they are no numbers that could be used.
    """
    names = ("RescaleSlope", "RescaleIntercept")
    missing = [name for name in names if not frame.numbers(name)]
    if missing and frame.get("Modality") == "CT":
        raise UserError(
            frame.path,
            found=f"a CT image without {' and '.join(missing)}",
            expected="both, as its values cannot be told in HU without",
            remedy="give `hu_offset`, or export it again with them",
        )
    slope = (*frame.numbers(names[0]), 1.0)[0]
    intercept = (*frame.numbers(names[1]), 0.0)[0]
    if not (0 < abs(slope) < _LARGEST_WHOLE and abs(intercept) < _LARGEST_WHOLE):
        raise UserError(
            frame.path,
            found=f"RescaleSlope {slope:g} and RescaleIntercept {intercept:g}",
            expected="finite numbers and a slope that is not 0",
            remedy="give `hu_offset`, or export it again",
        )
    return slope, intercept


def stored_range(frame: Frame) -> np.ndarray:
    """The least and the greatest value that the stored bits can hold."""
    bits = int(frame.get("BitsStored"))
    low = -(2 ** (bits - 1)) if frame.get("PixelRepresentation") == 1 else 0
    return np.array([low, low + 2**bits - 1])


def window(frame: Frame) -> tuple[float, float] | None:
    """The first window of the file as (low, high); None if it has none, or none that is wide.

    Source: DICOM PS3.3, C.11.2.1.2 (LINEAR, the default) and C.11.2.1.3.

    Raises:
      UserError: it is no number.
    """
    centres, widths = frame.numbers("WindowCenter"), frame.numbers("WindowWidth")
    if not (centres and widths):
        return None
    centre, width = centres[0], widths[0]
    if frame.get("VOILUTFunction") in (None, "LINEAR"):
        centre, width = centre - 0.5, width - 1
    found = (centre - width / 2, centre + width / 2)
    return found if np.isfinite(found).all() and width > 0 else None


def spacing(frame: Frame) -> tuple[float, float] | None:
    """PixelSpacing, in the patient; that at the detector (ImagerPixelSpacing) would mislead.

    Raises:
      UserError: it is not two positive numbers.
    """
    found = frame.numbers("PixelSpacing")
    if not found:
        return None
    if len(found) != 2 or not all(0 < value < np.inf for value in found):
        raise UserError(
            frame.path,
            found=f"PixelSpacing {found}",
            expected="two positive numbers in mm",
            remedy="give `spacing_mm`, or export it again",
        )
    return found[0], found[1]


def geometry(frame: Frame, spacing_mm: tuple[float, float] | None) -> Geometry | None:
    """Where the frame lies; None where a tag that says so is missing or cannot be right.

    ImageOrientationPatient has the direction that columns count in (along a row), then that of
    rows. Source: DICOM PS3.3, C.7.6.2.1.1.
    """
    try:
        corner = np.array(frame.numbers("ImagePositionPatient"))
        axes = np.array(frame.numbers("ImageOrientationPatient"))
        columns, rows = int(frame.get("Columns")), int(frame.get("Rows"))
    except (UserError, TypeError, ValueError):
        return None
    if spacing_mm is None or corner.shape != (3,) or axes.shape != (6,):
        return None
    lengths = np.linalg.norm(axes.reshape(2, 3), axis=1)
    if not (np.isfinite([*corner, *axes]).all() and (lengths > 0.5).all()):
        return None
    along, down = axes.reshape(2, 3) / lengths[:, None]
    across = np.cross(along, down)
    if np.linalg.norm(across) < _LEAST_ANGLE:
        return None
    direction = np.stack([along, down, across / np.linalg.norm(across)], axis=1)
    sides = np.array([spacing_mm[1], spacing_mm[0], thickness(frame)])
    uid = frame.get("FrameOfReferenceUID")
    return Geometry((columns, rows, 1), corner, sides, direction, str(uid) if uid else None)


def thickness(frame: Frame) -> float:
    """mm from slice to slice, or else how thick a slice is; 1 where the file says neither."""
    for name in ("SpacingBetweenSlices", "SliceThickness"):
        try:
            found = [abs(value) for value in frame.numbers(name)]
        except UserError:  # not needed to show the image
            continue
        if found and 0 < found[0] < np.inf:
            return found[0]
    return 1.0
