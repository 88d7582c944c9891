"""Reports, presentation states and contours as other programs write them, with pydicom alone."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from casgan_jax.dicom.contours import CLASS as CONTOURS
from tests.images.segmentations import items

REPORT = "1.2.840.10008.5.1.4.1.1.88.33"
STATE = "1.2.840.10008.5.1.4.1.1.11.1"
LONG, SHORT = ("G-A185", "SRT", "Long Axis"), ("G-A186", "SRT", "Short Axis")
LONG_SCT = ("103339001", "SCT", "Long Axis")
SHORT_SCT = ("103340004", "SCT", "Short Axis")
LENGTH = ("410668003", "SCT", "Length")
GROUP = ("125007", "DCM", "Measurement Group")


def coded(value, scheme, meaning):
    """A code sequence of one item."""
    return items(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def content(kind, name=None, children=(), **tags):
    """A content item."""
    item = items(ValueType=kind, **tags)[0]
    if name:
        item.ConceptNameCodeSequence = coded(*name)
    if children:
        item.ContentSequence = list(children)
    return item


def source(image, frame=None):
    """The image that coordinates are of."""
    reference = items(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    reference[0].ReferencedSOPInstanceUID = image
    if frame is not None:
        reference[0].ReferencedFrameNumber = frame
    return content("IMAGE", ReferencedSOPSequence=reference)


def coordinates(ends, image="1.2.3", kind="POLYLINE", frame=None):
    """Ends in pixels whose centres are at whole numbers, as DICOM writes them; or (N, 3) in mm."""
    ends = np.asarray(ends, float)
    if ends.shape[1] == 3:
        return content(
            "SCOORD3D",
            GraphicType=kind,
            GraphicData=ends.ravel().tolist(),
            ReferencedFrameOfReferenceUID=image,
        )
    data = (ends + 0.5).ravel().tolist()
    return content("SCOORD", None, [source(image, frame)], GraphicType=kind, GraphicData=data)


def length(name, value, child, unit="mm"):
    """A length; None has no MeasuredValueSequence."""
    item = content("NUM", name, [child])
    if value is not None:
        units = coded(unit, "UCUM", unit)
        item.MeasuredValueSequence = items(
            NumericValue=f"{value:.10g}", MeasurementUnitsCodeSequence=units
        )
    return item


def group(*measured, name="", uid=""):
    """A measurement group."""
    children = list(measured)
    if uid:
        called = ("112040", "DCM", "Tracking Unique Identifier")
        children.insert(0, content("UIDREF", called, UID=uid))
    if name:
        called = ("112039", "DCM", "Tracking Identifier")
        children.insert(0, content("TEXT", called, TextValue=name))
    return content("CONTAINER", GROUP, children)


def dataset(path, kind, modality, **tags):
    """A DICOM file of no image."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = "1.2.9"
    made = FileDataset(path, {}, file_meta=meta, preamble=bytes(128))
    made.SOPClassUID, made.SOPInstanceUID, made.Modality = kind, "1.2.9", modality
    made.SeriesInstanceUID = "1.2.99"
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def write_report(path: Path, *groups) -> Path:
    """Writes a report of measurement groups, or of any content."""
    measured = content("CONTAINER", ("126010", "DCM", "Imaging Measurements"), groups)
    title = coded("126000", "DCM", "Imaging Measurement Report")
    tags = {"ConceptNameCodeSequence": title, "ContentSequence": [measured]}
    made = dataset(path, REPORT, "SR", ValueType="CONTAINER", **tags)
    made.save_as(path, enforce_file_format=True)
    return path


def graphic(data, kind="POLYLINE", units="PIXEL", key=None):
    """A graphic object."""
    points = np.asarray(data, float)
    item = items(GraphicAnnotationUnits=units, GraphicDimensions=2, GraphicType=kind)[0]
    item.NumberOfGraphicPoints, item.GraphicData = len(points), points.ravel().tolist()
    if key is not None:
        item.GraphicGroupID = key
    return item


def write_state(path: Path, *graphics, image="1.2.3", text="", texts=(), **tags) -> Path:
    """Writes a presentation state that draws on one image; `texts` are whole items."""
    annotation = Dataset()
    annotation.ReferencedImageSequence = items(ReferencedSOPInstanceUID=image)
    annotation.GraphicObjectSequence = list(graphics)
    texts = [*texts, *(items(UnformattedTextValue=text) if text else ())]
    if texts:
        annotation.TextObjectSequence = texts
    made = dataset(path, STATE, "PR", GraphicAnnotationSequence=[annotation], **tags)
    made.save_as(path, enforce_file_format=True)
    return path


def write_contours(path: Path, rois, *, frame="1.2.8") -> Path:
    """Writes an RTSTRUCT; rois are {name: [(points (N, 3), image or None), ...]}."""
    regions, drawn = [], []
    for number, (name, contours) in enumerate(rois.items(), 1):
        regions += items(ROINumber=number, ROIName=name, ReferencedFrameOfReferenceUID=frame)
        sequence = []
        for points, image in contours:
            item = items(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=len(points))[0]
            item.ContourData = np.round(np.ravel(points), 6).tolist()
            if image:
                item.ContourImageSequence = items(ReferencedSOPInstanceUID=image)
            sequence.append(item)
        drawn += items(ReferencedROINumber=number, ContourSequence=sequence)
    tags = {"StructureSetROISequence": regions, "ROIContourSequence": drawn}
    made = dataset(path, CONTOURS, "RTSTRUCT", **tags)
    made.save_as(path, enforce_file_format=True)
    return path
