"""Volumes of lesions as they go into a PACS: segments and contours of many slices, and a report.

| file | object | what it holds |
|---|---|---|
| soft.dcm | FRACTIONAL segmentation | the soft masks of all slices, one segment a lesion |
| binary.dcm | BINARY segmentation | the same at the threshold |
| report.dcm | structured report, TID 1500 | volume, longest diameter on its slice, mean value |
| contours.dcm | RT structure set | the outlines of all slices at the threshold |
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.dicom.finding import Plane, Region, read_placed_source
from casgan_jax.dicom.identity import derived_uid, highdicom_for
from casgan_jax.dicom.objects import Entry, write_kind, write_masks
from casgan_jax.dicom.report_parts import (
    Segment,
    axes_group,
    length,
    make_document,
    number,
    segment_group,
    threshold,
)
from casgan_jax.dicom.write_contours import make_contours
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder
from casgan_jax.grid import Box, binarise

_MOST_FRAMES = 512  # whole images that a segmentation is made of, but for a single lesion's


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class VolumeFinding:
    """A lesion with its soft volume.

    Attributes:
      key: its name.
      sources: (DICOM file, frame from 1) of each slice.
      alpha: (S, H, W) float32 in [0, 1], whole steps of 1/255.
      threshold: at which it is measured and made binary, in (0, 1].
      longest: index of the slice with the longest diameter.
      axes: (8,) the longest diameter and the one across it, in pixels.
      diameters_mm: (long, short) of them.
      volume_mm3: the sum of the soft mask.
      mean_hu: weighted by the soft mask; None where values are not HU.
      method: how the soft mask was made, a word or two.
    """

    key: str
    sources: tuple[tuple[Path, int], ...]
    alpha: np.ndarray
    threshold: float
    longest: int
    axes: np.ndarray
    diameters_mm: tuple[float, float]
    volume_mm3: float
    mean_hu: float | None
    method: str


@dataclasses.dataclass(frozen=True, eq=False)
class PlacedVolume:
    """A finding beside its images.

    Attributes:
      finding: the lesion.
      region: its images, by their places.
      longest: the one with the longest diameter.
    """

    finding: VolumeFinding
    region: Region
    longest: Plane


def place_volume(finding: VolumeFinding) -> PlacedVolume:
    """Reads the images of a finding.

    Raises:
      UserError: nothing at the threshold, or an image that no object can be made of.
    """
    if not binarise(finding.alpha, finding.threshold).any():
        raise UserError(
            finding.key,
            found=f"a soft mask of at most {finding.alpha.max():.3g}",
            expected=f"a voxel of at least {finding.threshold:.3g}",
            remedy="give a lower `threshold`",
        )
    planes = [
        _plane(file, frame, alpha)
        for (file, frame), alpha in zip(finding.sources, finding.alpha, strict=True)
    ]
    series = planes[0].source.SeriesInstanceUID
    ordered = tuple(sorted((one for one in planes if one.alpha.any()), key=lambda one: one.height))
    region = Region(
        finding.key,
        f"volume {finding.key} {series}",
        derived_uid("volume", finding.key, series),
        finding.threshold,
        finding.method,
        ordered,
    )
    return PlacedVolume(finding, region, planes[finding.longest])


def volumes_of_series(findings: Sequence[VolumeFinding]) -> dict[str, list[PlacedVolume]]:
    """The findings of each series of images, by their place and key.

    Raises:
      UserError: of the first one that nothing can be made of, see `place_volume`.
    """
    found = defaultdict(list)
    for one in map(place_volume, findings):
        found[str(one.longest.source.SeriesInstanceUID)].append(one)
    return {
        name: sorted(group, key=lambda one: (one.region.planes[0].height, one.finding.key))
        for name, group in sorted(found.items())
    }


def write_volume_objects(
    folder: Path, group: Sequence[PlacedVolume], kinds: Collection[str]
) -> Mapping[str, Entry]:
    """Writes the objects of one series' findings.

    Args:
      folder: to write to; made if it is not there.
      group: of `volumes_of_series`.
      kinds: of `casgan_jax.dicom.objects.KINDS`.

    Returns:
      {key: {"soft", "binary", "report", "contours": names of files, "segment": number}}.

    Raises:
      UserError: an object cannot be made or written.
    """
    make_folder(folder, field="output")
    entries: dict[str, Entry] = {one.finding.key: {} for one in group}
    regions = [one.region for one in group]
    if "segmentation" in kinds:
        segments = write_masks(folder, _parts(regions), entries)
        write_kind(folder, "report", make_volume_report(group, segments), entries, regions)
    if "contours" in kinds:
        write_kind(folder, "contours", make_contours(regions), entries, regions)
    return entries


def make_volume_report(group: Sequence[PlacedVolume], segments: Sequence[Segment]) -> Any:
    """A report on volumes of lesions in one series.

    Args:
      group: the lesions.
      segments: of each.

    Raises:
      UserError: highdicom is not installed, or does not make one of such images.
    """
    highdicom = highdicom_for(group[0].longest.file)
    groups = []
    for one, segment in zip(group, segments, strict=True):
        finding = one.finding
        groups += [
            segment_group(highdicom, segment, _measurements(highdicom.sr, finding)),
            axes_group(highdicom, one.region, one.longest, finding.axes, finding.diameters_mm),
        ]
    regions = [one.region for one in group]
    return make_document(regions, groups, [one.segmentation for one in segments])


def _plane(file: Path, frame: int, alpha: np.ndarray) -> Plane:
    source, geometry = read_placed_source(file, frame)
    rows, columns = alpha.shape
    return Plane(file, frame, source, geometry, alpha, Box(0, 0, columns, rows), 1, alpha)


def _parts(regions: Sequence[Region]) -> Iterator[list[Region]]:
    """Lesions of one segmentation each: all their images, times the lesions, are held at once."""
    part: list[Region] = []
    images: set[tuple[str, int]] = set()
    for one in regions:
        own = {plane.image for plane in one.planes}
        if part and len(images | own) * (len(part) + 1) > _MOST_FRAMES:
            yield part
            part, images = [], set()
        part.append(one)
        images |= own
    yield part


def _measurements(sr: Any, finding: VolumeFinding) -> list[Any]:
    long, short = finding.diameters_mm
    return [
        number(sr, ("118565006", "SCT", "Volume"), finding.volume_mm3, ("mm3", "mm3")),
        length(sr, "long", long),
        length(sr, "short", short),
        *_mean(sr, finding.mean_hu),
        threshold(sr, finding.threshold),
    ]


def _mean(sr: Any, value: float | None) -> list[Any]:
    if value is None:
        return []
    name, unit = ("112031", "DCM", "Attenuation Coefficient"), ("[hnsf'U]", "Hounsfield unit")
    return [number(sr, name, value, unit, derivation=sr.CodedConcept("373098007", "SCT", "Mean"))]
