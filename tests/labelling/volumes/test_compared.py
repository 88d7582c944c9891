"""The lesions of two and more studies of a patient."""

import csv

import pytest

from casgan_jax.labelling.volumes.compared import compare
from casgan_jax.labelling.volumes.files import COLUMNS
from casgan_jax.labelling.volumes.studies import read_volumes
from tests.faults import fault_of


@pytest.fixture
def study(tmp_path):
    """A function that writes volumes.csv and reads it: {key: (long, volume, centre)}."""

    def write(name, lesions, *, date="20260101", patient="P", **fields):
        folder = tmp_path / name
        folder.mkdir()
        with (folder / "volumes.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            for key, (long, volume, centre) in lesions.items():
                row = {"key": key, "patient": patient, "series": "1.2", "status": "labelled"}
                row |= {"study_date": date, "long_mm": long, "short_mm": long / 2}
                row |= {"volume_mm3": volume, "centre_mm": ",".join(map(str, centre))}
                writer.writerow(row | fields)
        return read_volumes(folder)

    return write


FIRST = {"a": (30, 1000, (0, 0, 0)), "b": (20, 500, (50, 0, 0))}


def test_two_studies_by_name(study):
    after = {"a": (20, 500, (9, 0, 0)), "b": (14, 400, (59, 0, 0))}
    found = compare([study("1", FIRST), study("2", after, date="20260131")])
    assert found.sums_mm == (50, 34)
    assert (found.category, found.new, found.missing) == ("PR", (), ())
    one, other = found.lesions
    assert one.diameters_mm == (30, 20) and one.diameter_change == pytest.approx(-1 / 3)
    assert one.volume_change == pytest.approx(-0.5)
    assert one.doubling_days == pytest.approx(-30)  # halved within 30 days
    assert other.volume_change == pytest.approx(-0.2)


def test_a_lesion_of_another_name_is_found_by_its_place_once_studies_are_aligned(study):
    after = {"a": (30, 1000, (0, 0, 40)), "left": (20, 500, (50, 0, 43))}
    found = compare([study("1", FIRST), study("2", after)])
    assert found.lesions[1].notes == ("left, by its place, 3.0 mm apart",)
    assert (found.category, found.new) == ("SD", ())
    far = {"a": (30, 1000, (0, 0, 40)), "left": (20, 500, (50, 30, 40))}
    found = compare([study("3", FIRST), study("4", far)])
    assert (found.category, found.new, found.missing) == ("PD", ("left",), ("b",))


def test_the_nadir_is_the_least_of_the_studies_before(study):
    second = {"a": (20, 500, (0, 0, 0)), "b": (10, 300, (50, 0, 0))}
    third = {"a": (24, 600, (0, 0, 0)), "b": (12, 300, (50, 0, 0))}
    found = compare([study("1", FIRST), study("2", second), study("3", third)])
    assert found.sums_mm == (50, 30, 36) and found.category == "PD"


def test_what_is_missing_is_not_evaluable_and_what_is_gone_counts_nothing(study):
    first, last = study("1", FIRST), study("2", {"a": (30, 1000, (0, 0, 0))})
    found = compare([first, last])
    assert (found.sums_mm, found.category, found.missing) == ((50, None), "NE", ("b",))
    found = compare([first, last], gone=["b"])
    assert (found.sums_mm, found.category, found.missing) == ((50, 30), "PR", ())
    found = compare([first, study("3", {})], gone=["a", "b"])
    assert (found.sums_mm, found.category) == ((50, 0), "CR")


def test_of_lymph_nodes_the_short_axis_counts(study):
    first, last = study("1", FIRST), study("2", {"b": (18, 400, (50, 0, 0))})
    found = compare([first, last], nodes=["b"], gone=["a"])
    assert found.sums_mm == (30 + 10, 9)
    assert found.category == "CR"  # 9 mm is a normal lymph node


def test_lesions_that_failed_are_told_and_not_counted(study, tmp_path):
    first = study("1", FIRST)
    failed = study("2", {"a": (30, 1000, (0, 0, 0))}, status="failed")
    assert failed.failed == ("a",) and not failed.lesions
    assert compare([first, failed]).category == "NE"


def test_bad_input_is_told_in_one_line(study, tmp_path):
    first = study("1", FIRST, date="20260201")
    error = fault_of(read_volumes, tmp_path)
    assert error.what == str(tmp_path) and "volumes.csv" in error.found
    error = fault_of(compare, [first])
    assert error.what == "before, after" and error.found == "1 study"
    assert fault_of(compare, [first, first], nodes=["x"]).what == "nodes"
    other = study("2", FIRST, patient="Q", date="20260301")
    assert fault_of(compare, [first, other]).what == "before, after"
    earlier = study("3", FIRST)
    error = fault_of(compare, [first, earlier])
    assert (
        error.what.endswith("/3")
        and "2026" in error.found
        and "01" in error.found
        and "01 after" in error.found
    )
    assert fault_of(compare, [study("4", {}), first]).what.endswith("/volumes.csv")
    table = tmp_path / "1" / "volumes.csv"
    table.write_text(table.read_text().replace("1000", "many"))
    error = fault_of(read_volumes, tmp_path / "1")
    assert error.what.endswith("/volumes.csv:2: volume_mm3") and error.found == "'many'"
    table.write_text(table.read_text().replace("many", "9").replace("20260201", "spring"))
    error = fault_of(read_volumes, tmp_path / "1")
    assert error.what.endswith("/volumes.csv:2: study_date") and error.found == "'spring'"
