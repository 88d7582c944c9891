"""results.json keeps its layout, which other programs read, and is read back."""

import json
from pathlib import Path

import pytest

from casgan_jax.images import write_png
from casgan_jax.json_form import read_as
from casgan_jax.report.experiment import write_report
from casgan_jax.report.results import Comparison, Results, Value
from casgan_jax.report.sheet import as_picture
from tests.faults import fault_of

# Of an experiment that was run before results had types, with shorter curves.
GOLDEN = Path(__file__).parent / "golden" / "results.json"


@pytest.fixture
def results():
    return read_as(Results, GOLDEN, remedy="")


def test_the_layout_stays(results, tmp_path):
    pictures = [picture.file for picture in results.pictures]
    for file in [*pictures, *(row.worst for row in results.tables[0].rows if row.worst)]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        write_png(tmp_path / file, as_picture([[0.0, 1.0]]))
    write_report(results, tmp_path)
    assert (tmp_path / "results.json").read_text() == GOLDEN.read_text()


def test_rows_are_read_back(results):
    (table,) = results.tables
    unet, segnet, casgan = table.rows
    assert (table.lesions, unet.status, segnet.status) == (10, "done", "failed")
    assert unet.values["label_soft_mae"] == Value(0.263, 0.205, 0.322, (0.263,))
    assert unet.agreement.names == ("reader 1", "network")
    assert segnet.seconds is None and segnet.values == {} and segnet.curves is None
    assert isinstance(casgan.against["label_soft_mae"], Comparison)
    assert casgan.training.steps == (2,)


def test_a_damaged_file_names_the_entry(tmp_path):
    found = json.loads(GOLDEN.read_text())
    found["tables"][0]["rows"][2]["values"]["label_soft_mae"]["mean"] = "0.2"
    path = tmp_path / "results.json"
    path.write_text(json.dumps(found))
    error = fault_of(read_as, Results, path, remedy="", told_remedy=False)
    assert (
        error.what.endswith("/results.json: tables[0].rows[2].values.label_soft_mae.mean")
        and error.found == "'0.2'"
    )
