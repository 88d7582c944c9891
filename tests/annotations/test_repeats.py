from pathlib import Path

import numpy as np
import pytest

from casgan_jax.annotations import Annotation, Axes, read_annotations
from casgan_jax.annotations.repeats import repeats

AXES = "10,20,30,20,20,15,20,25"


def found(tmp_path, *lines):
    table = tmp_path / "lesions.csv"
    columns = "key,image,slice,recist,mask,reader_masks,segment,patient,window"
    table.write_text("\n".join([columns, *lines]) + "\n")
    annotations = read_annotations(table)
    assert not annotations.failures
    return repeats(annotations.annotations)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f'a.png,,"{AXES}",,,,,', f'b/../a.png,,"{AXES}",,,,Bob,"0,9"'),
        (f'a.png,,"{AXES}",,,,,', 'a.png,,"30,20,10,20,20,25,20,15",,,,,'),
        ("a.png,3,,m.png,,,,", "./a.png,3,,m.png,,,,"),
        ("a.png,,,,m.png;n.png,,,", "a.png,,,,n.png;m.png,,,"),
        ("a.png,,,m.png,,Tumour,,", "a.png,,,m.png,,Tumour,Ann,"),
    ],
)
def test_same_image_slice_and_marks_are_one_lesion(tmp_path, one, other):
    assert found(tmp_path, f"first,{one}", "else,z.png,,,m.png,,,,", f"second,{other}") == {
        "second": "first"
    }


def test_a_link_is_the_same_file_and_a_copy_another(tmp_path):
    (tmp_path / "a.png").write_bytes(b"image")
    (tmp_path / "copy.png").write_bytes(b"image")
    (tmp_path / "link.png").symlink_to("a.png")
    lines = [f"{name},{name}.png,,,m.png,,,," for name in ("a", "copy", "link")]
    assert found(tmp_path, *lines) == {"link": "a"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f'a.png,,"{AXES}",,,,,', 'a.png,,"10,20,30,20,20,15,20,26",,,,,'),
        ("a.png,3,,m.png,,,,", "a.png,4,,m.png,,,,"),
        ("a.png,,,m.png,,1,,", "a.png,,,m.png,,2,,"),
        ("a.png,,,m.png,,,,", "b.png,,,m.png,,,,"),
        ("a.png,,,,m.png,,,", "a.png,,,,m.png;n.png,,,"),
    ],
)
def test_others_are_others(tmp_path, one, other):
    assert found(tmp_path, f"first,{one}", f"second,{other}") == {}


def test_whatever_stands_three_times_is_that_of_the_first(tmp_path):
    lines = [f"{key},a.png,,,m.png,,,," for key in "abc"]
    assert found(tmp_path, *lines) == {"b": "a", "c": "a"}


def test_parts_readers_and_axes_in_other_units_count():
    both = {"patient": "p", "image": Path("a.png")}
    ends = np.array([[10.0, 20], [30, 20]])
    of_rt = {"reader_masks": (Path("rt.dcm"),) * 2}
    others = [
        {"mask": Path("m.png"), "component": 1},
        {"mask": Path("m.png"), "component": 2},
        {"axes": Axes(ends, "mm")},
        {"axes": Axes(ends + 1, "mm")},
        {"axes": Axes(ends, "pixel")},
        {"axes": Axes(ends[:1], "pixel")},
        of_rt | {"reader_segments": ("1", "2")},
        of_rt | {"reader_segments": ("1", "3")},
    ]
    same = [{"axes": Axes(ends[::-1], "mm")}, of_rt | {"reader_segments": ("2", "1")}]
    marks = enumerate([*others, *same])
    found = repeats(Annotation(key=str(key), **both, **one) for key, one in marks)
    assert found == {"8": "2", "9": "6"}
