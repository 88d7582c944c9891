"""Runs a classical method on a data set: nothing is trained, the test split is measured, or
validation where there is none.

    lines = run(config, Path("runs/graph_cut"))

The workdir gets `config.json`, from which `casgan_jax.inference.load.load_system` makes the system
again, `classical/result.json` and `evaluation`. The same call runs everything again.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from casgan_jax.classical.system import ClassicalSystem
from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.files import expand_user, make_folder, write_whole
from casgan_jax.grid import normalise
from casgan_jax.inference.evaluate import measure_in_the_end
from casgan_jax.inference.load import classical_system
from casgan_jax.records.patches import marked_patch
from casgan_jax.records.prepared import load_split, measured_split, read_metadata
from casgan_jax.workdir.config import write_config
from casgan_jax.workdir.lock import hold_workdir

_TIMED = 16  # patches, as many as a network sees at once
_BATCH = 8  # patches between two steps of the progress bar


def run(config: ClassicalConfig, workdir: str | Path) -> list[str]:
    """Measures a method on the test split, or on validation where there is none.

    Args:
      config: of the method.
      workdir: folder of the run.

    Returns:
      Lines that tell what was found.

    Raises:
      UserError: bad config, prior or data, or a workdir that another kind of run has.
    """
    workdir = expand_user(workdir)
    system = classical_system(config)
    config = replaced(config, data=dict(window=tuple(read_metadata(config.data.dir)["window"])))
    patches = _measured_patches(config, _TIMED)
    with hold_workdir(workdir):
        write_config(config, workdir)
        facts = {"stage": "classical", "images_per_second": images_per_second(system, patches)}
        result = make_folder(workdir / "classical", field="workdir") / "result.json"
        write_whole(result, (json.dumps(facts, indent=2) + "\n").encode())
        return [
            f"{config.method}: not trained, {facts['images_per_second']:.1f} images per second",
            *measure_in_the_end(workdir, batch_size=_BATCH),
        ]


def images_per_second(system: ClassicalSystem, patches: np.ndarray) -> float:
    """How fast a system segments patches (N, P, P), its prior's network included, once that is
    compiled."""
    system(patches)
    start = time.perf_counter()
    system(patches)
    return len(patches) / (time.perf_counter() - start)


def _measured_patches(config: ClassicalConfig, count: int) -> np.ndarray:
    """The patches of the first records that are measured, (N, P, P) in [0, 1]."""
    data_dir = config.data.test_dir or config.data.dir
    records = load_split(data_dir, measured_split(data_dir))
    return np.stack(
        [
            normalise(marked_patch(records[index], "image", config.data.patch), config.data.window)
            for index in range(min(count, len(records)))
        ]
    )
