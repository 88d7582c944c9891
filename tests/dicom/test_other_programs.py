"""Objects made of real CT slices, read by dcmqi, DCMTK, dicom3tools and SimpleITK."""

import json
import re

import numpy as np
import pydicom
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.images.geometry import RAS_TO_LPS
from casgan_jax.images.scan import read_scan
from casgan_jax.labelling.batch import BatchOptions, label_batch
from casgan_jax.labelling.label import LabelOptions
from casgan_jax.labelling.marks import read_mask
from tests.images.scans import itk, write_volume
from tests.programs import output_of, program
from tests.shared_data import shared_data

pytestmark = pytest.mark.slow

FORMATS = ("png", "nrrd", "mha", "dicom", "rtstruct")
CHEST = {  # the descending aorta of each, by RECIST axes
    "19001231-076.dcm": "251,303,279,303,265,290,265,316",
    "19010112-135.dcm": "265,278,301,278,283,261,283,295",
}
KINDS = ("soft", "binary", "report", "contours")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """(folder, rows) of real lesions: a tip of a liver by its SEG on three slices, two aortas."""
    dcmqi, chest = shared_data("dicom", "dcmqi"), shared_data("dicom", "chest")
    folder = tmp_path_factory.mktemp("real")
    lines = [f"liver-{k},{dcmqi},{k},{_tip_of_liver(dcmqi, k, folder)}," for k in range(3)]
    lines += [f'{name[:-4]},{chest / name},,,"{axes}"' for name, axes in CHEST.items()]
    rows = "".join(f'{line},"-160,240"\n' for line in lines)
    (folder / "t.csv").write_text(f"key,image,slice,mask,recist,window\n{rows}")
    options = BatchOptions(formats=FORMATS, label=LabelOptions(scale=1))
    batch = label_batch(
        read_annotations(folder / "t.csv"), folder / "out", options, workers=0, progress=False
    )
    assert [row["status"] for row in batch.rows] == ["labelled"] * 5, batch.rows
    return folder / "out", batch.rows


def _tip_of_liver(dcmqi, index, folder):
    """A mask of the lowest rows of what the SEG marks on a slice: all of it takes minutes."""
    scan = read_scan(dcmqi, slice_index=index)
    mask = read_mask(dcmqi / "liver_seg.dcm", scan, slice_index=None, segment="1").mask
    rows = np.flatnonzero(mask.any(axis=1))
    mask[: rows[-1] - 24] = False
    write_volume(folder / f"{index}.nii", mask.T[..., None].astype(np.uint8), _affine(scan))
    return folder / f"{index}.nii"


def _affine(scan):
    return RAS_TO_LPS @ scan.geometry.affine


@pytest.fixture(scope="module")
def converted(labelled, tmp_path_factory):
    """{(kind, key): (ITK image, metadata of the segment)} by dcmqi's segimage2itkimage."""
    program("segimage2itkimage")
    folder, rows = labelled
    found = {}
    for kind in ("soft", "binary"):
        for name in {row[f"{kind}_segmentation"] for row in rows}:
            to = tmp_path_factory.mktemp(kind)
            output_of(
                "segimage2itkimage",
                *("--inputDICOM", folder / name, "--outputDirectory", to),
                *("--outputType", "nrrd", "--prefix", "s"),
            )
            (meta,) = to.glob("*meta.json")
            for group in json.loads(meta.read_text())["segmentAttributes"]:
                (segment,) = group
                image = itk.ReadImage(str(to / f"s-{segment['labelID']}.nrrd"))
                found[kind, segment["SegmentLabel"]] = image, segment
    return found


def source_of(row):
    """The tags of the image of a lesion."""
    number = int(row.get("slice", 0))
    folder = shared_data("dicom")
    name = f"dcmqi/ct_0{3 - number}.dcm" if "slice" in row else f"chest/{row['key']}.dcm"
    return pydicom.dcmread(folder / name, stop_before_pixels=True)


def test_dcmqi_finds_every_mask_where_its_image_lies(labelled, converted):
    folder, rows = labelled
    for row in rows:
        source = source_of(row)
        png = read_scan(folder / row["soft_mask"]).values
        for kind in ("soft", "binary"):
            image, segment = converted[kind, row["key"]]
            corner = [float(x) for x in source.ImagePositionPatient]
            column, line, index = image.TransformPhysicalPointToIndex(corner)
            back = image.TransformIndexToPhysicalPoint((column, line, index))
            np.testing.assert_allclose(back, corner, atol=1e-3)
            spacing = [*source.PixelSpacing[::-1]]
            np.testing.assert_allclose(image.GetSpacing()[:2], spacing, atol=1e-6)
            voxels = itk.GetArrayFromImage(image).astype(int)
            assert (column, line) == (0, 0)
            # Of a BINARY segment dcmqi gives its label, of a FRACTIONAL one what is stored.
            expected = png if kind == "soft" else segment["labelID"] * (png >= 128)
            assert np.abs(voxels[index] - expected).max() <= (kind == "soft")
            assert not np.delete(voxels, index, axis=0).any()
            assert segment["SegmentedPropertyTypeCodeSequence"]["CodeMeaning"] == "Lesion"


def test_dcmqi_reads_the_axes_to_a_hundredth_of_a_millimetre(labelled, tmp_path):
    folder, rows = labelled
    by_key = {row["key"]: row for row in rows}
    seen = set()
    for name in {row["report"] for row in rows}:
        to = tmp_path / "r.json"
        output_of("tid1500reader", "--inputDICOM", folder / name, "--outputMetadata", to)
        for group in json.loads(to.read_text())["Measurements"]:
            row = by_key[group["TrackingIdentifier"]]
            values = {
                item["quantity"]["CodeMeaning"]: float(item["value"])
                for item in group["measurementItems"]
            }
            assert values["Long Axis"] == pytest.approx(row["long_mm"], abs=0.01)
            assert values["Short Axis"] == pytest.approx(row["short_mm"], abs=0.01)
            if "ReferencedSegment" not in group:  # the group of the axes alone
                continue
            assert values["Area"] == pytest.approx(row["area_mm2"], abs=0.01)
            algorithm = group["measurementAlgorithmIdentification"]
            assert algorithm["AlgorithmName"] == f"casgan_jax, {row['strategy']}"
            seen.add(row["key"])
    assert seen == by_key.keys()


def test_dcmtk_reads_the_report_as_the_template_has_it(labelled):
    folder, rows = labelled
    for name in {row["report"] for row in rows}:
        text = output_of("dsrdump", "+Pc", "+Pl", folder / name)
        assert text.count('(125007,DCM,"Measurement Group")') % 2 == 0
        lengths = re.findall(r'"Long Axis"\)="([\d.]+)"', text)
        expected = [row["long_mm"] for row in rows if row["report"] == name for _ in range(2)]
        assert sorted(map(float, lengths)) == pytest.approx(sorted(expected), abs=0.01)


def test_dcmtk_finds_the_same_patient_study_and_place_in_all(labelled):
    folder, rows = labelled
    columns = ("soft_segmentation", "binary_segmentation", "report", "contours")
    tags = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID")
    for row in rows:
        source = source_of(row)
        for column in columns:
            more = () if column == "report" else ("FrameOfReferenceUID",)
            for tag in (*tags, *more):
                text = output_of("dcmdump", "+P", tag, folder / row[column])
                value = str(source.get(tag, "") or "")
                assert f"[{value}]" in text or (not value and "no value" in text), (column, text)


@pytest.mark.parametrize("kind", KINDS)
def test_dicom3tools_finds_no_error(labelled, kind):
    program("dciodvfy")
    folder, rows = labelled
    for row in rows:
        name = (folder / row["report"]).with_name(f"{kind}.dcm")
        text = output_of("dciodvfy", name)
        assert not [line for line in text.splitlines() if line.startswith("Error")], text


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_simpleitk_reads_volumes_where_the_image_lies(labelled, suffix):
    folder, rows = labelled
    for row in rows:
        source = source_of(row)
        found = itk.ReadImage(str((folder / row["soft_mask"]).with_suffix(suffix)))
        np.testing.assert_allclose(found.GetOrigin(), source.ImagePositionPatient, atol=1e-6)
        np.testing.assert_allclose(found.GetSpacing()[:2], source.PixelSpacing[::-1], atol=1e-6)
        png = read_scan(folder / row["soft_mask"]).values
        soft = itk.GetArrayFromImage(found)[0]
        assert np.abs(soft - png / 255).max() <= 1 / 510 + 1e-6


def test_simpleitk_reads_the_stored_values_of_the_soft_segmentation(labelled):
    folder, rows = labelled
    for row in rows:
        found = itk.ReadImage(str(folder / row["soft_segmentation"]))
        frame = itk.GetArrayFromImage(found)[int(row["segment"]) - 1]
        png = read_scan(folder / row["soft_mask"]).values
        assert np.abs(frame.astype(int) - png).max() <= 1
