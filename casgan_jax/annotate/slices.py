"""Slices of images, read when they are asked for; the last ones are kept, within a bound.

slices = Slices()
scan = slices.read(picture, 40)
"""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np

from casgan_jax.annotate.pictures import Picture
from casgan_jax.errors import UserError
from casgan_jax.images.stack import Scan, Stack, indices
from casgan_jax.labelling.lesion import default_window, with_offset
from casgan_jax.labelling.volumes.slices import Slices as VolumeSlices
from casgan_jax.labelling.volumes.slices import slices_of_file, slices_of_series

_MOST_BYTES = 256 * 2**20  # of slices that are kept
_MOST_STACKS = 8  # that are kept open; one of a compressed volume may hold all of it


class Slices:
    """Reads and keeps; safe to use from several threads."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._scans: OrderedDict[tuple[str, int], Scan] = OrderedDict()
        self._stacks: OrderedDict[str, Stack] = OrderedDict()
        self._volumes: OrderedDict[str, VolumeSlices] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, picture: Picture) -> int:
        """Number of slices.

        Raises:
          UserError: it cannot be read.
        """
        with self._lock:
            return self._stack(picture).count

    def read(self, picture: Picture, index: int) -> Scan:
        """A slice, in HU where that is known of; NaN and infinite values are left in it.

        Raises:
          UserError: there is no such slice, or it cannot be read.
        """
        return with_offset(picture.annotation, self._stored(picture, index))

    def volume(self, picture: Picture) -> VolumeSlices:
        """All slices with their places, read as far as they are asked for.

        Raises:
          UserError: it cannot be read, or does not say where its slices lie.
        """
        with self._lock:
            if picture.name not in self._volumes:
                self._volumes[picture.name] = self._placed(picture, self._stack(picture))
                if len(self._volumes) > _MOST_STACKS:
                    self._volumes.popitem(last=False)
            self._volumes.move_to_end(picture.name)
            return self._volumes[picture.name]

    def _placed(self, picture: Picture, opened: Stack) -> VolumeSlices:
        series, path = picture.found_series, picture.annotation.image
        # Nothing of what the opened one may hold is held by this one.
        stack = Stack(opened.count, lambda k: self._stored(picture, k))
        if series is not None:
            return slices_of_series(_folder(path), series, stack)
        placed = slices_of_file(path, dataclasses.replace(stack, place=opened.place))
        return dataclasses.replace(placed, stack=stack)

    def _stored(self, picture: Picture, index: int) -> Scan:
        """A slice as its file has it."""
        place = picture.name, index
        with self._lock:
            if place in self._scans:
                self._scans.move_to_end(place)
                return self._scans[place]
            stack = self._stack(picture)
            if not 0 <= index < stack.count:
                raise UserError("slice", found=f"{index}", expected=indices(stack.count))
            scan = stack.read(index)
            self._keep(place, scan)
            return scan

    def _stack(self, picture: Picture) -> Stack:
        if picture.name not in self._stacks:
            self._stacks[picture.name] = picture.open()
            if len(self._stacks) > _MOST_STACKS:
                self._stacks.popitem(last=False)
        self._stacks.move_to_end(picture.name)
        return self._stacks[picture.name]

    def _keep(self, place: tuple[str, int], scan: Scan) -> None:
        self._scans[place] = scan
        self._bytes += scan.values.nbytes
        while self._bytes > self._most_bytes and len(self._scans) > 1:
            _, old = self._scans.popitem(last=False)
            self._bytes -= old.values.nbytes


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def window_of(picture: Picture, scan: Scan) -> tuple[float, float]:
    """The window that a slice is first shown in."""
    if picture.annotation.window is not None:
        return picture.annotation.window
    if not np.isfinite(scan.values).any():
        return 0.0, 1.0
    low, high = default_window(scan)
    return (low, high) if low < high else (low, low + 1.0)


def letters(scan: Scan) -> dict[str, str]:
    """Where the sides of a slice lie in the patient: R, L, A, P, H or F; none where it is not
    known.

    Oblique slices get the nearest two letters, the nearer one first.
    """
    if scan.geometry is None:
        return {}
    columns, rows = scan.geometry.direction[:, 0], scan.geometry.direction[:, 1]
    sides = {"right": columns, "left": -columns, "bottom": rows, "top": -rows}
    return {side: _towards(direction) for side, direction in sides.items()}


def _towards(direction: np.ndarray) -> str:
    names = ("RL", "AP", "FH")
    order = np.argsort(-np.abs(direction))
    return "".join(
        names[axis][int(direction[axis] > 0)] for axis in order if abs(direction[axis]) > 0.3
    )[:2]
