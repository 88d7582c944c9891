"""Random and damaged tables: annotations and told failures, or one line; never another exception.

The examples are the same in every run (`derandomize`).
"""

import functools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from casgan_jax.annotations import read_annotations
from casgan_jax.annotations.table import ENDS, MARKS
from casgan_jax.errors import UserError
from tests.test_fuzz import damages

pytestmark = pytest.mark.slow

fuzz = functools.partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

COLUMNS = ["image", "slice", *MARKS, *ENDS, "key", "patient", "spacing_mm", "window", "hu_offset"]
CELLS = st.one_of(
    st.sampled_from(
        ["1,2,11,2,6,0,6,5", "a.png", "m.png;n.png", "0.7", "0.7,0.8", "-1000,400", "3", "nan"]
        + [
            "1e400",
            "-1",
            "[]",
            "()",
            "[1,2]",
            "(1,2)",
            ";",
            "1e-310",
            "9" * 400,
            "\x00",
            "a\u2028b",
        ]
    ),
    st.text(max_size=12),
)
WHOLE = (
    b'image,recist,mask,spacing_mm,slice\na.png,"1,2,11,2,6,0,6,5",,"0.7,0.8",\n'
    b"b.png,,m.png,0.7,3\n"
)
WHOLE_DEEPLESION = (
    b"File_name,Measurement_coordinates,Coarse_lesion_type,Spacing_mm_px_,DICOM_windows\n"
    b'000001_01_01_109.png,"1, 2, 11, 2, 6, 0, 6, 5",5,"0.5, 0.4, 5","-1500, 500"\n'
)


def checked(table, n_lines=None):
    """Reads a table; all that it gives is sound, all that it tells is one line."""
    try:
        found = read_annotations(table)
    except UserError as error:
        assert str(table.parent) in str(error)
        assert len(str(error).splitlines()) == 1, error
        return
    for one in found.annotations:
        assert one.key.isprintable() and "/" not in one.key
        assert (one.recist is not None) + (one.mask is not None) + bool(one.reader_masks) == 1
        if one.recist is not None:
            assert one.recist.shape == (8,) and np.isfinite(one.recist).all()
        assert one.spacing_mm is None or min(one.spacing_mm) > 0
        assert one.window is None or one.window[0] < one.window[1]
        assert one.slice_index is None or one.slice_index >= 0
    assert len({one.key for one in found.annotations}) == len(found.annotations)
    for failure in found.failures:
        assert len(failure.reason.splitlines()) == 1, failure
        assert failure.reason.startswith(f"{table}:{failure.line}: ")
    if n_lines is not None:
        assert len(found.annotations) + len(found.failures) == n_lines


@st.composite
def tables(draw):
    """Column names, and lines of cells."""
    names = st.one_of(st.sampled_from(COLUMNS), st.text(max_size=4))
    columns = draw(st.lists(names, unique=True, min_size=1))
    line = st.lists(CELLS, min_size=len(columns), max_size=len(columns) + 1)
    return columns, draw(st.lists(line, min_size=1, max_size=4))


def written(cell):
    return '"' + cell.replace('"', '""') + '"'


@fuzz(max_examples=300)
@given(tables())
def test_tables_of_any_cells(tmp_path, drawn):
    columns, lines = drawn
    text = "\n".join(",".join(map(written, line)) for line in [columns, *lines])
    table = tmp_path / "lesions.csv"
    table.write_bytes(text.encode("utf-8", "surrogatepass"))
    checked(table, sum(any(cell.strip() for cell in line) for line in lines))


@fuzz(max_examples=300)
@given(st.sampled_from([WHOLE, WHOLE_DEEPLESION]), st.binary(max_size=40), damages())
def test_damaged_tables(tmp_path, whole, more, apply):
    (tmp_path / "Images_png" / "000001_01_01").mkdir(parents=True, exist_ok=True)
    table = tmp_path / "lesions.csv"
    table.write_bytes(apply(whole + more))
    checked(table)


@pytest.mark.parametrize("whole", [WHOLE, WHOLE_DEEPLESION])
def test_the_tables_that_are_damaged_are_whole(tmp_path, whole):
    (tmp_path / "Images_png" / "000001_01_01").mkdir(parents=True)
    (tmp_path / "lesions.csv").write_bytes(whole)
    assert not read_annotations(tmp_path / "lesions.csv").failures
