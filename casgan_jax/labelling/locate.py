"""Which slice of which file a lesion is on, found before its pixels are read.

    for annotation, fault in locate_all(annotations): ...

Headers of a folder are read once for all lesions of a batch. Axes in the patient tell their slice.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.scan import open_stack
from casgan_jax.images.series import Series, find_series
from casgan_jax.images.series_choice import choose_series
from casgan_jax.images.stack import choose_slice

FindSeries = Callable[[Path], tuple[Series, ...]]
_REACH = 0.5 + 1e-6  # of a slice's thickness, from its middle


def locate_all(annotations: Sequence[Annotation]) -> Iterator[tuple[Annotation, UserError | None]]:
    """Every annotation with its slice, or as it is and why it has none."""
    found = functools.lru_cache(maxsize=None)(_tried_series)
    for annotation in annotations:
        try:
            yield locate(annotation, lambda folder: _raised(found(folder))), None
        except UserError as error:
            yield annotation, error


def locate(annotation: Annotation, series_of: FindSeries = find_series) -> Annotation:
    """The annotation with the slice that its image's folder, or its axes in the patient, say.

    Args:
      annotation: whose image may be a folder.
      series_of: finds the series of a folder.

    Raises:
      UserError: no or several series are meant, no or a wrong slice.
    """
    if annotation.slice_file is not None:
        return annotation
    axes = annotation.axes
    spatial = axes.ends if axes is not None and axes.units == "lps" else None
    if os.path.isdir(annotation.image):  # pathlib's raises where a name is too long
        series = choose_series(annotation.image, series_of(annotation.image), annotation.series)
        index = annotation.slice_index
        if index is None and spatial is not None:
            index = nearest_slice(annotation.image, series.places, spatial)
        index = choose_slice(annotation.image, index, len(series.files))
        return dataclasses.replace(
            annotation,
            slice_index=index if len(series.files) > 1 else annotation.slice_index,
            slice_file=(series.files[index], series.frames[index]),
            notes=(*annotation.notes, *series.notes),
        )
    if annotation.series is not None:
        raise UserError(
            "series",
            found=f"{annotation.series!r} for {annotation.image}",
            expected="it for a folder of DICOM series",
            remedy="leave it out",
        )
    if spatial is None or annotation.slice_index is not None:
        return annotation
    stack = open_stack(annotation.image)
    found = [stack.place(index) for index in range(stack.count)]
    places = [place for place in found if place is not None]
    if stack.count == 1 or len(places) < stack.count:
        return annotation
    index = nearest_slice(annotation.image, places, spatial)
    return dataclasses.replace(annotation, slice_index=index)


def nearest_slice(path: Path, places: Sequence[Geometry], ends: np.ndarray) -> int:
    """The slice that points in the patient are on.

    Args:
      path: of the image, for errors.
      places: of its slices.
      ends: (N, 3) mm, LPS.

    Raises:
      UserError: they are on none, or not all on one.
    """
    apart = [distance_to(place, ends) for place in places]
    best = int(np.argmin(apart))
    if apart[best] > _REACH:
        middle = ", ".join(f"{x:.4g}" for x in ends.mean(axis=0))
        raise UserError(
            "recist",
            found=f"points about ({middle}) mm that lie on no slice of {path}",
            expected="all within half a slice of one",
            remedy="check the units and the image",
        )
    return best


def distance_to(place: Geometry, ends: np.ndarray) -> float:
    """How far points are from the middle of a slice at most, in slices."""
    across = place.direction[:, 2]
    return float(np.abs((ends - place.origin) @ across).max() / place.spacing[2])


def _tried_series(folder: Path) -> tuple[Series, ...] | UserError:
    try:
        return find_series(folder)
    except UserError as error:
        return error


def _raised(found: tuple[Series, ...] | UserError) -> tuple[Series, ...]:
    if isinstance(found, UserError):
        raise found
    return found
