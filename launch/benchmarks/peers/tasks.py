"""What systems are compared on: a data set, how each of them is trained on it, what is told."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from casgan_jax import pretrained
from casgan_jax.errors import UserError, install
from casgan_jax.inference.load import load_cascade
from casgan_jax.records.identity import hashed, patients
from casgan_jax.workdir.trained_on import of_weights
from casgan_jax.workdir.weights import read_facts
from launch.benchmarks.labels.nodule_kinds import KINDS, kind_of
from launch.benchmarks.peers.ours import train_ours
from launch.benchmarks.peers.trained import Trained
from launch.benchmarks.running.apart import apart

CLICKED_ELSEWHERE = "consensus_dice_clicked_elsewhere"

Train = Callable[[Path, Path, float], Trained]  # data set, folder, seconds


@dataclass(frozen=True)
class Task:
    """A comparison on one data set.

    Attributes:
      name: of the data set.
      systems: by name, CasGAN first.
      folded: whether its patients are drawn anew in folds.
      population: whose lesions are told of (`evaluation.case.POPULATIONS`).
      columns: of `lesions.csv`, by what they are told as.
      is_clicked: whether lesions are also clicked elsewhere than in their middle, at any of
        their pixels; column `CLICKED_ELSEWHERE`.
      kinds: of lesions.
      kind_of: the kind of a record, with the data set's window.
    """

    name: str
    systems: Mapping[str, Train]
    folded: bool
    population: str
    columns: Mapping[str, str]
    is_clicked: bool = False
    kinds: tuple[str, ...] = ()
    kind_of: Callable[[Mapping[str, Any], tuple[float, float]], str] | None = None
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def _ours(config: str, **fields: str) -> Train:
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return lambda data, folder, seconds: train_ours(config, named, data, folder, seconds)


def _monai(name: str, patch: int) -> Train:
    def train(data: Path, folder: Path, seconds: float) -> Trained:
        for package in ("torch", "monai"):
            if importlib.util.find_spec(package) is None:
                raise UserError(
                    package,
                    found="none",
                    expected="the extra bench",
                    remedy=install("bench"),
                )
        from launch.benchmarks.peers.monai_networks import keep, train_monai

        trained = apart(train_monai, name, data, patch, seconds)
        keep(trained.system, folder)
        return trained

    return train


def _monais(patch: int) -> dict[str, Train]:
    return {name: _monai(name, patch) for name in ("MONAI BasicUNet", "MONAI DynUNet")}


def _package(data: Path, folder: Path, seconds: float) -> Trained:
    """Trained before, on the split of LIDC that the builder makes.

    Raises:
      UserError: it was trained on patients of the data set's test split.
    """
    learnt_from = of_weights(read_facts(pretrained.MARKED))
    assert learnt_from is not None, "the package's weights say whom they have seen"
    tested = hashed(patients(str(data), "test"))
    if known := len(tested & learnt_from.patients):
        raise UserError(
            "data_dir",
            found=f"{known} of {len(tested)} test patients that the package's network has learnt",
            expected="patients that it has not seen",
            remedy="build the lidc data set and name it whole, not a fold of it",
        )
    return Trained(load_cascade(pretrained.NAME), seconds=0.0, steps=0, curve=())


LIDC = Task(
    name="lidc",
    systems={
        "CasGAN": _ours("softgan:marked"),
        **_monais(64),
        "U-Net": _ours("unet:cpu"),
    },
    folded=True,
    population="four_readers",
    columns={
        "dice": "consensus_dice",
        "dice_clicked_elsewhere": CLICKED_ELSEWHERE,
        "dice_each_reader": "readers_dice",
        "dice_others": "others_dice",
        "reader": "human_dice",
        "soft_mae_union": "union_soft_mae",
        "hd95_px": "consensus_hd95",
    },
    is_clicked=True,
    kinds=KINDS,
    kind_of=kind_of,
    sizes={"up to 50 px": (0, 50), "51 to 200 px": (51, 200), "above 200 px": (201, float("inf"))},
)
# What a user has, beside what he would train.
PACKAGE = dataclasses.replace(
    LIDC,
    systems={"network of the package": _package, **_monais(64), "U-Net": LIDC.systems["U-Net"]},
    folded=False,
)
# Whole images, 77% of whose pixels are cell (launch/experiments/table4.py).
_NEURONS = {
    "data__patch": "256",
    "data__scale": "1",
    "data__augmentation__rotation": "10",
    "data__augmentation__shift": "8",
    "model__initial_alpha": "0.77",
    "optim__batch_size": "4",
}
ISBI = Task(
    name="isbi",
    systems={
        "CasGAN": _ours("softgan:cpu", sr="none", data__label="alpha", **_NEURONS),
        **_monais(256),
        "U-Net": _ours("unet:cpu", **_NEURONS),
    },
    folded=False,
    population="one_reader",
    columns={
        "dice": "consensus_dice",
        "accuracy": "consensus_acc",
        "soft_mae_label": "label_soft_mae",
        "hd95_px": "consensus_hd95",
    },
)


def among(task: Task, peers: Collection[str]) -> Task:
    """The task with its first system and some of the others.

    Args:
      task: to choose from.
      peers: names of its systems; none: all.

    Raises:
      UserError: it has no such system.
    """
    first, *others = task.systems
    if unknown := set(peers) - set(others):
        raise UserError(
            "peers",
            found=", ".join(map(repr, sorted(unknown))),
            expected=f"some of {', '.join(others)}",
            remedy="name these alone, or none for all",
        )
    kept = (first, *(name for name in others if name in peers or not peers))
    return dataclasses.replace(task, systems={name: task.systems[name] for name in kept})
