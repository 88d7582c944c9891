"""The slices beside the one that a mark is on, read for a network that sees them.

beside = NeighbourReader(1).read(annotation)  # the slice before and the slice after
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.images.regular import regular_run
from casgan_jax.labelling.lesion import with_offset
from casgan_jax.labelling.volumes.slices import SliceFinder, Slices
from casgan_jax.records.neighbours import slices_beside


class NeighbourReader:
    """Reads the slices beside marks; every folder and file is opened once."""

    def __init__(self, count: int) -> None:
        """
        Args:
          count: slices to either side.
        """
        self._count, self._finder = count, SliceFinder()

    def read(self, annotation: Annotation) -> list[np.ndarray]:
        """(H, W) source values of each slice beside that of a mark, in the order of
        `casgan_jax.records.neighbours`.

        Slices are beside each other at the distance of the series: where one is missing, and where
        the images end, the last one is repeated.

        Args:
          annotation: of a DICOM file or series, or a volume that says where it lies; its offset to
            HU is added.

        Raises:
          UserError: an image without neighbours, or a slice that cannot be read.
        """
        slices, index, indices = self._place(annotation)
        read: dict[int, np.ndarray] = {}
        for each in dict.fromkeys(indices):
            scan = slices.stack.read(each)
            for fault in scan.faults.values():
                raise fault
            read[each] = with_offset(annotation, scan).values
        if any(values.shape != read[indices[0]].shape for values in read.values()):
            raise _without(slices.path, f"slices of several sizes beside slice {index}")
        return [read[each] for each in indices]

    def _place(self, annotation: Annotation) -> tuple[Slices, int, tuple[int, ...]]:
        """The slices of a volume, which of them is marked, and which are beside that."""
        try:
            slices, index, _ = self._finder.place(annotation)
            run = regular_run(slices.path, slices.places, index, slices.names)
        except UserError as error:
            raise _without(annotation.image, error.found) from error
        last = run.first + run.count - 1
        return slices, index, slices_beside(index, run.first, last, self._count)


def _without(path: Path, found: str) -> UserError:
    return UserError(
        path,
        found=f"no neighbouring slices ({found})",
        expected="a DICOM series, or a NIfTI, MetaImage or NRRD volume",
        remedy="name one, or use a network of single slices",
    )
