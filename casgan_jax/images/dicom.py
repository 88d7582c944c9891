"""DICOM images: one frame out, CT in Hounsfield units.

Values have the file's rescale slope and intercept (or its modality LUT) applied. For CT they are
HU, as the window of the reader is in HU; a CT image without the two tags is refused, as its
values could be anything. Where MONOCHROME1 says that low values are shown bright, the values are
turned round within the range of the stored bits, window included, so that bright is always high;
but never HU, which are what they are however they are shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.checks import (
    checked_image,
    import_extra,
    narrowed,
    shown,
    telling_damage,
)
from casgan_jax.images.stack import Scan, Stack, Unit

_KIND = "DICOM"
_PREAMBLE = 128
_CMS_ENVELOPE = bytes.fromhex("2a864886f70d010703")  # object identifier of encrypted content
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_DECOMPRESS = "decompress it first, for instance with gdcmconv --raw"
_LARGEST_WHOLE = 2**31


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do: `DICM` at byte 128."""
    with path.open("rb") as file:
        return file.read(_PREAMBLE + 4)[_PREAMBLE:] == b"DICM"


def open_dicom(path: Path) -> Stack:
    """The frames of a DICOM file.

    Raises:
      UserError: no DICOM file, encrypted, without pixel data, colour, compressed in a way that
        nothing installed can decode, or damaged.
    """
    pydicom = import_extra("pydicom", path, _KIND)
    with telling_damage(path, _KIND):
        _check_beginning(path)
        dataset = pydicom.dcmread(path)
        _check_pixels(path, dataset)
        _check_decoder(path, dataset.file_meta.TransferSyntaxUID)
        count = int(dataset.get("NumberOfFrames") or 1)
    if count < 1:
        raise UserError(
            path,
            found=f"NumberOfFrames {count}",
            expected="at least 1",
            remedy="export it again",
        )
    return Stack(count, lambda index: _read_frame(path, dataset, index))


def _read_frame(path: Path, dataset: Any, index: int) -> Scan:
    pydicom = import_extra("pydicom", path, _KIND)
    compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
    remedy = _DECOMPRESS if compressed else "copy or export it again"
    with telling_damage(path, _KIND, remedy=remedy):
        stored = pydicom.pixels.pixel_array(dataset, index=index)
    with telling_damage(path, _KIND):
        return _scan(path, _Frame(dataset, index), stored)


class _Frame:
    """The tags of one frame: its own, what all frames share, or what the file says."""

    def __init__(self, dataset: Any, index: int) -> None:
        self.dataset = dataset
        self._sources = [dataset]
        for name, number in (
            ("SharedFunctionalGroupsSequence", 0),
            ("PerFrameFunctionalGroupsSequence", index),
        ):
            groups = dataset.get(name) or []
            for group in groups[number : number + 1]:
                self._sources += [item for each in group if each.VR == "SQ" for item in each.value]

    def get(self, name: str) -> Any:
        """The value that is nearest to the frame, or None."""
        for source in reversed(self._sources):
            if (value := source.get(name)) not in (None, "", []):
                return value
        return None

    def numbers(self, name: str) -> list[float]:
        """All values of a tag; none where it is absent."""
        value = self.get(name)
        return [] if value is None else np.ravel(np.asarray(value, dtype=np.float64)).tolist()


def _scan(path: Path, frame: _Frame, stored: np.ndarray) -> Scan:
    is_hu = _is_hu(frame)
    values = _modality_values(path, frame, stored)
    window = None if is_hu else _window(frame)
    if not is_hu and frame.get("PhotometricInterpretation") == "MONOCHROME1":
        total = _modality_values(path, frame, _stored_range(frame)).sum()
        values = total - values
        window = window and (float(total - window[1]), float(total - window[0]))
    first = None if is_hu else stored.dtype.newbyteorder("=")
    values = narrowed(path, values, first=first)
    unit: Unit = "HU" if is_hu else "stored"
    return Scan(checked_image(path, values), _spacing(path, frame), unit, window)


def _is_hu(frame: _Frame) -> bool:
    rescaled = frame.get("ModalityLUTSequence") is None and frame.get("RescaleType") in (None, "HU")
    return rescaled and frame.get("Modality") == "CT"


def _modality_values(path: Path, frame: _Frame, stored: np.ndarray) -> np.ndarray:
    """What the stored values mean: int64 where slope and intercept are whole, else float."""
    if stored.dtype.kind in "iu":
        stored = stored.astype(np.int64)
    if frame.get("ModalityLUTSequence") is not None:
        pydicom = import_extra("pydicom", path, _KIND)
        return pydicom.pixels.apply_modality_lut(stored, frame.dataset).astype(np.int64)
    slope, intercept = _rescaling(path, frame)
    if slope.is_integer() and intercept.is_integer() and stored.dtype.kind == "i":
        return stored * int(slope) + int(intercept)
    return stored * slope + intercept


def _rescaling(path: Path, frame: _Frame) -> tuple[float, float]:
    names = ("RescaleSlope", "RescaleIntercept")
    missing = [name for name in names if not frame.numbers(name)]
    if missing and frame.get("Modality") == "CT":
        raise UserError(
            path,
            found=f"a CT image without {' and '.join(missing)}",
            expected="both, as its values cannot be told in HU without",
            remedy="export it again with them, or save it in HU as TIFF or NPY",
        )
    slope = (*frame.numbers(names[0]), 1.0)[0]
    intercept = (*frame.numbers(names[1]), 0.0)[0]
    if not (0 < abs(slope) < _LARGEST_WHOLE and abs(intercept) < _LARGEST_WHOLE):
        raise UserError(
            path,
            found=f"RescaleSlope {slope:g} and RescaleIntercept {intercept:g}",
            expected="finite numbers and a slope that is not 0",
            remedy="export it again",
        )
    return slope, intercept


def _stored_range(frame: _Frame) -> np.ndarray:
    """The least and the greatest value that the stored bits can hold."""
    bits = int(frame.get("BitsStored"))
    low = -(2 ** (bits - 1)) if frame.get("PixelRepresentation") == 1 else 0
    return np.array([low, low + 2**bits - 1])


def _window(frame: _Frame) -> tuple[float, float] | None:
    """The first window of the file as (low, high); None if it has none, or none that is wide.

    Source: DICOM PS3.3, C.11.2.1.2 (LINEAR, the default) and C.11.2.1.3.
    """
    centres, widths = frame.numbers("WindowCenter"), frame.numbers("WindowWidth")
    if not (centres and widths):
        return None
    centre, width = centres[0], widths[0]
    if frame.get("VOILUTFunction") in (None, "LINEAR"):
        centre, width = centre - 0.5, width - 1
    window = (centre - width / 2, centre + width / 2)
    return window if np.isfinite(window).all() and width > 0 else None


def _spacing(path: Path, frame: _Frame) -> tuple[float, float] | None:
    """PixelSpacing, in the patient; that at the detector (ImagerPixelSpacing) would mislead."""
    spacing = frame.numbers("PixelSpacing")
    if not spacing:
        return None
    if len(spacing) != 2 or not all(0 < value < np.inf for value in spacing):
        raise UserError(
            path,
            found=f"PixelSpacing {spacing}",
            expected="two positive numbers in mm",
            remedy="export it again",
        )
    return spacing[0], spacing[1]


def _check_beginning(path: Path) -> None:
    if is_dicom(path):
        return
    with path.open("rb") as file:
        encrypted = _CMS_ENVELOPE in file.read(64)
    if encrypted:
        raise UserError(
            path,
            found="an encrypted file (a CMS envelope)",
            expected="plain DICOM",
            remedy="decrypt it",
        )
    raise UserError(
        path,
        found=f"no DICM at byte {_PREAMBLE}",
        expected="a DICOM file with its preamble",
        remedy="copy or export it again",
    )


def _check_pixels(path: Path, dataset: Any) -> None:
    """Refuses files without pixels, and colour."""
    if not any(name in dataset for name in _PIXELS):
        encrypted = "EncryptedAttributesSequence" in dataset
        modality = f"the modality {shown(dataset.get('Modality', 'unknown'))}"
        found = "encrypted attributes" if encrypted else modality
        raise UserError(
            path,
            found=f"{found} and no PixelData",
            expected="an image",
            remedy="name the file of one",
        )
    photometric = dataset.get("PhotometricInterpretation")
    if photometric not in _GREY:
        raise UserError(
            path,
            found=f"PhotometricInterpretation {shown(photometric)}",
            expected=f"{' or '.join(_GREY)}",
            remedy="export it in grey",
        )


def _check_decoder(path: Path, syntax: Any) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if not available:
        raise UserError(
            path,
            found=f"pixel data stored as {shown(syntax.name)}, which nothing installed decodes",
            expected="plain or decodable data",
            remedy=f"{_DECOMPRESS}",
        )
