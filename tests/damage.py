"""Copies of a prepared data set with one thing broken."""

import json
import shutil
from pathlib import Path


def copied(discs: Path, folder: Path) -> Path:
    """A copy of a data set whose files may be broken."""
    return Path(shutil.copytree(discs, folder / discs.parent.name / discs.name))


def shard(directory: Path, split: str) -> Path:
    """The only shard of a split."""
    (path,) = directory.glob(f"*-{split}.array_record-*")
    return path


def flip(path: Path, position: int) -> None:
    """Flips all bits of one byte."""
    data = bytearray(path.read_bytes())
    data[position] ^= 255
    path.write_bytes(data)


def cut(path: Path, size: int) -> None:
    """Keeps the first `size` bytes."""
    path.write_bytes(path.read_bytes()[:size])


def replace(path: Path, old: str, new: str) -> None:
    """Replaces a text that is there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def change(path: Path, **values: object) -> None:
    """Sets fields of a JSON object."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def drop_split(directory: Path, split: str) -> None:
    """Leaves a data set that was built without a split."""
    shard(directory, split).unlink()
    info = json.loads((directory / "dataset_info.json").read_text())
    info["splits"] = [each for each in info["splits"] if each["name"] != split]
    (directory / "dataset_info.json").write_text(json.dumps(info))


def repeat_train_as_validation(directory: Path) -> None:
    """Gives the validation split the records of the training split."""
    shutil.copy(shard(directory, "train"), shard(directory, "validation"))
    info = json.loads((directory / "dataset_info.json").read_text())
    lengths = {split["name"]: split["shardLengths"] for split in info["splits"]}
    for split in info["splits"]:
        if split["name"] == "validation":
            split["shardLengths"] = lengths["train"]
    (directory / "dataset_info.json").write_text(json.dumps(info))
