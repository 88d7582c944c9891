"""Weights made smaller, to be given to others.

pack("runs/marked", "marked")  # half the size, and no path of this machine in it
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.files import expand_user, make_folder
from casgan_jax.workdir.layout import SYSTEM
from casgan_jax.workdir.weights import stage_weights, write_weights

STAGE = "softgan"


def pack(workdir: str | Path, folder: str | Path) -> Path:
    """Writes the weights of a run's network in float16, in a folder of their own.

    Args:
      workdir: of the finished run.
      folder: to write; one that is there is replaced if it holds weights.

    Returns:
      The folder.

    Raises:
      UserError: the run is not finished, its weights are damaged or too large for float16, or the
        folder holds something else.
    """
    folder = expand_user(folder)
    weights = stage_weights(expand_user(workdir), STAGE)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / SYSTEM).is_file():
        raise UserError(
            "to",
            found=f"{folder}, which holds other files",
            expected="a new folder, or one of weights",
            remedy="choose another",
        )
    make_folder(folder.parent, field="to")
    facts = {**weights.facts, "config": _anywhere(weights.facts["config"])}
    write_weights(folder, weights.generator, weights.frozen, facts, dtype=np.float16)
    return folder


def _anywhere(config: Any, name: str = "") -> Any:
    """A config, or a part of it, with the last part of every path that is absolute."""
    if isinstance(config, dict):
        return {key: _anywhere(value, key) for key, value in config.items()}
    if isinstance(config, str) and Path(config).is_absolute():
        last = Path(config).name
        return f"data/{last}" if name in ("dir", "test_dir") else last
    return config
