"""What a run's stage came to: the `result.json` of its folder, which is there once it is finished.

result = read_as(StageResult, result_file(workdir, "softgan"), remedy="train again")
result.step, result.validation["dice"]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from casgan_jax.files import write_whole
from casgan_jax.json_form import to_json


@dataclass(frozen=True)
class StageResult:
    """A trained stage.

    Attributes:
      stage: "srgan" or "softgan".
      step: whose weights are used.
      steps: that it was trained for.
      parameters: of the network; None in a run of an earlier version.
      initial_weights: what its encoder started from; None in a run of an earlier version.
      devices: that it was trained on; None in a run of an earlier version.
      threshold: chosen on validation; None for a stage that segments nothing.
      warning: a line if the network has gone astray, else "".
      validation: figures of that step on all of the validation split, by name.
      grid: the file of their pictures.
    """

    stage: str
    step: int
    steps: int
    parameters: int | None
    initial_weights: str | None
    devices: str | None
    threshold: float | None
    warning: str
    validation: Mapping[str, float]
    grid: str


@dataclass(frozen=True)
class ClassicalResult:
    """A method that is not trained.

    Attributes:
      stage: "classical".
      images_per_second: that it segments.
    """

    stage: str
    images_per_second: float


def write_result(result: StageResult | ClassicalResult, path: Path) -> None:
    """Writes a `result.json`; its folder exists."""
    write_whole(path, (json.dumps(to_json(result), indent=2) + "\n").encode())
