"""Measurements of lesions as a structured report, DICOM's template TID 1500.

A lesion has two groups with one tracking UID. The first (TID 1411) refers to its segment of the
soft segmentation and holds both diameters, area, quality and threshold; the second (TID 1501) holds
the axes themselves, drawn on the image, which TID 1411 has no place for. All measurements are those
of the soft mask at the threshold. Source: DICOM PS3.16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from casgan_jax.dicom.finding import Placed
from casgan_jax.dicom.identity import highdicom_for
from casgan_jax.dicom.report_parts import (
    SCHEME,
    Segment,
    axes_group,
    length,
    make_document,
    number,
    segment_group,
    threshold,
)


def make_report(group: Sequence[Placed], segments: Sequence[Segment]) -> Any:
    """A report on lesions on images of one series.

    Args:
      group: the lesions.
      segments: where the soft mask of each is.

    Raises:
      UserError: highdicom is not installed, or does not make one of such images.
    """
    highdicom = highdicom_for(group[0].finding.file)
    groups = []
    for one, segment in zip(group, segments, strict=True):
        finding = one.finding
        groups += [
            segment_group(highdicom, segment, _measurements(highdicom.sr, one)),
            axes_group(highdicom, segment.region, one.plane, finding.axes, finding.diameters_mm),
        ]
    regions = [one.region for one in segments]
    return make_document(regions, groups, [one.segmentation for one in segments])


def _measurements(sr: Any, placed: Placed) -> list[Any]:
    finding = placed.finding
    long, short = finding.diameters_mm
    return [
        length(sr, "long", long),
        length(sr, "short", short),
        number(sr, ("42798000", "SCT", "Area"), finding.area_mm2, ("mm2", "mm2")),
        threshold(sr, finding.threshold),
        *_quality(sr, finding.quality),
    ]


def _quality(sr: Any, value: float | None) -> list[Any]:
    name = ("quality", SCHEME, "Quality of the soft mask")
    return [] if value is None else [number(sr, name, value)]
