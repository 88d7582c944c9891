"""The study of phantom volumes: its report is read, and its lesions are labelled as volumes."""

import pytest

from casgan_jax.annotations import Annotations
from casgan_jax.labelling.study import read_study
from casgan_jax.labelling.study_lesions import study_lesions
from casgan_jax.labelling.volumes.batch import VolumeBatchOptions, label_volumes
from datasets.phantom.dicom_study import DISTANCE
from datasets.phantom.dicom_volumes import write_volume_study
from datasets.phantom.volume import make_volume_phantom

pytestmark = pytest.mark.slow


def test_axes_of_the_report_become_volumes(tmp_path):
    write_volume_study(tmp_path / "study", 2, 0)
    study = read_study(tmp_path / "study")
    (series,) = study.series
    assert series.fault is None and not series.notes and series.date == "20260101"
    marks = study_lesions(study).annotations
    assert [one.key for one in marks] == ["lesion-1", "lesion-2"]
    batch = label_volumes(
        Annotations(marks[:1], ()), tmp_path / "out", VolumeBatchOptions(), progress=False
    )
    (row,) = batch.rows
    true = make_volume_phantom(0, 0, DISTANCE).volume_mm3
    assert row["volume_mm3"] == pytest.approx(true, rel=0.4)
    assert row["study_date"] == "20260101"


def test_a_later_study_has_the_same_lesions_smaller(tmp_path):
    write_volume_study(tmp_path / "study", 1, 0, shrunk=0.5)
    (series,) = read_study(tmp_path / "study").series
    assert series.date == "20260401"
    assert series.places[0].spacing[2] == DISTANCE / 2
    (measured,) = study_lesions(read_study(tmp_path / "study")).annotations
    assert measured.key == "lesion-1"
