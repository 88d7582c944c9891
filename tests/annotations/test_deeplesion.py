"""DeepLesion's DL_info.csv, as published."""

import numpy as np
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.annotations.deeplesion import read_lesions
from casgan_jax.images import read_image
from tests.faults import LINE_WITH_REMEDY, fault_of
from tests.shared_data import shared_data

COLUMNS = (
    "File_name,Patient_index,Study_index,Series_ID,Key_slice_index,Measurement_coordinates,"
    "Bounding_boxes,Lesion_diameters_Pixel_,Normalized_lesion_location,Coarse_lesion_type,"
    "Possibly_noisy,Slice_range,Spacing_mm_px_,Image_size,DICOM_windows,Patient_gender,"
    "Patient_age,Train_Val_Test"
)
AXES = "233.5, 95.0, 234.0, 106.9, 231.1, 101.6, 236.2, 101.1"


def row(name="000001_01_01_109.png", axes=AXES, kind="5", noisy="0", spacing="0.5, 0.4, 5"):
    return (
        f'{name},1,1,1,109,"{axes}","226, 90, 241, 111","12, 5","0.4, 0.3, 0.4",{kind},{noisy},'
        f'"103, 115","{spacing}","512, 512","-1500, 500",F,62,3'
    )


@pytest.fixture
def write(tmp_path):
    """Writes DL_info.csv with the given rows beside an image folder; returns its path."""
    (tmp_path / "Images_png" / "000001_01_01").mkdir(parents=True)

    def writer(*rows, columns=COLUMNS):
        (tmp_path / "DL_info.csv").write_text("\n".join([columns, *rows]) + "\n")
        return tmp_path / "DL_info.csv"

    return writer


def test_a_published_row(write, tmp_path):
    found = read_annotations(write(row()))
    assert found.failures == ()
    (one,) = found.annotations
    assert (one.key, one.patient) == ("000001_01_01_109", "000001")
    assert one.image == tmp_path / "Images_png" / "000001_01_01" / "109.png"
    np.testing.assert_array_equal(one.recist, np.float32(AXES.split(", ")))
    assert one.spacing_mm == (0.4, 0.5)  # (row, column): y before x
    assert (one.window, one.hu_offset) == ((-1500, 500), -32768)


@pytest.mark.parametrize(("kind", "window"), [("5", None), ("-1", None), ("2", (-160, 240))])
def test_a_window_of_the_whole_range_is_no_window(write, kind, window):
    whole_range = row(kind=kind).replace("-1500, 500", "-1024, 3071")
    (one,) = read_annotations(write(whole_range)).annotations
    assert one.window == window


def test_types_noise_and_several_lesions_of_a_slice(write):
    found = read_lesions(write(row(), row(kind="-1"), row("000001_01_01_111.png", noisy="1")))
    keys = ["000001_01_01_109_1", "000001_01_01_109_2", "000001_01_01_111"]
    assert [one.key for one in found.annotations.annotations] == keys
    assert found.types == dict(zip(keys, (5, -1, 5), strict=True))
    assert found.noisy == {"000001_01_01_111"}


def test_the_columns_that_are_not_needed_may_lack(write):
    table = write(f'000001_01_01_109.png,"{AXES}"', columns="File_name,Measurement_coordinates")
    found = read_lesions(table)
    (one,) = found.annotations.annotations
    assert (one.spacing_mm, one.window) == (None, None)
    assert found.types == {one.key: -1}


BAD = [
    (row(name="109.png"), "File_name: found '109.png', expected PATIENT_STUDY_SERIES_SLICE.png"),
    (row(axes="1, 2"), "Measurement_coordinates: found '1, 2', expected eight numbers"),
    (row(spacing="wide"), "Spacing_mm_px_: found 'wide', expected 'x, y, z' in mm"),
    (row(kind="lung"), "Coarse_lesion_type: found 'lung', expected a whole number"),
    (row().replace("-1500, 500", "500"), "DICOM_windows: found '500', expected LOW,HIGH"),
]


@pytest.mark.parametrize(("bad", "part"), BAD, ids=[part for _, part in BAD])
def test_bad_rows_are_told_and_the_rest_goes_on(write, tmp_path, bad, part):
    found = read_annotations(write(row("000001_01_01_110.png"), bad, row("000001_01_01_111.png")))
    assert [one.key[-3:] for one in found.annotations] == ["110", "111"]
    (failure,) = found.failures
    assert failure.reason.startswith(f"{tmp_path / 'DL_info.csv'}:3: {part}")
    assert LINE_WITH_REMEDY.fullmatch(failure.reason)


def test_a_table_without_its_images(write, tmp_path):
    table = write(row())
    (tmp_path / "Images_png" / "000001_01_01").rmdir()
    error = fault_of(read_annotations, table)
    assert error.what == str(tmp_path) and "Images_png" in error.found


def test_the_real_table():
    found = read_annotations(shared_data("deeplesion", "DL_info.csv"))
    assert found.failures == ()
    assert len(found.annotations) == 12
    for one in found.annotations:
        height, width = read_image(one.image).shape
        x, y = one.recist.reshape(4, 2).T
        assert (x >= 0).all() and (x < width).all() and (y >= 0).all() and (y < height).all()
        assert 0.3 < one.spacing_mm[0] < 1.2


def test_axes_that_are_not_as_long_as_the_published_diameters(write):
    in_mm = [0.5 * float(value) for value in AXES.split(", ")]
    found = read_annotations(write(row(), row(axes=", ".join(map(str, in_mm)))))
    assert len(found.annotations) == 1
    (failure,) = found.failures
    assert ":3: recist: found axes of 6.0 and 2.6 where the diameters are 12.0 and 5.0" in (
        failure.reason
    )
    assert LINE_WITH_REMEDY.fullmatch(failure.reason)
