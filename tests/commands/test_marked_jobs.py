"""Marks of tables, studies and slices as jobs of prediction."""

import numpy as np
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.commands.marked_jobs import (
    is_lesion_table,
    plan_annotations,
    plan_slices,
    plan_study,
)
from casgan_jax.commands.marked_records import read_marked, records_of
from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.images import read_image
from casgan_jax.inference.jobs import Job
from casgan_jax.inference.run import run_jobs
from casgan_jax.soft_mask.mark_planes import AXES_REACH
from casgan_jax.soft_mask.recist import EXCHANGED
from tests.dicom import reports
from tests.faults import fault_of
from tests.images.scans import write_volume
from tests.inference.test_predict import LUNG, PATCH, BrightIsLesion
from tests.labelling.studies import CENTRE, FRAME, axes_px, pixels, to_patient, write_series

AXES = ",".join(f"{value:g}" for value in axes_px().ravel())
GIVEN = axes_px().ravel()  # the disc is round in mm; its pixels are broad, so that it is taller


class AxesAreLesion(BrightIsLesion):
    """A system whose mask is what lies within the axes that it is shown."""

    mark_kinds = ("click", "axes")

    def __call__(self, patches, marks):
        inside = (marks[..., 1] < 1 / AXES_REACH).astype(np.float32)
        fine = inside.repeat(self.scale, axis=1).repeat(self.scale, axis=2)
        return {"super_resolution": fine, "alpha": fine}


@pytest.fixture
def folder(tmp_path):
    """A series, its NIfTI volume, and a table of lesions on both."""
    write_series(tmp_path / "study", 3)
    voxels = np.stack([pixels(seed=k) - 1024 for k in range(3)], axis=2).transpose(1, 0, 2)
    affine = np.diag([-0.8, -0.5, 2, 1])
    affine[:3, 3] = 20, 30, 0
    write_volume(tmp_path / "v.nii.gz", voxels.astype(np.int16), affine)
    (tmp_path / "lesions.csv").write_text(
        f'key,image,slice,recist\na,study,1,"{AXES}"\nc,v.nii.gz,1,"{AXES}"\nd,v.nii.gz,9,"{AXES}"\n'
    )
    (tmp_path / "marks.csv").write_text("file,x,y\nv.nii.gz,50,40\n")
    return tmp_path


def test_a_table_of_lesions_gives_the_same_mask_of_dicom_and_nifti(folder):
    assert is_lesion_table(folder / "lesions.csv") and not is_lesion_table(folder / "marks.csv")
    planned = plan_annotations(read_annotations(folder / "lesions.csv"))
    assert [(job.name, job.file.name, job.slice_index) for job in planned.jobs] == [
        ("a", "1.2.5-1.dcm", None),
        ("c", "v.nii.gz", 1),
    ]
    assert [job.centre for job in planned.jobs] == [pytest.approx(CENTRE)] * 2
    assert ["found slice_index 9 for 3 slices" in line for line in planned.failures] == [True]
    for job in planned.jobs:
        np.testing.assert_allclose(job.recist, GIVEN, atol=1e-4)
    assert planned.shown_to(("click", "axes")) is planned
    planned = planned.shown_to(("click",))
    assert [job.recist for job in planned.jobs] == [None] * 2
    done = list(run_jobs(BrightIsLesion(LUNG), planned.jobs, folder / "out"))
    assert [outcome.window for outcome in done] == [(-1000, 400)] * 2
    first, second = (read_image(folder / "out" / f"{name}_alpha.npy") for name in ("a", "c"))
    np.testing.assert_array_equal(first, second)
    assert first[40, 50] > 0.5


def test_a_system_that_sees_axes_is_shown_those_of_a_table(folder):
    (job, _) = plan_annotations(read_annotations(folder / "lesions.csv")).jobs
    (done,) = run_jobs(AxesAreLesion(LUNG), [job], folder / "out")
    assert done.as_json()["recist"] == pytest.approx(GIVEN.tolist(), abs=1e-4)
    (by_click,) = run_jobs(BrightIsLesion(LUNG), [job._replace(recist=None)], folder / "click")
    assert not done.job.notes and (done.as_json()["given_long_mm"] == 24)
    assert done.written.area_px > 0 and "recist" not in by_click.as_json()


def test_axes_of_a_table_in_the_other_order_are_exchanged_and_told(folder):
    text = (folder / "lesions.csv").read_text()
    ellipse = axes_px()
    ellipse[2:] = ellipse[2:].mean(axis=0) + (ellipse[2:] - ellipse[2:].mean(axis=0)) * 0.5
    swapped = ",".join(f"{value:g}" for value in ellipse[[2, 3, 0, 1]].ravel())
    (folder / "lesions.csv").write_text(text.replace(AXES, swapped, 1))
    first, second = plan_annotations(read_annotations(folder / "lesions.csv")).jobs
    assert (first.notes, second.notes) == ((EXCHANGED,), ())
    np.testing.assert_allclose(first.recist, ellipse.ravel(), atol=1e-4)
    (done,) = run_jobs(AxesAreLesion(LUNG), [first], folder / "out")
    assert done.job.notes == (EXCHANGED,)


def test_a_study_has_a_job_for_each_measurement(folder):
    ends = axes_px()
    long = reports.length(reports.LONG, 24, reports.coordinates(ends[:2], "1.2.5.3"))
    gone = reports.length(reports.LONG, 24, reports.coordinates(ends[:2], "9.9"))
    reports.write_report(
        folder / "study" / "sr.dcm", reports.group(long, name="one"), reports.group(gone)
    )
    planned = plan_study(folder / "study", None, None, None)
    (job,) = planned.jobs
    assert (job.name, job.file.name) == ("one", "1.2.5-2.dcm")
    assert job.centre == pytest.approx(CENTRE)
    assert ["image 9.9, which is not there" in line for line in planned.failures] == [True]


def test_slices_of_folders_and_volumes(folder):
    write_series(folder / "study", 2, uid="1.2.6")
    job = Job(folder / "study", (50.0, 40.0), "a")
    (found,) = plan_slices([job], "6", 1).jobs
    assert found.file.name == "1.2.6-1.dcm"
    (volume,) = plan_slices([Job(folder / "v.nii.gz", (50.0, 40.0), "a")], None, 2).jobs
    assert volume.slice_index == 2
    error = fault_of(plan_slices, [job], None, 1)
    assert error.what.endswith("/study") and error.found == "2 series"


@pytest.mark.slow
def test_lesions_of_a_study_are_measured_like_records(folder):
    square = to_patient(axes_px(radius=2)[[0, 2, 1, 3]], 2.0)
    reports.write_contours(folder / "study" / "rt.dcm", {"A": [(square, None)]}, frame=FRAME)
    ends = axes_px()
    large = reports.length(reports.LONG, 24, reports.coordinates(ends[:2], "1.2.5.1"))
    reports.write_report(folder / "study" / "sr.dcm", reports.group(large, name="large"))
    found = records_of(read_marked(folder / "study"), BrightIsLesion(LUNG))
    (record,) = found.records
    assert record["image"].dtype == np.int16 and record["image"].shape == (PATCH, PATCH)
    assert ["expected one within 16 x 16" in line for line in found.failures] == [True]
    evaluation = evaluate(BrightIsLesion(LUNG), found.records, found.metadata, progress=False)
    (row,) = evaluation.rows
    assert row["patient"] == "P1" and row["consensus_dice"] > 0
    eight_bit = records_of(read_marked(folder / "study"), BrightIsLesion())
    assert eight_bit.records[0]["image"].dtype == np.uint8
