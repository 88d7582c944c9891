"""MetaImage volumes (.mhd with its data beside it, .mha): axial slices in, volumes out.

Read here and not by ITK, which for damaged compressed data gives what happens to be in memory or
never comes back.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.files import write_whole
from casgan_jax.images.checks import (
    checked_path,
    checked_spacing,
    checked_values,
    checked_volume,
    damaged,
    narrowed,
    shown,
    telling_damage,
)
from casgan_jax.images.compression import compressed, slices_of
from casgan_jax.images.geometry import RAS_TO_LPS, Geometry
from casgan_jax.images.orientation import axial_view
from casgan_jax.images.stack import Scan, Stack, Volume

_KIND = "MetaImage"
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_NAMES = {"u1": "MET_UCHAR", "u2": "MET_USHORT", "i2": "MET_SHORT", "f4": "MET_FLOAT"}
_OTHER_NAMES = {  # as ITK reads them
    "Rotation": "TransformMatrix",
    "Orientation": "TransformMatrix",
    "Position": "Offset",
    "Origin": "Offset",
}
_LONGEST_LINE = 4096
_ZLIB_OR_GZIP = 47  # zlib's code for: find out which


def open_metaimage(path: Path) -> Stack:
    """The axial slices of a MetaImage volume; a file of two dimensions is one slice, as stored.

    Raises:
      UserError: a damaged header, a missing, short or damaged data file, colour, more than three
        dimensions.
    """
    header = _read_header(path)
    shape = header.shape()
    spacing = _spacing(header, len(shape))
    voxels = _open_voxels(header, shape)
    if len(shape) == 2:
        row_and_column = None if spacing is None else (spacing[1], spacing[0])
        return Stack(1, lambda _: _scan(path, voxels().T, row_and_column))
    affine = _affine(header, spacing or [1.0] * 3)
    columns, rows, slices = shape
    size = columns, rows, slices
    view = axial_view(path, size, RAS_TO_LPS @ affine)
    spacing_mm = None if spacing is None else view.in_plane(spacing)
    place = None if spacing is None else Geometry.from_affine(size, affine)

    def placed(index: int) -> Geometry | None:
        return None if place is None else view.geometry(place, index)

    def read(index: int) -> Scan:
        plane = view.plane(voxels()[tuple(view.selection(index))])
        scan = _scan(path, plane, spacing_mm)
        if place is None:
            return dataclasses.replace(scan, placeless="no ElementSpacing")
        return dataclasses.replace(scan, geometry=placed(index))

    volume = place and Volume(place, lambda ranges: narrowed(path, np.array(voxels()[ranges])))
    volumes = (volume,) if volume else ()
    return Stack(
        view.count, read, volumes, place=lambda index: place and view.geometry(place, index)
    )


def write_metaimage(
    path: Path | str,
    image: np.ndarray,
    spacing_mm: tuple[float, float] | None,
    geometry: Geometry | None = None,
) -> Path:
    """Writes a MetaImage volume, as `casgan_jax.images.volume_files.write_volume`.

    Without a spacing the file does not say it. `read_scan` gives the same image and spacing of a
    slice that is axial.
    """
    path = checked_path(path, ".mha")
    image = checked_volume(path, image)
    slices, height, width = image.shape
    sides = checked_spacing(path, spacing_mm)
    fields = {"ObjectType": "Image", "NDims": "3", "BinaryData": "True"}
    fields["BinaryDataByteOrderMSB"] = "False"
    if geometry is not None:
        fields["TransformMatrix"] = _written(geometry.direction.T)
        fields["Offset"] = _written(geometry.origin)
        fields["ElementSpacing"] = _written(geometry.spacing)
    elif sides is not None:
        fields["ElementSpacing"] = _written(np.array([sides[1], sides[0], 1.0]))
    voxels = compressed(slices_of(image), "zlib")
    fields |= {
        "DimSize": f"{width} {height} {slices}",
        "CompressedData": "True",
        "CompressedDataSize": str(len(voxels)),
        "ElementType": _NAMES[image.dtype.str[1:]],
        "ElementDataFile": "LOCAL",
    }
    header = "".join(f"{name} = {value}\n" for name, value in fields.items())
    return write_whole(path, header.encode() + voxels)


def voxel_file(path: Path) -> Path:
    """The file that holds the voxels of a MetaImage: the one its header names, or itself.

    Raises:
      UserError: a damaged header, or no such file.
    """
    return _data_file(_read_header(path))[0]


def _written(values: np.ndarray) -> str:
    return " ".join(repr(float(value)) for value in values.ravel())


def _spacing(header: _Header, count: int) -> list[float] | None:
    spacing = header.numbers("ElementSpacing", count)
    if spacing and not all(0 < value < math.inf for value in spacing):
        raise header.wrong("ElementSpacing")
    return spacing


def _affine(header: _Header, spacing: list[float]) -> np.ndarray:
    """Voxel indices -> mm, LPS; the header has the direction of one voxel axis after the other."""
    directions = header.numbers("TransformMatrix", 9) or np.eye(3)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(directions, (3, 3)).T * spacing
    affine[:3, 3] = header.numbers("Offset", 3) or np.zeros(3)
    return affine


def _scan(path: Path, plane: np.ndarray, spacing_mm: tuple[float, float] | None) -> Scan:
    # A copy, not the mapped file.
    values, faults = checked_values(path, narrowed(path, np.array(plane)))
    return Scan(values, spacing_mm, faults=faults)


@dataclasses.dataclass(frozen=True)
class _Header:
    """The fields of a header and the position where it ends."""

    path: Path
    fields: Mapping[str, str]
    end: int

    def get(self, name: str, default: str = "") -> str:
        return self.fields.get(name, default)

    def shown(self, name: str) -> str:
        """The field as a line can show it."""
        return f"{name} {shown(self.fields[name])}" if name in self.fields else f"no {name}"

    def is_true(self, name: str, default: str = "False") -> bool:
        return self.get(name, default)[:1] in ("T", "t", "1")

    def whole(self, name: str, default: str) -> int:
        try:
            return int(self.get(name, default))
        except ValueError as error:
            raise self.wrong(name) from error

    def numbers(self, name: str, count: int) -> list[float] | None:
        """All values of a field; None where it is absent."""
        if name not in self.fields:
            return None
        try:
            values = [float(value) for value in self.fields[name].split()]
        except ValueError as error:
            raise self.wrong(name) from error
        if len(values) != count:
            raise self.wrong(name)
        return values

    def shape(self) -> tuple[int, ...]:
        sizes = self.get("DimSize").split()
        right = all(size.isascii() and size.isdecimal() and 0 < len(size) < 9 for size in sizes)
        if not right or str(len(sizes)) != self.get("NDims") or "0" in sizes:
            raise damaged(self.path, _KIND, f"{self.shown('DimSize')} for {self.shown('NDims')}")
        return tuple(int(size) for size in sizes)

    def dtype(self) -> np.dtype:
        name = self.get("ElementType")
        if name not in _TYPES:
            raise UserError(
                self.path,
                found=f"{self.shown('ElementType')}",
                expected="a number such as MET_SHORT",
                remedy="convert it",
            )
        order = self.get("BinaryDataByteOrderMSB", self.get("ElementByteOrderMSB", "False"))
        return np.dtype((">" if order[:1] in ("T", "t", "1") else "<") + _TYPES[name])

    def wrong(self, name: str) -> UserError:
        return damaged(self.path, _KIND, self.shown(name))


def _read_header(path: Path) -> _Header:
    """Reads `name = value` lines up to ElementDataFile, the last."""
    fields = {}
    with telling_damage(path, _KIND), path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            name, equals, value = (part.strip() for part in line.decode("latin-1").partition("="))
            if not equals or name in fields:
                raise damaged(path, _KIND, f"the header line {shown(line.decode('latin-1'))}")
            name = _OTHER_NAMES.get(name, name)
            fields[name] = value
            if name == "ElementDataFile":
                header = _Header(path, fields, file.tell())
                _check_form(header)
                return header
    raise damaged(path, _KIND, "a header without ElementDataFile")


def _check_form(header: _Header) -> None:
    """Refuses what is valid MetaImage but not one grey image in one binary file."""
    if header.get("NDims") not in ("2", "3"):
        raise UserError(
            header.path,
            found=f"{header.shown('NDims')}",
            expected="2 or 3",
            remedy="save one volume as its own file",
        )
    if header.get("ElementNumberOfChannels", "1") != "1":
        raise UserError(
            header.path,
            found=f"{header.shown('ElementNumberOfChannels')}",
            expected="one grey channel",
            remedy="save one of them as its own file",
        )
    data_file = header.get("ElementDataFile")
    if data_file[:4] == "LIST" or "%" in data_file or not header.is_true("BinaryData", "True"):
        raise UserError(
            header.path,
            found=f"{header.shown('ElementDataFile')} and {header.shown('BinaryData')}",
            expected="binary data in one file",
            remedy="save it so",
        )


def _open_voxels(header: _Header, shape: tuple[int, ...]) -> Callable[[], np.ndarray]:
    """A function that gives the voxels in the order of the header's axes."""
    data_file, start = _data_file(header)
    dtype = header.dtype()
    promise = f"{' x '.join(map(str, shape))} {header.get('ElementType')}"
    expected = math.prod(shape) * dtype.itemsize
    with telling_damage(data_file, _KIND):
        if header.is_true("CompressedData"):
            data = _decompressed(header, data_file, start, expected)
            found, kind = len(data), "decompressed data"
        else:
            size = data_file.stat().st_size
            start = size - expected if start < 0 else start
            found, kind = size - max(start, 0), "data"
    if found < expected:
        raise damaged(
            data_file, _KIND, f"{found} bytes of {kind} instead of the {expected} of {promise}"
        )
    if header.is_true("CompressedData"):
        return lambda: np.frombuffer(data, dtype).reshape(shape, order="F")
    return lambda: np.memmap(data_file, dtype, "r", offset=start, shape=shape, order="F")


def _data_file(header: _Header) -> tuple[Path, int]:
    """The file of the voxels and where they start in it; -1: as far from its end as they need."""
    name = header.get("ElementDataFile")
    if name.upper() == "LOCAL":
        return header.path, header.end
    data_file = header.path.parent / name
    with telling_damage(header.path, _KIND):
        is_there = data_file.is_file()
    if not is_there:
        raise UserError(
            header.path,
            found=f"{header.shown('ElementDataFile')} but no such file",
            expected="it beside the header",
            remedy="copy it there",
        )
    return data_file, max(-1, header.whole("HeaderSize", "0"))


def _decompressed(header: _Header, data_file: Path, start: int, expected: int) -> bytes:
    """The decompressed data, if they are whole: zlib checks their sum at their end."""
    inflate = zlib.decompressobj(wbits=_ZLIB_OR_GZIP)
    with data_file.open("rb") as file:
        file.seek(max(start, 0))
        data = inflate.decompress(
            file.read(header.whole("CompressedDataSize", "0") or -1), expected
        )
    if len(data) == expected and inflate.decompress(inflate.unconsumed_tail, 1):
        raise damaged(data_file, _KIND, f"more than the {expected} bytes of decompressed data")
    if len(data) == expected and not inflate.eof:
        raise damaged(data_file, _KIND, "compressed data without their end")
    return data
