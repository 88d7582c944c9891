"""Files with marks, and tables of marks -> what to predict."""

import numpy as np
import pytest

from casgan_jax.errors import UserError
from casgan_jax.images import write_png
from casgan_jax.inference.jobs import parse_pair, parse_window, plan, plan_axes

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
    with pytest.raises(UserError, match="recist: found 2 for 1 files"):
        plan_axes([str(tmp_path / "a.png")], [axes, axes])
    (other,) = plan_axes([str(tmp_path / "a.png")], [np.roll(axes, 4)])
    assert other.centre == (20, 12)
    with pytest.raises(UserError, match="recist: found axes at 0 degrees to each other"):
        plan_axes([str(tmp_path / "a.png")], [np.float32([16, 12, 24, 12, 17, 12, 23, 12])])


def test_plan_from_a_table(tmp_path):
    table = tmp_path / "marks.csv"
    table.write_text("file,note,x,y\na.png,left,1,2\nsub/b.png,,3.5,4\na.png,right,5,6\n")
    jobs = plan([], [], table)
    assert [job.name for job in jobs] == ["a_1", "b", "a_2"]
    assert jobs[1].file == tmp_path / "sub" / "b.png" and jobs[1].centre == (3.5, 4)
    jobs = plan(["elsewhere/a.png"], [], table)
    assert [str(job.file) for job in jobs] == ["elsewhere/a.png"] * 2


@pytest.mark.parametrize(
    ("inputs", "centres", "table", "line"),
    [
        ([], [], None, "input: found none"),
        (["a.png"], [], None, "give `center=X,Y` or `recist=X1,Y1,...,X4,Y4`"),
        (["a.png", "b.png", "c.png"], [(1, 1), (2, 2)], None, "center: found 2 for 3 files"),
        (["no_such_*.png"], [(1, 1)], None, "input: found no file like"),
        ([], [(1, 1)], "file,x,y\na.png,1,2\n", "center: found beside `table`"),
        ([], [], "file,x\na.png,1\n", "found the columns file, x, expected file,x,y; add y"),
        ([], [], "file,x,y\na.png,1,two\n", "marks.csv:2: found '1,two'"),
        ([], [], "file,x,y\na.png,1\n", "marks.csv:2: found '1,'"),
        ([], [], "file,x,y\n,1,2\n", "marks.csv:2: found no file name"),
        ([], [], "file,x,y\n", "found no line below the column names"),
        (["b.png"], [], "file,x,y\na.png,1,2\n", "table: found no line for b.png"),
    ],
)
def test_bad_plans_get_their_line(tmp_path, inputs, centres, table, line):
    path = None
    if table is not None:
        path = tmp_path / "marks.csv"
        path.write_text(table)
    with pytest.raises(UserError) as error:
        plan(inputs, centres, path)
    assert line in str(error.value)


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "1,nan", ""])
def test_bad_pairs_get_their_line(text):
    with pytest.raises(UserError, match="center: found"):
        parse_pair("--center", text)


def test_bad_windows_get_their_line():
    assert parse_window("-1000,400") == (-1000.0, 400.0)
    with pytest.raises(UserError, match="expected LOW,HIGH with LOW < HIGH"):
        parse_window("400,-1000")
