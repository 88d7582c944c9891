"""Outlines of soft masks at their threshold as an RT structure set.

The outline is where alpha, interpolated linearly between its pixels' centres, crosses the
threshold: marching squares, to a fraction of a pixel, on the soft mask as fine as it is. A hole is
joined to the outline around it by a keyhole, two lines upon each other, as the standard has it.
Source: DICOM PS3.3, A.19 and C.8.8.6.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from contourpy import FillType, contour_generator

from casgan_jax.dicom.finding import Plane, Region, names_of
from casgan_jax.dicom.identity import (
    MAKER,
    UTF_8,
    derived_uid,
    finished,
    highdicom_for,
    series_tags,
    telling_refusal,
)

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_STUDY_MANAGEMENT = "1.2.840.10008.3.1.2.3.1"
_ORANGE = [255, 140, 0]


def make_contours(group: Sequence[Region]) -> Any:
    """A structure set of lesions on images of one series; one region of interest is one lesion.

    Raises:
      UserError: highdicom is not installed, or does not make one of such images.
    """
    first = group[0].planes[0]
    highdicom = highdicom_for(first.file)
    with telling_refusal(first.file, "structure set"):
        made = highdicom.base.SOPClass(
            study_instance_uid=first.source.StudyInstanceUID,
            sop_class_uid=STRUCTURE_SET,
            sop_instance_uid=derived_uid("object", "contours", *names_of(group)),
            instance_number=1,
            modality="RTSTRUCT",
            series_description="Outlines of soft masks",
            specific_character_set=UTF_8,
            **series_tags(first.source, "contours"),
            **MAKER,
        )
        _add_structures(made, group)
        return finished(made, first.source)


def outlines(alpha: np.ndarray, threshold: float, scale: int = 1) -> list[np.ndarray]:
    """The closed outlines of a soft mask, holes joined to what is around them.

    Args:
      alpha: (r H, r W) float in [0, 1]; outside of it alpha is 0.
      threshold: in (0, 1].
      scale: r.

    Returns:
      (N, 2) float64 x, y each, in pixels of the image, the first point not repeated.
    """
    padded = np.pad(alpha.astype(np.float64), 1)
    generator = contour_generator(z=padded, fill_type=FillType.OuterOffset)
    filled: Any = generator.filled(threshold, np.inf)
    found = []
    for points, starts in zip(*filled, strict=True):
        around, *holes = (points[a : b - 1] for a, b in zip(starts[:-1], starts[1:], strict=True))
        for hole in holes:
            around = _keyhole(around, hole)
        found.append((around - 0.5) / scale - 0.5)
    return found


def _keyhole(around: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """One closed line: around, to the hole where it is nearest, about it, and back."""
    apart = np.linalg.norm(around[:, None] - hole[None], axis=2)
    here, there = np.unravel_index(np.argmin(apart), apart.shape)
    inner = np.roll(hole, -int(there), axis=0)
    return np.concatenate([around[: here + 1], inner, inner[:1], around[here:]])


def _add_structures(made: Any, group: Sequence[Region]) -> None:
    first = group[0].planes[0]
    source = first.source
    made.FrameOfReferenceUID = str(first.geometry.frame)
    made.PositionReferenceIndicator = ""
    made.OperatorsName = ""
    made.StructureSetLabel = "SOFT_MASKS"
    made.StructureSetDescription = f"outlines at {group[0].threshold:.4g}"
    made.StructureSetDate, made.StructureSetTime = (
        made.InstanceCreationDate,
        made.InstanceCreationTime,
    )
    series = _item(
        SeriesInstanceUID=source.SeriesInstanceUID,
        ContourImageSequence=_unique([_reference(plane) for one in group for plane in one.planes]),
    )
    study = _item(
        ReferencedSOPClassUID=_STUDY_MANAGEMENT,
        ReferencedSOPInstanceUID=source.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    made.ReferencedFrameOfReferenceSequence = [
        _item(FrameOfReferenceUID=made.FrameOfReferenceUID, RTReferencedStudySequence=[study])
    ]
    made.StructureSetROISequence = [
        _item(
            ROINumber=number,
            ReferencedFrameOfReferenceUID=made.FrameOfReferenceUID,
            ROIName=one.key[:64],
            ROIGenerationAlgorithm="SEMIAUTOMATIC",
        )
        for number, one in enumerate(group, 1)
    ]
    made.ROIContourSequence = [
        _item(
            ReferencedROINumber=number,
            ROIDisplayColor=_ORANGE,
            ContourSequence=[
                _contour(plane, line)
                for plane in one.planes
                for line in _lines(plane, one.threshold)
            ],
        )
        for number, one in enumerate(group, 1)
    ]
    made.RTROIObservationsSequence = [
        _item(
            ObservationNumber=number,
            ReferencedROINumber=number,
            RTROIInterpretedType="",
            ROIInterpreter="",
        )
        for number in range(1, len(group) + 1)
    ]
    made.ApprovalStatus = "UNAPPROVED"


def _lines(plane: Plane, threshold: float) -> list[np.ndarray]:
    """(N, 3) mm each, LPS."""
    found = outlines(plane.fine, threshold, plane.scale)
    affine = plane.geometry.affine
    return [(line + plane.box.corner) @ affine[:3, :2].T + affine[:3, 3] for line in found]


def _contour(one: Plane, line: np.ndarray) -> Any:
    return _item(
        ContourImageSequence=[_reference(one)],
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=len(line),
        ContourData=[f"{value:.4f}" for value in line.ravel()],
    )


def _reference(one: Plane) -> Any:
    found = _item(
        ReferencedSOPClassUID=one.source.SOPClassUID,
        ReferencedSOPInstanceUID=one.source.SOPInstanceUID,
    )
    if int(one.source.get("NumberOfFrames") or 1) > 1:
        found.ReferencedFrameNumber = one.frame
    return found


def _unique(items: Sequence[Any]) -> list[Any]:
    return [item for k, item in enumerate(items) if item not in items[:k]]


def _item(**tags: Any) -> Any:
    from pydicom.dataset import Dataset

    made = Dataset()
    for name, value in tags.items():
        setattr(made, name, value)
    return made
