"""The project's own table of lesions."""

import numpy as np
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.annotations.table import ENDS
from tests.faults import LINE_WITH_REMEDY, fault_of

AXES = "1,2,11,2,6,0,6,5"


@pytest.fixture
def read(tmp_path):
    """Reads a table of the given text."""

    def reader(text):
        (tmp_path / "lesions.csv").write_text(text, newline="")
        return read_annotations(tmp_path / "lesions.csv")

    return reader


def test_every_column(read, tmp_path):
    found = read(
        "image,slice,recist,key,patient,spacing_mm,diameters_mm,window,hu_offset,split\n"
        f'a/scan.nii.gz,12.0,"{AXES}",first,Ann,"0.7,0.8","8,3.5","-1000,400",-1024,test\n'
    )
    assert found.failures == ()
    (one,) = found.annotations
    assert (one.key, one.patient, one.split) == ("first", "Ann", "test")
    assert (one.image, one.slice_index) == (tmp_path / "a/scan.nii.gz", 12)
    assert one.recist.dtype == np.float32
    np.testing.assert_array_equal(one.recist, [1, 2, 11, 2, 6, 0, 6, 5])
    assert (one.mask, one.reader_masks) == (None, ())
    assert one.diameters_mm == (8, 3.5)
    assert (one.spacing_mm, one.window, one.hu_offset) == ((0.7, 0.8), (-1000, 400), -1024)
    assert one.files == (tmp_path / "a/scan.nii.gz",)


def test_what_is_left_out_is_none_or_named_by_the_image(read, tmp_path):
    found = read("image,mask\nann/1.png,m.png\nbob/1.png,n.png\n/abs/2.nii.gz,o.nii.gz\n")
    assert [one.key for one in found.annotations] == ["1_1", "1_2", "2"]
    assert [one.patient for one in found.annotations] == ["ann/1", "bob/1", "/abs/2.nii"]
    first = found.annotations[0]
    assert (first.slice_index, first.recist, first.spacing_mm) == (None, None, None)
    assert (first.window, first.hu_offset, first.split) == (None, None, None)
    assert first.files == (tmp_path / "ann/1.png", tmp_path / "m.png")
    assert str(found.annotations[2].image) == "/abs/2.nii.gz"


def test_marks_of_each_kind_in_one_table(read, tmp_path):
    found = read(
        f"image,recist,mask,reader_masks,{','.join(ENDS)}\n"
        f'a.png,"[{AXES}]",,,\n'
        "b.png,,m.png,\n"
        "c.png,,,r1.png; r2.png;,\n"
        f"d.png,,,,{AXES}\n"
    )
    assert found.failures == ()
    a, b, c, d = found.annotations
    np.testing.assert_array_equal(a.recist, d.recist)
    assert b.mask == tmp_path / "m.png"
    assert c.reader_masks == (tmp_path / "r1.png", tmp_path / "r2.png")


def test_slices_of_one_volume_are_one_patient_with_names_of_their_own(read):
    found = read(
        "image,slice,mask\nv.nii.gz,3,m.nii.gz\nv.nii.gz,3,n.nii.gz\nv.nii.gz,4,m.nii.gz\n"
    )
    assert [one.key for one in found.annotations] == ["v_slice-3_1", "v_slice-3_2", "v_slice-4"]
    assert {one.patient for one in found.annotations} == {"v.nii"}


BAD = [
    (',,"1,2,3,4,5,6,7,8",', "image: found ''"),
    (',"a\nb.png","1,2,3,4,5,6,7,8",', "image: found 'a\\nb.png'"),
    (",a.png,,", "marks: found none, expected one of recist"),
    (',a.png,"1,2,3,4,5,6,7,8",m.png', "marks: found recist and mask, expected one"),
    (',a.png,"1,2,3,4,5,6,7",', "recist: found '1,2,3,4,5,6,7', expected eight"),
    (',a.png,"1,2,3,4,5,6,7,nan",', "recist: found "),
    (',a.png,"1,2,3,4,5,6,7,1e39",', "recist: found "),
    (",a.png,1 2 3 4 5 6 7 8,", "recist: found "),
    (",a.png,1,2,3,4,5,6,7,8,9,10", "cells: found 3 more than columns"),
    (",a.png,,m.png,-1", "slice: found '-1', expected a whole number"),
    (",a.png,,m.png,1.5", "slice: found '1.5'"),
    (",a.png,,m.png,,0", "spacing_mm: found '0'"),
    (",a.png,,m.png,,1e-60", "spacing_mm: found '1e-60'"),
    (',a.png,,m.png,,"1,2,3"', "spacing_mm: found '1,2,3'"),
    (',a.png,,m.png,,,"5,5"', "window: found '5,5'"),
    (',a.png,,m.png,,,"-3e38,3e38"', "window: found "),
    (",a.png,,m.png,,,,much", "hu_offset: found 'much'"),
    (",a.png,,m.png,,,,,half", "split: found 'half', expected one of train"),
    ("../up,a.png,,m.png", "key: found '../up', expected a name for files"),
    (".hidden,a.png,,m.png", "key: found '.hidden'"),
    ("a" * 201 + ",a.png,,m.png", "key: found 'aaa"),
    ("good,a.png,,m.png", "key: found 'good' as in line 2, expected another"),
]


@pytest.mark.parametrize(("line", "part"), BAD, ids=[part for _, part in BAD])
def test_bad_lines_are_told_and_the_rest_goes_on(read, tmp_path, line, part):
    found = read(
        "key,image,recist,mask,slice,spacing_mm,window,hu_offset,split\n"
        f"good,g.png,,m.png\n{line}\nlast,z.png,,m.png\n"
    )
    assert [one.key for one in found.annotations] == ["good", "last"]
    (failure,) = found.failures
    assert failure.line == (4 if "\n" in line else 3)
    assert failure.reason.startswith(f"{tmp_path / 'lesions.csv'}:{failure.line}: {part}")
    assert LINE_WITH_REMEDY.fullmatch(failure.reason), failure.reason


TABLES = [
    ("image,x1,y1,x2,y2,x3,y3,x4\na.png,1,2,3,4,5,6,7\n", "y4"),
    ("image,patient\na.png,1\n", "recist"),
    ("file,mask\na.png,m.png\n", "image"),
    ("File_name,Spacing_mm_px_\n000001_01_01_001.png,1\n", "Measurement_coordinates"),
]


@pytest.mark.parametrize(("text", "column"), TABLES, ids=[column for _, column in TABLES])
def test_tables_without_a_column(read, tmp_path, text, column):
    error = fault_of(read, text, told_remedy=False)
    assert error.what == str(tmp_path / "lesions.csv")
    assert column in error.expected + error.remedy


@pytest.mark.parametrize("text", ["image,mask\n", ""], ids=["no line", "empty"])
def test_tables_without_a_line(read, tmp_path, text):
    assert fault_of(read, text, told_remedy=False).what == str(tmp_path / "lesions.csv")


def test_no_table(tmp_path):
    assert fault_of(read_annotations, tmp_path / "none.csv").what.endswith("/none.csv")


def same(found, expected):
    return (
        not found.failures
        and [str(one.image) for one in found.annotations]
        == [str(one.image) for one in expected.annotations]
        and all(
            (one.recist == other.recist).all() and one.spacing_mm == other.spacing_mm
            for one, other in zip(found.annotations, expected.annotations, strict=True)
        )
    )


SPREADSHEETS = {
    "semicolons": f"image;recist;spacing_mm\na/b.png;{AXES};0.7\n",
    "tabs": f"image\trecist\tspacing_mm\na/b.png\t{AXES}\t0.7\n",
    "decimal comma": f"image;recist;spacing_mm\na/b.png;{AXES};0,7\n",
    "two decimal commas": f"image;recist;spacing_mm\na/b.png;{AXES};0,7,0,7\n",
    "decimal commas in axes": (
        "image;recist;spacing_mm\na/b.png;1,0,2,0,11,0,2,0,6,0,0,0,6,0,5,0;0,7\n"
    ),
    "one end a cell": (f"image;{';'.join(ENDS)};spacing_mm\na/b.png;1;2,0;11;2;6;0,0;6;5;0,7\n"),
    "byte order mark": f'\ufeffimage,recist,spacing_mm\na/b.png,"{AXES}",0.7\n',
    "empty rows": f'image,recist,spacing_mm\n,,\na/b.png,"{AXES}",0.7\n , ,\n\n,,,,\n',
    "capital letters": f'Image,RECIST,Spacing_mm\na/b.png,"{AXES}",0.7\n',
    "blanks in names": f'image , recist ,spacing_mm\na/b.png,"{AXES}",0.7\n',
    "paths of Windows": f'image,recist,spacing_mm\na\\b.png,"{AXES}",0.7\n',
    "lines of Windows": f'image,recist,spacing_mm\r\na/b.png,"{AXES}",0.7\r\n',
    "an empty column": f'image,recist,spacing_mm,,\na/b.png,"{AXES}",0.7,,\n',
}


@pytest.mark.parametrize("name", SPREADSHEETS)
def test_tables_as_spreadsheets_write_them(read, name):
    expected = read(f'image,recist,spacing_mm\na/b.png,"{AXES}",0.7\n')
    assert not expected.failures and len(expected.annotations) == 1
    assert same(read(SPREADSHEETS[name]), expected)


def test_lines_count_from_the_files_first(read):
    found = read(f'image,recist\n,\na.png,"{AXES}"\n,\nb.png,1\n')
    assert [failure.line for failure in found.failures] == [5]


def test_a_drive_of_windows_is_named(read):
    (failure,) = read("image,mask\nC:\\scans\\a.png,m.png\n").failures
    assert "image: found 'C:/scans/a.png', a path of Windows" in failure.reason


def test_the_segment_that_is_meant(read):
    found = read("image,mask,segment\na.png,m.png,2\nb.png,m.png,Tumour\nc.png,m.png,\n")
    assert [one.segment for one in found.annotations] == ["2", "Tumour", None]


def test_readers_of_one_file_and_of_several(read):
    found = read(
        "image,reader_masks,segment\n"
        "a.png,rt.dcm,Ann; Bob\n"
        "b.png,x.png;y.png,2\n"
        "c.png,x.dcm;y.dcm,1;3\n"
        "d.png,x.dcm;y.dcm,1;2;3\n"
    )
    one, all_, each = found.annotations
    assert [path.name for path in one.reader_masks] == ["rt.dcm", "rt.dcm"]
    assert (one.reader_segments, one.segment) == (("Ann", "Bob"), None)
    assert (all_.reader_segments, all_.segment) == ((), "2")
    assert [path.name for path in each.reader_masks] == ["x.dcm", "y.dcm"]
    assert each.reader_segments == ("1", "3")
    (failure,) = found.failures
    assert "segment: found 3 for 2 files of readers" in failure.reason
