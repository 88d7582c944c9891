"""What the stages of a run learn from, by the content of their data sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.files import expand_user
from casgan_jax.records.identity import digest, hashed, patients
from casgan_jax.training.initial_weights import init_folder
from casgan_jax.workdir.layout import weights_folder
from casgan_jax.workdir.trained_on import TrainedOn, of_weights
from casgan_jax.workdir.weights import read_facts


def data_of_stages(config: StageConfig) -> dict[str, TrainedOn]:
    """What each stage that a run trains learns from, in the order of their training.

    Other systems' patients, whose networks a stage starts from, builds on, looks at or learns from,
    count as its own, where their weights say whose they are.

    Args:
      config: resolved.

    Raises:
      UserError: a data set is not there or damaged, or weights are.
    """
    own = _of_data_set(config.data.dir)
    if not isinstance(config, SoftganConfig):
        return {config.name: own}
    stages = {"srgan": _of_data_set(config.srgan.data.dir)} if config.sr == "train" else {}
    others = (found.patients for folder in _others(config) if (found := _of_other(folder)))
    return {**stages, config.name: own._replace(patients=own.patients.union(*others))}


def _of_data_set(directory: str) -> TrainedOn:
    return TrainedOn(digest(directory), hashed(patients(directory, "train")))


def _others(config: SoftganConfig) -> Iterator[Path]:
    """The folders of the weights that a config names."""
    if config.init:
        yield init_folder(config)
    if config.sr not in ("train", "none"):
        source = expand_user(config.sr)
        own = weights_folder(source, "srgan")
        yield own if own.is_dir() else weights_folder(source, "softgan")  # it has it from elsewhere
    for workdir, _ in config.others.values():
        yield weights_folder(expand_user(workdir), "softgan")


def _of_other(folder: Path) -> TrainedOn | None:
    # Weights that are not there are told where they are read.
    return of_weights(read_facts(folder)) if folder.is_dir() else None
