"""Which marks of a record a system is shown where it is measured."""

import functools

import numpy as np

from casgan_jax.evaluation.marks import by_axes, by_click
from casgan_jax.evaluation.prediction import predict_records
from casgan_jax.records.marks import measured_axes
from casgan_jax.records.patches import marked_box
from casgan_jax.soft_mask.mark_planes import mark_planes
from tests.outlined_discs import PATCH, SCALE, BrightIsLesion, record_of


class Marked(BrightIsLesion):
    """A system whose mask is what it is shown of the axes."""

    mark_kinds = ("click", "axes")
    neighbours = 0

    def __call__(self, patches, marks):
        assert marks.shape == (*patches.shape, 2)
        fine = marks[..., 1].repeat(SCALE, axis=1).repeat(SCALE, axis=2)
        return {"super_resolution": fine, "alpha": fine}


def test_a_click_is_the_records_mark():
    record = record_of(mark=np.float32([10, 12]))
    assert by_click(record).recist is None
    np.testing.assert_array_equal(by_click(record).click, [10, 12])


def test_axes_are_the_consensuss_and_depend_on_record_and_seed_alone():
    record, other = record_of(0), record_of(1)
    exact = by_axes(record)
    assert exact.click is None
    np.testing.assert_array_equal(exact.recist, measured_axes(record)[0])
    noisy = by_axes(record, noise=1.0).recist
    np.testing.assert_array_equal(noisy, by_axes(record, noise=1.0).recist)
    assert np.abs(noisy - exact.recist).max() > 0.3
    assert not np.array_equal(noisy, by_axes(record, noise=1.0, seed=1).recist)
    assert not np.array_equal(noisy, by_axes(other, noise=1.0).recist)


def test_a_lesion_that_nobody_outlined_is_shown_by_a_click():
    record = record_of(readers=0)
    np.testing.assert_array_equal(by_axes(record, noise=1.0).click, record["mark"])


def test_a_system_is_shown_the_planes_of_every_record():
    marks = [(15.5, 15.5), (9.0, 20.5), (2.0, 30.0)]  # the last patch would leave the image
    records = [record_of(index, mark=np.float32(mark)) for index, mark in enumerate(marks)]
    show = functools.partial(by_axes, noise=0.5)
    found = list(predict_records(Marked(), records, (0, 255), show=show, batch_size=2))
    for record, item in zip(records, found, strict=True):
        left, top, right, bottom = marked_box(record, PATCH)
        x, y = np.arange(left, right), np.arange(top, bottom)[:, None]
        planes = mark_planes(Marked.mark_kinds, show(record), x, y)
        np.testing.assert_array_equal(item.alpha[::SCALE, ::SCALE], planes[..., 1])
