"""DICOM images: one frame out, CT in Hounsfield units.

Values have the file's rescale slope and intercept (or its modality LUT) applied. For CT they are
HU, as the window of the reader is in HU; a CT image without the two tags is at fault, as its
values could be anything. Where MONOCHROME1 says that low values are shown bright, the values are
turned round within the range of the stored bits, window included, so that bright is always high;
but never HU, which are what they are however they are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images import dicom_tags
from casgan_jax.images.checks import (
    checked_values,
    import_extra,
    narrowed,
    shown,
    telling_damage,
)
from casgan_jax.images.dicom_tags import Frame
from casgan_jax.images.frames import PlacedFrame, volumes_of
from casgan_jax.images.segmentation import is_segmentation, open_segments
from casgan_jax.images.stack import Scan, Stack

_KIND = "DICOM"
_PREAMBLE = 128
_CMS_ENVELOPE = bytes.fromhex("2a864886f70d010703")  # object identifier of encrypted content
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_JPEG_12_BIT = "1.2.840.10008.1.2.4.51"
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")  # little endian, of a header and of a data set
_MOST_FRAMES = 100_000  # more are a damaged number
_LONGEST_FIRST = 1024  # bytes of the first element of a bare data set


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do: `DICM` at byte 128, or at once with a data set."""
    with path.open("rb") as file:
        start = file.read(_PREAMBLE + 4)
    return start[_PREAMBLE:] == b"DICM" or _is_bare(start)


def _is_bare(start: bytes) -> bool:
    """Whether a file begins with an element of the first groups and a length that it may have."""
    if len(start) < 12 or start[:2] not in _FIRST_GROUPS or start[3] != 0:
        return False
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    length = start[6:8] if explicit else start[4:8]
    return int.from_bytes(length, "little") <= _LONGEST_FIRST


def open_dicom(path: Path) -> Stack:
    """The frames of a DICOM file.

    Raises:
      UserError: no DICOM file, encrypted, without pixel data, colour, compressed in a way that
        nothing installed can decode, or damaged.
    """
    dataset = read_dataset(path)
    with telling_damage(path, _KIND):
        _check_pixels(path, dataset)
        _check_decoder(path, dataset.file_meta.TransferSyntaxUID)
        count = int(dataset.get("NumberOfFrames") or 1)
    if not 1 <= count <= _MOST_FRAMES:
        raise UserError(
            path,
            found=f"NumberOfFrames {count}",
            expected=f"1 to {_MOST_FRAMES}",
            remedy="export it again",
        )

    def read(index: int) -> Scan:
        return _read_frame(path, dataset, index)

    with telling_damage(path, _KIND):
        if is_segmentation(dataset):
            segments = open_segments(path, dataset, count, lambda i: _stored(path, dataset, i))
            return Stack(count, read, segments=segments)
        frames = [Frame(path, dataset, index) for index in range(count)]
        places = [(each.index, dicom_tags.geometry(each, _known_spacing(each))) for each in frames]
    placed = [PlacedFrame(index, place) for index, place in places if place is not None]
    volumes = volumes_of(placed, lambda index: read(index).values)
    return Stack(
        count, read, volumes if len(placed) == count else (), place=lambda index: places[index][1]
    )


def read_dataset(path: Path, **options: Any) -> Any:
    """A DICOM file as pydicom has it, also one without preamble and header.

    Args:
      path: of the file.
      **options: of `pydicom.dcmread`.

    Raises:
      UserError: no DICOM file, encrypted, or damaged.
    """
    pydicom = import_extra("pydicom", path, _KIND)
    with telling_damage(path, _KIND):
        _check_beginning(path)
        dataset = pydicom.dcmread(path, force=True, **options)
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, little = dataset.original_encoding
            uids = pydicom.uid
            plain = uids.ImplicitVRLittleEndian if implicit else uids.ExplicitVRLittleEndian
            dataset.file_meta.TransferSyntaxUID = plain if little else uids.ExplicitVRBigEndian
    return dataset


def _read_frame(path: Path, dataset: Any, index: int) -> Scan:
    stored = _stored(path, dataset, index)
    with telling_damage(path, _KIND):
        return _scan(Frame(path, dataset, index), _one_channel(path, stored))


def _stored(path: Path, dataset: Any, index: int) -> np.ndarray:
    pydicom = import_extra("pydicom", path, _KIND)
    syntax = dataset.file_meta.TransferSyntaxUID
    remedy = _decompress(syntax) if syntax.is_compressed else "copy or export it again"
    with telling_damage(path, _KIND, remedy=remedy):
        return pydicom.pixels.pixel_array(dataset, index=index)


def _one_channel(path: Path, stored: np.ndarray) -> np.ndarray:
    """Grey that was stored as colour, as screenshots and secondary captures are."""
    if stored.ndim == 2:
        return stored
    if (stored != stored[..., :1]).any():
        raise UserError(
            path,
            found="a colour image",
            expected=f"{' or '.join(_GREY)}",
            remedy="export it in grey",
        )
    return stored[..., 0]


def _scan(frame: Frame, stored: np.ndarray) -> Scan:
    faults: dict[str, UserError] = {}
    spacing_mm = _tried(faults, "spacing_mm", lambda: dicom_tags.spacing(frame), None)
    rescaling = _tried(faults, "hu_offset", lambda: dicom_tags.rescaling(frame), (1.0, 0.0))
    is_hu = _is_hu(frame) and "hu_offset" not in faults
    values = _modality_values(frame, stored, rescaling)
    window = None if is_hu else _tried(faults, "window", lambda: dicom_tags.window(frame), None)
    if not is_hu and frame.get("PhotometricInterpretation") == "MONOCHROME1":
        total = _modality_values(frame, dicom_tags.stored_range(frame), rescaling).sum()
        values = total - values
        window = window and (float(total - window[1]), float(total - window[0]))
    first = None if is_hu else stored.dtype.newbyteorder("=")
    values, more = checked_values(frame.path, narrowed(frame.path, values, first=first))
    return Scan(
        values,
        spacing_mm,
        "HU" if is_hu else "stored",
        window,
        geometry=dicom_tags.geometry(frame, spacing_mm),
        instance=(str(frame.get("SOPInstanceUID")), frame.index + 1),
        file=frame.path,
        faults=faults | more,
    )


def _tried(faults: dict[str, UserError], field: str, read: Callable[[], Any], default: Any) -> Any:
    """What a tag says, or the default and a fault that names what replaces it."""
    try:
        return read()
    except UserError as error:
        faults[field] = error
        return default


def _known_spacing(frame: Frame) -> tuple[float, float] | None:
    return _tried({}, "spacing_mm", lambda: dicom_tags.spacing(frame), None)


def _is_hu(frame: Frame) -> bool:
    rescaled = frame.get("ModalityLUTSequence") is None and frame.get("RescaleType") in (None, "HU")
    return rescaled and frame.get("Modality") == "CT"


def _modality_values(
    frame: Frame, stored: np.ndarray, rescaling: tuple[float, float]
) -> np.ndarray:
    """What the stored values mean: int64 where slope and intercept are whole, else float."""
    if stored.dtype.kind in "iu":
        stored = stored.astype(np.int64)
    if frame.get("ModalityLUTSequence") is not None:
        pydicom = import_extra("pydicom", frame.path, _KIND)
        return pydicom.pixels.apply_modality_lut(stored, frame.dataset).astype(np.int64)
    slope, intercept = rescaling
    if slope.is_integer() and intercept.is_integer() and stored.dtype.kind == "i":
        return stored * int(slope) + int(intercept)
    return stored * slope + intercept


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
        expected="a DICOM file",
        remedy="copy or export it again",
    )


def _check_pixels(path: Path, dataset: Any) -> None:
    """Refuses files without pixels, and palettes."""
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
    as_colour = photometric in _COLOUR and dataset.get("SamplesPerPixel") == 3
    if photometric not in _GREY and not as_colour and not is_segmentation(dataset):
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
            remedy=_decompress(syntax),
        )


def _decompress(syntax: str) -> str:
    """What to do about a coding: python-gdcm knows all in use but JPEG of 12 bits."""
    decoder = "python-gdcm"
    if syntax == _JPEG_12_BIT:
        decoder = "pylibjpeg pylibjpeg-libjpeg"
    return f"pip install {decoder}, or decompress it first, for instance with gdcmconv --raw"
