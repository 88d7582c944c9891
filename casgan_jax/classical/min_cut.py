"""The best binary labelling of a grid of pixels, by a minimum cut.

Boykov, Jolly, "Interactive graph cuts for optimal boundary & region segmentation of objects in N-D
images", ICCV 2001; Boykov, Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms
for energy minimization in vision", EMMCVPR 2001. A mask A has the energy

    E(A) = sum over pixels R_p(A_p) + sum over pairs of neighbours B_pq [A_p != A_q].

The least one does not depend on the max-flow algorithm; SciPy's is used, whose capacities are
integers.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

OFFSETS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows, columns: each pair of 8 neighbours once
_LARGEST = 2**30  # SciPy computes in int32, and what is left of a link can be twice its capacity


def contrast_links(image: np.ndarray, sigma: float, *, spacing: float = 1.0) -> list[np.ndarray]:
    """What it costs to part neighbours: exp(-(I_p - I_q)^2 / (2 sigma^2)) / |p - q|.

    Args:
      image: (H, W) in [0, 1].
      sigma: the difference of two native neighbours that noise explains.
      spacing: side of a pixel in native pixels. A difference is taken per native pixel and a length
        counted in native pixels, so that an image enlarged r times with spacing 1 / r is cut alike.

    Returns:
      For each of OFFSETS the costs of the pairs (p, p + offset), in the shape of `pairs`.
    """
    links = []
    for offset in OFFSETS:
        first, second = pairs(image, offset)
        difference = (first - second) / (spacing * sigma)
        links.append(spacing * np.exp(-(difference**2) / 2) / math.hypot(*offset))
    return links


def pairs(plane: np.ndarray, offset: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Views of a plane (H, W): all p that have a neighbour p + offset, and those neighbours."""
    rows, columns = offset
    height, width = plane.shape
    left, right = max(0, -columns), max(0, columns)
    first = plane[: height - rows, left : width - right]
    return first, plane[rows:, right : width - left]


def minimum_cut(preference: np.ndarray, links: list[np.ndarray]) -> np.ndarray:
    """The mask of the least energy; of several the smallest.

    Args:
      preference: (H, W) R_p(background) - R_p(lesion): positive where the lesion is cheaper,
        infinite where a label is given.
      links: B_pq >= 0 for each of OFFSETS, as `contrast_links` returns them.

    Returns:
      (H, W) bool. Capacities are rounded to a 2^30th of what may flow in all, which for 256 x 256
      pixels and preferences of about 1 is 1e-4.
    """
    pixels = np.arange(preference.size).reshape(preference.shape)
    source, sink = preference.size, preference.size + 1
    ends = [pairs(pixels, offset) for offset in OFFSETS]
    first, second = (np.concatenate([end[k].ravel() for end in ends]) for k in (0, 1))
    cost = np.concatenate([link.ravel() for link in links])
    # Beyond what parts a pixel from all its neighbours a preference changes nothing: Boykov and
    # Jolly's K.
    limit = 1.0 + sum(2 * float(link.max(initial=0.0)) for link in links)
    wish = np.clip(preference, -limit, limit).ravel()
    for_lesion, against = np.flatnonzero(wish > 0), np.flatnonzero(wish < 0)
    tail = np.concatenate([first, second, np.full(for_lesion.size, source), against])
    head = np.concatenate([second, first, for_lesion, np.full(against.size, sink)])
    capacity = np.concatenate([cost, cost, wish[for_lesion], -wish[against]])
    in_all = max(limit, min(wish[for_lesion].sum(), -wish[against].sum()))
    capacity = np.round(capacity * (_LARGEST / in_all)).astype(np.int32)
    graph = csr_array((capacity, (tail, head)), shape=(sink + 1, sink + 1))
    left = graph - maximum_flow(graph, source, sink).flow
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    reached = np.zeros(sink + 1, bool)
    reached[breadth_first_order(left, source, return_predecessors=False)] = True
    return reached[:source].reshape(preference.shape)
