"""NRRD volumes (.nrrd with its data, .nhdr with them beside it): axial slices in.

Read are grey volumes of three axes, raw or in gzip. Source:
https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import dataclasses
import math
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.checks import checked_values, damaged, narrowed, shown, telling_damage
from casgan_jax.images.geometry import RAS_TO_LPS, Geometry
from casgan_jax.images.orientation import axial_view
from casgan_jax.images.stack import Scan, Stack, Volume

_KIND = "NRRD"
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
_DTYPES = {name: dtype for dtype, names in _TYPES.items() for name in names}
# Of the axes of space to left, posterior, superior.
_SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
_VECTOR = re.compile(r"\(([^()]*)\)")
_LONGEST_LINE = 4096
_ZLIB_OR_GZIP = 47  # zlib's code for: find out which


def open_nrrd(path: Path) -> Stack:
    """The axial slices of a NRRD volume; without space directions it does not say where it lies.

    Raises:
      UserError: a damaged header, missing, short or damaged data, colour, other than three axes,
        an encoding that is neither raw nor gzip.
    """
    header = _read_header(path)
    size, affine = header.size(), header.affine()
    voxels = _voxels(header, size)
    spacing = header.spacing() if affine is None else np.linalg.norm(affine[:3, :3], axis=0)
    along = np.diag([-1.0, -1, 1, 1]) if affine is None else RAS_TO_LPS @ affine
    view = axial_view(path, size, along)
    in_plane = None if spacing is None else view.in_plane(spacing.tolist())
    place = None if affine is None else Geometry.from_affine(size, affine)

    def read(index: int) -> Scan:
        plane = view.plane(voxels[tuple(view.selection(index))])
        values, faults = checked_values(path, narrowed(path, np.array(plane)))
        where = None if place is None else view.geometry(place, index)
        placeless = "" if place else "no space directions"
        return Scan(values, in_plane, geometry=where, placeless=placeless, faults=faults)

    volume = place and Volume(place, lambda ranges: narrowed(path, np.array(voxels[ranges])))
    return Stack(
        view.count,
        read,
        (volume,) if volume else (),
        place=lambda index: place and view.geometry(place, index),
    )


@dataclasses.dataclass(frozen=True)
class _Header:
    """The fields of a header, in small letters, and the position where it ends."""

    path: Path
    fields: Mapping[str, str]
    end: int

    def wrong(self, name: str) -> UserError:
        found = f"{name} {shown(self.fields[name])}" if name in self.fields else f"no {name}"
        return damaged(self.path, _KIND, found)

    def size(self) -> tuple[int, int, int]:
        parts = self.fields.get("sizes", "").split()
        if self.fields.get("dimension", "") != "3" or len(parts) != 3:
            raise UserError(
                self.path,
                found=f"dimension {shown(self.fields.get('dimension', 'none'))}",
                expected="a grey volume of three axes",
                remedy="save one volume, or one segment, as its own file",
            )
        if not all(part.isdecimal() and 0 < len(part) < 9 for part in parts) or "0" in parts:
            raise self.wrong("sizes")
        columns, rows, slices = map(int, parts)
        return columns, rows, slices

    def dtype(self) -> np.dtype:
        code = _DTYPES.get(self.fields.get("type", "").lower())
        if code is None:
            raise self.wrong("type")
        endian = self.fields.get("endian", "little")
        if endian not in ("little", "big"):
            raise self.wrong("endian")
        return np.dtype((">" if endian == "big" else "<") + code)

    def spacing(self) -> np.ndarray | None:
        if "spacings" not in self.fields:
            return None
        found = self._numbers("spacings", self.fields["spacings"].split())
        if len(found) != 3 or not (np.isfinite(found) & (found > 0)).all():
            raise self.wrong("spacings")
        return found

    def affine(self) -> np.ndarray | None:
        """(4, 4) voxel indices -> mm, LPS; None where the header does not say."""
        signs = _SPACES.get(self.fields.get("space", "").lower())
        if signs is None or "space directions" not in self.fields:
            return None
        affine = np.eye(4)
        for axis, vector in enumerate(self._vectors("space directions", 3)):
            affine[:3, axis] = vector * signs
        if "space origin" in self.fields:
            affine[:3, 3] = self._vectors("space origin", 1)[0] * signs
        with np.errstate(over="ignore", under="ignore"):
            sides = np.linalg.norm(affine[:3, :3], axis=0)
        if not (np.isfinite(affine).all() and (sides > 0).all() and np.isfinite(sides).all()):
            raise self.wrong("space directions")
        return affine

    def _vectors(self, name: str, count: int) -> list[np.ndarray]:
        found = [
            self._numbers(name, part.split(",")) for part in _VECTOR.findall(self.fields[name])
        ]
        if len(found) != count or any(len(vector) != 3 for vector in found):
            raise self.wrong(name)
        return found

    def _numbers(self, name: str, parts: list[str]) -> np.ndarray:
        try:
            return np.array([float(part) for part in parts])
        except ValueError as error:
            raise self.wrong(name) from error


def _read_header(path: Path) -> _Header:
    """Reads `field: text` lines up to the first empty one."""
    fields: dict[str, str] = {}
    with telling_damage(path, _KIND), path.open("rb") as file:
        if not file.readline(_LONGEST_LINE).startswith(b"NRRD000"):
            raise damaged(path, _KIND, "another file")
        while (line := file.readline(_LONGEST_LINE).decode("latin-1")).strip():
            name, colon, text = line.partition(":")
            if line.startswith("#") or text.startswith("="):
                continue  # a comment, or a key and its value
            if not colon:
                raise damaged(path, _KIND, f"the header line {shown(line)}")
            fields[name.strip().lower()] = text.strip()
        return _Header(path, fields, file.tell())


def _voxels(header: _Header, size: tuple[int, int, int]) -> np.ndarray:
    """The voxels in the order of the header's axes."""
    path, start = _data_file(header)
    dtype, encoding = header.dtype(), header.fields.get("encoding", "").lower()
    expected = math.prod(size) * dtype.itemsize
    if encoding not in ("raw", "gzip", "gz"):
        raise UserError(
            header.path,
            found=f"encoding {shown(encoding)}",
            expected="raw or gzip",
            remedy="save it so",
        )
    for name in ("byte skip", "byteskip", "line skip", "lineskip"):
        if header.fields.get(name, "0") != "0":
            raise header.wrong(name)
    with telling_damage(path, _KIND), path.open("rb") as file:
        file.seek(start)
        data = file.read()
        if encoding != "raw":
            data = zlib.decompressobj(wbits=_ZLIB_OR_GZIP).decompress(data, expected)
    if len(data) < expected:
        raise damaged(path, _KIND, f"{len(data)} bytes of data instead of {expected}")
    return np.frombuffer(data, dtype, math.prod(size)).reshape(size, order="F")


def _data_file(header: _Header) -> tuple[Path, int]:
    """The file of the voxels, and where they start in it."""
    name = header.fields.get("data file", header.fields.get("datafile", ""))
    if not name:
        return header.path, header.end
    path = header.path.parent / name
    with telling_damage(header.path, _KIND):
        is_there = path.is_file()
    if not is_there:
        raise UserError(
            header.path,
            found=f"data file {shown(name)} but no such file",
            expected="one beside the header",
            remedy="copy it there, or save both in one file",
        )
    return path, 0
