"""Marks in training: what is drawn, that it moves with the image, and who can render it."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.configs.schema.softgan import Augmentation, DrawnMarks
from casgan_jax.data import training_batches
from casgan_jax.data.drawn_marks import draw_marks
from casgan_jax.training.parallel import Devices
from tests.data.test_pipeline import assert_equal_batches, take
from tests.faults import fault_of

EXACT = DrawnMarks(click=1.0, axes=1.0, noise=0.0, wrong=0.0, reader=0.0)
OFTEN = DrawnMarks(click=0.5, axes=0.7)
MARK = np.array([15.5, 15.5], np.float32)
AXES = np.full((5, 8), np.nan, np.float32)
AXES[0] = [10, 15, 21, 15, 15, 10, 15, 20]
AXES[2] = [9, 15, 22, 15, 15, 9, 15, 21]


def open_stream(data_dir, **changes):
    common = dict(kind="segmentation", patch=16, scale=2, batch_size=4, seed=3, marks=OFTEN)
    return training_batches(data_dir, mesh=Devices().mesh, **(common | changes))


def drawn(count=600, of=AXES, **fields):
    settings = DrawnMarks(**({"click": 0.5, "axes": 0.7} | fields))
    rng = np.random.default_rng(0)
    return [draw_marks(MARK, of, (32, 32), rng, drawn=settings) for _ in range(count)]


def test_each_mark_is_left_out_as_often_as_is_said():
    found = drawn()
    assert np.mean([one.click is not None for one in found]) == pytest.approx(0.5, abs=0.06)
    assert np.mean([one.recist is not None for one in found]) == pytest.approx(0.7, abs=0.06)
    assert all(one.click is None and one.recist is None for one in drawn(20, click=0, axes=0))


def test_axes_are_the_consensuss_or_those_of_a_reader_who_is_there():
    found = [one.recist for one in drawn(reader=0.25, noise=0.0, wrong=0.0)]
    exact = [recist for recist in found if recist is not None]
    of_reader = np.mean([np.array_equal(one, AXES[2]) for one in exact])
    assert of_reader == pytest.approx(0.25, abs=0.06)
    assert all(np.array_equal(one, AXES[0]) or np.array_equal(one, AXES[2]) for one in exact)


def test_a_lesion_without_axes_is_shown_none():
    nothing = np.full((5, 8), np.nan, np.float32)
    assert all(one.recist is None for one in drawn(20, of=nothing))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.6])
@pytest.mark.parametrize("elastic", [0.0, 1.5])
def test_marks_move_with_image_and_target(discs, elastic, share):
    # The axes of a disc enclose it: whatever is drawn, its target is where they are near.
    strong = Augmentation(zoom=0.3, elastic=elastic)
    marks = dataclasses.replace(EXACT, share=share)
    data = open_stream(discs, marks=marks, augmentation=strong, label="consensus")
    for batch in take(data, 5):
        assert batch["marks"].shape == (4, 16, 16, 2) and batch["marks"].dtype == np.float32
        native = batch["target"].reshape(4, 16, 2, 16, 2).mean((2, 4))
        for planes, alpha in zip(batch["marks"], native, strict=True):
            inside, lesion = planes[..., 1] <= 1 / 3, alpha >= 0.5
            assert 2 * (inside & lesion).sum() / (inside.sum() + lesion.sum()) > 0.85
            assert planes[..., 0].min() >= 0 and planes.max() <= 1


@pytest.mark.parametrize("whole", [0.0, 1.0])
def test_a_click_anywhere_lies_in_the_lesion_and_in_the_middle_of_the_patch(discs, whole):
    still = Augmentation(zoom=0.0, shift=0.0, whole_pixels=whole)
    marks = DrawnMarks(click=1.0, noise=0.0, anywhere=1.0)
    data = open_stream(discs, marks=marks, augmentation=still, label="consensus")
    moved = []
    for batch in take(data, 10):
        for planes, target in zip(batch["marks"], batch["target"][..., 0], strict=True):
            nearest = np.unravel_index(planes[..., 0].argmin(), planes.shape[:2])
            assert np.abs(np.subtract(nearest, 7.5)).max() <= 0.5
            middle = target[14:18, 14:18]
            assert middle.max() >= 0.5
            rows, columns = np.nonzero(target >= 0.5)
            moved.append(np.hypot(rows.mean() - 15.5, columns.mean() - 15.5))
    assert np.mean(np.array(moved) > 3) > 0.4


def test_the_share_of_clicks_anywhere_is_drawn(discs):
    still = Augmentation(zoom=0.0, shift=0.0, rotation=0.0, flip=False)
    middle, some = (
        take(
            open_stream(discs, marks=DrawnMarks(click=1.0, anywhere=share), augmentation=still), 25
        )
        for share in (0.0, 0.3)
    )
    same = [
        np.array_equal(a, b)
        for one, other in zip(middle, some, strict=True)
        for a, b in zip(one["target"], other["target"], strict=True)
    ]
    assert np.mean(same) == pytest.approx(0.7, abs=0.12)


def test_lesions_that_are_seen_by_their_axes_lie_alike(discs):
    still = Augmentation(flip=True, rotation=180.0, zoom=0.0, shift=0.0)
    marks = dataclasses.replace(EXACT, share=0.5)
    data = open_stream(discs, marks=marks, augmentation=still, label="consensus")
    for batch in take(data, 4):
        for planes, target in zip(batch["marks"], batch["target"][..., 0], strict=True):
            inside = planes[..., 1] <= 1 / 3
            across = np.flatnonzero(inside.any(axis=0))
            assert np.ptp(across) + 1 == pytest.approx(0.5 * 16, abs=1.01)
            assert abs(across.mean() - 7.5) <= 2  # where the axes cross is the centre
            measured = np.flatnonzero((target >= 0.5).any(axis=0))
            assert np.ptp(measured) + 1 == pytest.approx(0.5 * 32, abs=2.5)


def test_the_click_is_the_records_mark(discs):
    still = Augmentation(flip=False, rotation=0.0, zoom=0.0, shift=0.0)
    (batch,) = take(open_stream(discs, marks=EXACT, augmentation=still), 1)
    expected = np.hypot(*np.meshgrid(np.arange(16) - 7.5, np.arange(16) - 7.5)) / 16
    np.testing.assert_allclose(batch["marks"][..., 0], np.stack(4 * [expected]), atol=1e-6)


def test_only_the_kinds_that_are_seen_are_shown(discs):
    (batch,) = take(open_stream(discs, marks=DrawnMarks(click=1.0)), 1)
    assert batch["marks"].shape == (4, 16, 16, 1)


def test_marks_leave_image_and_target_as_they_are(discs):
    with_marks, without = (take(open_stream(discs, marks=marks), 3) for marks in (OFTEN, None))
    for one, other in zip(with_marks, without, strict=True):
        for name in ("image", "target"):
            np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.slow
def test_marks_depend_on_seed_and_position_alone(discs):
    data = open_stream(discs)
    whole = take(data, 17)
    assert_equal_batches(take(data, 4, start=13), whole[13:])
    assert_equal_batches(take(open_stream(discs, workers=1), 3), whole[:3])
    other = take(open_stream(discs, seed=4), 3)
    assert not any(
        np.array_equal(a["marks"], b["marks"]) for a, b in zip(whole, other, strict=False)
    )


def test_devices_do_not_render_marks(discs):
    error = fault_of(open_stream, discs, cache="device")
    assert error.what == "data.cache" and "device" in error.found
