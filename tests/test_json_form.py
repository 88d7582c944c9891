"""Results become JSON and come back; what does not fit is told in one line."""

import dataclasses
import json
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from casgan_jax.json_form import from_json, read_as, to_json
from tests.faults import fault_of


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
    ("changed", "what"),
    [
        ({"name": None}, "shape.json: name"),
        ({"name": 3}, "shape.json: name"),
        ({"closed": 1}, "shape.json: closed"),
        ({"edges": 1.5}, "shape.json: edges"),
        ({"corners": 2}, "shape.json: corners"),
        ({"corners": [3]}, "shape.json: corners[0]"),
        ({"corners": [{"x": "1"}]}, "shape.json: corners[0].x"),
        ({"corners": [{}]}, "shape.json: corners[0].x"),
        ({"areas": []}, "shape.json: areas"),
        ({"areas": {"px": [True]}}, "shape.json: areas.px[0]"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(tmp_path, changed, what):
    path = tmp_path / "shape.json"
    path.write_text(json.dumps(json.loads(TEXT) | changed))
    assert fault_of(read_as, Shape, path, remedy="again").what.endswith(what)
