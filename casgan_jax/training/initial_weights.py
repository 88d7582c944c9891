"""What a network's training starts from: a trained system's weights, ImageNet's, or random ones.

    weights = read_initial_weights(config, workdir)
    state = weights.put_into(state) if weights else state

They are read before anything is trained and put into the first state of a run. From its first
checkpoint on a run needs them no more; what they were stays in `initial_weights.json` beside the
checkpoints. Where there is no such file a network started from random weights.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import jax
import numpy as np

from casgan_jax.configs.schema.json_form import from_dict
from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.tree import flat
from casgan_jax.errors import UserError
from casgan_jax.files import read_json, write_whole
from casgan_jax.pretrained import MARKED, folder_of
from casgan_jax.training.encoder_weights import EncoderWeights, read_encoder_weights
from casgan_jax.training.restore import state_shapes
from casgan_jax.training.state import TrainState, Variables
from casgan_jax.workdir.checkpoints import Checkpoints
from casgan_jax.workdir.layout import (
    ARRAYS,
    INITIAL_WEIGHTS,
    SYSTEM,
    checkpoints_folder,
    weights_folder,
)
from casgan_jax.workdir.processes import is_first
from casgan_jax.workdir.weights import Weights, read_weights, stage_weights


@dataclasses.dataclass(frozen=True)
class SystemWeights:
    """The variables of a trained system's network.

    Attributes:
      generator: params and batch_stats, NumPy.
      name: what they are, "pretrained (sha256 0123456789ab)".
    """

    generator: Variables
    name: str

    def put_into(self, state: TrainState) -> TrainState:
        """A state, of NumPy arrays, whose generator and its average start from these weights."""
        generator = dataclasses.replace(
            state.generator,
            params=self.generator["params"],
            batch_stats=self.generator.get("batch_stats", {}),
        )
        # A copy: the step donates its state, and one buffer cannot be donated twice.
        average = jax.tree.map(np.copy, generator.variables)
        return dataclasses.replace(state, generator=generator, average=average)


InitialWeights = EncoderWeights | SystemWeights

_SHARES = ("data.marks.click", "data.marks.axes")  # of the examples that show such a mark


def read_initial_weights(config: StageConfig, workdir: Path) -> InitialWeights | None:
    """The weights that a stage starts from.

    Args:
      config: resolved.
      workdir: of the run.

    Returns:
      None where the config names none, or the run has a checkpoint already.

    Raises:
      UserError: they are missing, damaged, or do not fit the network.
    """
    if not isinstance(config, SoftganConfig):
        return None
    if Checkpoints(checkpoints_folder(workdir, config.name)).steps():
        return None
    if not config.init:
        return read_encoder_weights(config)
    try:
        return _read_system_weights(config)
    except UserError as error:
        raise error.within("init") from error


def init_folder(config: SoftganConfig) -> Path:
    """The folder of the weights that `init` names, which may be a run's workdir."""
    folder = folder_of(config.init)
    return folder if (folder / SYSTEM).is_file() else weights_folder(folder, config.name)


def _read_system_weights(config: SoftganConfig) -> SystemWeights:
    folder = init_folder(config)
    own = folder == folder_of(config.init)
    weights = read_weights(folder) if own else stage_weights(folder_of(config.init), config.name)
    _check_fit(weights, config, packed=folder == MARKED)
    with (folder / ARRAYS).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return SystemWeights(weights.generator, f"{config.init} (sha256 {digest[:12]})")


def _check_fit(weights: Weights, config: SoftganConfig, *, packed: bool) -> None:
    """The network is the same and sees the same planes.

    Args:
      weights: to start from.
      config: of the network that is to.
      packed: whether the weights are those of the package.
    """
    found = from_dict(weights.facts["config"])
    if isinstance(found, SoftganConfig):
        shapes = jax.tree.map(np.shape, (state_shapes(config).average, weights.generator))
        if shapes[0] == shapes[1] and _seen(found) == _seen(config):
            return
        theirs, ours = flat(found), flat(config)
        differing = [
            name
            for name in theirs
            if _of_the_network(name) and _differs(name, theirs[name], ours.get(name))
        ]
        fields = " and ".join(f"`{name}={theirs[name]}`" for name in differing)
        other = packed and not config.data.marks.kinds
        raise UserError(
            "",
            found="weights of another network",
            expected="one that `config` describes, too",
            remedy=f"set {'`config=softgan:marked`' if other else fields}",
        )
    raise UserError(
        "",
        found=f"weights of {weights.facts['stage']!r}",
        expected="those of a segmentation system",
        remedy="name the folder of a softgan run",
    )


def _seen(config: SoftganConfig) -> tuple[tuple[str, ...], int]:
    """The marks and slices that a network sees beside the patch."""
    return config.data.marks.kinds, config.data.neighbours


def _of_the_network(field: str) -> bool:
    section, _, name = field.partition(".")
    if section == "model":
        return name not in ("initial_alpha", "encoder_weights") and "discriminator" not in name
    return field in ("sr", "prior", "data.scale", "data.neighbours", *_SHARES)


def _differs(field: str, theirs: object, ours: object) -> bool:
    """Whether two networks differ by a field: by a mark that only one of them is ever shown, not by
    how often they are."""
    return bool(theirs) != bool(ours) if field in _SHARES else bool(theirs != ours)


def keep_initial_weights(directory: Path, weights: InitialWeights | None) -> None:
    """Notes in a stage's folder what its network starts from; None: random weights."""
    path = directory / INITIAL_WEIGHTS
    if not is_first():
        return
    if weights is None:
        path.unlink(missing_ok=True)  # of an attempt that ended before its first checkpoint
    else:
        facts = {"initial_weights": weights.name}
        write_whole(path, (json.dumps(facts) + "\n").encode())


def initial_weights(directory: Path) -> str:
    """What `keep_initial_weights` noted in a stage's folder, "random" where it noted nothing."""
    path = directory / INITIAL_WEIGHTS
    if not path.is_file():
        return "random"
    return read_json(path, remedy="train into another `workdir`")["initial_weights"]
