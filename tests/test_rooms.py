"""The house stays as it is drawn in docs/architecture.md."""

import pytest

from tests.rooms import ROOT, arrows_of_rooms, circle

ENTRY_POINTS = sorted((ROOT / "launch").glob("[a-z]*.py"))


@pytest.fixture(scope="module")
def arrows():
    return arrows_of_rooms()


@pytest.mark.slow
def test_no_rooms_import_each_other_in_a_circle(arrows):
    assert circle(arrows) == []


def test_a_circle_is_found_where_there_is_one():
    assert circle({"a": {"b": ()}, "b": {"c": ()}, "c": {"b": ()}}) == ["b", "c", "b"]


def test_nothing_imports_the_entry_points(arrows):
    assert [room for room, others in arrows.items() if "launch" in others] == []


def test_using_a_system_needs_no_training_room(arrows):
    assert "casgan_jax.training" not in arrows["casgan_jax.inference"]


def test_a_report_loads_and_measures_nothing(arrows):
    rooms = {room.removeprefix("casgan_jax.") for room in arrows["casgan_jax.report"]}
    assert rooms <= {"errors", "evaluation", "files", "grid", "images", "json_form", "workdir"}
    found = set().union(*arrows["casgan_jax.report"].values())
    assert not [
        arrow for arrow in found if arrow.endswith(("evaluation.data_set", "workdir.config"))
    ]


def test_the_root_holds_few_files():
    files = [path.name for path in (ROOT / "casgan_jax").glob("*.py") if path.stem != "__init__"]
    assert len(files) <= 8, files


@pytest.mark.parametrize("path", ENTRY_POINTS, ids=[path.stem for path in ENTRY_POINTS])
def test_entry_points_are_short(path):
    assert len(path.read_text().splitlines()) <= 60
