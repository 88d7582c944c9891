import numpy as np
import pytest

from casgan_jax.grid import Box
from casgan_jax.records.patches import marked_box, marked_patch
from tests.faults import fault_of

FINE = np.arange(128 * 128).reshape(128, 128)
RECORD = {"image": np.zeros((32, 32)), "fine": FINE}


@pytest.mark.parametrize(
    ("mark", "corner"), [((15.5, 15.5), (8, 8)), ((10.0, 20.4), (2, 13)), ((0, 31), (0, 16))]
)
def test_a_patch_is_cut_around_its_mark_and_inside_the_image(mark, corner):
    record = {**RECORD, "mark": np.float32(mark)}
    left, top = corner
    assert marked_box(record, 16) == Box(left, top, left + 16, top + 16)
    fine = FINE[4 * top : 4 * top + 64, 4 * left : 4 * left + 64]
    np.testing.assert_array_equal(marked_patch(record, "fine", 16, scale=4), fine)


@pytest.mark.parametrize("patch", [0, 33])
def test_a_patch_that_does_not_fit_is_refused(patch):
    error = fault_of(marked_box, {**RECORD, "mark": np.float32([3, 3])}, patch)
    assert error.what == "data.patch" and error.found.startswith(f"{patch} for records of 32 x 32")
