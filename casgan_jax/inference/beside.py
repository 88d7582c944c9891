"""The slices beside a lesion's as a system that sees such is shown them.

    beside = SlicesBeside(system)
    beside.shown(annotation, (212, 305), trained=window, given=None)  # (H, W, slices) in [0, 1]

Each slice has the levels that it would have as the lesion's own: to a system of stretched crops it
is shown stretched by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.grid import normalise
from casgan_jax.inference.jobs import Point
from casgan_jax.inference.levels import levels_of
from casgan_jax.labelling.volumes.beside import NeighbourReader

if TYPE_CHECKING:  # so that a command that only shows its help needs no JAX
    from casgan_jax.inference.load import LoadedSystem


class SlicesBeside:
    """Reads the slices that a system sees beside a lesion's; every folder is opened once."""

    def __init__(self, system: LoadedSystem) -> None:
        """
        Args:
          system: of `casgan_jax.inference.load.load_system`.
        """
        self._system, self._reader = system, NeighbourReader(system.neighbours)

    def shown(
        self,
        annotation: Annotation,
        centre: Point,
        *,
        trained: tuple[float, float],
        given: tuple[float, float] | None,
    ) -> np.ndarray | None:
        """The slices beside a mark, as `predict` takes them; None for a system of single slices.

        Args:
          annotation: where the image is.
          centre: (x, y) of the mark in pixels.
          trained, given: of `levels_of`.

        Raises:
          UserError: an image without neighbours, or what `levels_of` raises of one.
        """
        if not self._system.neighbours:
            return None
        slices = self._reader.read(annotation)
        return shown_slices(self._system, slices, centre, trained=trained, given=given)


def shown_slices(
    system: LoadedSystem,
    slices: Sequence[np.ndarray],
    centre: Point,
    *,
    trained: tuple[float, float],
    given: tuple[float, float] | None,
) -> np.ndarray:
    """Slices (H, W) of source values -> (H, W, slices) float32 in [0, 1], see above."""
    shown = []
    for values in slices:
        levels = levels_of(system, values, centre, trained=trained, given=given)
        shown.append(normalise(values, levels))
    return np.stack(shown, axis=-1)
