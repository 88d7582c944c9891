"""The study can be labelled: its slices are one series in HU, and the axes lie on them."""

import numpy as np
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.dicom.identity import read_source
from casgan_jax.images.series import find_series
from casgan_jax.labelling.lesion import read_lesion
from datasets.phantom.builder import Source, make_record
from datasets.phantom.dicom_study import write_study

pytestmark = pytest.mark.slow


def test_slices_are_one_series_with_a_lesion_each(tmp_path):
    table = write_study(tmp_path, 3, seed=0)
    found = read_annotations(table)
    assert len(found.annotations) == 3 and not found.failures
    (series,) = find_series(tmp_path / "ct")
    assert [path.name for path in series.files] == ["0.dcm", "1.dcm", "2.dcm"] and not series.notes
    lesion, record = read_lesion(found.annotations[0]), make_record(Source(0, 0))
    np.testing.assert_array_equal(lesion.values, record["image"].clip(-1024))
    np.testing.assert_allclose(lesion.recist, record["recist"], atol=0.006)
    assert lesion.unit == "HU"
    assert read_source(lesion.file, lesion.frame).PatientName == "Phantom^Nobody"
