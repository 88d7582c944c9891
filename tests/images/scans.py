"""Small DICOM, NIfTI and MetaImage files in their public formats."""

import warnings
from pathlib import Path

import nibabel
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its SWIG types warn on some versions of Python
    import SimpleITK as itk

HU = {"Modality": "CT", "RescaleSlope": "1", "RescaleIntercept": "-1024"}


def noise(shape, low=0, high=2000, dtype=np.int16, seed=0):
    """Whole numbers, so that a slice of another place or orientation cannot pass."""
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def dicom(path: Path, stored: np.ndarray, **tags: object) -> FileDataset:
    """A dataset of grey frames (rows, columns) or (frames, rows, columns); a tag of None is left
    out."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = (
        CTImageStorage if tags.get("Modality") == "CT" else MRImageStorage
    )
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    dataset = FileDataset(path, {}, file_meta=meta, preamble=bytes(128))
    given = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": "1.2.3",
        "Modality": "MR",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": stored.shape[-2],
        "Columns": stored.shape[-1],
        "BitsAllocated": 8 * stored.itemsize,
        "BitsStored": 8 * stored.itemsize,
        "PixelRepresentation": int(stored.dtype.kind == "i"),
        "PixelData": stored.tobytes(),
    }
    if stored.ndim == 3:
        given["NumberOfFrames"] = len(stored)
    for name, value in (given | tags).items():
        if value is not None:
            setattr(dataset, name, value)
    dataset.HighBit = dataset.BitsStored - 1
    dataset["PixelData"].VR = "OB" if stored.itemsize == 1 else "OW"
    return dataset


def write_dicom(path: Path, stored: np.ndarray, **tags: object) -> Path:
    """Writes `dicom`; returns the path."""
    dicom(path, stored, **tags).save_as(path, enforce_file_format=True)
    return path


def write_volume(path: Path, voxels: np.ndarray, affine: np.ndarray) -> Path:
    """Writes voxels (X, Y, Z) as NIfTI."""
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return path


def write_metaimage(
    path: Path, voxels: np.ndarray, *, spacing=None, directions=None, origin=None, **options
):
    """Writes voxels (X, Y, Z) or (X, Y) with ITK; directions are the columns of a matrix, LPS."""
    image = itk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    if spacing is not None:
        image.SetSpacing(spacing)
    if directions is not None:
        image.SetDirection(np.ravel(directions).tolist())
    if origin is not None:
        image.SetOrigin(origin)
    itk.WriteImage(image, str(path), **options)
    return path
