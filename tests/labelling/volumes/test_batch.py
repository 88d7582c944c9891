"""Lesions labelled as volumes into a folder: files where the image lies, table, objects."""

import csv
import dataclasses

import cv2
import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as itk

from casgan_jax.annotations import Annotations, Failure
from casgan_jax.images.scan import open_stack
from casgan_jax.labelling.volumes.batch import (
    VolumeBatchOptions,
    forget_other_volumes,
    label_volume_lesions,
    label_volumes,
)
from casgan_jax.labelling.volumes.labelled import VolumeOptions
from casgan_jax.labelling.volumes.lesion import volume_lesions
from casgan_jax.report.sheet import BLUE, ORANGE
from casgan_jax.soft_mask.volume_marks import Correction
from tests.dicom import images
from tests.faults import fault_of
from tests.labelling.volumes import balls

pytestmark = pytest.mark.slow

ALL = VolumeBatchOptions(formats=("nifti", "nrrd", "mha", "dicom", "rtstruct"))


def label(annotations, folder, options=ALL, *, failures=(), **arguments):
    found = Annotations(tuple(annotations), failures)
    return label_volumes(found, folder, options, **{"progress": False} | arguments)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(folder of the output, its rows, the annotations) of two lesions and one that fails."""
    folder = tmp_path_factory.mktemp("batch")
    series = balls.write_series(folder / "series")
    marks = [
        balls.marked(series),
        balls.marked(series, 7, key="again", recist=balls.axes(7)),
        balls.marked(series, key="outside", recist=balls.axes(centre=(300, 28))),
    ]
    batch = label(marks, folder / "out", failures=(Failure(4, "line", "no image"),))
    return folder / "out", batch.rows, marks


def test_the_table_has_a_line_for_each_lesion(done):
    folder, rows, _ = done
    with (folder / "volumes.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["key"] for row in table] == ["ball", "again", "outside", "line"]
    assert [row["status"] for row in table] == ["labelled"] * 2 + ["failed"] * 2
    assert "its middle at x = 300.0" in table[2]["reason"] and table[3]["reason"] == "no image"
    one = table[0]
    assert (one["patient"], one["study_date"]) == ("P", "20200304")
    assert (one["series"], one["unit"]) == (f"{images.UID}.2", "HU")
    assert (one["marked_slices"], one["given_slice"]) == ("6", "6")
    assert float(one["given_long_mm"]) == pytest.approx(2 * balls.RADIUS, abs=0.01)
    assert int(one["first_slice"]) < 6 < int(one["last_slice"])
    difference = float(one["volume_mm3"]) - float(one["hard_volume_mm3"])
    assert float(one["volume_difference_mm3"]) == pytest.approx(difference, abs=0.1)
    assert float(one["p5"]) < float(one["mean"]) < float(one["p95"])
    assert rows[2]["status"] == "failed"
    assert not list(folder.glob("volumes/*/outside*"))


def test_volumes_lie_on_the_grid_of_the_series_for_other_programs(done):
    folder, rows, _ = done
    reader = itk.ImageSeriesReader()
    series = folder.parent / "series"
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
    image = reader.Execute()
    arrays = []
    for suffix in (".nii.gz", ".nrrd", ".mha"):
        mask = itk.ReadImage(str(folder / f"volumes/soft_masks/ball{suffix}"))
        assert mask.GetSize() == image.GetSize()
        np.testing.assert_allclose(mask.GetSpacing(), image.GetSpacing(), atol=1e-6)
        np.testing.assert_allclose(mask.GetOrigin(), image.GetOrigin(), atol=1e-4)
        np.testing.assert_allclose(mask.GetDirection(), image.GetDirection(), atol=1e-6)
        arrays.append(itk.GetArrayFromImage(mask))
    for array in arrays[1:]:
        np.testing.assert_array_equal(array, arrays[0])
    sides = np.prod(image.GetSpacing())
    assert arrays[0].sum() * sides == pytest.approx(rows[0]["volume_mm3"], rel=1e-5)
    there = np.flatnonzero(arrays[0].any(axis=(1, 2)))
    assert (there[0], there[-1]) == (rows[0]["first_slice"], rows[0]["last_slice"])


@pytest.mark.parametrize("kind", ["soft", "binary"])
def test_segments_hold_all_slices_where_they_lie(done, kind):
    folder, rows, _ = done
    path = folder / rows[0][f"{kind}_segmentation"]
    segmentation = highdicom.seg.segread(path)
    mask = itk.GetArrayFromImage(itk.ReadImage(str(folder / rows[0]["soft_mask"])))
    number = rows[0]["segment"]
    frames = {}
    for k, item in enumerate(segmentation.PerFrameFunctionalGroupsSequence):
        identity = item.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        z = float(item.PlanePositionSequence[0].ImagePositionPatient[2])
        if identity == number:
            frames[round((z - balls.ORIGIN[2]) / balls.STEP)] = k
    assert segmentation.SegmentSequence[number - 1].SegmentLabel == "ball"
    wanted = mask if kind == "soft" else (mask >= rows[0]["threshold"]).astype(float)
    pixels = segmentation.pixel_array / (255 if kind == "soft" else 1)
    for index, plane in enumerate(wanted):
        if not plane.any():
            assert index not in frames
            continue
        np.testing.assert_allclose(pixels[frames[index]], plane, atol=1 / 510)


def test_the_report_has_volume_and_the_longest_diameter_on_its_slice(done):
    folder, rows, _ = done
    report = highdicom.sr.srread(folder / rows[0]["report"])
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 2
    own = groups[rows[0]["segment"] - 1]
    assert own.tracking_identifier == "ball"
    found = {one.name.meaning: (one.value, one.unit.value) for one in own.get_measurements()}
    assert found["Volume"] == (pytest.approx(rows[0]["volume_mm3"], abs=1e-5), "mm3")
    assert found["Long Axis"] == (pytest.approx(rows[0]["long_mm"], abs=1e-5), "mm")
    assert found["Attenuation Coefficient"][0] == pytest.approx(rows[0]["mean"], abs=1e-5)
    drawn = [
        item
        for item in pydicom.dcmread(folder / rows[0]["report"]).iterall()
        if item.keyword == "ReferencedSOPInstanceUID"
    ]
    assert f"{images.UID}.5.{rows[0]['long_slice']}" in {str(item.value) for item in drawn}


def test_what_was_written_is_read_again_as_marks_of_one_lesion(done, tmp_path):
    """The SEG of all slices is a mask for a volume, and the axes of the SR are marks on it."""
    folder, rows, _ = done
    series = folder.parent / "series"
    mark = balls.marked(
        series, None, recist=None, mask=folder / rows[0]["binary_segmentation"], segment="ball"
    )
    (row,) = label([mark], tmp_path / "out", VolumeBatchOptions()).rows
    count = rows[0]["last_slice"] - rows[0]["first_slice"] + 1
    assert len(row["marked_slices"].split(",")) >= count - 2
    assert row["volume_mm3"] == pytest.approx(rows[0]["volume_mm3"], rel=0.3)


def test_contours_lie_on_every_slice_at_the_threshold(done):
    folder, rows, _ = done
    structures = pydicom.dcmread(folder / rows[0]["contours"])
    names = [one.ROIName for one in structures.StructureSetROISequence]
    contours = structures.ROIContourSequence[names.index("ball")].ContourSequence
    mask = itk.GetArrayFromImage(itk.ReadImage(str(folder / rows[0]["soft_mask"])))
    heights = {
        round((float(one.ContourData[2]) - balls.ORIGIN[2]) / balls.STEP) for one in contours
    }
    assert heights == set(np.flatnonzero((mask >= rows[0]["threshold"]).any(axis=(1, 2))))


def test_the_sheet_shows_every_slice_and_those_beside_the_lesion(done):
    folder, rows, _ = done
    picture = cv2.imread(str(folder / rows[0]["sheet"])).astype(int)
    count = rows[0]["last_slice"] - rows[0]["first_slice"] + 1
    assert picture.shape[1] == 6 * 196 + 4
    assert picture.shape[0] == pytest.approx((196 + 16) * -(-(count + 2) // 6), abs=16)
    blue, orange = (np.abs(picture - colour[::-1]).max(axis=2) < 60 for colour in (BLUE, ORANGE))
    assert orange.sum() > 50 * count
    assert blue.any()


def test_the_same_again_does_only_what_is_missing(done):
    folder, rows, marks = done
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*.*") if path.is_file()}
    batch = label(marks, folder)
    assert batch.kept == 2
    changed = {path.name for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert changed <= {"volumes.csv", "volumes.html", ".lock"}
    assert batch.rows == [*rows[:3]]
    (folder / rows[0]["sheet"]).unlink()
    batch = label(marks, folder, failures=(Failure(4, "line", "no image"),))
    assert batch.kept == 1 and (folder / rows[0]["sheet"]).is_file()


def test_objects_of_images_that_are_no_dicom_are_told(tmp_path):
    image = balls.write_nifti(tmp_path / "a.nii.gz")
    (row,) = label([balls.marked(image)], tmp_path / "out").rows
    assert "an image that is no DICOM file" in row["reason"]


def test_a_series_that_cannot_be_written_leaves_nothing_of_its_lesions(tmp_path):
    series = balls.write_series(tmp_path / "series")
    folder = tmp_path / "out"
    blocked = folder / "volumes" / "dicom"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder is to be")
    (row,) = label([balls.marked(series)], folder).rows
    assert row["status"] == "failed" and "a folder that can be made" in row["reason"]
    assert not {"soft_mask", "sheet", "volume_mm3", "long_mm"} & row.keys()
    left = [path.name for path in folder.glob("volumes/*/*")]
    assert not left
    blocked.unlink()
    (row,) = label([balls.marked(series)], folder).rows
    assert row["status"] == "labelled" and (folder / row["soft_mask"]).is_file()


def test_images_that_are_no_dicom_are_labelled_without_objects(tmp_path):
    image = balls.write_nifti(tmp_path / "a.nii.gz")
    (row,) = label([balls.marked(image)], tmp_path / "out", VolumeBatchOptions()).rows
    assert row["status"] == "labelled" and "series" not in row
    stack = open_stack(tmp_path / "out" / row["soft_mask"])
    assert stack.count == 13


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (VolumeBatchOptions(formats=("png",)), "format"),
        (VolumeBatchOptions(formats=()), "format"),
        (VolumeBatchOptions(label=VolumeOptions(threshold=2)), "threshold"),
    ],
)
def test_wrong_options_are_told(tmp_path, options, what):
    assert fault_of(label, [], tmp_path, options, told_remedy=False).what == what


def test_corrections_are_told_and_make_the_label_again(done, tmp_path):
    _, _, marks = done
    (one,) = volume_lesions(marks[:1])
    cut = dataclasses.replace(one, corrections=(Correction(8, absent=True),))
    first = label_volume_lesions([one], tmp_path / "out", VolumeBatchOptions(), progress=False)
    second = label_volume_lesions([cut], tmp_path / "out", VolumeBatchOptions(), progress=False)
    assert second.kept == 0 and "corrected_slices" not in first.rows[0]
    (row,) = second.rows
    assert (row["corrected_slices"], row["last_slice"], row["ended_above"]) == ("8", 7, "marked")


def test_volumes_that_are_not_named_are_forgotten(done, tmp_path):
    _, _, marks = done
    label(marks[:2], tmp_path / "out")
    forget_other_volumes(tmp_path / "out", ["again"])
    names = {path.name.partition(".")[0] for path in tmp_path.glob("out/volumes/soft_masks/*")}
    assert names == {"again"}
    (tmp_path / "out" / "labels.csv").write_text("key\n")
    forget_other_volumes(tmp_path / "out", [])
    left = {path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")}
    assert left == {"labels.csv"}
