"""Results become JSON and come back; what does not fit is told in one line."""

import dataclasses
import json
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from casgan_jax.errors import UserError
from casgan_jax.json_form import from_json, read_as, to_json


class Point(NamedTuple):
    x: float
    y: float | None


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    corners: tuple[Point, ...]
    areas: Mapping[str, tuple[float, ...]]
    closed: bool
    edges: int | None
    note: str | None = None
    parts: tuple[str, ...] = ()


SHAPE = Shape("a", (Point(0.5, None), Point(1.0, 2.0)), {"px": (1.5, 2.0)}, True, None)
TEXT = (
    '{"name": "a", "corners": [{"x": 0.5, "y": null}, {"x": 1.0, "y": 2.0}], '
    '"areas": {"px": [1.5, 2.0]}, "closed": true, "edges": null, "parts": []}'
)


def test_a_value_becomes_json_and_comes_back():
    assert json.dumps(to_json(SHAPE)) == TEXT
    assert from_json(Shape, json.loads(TEXT)) == SHAPE
    noted = dataclasses.replace(SHAPE, note="b", parts=("c",), edges=3)
    assert from_json(Shape, to_json(noted)) == noted


def test_what_is_missing_has_its_default_or_is_none():
    entries = json.loads(TEXT)
    del entries["edges"], entries["parts"]
    assert from_json(Shape, entries | {"other": 1}) == SHAPE


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"name": None}, "name: found none, expected a text; again"),
        ({"name": 3}, "name: found 3, expected a text; again"),
        ({"closed": 1}, "closed: found 1, expected true or false; again"),
        ({"edges": 1.5}, "edges: found 1.5, expected a whole number; again"),
        ({"corners": 2}, "corners: found 2, expected an array; again"),
        ({"corners": [3]}, r"corners\[0\]: found 3, expected an object; again"),
        ({"corners": [{"x": "1"}]}, r"corners\[0\].x: found '1', expected a number; again"),
        ({"corners": [{}]}, r"corners\[0\].x: found none, expected an entry of that name; again"),
        ({"areas": []}, r"areas: found \[\], expected an object; again"),
        ({"areas": {"px": [True]}}, r"areas.px\[0\]: found True, expected a number; again"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(tmp_path, changed, line):
    path = tmp_path / "shape.json"
    path.write_text(json.dumps(json.loads(TEXT) | changed))
    with pytest.raises(UserError, match=f"^{path}: {line}$"):
        read_as(Shape, path, remedy="again")
