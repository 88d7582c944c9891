"""Lesions that stand more than once in a table."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from pathlib import Path

from casgan_jax.annotations.annotation import Annotation


def repeats(annotations: Iterable[Annotation]) -> dict[str, str]:
    """Key of every lesion that stands again -> key of the first of its kind.

    Two annotations are the same lesion where image, slice and marks are the same: the same files,
    by whatever path or link, in any order of the readers, the same segment, and the same axes, from
    whichever end they were drawn. What else is told of them, such as patient, split, window or
    spacing, does not count. Nothing is read: a copy of a file is another file.
    """
    first: dict[Hashable, str] = {}
    return {
        one.key: kept
        for one in annotations
        if (kept := first.setdefault(_lesion(one), one.key)) != one.key
    }


def _lesion(one: Annotation) -> Hashable:
    image, *masks = map(_file, one.files)
    axes = None
    if one.recist is not None:
        x1, y1, x2, y2, x3, y3, x4, y4 = one.recist.tolist()
        axes = frozenset({frozenset({(x1, y1), (x2, y2)}), frozenset({(x3, y3), (x4, y4)})})
    return image, one.slice_index, axes, frozenset(masks), one.segment


def _file(path: Path) -> str:
    return os.path.realpath(path)
