"""Which marks of the readers are of the same nodule.

The files do not say; as pylidc does, marks that are nearer to one another than one slice are
taken to be of one nodule. Where that puts two marks of one reader together, only nearer ones are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from datasets.lidc.reading import Mark

_SHRINK = 0.9
_LEAST_MM = 0.1  # marks that are this near stay together, whoever drew them


def cluster_marks(
    marks: Sequence[Mark], *, spacing_mm: float, tolerance_mm: float
) -> list[list[Mark]]:
    """Groups the marks of one series by nodule.

    Args:
      marks: of all readers.
      spacing_mm: side of a pixel.
      tolerance_mm: the largest distance, from outline to outline, of marks of one nodule.

    Returns:
      One list for each nodule, in the order of their first marks.
    """
    if not marks:
        return []
    trees = [cKDTree(_points_mm(mark, spacing_mm)) for mark in marks]
    distance = np.zeros((len(marks), len(marks)))
    for i, tree in enumerate(trees):
        for j in range(i):
            distance[i, j] = distance[j, i] = tree.query(trees[j].data)[0].min()
    readers = np.array([mark.reader for mark in marks])
    groups = _groups(np.arange(len(marks)), distance, readers, tolerance_mm)
    return [[marks[i] for i in group] for group in sorted(groups, key=min)]


def _groups(
    members: np.ndarray, distance: np.ndarray, readers: np.ndarray, tolerance: float
) -> list[list[int]]:
    """Connected components; with a smaller tolerance within those that hold a reader twice."""
    near = distance[np.ix_(members, members)] <= tolerance
    count, component = connected_components(near, directed=False)
    groups = []
    for number in range(count):
        group = members[component == number]
        twice = len(np.unique(readers[group])) < len(group)
        if twice and tolerance * _SHRINK >= _LEAST_MM:
            groups += _groups(group, distance, readers, tolerance * _SHRINK)
        else:
            groups.append(group.tolist())
    return groups


def _points_mm(mark: Mark, spacing_mm: float) -> np.ndarray:
    """(P, 3) points of all outlines, in mm."""
    planes = [
        np.column_stack([spacing_mm * outline.points, np.full(len(outline.points), outline.z_mm)])
        for outline in mark.outlines
    ]
    return np.concatenate(planes)
