"""Folders of DICOM files: which series, in which order, and what is wrong with them."""

import numpy as np
import pytest

from casgan_jax.images import read_scan
from casgan_jax.images.placing import place
from casgan_jax.images.series import find_series, open_series, read_contents
from casgan_jax.images.series_choice import choose_series
from tests.faults import fault_of
from tests.images.conftest import ORIENTATIONS, STORED
from tests.images.scans import HU, itk, write_dicom
from tests.images.segmentations import frame_group, items
from tests.shared_data import shared_data

ORDER = [3, 0, 4, 1, 2]  # of the files' names


@pytest.mark.parametrize("kind", ORIENTATIONS)
@pytest.mark.parametrize("order", [ORDER, [4, 3, 2, 1, 0]], ids=["shuffled", "reversed"])
def test_slices_are_in_the_order_of_their_place(write, kind, order):
    (series,) = find_series(write([2.0 * k for k in order], kind=kind))
    stack = open_series(series)
    assert (stack.count, series.notes) == (5, ())
    for index in range(5):
        found = stack.read(index)
        np.testing.assert_array_equal(found.values, STORED[order.index(index)] - 1024)
        placed = place("series", stack.volumes, found.geometry)
        assert placed.exact and placed.whole
        np.testing.assert_array_equal(placed.values, found.values)
    (volume,) = stack.volumes
    assert volume.geometry.size == (7, 6, 5) and volume.geometry.spacing[2] == 2


def test_the_order_of_axial_slices_is_that_of_itk(write):
    folder = write([2.0 * k for k in ORDER])
    names = itk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    (series,) = find_series(folder)
    assert [str(path) for path in series.files] == list(names)


def test_other_files_do_not_matter_and_folders_are_searched(write):
    folder = write([0.0, 2.0])
    (folder / "more").mkdir()
    (folder / "1.2.5-0.dcm").rename(folder / "more" / "IM1")
    (folder / "readme.txt").write_text("a study")
    (folder / "empty").write_bytes(b"")
    write([0.0], uid="1.2.6", NumberOfFrames=2, Rows=3)  # two frames of half the rows
    series, frames = find_series(folder)
    assert [path.name for path in series.files] == ["IM1", "1.2.5-1.dcm"]
    assert (frames.frames, frames.instances) == ((0, 1), (("1.2.3", 1), ("1.2.3", 2)))
    assert "found the place of 1.2.6-0.dcm again" in str(frames.fault)
    assert choose_series(folder, (series, frames), None) is series


def test_missing_slices_and_a_tilted_gantry_are_noted(write):
    (series,) = find_series(write([0.0, 2.0, 4.0, 8.0, 10.0]))
    assert series.notes == ("4 mm instead of 2 between 1.2.5-2.dcm and 1.2.5-3.dcm",)
    (series,) = find_series(write([0.0, 2.0, 4.0, 6.0, 8.0], shift=(0, 0.268, 0)))
    assert series.notes == ("a gantry tilted by 15 degrees",)
    stack = open_series(series)
    scan = stack.read(2)
    placed = place("series", stack.volumes, scan.geometry)
    np.testing.assert_array_equal(placed.values, scan.values)


def test_what_is_no_series_is_refused(write, tmp_path):
    assert fault_of(find_series, tmp_path).what == str(tmp_path)
    assert fault_of(find_series, tmp_path / "none").what.endswith("/none")
    (series,) = find_series(write([0.0, 2.0, 2.0]))
    error = fault_of(open_series, series)
    assert error.what.endswith("/1.2.5-2.dcm") and "1.2.5-1.dcm" in error.found
    assert str(fault_of(choose_series, tmp_path, (series,), None)) == str(error)
    write([0.0, 2.0, 4.0])
    write([9.0], kind="sagittal", uid="1.2.6", SeriesInstanceUID="1.2.5")
    assert fault_of(open_series, *find_series(tmp_path)).what.endswith("/1.2.6-0.dcm")
    (tmp_path / "1.2.6-0.dcm").unlink()
    write([0.0], uid="1.2.7", ImagePositionPatient=None)
    whole, placeless = find_series(tmp_path)
    assert whole.fault is None
    assert fault_of(open_series, placeless).what.endswith("/1.2.7-0.dcm")


def test_damaged_files_are_told_beside_the_others(write):
    folder = write([0.0, 2.0])
    data = (folder / "1.2.5-0.dcm").read_bytes()
    (folder / "cut.dcm").write_bytes(data[:150])
    contents = read_contents(folder)
    assert [len(one.files) for one in contents.series] == [2]
    assert [str(folder / "cut.dcm") in str(fault) for fault in contents.faults] == [True]
    assert fault_of(find_series, folder).what.endswith("/cut.dcm")


def test_frames_of_one_file_are_a_series(tmp_path):
    groups = [frame_group((0, 0, 3.0 * height)) for height in (2, 0, 1)]
    shared = items(
        PixelMeasuresSequence=items(PixelSpacing=[0.5, 0.5], SliceThickness=3),
        PlaneOrientationSequence=items(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
    )
    write_dicom(
        tmp_path / "enhanced.dcm",
        STORED[:3],
        **HU | {"SharedFunctionalGroupsSequence": shared, "SeriesInstanceUID": "1.2.5"},
        PerFrameFunctionalGroupsSequence=groups,
    )
    (series,) = find_series(tmp_path)
    assert series.fault is None and series.frames == (1, 2, 0)
    stack = open_series(series)
    np.testing.assert_array_equal(stack.read(0).values, STORED[1] - 1024)
    assert [place.origin[2] for place in series.places] == [0, 3, 6]


def test_a_folder_of_one_series_is_read_like_a_volume(write):
    folder = write([2.0 * k for k in ORDER])
    scan = read_scan(folder, slice_index=1)
    np.testing.assert_array_equal(scan.values, STORED[ORDER.index(1)] - 1024)
    error = fault_of(read_scan, folder)
    assert error.what == str(folder) and "5 slices" in error.found and "slice_index" in error.found
    write([0.0], uid="1.2.6")
    error = fault_of(read_scan, folder, slice_index=1)
    assert error.what == str(folder) and error.found == "2 series"


def test_published_series():
    (series,) = find_series(shared_data("dicom", "head_series"))
    assert len(series.files) == 28
    assert "a gantry tilted by 18.5 degrees" in series.notes
    stack = open_series(series)
    heights = [stack.read(index).geometry.origin[2] for index in (0, 13, 27)]
    assert heights == sorted(heights)
    assert len(find_series(shared_data("dicom", "chest"))) == 4
