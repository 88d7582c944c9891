"""Opening and reading a prepared data set: one line that names the file for whatever is damaged.

A data set's folder holds `dataset_info.json`, `features.json`, `metadata.json` and ArrayRecord
shards. ArrayRecord keeps a hash of every chunk, so flipped bytes are found when a record is read.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError, one_line
from casgan_jax.files import read_json
from casgan_jax.records.neighbours import FEATURE

KINDS = ("segmentation", "super_resolution", "volumes")

_REMEDY = "build the data set again, with `overwrite`"
_FINE_PLANES = ("alpha", "alpha_anchored", "true_alpha", "trimap")


def open_data_set(directory: Path) -> Any:
    """The TFDS builder of a prepared data set.

    Raises:
      UserError: `dataset_info.json` or `features.json` is damaged or describes no ArrayRecord data
        set, or the planes' shapes do not fit the metadata.
    """
    import tensorflow_datasets as tfds
    from google.protobuf.json_format import ParseError

    for name in ("dataset_info.json", "features.json"):
        read_json(directory / name, remedy=_REMEDY)
    try:
        builder = tfds.builder_from_directory(str(directory))
        file_format = builder.info.file_format
    except (ParseError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise UserError(
            directory,
            found=f"a dataset_info.json or features.json that cannot be used ({one_line(error)})",
            expected="those of a prepared data set",
            remedy=f"{_REMEDY}",
        ) from error
    if file_format is not tfds.core.FileFormat.ARRAY_RECORD:
        raise UserError(
            directory / "dataset_info.json",
            found=f"the file format {file_format.value}",
            expected="array_record",
            remedy=f"{_REMEDY}",
        )
    metadata = stored_metadata(directory)
    if metadata["kind"] == "segmentation":
        shapes = {name: tuple(feature.shape) for name, feature in builder.info.features.items()}
        try:
            check_planes(shapes, scale=metadata["scale"])
        except UserError as error:
            raise error.within(f"{directory / 'features.json'}") from error
    return builder


def stored_metadata(directory: Path) -> dict[str, Any]:
    """The metadata that the builder stored beside the records.

    Raises:
      UserError: the file is missing or damaged, or kind, window or scale make no sense.
    """
    path = directory / "metadata.json"
    found = read_json(path, remedy=_REMEDY)
    if found.get("kind") not in KINDS:
        raise UserError(
            path,
            found=f"kind {found.get('kind')!r}",
            expected=f"one of {', '.join(KINDS)}",
            remedy=f"{_REMEDY}",
        )
    if not _is_window(found.get("window")):
        raise UserError(
            path,
            found=f"window {found.get('window')!r}",
            expected="[low, high] with low < high",
            remedy=f"{_REMEDY}",
        )
    scale = found.get("scale")
    if type(scale) is not int or scale < 1:
        raise UserError(
            path,
            found=f"scale {scale!r}",
            expected="a whole number of at least 1",
            remedy=f"{_REMEDY}",
        )
    return found


def check_planes(shapes: Mapping[str, tuple[int, ...]], *, scale: int | None = None) -> None:
    """Checks that the planes of a segmentation record lie over one another.

    Args:
      shapes: of its features, by name; features that are not there are not checked.
      scale: fine pixels a native pixel; None: whatever `alpha` has.

    Raises:
      UserError: a plane is missing or has another shape.
    """
    for name in ("image", "alpha"):
        if name not in shapes:
            raise UserError(
                name,
                found="none",
                expected=f"the feature {name}",
                remedy=f"{_REMEDY}",
            )
    size = shapes["image"][0] if len(shapes["image"]) == 2 else 0
    scale = scale or (shapes["alpha"][0] // size if size and shapes["alpha"] else 0)
    fine = dict.fromkeys(_FINE_PLANES, (scale * size, scale * size))
    for name, expected in {"image": (size, size), "consensus": (size, size), **fine}.items():
        found = shapes.get(name, expected)
        if found != expected or 0 in found:
            raise UserError(
                name,
                found=f"the shape {found}",
                expected=f"{expected} for an image of {shapes['image']} pixels at scale {scale}",
                remedy=f"{_REMEDY}",
            )
    for name, what in {"reader_masks": "readers", FEATURE: "slices"}.items():
        found = shapes.get(name, (size, size, 1))
        if found[:-1] != (size, size):
            raise UserError(
                name,
                found=f"the shape {found}",
                expected=f"({size}, {size}, {what})",
                remedy=f"{_REMEDY}",
            )


def check_shards(builder: Any, split: str) -> None:
    """Checks that all files of a split are there.

    Raises:
      UserError: one of them is missing, or the files' names cannot be read.
    """
    try:
        instructions = builder.info.splits[split].file_instructions
    except (ValueError, LookupError, AttributeError, TypeError) as error:  # of str.format
        raise UserError(
            Path(builder.data_dir) / "dataset_info.json",
            found=f"a template of the shards' names that cannot be used ({one_line(error)})",
            expected="that of a prepared data set",
            remedy=f"{_REMEDY}",
        ) from error
    for instruction in instructions:
        if not Path(instruction.filename).is_file():
            raise UserError(
                instruction.filename,
                found="no such file",
                expected=f"a shard of the {split} split",
                remedy=f"{_REMEDY}",
            )


def read_record(source: Sequence[bytes], features: Any, index: int) -> dict[str, Any]:
    """One decoded record.

    Args:
      source: TFDS's data source of a split, giving bytes.
      features: what to decode.
      index: of the record in the split.

    Raises:
      UserError: the record's bytes or what they code is damaged; the line names the file.
    """
    from google.protobuf.message import DecodeError

    try:
        coded = source[index]
    except RuntimeError as error:  # all of ArrayRecord's errors
        raise _damaged(source, index, error) from error
    try:
        record = features.deserialize_example_np(coded)
        _check_finite(record)
        return record
    except (DecodeError, zlib.error, ValueError, TypeError, KeyError) as error:
        raise _damaged(source, index, error) from error


def _check_finite(record: Mapping[str, Any]) -> None:
    for name, value in record.items():
        if isinstance(value, np.ndarray | np.floating) and not np.isfinite(value).all():
            raise ValueError(f"{name}: NaN or infinite")


def _damaged(source: Any, index: int, error: Exception) -> UserError:
    file, position = "records", index
    for instruction in source.dataset_info.splits[source.split].file_instructions:
        if position < instruction.examples_in_shard:
            file = instruction.filename
            break
        position -= instruction.examples_in_shard
    return UserError(
        file,
        found=f"record {position} damaged ({one_line(error)})",
        expected="what features.json describes",
        remedy=f"{_REMEDY}",
    )


def _is_window(found: Any) -> bool:
    if not isinstance(found, list) or len(found) != 2:
        return False
    numbers = all(type(value) in (int, float) and math.isfinite(value) for value in found)
    return numbers and found[0] < found[1]
