"""Pages of TIFF files, read by tifffile, or by Pillow what tifffile cannot (LZW, CCITT).

ImageJ writes stacks of more than 4 GB with a single page and says in its description how many
slices follow it; these are pages here.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.checks import damaged, telling_damage

_MOST_PIXELS = 2**28
_telling_damage = functools.partial(telling_damage, kind="TIFF", logger="tifffile")


def count_pages(path: Path) -> int:
    """How many pages a TIFF file has.

    Raises:
      UserError: a damaged file.
    """
    import tifffile

    with _telling_damage(path), tifffile.TiffFile(path) as file:
        return len(_slices_behind(file)) or len(file.pages)


def read_page(path: Path, page: int | None = None) -> np.ndarray:
    """The values of a page, bright being high; None is the only one.

    Raises:
      UserError: a damaged file, or several pages and none is named.
    """
    import tifffile

    with _telling_damage(path), tifffile.TiffFile(path) as file:
        behind = _slices_behind(file)
        count = len(behind) or len(file.pages)
        if page is None and count != 1:
            raise UserError(
                path,
                found=f"{count} pages",
                expected="a TIFF of one page",
                remedy="save the page you want as its own file",
            )
        if len(behind):
            return _read_behind(path, file, behind, page or 0)
        found = file.pages[page or 0]
        _check_page(path, found)
        return _decoded(path, found, page or 0)


def _decoded(path: Path, page: Any, index: int) -> np.ndarray:
    try:
        values = page.asarray()
    except ValueError as error:
        if "imagecodecs" not in str(error):  # which is not installed
            raise
        return _read_with_pillow(path, index)
    if page.photometric == 0 and values.dtype.kind in "bu":  # MINISWHITE
        return ~values
    return values


def _read_with_pillow(path: Path, index: int) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as image:
        image.seek(index)
        return np.asarray(image)


def _slices_behind(file: Any) -> range:
    """The slices of ImageJ behind a single page; none where every slice has its page."""
    if not file.is_imagej or len(file.pages) != 1:
        return range(0)
    promised = (file.imagej_metadata or {}).get("images", 1)
    plain = file.pages[0].compression == 1  # of what is packed, nothing follows
    return range(int(promised)) if plain and int(promised) > 1 else range(0)


def _read_behind(path: Path, file: Any, slices: range, index: int) -> np.ndarray:
    page = file.pages[0]
    dtype = np.dtype(file.byteorder + page.dtype.char)
    size = math.prod(page.shape) * dtype.itemsize
    start = page.dataoffsets[0]
    present = (path.stat().st_size - start) // size
    if page.size > _MOST_PIXELS or present < len(slices):
        raise damaged(path, "TIFF", f"{present} of the {len(slices)} slices that ImageJ promises")
    if index not in slices:
        raise IndexError(f"page {index} of {len(slices)}")
    with path.open("rb") as data:
        data.seek(start + index * size)
        return np.frombuffer(data.read(size), dtype).reshape(page.shape)


def _check_page(path: Path, page: Any) -> None:
    """tifffile fills what a page lacks with zeros, one strip after the other, however many."""
    present, promised = len(page.dataoffsets), math.prod(page.chunked)
    if page.size > _MOST_PIXELS or present < promised:
        shape = "x".join(str(size) for size in page.shape)
        raise damaged(
            path, "TIFF", f"{present} of {promised} strips or tiles of a page of {shape} pixels"
        )
