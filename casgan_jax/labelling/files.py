"""What a labelled lesion leaves in a folder: pictures to compute with and to look at, and a row.

| file | content |
|---|---|
| soft_masks/KEY.png | soft mask, see `FORMATS` |
| trimaps/KEY.png | 0 background, 128 unknown, 255 lesion |
| overlays/KEY.png | lesion enlarged, marks in blue, the soft mask's outline and axes in orange |
| readers_mean/KEY.png | share of the readers who marked a pixel, coded as the soft mask |
| readers_spread/KEY.png | standard deviation over the readers, 0 to 0.5, coded as the soft mask |

What goes into a PACS is not written lesion by lesion, but in the end
(`casgan_jax.labelling.objects`).

All but the overlay have the size of the whole image, r times as fine where the scale is r; the
readers' maps, which are no finer than the readers drew, have exactly its size.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.files import make_folder
from casgan_jax.grid import area_mean, encode_alpha
from casgan_jax.images import write_npy, write_png, write_volume
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.volume_files import FORMATS as VOLUME_FORMATS
from casgan_jax.labelling.outlines import draw_overlay
from casgan_jax.soft_mask.recist import axis_lengths

if TYPE_CHECKING:  # so that a command that only shows its help needs no JAX
    from casgan_jax.labelling.label import LesionLabel

# 8-bit round(255 * alpha); float32 in [0, 1]; the same as a volume one voxel thick, where it lies.
FORMATS = {"png": ".png", "npy": ".npy", **VOLUME_FORMATS}
KINDS = ("soft_mask", "trimap", "overlay", "readers_mean", "readers_spread")
# Files of all lesions of a series, relative to the folder; segment: number in the first two.
OBJECTS = ("soft_segmentation", "binary_segmentation", "segment", "report", "contours")
COLUMNS = (
    "key",
    "patient",
    "image",
    "slice",
    "status",  # labelled or failed
    "reason",  # of a failure
    "strategy",
    "quality",
    "readers",  # who marked anything
    "recist",  # as given, like `measured_recist`
    "measured_recist",  # x1,y1,...,x4,y4 in pixels of the image
    "axes_agreement",  # of the two, 0 to 1
    "given_long_px",
    "given_short_px",
    "long_px",
    "short_px",
    "area_px",
    "given_long_mm",
    "given_short_mm",
    "long_mm",
    "short_mm",
    "area_mm2",
    "spacing_mm",  # row,column
    "window",  # low,high
    "unit",
    "scale",  # of the files
    "threshold",
    "note",  # what was done to join image and marks that is not the rule
    *KINDS,  # files, relative to the folder; of several formats the first, others are beside it
    *OBJECTS,
)

Row = dict[str, Any]  # str or float, by the column


def write_lesion(
    label: LesionLabel,
    shape: tuple[int, int],
    folder: Path,
    *,
    formats: Collection[str],
    scale: int,
    geometry: Geometry | None = None,
) -> dict[str, list[str]]:
    """Writes the files of a lesion.

    Args:
      label: the lesion.
      shape: (H, W) of its image.
      folder: that has the folders made by `make_folders`.
      formats: of soft masks and readers' maps; those that are none of `FORMATS` do not matter.
      scale: r of soft mask and trimap, a divisor of the label's. What is in a pixel is averaged; a
        trimap's pixel is known where all of it is.
      geometry: where the image lies, and volumes with it; None: not known.

    Returns:
      {kind: paths relative to the folder, one for each format}.

    Raises:
      UserError: a file cannot be written.
    """
    alpha = area_mean(label.alpha, label.scale // scale)
    soft = {"soft_mask": (_whole(label, alpha, shape, scale), scale)}
    if label.strategy == "readers":
        for kind in ("readers_mean", "readers_spread"):
            soft[kind] = _whole(label, getattr(label, kind), shape, 1), 1
    pictures = {
        "trimap": _whole(label, _coarser(label.trimap, label.scale // scale), shape, scale),
        "overlay": draw_overlay(label),
    }
    suffixes = [FORMATS[name] for name in formats if name in FORMATS]
    names = {kind: [_name(kind, label.key, suffix) for suffix in suffixes] for kind in soft}
    for kind, (values, finer) in soft.items():
        for name in names[kind]:
            _write_soft(folder / name, values, label.spacing_mm, geometry, finer)
    for kind, picture in pictures.items():
        names[kind] = [_name(kind, label.key, ".png")]
        write_png(folder / names[kind][0], picture)
    return names


def make_folders(folder: Path) -> None:
    """Makes the folders that `write_lesion` writes to.

    Raises:
      UserError: one cannot be made.
    """
    for kind in KINDS:
        make_folder(folder / _folder(kind), field="output")


def remove_empty_folders(folder: Path) -> None:
    """Removes those of them that no file was written to, as there was none of the kind."""
    for kind in KINDS:
        with contextlib.suppress(OSError):  # one that has files stays
            (folder / _folder(kind)).rmdir()


def remove_lesion(folder: Path, key: str) -> None:
    """Removes the files that a lesion of that key left, in whatever format."""
    for kind in KINDS:
        for suffix in FORMATS.values():
            (folder / _name(kind, key, suffix)).unlink(missing_ok=True)


def lesion_row(
    annotation: Annotation, label: LesionLabel, files: Mapping[str, Sequence[str]]
) -> Row:
    """The line of a labelled lesion, {column: value}; columns that say nothing are left out."""
    row: Row = {
        **_origin(annotation),
        "status": "labelled",
        "strategy": label.strategy,
        "quality": label.quality,
        "measured_recist": _numbers(label.measured_axes),
        "area_px": label.area_px,
        "window": _numbers(label.network_window or label.window),
        "unit": label.unit,
        "threshold": label.threshold,
        **diameters("", label.measured_axes, label.spacing_mm),
        **{kind: names[0] for kind, names in files.items() if names},
    }
    if label.masks is not None:
        row["readers"] = label.masks.shape[2]
    if label.given_axes is not None:
        row["recist"] = _numbers(label.given_axes)
        row["axes_agreement"] = label.axes_agreement
        row |= diameters("given_", label.given_axes, label.spacing_mm)
    if label.spacing_mm is not None:
        row |= {"spacing_mm": _numbers(label.spacing_mm), "area_mm2": label.area_mm2}
    return row


def failed_row(annotation: Annotation, reason: str) -> Row:
    """The line of a lesion that could not be labelled."""
    return {**_origin(annotation), "status": "failed", "reason": reason}


def _origin(annotation: Annotation) -> Row:
    row: Row = {
        "key": annotation.key,
        "patient": annotation.patient,
        "image": str(annotation.image.absolute()),
    }
    if annotation.slice_index is not None:
        row["slice"] = annotation.slice_index
    if annotation.recist is not None:
        row["recist"] = _numbers(annotation.recist)
    return row


def diameters(
    prefix: str, recist: np.ndarray, spacing_mm: tuple[float, float] | None
) -> dict[str, float]:
    """The columns of a lesion's diameters, in mm where the spacing is known.

    Args:
      prefix: "given_", or "" of what was measured.
      recist: (8,) axes in pixels.
      spacing_mm: (row, column), or None.
    """
    long, short = axis_lengths(recist)
    found = {f"{prefix}long_px": long, f"{prefix}short_px": short}
    if spacing_mm is not None:
        long, short = axis_lengths(recist, spacing_mm)
        found |= {f"{prefix}long_mm": long, f"{prefix}short_mm": short}
    return found


def _numbers(values: np.ndarray | tuple[float, float]) -> str:
    return ",".join(f"{value:.6g}" for value in values)


def _folder(kind: str) -> str:
    return kind if kind.startswith("readers_") else f"{kind}s"


def _name(kind: str, key: str, suffix: str) -> str:
    return f"{_folder(kind)}/{key}{suffix}"


def _coarser(trimap: np.ndarray, factor: int) -> np.ndarray:
    height, width = (side // factor for side in trimap.shape)
    parts = trimap.reshape(height, factor, width, factor)
    low, high = parts.min(axis=(1, 3)), parts.max(axis=(1, 3))
    return np.where(low == high, low, np.uint8(128))


def _whole(label: LesionLabel, crop: np.ndarray, shape: tuple[int, int], scale: int) -> np.ndarray:
    """A crop in its place in the whole image, with zeros around it."""
    return label.box.scaled(scale).paste(crop, (scale * shape[0], scale * shape[1]))


def _write_soft(
    path: Path,
    values: np.ndarray,
    spacing_mm: tuple[float, float] | None,
    geometry: Geometry | None,
    scale: int,
) -> None:
    """Spacing and geometry are the image's."""
    if path.suffix == ".png":
        write_png(path, encode_alpha(values))
    elif path.suffix == ".npy":
        write_npy(path, values)
    else:
        fine = spacing_mm and (spacing_mm[0] / scale, spacing_mm[1] / scale)
        write_volume(path, values, fine, geometry and geometry.finer(scale))
