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
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from casgan_jax.dicom.finding import Finding, Placed, place_finding
from casgan_jax.dicom.identity import write_object
from casgan_jax.dicom.write_contours import make_contours
from casgan_jax.dicom.write_report import Segmented, make_report
from casgan_jax.dicom.write_segmentation import make_segmentation
from casgan_jax.files import make_folder

KINDS_OF_FORMATS = {"dicom": "segmentation", "rtstruct": "contours"}
KINDS = tuple(KINDS_OF_FORMATS.values())  # what can be asked for

_MOST_SEGMENTS = 16

Entry = dict[str, str | int]


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
    if "segmentation" in kinds:
        segmented = []
        for start in range(0, len(group), _MOST_SEGMENTS):
            segmented += _write_masks(
                folder, group[start : start + _MOST_SEGMENTS], start // _MOST_SEGMENTS + 1, entries
            )
        _write(folder, "report", make_report(segmented), entries, group)
    if "contours" in kinds:
        _write(folder, "contours", make_contours([one.region for one in group]), entries, group)
    return entries


def _write_masks(
    folder: Path, part: Sequence[Placed], number: int, entries: dict[str, Entry]
) -> list[Segmented]:
    regions = [one.region for one in part]
    soft = make_segmentation(regions, "soft", number)
    _write(folder, "soft", soft, entries, part, number)
    _write(folder, "binary", make_segmentation(regions, "binary", number), entries, part, number)
    for segment, one in enumerate(part, 1):
        entries[one.finding.key]["segment"] = segment
    return [Segmented(one, soft, segment) for segment, one in enumerate(part, 1)]


def _write(
    folder: Path,
    kind: str,
    made: object,
    entries: dict[str, Entry],
    part: Sequence[Placed],
    number: int = 1,
) -> None:
    name = f"{kind}.dcm" if number == 1 else f"{kind}-{number}.dcm"
    write_object(folder / name, made)
    for one in part:
        entries[one.finding.key][kind] = name


def _folder_of(one: Placed) -> str:
    return str(one.source.SeriesInstanceUID)


def _order(one: Placed) -> tuple[float, str]:
    across = one.geometry.direction[:, 2]
    return float(one.geometry.origin @ across), one.finding.key
