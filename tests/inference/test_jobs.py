"""Files with marks, and tables of marks -> what to predict."""

import numpy as np
import pytest

from casgan_jax.images import write_png
from casgan_jax.inference.jobs import parse_pair, parse_window, plan, plan_axes
from tests.faults import fault_of

IMAGE = np.zeros((40, 50), np.uint8)


def test_plan_from_files_and_marks(tmp_path):
    for name in ("b.png", "a.png"):
        write_png(tmp_path / name, IMAGE)
    everything = plan([str(tmp_path / "*.png")], [(1, 2)], None)
    assert [(job.name, job.centre) for job in everything] == [("a", (1, 2)), ("b", (1, 2))]
    a = str(tmp_path / "a.png")
    twice = plan([a, a], [(1, 2), (3, 4)], None)
    assert [(job.name, job.centre) for job in twice] == [("a_1", (1, 2)), ("a_2", (3, 4))]


def test_plan_from_axes_has_the_mark_in_their_middle(tmp_path):
    for name in ("b.png", "a.png"):
        write_png(tmp_path / name, IMAGE)
    axes = np.float32([16, 12, 24, 12, 20, 9, 20, 15])
    jobs = plan_axes([str(tmp_path / "*.png")], [axes])
    assert [(job.name, job.centre) for job in jobs] == [("a", (20, 12)), ("b", (20, 12))]
    np.testing.assert_array_equal(jobs[1].recist, axes)
    error = fault_of(plan_axes, [str(tmp_path / "a.png")], [axes, axes])
    assert error.what == "recist" and "1 files" in error.found
    (other,) = plan_axes([str(tmp_path / "a.png")], [np.roll(axes, 4)])
    assert other.centre == (20, 12)
    along = np.float32([16, 12, 24, 12, 17, 12, 23, 12])
    error = fault_of(plan_axes, [str(tmp_path / "a.png")], [along])
    assert error.what == "recist" and "0 degrees" in error.found


def test_plan_from_a_table(tmp_path):
    table = tmp_path / "marks.csv"
    table.write_text("file,note,x,y\na.png,left,1,2\nsub/b.png,,3.5,4\na.png,right,5,6\n")
    jobs = plan([], [], table)
    assert [job.name for job in jobs] == ["a_1", "b", "a_2"]
    assert jobs[1].file == tmp_path / "sub" / "b.png" and jobs[1].centre == (3.5, 4)
    jobs = plan(["elsewhere/a.png"], [], table)
    assert [str(job.file) for job in jobs] == ["elsewhere/a.png"] * 2


@pytest.mark.parametrize(
    ("inputs", "centres", "table", "what"),
    [
        ([], [], None, "input"),
        (["a.png"], [], None, "center"),
        (["a.png", "b.png", "c.png"], [(1, 1), (2, 2)], None, "center"),
        (["no_such_*.png"], [(1, 1)], None, "input"),
        ([], [(1, 1)], "file,x,y\na.png,1,2\n", "center"),
        ([], [], "file,x\na.png,1\n", "marks.csv"),
        ([], [], "file,x,y\na.png,1,two\n", "marks.csv:2"),
        ([], [], "file,x,y\na.png,1\n", "marks.csv:2"),
        ([], [], "file,x,y\n,1,2\n", "marks.csv:2"),
        ([], [], "file,x,y\n", "marks.csv"),
        (["b.png"], [], "file,x,y\na.png,1,2\n", "table"),
    ],
)
def test_bad_plans_get_their_line(tmp_path, inputs, centres, table, what):
    path = None
    if table is not None:
        path = tmp_path / "marks.csv"
        path.write_text(table)
    error = fault_of(plan, inputs, centres, path, told_remedy=False)
    assert error.what in (what, str(tmp_path / what))


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "1,nan", ""])
def test_bad_pairs_get_their_line(text):
    assert fault_of(parse_pair, "--center", text, told_remedy=False).what == "--center"


def test_bad_windows_get_their_line():
    assert parse_window("-1000,400") == (-1000.0, 400.0)
    assert fault_of(parse_window, "400,-1000", told_remedy=False).what == "window"
