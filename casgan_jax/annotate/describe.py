"""What the page is told, as JSON has it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from casgan_jax.annotate.pictures import Picture
from casgan_jax.annotate.slices import letters, window_of
from casgan_jax.annotate.state import MARKS, Beside
from casgan_jax.annotate.volumes import ShownVolume
from casgan_jax.annotate.workplace import Workplace
from casgan_jax.errors import UserError
from casgan_jax.images.stack import Scan
from casgan_jax.labelling.label import LesionLabel
from casgan_jax.soft_mask.recist import axis_lengths


def described_lesion(place: Workplace, key: str) -> dict[str, Any]:
    """A lesion: state, marks, strokes, measurements; `trouble` is what keeps it from having them.

    Raises:
      KeyError: there is none of that name.
    """
    item, state = place.item(key), place.state(key)
    told: dict[str, Any] = {
        "key": key,
        "picture": item.picture.name,
        "title": item.picture.title,
        "patient": item.picture.annotation.patient,
        "state": state.name,
        "decision": state.decision,
        "comment": state.comment,
        "last": state.last,
        "undoable": state.undoable,
        "redoable": state.redoable,
        "drawn": state.mark is not None,
        "given": item.given is not None,
        "recist": None,
        "outline": None,
        "box": None,
        "by": "network" if state.proposal else "matting",
        "window": list(state.mark.window) if state.mark else None,
        "strokes": [dataclasses.asdict(stroke) for stroke in state.strokes],
        "volume": state.volume,
        "beside": [_beside(one) for one in state.beside],
        "slices": 0,
        "slice": 0,
        "label": None,
        "trouble": "",
    }
    try:
        told |= {"slices": place.slices.count(item.picture), "slice": place.slice(key)}
        annotation = place.annotation(key)
        if annotation is not None and annotation.recist is not None:
            told["recist"] = _rounded(annotation.recist)
        elif annotation is not None and state.mark is not None:
            told[state.mark.kind] = list(state.mark.points)
        label = place.label(key)
        if label is not None:
            told["label"] = described_label(label)
            if told["recist"] is None and label.given_axes is not None:  # given in other units
                told["recist"] = _rounded(label.given_axes)
    except UserError as error:
        told["trouble"] = str(error).replace("`", "")
    return told


def _beside(said: Beside) -> dict[str, Any]:
    mark = said.mark
    return {
        "slice": said.slice,
        **{kind: mark and mark.kind == kind and list(mark.points) or None for kind in MARKS},
        "strokes": len(said.strokes),
        "absent": said.absent,
    }


def described_volume(volume: ShownVolume) -> dict[str, Any]:
    """What is measured on a soft volume, and where its planes lie."""
    count, *_ = volume.values.shape
    return {
        "start": volume.start,
        "count": count,
        "box": list(volume.box),
        "type": volume.values.dtype.name,
        "first": volume.first,
        "last": volume.last,
        "marked": list(volume.marked),
        "long_slice": volume.long_slice,
        "long_mm": round(volume.long_mm, 2),
        "short_mm": round(volume.short_mm, 2),
        "volume_mm3": round(volume.volume_mm3, 2),
        "hard_volume_mm3": round(volume.hard_volume_mm3, 2),
        "ended": list(volume.ended),
        "notes": list(volume.notes),
    }


def described_label(label: LesionLabel) -> dict[str, Any]:
    """What is measured on a soft mask, and where its crop lies."""
    given = label.given_axes
    spacing = label.spacing_mm
    return {
        "strategy": label.strategy,
        "quality": round(label.quality, 4),
        "box": list(label.box),
        "scale": label.scale,
        "threshold": label.threshold,
        "window": list(label.window),
        "axes": _rounded(label.measured_axes),
        "diameters_px": _rounded(label.diameters_px),
        "diameters_mm": spacing and _rounded(label.diameters_mm),
        "given_px": None if given is None else _rounded(axis_lengths(given)),
        "given_mm": None
        if given is None or not spacing
        else _rounded(axis_lengths(given, spacing)),
        "area_px": round(label.area_px, 2),
        "area_mm2": spacing and round(float(label.area_mm2 or 0.0), 2),
    }


def described_slice(picture: Picture, scan: Scan) -> dict[str, Any]:
    """What the values of a slice are."""
    height, width = scan.values.shape
    spacing = picture.annotation.spacing_mm or scan.spacing_mm
    low, high = window_of(picture, scan)
    return {
        "width": width,
        "height": height,
        "type": scan.values.dtype.name,
        "unit": scan.unit,
        "spacing_mm": spacing and list(spacing),
        "window": [low, high],
        "letters": letters(scan),
        "position_mm": _position(scan),
    }


def _position(scan: Scan) -> float | None:
    """mm along the slices' normal from the origin of the patient's coordinates."""
    if scan.geometry is None:
        return None
    return round(float(scan.geometry.origin @ scan.geometry.direction[:, 2]), 2)


def _rounded(values: Any) -> list[float]:
    return [round(float(one), 3) for one in np.ravel(values)]
