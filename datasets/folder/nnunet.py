"""A folder as nnU-Net's raw data sets are laid out.

    MYDIR/dataset.json                    channel_names, labels, file_ending
    MYDIR/imagesTr/CASE_0000.nii.gz       the first channel of a case
    MYDIR/labelsTr/CASE.nii.gz            whole numbers, 0 is the background

Each case is a patient, and each slice of it that has a label is a lesion, one for each label; of
several channels the first is used. Those of nnU-Net before version 2 ("modality", and labels by
their numbers) are read, too. Source: documentation/dataset_format.md of MIC-DKFZ/nnUNet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.files import read_json
from casgan_jax.images.scan import open_stack
from datasets.folder.layout import Layout

DESCRIPTION = "dataset.json"

_REMEDY = "see datasets/folder/README.md"


def is_nnunet(folder: Path) -> bool:
    """Whether a folder is laid out so."""
    return (folder / DESCRIPTION).is_file() and (folder / "imagesTr").is_dir()


def read_nnunet(folder: Path) -> tuple[Layout, int]:
    """The lesions of a folder, in the order of the cases' names, and the number of channels.

    Raises:
      UserError: no cases, or labels that are no numbers.
    """
    description = read_json(folder / DESCRIPTION, remedy=_REMEDY)
    ending = str(description.get("file_ending", ".nii.gz"))
    names = _labels(folder / DESCRIPTION, description.get("labels"))
    images = {path.name.removesuffix(f"_0000{ending}"): path for path in _images(folder, ending)}
    labels = {path.name.removesuffix(ending): path for path in _files(folder / "labelsTr", ending)}
    annotations: list[Annotation] = []
    without_marks = []
    for case, image in images.items():
        found = list(_lesions(case, image, labels[case], names)) if case in labels else []
        annotations += found
        if not found:
            without_marks.append(case)
    lone = [path for case, path in labels.items() if case not in images]
    channels = description.get("channel_names") or description.get("modality") or {}
    return Layout(annotations, without_marks, lone), len(channels)


def _labels(path: Path, labels: Any) -> dict[int, str]:
    """{value: name} of all labels but the background and what is to be ignored."""
    pairs = labels.items() if isinstance(labels, dict) else ()
    try:
        found = {
            int(a if str(a).isdecimal() else b): str(b if str(a).isdecimal() else a)
            for a, b in pairs
        }
    except (TypeError, ValueError) as error:
        raise UserError(
            path,
            found=f"labels {labels}",
            expected="one number for each name (regions of several are not read)",
            remedy=_REMEDY,
        ) from error
    found = {value: name for value, name in found.items() if value and name != "ignore"}
    if not found:
        raise UserError(
            path,
            found=f"labels {labels}",
            expected='names and numbers, like {"background": 0, "lesion": 1}',
            remedy=_REMEDY,
        )
    return found


def _images(folder: Path, ending: str) -> list[Path]:
    found = _files(folder / "imagesTr", f"_0000{ending}")
    if not found:
        raise UserError(
            folder / "imagesTr",
            found=f"no file CASE_0000{ending}",
            expected="some",
            remedy=_REMEDY,
        )
    return found


def _files(folder: Path, ending: str) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{ending}") if not path.name.startswith("."))


def _lesions(case: str, image: Path, label: Path, names: dict[int, str]) -> Iterator[Annotation]:
    for index, values in _values(label, min(names)):
        for value in sorted(names.keys() & values):
            parts = [case]
            if len(names) > 1:
                parts.append(names[value])
            if index is not None:
                parts.append(f"slice-{index:03d}")
            yield Annotation(
                key="/".join(parts),
                patient=case,
                image=image,
                slice_index=index,
                mask=label,
                segment=str(value),
            )


def _values(label: Path, first: int) -> Iterator[tuple[int | None, set[int]]]:
    """(slice, what it holds); one slice that is not numbered where that is all."""
    try:
        stack = open_stack(label)
        for index in range(stack.count):
            found = np.unique(stack.read(index).values)
            yield (None if stack.count == 1 else index), {int(one) for one in found}
    except UserError:  # one lesion, whose record tells what is wrong
        yield None, {first}
