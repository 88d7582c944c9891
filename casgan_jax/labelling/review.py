"""A page to look through labels on, the worst first: image, trimap, soft mask, outlines.

    pages = write_review(Path("out"), batch.rows, lambda key: read_tiles(Path("out"), key))

A page is one HTML file that needs nothing else, neither a network nor the lesions' files. Many
lesions fill several pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from markupsafe import Markup

from casgan_jax.errors import counted
from casgan_jax.grid import encode_alpha, normalise
from casgan_jax.labelling.label import LesionLabel
from casgan_jax.labelling.outlines import lesion_outlines
from casgan_jax.report.page import as_base64, jpeg_file, picture_address, render
from casgan_jax.report.paging import Page, pages_of, write_pages
from casgan_jax.report.scale_bar import scale_bar
from casgan_jax.report.tables import failures_table
from casgan_jax.report.words import Words, readers_line

_STEM = "review"  # of the pages' names
_LARGEST_TILE = 320  # pixels
_CAPTIONS = {
    "image": "image",
    "alpha": "soft mask",
    "trimap": "trimap",
    "spread": "readers' spread",
}
_STRATEGIES = {"recist": "from RECIST axes", "mask": "from one mask", "network": "by a network"}

Row = Mapping[str, Any]


def tiles(label: LesionLabel, values: np.ndarray) -> dict[str, str]:
    """What the page shows of a lesion, as text that JSON can hold.

    Args:
      label: the lesion.
      values: (H, W) source values of its whole image.

    Returns:
      image, trimap, alpha and, where there are readers, spread (white: half of them marked it):
      PNG files in base64; slice: the whole image, a JPEG file; given, found, measured: outlines,
      the data of SVG paths; size, slice_size: "width height" of the crop, in whose pixels the
      outlines are, and of the image; box: "left top right bottom" of the crop in the image.
    """
    made = {
        "image": encode_alpha(normalise(label.image, label.window)),
        "trimap": label.trimap,
        "alpha": encode_alpha(label.alpha),
    }
    if label.readers_spread is not None:
        made["spread"] = encode_alpha(2 * label.readers_spread)
    outlines = lesion_outlines(label)
    return {name: _coded(picture) for name, picture in made.items()} | {
        "slice": as_base64(jpeg_file(_smaller(_shown(values, label.window)))),
        "given": _path(outlines.given),
        "found": _path(outlines.found),
        "measured": _path(outlines.measured),
        "size": f"{label.image.shape[1]} {label.image.shape[0]}",
        "slice_size": f"{values.shape[1]} {values.shape[0]}",
        "box": " ".join(map(str, label.box)),
    }


def review_pages(folder: Path) -> list[Path]:
    """The pages that are in a folder, the first one first."""
    return pages_of(folder, _STEM)


def write_review(
    folder: Path,
    rows: Sequence[Row],
    tiles_of: Callable[[str], Mapping[str, str]],
) -> list[Path]:
    """Writes review.html, and review-2.html and so on where one page would be too large.

    Args:
      folder: to write to; pages that are there are replaced.
      rows: as of `casgan_jax.labelling.files`.
      tiles_of: key of a labelled lesion -> its `tiles`.

    Returns:
      The pages.

    Raises:
      UserError: a page cannot be written.
    """
    labelled = [row for row in rows if row["status"] == "labelled"]
    failed = [row for row in rows if row["status"] != "labelled"]
    labelled.sort(key=lambda row: (row["quality"], row["key"]))

    def draw(page: Page) -> str:
        return render(
            "review.html",
            words=Words(),
            title="Soft masks to review",
            summary=_summary(labelled, len(failed)) + page.told(len(labelled), "lesions"),
            links=page.links,
            failures=failures_table(failed if page.number == 1 else ()),
            lesions=page.articles,
        )

    articles = (_article(row, tiles_of(row["key"])) for row in labelled)
    return write_pages(folder, _STEM, articles, draw)


def _summary(labelled: Sequence[Row], failed: int) -> str:
    text = f"{len(labelled)} labelled, {failed} failed"
    several = [row["readers"] if row["strategy"] == "readers" else 0 for row in labelled]
    if told := readers_line(several):
        text += f"; {told}"
    return text


class _Bar(NamedTuple):
    """A bar of a known length over a tile, in pixels of what the tile shows."""

    length: float
    text: str
    side: float  # of the square tile


def _bar(row: Row, size: str) -> _Bar:
    """Over what has "width height" pixels of a lesion's image."""
    width, height = map(float, size.split())
    spacing = float(row["spacing_mm"].split(",")[1]) if "spacing_mm" in row else None
    return _Bar(*scale_bar(width, spacing), max(width, height))


def _article(row: Row, pictures: Mapping[str, str]) -> Markup:
    """One lesion; what it is sorted by is in its data attributes."""
    difference = _difference(row)
    bar = _bar(row, pictures["size"])
    return render(
        "lesion.html",
        words=Words(),
        key=row["key"],
        quality=f"{row['quality']:.6f}",
        diameter=f"{_value(row, 'long'):.6g}",
        difference="" if difference is None else f"{abs(difference):.6g}",
        facts=_facts(row),
        size=pictures["size"],
        bar=bar,
        image=picture_address(pictures["image"]),
        # Labels of an earlier version have no measured axes and no slice to show.
        paths=[(kind, pictures.get(kind, "")) for kind in ("given", "measured", "found")],
        slice=_slice(row, pictures) if "slice" in pictures else None,
        pictures=[
            {
                "caption": caption,
                "address": picture_address(pictures[name]),
                "is_source": name == "image",
                "bar": bar if name == "image" else None,
            }
            for name, caption in _CAPTIONS.items()
            if name in pictures
        ],
    )


def _slice(row: Row, pictures: Mapping[str, str]) -> dict[str, Any]:
    """The whole image, with the crop framed."""
    left, top, right, bottom = map(int, pictures["box"].split())
    return {
        "address": picture_address(pictures["slice"]),
        "size": pictures["slice_size"],
        "frame": {"x": left, "y": top, "width": right - left, "height": bottom - top},
        "bar": _bar(row, pictures["slice_size"]),
    }


def _facts(row: Row) -> list[str]:
    """What is worth knowing of a lesion."""
    strategy = _STRATEGIES.get(row["strategy"]) or f"from {counted(row['readers'], 'reader')}"
    facts = [
        f"quality {row['quality']:.3f}",
        strategy,
        f"{_length(row, 'long')} x {_length(row, 'short')} {_unit(row)}",
    ]
    if "given_long_px" in row:
        given = _length(row, "given_long")
        if "given_short_px" in row:
            given += f" x {_length(row, 'given_short')}"
        facts.append(f"given {given}, difference {_difference(row):+.1f}")
    square = "\N{SUPERSCRIPT TWO}"
    area = f"{row['area_mm2']:.1f} mm{square}" if "area_mm2" in row else f"{row['area_px']:.1f} px"
    unit = " HU" if row["unit"] == "HU" else ""
    return [*facts, f"area {area}", f"window {row['window']}{unit}"]


def _unit(row: Row) -> str:
    return "mm" if "long_mm" in row else "px"


def _value(row: Row, name: str) -> float:
    return row[f"{name}_{_unit(row)}"]


def _length(row: Row, name: str) -> str:
    return f"{_value(row, name):.1f}"


def _difference(row: Row) -> float | None:
    """Of the long diameters, measured minus given; None where no axes were given."""
    if "given_long_px" not in row:
        return None
    return _value(row, "long") - _value(row, "given_long")


def _path(lines: Sequence[np.ndarray]) -> str:
    """The data of an SVG path."""
    return "".join("M" + "L".join(f"{x:.5g} {y:.5g}" for x, y in line.tolist()) for line in lines)


def _coded(picture: np.ndarray) -> str:
    return as_base64(cv2.imencode(".png", _smaller(picture))[1].tobytes())


def _smaller(picture: np.ndarray) -> np.ndarray:
    """As large as a tile is shown at most."""
    factor = _LARGEST_TILE / max(picture.shape[:2])
    if factor >= 1:
        return picture
    size = [max(1, round(side * factor)) for side in picture.shape[1::-1]]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _shown(values: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """(H, W) uint8; what is not finite is black."""
    low, _ = window
    finite = np.nan_to_num(values, nan=low, posinf=low, neginf=low)
    return encode_alpha(normalise(finite, window))
