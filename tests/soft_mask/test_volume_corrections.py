"""What is said of slices is kept to, whatever was found there."""

import numpy as np

from casgan_jax.grid import Box
from casgan_jax.soft_mask.strokes import Stroke
from casgan_jax.soft_mask.trimap import BACKGROUND, LESION, UNKNOWN
from casgan_jax.soft_mask.volume_corrections import Said
from casgan_jax.soft_mask.volume_marks import Correction
from tests.faults import fault_of

BOX = Box(10, 20, 18, 28)
ROW = Correction(3, (Stroke("lesion", 0.5, ((12.0, 24.0), (14.0, 24.0))),))
OFF = Correction(4, (Stroke("background", 0.5, ((12.0, 24.0),)),))
GONE = Correction(6, absent=True)
SAID = Said([ROW, OFF, GONE], BOX)


def test_strokes_count_in_the_part_of_the_slices():
    half = np.full((8, 8), 0.5, np.float32)
    kept = SAID.kept(3, half)
    assert (kept[4, 2:5] == 1).all() and (np.delete(kept, 4, axis=0) == 0.5).all()
    assert SAID.kept(4, half)[4, 2] == 0 and SAID.kept(5, half) is half


def test_trimaps_are_of_certain_pixels_and_rims():
    lesion = np.full((8, 8), LESION, np.uint8)
    off = SAID.trimap(4, lesion)
    assert off[4, 2] == BACKGROUND and off[4, 3] == UNKNOWN and off[0, 7] == LESION
    assert (SAID.trimap(6, lesion) == BACKGROUND).all() and SAID.trimap(5, lesion) is lesion


def test_slices_that_a_lesion_is_in_and_is_not_in():
    assert SAID.shown == {3} and SAID.absent == {6}
    assert list(SAID.before_absent(range(2, 9))) == [2, 3, 4, 5]
    assert SAID.least(range(2, 9)) == 2 and SAID.least(range(4, 9)) == 0
    SAID.check_reached([2, 3])
    assert fault_of(lambda: SAID.check_reached([2])).what == "strokes on slice 3"
