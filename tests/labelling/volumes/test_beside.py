"""The slices beside the one that a mark is on."""

import numpy as np
import pytest

from casgan_jax.images import write_png
from casgan_jax.labelling.volumes.beside import NeighbourReader
from tests.faults import fault_of
from tests.labelling.volumes import balls


def _marked(image, number):
    return balls.marked(image, number, recist=balls.axes())


def heights(annotation, count=1):
    """Which slices of the ball were read, by what they hold."""
    known = {balls.values(k).astype(int).tobytes(): k for k in range(13)}
    return [known[v.astype(int).tobytes()] for v in NeighbourReader(count).read(annotation)]


@pytest.mark.parametrize(("number", "expected"), [(6, [5, 7]), (0, [0, 1]), (12, [11, 12])])
def test_of_a_series_those_before_and_after_its_ends_repeated(tmp_path, number, expected):
    folder = balls.write_series(tmp_path / "ct")
    assert heights(_marked(folder, number)) == expected
    file = _marked(folder / f"{number}.dcm", number)
    assert heights(file) == expected  # with the files beside it


def test_of_a_volume_they_are_the_same(tmp_path):
    path = balls.write_nifti(tmp_path / "ct.nii.gz")
    assert heights(_marked(path, 1), count=2) == [0, 2, 0, 3]


def test_where_a_slice_is_missing_the_last_one_is_repeated(tmp_path):
    folder = balls.write_series(tmp_path / "ct", skip=[7])
    assert heights(_marked(folder, 6)) == [5, 6]


def test_one_image_has_none(tmp_path):
    path = write_png(tmp_path / "one.png", np.zeros((8, 8), np.uint8))
    error = fault_of(NeighbourReader(1).read, _marked(path, 0))
    assert error.what == str(path)
