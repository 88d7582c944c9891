"""DICOM segmentations as other programs write them, with pydicom alone."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import pack_bits

from tests.images.scans import dicom

CLASS = "1.2.840.10008.5.1.4.1.1.66.4"
AXIAL = [1, 0, 0, 0, 1, 0]


def items(**tags):
    """A sequence of one item."""
    item = Dataset()
    for name, value in tags.items():
        setattr(item, name, value)
    return [item]


def frame_group(corner=None, segment=None, image=None):
    """The functional groups of one frame: its place, its segment, the image it was drawn on."""
    group = Dataset()
    if corner is not None:
        group.PlanePositionSequence = items(ImagePositionPatient=list(corner))
    if segment is not None:
        group.SegmentIdentificationSequence = items(ReferencedSegmentNumber=segment)
    if image is not None:
        source = items(ReferencedSOPInstanceUID=image)
        group.DerivationImageSequence = items(SourceImageSequence=source)
    return group


def write_segmentation(
    path: Path,
    frames,
    groups,
    *,
    kind="BINARY",
    names=(),
    orientation=AXIAL,
    spacing=(1, 1),
    thickness=2,
    **tags,
) -> Path:
    """Writes frames (F, H, W) with the groups of `frame_group`; names are those of the segments."""
    frames = np.asarray(frames, np.uint8)
    measures = items(PixelSpacing=list(spacing), SliceThickness=thickness)
    shared = items(
        PixelMeasuresSequence=measures,
        PlaneOrientationSequence=items(ImageOrientationPatient=list(orientation)),
    )
    segments = [
        items(SegmentNumber=number, SegmentLabel=name)[0] for number, name in enumerate(names, 1)
    ]
    dataset = dicom(
        path,
        frames,
        **{"Modality": "SEG", "SOPClassUID": CLASS, "SegmentationType": kind},
        SharedFunctionalGroupsSequence=shared,
        PerFrameFunctionalGroupsSequence=list(groups),
        SegmentSequence=segments,
        **tags,
    )
    if kind == "BINARY":
        dataset.BitsAllocated = dataset.BitsStored = 1
        dataset.HighBit = 0
        dataset.PixelData = pack_bits(frames.reshape(-1))
        dataset["PixelData"].VR = "OB"
    dataset.file_meta.MediaStorageSOPClassUID = CLASS
    dataset.save_as(path, enforce_file_format=True)
    return path
