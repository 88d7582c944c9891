"""Marks of one lesion on several slices, and the volumes that they are on."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.annotations import Axes, Group
from casgan_jax.images import write_png
from casgan_jax.labelling.study import read_study
from casgan_jax.labelling.study_lesions import study_lesions
from casgan_jax.labelling.volumes.lesion import volume_lesions
from tests.dicom import images, reports
from tests.images.scans import write_volume
from tests.labelling.volumes import balls


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return balls.write_series(tmp_path_factory.mktemp("ball") / "series")


def indices(lesion):
    return [index for index, _ in lesion.marks]


def test_marks_of_one_group_are_one_lesion(series):
    first, other = Group("a", "ball"), Group("b", "ball")
    marks = [
        balls.marked(series, 7, key="one", group=first),
        balls.marked(series, 5, key="two", group=first),
        balls.marked(series, 6, key="three", group=other),
        balls.marked(series, 6, key="alone"),
    ]
    found = volume_lesions(marks)
    assert [one.key for one in found] == ["ball_1", "ball_2", "alone"]
    assert list(map(indices, found)) == [[5, 7], [6], [6]]
    assert found[0].slices is found[2].slices
    assert (found[0].slices.uid, found[0].slices.date) == (f"{images.UID}.2", "20200304")


def test_a_file_of_a_series_is_a_slice_of_it(series):
    mark = balls.marked(series / "5.dcm", None)
    (found,) = volume_lesions([mark])
    assert indices(found) == [5] and found.slices.path == series
    assert len(found.slices.places) == 13


def test_axes_in_the_patient_find_their_slice(series):
    affine = np.diag([balls.SPACING[1], balls.SPACING[0], 1.0])
    ends = balls.axes(4).reshape(4, 2)
    points = np.column_stack([ends, np.full(4, 4 * balls.STEP)]) @ affine + balls.ORIGIN
    axes = Axes(points, "lps")
    (found,) = volume_lesions([balls.marked(series, None, recist=None, axes=axes)])
    assert indices(found) == [4]


def test_a_mask_of_a_volume_is_one_lesion_on_all_its_slices(tmp_path):
    image = balls.write_nifti(tmp_path / "a.nii.gz", 9, middle=4)
    mask = np.zeros((balls.SIDE, balls.SIDE, 9), np.uint8)
    mask[25:35, 20:30, 3:6] = 1
    affine = np.diag([-balls.SPACING[1], -balls.SPACING[0], balls.STEP, 1.0])
    affine[:3, 3] = -balls.ORIGIN[0], -balls.ORIGIN[1], balls.ORIGIN[2]
    write_volume(tmp_path / "mask.nii.gz", mask, affine)
    mark = balls.marked(image, None, recist=None, mask=tmp_path / "mask.nii.gz")
    (found,) = volume_lesions([mark])
    assert (found.key, indices(found)) == ("ball", [3, 4, 5])


def test_measurements_of_one_tracking_uid_are_one_lesion(series, tmp_path):
    for path in series.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())

    def group(number, name, uid):
        ends = balls.axes(number).reshape(4, 2)
        image = f"{images.UID}.5.{number}"
        long = reports.length(reports.LONG, None, reports.coordinates(ends[:2], image))
        short = reports.length(reports.SHORT, None, reports.coordinates(ends[2:], image))
        return reports.group(long, short, name=name, uid=uid)

    reports.write_report(
        tmp_path / "report.dcm",
        group(5, "target", "1.2.77"),
        group(7, "target", "1.2.77"),
        group(6, "target", "1.2.78"),
    )
    found = volume_lesions(study_lesions(read_study(tmp_path)).annotations)
    assert [(one.key, indices(one)) for one in found] == [
        ("target_1", [5, 7]),
        ("target_2", [6]),
    ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"slice_index": 13}, "slice_index 13 for 13 slices"),
        ({"slice_index": None}, "13 slices and no slice_index"),
    ],
)
def test_a_lesion_without_a_place_has_a_fault(series, change, line):
    mark = dataclasses.replace(balls.marked(series), **change)
    (found,) = volume_lesions([mark])
    assert line in str(found.fault)


def test_an_image_without_a_place_is_told(tmp_path):
    write_png(tmp_path / "a.png", np.zeros((20, 20), np.uint8))
    (found,) = volume_lesions([balls.marked(tmp_path / "a.png", None)])
    assert "does not say where its slices lie" in str(found.fault)


def test_marks_of_one_group_on_two_volumes_are_refused(series, tmp_path):
    other = balls.write_nifti(tmp_path / "a.nii.gz")
    group = Group("a", "ball")
    (found,) = volume_lesions([balls.marked(series, group=group), balls.marked(other, group=group)])
    assert "marks of one group on" in str(found.fault)
