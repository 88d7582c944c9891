"""One lesion labelled as a volume: what is read, and what of it is told."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.annotations import Group
from casgan_jax.grid import Box
from casgan_jax.images import write_png
from casgan_jax.images.series import find_series
from casgan_jax.labelling.volumes.label import label_lesion_volume
from casgan_jax.labelling.volumes.labelled import VolumeOptions
from casgan_jax.labelling.volumes.lesion import volume_lesions
from casgan_jax.soft_mask.proposal import proposed
from casgan_jax.soft_mask.strokes import Stroke
from casgan_jax.soft_mask.volume_marks import Correction
from tests.faults import fault_of
from tests.images.scans import write_volume
from tests.labelling.volumes import balls

pytestmark = pytest.mark.slow

OPTIONS = VolumeOptions()


def lesion(image, number=balls.MIDDLE, **fields):
    (found,) = volume_lesions([balls.marked(image, number, **fields)])
    return found


def labelled(image, number=balls.MIDDLE, **fields):
    return label_lesion_volume(lesion(image, number, **fields), OPTIONS)


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return balls.write_series(tmp_path_factory.mktemp("label") / "series")


@pytest.fixture(scope="module")
def ball(series):
    return labelled(series)


def test_a_balls_volume_and_place(ball):
    assert ball.measures.volume_mm3 == pytest.approx(balls.VOLUME, rel=0.15)
    assert ball.measures.diameters.long_mm == pytest.approx(2 * balls.RADIUS, abs=1)
    assert ball.first + ball.measures.diameters.slice in (5, 6, 7)
    x, y, z = balls.ORIGIN
    across, down = balls.CENTRE[0] * balls.SPACING[1], balls.CENTRE[1] * balls.SPACING[0]
    centre = [x + across, y + down, z + balls.MIDDLE * balls.STEP]
    np.testing.assert_allclose(ball.centre_mm, centre, atol=0.7)
    assert (ball.unit, ball.patient, ball.marked) == ("HU", "P", (6,))
    assert ball.given.long_mm == pytest.approx(2 * balls.RADIUS, abs=0.01)
    assert len(ball.sources) == len(ball.alpha)
    assert ball.sources[0][0].name == f"{ball.first}.dcm"
    assert ball.alpha[0].any() and ball.alpha[-1].any() and not ball.notes


def test_a_nifti_volume_gives_the_same(ball, tmp_path):
    found = labelled(balls.write_nifti(tmp_path / "a.nii.gz"), window=(-1000, 400))
    np.testing.assert_allclose(found.alpha, ball.alpha, atol=1 / 255)
    np.testing.assert_allclose(found.centre_mm, ball.centre_mm, atol=1e-3)
    assert found.first == ball.first and not found.sources


def test_only_slices_about_the_lesion_are_read(tmp_path, monkeypatch):
    folder = balls.write_series(tmp_path / "series", 60, middle=30)
    one = lesion(folder, 30, recist=balls.axes())
    read, seen = one.slices.stack.read, []

    def counted(index):
        seen.append(index)
        return read(index)

    object.__setattr__(one.slices.stack, "read", counted)
    found = label_lesion_volume(one, OPTIONS)
    assert 0 < len(set(seen)) < 25
    assert found.first + len(found.alpha) < 36


def test_marks_of_two_slices_are_one_volume(series, ball):
    group = Group("a", "ball")
    marks = [balls.marked(series, k, recist=balls.axes(k), group=group) for k in (5, 7)]
    (one,) = volume_lesions(marks)
    found = label_lesion_volume(one, OPTIONS)
    assert found.marked == (5, 7)
    assert found.measures.volume_mm3 == pytest.approx(ball.measures.volume_mm3, rel=0.1)


def test_a_lesion_that_ends_with_the_images_says_so(tmp_path):
    folder = balls.write_series(tmp_path / "series", 8)  # the ball reaches beyond slice 7
    found = labelled(folder)
    assert found.notes == ("the lesion reaches the last slice, and may go on beyond it",)
    assert found.ended[1] == "edge"


def test_two_slices_are_a_volume_and_one_is_none(tmp_path):
    folder = balls.write_series(tmp_path / "two", 8, skip=range(6))
    found = labelled(folder, 0, recist=balls.axes())
    assert len(found.alpha) == 2 and len(found.notes) == 2
    alone = balls.write_series(tmp_path / "one", 7, skip=range(6))
    error = fault_of(label_lesion_volume, lesion(alone, None), OPTIONS)
    assert error.what.endswith("/one") and error.found == "1 slice"


def test_a_missing_slice_matters_where_the_lesion_is(tmp_path):
    far = balls.write_series(tmp_path / "far", 24, skip=(20,))
    assert labelled(far).run.count == 20
    near = balls.write_series(tmp_path / "near", 13, skip=(8,))
    error = fault_of(label_lesion_volume, lesion(near), OPTIONS)
    assert (
        error.what.endswith("/near")
        and "2.5 between" in error.found
        and "7.dcm" in error.found
        and "9.dcm" in error.found
    )


def test_doubled_slices_are_refused(tmp_path):
    folder = balls.write_series(tmp_path / "doubled", 13)
    (folder / "again.dcm").write_bytes((folder / "6.dcm").read_bytes())
    assert find_series(folder)[0].fault is not None
    assert fault_of(label_lesion_volume, lesion(folder), OPTIONS).what.endswith("/again.dcm")


@pytest.mark.parametrize("degrees", [-20, 8.5, 25])
def test_a_tilted_gantry_measures_as_a_straight_one(tmp_path, ball, degrees):
    shift = balls.STEP * np.tan(np.radians(degrees))  # mm of each slice against the one before
    found = labelled(balls.write_series(tmp_path / "tilted", 13, shift=shift))
    assert found.spacing_mm == pytest.approx((balls.STEP, *balls.SPACING))
    assert found.measures.volume_mm3 == pytest.approx(balls.SOFT_VOLUME, rel=0.03)
    assert found.measures.volume_mm3 == pytest.approx(ball.measures.volume_mm3, rel=0.02)
    assert found.measures.surface_mm2 == pytest.approx(ball.measures.surface_mm2, rel=0.04)
    np.testing.assert_allclose(found.centre_mm, ball.centre_mm + [0, 6 * shift, 0], atol=0.1)
    assert len(found.alpha) == len(ball.alpha)
    corners = [place.origin for place in lesion(tmp_path / "tilted").slices.places]
    grid = found.geometry
    np.testing.assert_allclose(grid.affine[:3, 3], corners[found.first], atol=1e-6)


def test_a_mark_outside_of_the_image_is_told(series):
    outside = balls.axes(centre=(300, 28))
    error = fault_of(label_lesion_volume, lesion(series, recist=outside), OPTIONS)
    assert error.what == "recist" and "300.0" in error.found


def test_nan_in_the_lesion_is_told_and_does_no_harm_elsewhere(tmp_path):
    voxels = np.stack([balls.values(k) for k in range(13)], axis=-1).transpose(1, 0, 2)
    affine = np.diag([-balls.SPACING[1], -balls.SPACING[0], balls.STEP, 1.0])
    hu = voxels.astype(np.float32)
    hu[2:5, 2:5] = np.nan
    write_volume(tmp_path / "far.nii", hu, affine)
    assert labelled(tmp_path / "far.nii").measures.volume_mm3 > 0
    hu[28:32, 26:30, 7] = np.nan
    write_volume(tmp_path / "near.nii", hu, affine)
    error = fault_of(label_lesion_volume, lesion(tmp_path / "near.nii"), OPTIONS)
    assert error.what.endswith("/near.nii")


def test_a_mark_that_fills_the_image_is_told(tmp_path):
    folder = balls.write_series(tmp_path / "series", 5, middle=2)
    write_png(tmp_path / "mask.png", np.full((balls.SIDE, balls.SIDE), 255, np.uint8))
    one = lesion(folder, 2, recist=None, mask=tmp_path / "mask.png")
    assert fault_of(label_lesion_volume, one, OPTIONS).what.endswith("/mask.png")


def test_a_lesion_at_the_edge_of_the_image_says_that_it_may_go_on(tmp_path):
    folder = balls.write_series(tmp_path / "series", 5, radius=26, middle=2)
    found = labelled(folder, 2, recist=balls.axes(radius=26))
    assert found.notes[-1] == "the lesion reaches the edge of the image, and may go on beyond it"
    assert found.ended == ("edge", "edge") and len(found.notes) == 4


def test_another_spacing_than_the_volumes_is_refused(series):
    one = lesion(series, spacing_mm=(1.0, 1.0))
    error = fault_of(label_lesion_volume, one, OPTIONS)
    assert (
        error.what.endswith("/series")
        and "spacing_mm" in error.found
        and "1.0" in error.found
        and "0.7" in error.found
        and "0.8" in error.found
    )


def test_two_marks_on_one_slice_are_refused(series):
    group = Group("a", "ball")
    (one,) = volume_lesions([balls.marked(series, key=key, group=group) for key in ("a", "b")])
    error = fault_of(label_lesion_volume, one, OPTIONS)
    assert error.what == "ball" and "2 marks" in error.found


def test_strokes_on_the_mark_and_on_other_slices_are_kept_to(series, ball):
    x, y = balls.CENTRE
    stroke = Stroke("background", 2.0, ((x + 8.0, float(y)),))
    one = lesion(series, strokes=(stroke,))
    one = dataclasses.replace(
        one, corrections=(Correction(8, (stroke,)), Correction(3, absent=True), Correction(0))
    )
    found = label_lesion_volume(one, OPTIONS)
    assert found.first == 4 and found.ended[0] == "marked"
    for number in (6, 8):
        assert found.alpha[number - found.first, y, x + 8] == 0
        assert ball.alpha[number - ball.first, y, x + 8] > 0.5
    for number in (5, 7):  # the slices beside them are not brushed
        assert found.alpha[number - found.first, y, x + 8] > 0.7
    error = fault_of(
        label_lesion_volume,
        dataclasses.replace(one, corrections=(Correction(40, (stroke,)),)),
        OPTIONS,
    )
    assert error.what.endswith("/series")


def test_what_a_network_proposed_of_the_mark_is_the_soft_mask_there(series, ball):
    y, x = np.mgrid[: balls.SIDE, : balls.SIDE]
    alpha = (np.hypot(x - balls.CENTRE[0], y - balls.CENTRE[1]) < 8).astype(np.float32)
    proposal = proposed(alpha, Box.of(alpha.shape), alpha.shape)
    found = labelled(series, proposal=proposal)
    assert found.marked == (6,)
    assert found.measures.volume_mm3 < 0.9 * ball.measures.volume_mm3
