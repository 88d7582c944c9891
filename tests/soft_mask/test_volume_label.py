"""From marks on one slice to the soft mask of a whole lesion."""

import numpy as np
import pytest

from casgan_jax.soft_mask.recist import measure_axes
from casgan_jax.soft_mask.strokes import Stroke
from casgan_jax.soft_mask.volume_label import label_volume
from casgan_jax.soft_mask.volume_marks import Correction, VolumeMark
from tests.faults import fault_of

pytestmark = pytest.mark.slow

SPACING = (2.0, 1.0, 1.0)
RADIUS = 7.5
MIDDLE = (5, 20, 22)


def ball(shape=(11, 40, 44), middle=MIDDLE, radius=RADIUS):
    """Share of each voxel in a ball, by its distance from the surface."""
    z, y, x = np.ogrid[tuple(slice(side) for side in shape)]
    away = np.sqrt(
        (SPACING[0] * (z - middle[0])) ** 2 + (y - middle[1]) ** 2 + (x - middle[2]) ** 2
    )
    return np.clip(radius + 0.5 - away, 0, 1).astype(np.float32)


def scene(alpha, seed=0):
    noise = 0.02 * np.random.default_rng(seed).normal(size=alpha.shape)
    return np.clip(0.15 + 0.6 * alpha + noise, 0, 1).astype(np.float32)


TRUE = ball()
IMAGE = scene(TRUE)
AXES = measure_axes(TRUE[MIDDLE[0]], 0.5)
MARK = VolumeMark(MIDDLE[0], recist=AXES)


def error(alpha, true=TRUE):
    return float(alpha.sum() / true.sum() - 1)


def dice(alpha, true=TRUE):
    mask, truth = alpha >= 0.5, true >= 0.5
    return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())


def test_the_axes_of_one_slice_find_a_ball_and_its_ends():
    label = label_volume(IMAGE, SPACING, [MARK])
    assert abs(error(label.alpha)) < 0.05 and dice(label.alpha) > 0.93
    assert abs(label.first - 1) <= 1 and abs(label.last - 9) <= 1
    assert label.alpha.dtype == np.float32 and 0 <= label.alpha.min() <= label.alpha.max() <= 1
    assert not label.alpha[: label.first].any() and not label.alpha[label.last + 1 :].any()
    assert set(label.ended) <= {"contrast", "area"}


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
def test_an_end_slice_that_is_filled_in_part_counts_in_part(share):
    y, x = np.mgrid[:40, :44]
    disc = np.clip(8 - np.hypot(y - 20, x - 22), 0, 1)
    alpha = np.stack([0, 0, share, 1, 1, 1, share, 0, 0])[:, None, None] * disc
    true = alpha.astype(np.float32)
    mark = VolumeMark(4, recist=measure_axes(true[4], 0.5))
    label = label_volume(scene(true), (5.0, 0.7, 0.7), [mark])
    assert error(label.alpha, true) == pytest.approx(0, abs=0.03)
    for end in (2, 6):
        assert label.alpha[end].sum() / true[end].sum() == pytest.approx(1, abs=0.06)


def test_source_values_are_windowed_and_dark_lesions_found():
    label = label_volume(np.float32(100) - 200 * IMAGE, SPACING, [MARK], window=(-100, 100))
    assert dice(label.alpha) > 0.93


def test_a_mask_is_a_mark_and_every_mark_is_kept_to():
    marks = [VolumeMark(k, mask=TRUE[k] >= 0.5) for k in (3, 7)]
    label = label_volume(IMAGE, SPACING, marks)
    assert dice(label.alpha) > 0.93 and label.first <= 2 and label.last >= 8
    small = ball(radius=4.0)[5] >= 0.5
    kept = label_volume(IMAGE, SPACING, [VolumeMark(5, mask=small), marks[0]])
    assert (kept.alpha[5] >= 0.5).sum() < 1.4 * small.sum()


def test_a_vessel_is_not_followed():
    true = ball(shape=(25, 40, 44), middle=(12, 20, 22))
    alpha = true.copy()
    alpha[:, 19:22, 21:24] = 1  # straight through all slices
    label = label_volume(scene(alpha), SPACING, [MARK._replace(slice=12)])
    assert label.first >= 6 and label.last <= 18 and abs(error(label.alpha, true)) < 0.1
    assert label.ended == ("area", "area")


def test_a_wall_as_bright_is_not_followed():
    wall = np.zeros_like(TRUE)
    wall[:, :, 27:] = 1
    true = np.where(wall > 0, 0, TRUE)
    mark = VolumeMark(5, recist=measure_axes(true[5], 0.5))
    label = label_volume(scene(np.maximum(TRUE, wall)), SPACING, [mark])
    assert dice(label.alpha, true) > 0.85


def test_a_network_is_asked_in_every_slice():
    asked = []

    def propose(volume, index, recist, window):
        assert window == (0.0, 1.0) and volume.shape == IMAGE.shape
        asked.append(recist)
        return np.clip((volume[index] - 0.15) / 0.6, 0, 1)

    label = label_volume(IMAGE, SPACING, [MARK], propose=propose)
    np.testing.assert_array_equal(asked[0], AXES)
    assert len(asked) >= 8 and dice(label.alpha) > 0.93
    alone = label_volume(IMAGE, SPACING, [MARK], propose=propose, matted=False)
    assert dice(alone.alpha) > 0.9


@pytest.mark.parametrize("slices", [1, 2])
def test_the_series_may_end_before_the_lesion(slices):
    label = label_volume(IMAGE[5 : 5 + slices], SPACING, [VolumeMark(0, recist=AXES)])
    assert label.ended == ("edge", "edge") and (label.first, label.last) == (0, slices - 1)
    assert dice(label.alpha, TRUE[5 : 5 + slices]) > 0.93


def test_a_long_series_costs_what_its_lesion_does():
    volume = np.zeros((1000, 40, 44), np.float32) + np.float32(0.15)
    volume[500:511] = IMAGE
    label = label_volume(volume, SPACING, [VolumeMark(505, recist=AXES)])
    assert 499 <= label.first <= 502 and 508 <= label.last <= 511


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (dict(marks=[]), "marks"),
        (dict(marks=[MARK._replace(slice=11)]), "mark on slice 11"),
        (dict(marks=[MARK._replace(recist=None)]), "mark on slice 5"),
        (dict(marks=[MARK, MARK]), "marks"),
        (dict(marks=[MARK._replace(recist=AXES + 60)]), "mark on slice 5: recist"),
        (dict(spacing_mm=(0.0, 1.0, 1.0)), "spacing_mm"),
        (dict(volume=IMAGE[0]), "volume"),
        (dict(volume=np.where(TRUE > 0.9, np.nan, IMAGE)), "slice 5"),
        (dict(volume=300 * IMAGE), "slice 5"),
        (dict(marks=[VolumeMark(5, mask=np.zeros((40, 44), bool))]), "mark on slice 5"),
        (
            dict(marks=[VolumeMark(5, mask=np.ones((40, 44), bool))]),
            "mark on slice 5",
        ),
    ],
)
def test_bad_input_is_one_line(change, what):
    given = dict(volume=IMAGE, spacing_mm=SPACING, marks=[MARK]) | change
    assert fault_of(label_volume, **given).what == what


def dot(value, number, x=MIDDLE[2], y=MIDDLE[1], radius=2.0):
    """A correction of a slice by a dot of a brush."""
    return Correction(number, (Stroke(value, radius, ((x, y),)),))


def test_a_lesion_ends_before_a_slice_that_is_said_to_be_without_it():
    free = label_volume(IMAGE, SPACING, [MARK])
    label = label_volume(IMAGE, SPACING, [MARK], corrections=[Correction(8, absent=True)])
    assert label.ended == (free.ended[0], "marked") and not label.alpha[8:].any()
    assert label.last == 7 and dice(label.alpha[:7], TRUE[:7]) > 0.93


def test_what_is_brushed_off_a_slice_is_not_in_it_and_its_neighbours_follow():
    free = label_volume(IMAGE, SPACING, [MARK])
    label = label_volume(IMAGE, SPACING, [MARK], corrections=[dot("background", 7, x=26)])
    y, x = np.ogrid[: TRUE.shape[1], : TRUE.shape[2]]
    under = np.hypot(y - MIDDLE[1], x - 26) <= 2
    assert free.alpha[7][under].mean() > 0.5 and not label.alpha[7][under].any()
    assert label.alpha[8].sum() < free.alpha[8].sum()
    np.testing.assert_allclose(label.alpha[:4], free.alpha[:4], atol=0.05)


def test_a_lesion_goes_as_far_as_it_is_brushed():
    image = IMAGE.copy()
    image[7] = image[10]  # a slice without any of it
    short = label_volume(image, SPACING, [MARK])
    assert short.last < 8
    label = label_volume(image, SPACING, [MARK], corrections=[dot("lesion", 8)])
    assert label.last >= 8 and label.alpha[8].sum() > np.pi * 2**2 - 2
    assert label.alpha[8, MIDDLE[1], MIDDLE[2]] == 1


def test_a_slice_without_the_lesion_between_two_marks_leaves_a_gap():
    marks = [MARK._replace(slice=number) for number in (3, 7)]
    label = label_volume(IMAGE, SPACING, marks, corrections=[Correction(5, absent=True)])
    assert not label.alpha[5].any()
    assert label.alpha[4].any() and label.alpha[6].any() and label.first < 3 and label.last > 7


def test_all_marks_are_kept_to_where_slices_between_are_brushed():
    marks = [MARK._replace(slice=number) for number in (4, 7)]
    label = label_volume(IMAGE, SPACING, marks, corrections=[dot("background", 5, x=27)])
    assert label.alpha[5, MIDDLE[1], 27] == 0 and label.alpha[6, MIDDLE[1], 22] > 0.9


@pytest.mark.parametrize(
    "corrections, what",
    [
        (
            [dot("lesion", 9), Correction(8, absent=True)],
            "strokes on slice 9",
        ),
        (
            [Correction(MIDDLE[0], absent=True)],
            "correction of slice 5",
        ),
        (
            [Correction(11, absent=True)],
            "correction of slice 11",
        ),
    ],
)
def test_what_cannot_be_is_refused(corrections, what):
    error = fault_of(lambda: label_volume(IMAGE, SPACING, [MARK], corrections=corrections))
    assert error.what == what
