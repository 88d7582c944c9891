"""The slices about a lesion as they are read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from casgan_jax.images.regular import RegularRun
from casgan_jax.labelling.lesion import with_offset
from casgan_jax.labelling.volumes.lesion import VolumeLesion


@dataclasses.dataclass(frozen=True, eq=False)
class Slab:
    """Slices of a run that were read.

    Attributes:
      first: index in the run of the first one.
      values: (S, H, W).
      broken: (S, H, W) bool, where values were not finite, and are black.
      sources: see `casgan_jax.labelling.volumes.labelled`.
    """

    first: int
    values: np.ndarray
    broken: np.ndarray
    sources: tuple[tuple[Path, int], ...]


def read_slab(lesion: VolumeLesion, run: RegularRun, low: int, high: int, black: float) -> Slab:
    """The slices of a run from `low` to `high`, as far as there are any.

    Args:
      lesion: that has a place.
      run: that it is on.
      low, high: indices in the run.
      black: what stands in the place of values that are not finite.

    Raises:
      UserError: a slice cannot be read.
    """
    assert lesion.slices is not None, "it has a place"
    low, high = max(low, 0), min(high, run.count - 1)
    scans = [
        with_offset(lesion.first, lesion.slices.stack.read(run.first + k))
        for k in range(low, high + 1)
    ]
    values = np.stack([scan.values for scan in scans])
    broken = ~np.isfinite(values)
    values[broken] = black
    sources = tuple(
        (scan.file, scan.instance[1]) for scan in scans if scan.file is not None and scan.instance
    )
    return Slab(low, values, broken, sources)
