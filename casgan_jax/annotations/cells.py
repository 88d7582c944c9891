"""Cells of a table as numbers; what a bad one gets says what was found and expected."""

from __future__ import annotations

import re

import numpy as np

from casgan_jax.errors import UserError

_WHOLE = re.compile(r"-?[0-9]+")
LARGEST_OFFSET = 1e6  # between stored values and Hounsfield units


def numbers(text: str) -> list[float]:
    """Finite numbers from "1, 2.5, -3", finite in float32 too; none where one of them is no number.

    Square brackets or parentheses around all of them, as programs write lists, do not matter.
    """
    text = text.strip()
    if len(text) > 1 and (text[0], text[-1]) in (("[", "]"), ("(", ")")):
        text = text[1:-1]
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        return []
    limit = float(np.finfo(np.float32).max)
    return found if all(abs(value) <= limit for value in found) else []  # NaN is not


def with_points(text: str, count: int) -> str:
    """Numbers with decimal commas, "0,7,0,8", as those with points, "0.7,0.8".

    Args:
      text: of a cell. What is not `count` pairs of whole numbers is left as it is.
      count: of numbers.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 * count or not all(map(_WHOLE.fullmatch, parts)):
        return text
    if any(part.startswith("-") for part in parts[1::2]):
        return text
    return ",".join(f"{a}.{b}" for a, b in zip(parts[::2], parts[1::2], strict=True))


def recist_of(column: str, text: str) -> np.ndarray:
    """(8,) float32 from "x1, y1, ..., x4, y4".

    Raises:
      UserError: not eight finite numbers.
    """
    found = numbers(text)
    if len(found) != 8:
        raise UserError(
            column,
            found=f"{shown(text)}",
            expected=(
                "eight numbers x1,y1,x2,y2 of the long axis and x3,y3,x4,y4 of the short "
                "one, in pixels"
            ),
            remedy="correct the line",
        )
    return np.array(found, np.float32)


def spacing_of(column: str, text: str) -> tuple[float, float] | None:
    """(row, column) spacing in mm from "0.7" or "0.7,0.8"; None from an empty cell.

    Raises:
      UserError: not one or two positive numbers.
    """
    if not text.strip():
        return None
    found = numbers(text)
    if len(found) not in (1, 2) or np.asarray(found, np.float32).min() <= 0:
        raise UserError(
            column,
            found=f"{shown(text)}",
            expected="the side of a pixel in mm, one positive number or ROW,COLUMN",
            remedy="correct it or leave it empty",
        )
    return found[0], found[-1]


def diameters_of(column: str, text: str) -> tuple[float, float] | None:
    """(long, short) from "17.5, 12"; None from an empty cell.

    Raises:
      UserError: not two positive numbers, the longer first.
    """
    if not text.strip():
        return None
    found = numbers(text)
    if len(found) != 2 or not 0 < found[1] <= found[0]:
        raise UserError(
            column,
            found=f"{shown(text)}",
            expected="LONG,SHORT, two positive numbers, the longer first",
            remedy="correct it or leave it empty",
        )
    return found[0], found[1]


def window_of(column: str, text: str) -> tuple[float, float] | None:
    """(low, high) from "-1000,400"; None from an empty cell.

    Raises:
      UserError: not two numbers, low below high.
    """
    if not text.strip():
        return None
    found = numbers(text)
    with np.errstate(over="ignore"):
        rises = len(found) == 2 and 0 < np.float32(found[1]) - np.float32(found[0]) < np.inf
    if not rises:
        raise UserError(
            column,
            found=f"{shown(text)}",
            expected="LOW,HIGH with LOW < HIGH, like -1000,400",
            remedy="correct it or leave it empty",
        )
    return found[0], found[1]


def index_of(column: str, text: str) -> int | None:
    """A whole number of at least 0, also from "12.0", as spreadsheets write it; None from an empty
    cell.

    Raises:
      UserError: anything else.
    """
    if not text.strip():
        return None
    found = numbers(text)
    if len(found) != 1 or found[0] < 0 or not found[0].is_integer():
        raise UserError(
            column,
            found=f"{shown(text)}",
            expected="a whole number that counts from 0",
            remedy="correct it, or leave it empty where the file has one slice",
        )
    return int(found[0])


def number_of(column: str, text: str) -> int | None:
    """A whole number of at least 1, otherwise as `index_of`.

    Raises:
      UserError: anything else.
    """
    found = index_of(column, text)
    if found == 0:
        raise UserError(
            column,
            found=f"{shown(text)}",
            expected="a whole number that counts from 1",
            remedy="correct it, or leave it empty",
        )
    return found


def offset_of(column: str, text: str) -> float | None:
    """A number of at most a million, far beyond the offsets of scanners; None from an empty cell.

    Raises:
      UserError: anything else.
    """
    if not text.strip():
        return None
    found = numbers(text)
    if len(found) != 1 or abs(found[0]) > LARGEST_OFFSET:
        raise UserError(
            column,
            found=f"{shown(text)}",
            expected=f"a number of at most {LARGEST_OFFSET:g}",
            remedy="correct it or leave it empty",
        )
    return found[0]


def shown(text: str, *, limit: int = 80) -> str:
    """A cell as it is told, on one line and not endless."""
    return repr(text if len(text) <= limit else f"{text[:limit]}...")
