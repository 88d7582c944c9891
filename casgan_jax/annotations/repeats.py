"""Lesions that stand more than once in a table."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from pathlib import Path

from casgan_jax.annotations.annotation import Annotation


def repeats(annotations: Iterable[Annotation]) -> dict[str, str]:
    """Key of every lesion that stands again -> key of the first of its kind.

    Two annotations are the same lesion where image, slice and marks are the same: the same files,
    by whatever path or link, in any order of the readers, the same segment and part, and the same
    axes, from whichever end they were drawn. What else is told of them, such as patient, split,
    window or spacing, does not count. Nothing is read: a copy of a file is another file.
    """
    first: dict[Hashable, str] = {}
    return {
        one.key: kept
        for one in annotations
        if (kept := first.setdefault(_lesion(one), one.key)) != one.key
    }


def _lesion(one: Annotation) -> Hashable:
    image, *masks = map(_file, one.files)
    segments = one.reader_segments or (one.segment,) * len(masks)
    marks = frozenset(zip(masks, segments, strict=True))
    return image, one.slice_index, _axes(one), marks, one.component


def _axes(one: Annotation) -> Hashable:
    """Axes from whichever end they were drawn; a click is an axis of one end."""
    if one.recist is not None:
        units, ends = "pixel", one.recist.reshape(4, 2)
    elif one.axes is not None:
        units, ends = one.axes.units, one.axes.ends
    else:
        return None
    pairs = ends.reshape(-1, min(len(ends), 2), ends.shape[1])
    return units, frozenset(frozenset(map(tuple, pair)) for pair in pairs.tolist())


def _file(path: Path) -> str:
    return os.path.realpath(path)
