"""A prepared data set on disk: its metadata, its features and random access to its records."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from casgan_jax.errors import Step, UserError
from casgan_jax.files import expand_user
from casgan_jax.records.checks import check_shards, open_data_set, read_record, stored_metadata

Record = Mapping[str, Any]


def dataset_directory(data_dir: str | Path) -> Path:
    """The folder of one prepared data set: `data_dir` itself, or the only one below it.

    Raises:
      UserError: there is none, or more than one.
    """
    data_dir = expand_user(data_dir)
    if (data_dir / "dataset_info.json").is_file():
        return data_dir
    found = sorted(
        path.parent
        for path in data_dir.glob("**/dataset_info.json")
        if ".incomplete" not in str(path.relative_to(data_dir))
    )
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            "data.dir",
            found=f"no prepared data set under {data_dir}",
            expected="one",
            remedy="make one",
            step=Step("build", {"dataset": "phantom/quick", "data_dir": str(data_dir)}),
        )
    names = ", ".join(str(path.relative_to(data_dir)) for path in found)
    raise UserError(
        "data.dir",
        found=f"{len(found)} data sets under {data_dir}",
        expected="one",
        remedy=f"name one of {names}",
    )


def open_prepared(directory: Path) -> Any:
    """The TFDS builder of the prepared data set in a folder, which is opened once.

    Raises:
      UserError: see `casgan_jax.records.checks.open_data_set`.
    """
    return _opened(directory, _modified(directory / "dataset_info.json"))


@functools.lru_cache(maxsize=8)
def _opened(directory: Path, modified: int) -> Any:
    del modified  # of a data set that was there before
    return open_data_set(directory)


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.is_file() else 0


def read_metadata(data_dir: str | Path) -> dict[str, Any]:
    """The metadata that the builder stored: kind, window, scale and what it counted."""
    return stored_metadata(dataset_directory(data_dir))


def feature_names(data_dir: str | Path) -> set[str]:
    """The features of a prepared data set's records."""
    return set(open_prepared(dataset_directory(data_dir)).info.features)


def load_split(
    data_dir: str | Path, split: str, *, features: Sequence[str] | None = None
) -> Sequence[dict[str, Any]]:
    """Random access to the records of a split.

    Args:
      data_dir: prepared data set, or the folder with the only one.
      split: "train", "validation" or "test".
      features: decode only these; None for all.

    Raises:
      UserError: no data set there, or no records in the split.
    """
    import tensorflow_datasets as tfds

    directory = dataset_directory(data_dir)
    builder = open_prepared(directory)
    sizes = {name: info.num_examples for name, info in builder.info.splits.items()}
    if not sizes.get(split):
        raise UserError(
            "split",
            found=f"no records of {split!r} in {directory}",
            expected=(
                f"one of {', '.join(f'{name} ({size})' for name, size in sizes.items() if size)}"
            ),
        )
    check_shards(builder, split)
    source = builder.as_data_source(
        split=split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    wanted = builder.info.features
    if features is not None:
        wanted = tfds.features.FeaturesDict({name: wanted[name] for name in features})
    return _Records(source, wanted)


def measured_split(data_dir: str | Path) -> str:
    """The split that a trained system is measured on in the end: "test", or "validation" where the
    data set has no test split.

    Raises:
      UserError: no data set there.
    """
    splits = open_data_set(dataset_directory(data_dir)).info.splits
    return "test" if "test" in splits and splits["test"].num_examples else "validation"


class _Records(Sequence[dict[str, Any]]):
    """Records decoded when they are read, and of their features only the wanted ones."""

    def __init__(self, source: Sequence[bytes], features: Any) -> None:
        self._source, self._features = source, features

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: Any) -> Any:  # an int -> a record; slices are not needed
        if not 0 <= index < len(self):
            raise IndexError(f"record: found {index}, expected 0 to {len(self) - 1}")
        return read_record(self._source, self._features, index)
