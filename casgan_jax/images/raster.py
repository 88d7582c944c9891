"""Reading and writing single grey images: PNG, TIFF and NPY; reading PGM.

    image = read_image("slice.png")  # (H, W), uint8 or uint16
    write_png("mask.png", mask)

Values are never rescaled: a file of 1 or 8 bits gives uint8, a 16-bit file uint16 (or int16), a
float file float32. Colour images in memory are RGB.
"""

from __future__ import annotations

import functools
import io
import tokenize
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError, one_line
from casgan_jax.files import write_whole
from casgan_jax.images.checks import (
    check_file,
    checked_image,
    checked_path,
    checked_values,
    damaged,
    narrowed,
    unreadable,
    unsupported,
)
from casgan_jax.images.netpbm import read_pgm
from casgan_jax.images.tiff import read_page

_VOLUMES = {
    ".dcm": "DICOM",
    ".dicom": "DICOM",
    ".nii": "NIfTI",
    ".gz": "NIfTI",
    ".mhd": "MetaImage",
    ".mha": "MetaImage",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
}
# A damaged header, which is Python's text of a dictionary, may ask for any shape of any size.
_NPY_ERRORS = (
    ValueError,
    TypeError,
    SyntaxError,
    tokenize.TokenError,
    EOFError,
    MemoryError,
    OverflowError,
)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_image(path: Path | str, *, page: int | None = None) -> np.ndarray:
    """Reads one grey image.

    Args:
      path: a .png or .pgm (8 or 16 bits), .tif/.tiff (8 or 16 bits or float) or .npy file (2-D).
      page: of a TIFF, from 0; None reads files of one image only.

    Returns:
      (H, W) uint8, uint16, int16 or float32 array in the file's own values; whole numbers of other
      types as one of these that holds them. Colour files whose channels are equal are read as grey.

    Raises:
      UserError: no such file, another format, a damaged file, more than one page, colour, no
        pixels, an unsupported type of value, or values that are not finite.
    """
    values, faults = read_values(Path(path), page=page)
    for fault in faults.values():
        raise fault
    return values


def read_values(path: Path, *, page: int | None = None) -> tuple[np.ndarray, dict[str, UserError]]:
    """As `read_image`, but values that are not finite are a fault of `Scan`, and are told."""
    check_file(path)
    reader = _reader(path) if page is None else functools.partial(read_page, page=page)
    try:
        image = reader(path)
    except OSError as error:
        raise unreadable(path, error) from error
    if image.dtype.kind not in "buif":
        raise unsupported(path, image.dtype)
    return checked_values(path, narrowed(path, _grey(path, image)))


def write_png(path: Path | str, image: np.ndarray) -> Path:
    """Writes (H, W) uint8 or uint16, or (H, W, 3) uint8 RGB, as PNG; returns the path."""
    import cv2

    path = checked_path(path, ".png")
    grey = image.ndim == 2 and image.dtype in (np.uint8, np.uint16)
    colour = image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8
    if not (grey or colour):
        raise UserError(
            path,
            found=f"an array of shape {image.shape} and type {image.dtype}",
            expected="(H, W) uint8 or uint16, or (H, W, 3) uint8 for PNG",
            remedy="convert it, or write float images as .tif or .npy",
        )
    _, coded = cv2.imencode(".png", image[..., ::-1] if colour else image)
    return write_whole(path, coded.tobytes())


def write_tiff(path: Path | str, image: np.ndarray) -> Path:
    """Writes (H, W) uint8, uint16, int16 or float32 as one zlib-compressed TIFF page; returns the
    path."""
    import tifffile

    path = checked_path(path, ".tif", ".tiff")
    coded = io.BytesIO()
    tifffile.imwrite(coded, checked_image(path, image), compression="zlib")
    return write_whole(path, coded.getvalue())


def write_npy(path: Path | str, image: np.ndarray) -> Path:
    """Writes (H, W) uint8, uint16, int16 or float32 as NPY; returns the path."""
    path = checked_path(path, ".npy")
    coded = io.BytesIO()
    np.save(coded, checked_image(path, image), allow_pickle=False)
    return write_whole(path, coded.getvalue())


def _reader(path: Path) -> Callable[[Path], np.ndarray]:
    suffix = path.suffix.lower()
    if suffix not in READERS:
        found = _VOLUMES.get(suffix)
        found = f"a {found} file" if found else f"the extension {suffix!r}"
        raise UserError(
            path,
            found=f"{found}",
            expected=f"a {', '.join(READERS)} image",
            remedy="convert it to one of these",
        )
    return READERS[suffix]


def _read_png(path: Path) -> np.ndarray:
    import cv2

    data = path.read_bytes()
    # libpng fills what a truncated file lacks with zeros and only prints a warning.
    if not _is_whole_png(data):
        raise damaged(path, "PNG", f"{len(data)} bytes whose parts or checksums are not right")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # a header that asks for more pixels than OpenCV allows
        image = None
    if image is None:
        raise damaged(path, "PNG", "data that cannot be decoded")
    return image


def _is_whole_png(data: bytes) -> bool:
    """Whether all chunks are there up to the last, IEND, and fit their checksums."""
    start = len(_PNG_SIGNATURE)
    if not data.startswith(_PNG_SIGNATURE):
        return False
    while start + 12 <= len(data):  # length, name, content, checksum
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            return False
        if zlib.crc32(data[start + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return False
        if data[start + 4 : start + 8] == b"IEND":
            return True
        start = end
    return False


def _read_npy(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except _NPY_ERRORS as error:
        raise damaged(path, "NPY", f"data that cannot be decoded ({one_line(error)})") from error


READERS: dict[str, Callable[[Path], np.ndarray]] = {
    ".png": _read_png,
    ".npy": _read_npy,
    ".tif": read_page,
    ".tiff": read_page,
    ".pgm": read_pgm,
}


def _grey(path: Path, image: np.ndarray) -> np.ndarray:
    """Drops equal colour channels and an opaque alpha channel."""
    if image.ndim != 3 or image.shape[2] not in (2, 3, 4):
        return image
    if image.shape[2] in (2, 4):
        most = 1.0 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
        opaque = image[..., -1].min() == most if image.size else True
        if not opaque:
            raise UserError(
                path,
                found="transparent pixels",
                expected="a grey image",
                remedy="remove the alpha channel",
            )
        image = image[..., :-1]
    if (image != image[..., :1]).any():
        raise UserError(
            path,
            found="a colour image",
            expected="one grey channel",
            remedy="convert it to grey",
        )
    return image[..., 0]
