"""Whole images and marks -> soft masks on the image's grid."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from casgan_jax.configs.schema.softgan import SoftganConfig, SoftganData
from casgan_jax.evaluation.planes import to_native_crop
from casgan_jax.evaluation.prediction import predict_records
from casgan_jax.grid import Box, normalise
from casgan_jax.images import read_image, read_scan, write_npy, write_png, write_tiff
from casgan_jax.images.scan import open_stack
from casgan_jax.inference.jobs import Job, plan_axes
from casgan_jax.inference.levels import EIGHT_BIT, choose_window
from casgan_jax.inference.predict import predict
from casgan_jax.inference.run import run_jobs
from casgan_jax.inference.written import overlay, write_prediction
from casgan_jax.labelling.outlines import draw_outlines, outlines_of
from casgan_jax.soft_mask.recist import EXCHANGED, axis_lengths
from tests.dicom import images
from tests.faults import fault_of
from tests.images.scans import itk
from tests.labelling.volumes import balls

PATCH, SCALE = 16, 4
LUNG = (-1000.0, 400.0)


class BrightIsLesion:
    """A cascade that takes grey level for alpha."""

    patch, scale, threshold, mark_kinds = PATCH, SCALE, 0.5, ()
    axis_share, neighbours = 0.0, 0

    def __init__(self, window=EIGHT_BIT):
        self.config = SoftganConfig(data=SoftganData(window=window, dir="none"))

    def __call__(self, patches):
        fine = patches.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
        return {"super_resolution": fine, "alpha": fine}


def _image(height=40, width=50, centre=(20, 12), radius=4.0) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    lesion = np.hypot(columns - centre[0], rows - centre[1]) <= radius
    return np.where(lesion, 200, 30).astype(np.uint8)


def _predict(image, centre):
    return predict(BrightIsLesion(), image, centre, window=EIGHT_BIT)


def test_alpha_lies_where_the_image_has_it():
    image = _image()
    result = _predict(image, (20, 12))
    assert result.box == Box(12, 4, 28, 20)
    expected = np.zeros(image.shape, np.float32)
    expected[4:20, 12:28] = image[4:20, 12:28] / np.float32(255)
    np.testing.assert_allclose(result.alpha, expected, atol=1e-6)
    assert result.fine_alpha.shape == (PATCH * SCALE, PATCH * SCALE)


@pytest.mark.parametrize("centre", [(0, 0), (49, 39), (49.5, 3.2), (-0.5, 20)])
def test_at_the_border_the_patch_is_moved_inside(centre):
    image = np.random.default_rng(0).integers(1, 255, (40, 50)).astype(np.uint8)
    result = _predict(image, centre)
    patch = result.box.crop(image)  # raises where the box leaves the image
    np.testing.assert_allclose(result.patch, patch / np.float32(255), atol=1e-6)
    assert Box.around(result.alpha) == result.box
    assert (
        abs(np.subtract(result.box.corner, np.subtract(centre, PATCH / 2))).max() <= PATCH / 2 + 0.5
    )


@pytest.mark.parametrize("step", [1.0, 0.5, 0.3])
def test_prediction_and_evaluation_see_the_same_patch(step):
    """Of the same image and mark, wherever the mark is."""
    image = np.random.default_rng(0).integers(1, 255, (24, 24)).astype(np.uint8)
    for x in np.arange(0.0, 23.5, step):
        for y in (x, 9.0, 23.5 - x):
            record = {"image": image, "alpha": image, "mark": np.float32([x, y])}
            (measured,) = predict_records(BrightIsLesion(), [record], EIGHT_BIT)
            result = _predict(image, (x, y))
            np.testing.assert_array_equal(result.patch, measured.patch)
            native = to_native_crop(measured.alpha, SCALE, record)
            np.testing.assert_array_equal(result.alpha, native)


def test_an_image_smaller_than_the_patch_is_continued():
    image = _image(10, 9, centre=(4, 5), radius=2)
    result = _predict(image, (4, 5))
    assert result.box == Box(-4, -2, 12, 14)
    padded = np.pad(image, ((2, 4), (4, 3)), mode="edge")
    np.testing.assert_allclose(result.patch, padded / np.float32(255), atol=1e-6)
    np.testing.assert_allclose(result.alpha, image / np.float32(255), atol=1e-6)


@pytest.mark.parametrize("centre", [(50, 3), (3, 40), (-1, 3)])
def test_a_mark_outside_of_the_image_is_an_error(centre):
    error = fault_of(_predict, _image(), centre)
    assert error.what == "centre" and "39" in error.expected


def test_windows():
    grey, hounsfield = _image(), _image().astype(np.int16) * 5 - 1000
    assert choose_window(grey, trained=EIGHT_BIT, given=None) == EIGHT_BIT
    assert choose_window(hounsfield, trained=LUNG, given=None) == LUNG
    assert choose_window(grey, trained=LUNG, given=(0, 255)) == (0, 255)
    error = fault_of(choose_window, grey, trained=LUNG, given=None)
    assert error.what == "image" and "window=0,255" in error.remedy
    error = fault_of(choose_window, hounsfield, trained=EIGHT_BIT, given=None)
    assert (
        error.what == "image" and "-850 to 0" in error.found and "window=LOW,HIGH" in error.remedy
    )


def test_a_forgotten_offset_is_noticed():
    coded = (_image().astype(np.int32) * 5 - 1000 + 32768).astype(np.uint16)
    error = fault_of(predict, BrightIsLesion(), coded, (20, 12), window=LUNG)
    assert (
        error.what == "window"
        and "1000" in error.found
        and "400" in error.found
        and "hu_offset" in error.remedy
    )


def test_files_written_round_trip(tmp_path):
    image = _image()
    result = _predict(image, (20, 12))
    told = write_prediction(tmp_path, "a", image / 255.0, result, threshold=0.5)
    assert told.pixels_at_threshold == (image == 200).sum()
    assert told.area_px == pytest.approx(result.alpha.sum(), abs=0.01)
    assert not told.cut_off
    assert sorted(told.files) == sorted(str(path) for path in tmp_path.iterdir())
    names = ["a_alpha.npy", "a_alpha.png", "a_alpha_x4.png", "a_mask.png", "a_overlay.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    np.testing.assert_array_equal(read_image(tmp_path / "a_mask.png") == 255, image == 200)
    np.testing.assert_array_equal(read_image(tmp_path / "a_alpha.npy"), result.alpha)
    alpha = read_image(tmp_path / "a_alpha.png")
    np.testing.assert_array_equal(alpha[4:20, 12:28], image[4:20, 12:28])
    assert read_image(tmp_path / "a_alpha_x4.png").shape == (64, 64)


def test_a_lesion_that_reaches_the_patchs_border_is_told(tmp_path):
    image = _image(radius=9.0)
    result = _predict(image, (20, 12))
    told = write_prediction(tmp_path, "a", image / 255.0, result, threshold=0.5)
    assert told.cut_off


def test_axes_are_refused_by_a_system_that_was_trained_without(tmp_path):
    write_png(tmp_path / "a.png", _image())
    axes = np.float32([16, 12, 24, 12, 20, 9, 20, 15])
    jobs = plan_axes([str(tmp_path / "a.png")], [axes])
    (failed,) = run_jobs(BrightIsLesion(), jobs, tmp_path / "out")
    assert "recist: found axes for a system that was trained without" in str(failed.error)


def test_formats_offsets_and_failures(tmp_path):
    """16-bit PNG with an offset, TIFF and NPY in Hounsfield units; failures do not stop them."""
    hounsfield = _image().astype(np.int16) * 5 - 1000
    write_png(tmp_path / "a.png", (hounsfield.astype(np.int32) + 32768).astype(np.uint16))
    write_tiff(tmp_path / "b.tif", hounsfield)
    write_npy(tmp_path / "c.npy", hounsfield.astype(np.float32))
    (tmp_path / "d.png").write_bytes(b"no picture")

    def run(names, **options):
        jobs = [Job(tmp_path / name, (20.0, 12.0), name[0]) for name in names]
        return list(run_jobs(BrightIsLesion(LUNG), jobs, tmp_path / "out", **options))

    (coded,) = run(["a.png"], hu_offset=-32768.0)
    tiff, missing, damaged, npy = run(["b.tif", "z.png", "d.png", "c.npy"])
    assert (
        coded.written.pixels_at_threshold
        == tiff.written.pixels_at_threshold
        == npy.written.pixels_at_threshold
        == (_image() == 200).sum()
    )
    assert tiff.window == LUNG and tiff.written.threshold == 0.5
    assert missing.place == f"{tmp_path / 'z.png'} at 20,12"
    assert "no such file" in str(missing.error)
    assert str(missing.reason).startswith("found no such file, expected an image file")
    assert missing.reason is not missing.error and "z.png" in str(missing.error)
    assert "d.png" in str(damaged.error)
    assert list(coded.as_json()) == [
        *("file", "center", "window", "threshold", "area_px", "pixels_at_threshold", "cut_off"),
        *("files", "certainty", "measured_recist", "long_px", "short_px"),
    ]
    (whole,) = run(["b.tif"], threshold=0.01, window=(-1000.0, 0.0))
    assert whole.written.pixels_at_threshold == PATCH**2 and whole.written.cut_off


class SeesAxes(BrightIsLesion):
    """Marks the inside of the axes that it is shown or, where it is told to, a far corner."""

    mark_kinds, elsewhere = ("click", "axes"), False

    def __call__(self, patches, marks):
        alpha = (marks[..., 1] <= 1 / 3).astype(np.float32)
        if self.elsewhere:
            alpha = np.zeros_like(alpha)
            alpha[:, :4, :4] = 1.0
        return {"alpha": alpha.repeat(SCALE, axis=1).repeat(SCALE, axis=2)}


def test_a_mask_that_has_little_to_do_with_its_axes_is_told(tmp_path):
    write_png(tmp_path / "a.png", _image())
    recist = np.array([15, 12, 25, 12, 20, 8, 20, 16], np.float32)
    job = Job(tmp_path / "a.png", (20.0, 12.0), "a", recist=recist)
    system = SeesAxes(EIGHT_BIT)
    (good,) = run_jobs(system, [job], tmp_path / "out")
    assert good.written.axes_agreement > 0.85 and good.written.warning == ""
    assert good.as_json()["axes_agreement"] == good.written.axes_agreement
    system.elsewhere = True
    (bad,) = run_jobs(system, [job], tmp_path / "out")
    assert bad.written.axes_agreement < 0.2 and "look at it" in bad.written.warning


def test_axes_in_the_other_order_are_exchanged_and_told(tmp_path):
    write_png(tmp_path / "a.png", _image())
    right = np.array([15, 12, 25, 12, 20, 8, 20, 16], np.float32)
    (job,) = plan_axes([str(tmp_path / "a.png")], [np.roll(right, 4)])
    (done,) = run_jobs(SeesAxes(EIGHT_BIT), [job], tmp_path / "out")
    assert done.job.notes == (EXCHANGED,) and done.as_json()["note"] == EXCHANGED
    assert done.as_json()["recist"] == right.tolist()
    (same,) = run_jobs(SeesAxes(EIGHT_BIT), [job._replace(recist=right)], tmp_path / "out")
    assert same.written == done.written and not same.job.notes and "note" not in same.as_json()


def test_sizes_are_told_in_mm_where_the_spacing_is_known(tmp_path):
    file = images.write_slice(tmp_path / "ct.dcm")  # a disc of 18 pixels
    axes = np.array([21, 28, 39, 28, 30, 20, 30, 36], np.float32)
    job = Job(file, (30, 28), "a", recist=axes)
    system = SeesAxes(LUNG)
    (done,) = run_jobs(system, [job], tmp_path / "out", threshold=128 / 255)
    row, column = read_scan(file).spacing_mm
    told = done.as_json()
    assert told["spacing_mm"] == [row, column]
    assert told["area_mm2"] == pytest.approx(told["area_px"] * row * column, abs=0.01)
    assert told["given_long_px"] == 18 and told["given_short_px"] == 16
    measured = np.array(told["measured_recist"])
    assert (told["long_px"], told["short_px"]) == pytest.approx(axis_lengths(measured), abs=0.01)
    assert (told["long_mm"], told["short_mm"]) == pytest.approx(
        axis_lengths(measured, (row, column)), abs=0.01
    )
    (other,) = run_jobs(system, [job._replace(spacing_mm=(2.0, 2.0))], tmp_path / "out")
    assert other.as_json()["given_long_mm"] == 36


def test_the_page_of_files_lists_what_is_printed(tmp_path):
    file = images.write_slice(tmp_path / "ct.dcm")
    axes = np.array([30, 20, 30, 36, 21, 28, 39, 28], np.float32)
    job = Job(file, (30, 28), "a", recist=axes)
    run = run_jobs(SeesAxes(LUNG), [job], tmp_path / "out", formats=("dicom",))
    lesion, series = (each.as_json() for each in run)
    page = (Path(__file__).parents[2] / "docs" / "files.md").read_text()
    (table,) = re.findall(r"\n\| field \| content \|\n(.*?)\n\n", page, re.S)
    rows = [re.findall(r"`(\w+)`", line.split(" | ")[0]) for line in table.splitlines()[1:]]
    assert {name for row in rows for name in row} == set(lesion)
    assert set(series) == {"series", "lesions", "files"}


def test_the_picture_has_the_axes_as_those_of_labels_have_them():
    result = _predict(_image(), (20, 12)).as_stored()
    axes = result.measured_axes(0.5)
    assert axis_lengths(axes) == pytest.approx((9, 9), abs=0.7)
    lines = outlines_of(result.fine_alpha, result.box, 0.5, axes, axes)
    drawn = draw_outlines(result.patch, lines, side=384)
    picture = overlay(_image() / np.float32(255), result, 0.5, axes)
    np.testing.assert_array_equal(picture[-388:-4, 392:776], drawn)
    assert _predict(np.full((40, 50), 9, np.uint8), (20, 12)).measured_axes(0.5) is None


class SeesBefore(BrightIsLesion):
    """Takes the grey level of the slice before for alpha."""

    neighbours = 1

    def __call__(self, patches, *, neighbours):
        assert neighbours.shape == (*patches.shape, 2)
        return super().__call__(neighbours[..., 0])


def test_slices_beside_are_read_from_series_and_volumes(tmp_path):
    folder = balls.write_series(tmp_path / "ct")
    jobs = [
        Job(folder / "6.dcm", (30.0, 28.0), "series"),
        Job(balls.write_nifti(tmp_path / "ct.nii.gz"), (30.0, 28.0), "volume", slice_index=6),
    ]
    for done in run_jobs(SeesBefore(LUNG), jobs, tmp_path / "out"):
        alpha = np.load(tmp_path / "out" / f"{done.job.name}_alpha.npy")
        seen = normalise(balls.values(5), LUNG)
        inside = alpha > 0
        np.testing.assert_allclose(alpha[inside], seen[inside], atol=0.51 / 255)
        assert inside.sum() > 100
    write_png(tmp_path / "a.png", _image())
    (failed,) = run_jobs(
        SeesBefore(EIGHT_BIT), [Job(tmp_path / "a.png", (20.0, 12.0), "a")], tmp_path / "out"
    )
    assert str(failed.error).startswith(f"{tmp_path / 'a.png'}: found no neighbouring slices (")


def test_a_mask_that_is_not_certain_is_told(tmp_path):
    write_png(tmp_path / "a.png", np.where(_image() == 200, 130, 60).astype(np.uint8))
    system = BrightIsLesion(EIGHT_BIT)
    (found,) = run_jobs(system, [Job(tmp_path / "a.png", (20.0, 12.0), "a")], tmp_path / "out")
    assert found.written.certainty == pytest.approx(130 / 255, abs=1e-3)
    assert found.written.warning.startswith("the mask is certain by only 0.51 (1 is all lesion)")


_LAUNCH = """
import runpy, sys
import casgan_jax.inference.load
from tests.inference.test_predict import BrightIsLesion
casgan_jax.inference.load.load_system = lambda workdir: BrightIsLesion()
sys.argv = ["predict", *sys.argv[1:]]
runpy.run_module("launch.predict", run_name="__main__")
"""


def _launch(*arguments):
    return subprocess.run(
        [sys.executable, "-c", _LAUNCH, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_command(tmp_path):
    write_png(tmp_path / "a.png", _image())
    out = _launch(
        "--workdir=w",
        f"--input={tmp_path}/a.png",
        f"--input={tmp_path}/b.png",
        "--center=20,12",
        f"--output={tmp_path}/out",
    )
    assert out.returncode == 1
    (line,) = out.stdout.splitlines()
    assert json.loads(line)["center"] == [20.0, 12.0]
    assert re.search(r"^a: 9\.\d x 9\.\d px, certainty 0\.78$", out.stderr, re.M)
    assert out.stderr.count("b.png") == 1 and "b.png at 20,12: found no such file" in out.stderr
    assert "1 of 2 lesions failed" in out.stderr
    assert "Traceback" not in out.stderr
    assert cv2.imread(str(tmp_path / "out" / "a_mask.png"), cv2.IMREAD_UNCHANGED).any()
    nothing = _launch("--workdir=w", "--output=o", "--threshold=2")
    assert nothing.returncode == 1
    assert nothing.stderr.splitlines() == [
        "error: --threshold: found 2, expected a number in (0, 1], like 0.5"
    ]


def test_volumes_lie_where_the_image_lies(tmp_path):
    file = images.write_slice(tmp_path / "ct.dcm", 1)
    jobs = [Job(file, (30, 28), "nodule")]
    (told,) = run_jobs(
        BrightIsLesion(LUNG), jobs, tmp_path / "out", formats=("nifti", "nrrd", "mha", "nnunet")
    )
    alpha = np.load(tmp_path / "out" / "nodule_alpha.npy")
    source = read_scan(file)
    names = ["nodule_alpha.nii.gz", "nodule_alpha.nrrd", "nodule_alpha.mha", "nnunet/nodule.nii.gz"]
    assert told.written.files[-4:] == tuple(str(tmp_path / "out" / name) for name in names)
    for name in names:
        found = itk.ReadImage(str(tmp_path / "out" / name))
        np.testing.assert_allclose(found.GetOrigin(), source.geometry.origin, atol=1e-4)
        np.testing.assert_allclose(found.GetSpacing()[:2], source.spacing_mm[::-1], atol=1e-6)
        values = itk.GetArrayFromImage(found)[0]
        hard = name.startswith("nnunet")
        np.testing.assert_array_equal(values, alpha >= 0.5 if hard else alpha)


def test_formats_that_there_are_not_are_refused(tmp_path):
    jobs = [Job(tmp_path / "a.png", (1, 1), "a")]
    run = run_jobs(BrightIsLesion(), jobs, tmp_path / "out", formats=("jpeg",))
    error = fault_of(next, run, told_remedy=False)
    assert error.what == "format" and error.found == "'jpeg'"
    assert not (tmp_path / "out").exists()


def test_every_binary_mask_of_a_lesion_is_that_of_its_stored_soft_mask(tmp_path):
    file, out, threshold = images.write_slice(tmp_path / "0.dcm"), tmp_path / "out", 128 / 255
    jobs, formats = [Job(file, (30, 28), "a")], ("nifti", "nnunet", "dicom")
    system = BrightIsLesion(LUNG)
    raw = system(normalise(read_scan(file).values, LUNG)[None])["alpha"]
    close = np.abs(raw - threshold) < 0.5 / 255
    assert (close & (raw < threshold)).any(), "else rounding to 8 bits changes nothing"
    told, series = run_jobs(system, jobs, out, formats=formats, threshold=threshold)
    mask = read_image(out / "a_mask.png") == 255
    np.testing.assert_array_equal(mask, read_image(out / "a_alpha.png") >= 128)
    np.testing.assert_array_equal(mask, np.load(out / "a_alpha.npy") >= np.float32(threshold))
    np.testing.assert_array_equal(mask, read_scan(out / "nnunet" / "a.nii.gz").values > 0)
    binary = open_stack(series.files[0]).segments[0].volumes[0]
    part = (slice(0, 64), slice(0, 64), slice(0, 1))
    np.testing.assert_array_equal(mask, binary.read(part)[..., 0].T > 0)
    soft = open_stack(series.files[-1]).segments[0].volumes[0]
    alpha = np.load(out / "a_alpha.npy")
    np.testing.assert_allclose(soft.read(part)[..., 0].T, alpha, atol=1e-6)
    assert told.written.pixels_at_threshold == mask.sum()


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [("dicom", "highdicom", "pacs"), ("nnunet", "nibabel", "medical")],
)
def test_a_format_without_its_library_names_the_extra(tmp_path, monkeypatch, name, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    run = run_jobs(BrightIsLesion(), [], tmp_path / "out", formats=("nrrd", name))
    error = fault_of(next, run)
    assert error.what == f"format={name}" and library in error.found
    assert extra in error.expected and f"casgan_jax[{extra}]" in error.remedy
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_predictions_go_into_a_pacs(tmp_path):
    files = [images.write_slice(tmp_path / f"{n}.dcm", n) for n in range(2)]
    write_png(tmp_path / "a.png", _image())
    jobs = [Job(file, (30, 28), file.stem) for file in files]
    jobs.append(Job(tmp_path / "a.png", (20, 12), "a"))
    first, second, refused, series = run_jobs(
        BrightIsLesion(LUNG), jobs, tmp_path / "out", formats=("dicom", "rtstruct"), window=LUNG
    )
    assert "format: found an image that is no DICOM file" in str(refused.error)
    assert (series.series, series.lesions) == (images.TAGS["SeriesInstanceUID"], ("0", "1"))
    assert [path.split("/")[-1] for path in series.files] == [
        "binary.dcm",
        "contours.dcm",
        "report.dcm",
        "soft.dcm",
    ]
    segments = open_stack(series.files[-1]).segments
    for told, segment in zip((first, second), segments, strict=True):
        alpha = np.load(next(name for name in told.written.files if name.endswith(".npy")))
        found = segment.volumes[0].read((slice(0, 64), slice(0, 64), slice(0, 1)))[..., 0].T
        assert np.abs(found - alpha).max() <= 1 / 255
