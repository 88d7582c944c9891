"""A stage's result keeps its layout, which other programs read, and is read back."""

import json

from casgan_jax.json_form import read_as
from casgan_jax.workdir.results import ClassicalResult, StageResult, write_result
from tests.faults import fault_of

RESULT = StageResult(
    stage="softgan",
    step=20,
    steps=40,
    parameters=1234,
    initial_weights="random",
    devices="cpu",
    threshold=0.375,
    warning="",
    validation={"dice": 0.75, "threshold": 0.375},
    grid="runs/a/softgan/samples/best.png",
)
# Written before results had types.
TEXT = """{
  "stage": "softgan",
  "step": 20,
  "steps": 40,
  "parameters": 1234,
  "initial_weights": "random",
  "devices": "cpu",
  "threshold": 0.375,
  "warning": "",
  "validation": {
    "dice": 0.75,
    "threshold": 0.375
  },
  "grid": "runs/a/softgan/samples/best.png"
}
"""


def test_the_layout_stays(tmp_path):
    path = tmp_path / "result.json"
    write_result(RESULT, path)
    assert path.read_text() == TEXT
    assert read_as(StageResult, path, remedy="") == RESULT
    write_result(ClassicalResult("classical", 12.5), path)
    assert path.read_text() == '{\n  "stage": "classical",\n  "images_per_second": 12.5\n}\n'


def test_an_earlier_version_noted_less(tmp_path):
    path = tmp_path / "result.json"
    earlier = json.loads(TEXT)
    for name in ("parameters", "initial_weights", "devices"):
        del earlier[name]
    path.write_text(json.dumps(earlier))
    found = read_as(StageResult, path, remedy="")
    assert (found.step, found.devices, found.parameters) == (20, None, None)


def test_a_damaged_step_is_told(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(TEXT.replace("20,", '"last",'))
    error = fault_of(read_as, StageResult, path, remedy="x")
    assert error.what.endswith("/result.json: step") and error.found == "'last'"
