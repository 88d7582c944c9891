"""The example can be labelled: every line of its table is good and its marks fit the image."""

import numpy as np
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.labelling.lesion import read_lesion
from datasets.phantom.builder import Source, make_record
from datasets.phantom.marked_images import write_example

pytestmark = pytest.mark.slow


def test_lines_are_lesions_with_marks_of_every_kind(tmp_path):
    found = read_annotations(write_example(tmp_path, 3, seed=0))
    assert not found.failures
    recist, readers, mask = (read_lesion(one) for one in found.annotations)
    record = make_record(Source(0, 0))
    np.testing.assert_array_equal(recist.values, record["image"])
    assert recist.unit == "HU" and recist.spacing_mm[0] == pytest.approx(record["spacing_mm"])
    np.testing.assert_allclose(recist.recist, record["recist"], atol=0.006)
    assert readers.masks.shape[2] == 4 and mask.masks.shape[2] == 1
