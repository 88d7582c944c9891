"""A lesion as it goes into a PACS: its soft mask, what was measured on it, and its image."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.dicom.identity import derived_uid, read_source
from casgan_jax.errors import UserError
from casgan_jax.grid import Box, area_mean, as_stored, binarise
from casgan_jax.images import dicom_tags
from casgan_jax.images.dicom_tags import Frame
from casgan_jax.images.geometry import Geometry

# Methods, as `Finding.method` has them.
NETWORK = "network"
PREDICTION = "prediction from a mark"
VOLUME = "volume"
VOLUME_BY_NETWORK = "volume by a network"
_OF_NETWORKS = (NETWORK, PREDICTION, VOLUME_BY_NETWORK)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Finding:
    """A lesion with its soft mask. Pixels are the image's, pixel centres at whole numbers.

    Attributes:
      key: its name.
      file: the DICOM file of its image.
      frame: of the file, from 1.
      box: of the crop (h, w) in the image.
      scale: r.
      alpha: (r h, r w) float32 in [0, 1]; outside of the crop there is no lesion.
      threshold: at which it is measured and made binary, in (0, 1].
      axes: (8,) RECIST axes in pixels, measured at the threshold.
      diameters_mm: (long, short) of them.
      area_mm2: the sum of the soft mask.
      quality: 0 to 1; None: not known.
      method: how the soft mask was made, a word or two.
    """

    key: str
    file: Path
    frame: int
    box: Box
    scale: int
    alpha: np.ndarray
    threshold: float
    axes: np.ndarray
    diameters_mm: tuple[float, float]
    area_mm2: float
    quality: float | None
    method: str


class Plane(NamedTuple):
    """The soft mask of a lesion on one image.

    Attributes:
      file: the DICOM file of the image.
      frame: of the file, from 1.
      source: tags of the image.
      geometry: of the image.
      alpha: (H, W) float32 in [0, 1], on the image's grid, whole steps of 1/255.
      box: of the crop (h, w) in the image that `fine` is of.
      scale: r.
      fine: (r h, r w) float32 in [0, 1], what outlines are drawn of.
    """

    file: Path
    frame: int
    source: Any
    geometry: Geometry
    alpha: np.ndarray
    box: Box
    scale: int
    fine: np.ndarray

    @property
    def tags(self) -> Frame:
        """The tags of the image's frame."""
        return Frame(self.file, self.source, self.frame - 1)

    @property
    def image(self) -> tuple[str, int]:
        """SOPInstanceUID and frame."""
        return str(self.source.SOPInstanceUID), self.frame

    @property
    def height(self) -> float:
        """mm along the image's normal, by which planes are in order."""
        return float(self.geometry.origin @ self.geometry.direction[:, 2])


class Region(NamedTuple):
    """A lesion as a segment or a region of interest.

    Attributes:
      key: its name.
      name: what tells it from all others: its key and its images.
      tracking_uid: of the lesion, in whatever object.
      threshold: at which it is made binary, in (0, 1].
      method: how the soft mask was made, a word or two.
      planes: its images, by their places.
    """

    key: str
    name: str
    tracking_uid: str
    threshold: float
    method: str
    planes: tuple[Plane, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Placed:
    """A finding beside its image.

    Attributes:
      finding: the lesion.
      plane: the soft mask on it.
    """

    finding: Finding
    plane: Plane

    @property
    def source(self) -> Any:
        """Tags of the image."""
        return self.plane.source

    @property
    def geometry(self) -> Geometry:
        """Of the image."""
        return self.plane.geometry

    @property
    def alpha(self) -> np.ndarray:
        """(H, W), the soft mask on the image's grid."""
        return self.plane.alpha

    @property
    def name(self) -> str:
        """What tells the lesion from all others: its key and its image."""
        return f"{self.finding.key} {self.source.SOPInstanceUID} {self.finding.frame}"

    @property
    def tracking_uid(self) -> str:
        """Of the lesion, in whatever object."""
        return derived_uid("lesion", self.name)

    @property
    def region(self) -> Region:
        """The lesion as a segment."""
        one = self.finding
        return Region(
            one.key, self.name, self.tracking_uid, one.threshold, one.method, (self.plane,)
        )


def place_finding(finding: Finding) -> Placed:
    """Reads the image of a finding and puts the soft mask on its grid.

    Raises:
      UserError: NaN, nothing at the threshold, or an image that no object can be made of.
    """
    source, geometry = read_placed_source(finding.file, finding.frame)
    try:
        native = as_stored(area_mean(finding.alpha, finding.scale))
    except UserError as error:
        raise error.within(finding.key) from error
    columns, rows, _ = geometry.size
    if not binarise(native, finding.threshold).any():
        raise UserError(
            finding.key,
            found=f"a soft mask of at most {native.max():.3g} on the image's grid",
            expected=f"a pixel of at least {finding.threshold:.3g}",
            remedy="give a lower `threshold`",
        )
    alpha = finding.box.paste(native, (rows, columns))
    plane = Plane(
        finding.file,
        finding.frame,
        source,
        geometry,
        alpha,
        finding.box,
        finding.scale,
        finding.alpha,
    )
    return Placed(finding, plane)


def read_placed_source(file: Path, frame: int) -> tuple[Any, Geometry]:
    """The tags of a DICOM image, and where it lies.

    Raises:
      UserError: an image that no object can be made of.
    """
    source = read_source(file, frame)
    tags = Frame(file, source, frame - 1)
    geometry = dicom_tags.geometry(tags, dicom_tags.spacing(tags))
    assert geometry is not None, "read_source has looked"
    return source, geometry


def names_of(group: Sequence[Region]) -> list[str]:
    """What the UID of an object of lesions is made of: their names, and whether a network made
    their soft masks. What was matted of the same lesions is another object, and neither takes the
    place of the other."""
    return [f"{one.name} {NETWORK}" if one.method in _OF_NETWORKS else one.name for one in group]
