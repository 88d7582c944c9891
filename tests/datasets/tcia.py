"""A small LIDC-IDRI as The Cancer Imaging Archive has it: DICOM series and the readers' XML."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import cv2
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from datasets.lidc.reading import RATINGS
from tests.datasets.trees import disc

SIDE = 160  # of the CT slices
THICKNESS = 2.5
HEADER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<LidcReadMessage uid="1.3.6.1.4.1.14519"'
    ' xmlns="http://www.nih.gov" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.nih.gov'
    ' http://troll.rad.med.umich.edu/lidc/LidcReadMessage.xsd">\n'
)


@dataclasses.dataclass
class Roi:
    """One outline: the slice's number, the points, and whether the inside belongs to the nodule."""

    slice_index: int
    points: Sequence[tuple[int, int]]
    inclusion: bool = True


@dataclasses.dataclass
class Nodule:
    """What one reader says of one nodule; no ratings for those below 3 mm."""

    rois: Sequence[Roi]
    ratings: Sequence[int] | None = (5, 1, 6, 3, 3, 3, 4, 5, 5)


def outline_of(mask: np.ndarray) -> list[tuple[int, int]]:
    """The border pixels of a mask, in order, closed: what a reader draws around its inside."""
    (contour,), _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    points = [(int(x), int(y)) for x, y in contour[:, 0]]
    return [*points, points[0]]


def inside_of(mask: np.ndarray) -> np.ndarray:
    """What is left of a mask without its border pixels."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    border = cv2.BORDER_CONSTANT
    return cv2.erode(mask.astype(np.uint8), cross, borderType=border, borderValue=0) > 0


def image_uid(series_uid: str, index: int) -> str:
    return f"{series_uid}.{index + 1}"


def z_mm(index: int) -> float:
    return -100.0 + THICKNESS * index


def write_xml(
    path: Path, series_uid: str, readers: Sequence[Sequence[Nodule]], *, non_nodules: int = 0
) -> Path:
    """Writes the XML of a series: what each reader says of each nodule."""
    sessions = "".join(_session(series_uid, nodules, non_nodules) for nodules in readers)
    header = (
        "<ResponseHeader><Version>1.8.1</Version><TaskDescription>Second unblinded read"
        f"</TaskDescription><SeriesInstanceUid>{series_uid}</SeriesInstanceUid></ResponseHeader>\n"
    )
    path.write_text(f"{HEADER}{header}{sessions}</LidcReadMessage>\n")
    return path


def _session(series_uid: str, nodules: Sequence[Nodule], non_nodules: int) -> str:
    marks = "".join(_nodule(series_uid, f"Nodule {i:03d}", n) for i, n in enumerate(nodules))
    locus = "<locus><xCoord>9</xCoord><yCoord>9</yCoord></locus>"
    marks += "".join(
        f"<nonNodule><nonNoduleID>{i}</nonNoduleID>{_where(series_uid, 0)}{locus}</nonNodule>\n"
        for i in range(non_nodules)
    )
    about = "<annotationVersion>3.12</annotationVersion>"
    return (
        f"<readingSession>{about}<servicingRadiologistID>anon</servicingRadiologistID>\n{marks}"
        + ("</readingSession>\n")
    )


def _nodule(series_uid: str, name: str, nodule: Nodule) -> str:
    ratings = "".join(
        f"<{r}>{v}</{r}>" for r, v in zip(RATINGS, nodule.ratings or (), strict=False)
    )
    ratings = ratings and f"<characteristics>{ratings}</characteristics>\n"
    rois = "".join(
        f"<roi>{_where(series_uid, roi.slice_index)}<inclusion>{str(roi.inclusion).upper()}"
        f"</inclusion>{''.join(map(_edge, roi.points))}</roi>\n"
        for roi in nodule.rois
    )
    return (
        f"<unblindedReadNodule><noduleID>{escape(name)}</noduleID>\n{ratings}{rois}"
        "</unblindedReadNodule>\n"
    )


def _where(series_uid: str, index: int) -> str:
    return (
        f"<imageZposition>{z_mm(index):f} </imageZposition>"
        f"<imageSOP_UID>{image_uid(series_uid, index)}</imageSOP_UID>"
    )


def _edge(point: tuple[int, int]) -> str:
    return f"<edgeMap><xCoord>{point[0]}</xCoord><yCoord>{point[1]}</yCoord></edgeMap>"


def write_slice(path: Path, series_uid: str, index: int, hu: np.ndarray, **tags: object) -> Path:
    """Writes one slice, HU = stored - 1024; `tags` set or, with None, delete attributes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = image_uid(series_uid, index)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    values = dict(
        SOPClassUID=CTImageStorage,
        SOPInstanceUID=image_uid(series_uid, index),
        Modality="CT",
        PatientID="LIDC-IDRI-0001",
        SeriesInstanceUID=series_uid,
        StudyInstanceUID=f"{series_uid}.0",
        SliceThickness=THICKNESS,
        ImagePositionPatient=[-100.0, -100.0, z_mm(index)],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        InstanceNumber=index + 1,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        PixelSpacing=[0.7, 0.7],
        Rows=hu.shape[0],
        Columns=hu.shape[1],
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        RescaleIntercept=-1024,
        RescaleSlope=1,
        PixelData=(hu + 1024).astype("<u2").tobytes(),
    )
    for name, value in (values | tags).items():
        if value is not None:
            setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def ct_slice(centre: tuple[float, float], radius: float, seed: int) -> np.ndarray:
    """(SIDE, SIDE) HU: a soft-edged nodule in lung."""
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = 1 / (1 + np.exp((np.hypot(x - centre[0], y - centre[1]) - radius) / 0.8))
    noise = np.random.default_rng(seed).normal(0, 20, (SIDE, SIDE))
    return np.round(-850 + 880 * inside + noise).astype(np.int32)


def write_series(
    root: Path,
    patient: str,
    series_uid: str,
    *,
    centre=(100, 60),
    slices: int = 3,
    xml: bool = True,
) -> Path:
    """One series with one nodule on its last two slices, four readers, and their XML."""
    folder = root / patient / f"{series_uid}.0" / series_uid
    folder.mkdir(parents=True)
    for index in range(3):
        hu = ct_slice(centre, 5 + index, seed=index)
        write_slice(folder / f"1-{index + 1:03d}.dcm", series_uid, index, hu, PatientID=patient)
    if xml:
        readers = [[nodule_of(centre, delta)] for delta in (-1, 0, 0, 1)]
        write_xml(folder / "069.xml", series_uid, readers, non_nodules=1)
    return folder


def nodule_of(centre: tuple[float, float], delta: float, rating: int = 3) -> Nodule:
    """The outline of a reader who draws `delta` pixels too generously, on slices 1 and 2."""
    rois = [Roi(i, outline_of(disc(5 + i + delta, centre, size=SIDE))) for i in (1, 2)]
    return Nodule(rois, (rating,) * len(RATINGS))
