"""Soft masks as DICOM segmentations: a FRACTIONAL one, which holds them, and its BINARY twin.

A FRACTIONAL segmentation has 8 bits, 255 is certainly lesion; its type is OCCUPANCY, as alpha is
the share of a pixel that is lesion. Many viewers refuse it or take any value above 0 for lesion:
for them the BINARY twin has the same segments at the threshold. One segment is one lesion, on its
slice or slices.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import casgan_jax
from casgan_jax.dicom.finding import Plane, Region, names_of
from casgan_jax.dicom.identity import (
    MAKER,
    derived_uid,
    finished,
    highdicom_for,
    series_tags,
    telling_refusal,
    template_of,
)
from casgan_jax.grid import binarise
from casgan_jax.images import dicom_tags

_TEXTS = {
    "soft": ("SOFT_MASK", "Soft masks of lesions", "share of the pixel that is lesion"),
    "binary": ("BINARY_MASK", "Binary masks of lesions", "soft masks at {:.4g}"),
}


def make_segmentation(group: Sequence[Region], kind: str, number: int = 1) -> Any:
    """A segmentation of lesions on images of one series.

    Args:
      group: the lesions; they share series and frame of reference.
      kind: "soft" (FRACTIONAL) or "binary".
      number: of the object within its series.

    Returns:
      The dataset; segment k + 1 is lesion k.

    Raises:
      UserError: highdicom is not installed, or does not make one of such images.
    """
    first = group[0].planes[0]
    path = first.file
    highdicom = highdicom_for(path)
    label, series, description = _TEXTS[kind]
    slices = _slices(group)
    with telling_refusal(path, "segmentation"):
        made = highdicom.seg.Segmentation(
            source_images=_images(slices),
            pixel_array=_pixels(group, slices, kind),
            segmentation_type="FRACTIONAL" if kind == "soft" else "BINARY",
            fractional_type="OCCUPANCY",
            segment_descriptions=[_segment(highdicom, n, one) for n, one in enumerate(group, 1)],
            sop_instance_uid=derived_uid("object", kind, *names_of(group)),
            instance_number=number,
            content_label=label,
            content_description=description.format(group[0].threshold),
            series_description=series,
            omit_empty_frames=True,
            **_measures(highdicom, slices),
            **series_tags(first.source, kind),
            **MAKER,
        )
        made.ContentCreatorName = None  # nobody; the standard wants the tag
        return finished(made, first.source)


def _slices(group: Sequence[Region]) -> list[Plane]:
    """A plane of each image that has any, in the order of the images' places."""
    found = {plane.image: plane for one in group for plane in one.planes}
    return sorted(found.values(), key=lambda plane: plane.height)


def _images(slices: Sequence[Plane]) -> list[Any]:
    """The images' tags; frames of one file are one image."""
    found = {one.source.SOPInstanceUID: one.source for one in slices}
    return [template_of(source) for source in found.values()]


def _pixels(group: Sequence[Region], slices: Sequence[Plane], kind: str) -> np.ndarray:
    """(slices, H, W, segments), float32 in [0, 1] or uint8 0 and 1."""
    places = {plane.image: k for k, plane in enumerate(slices)}
    soft = kind == "soft"
    pixels = np.zeros(
        (len(slices), *slices[0].alpha.shape, len(group)), np.float32 if soft else np.uint8
    )
    for segment, one in enumerate(group):
        for plane in one.planes:
            mask = plane.alpha if soft else binarise(plane.alpha, one.threshold)
            pixels[places[plane.image], ..., segment] = mask
    return pixels


def _segment(highdicom: Any, number: int, one: Region) -> Any:
    code = highdicom.sr.CodedConcept
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=one.key[:64],
        segmented_property_category=code("49755003", "SCT", "Morphologically Abnormal Structure"),
        segmented_property_type=code("52988006", "SCT", "Lesion"),
        algorithm_type="SEMIAUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=f"casgan_jax, {one.method}",
            version=casgan_jax.__version__,
            family=code("123103", "DCM", "Spatial Relational Analysis"),
        ),
        tracking_uid=one.tracking_uid,
        tracking_id=one.key,
    )


def _measures(highdicom: Any, slices: Sequence[Plane]) -> dict[str, Any]:
    """Where the frames lie, in the images' own words."""
    tags = slices[0].tags
    between = tags.numbers("SpacingBetweenSlices")
    return {
        "pixel_measures": highdicom.PixelMeasuresSequence(
            pixel_spacing=tags.get("PixelSpacing"),
            slice_thickness=(*tags.numbers("SliceThickness"), dicom_tags.thickness(tags))[0],
            spacing_between_slices=between[0] if between and between[0] > 0 else None,
        ),
        "plane_orientation": highdicom.PlaneOrientationSequence(
            "PATIENT", tags.get("ImageOrientationPatient")
        ),
        "plane_positions": [
            highdicom.PlanePositionSequence("PATIENT", one.tags.get("ImagePositionPatient"))
            for one in slices
        ],
    }
