"""What reports on soft masks are made of, DICOM's template TID 1500. Source: DICOM PS3.16."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

import casgan_jax
from casgan_jax.dicom.finding import Plane, Region, names_of
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

SCHEME = "99CASGAN"
_TITLE = "Measurements of soft masks"


class Segment(NamedTuple):
    """Where the soft mask of a lesion is.

    Attributes:
      region: the lesion.
      segmentation: dataset of `make_segmentation`.
      number: of its segment there.
    """

    region: Region
    segmentation: Any
    number: int


def make_document(
    regions: Sequence[Region], groups: Sequence[Any], segmentations: Iterable[Any] = ()
) -> Any:
    """A report on lesions on images of one series.

    Args:
      regions: the lesions.
      groups: measurement groups of highdicom.
      segmentations: datasets of `make_segmentation` that the groups refer to.

    Raises:
      UserError: highdicom is not installed, or does not make one of such images.
    """
    first = regions[0].planes[0]
    highdicom = highdicom_for(first.file)
    with telling_refusal(first.file, "report"):
        made = highdicom.sr.ComprehensiveSR(
            evidence=_evidence(regions, segmentations),
            content=_content(highdicom, groups),
            sop_instance_uid=derived_uid("object", "report", *names_of(regions)),
            instance_number=1,
            is_complete=True,
            series_description=_TITLE,
            specific_character_set=UTF_8,
            coding_schemes=[
                highdicom.coding_schemes.CodingSchemeIdentificationItem(
                    designator=SCHEME, name="casgan_jax", responsible_organization="casgan_jax"
                )
            ],
            **series_tags(first.source, "report"),
            **MAKER,
        )
        return finished(made, first.source)


def segment_group(highdicom: Any, one: Segment, measurements: Iterable[Any]) -> Any:
    """The group of TID 1411: numbers of a lesion, with its segment and the images of it."""
    sr = highdicom.sr
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=one.segmentation.SOPClassUID,
            sop_instance_uid=one.segmentation.SOPInstanceUID,
            segment_number=one.number,
            source_images=[
                sr.SourceImageForSegmentation(**_image(plane)) for plane in one.region.planes
            ],
        ),
        measurements=list(measurements),
        **_common(sr, one.region),
    )


def axes_group(
    highdicom: Any, region: Region, plane: Plane, axes: np.ndarray, lengths: tuple[float, float]
) -> Any:
    """The group of TID 1501: the two axes of a lesion, drawn on one of its images.

    Args:
      highdicom: the library.
      region: the lesion.
      plane: the image.
      axes: (8,) in its pixels.
      lengths: (long, short) in mm.
    """
    sr = highdicom.sr
    ends = np.asarray(axes, np.float64).reshape(2, 2, 2)
    return sr.MeasurementsAndQualitativeEvaluations(
        measurements=[
            length(
                sr,
                name,
                value,
                referenced_coordinates=[
                    sr.CoordinatesForMeasurement(
                        graphic_type="POLYLINE",
                        graphic_data=axis + 0.5,  # DICOM's count begins at the pixel's corner
                        source_image=sr.SourceImageForRegion(**_image(plane)),
                    )
                ],
            )
            for name, value, axis in zip(("long", "short"), lengths, ends, strict=True)
        ],
        **_common(sr, region),
    )


def length(sr: Any, axis: str, value: float, **options: Any) -> Any:
    """The length of the "long" or the "short" axis."""
    names = {
        "long": ("103339001", "SCT", "Long Axis"),
        "short": ("103340004", "SCT", "Short Axis"),
    }
    return number(sr, names[axis], value, ("mm", "mm"), **options)


def threshold(sr: Any, value: float) -> Any:
    """The threshold of what is measured."""
    return number(sr, ("threshold", SCHEME, "Threshold of the outline"), value)


def number(
    sr: Any,
    name: tuple[str, str, str],
    value: float,
    unit: tuple[str, str] = ("1", "no units"),
    **options: Any,
) -> Any:
    """A measurement: (code, scheme, meaning), its value, and (code, meaning) of its unit."""
    return sr.Measurement(
        name=sr.CodedConcept(*name),
        value=round(float(value), 6),
        unit=sr.CodedConcept(unit[0], "UCUM", unit[1]),
        **options,
    )


def _evidence(regions: Sequence[Region], segmentations: Iterable[Any]) -> list[Any]:
    planes = [plane for one in regions for plane in one.planes]
    sources = {plane.source.SOPInstanceUID: plane.source for plane in planes}
    masks = {one.SOPInstanceUID: one for one in segmentations}
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


def _common(sr: Any, region: Region) -> dict[str, Any]:
    return {
        "tracking_identifier": sr.TrackingIdentifier(
            uid=region.tracking_uid, identifier=region.key
        ),
        "finding_type": sr.CodedConcept("52988006", "SCT", "Lesion"),
        "algorithm_id": sr.AlgorithmIdentification(
            name=f"casgan_jax, {region.method}", version=casgan_jax.__version__
        ),
    }


def _image(plane: Plane) -> dict[str, Any]:
    """The image's reference."""
    several = int(plane.source.get("NumberOfFrames") or 1) > 1
    return {
        "referenced_sop_class_uid": plane.source.SOPClassUID,
        "referenced_sop_instance_uid": plane.source.SOPInstanceUID,
        "referenced_frame_numbers": [plane.frame] if several else None,
    }
