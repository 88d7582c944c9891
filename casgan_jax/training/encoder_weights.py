"""ImageNet weights that a network's encoder starts from, where its config names a file of them.

They are read before anything is trained and put into the first state of a run. From its first
checkpoint on a run needs the file no more; its name and sum stay in `initial_weights.json` beside
the checkpoints. Where there is no such file a network started from random weights.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import UserError
from casgan_jax.files import read_json, write_whole
from casgan_jax.models.resnet_weights import ENCODER, load_encoder, locate_encoder
from casgan_jax.training.restore import state_shapes
from casgan_jax.training.state import TrainState
from casgan_jax.workdir.checkpoints import Checkpoints
from casgan_jax.workdir.processes import is_first

_FILE = "initial_weights.json"


@dataclasses.dataclass(frozen=True)
class EncoderWeights:
    """The variables of an encoder.

    Attributes:
      params, batch_stats: of the submodule `encoder`, NumPy.
      name: what they are, "ImageNet: resnet34.safetensors (sha256 0123456789ab)".
    """

    params: Any
    batch_stats: Any
    name: str

    def put_into(self, state: TrainState) -> TrainState:
        """A state, of NumPy arrays, whose generator and its average start from these weights."""
        generator = dataclasses.replace(
            state.generator,
            params={**state.generator.params, ENCODER: self.params},
            batch_stats={**state.generator.batch_stats, ENCODER: self.batch_stats},
        )
        # A copy: the step donates its state, and one buffer cannot be donated twice.
        average = jax.tree.map(np.copy, generator.variables)
        return dataclasses.replace(state, generator=generator, average=average)


def read_encoder_weights(config: StageConfig, workdir: Path) -> EncoderWeights | None:
    """The weights that `model.encoder_weights` names.

    Args:
      config: resolved.
      workdir: of the run.

    Returns:
      None where it names none, or the run has a checkpoint already.

    Raises:
      UserError: the file is missing or does not fit the network.
    """
    options = config.model.options if isinstance(config, SoftganConfig) else {}
    source = str(options.get("encoder_weights", ""))
    if not source or Checkpoints(workdir / config.name / "checkpoints").steps():
        return None
    shapes = state_shapes(config).average
    try:
        path = locate_encoder(source, shapes)
        loaded = load_encoder(path, shapes)
    except UserError as error:
        raise error.within("model.encoder_weights") from error
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # On the hub every file is a model.safetensors; there the repository is its name.
    name = source if source.startswith("hf://") else path.name
    return EncoderWeights(
        loaded["params"][ENCODER],
        loaded["batch_stats"][ENCODER],
        f"ImageNet: {name} (sha256 {digest[:12]})",
    )


def keep_initial_weights(directory: Path, weights: EncoderWeights | None) -> None:
    """Notes in a stage's folder what its network starts from; None: random weights."""
    path = directory / _FILE
    if not is_first():
        return
    if weights is None:
        path.unlink(missing_ok=True)  # of an attempt that ended before its first checkpoint
    else:
        facts = {"initial_weights": weights.name}
        write_whole(path, (json.dumps(facts) + "\n").encode())


def initial_weights(directory: Path) -> str:
    """What `keep_initial_weights` noted in a stage's folder: "random", or `EncoderWeights.name`."""
    path = directory / _FILE
    if not path.is_file():
        return "random"
    return read_json(path, remedy="train into another `workdir`")["initial_weights"]
