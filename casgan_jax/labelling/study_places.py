"""A slice of a series, and a lesion on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from casgan_jax.annotations import Annotation
from casgan_jax.images.series import Series

_LONGEST_NAME = 80  # of a lesion, in characters


class Place(NamedTuple):
    """A slice of a series."""

    series: Series
    number: int


def lesion_at(
    folder: Path, name: str, place: Place, notes: tuple[str, ...], **marks: Any
) -> Annotation:
    """A lesion on a slice, marked in one way."""
    series, index = place
    return Annotation(
        key=name,
        patient=series.patient or folder.resolve().name,
        image=series.files[index],
        slice_index=series.frames[index],
        notes=notes,
        **marks,
    )


def file_name(text: str) -> str:
    """A lesion's name as that of files; "" of none."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in text)
    return kept.strip("._")[:_LONGEST_NAME]
