"""Whose an object is: patient, study and frame of reference of the image that it was made of.

    source = read_source(Path("slice.dcm"), 1)
    derived_uid("series", "soft", source.SeriesInstanceUID)  # the same whenever it is asked for

What belongs to patient and study is taken over as it is, tag by tag, as archives and viewers file
by it. UIDs are made of names, not drawn: labelling the same lesions again gives objects of the same
UIDs, which an archive that overwrites replaces.
"""

from __future__ import annotations

import contextlib
import copy
import io
import uuid
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import casgan_jax
from casgan_jax.errors import UserError, one_line
from casgan_jax.files import write_whole
from casgan_jax.images import dicom_tags
from casgan_jax.images.checks import import_extra
from casgan_jax.images.dicom import read_dataset
from casgan_jax.images.dicom_tags import Frame

UTF_8 = "ISO_IR 192"
MAKER = {
    "manufacturer": "casgan_jax",
    "manufacturer_model_name": "casgan_jax",
    "software_versions": casgan_jax.__version__,
    "device_serial_number": casgan_jax.__version__,
}

_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
# highdicom asks for them all, and fails where a scanner wrote something odd.
_ASKED_FOR = (
    "AccessionNumber",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "ReferringPhysicianName",
    "StudyDate",
    "StudyID",
    "StudyTime",
)
_NUMBERS = {"soft": 91, "binary": 92, "report": 93, "contours": 94}


def derived_uid(*names: object) -> str:
    """A UID that is always the same of the same names. Source: DICOM PS3.5, B.2, and RFC 4122."""
    text = "\0".join(map(str, ("casgan_jax", *names)))
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, text).int}"


def series_tags(source: Any, kind: str) -> dict[str, Any]:
    """UID and number of the series that objects of a kind are in: one for each series of images.

    Args:
      source: an image of the series.
      kind: "soft", "binary", "report" or "contours".
    """
    number = str(source.get("SeriesNumber") or "0")
    hundreds = int(number) if number.isdecimal() and len(number) < 7 else 0
    return {
        "series_instance_uid": _series_uid(kind, source.SeriesInstanceUID),
        "series_number": 100 * hundreds + _NUMBERS[kind],
    }


def series_made_of(series: Collection[str]) -> set[str]:
    """UIDs of the series that objects of those series of images are in."""
    return {_series_uid(kind, uid) for kind in _NUMBERS for uid in series}


def _series_uid(kind: str, series: str) -> str:
    return derived_uid("series", kind, series)


def read_source(path: Path, frame: int) -> Any:
    """The tags of a DICOM image that objects can be made of.

    Args:
      path: of its file.
      frame: from 1.

    Raises:
      UserError: no DICOM file, or one that does not say whose it is or where it lies.
    """
    dataset = read_dataset(path, stop_before_pixels=True)
    with telling_refusal(path, "object"):
        dataset.decode()  # texts are written in UTF-8, whatever the image's coding
    missing = [name for name in _UIDS if not dataset.get(name)]
    if missing:
        raise UserError(
            path,
            found=f"no {' and no '.join(missing)}",
            expected="an image that says which study it belongs to",
            remedy="export it again",
        )
    placed = Frame(path, dataset, frame - 1)
    place = dicom_tags.geometry(placed, dicom_tags.spacing(placed))
    if place is None or place.frame is None:
        raise UserError(
            path,
            found="an image that does not say where it lies",
            expected=(
                "ImagePositionPatient, ImageOrientationPatient, PixelSpacing and "
                "FrameOfReferenceUID"
            ),
            remedy="write its labels as png or npy",
        )
    return dataset


def template_of(source: Any) -> Any:
    """A copy of an image's tags that highdicom takes; `finished` brings back what it blanks."""
    made = copy.deepcopy(source)
    for name in _ASKED_FOR:
        setattr(made, name, "")
    made.SpecificCharacterSet = UTF_8
    return made


def finished(made: Any, source: Any) -> Any:
    """The object with patient, study and frame of reference of its image, to the letter."""
    made.SpecificCharacterSet = UTF_8
    made.copy_patient_and_study_information(source)
    if "PositionReferenceIndicator" in made and "PositionReferenceIndicator" in source:
        made["PositionReferenceIndicator"] = source["PositionReferenceIndicator"]
    return made


def highdicom_for(what: object) -> ModuleType:
    """highdicom, of the extra `pacs`.

    Args:
      what: needs it, a file or an argument.

    Raises:
      UserError: it is not installed.
    """
    return import_extra("highdicom", what, "DICOM", extra="pacs")


@contextlib.contextmanager
def telling_refusal(path: Path, kind: str) -> Iterator[None]:
    """What a library raises where it cannot make an object of an image becomes one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd values, which are taken over as they are
            yield
    except UserError:
        raise
    except Exception as error:  # as many ways to fail as there are odd headers
        raise UserError(
            path,
            found=f"an image that no {kind} can be made of ({one_line(error)})",
            expected="the tags that the standard asks for",
            remedy="export it again",
        ) from error


def write_object(path: Path, made: Any) -> Path:
    """Writes an object that appears complete or not at all.

    Raises:
      UserError: it cannot be written.
    """
    data = io.BytesIO()
    with telling_refusal(path, "DICOM file"):
        made.save_as(data, enforce_file_format=True)
    return write_whole(path, data.getvalue())
