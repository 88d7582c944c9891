"""Findings as the objects of a PACS: what each series of images gets beside it.

| file | object | what it holds |
|---|---|---|
| soft.dcm | FRACTIONAL segmentation | the soft masks, 8 bits, one segment a lesion |
| binary.dcm | BINARY segmentation | the same at the threshold |
| report.dcm | structured report, TID 1500 | axes, diameters, area, quality, threshold |
| contours.dcm | RT structure set | the outlines at the threshold |

They lie in a folder of the series' UID. A segmentation has at most 16 lesions, as it is made of
whole images; of more, the rest are in soft-2.dcm, binary-2.dcm and so on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from casgan_jax.dicom.finding import Finding, Placed, Region, place_finding
from casgan_jax.dicom.identity import highdicom_for, write_object
from casgan_jax.dicom.report_parts import Segment
from casgan_jax.dicom.write_contours import make_contours
from casgan_jax.dicom.write_report import make_report
from casgan_jax.dicom.write_segmentation import make_segmentation
from casgan_jax.files import make_folder
from casgan_jax.images.checks import import_extra

KINDS_OF_FORMATS: dict[str, str] = {"dicom": "segmentation", "rtstruct": "contours"}
KINDS = tuple(KINDS_OF_FORMATS.values())  # what can be asked for

_OF_NIBABEL = ("nifti", "nnunet")
_MOST_SEGMENTS = 16

Entry = dict[str, str | int]


def check_libraries(formats: Collection[str]) -> None:
    """Imports what the formats are written by: missing, it would fail every lesion.

    Args:
      formats: of soft masks; those that need no library of an extra do not matter.

    Raises:
      UserError: one is not installed; the line names the format and the extra.
    """
    for name in formats:
        if name in KINDS_OF_FORMATS:
            highdicom_for(f"format={name}")
        elif name in _OF_NIBABEL:
            import_extra("nibabel", f"format={name}", "NIfTI")


def series_of(findings: Sequence[Finding]) -> dict[str, list[Placed]]:
    """The findings of each series of images and frame of reference, by their place and key.

    Raises:
      UserError: of the first one that nothing can be made of, see `place_finding`.
    """
    found = defaultdict(list)
    for one in map(place_finding, findings):
        found[_folder_of(one)].append(one)
    return {name: sorted(group, key=_order) for name, group in sorted(found.items())}


def write_objects(
    folder: Path, group: Sequence[Placed], kinds: Collection[str]
) -> Mapping[str, Entry]:
    """Writes the objects of one series' findings.

    Args:
      folder: to write to; made if it is not there.
      group: of `series_of`.
      kinds: of `KINDS`.

    Returns:
      {key: {"soft", "binary", "report", "contours": names of files, "segment": number}}.

    Raises:
      UserError: an object cannot be made or written.
    """
    make_folder(folder, field="output")
    entries: dict[str, Entry] = {one.finding.key: {} for one in group}
    regions = [one.region for one in group]
    if "segmentation" in kinds:
        starts = range(0, len(group), _MOST_SEGMENTS)
        parts = [regions[start : start + _MOST_SEGMENTS] for start in starts]
        segments = write_masks(folder, parts, entries)
        write_kind(folder, "report", make_report(group, segments), entries, regions)
    if "contours" in kinds:
        write_kind(folder, "contours", make_contours(regions), entries, regions)
    return entries


def write_masks(
    folder: Path, parts: Iterable[Sequence[Region]], entries: Mapping[str, Entry]
) -> list[Segment]:
    """Writes the soft and the binary segmentation of each part of the lesions.

    Args:
      folder: to write to.
      parts: lesions of one segmentation each.
      entries: of all lesions, where the names and numbers are noted.

    Returns:
      Where the soft mask of each lesion is, in their order.
    """
    segments = []
    for number, part in enumerate(parts, 1):
        soft = make_segmentation(part, "soft", number)
        write_kind(folder, "soft", soft, entries, part, number)
        binary = make_segmentation(part, "binary", number)
        write_kind(folder, "binary", binary, entries, part, number)
        for segment, one in enumerate(part, 1):
            entries[one.key]["segment"] = segment
            segments.append(Segment(one, soft, segment))
    return segments


def write_kind(
    folder: Path,
    kind: str,
    made: object,
    entries: Mapping[str, Entry],
    part: Sequence[Region],
    number: int = 1,
) -> None:
    """Writes an object and notes its name for the lesions that are in it."""
    name = f"{kind}.dcm" if number == 1 else f"{kind}-{number}.dcm"
    write_object(folder / name, made)
    for one in part:
        entries[one.key][kind] = name


def _folder_of(one: Placed) -> str:
    return str(one.source.SeriesInstanceUID)


def _order(one: Placed) -> tuple[float, str]:
    across = one.geometry.direction[:, 2]
    return float(one.geometry.origin @ across), one.finding.key
