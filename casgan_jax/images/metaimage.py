"""MetaImage volumes (.mhd with its data beside it, .mha): axial slices in, one slice out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.checks import (
    checked_image,
    damaged,
    import_extra,
    narrowed,
    telling_damage,
)
from casgan_jax.images.orientation import AxialView, axial_view
from casgan_jax.images.stack import Scan, Stack

_KIND = "MetaImage"
_BYTES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_LONGEST_LINE = 4096


def open_metaimage(path: Path) -> Stack:
    """The axial slices of a MetaImage volume, or its only one if it has two dimensions.

    Raises:
      UserError: a damaged header, a missing or short data file, colour, more than three dimensions.
    """
    itk = import_extra("SimpleITK", path, _KIND)
    _check_data(path)
    with telling_damage(path, _KIND):
        reader = _reader(itk, path)
        if reader.GetNumberOfComponents() != 1:
            raise UserError(
                f"{path}: found {reader.GetNumberOfComponents()} channels, expected one grey "
                "channel; save one of them as its own file"
            )
        if reader.GetDimension() == 2:
            return Stack(1, lambda _: _read_plane(path))
        shape, spacing = reader.GetSize(), np.array(reader.GetSpacing())
        direction = np.array(reader.GetDirection()).reshape(3, 3)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK's axes run to the left and to posterior
    affine[:3, :3] @= direction * spacing
    view = axial_view(path, shape, affine)
    return Stack(view.count, lambda index: _read_slice(path, view, index))


def _reader(itk: Any, path: Path) -> Any:
    reader = itk.ImageFileReader()
    reader.SetImageIO("MetaImageIO")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return reader


def _read_plane(path: Path) -> Scan:
    itk = import_extra("SimpleITK", path, _KIND)
    with telling_damage(path, _KIND):
        reader = _reader(itk, path)
        values = itk.GetArrayFromImage(reader.Execute())
        column, row = reader.GetSpacing()
    return Scan(checked_image(path, narrowed(path, values)), (row, column))


def _read_slice(path: Path, view: AxialView, index: int) -> Scan:
    itk = import_extra("SimpleITK", path, _KIND)
    ranges = view.selection(index)
    with telling_damage(path, _KIND):
        reader = _reader(itk, path)
        reader.SetExtractIndex([each.start for each in ranges])
        reader.SetExtractSize([each.stop - each.start for each in ranges])
        voxels = itk.GetArrayFromImage(reader.Execute()).transpose(2, 1, 0)
    values = checked_image(path, view.plane(narrowed(path, voxels)))
    return Scan(values, view.spacing_mm)


def _check_data(path: Path) -> None:
    """Compares what the header promises with the data that are there, in bytes.

    ITK tells of short data on standard error and not by how much.
    """
    fields, header_end = _read_header(path)
    _check_form(path, fields)
    local = fields["ElementDataFile"].upper() == "LOCAL"
    data_file = path if local else path.parent / fields["ElementDataFile"]
    if not data_file.is_file():
        raise UserError(
            f"{path}: found ElementDataFile {fields['ElementDataFile']} but no such file, expected "
            "it beside the header; copy it there"
        )
    start = header_end if local else max(0, _number(path, fields, "HeaderSize", "0"))
    found = data_file.stat().st_size - start
    if _is_true(fields, "CompressedData"):
        expected = _number(path, fields, "CompressedDataSize", "0")
        promise = f"the {expected} of CompressedDataSize"
    else:
        expected = math.prod(_dimensions(path, fields)) * _element_bytes(path, fields)
        promise = f"the {expected} of {fields['DimSize']} {fields['ElementType']}"
    if found < expected:
        raise damaged(data_file, _KIND, f"{found} bytes of data instead of {promise}")


def _read_header(path: Path) -> tuple[dict[str, str], int]:
    """The fields of the header, `name = value` in each line, and the position of its end."""
    fields = {}
    with telling_damage(path, _KIND), path.open("rb") as file:
        while line := file.readline(_LONGEST_LINE):
            name, equals, value = (part.strip() for part in line.decode("latin-1").partition("="))
            if not equals or name in fields:
                raise damaged(path, _KIND, f"the header line {line[:60]!r}")
            fields[name] = value
            if name == "ElementDataFile":
                return fields, file.tell()
    raise damaged(path, _KIND, "a header without ElementDataFile")


def _check_form(path: Path, fields: Mapping[str, str]) -> None:
    """Refuses what is valid MetaImage but not one grey image in one binary file."""
    for name in ("NDims", "DimSize", "ElementType"):
        if name not in fields:
            raise damaged(path, _KIND, f"a header without {name}")
    if fields["NDims"] not in ("2", "3"):
        raise UserError(
            f"{path}: found NDims {fields['NDims']}, expected 2 or 3; save one volume as its own "
            "file"
        )
    if fields.get("ElementNumberOfChannels", "1") != "1":
        raise UserError(
            f"{path}: found ElementNumberOfChannels {fields['ElementNumberOfChannels']}, expected "
            "one grey channel; save one of them as its own file"
        )
    several = fields["ElementDataFile"].split()[:1] == ["LIST"] or "%" in fields["ElementDataFile"]
    if several or not _is_true(fields, "BinaryData", "True"):
        raise UserError(
            f"{path}: found ElementDataFile {fields['ElementDataFile']} and BinaryData "
            f"{fields.get('BinaryData', 'True')}, expected binary data in one file; save it so"
        )


def _dimensions(path: Path, fields: Mapping[str, str]) -> list[int]:
    sizes = fields["DimSize"].split()
    if len(sizes) != int(fields["NDims"]) or not all(
        size.isascii() and size.isdecimal() and 0 < int(size) < 2**31 for size in sizes
    ):
        raise damaged(path, _KIND, f"DimSize {fields['DimSize']} for NDims {fields['NDims']}")
    return [int(size) for size in sizes]


def _element_bytes(path: Path, fields: Mapping[str, str]) -> int:
    name = fields["ElementType"]
    size = _BYTES.get(name.removeprefix("MET_").removeprefix("U"))
    if size is None:
        raise UserError(
            f"{path}: found ElementType {name}, expected a number such as MET_SHORT; convert it"
        )
    return size


def _number(path: Path, fields: Mapping[str, str], name: str, default: str) -> int:
    try:
        return int(fields.get(name, default))
    except ValueError as error:
        raise damaged(path, _KIND, f"{name} {fields[name]}") from error


def _is_true(fields: Mapping[str, str], name: str, default: str = "False") -> bool:
    return fields.get(name, default)[:1] in ("T", "t", "1")
