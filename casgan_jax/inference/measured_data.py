"""The data set that a system is measured on, and what has to be said of it: patients that were
trained on, another data set than that of the training."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.errors import UserError
from casgan_jax.files import expand_user
from casgan_jax.records.identity import digest, hashed, patients
from casgan_jax.records.prepared import dataset_directory
from casgan_jax.workdir.config import TRAINED, read_config
from casgan_jax.workdir.layout import SYSTEM, weights_folder
from casgan_jax.workdir.trained_on import TrainedOn, of_weights
from casgan_jax.workdir.weights import read_facts


class MeasuredData(NamedTuple):
    """What a system is measured on.

    Attributes:
      directory: of the prepared data set.
      digest: of its content, see `casgan_jax.records.identity`.
      notes: lines that the figures are not to be read without.
    """

    directory: str
    digest: str
    notes: list[str]


def measured_data(
    config: SoftganConfig | ClassicalConfig,
    folder: str | Path,
    split: str,
    data_dir: str | Path | None = None,
) -> MeasuredData:
    """The data set that is named, or else the run's own, and what has to be said of a split of it.

    Args:
      config: of the system.
      folder: workdir of a finished run, or a folder of weights alone.
      split: that is measured.
      data_dir: prepared data set; None: that of the training, or for its test split the one that
        the config names.

    Raises:
      UserError: no such data set, or damaged weights.
    """
    named = config.data.test_dir if split == "test" else ""
    directory = str(data_dir or named or config.data.dir)
    if not data_dir and not _is_there(directory):
        raise UserError(
            "data_dir",
            found=f"none, and the data set of this run is not there ({directory})",
            expected=f"the folder of a prepared data set with a split {split!r}",
            remedy="say by `data_dir` where it lies now",
        )
    content = digest(directory)
    return MeasuredData(directory, content, _notes(config, folder, split, directory, content))


def _notes(
    config: SoftganConfig | ClassicalConfig,
    folder: str | Path,
    split: str,
    directory: str,
    content: str,
) -> list[str]:
    weights = _weights_of(expand_user(folder))
    if weights is None:
        return []  # nothing was trained
    learnt_from = of_weights(read_facts(weights))
    if learnt_from is None:
        return [
            "the version that trained this system did not keep which data set and patients it was "
            f"trained on, so nobody knows whether those of the split {split!r} are among them"
        ]
    lines = []
    if content != learnt_from.data and _is_of_training(config, directory):
        lines.append(
            f"{directory} is not the data set that this system was trained on: it has other "
            "records, or other splits of them"
        )
    return [*lines, *_known_patients(learnt_from, directory, split)]


def _is_of_training(config: SoftganConfig | ClassicalConfig, directory: str) -> bool:
    """Whether a data set is meant to be that of the training; where that is no more, the one that
    is named stands for it."""
    if isinstance(config, ClassicalConfig):
        return False
    if not _is_there(config.data.dir):
        return directory != config.data.test_dir
    return dataset_directory(directory).resolve() == dataset_directory(config.data.dir).resolve()


def _is_there(directory: str) -> bool:
    return any(expand_user(directory).glob("**/dataset_info.json"))


def _known_patients(learnt_from: TrainedOn, directory: str, split: str) -> list[str]:
    measured = hashed(patients(directory, split))
    known = len(measured & learnt_from.patients)
    if not known:
        return []
    return [
        f"{known} of the {len(measured)} patients of the split {split!r} of {directory} were "
        "trained on, by their names; these figures do not tell how the system does on others"
    ]


def _weights_of(folder: Path) -> Path | None:
    """Where the weights of a system are: of a classical method its prior's; None without any."""
    if (folder / SYSTEM).is_file():
        return folder
    config = read_config(folder, names=(*TRAINED, "classical"))
    if not isinstance(config, ClassicalConfig):
        return weights_folder(folder, config.name)
    return _weights_of(expand_user(config.prior)) if config.prior else None
