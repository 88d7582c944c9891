"""Axes of what a point lies in."""

import numpy as np
import pytest

from casgan_jax.errors import UserError
from casgan_jax.soft_mask.click import axes_from_click
from casgan_jax.soft_mask.recist import axis_lengths, centre
from tests.faults import fault_of
from tests.labelling.lesions import picture
from tests.shared_data import shared_data


@pytest.mark.parametrize("radius", [3, 8, 14])
@pytest.mark.parametrize("point", [(80.0, 80.0), (81.5, 79.0)])
def test_a_disc_has_its_diameter_and_centre(radius, point):
    found = axes_from_click(picture(radius, (80, 80)) / np.float32(255), point)
    assert axis_lengths(found) == pytest.approx((2 * radius, 2 * radius), abs=2.0)
    assert centre(found) == pytest.approx((80, 80), abs=1.0)


def test_a_dark_object_is_found_too_and_one_at_the_border():
    image = 1 - picture(8, (10, 80)) / np.float32(255)
    assert axis_lengths(axes_from_click(image, (9.0, 80.0)))[0] == pytest.approx(16, abs=2.5)


def test_where_nothing_has_a_border_one_line_says_so():
    error = fault_of(axes_from_click, np.full((64, 64), 0.5, np.float32), (30.0, 30.0))
    assert error.what == "point"


def test_a_point_must_lie_in_the_image():
    error = fault_of(
        axes_from_click, np.zeros((64, 64), np.float32), (64.0, 3.0), told_remedy=False
    )
    assert error.what == "point"


@pytest.mark.slow
def test_of_real_nodules_most_are_found():
    found = np.load(shared_data("lidc", "lidc_slices_dev.npz"))
    masks = np.unpackbits(found["masks_packed"][:2000:80], axis=2).reshape(-1, 4, 128, 128)
    near = []
    for image, readers in zip(found["images"][:2000:80], masks, strict=True):
        rows, columns = np.nonzero(readers.mean(axis=0) >= 0.5)
        if not len(rows):
            continue
        point = (float(columns.mean()), float(rows.mean()))
        try:
            axes = axes_from_click(image / np.float32(255), point)
        except UserError:
            near.append(False)
            continue
        size = 2 * np.sqrt(len(rows) / np.pi)
        near.append(0.6 < np.sqrt(np.prod(axis_lengths(axes))) / size < 1.6)
    assert np.mean(near) > 0.6
