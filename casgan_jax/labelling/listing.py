"""What a study holds, as a table to read or as JSON.

found = contents_of(read_study(Path("study")))
print(as_table(found))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from casgan_jax.dicom.measurements import Click, Measurement
from casgan_jax.errors import UserError, counted
from casgan_jax.images.series import Series
from casgan_jax.images.series_choice import series_names
from casgan_jax.labelling.study import Study
from casgan_jax.labelling.study_lesions import study_lesions


def contents_of(study: Study, series: str | None = None) -> dict[str, Any]:
    """The series, measurements, segments and lesions of a study, JSON-ready.

    Args:
      study: of `read_study`.
      series: number, UID or name of the only series whose lesions count; None: all.

    Raises:
      UserError: there is no such series.
    """
    lesions: list[dict[str, Any]] = []
    problems: list[str] = []
    if study.measurements or study.marks:
        found = study_lesions(study, series=series)
        faults = set(map(str, study.faults))
        problems = [one.reason for one in found.failures if one.reason not in faults]
        lesions = [
            {
                "key": one.key,
                "image": str(one.image),
                "frame": one.slice_index,
                "segment": one.segment,
                "notes": list(one.notes),
            }
            for one in found.annotations
        ]
    return {
        "folder": str(study.folder),
        "series": [
            {"series": name, **_series(one)}
            for one, name in zip(study.series, series_names(study.series), strict=True)
        ],
        "measurements": [
            {
                "file": path.name,
                "name": one.name,
                "image": one.image[0] if one.image else None,
                **_axes(one),
            }
            for path, one in study.measurements
        ],
        "segments": [
            {"file": marks.path.name, "number": one.number, "name": one.name}
            for marks in study.marks
            for one in marks.segments
        ],
        "lesions": lesions,
        "problems": problems,
        "skipped": list(study.skipped),
        "faults": list(map(str, study.faults)),
    }


def _axes(one: Measurement | Click) -> dict[str, Any]:
    if isinstance(one, Click):
        return {"long_mm": None, "short_mm": None, "axes": 0, "notes": []}
    long, short = one.diameters_mm
    return {"long_mm": long, "short_mm": short, "axes": len(one.lines), "notes": list(one.notes)}


def as_table(found: dict[str, Any]) -> str:
    """The same as text: series by what `series` takes, number and patient where several share a
    number."""
    alike = any(one["series"] != one["number"] for one in found["series"])
    series = [
        (
            one["series"],
            *((one["number"] or "-", one["patient"] or "-") if alike else ()),
            str(one["slices"]),
            one["size"] or "-",
            one["spacing"] or "-",
            one["name"],
            "; ".join([one["fault"]] if one["fault"] else one["notes"]) or "whole",
        )
        for one in found["series"]
    ]
    measured = [
        (one["file"], one["name"] or "-", *_diameters(one), "; ".join(one["notes"]))
        for one in found["measurements"]
    ]
    segments = [(one["file"], str(one["number"]), one["name"] or "-") for one in found["segments"]]
    parts = [
        _table(
            (
                "series",
                *(("number", "patient") if alike else ()),
                *("slices", "pixels", "mm", "name", "checked"),
            ),
            series,
        ),
        _table(("measured in", "lesion", "long mm", "short mm", "notes"), measured),
        _table(("marked in", "segment", "name"), segments),
        f"{counted(len(found['lesions']), 'lesion')} to label" if measured or segments else "",
    ]
    told = [("problem", line) for line in found["problems"]]
    told += [("skipped", line) for line in found["skipped"]]
    told += [("fault", line) for line in found["faults"]]
    parts.append("\n".join(f"{kind}: {line}" for kind, line in told))
    return "\n\n".join(filter(None, parts)) or f"{found['folder']}: no DICOM file"


def _series(one: Series) -> dict[str, Any]:
    place = one.places[0] if one.places else None
    step = _step(one)
    fault: UserError | None = one.fault
    return {
        "uid": one.uid,
        "number": one.number,
        "name": one.name,
        "patient": one.patient,
        "slices": len(one.files),
        "frames_of_one_file": one.frames[0] is not None,
        "size": f"{place.size[0]} x {place.size[1]}" if place else None,
        "spacing": " x ".join(f"{side:.4g}" for side in (*place.spacing[:2], step))
        if place
        else None,
        "notes": list(one.notes),
        "fault": None if fault is None else str(fault),
    }


def _step(one: Series) -> float:
    """mm from slice to slice, the median; of one slice how thick it is."""
    if len(one.places) < 2:
        return float(one.places[0].spacing[2]) if one.places else 0.0
    across = one.places[0].direction[:, 2]
    heights = sorted(float(place.origin @ across) for place in one.places)
    gaps = sorted(b - a for a, b in zip(heights, heights[1:], strict=False))
    return gaps[len(gaps) // 2]


def _diameters(one: dict[str, Any]) -> tuple[str, str]:
    """(long, short) in mm, as far as they were drawn."""
    found = _mm(one["long_mm"]), _mm(one["short_mm"])
    long, short = (*found[: one["axes"]], "none", "none")[:2]
    return long, short


def _mm(value: float | None) -> str:
    return "by the image" if value is None else f"{value:.1f}"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (titles, *rows)
    ]
    return "\n".join(lines)
