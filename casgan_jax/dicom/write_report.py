"""Measurements of lesions as a structured report, DICOM's template TID 1500.

A lesion has two groups with one tracking UID. The first (TID 1411) refers to its segment of the
soft segmentation and holds both diameters, area, quality and threshold; the second (TID 1501) holds
the axes themselves, drawn on the image, which TID 1411 has no place for. All measurements are those
of the soft mask at the threshold. Source: DICOM PS3.16.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import casgan_jax
from casgan_jax.dicom.finding import Placed, names_of
from casgan_jax.dicom.identity import (
    MAKER,
    UTF_8,
    derived_uid,
    finished,
    highdicom_for,
    series_tags,
    telling_refusal,
    template_of,
)

_SCHEME = "99CASGAN"
_TITLE = "Measurements of soft masks"


class Segmented(NamedTuple):
    """A finding, and where its soft mask is.

    Attributes:
      placed: the finding.
      segmentation: dataset of `make_segmentation`.
      segment: its number there.
    """

    placed: Placed
    segmentation: Any
    segment: int


def make_report(group: Sequence[Segmented]) -> Any:
    """A report on lesions on images of one series.

    Raises:
      UserError: highdicom is not installed, or does not make one of such images.
    """
    first = group[0].placed
    path = first.finding.file
    highdicom = highdicom_for(path)
    makers = (_segment_group, _axes_group)
    groups = [make(highdicom, one) for one in group for make in makers]
    with telling_refusal(path, "report"):
        made = highdicom.sr.ComprehensiveSR(
            evidence=_evidence(group),
            content=_content(highdicom, groups),
            sop_instance_uid=derived_uid(
                "object", "report", *names_of([one.placed for one in group])
            ),
            instance_number=1,
            is_complete=True,
            series_description=_TITLE,
            specific_character_set=UTF_8,
            coding_schemes=[
                highdicom.coding_schemes.CodingSchemeIdentificationItem(
                    designator=_SCHEME, name="casgan_jax", responsible_organization="casgan_jax"
                )
            ],
            **series_tags(first.source, "report"),
            **MAKER,
        )
        return finished(made, first.source)


def _evidence(group: Sequence[Segmented]) -> list[Any]:
    sources = {one.placed.source.SOPInstanceUID: one.placed.source for one in group}
    masks = {one.segmentation.SOPInstanceUID: one.segmentation for one in group}
    return [*map(template_of, sources.values()), *map(template_of, masks.values())]


def _content(highdicom: Any, groups: Sequence[Any]) -> Any:
    sr = highdicom.sr
    device = sr.ObserverContext(
        observer_type=sr.CodedConcept("121007", "DCM", "Device"),
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=derived_uid("device"),
            name="casgan_jax",
            manufacturer_name="casgan_jax",
            model_name="casgan_jax",
            serial_number=casgan_jax.__version__,
        ),
    )
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=device),
        procedure_reported=sr.CodedConcept("363679005", "SCT", "Imaging procedure"),
        imaging_measurements=groups,
    )[0]


def _segment_group(highdicom: Any, one: Segmented) -> Any:
    sr, finding = highdicom.sr, one.placed.finding
    long, short = finding.diameters_mm
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=one.segmentation.SOPClassUID,
            sop_instance_uid=one.segmentation.SOPInstanceUID,
            segment_number=one.segment,
            source_images=[sr.SourceImageForSegmentation(**_image(one.placed))],
        ),
        measurements=[
            _length(sr, "long", long),
            _length(sr, "short", short),
            _number(sr, ("42798000", "SCT", "Area"), finding.area_mm2, ("mm2", "mm2")),
            _number(sr, ("threshold", _SCHEME, "Threshold of the outline"), finding.threshold),
            *_quality(sr, finding.quality),
        ],
        **_common(sr, one),
    )


def _quality(sr: Any, value: float | None) -> list[Any]:
    name = ("quality", _SCHEME, "Quality of the soft mask")
    return [] if value is None else [_number(sr, name, value)]


def _axes_group(highdicom: Any, one: Segmented) -> Any:
    sr, finding = highdicom.sr, one.placed.finding
    ends = np.asarray(finding.axes, np.float64).reshape(2, 2, 2)
    return sr.MeasurementsAndQualitativeEvaluations(
        measurements=[
            _length(
                sr,
                name,
                length,
                referenced_coordinates=[
                    sr.CoordinatesForMeasurement(
                        graphic_type="POLYLINE",
                        graphic_data=axis + 0.5,  # DICOM's count begins at the pixel's corner
                        source_image=sr.SourceImageForRegion(**_image(one.placed)),
                    )
                ],
            )
            for name, length, axis in zip(
                ("long", "short"), finding.diameters_mm, ends, strict=True
            )
        ],
        **_common(sr, one),
    )


def _common(sr: Any, one: Segmented) -> dict[str, Any]:
    finding = one.placed.finding
    return {
        "tracking_identifier": sr.TrackingIdentifier(
            uid=one.placed.tracking_uid, identifier=finding.key
        ),
        "finding_type": sr.CodedConcept("52988006", "SCT", "Lesion"),
        "algorithm_id": sr.AlgorithmIdentification(
            name=f"casgan_jax, {finding.method}", version=casgan_jax.__version__
        ),
    }


def _length(sr: Any, axis: str, value: float, **options: Any) -> Any:
    names = {
        "long": ("103339001", "SCT", "Long Axis"),
        "short": ("103340004", "SCT", "Short Axis"),
    }
    return _number(sr, names[axis], value, ("mm", "mm"), **options)


def _number(
    sr: Any,
    name: tuple[str, str, str],
    value: float,
    unit: tuple[str, str] = ("1", "no units"),
    **options: Any,
) -> Any:
    return sr.Measurement(
        name=sr.CodedConcept(*name),
        value=round(float(value), 6),
        unit=sr.CodedConcept(unit[0], "UCUM", unit[1]),
        **options,
    )


def _image(placed: Placed) -> dict[str, Any]:
    """The image's reference."""
    several = int(placed.source.get("NumberOfFrames") or 1) > 1
    return {
        "referenced_sop_class_uid": placed.source.SOPClassUID,
        "referenced_sop_instance_uid": placed.source.SOPInstanceUID,
        "referenced_frame_numbers": [placed.finding.frame] if several else None,
    }
