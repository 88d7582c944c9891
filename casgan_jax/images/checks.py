"""What every reader of images checks, and the one line that a bad file gets."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from casgan_jax.errors import UserError, install, one_line

DTYPES = (np.uint8, np.uint16, np.int16, np.float32)
_EXACT_IN_FLOAT32 = 2**24


def check_file(path: Path) -> None:
    """Raises UserError if there is no file at the path."""
    if not os.path.isfile(path):  # pathlib's raises where a name is too long
        found = "a folder" if os.path.isdir(path) else "no such file"
        raise UserError(
            path,
            found=f"{found}",
            expected="an image file",
            remedy="check the path",
        )


def checked_image(path: Path, image: np.ndarray) -> np.ndarray:
    """One (H, W) image of a supported type in native byte order; wider floats become float32.

    Raises:
      UserError: another shape, no pixels, an unsupported type, or values that are not finite.
    """
    if image.ndim != 2 or 0 in image.shape:
        raise UserError(
            path,
            found=f"an array of shape {image.shape}",
            expected="one image (H, W)",
            remedy="save one slice as its own file",
        )
    if image.dtype.kind == "f":
        with np.errstate(over="ignore"):
            image = image.astype(np.float32)
        if not np.isfinite(image).all():
            raise NotFiniteError(
                path,
                found="NaN or infinite values",
                expected="finite ones",
                remedy="correct the file",
            )
    image = image.astype(image.dtype.newbyteorder("="), copy=False)
    if image.dtype not in DTYPES:
        raise unsupported(path, image.dtype)
    return np.ascontiguousarray(image)


def checked_volume(path: Path, image: np.ndarray) -> np.ndarray:
    """One image (H, W), or a volume (S, H, W) of such, as (S, H, W), otherwise as `checked_image`.

    Raises:
      UserError: another shape, and what `checked_image` raises.
    """
    if image.ndim != 3 or 0 in image.shape:
        return checked_image(path, image)[None]
    slices, height, width = image.shape
    return checked_image(path, image.reshape(-1, width)).reshape(slices, height, width)


def checked_values(path: Path, image: np.ndarray) -> tuple[np.ndarray, dict[str, UserError]]:
    """As `checked_image`, but NaN and infinite values are left in it, and told in the faults of a
    `Scan`: where they are far from a lesion they do no harm."""
    try:
        return checked_image(path, image), {}
    except NotFiniteError as error:
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(image, np.float32), {"finite": error}


class NotFiniteError(UserError):
    """The values of an image are not all finite."""


def narrowed(path: Path, values: np.ndarray, *, first: np.dtype | None = None) -> np.ndarray:
    """Whole numbers of any type as a supported one that holds them exactly; floats as they are.

    Args:
      path: of the file, for errors.
      values: of any shape. uint8, uint16 and int16 stay what they are.
      first: a supported type that is taken where it holds the values.

    Returns:
      The first of `first`, int16, uint16 and float32 that holds the values.

    Raises:
      UserError: none does.
    """
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype.kind not in "iu" or values.dtype.newbyteorder("=") in DTYPES:
        return values
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    candidates = [np.dtype(np.int16), np.dtype(np.uint16)]
    if first is not None and first in DTYPES:
        candidates.insert(0, first)
    for dtype in candidates:
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return values.astype(dtype)
    if max(-low, high) > _EXACT_IN_FLOAT32:
        raise UserError(
            path,
            found=f"the values {low} to {high}",
            expected="whole numbers of at most 24 bits",
            remedy="convert the file to 16 bits or to float",
        )
    return values.astype(np.float32)


def checked_path(path: Path | str, *suffixes: str) -> Path:
    """A path that an image can be written to.

    Raises:
      UserError: another extension than the suffixes, or no such folder.
    """
    path = Path(path)
    if not path.name.lower().endswith(suffixes):
        raise UserError(
            path,
            found=f"the extension {path.suffix!r}",
            expected=f"{' or '.join(suffixes)}",
            remedy="rename the file",
        )
    if not path.parent.is_dir():
        raise UserError(
            path.parent,
            found="no such folder",
            expected=f"one to write {path.name} to",
            remedy="make it",
        )
    return path


def checked_spacing(
    path: Path, spacing_mm: tuple[float, float] | None
) -> tuple[float, float] | None:
    """(row, column) that can be written, or None where they are not known.

    Raises:
      UserError: they are not positive.
    """
    if spacing_mm is None:
        return None
    row, column = spacing_mm
    if not (0 < row < np.inf and 0 < column < np.inf):
        raise UserError(
            path,
            found=f"spacing_mm ({row}, {column})",
            expected="positive numbers",
            remedy="correct it",
        )
    return float(row), float(column)


@contextlib.contextmanager
def telling_damage(
    path: Path, kind: str, *, remedy: str = "copy or export it again", logger: str | None = None
) -> Iterator[None]:
    """What a library raises on a damaged file becomes one line.

    Its warnings are not shown, nor what it logs by the logger of that name: the line says enough.
    """
    try:
        with warnings.catch_warnings(), _silenced(logger):
            warnings.simplefilter("ignore")
            yield
    except UserError:
        raise
    except Exception as error:  # the libraries have many ways to fail on a damaged file
        if isinstance(error, PermissionError):
            raise unreadable(path, error) from error
        found = f"data that cannot be decoded ({one_line(error)})"
        raise damaged(path, kind, found, remedy=remedy) from error


@contextlib.contextmanager
def _silenced(logger: str | None) -> Iterator[None]:
    if logger is None:
        yield
        return
    found = logging.getLogger(logger)
    level = found.level
    found.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        found.setLevel(level)


def import_extra(name: str, what: object, kind: str, *, extra: str = "medical") -> ModuleType:
    """A library of an extra.

    Args:
      name: of the library.
      what: needs it: a file, or an argument such as "format=dicom".
      kind: of data that the library reads or writes.
      extra: of this package, that has the library.

    Raises:
      UserError: it is not installed; the line names the extra.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            what,
            found=f"{kind} but no {name} to read or write it",
            expected=f"the extra {extra}",
            remedy=install(extra),
        ) from error


def shown(value: object, *, limit: int = 60) -> str:
    """Text from a file as a line can hold it: quoted, without control characters, short."""
    text = ascii(str(value))
    return text if len(text) <= limit else f"{text[:limit]}..."


def damaged(
    path: Path, kind: str, found: str, *, remedy: str = "copy or export it again"
) -> UserError:
    """The line of a file that is not whole."""
    return UserError(
        path,
        found=f"{found}",
        expected=f"a whole {kind} file",
        remedy=f"{remedy}",
    )


def unreadable(path: Path, error: OSError) -> UserError:
    """The line of a file that the system does not let us read."""
    return UserError(
        path,
        found=f"that it cannot be read ({error.strerror})",
        expected="a readable file",
        remedy="check its permissions",
    )


def unsupported(path: Path, dtype: np.dtype) -> UserError:
    """The line of a file whose values are of no supported type."""
    return UserError(
        path,
        found=f"values of type {dtype}",
        expected="uint8, uint16, int16 or float",
        remedy="convert it",
    )
