"""The segmentation system of a workdir, whatever made it: a trained cascade or a classical method.

system = load_system("runs/softgan-quick")
out = system(patches)  # (N, 64, 64) in [0, 1] -> {"super_resolution": ..., "alpha": ...}
"""

from __future__ import annotations

from pathlib import Path

from casgan_jax.classical.system import ClassicalSystem, check_values
from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.json_form import from_dict
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import UserError
from casgan_jax.pretrained import folder_of
from casgan_jax.systems.cascade import Cascade
from casgan_jax.workdir.config import TRAINED, read_config
from casgan_jax.workdir.layout import SYSTEM
from casgan_jax.workdir.weights import Weights, read_weights, stage_weights

LoadedSystem = Cascade | ClassicalSystem


def load_system(folder: str | Path, *, batch_size: int = 16) -> LoadedSystem:
    """The system that a run left in its workdir.

    Args:
      folder: workdir of a finished run, a folder of weights alone, or "pretrained".
      batch_size: patches that a network sees at once.

    Raises:
      UserError: no run in the folder, one that segments nothing, or one that has not finished.
    """
    folder = folder_of(folder)
    if not (folder / SYSTEM).is_file():
        config = read_config(folder, names=(*TRAINED, "classical"))
        if isinstance(config, ClassicalConfig):
            return classical_system(config)
    return load_cascade(folder, batch_size=batch_size)


def load_cascade(folder: str | Path, *, batch_size: int = 16) -> Cascade:
    """A trained cascade, with the threshold chosen on validation.

    Args:
      folder: workdir of a finished training, a folder of weights alone, or "pretrained".
      batch_size: patches that the networks see at once.

    Raises:
      UserError: no run in the folder, a run of SRGAN alone, one whose training has not finished, or
        damaged weights.
    """
    folder = folder_of(folder)
    weights = _weights(folder)
    threshold, config = weights.facts["threshold"], from_dict(weights.facts["config"])
    if threshold is None or not isinstance(config, SoftganConfig):
        raise UserError(
            "workdir",
            found=f"weights of {weights.facts['stage']!r} in {folder}",
            expected="those of a segmentation system",
            remedy="name the folder of a softgan run",
        )
    return Cascade(
        config, weights.generator, weights.frozen, threshold=threshold, batch_size=batch_size
    )


def _weights(folder: Path) -> Weights:
    if (folder / SYSTEM).is_file():
        return read_weights(folder)
    config = read_config(folder)
    if not isinstance(config, SoftganConfig):
        raise UserError(
            "workdir",
            found=f"a run of {config.name!r} in {folder}",
            expected="one of 'softgan'",
        )
    return stage_weights(folder, "softgan")


def classical_system(config: ClassicalConfig) -> ClassicalSystem:
    """The system that a config describes.

    Raises:
      UserError: a field of the config is wrong, or the prior is missing, no trained network, or one
        of another patch or of neighbouring slices.
    """
    check_values(config)
    return ClassicalSystem(config, _load_prior(config) if config.prior else None)


def _load_prior(config: ClassicalConfig) -> Cascade:
    try:
        found = read_config(config.prior)
        if isinstance(found, SoftganConfig) and found.data.patch != config.data.patch:
            raise UserError(
                "",
                found=f"data.patch={found.data.patch} in {config.prior}",
                expected=f"{config.data.patch}",
                remedy=f"set `data.patch={found.data.patch}`",
            )
        if isinstance(found, SoftganConfig) and found.data.neighbours:
            raise UserError(
                "",
                found=f"a network that sees neighbouring slices in {config.prior}",
                expected="one of single slices, as methods see",
                remedy="name another",
            )
        return load_cascade(config.prior)
    except UserError as error:
        raise error.within("prior") from error
