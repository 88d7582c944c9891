"""ImageNet weights that a network's encoder starts from, where its config names a file of them.

They are one kind of `casgan_jax.training.initial_weights`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import jax
import numpy as np

from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import UserError
from casgan_jax.models.resnet_weights import ENCODER, load_encoder, locate_encoder
from casgan_jax.training.restore import state_shapes
from casgan_jax.training.state import TrainState


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


def read_encoder_weights(config: SoftganConfig) -> EncoderWeights | None:
    """The weights that `model.encoder_weights` names, None where it names none.

    Args:
      config: resolved.

    Raises:
      UserError: the file is missing or does not fit the network.
    """
    source = str(config.model.options.get("encoder_weights", ""))
    if not source:
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
