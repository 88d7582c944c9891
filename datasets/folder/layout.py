"""Images with masks in folders, without a table.

    MYDIR/images/NAME.png      any image that `casgan_jax.images.read_scan` reads
    MYDIR/masks/NAME.png       its binary mask, or else
    MYDIR/reader-1/NAME.png    several readers' masks; who has no file for an image marked nothing
    MYDIR/reader-2/NAME.png

NAME may have folders, PATIENT/NAME; without them each image is a patient of its own. Of volumes and
files of several pages each slice that has a mask is a lesion.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError

_NOT_IMAGES = (".raw", ".zraw", ".txt", ".csv", ".json", ".md")  # .mhd has its pixels in .raw


class Layout(NamedTuple):
    """What the folders hold.

    Attributes:
      annotations: one for each image, or slice of a volume, that has a mask.
      without_marks: names of images without a mask, in the order of their names.
      without_image: mask files that belong to no image.
    """

    annotations: list[Annotation]
    without_marks: list[str]
    without_image: list[Path]


def read_layout(folder: Path) -> Layout:
    """The lesions of `folder`, in the order of their names.

    Raises:
      UserError: no images, no masks, masks of both kinds, or two files of one name.
    """
    images = _named(folder / "images")
    if not images:
        raise UserError(
            folder / "images",
            found="no image",
            expected="some",
            remedy="see datasets/folder/README.md",
        )
    roots = _mark_folders(folder)
    marks = [_named(root) for root in roots]
    annotations: list[Annotation] = []
    without_marks: list[str] = []
    for name, image in images.items():
        files = tuple(found[name] for found in marks if name in found)
        if not files:
            without_marks.append(name)
            continue
        several = len(roots) > 1 or roots[0].name != "masks"
        annotations.extend(_slices(name, image, files, several))
    lone = [path for found in marks for name, path in found.items() if name not in images]
    return Layout(annotations, without_marks, lone)


def _mark_folders(folder: Path) -> list[Path]:
    readers = sorted(path for path in folder.glob("reader-*") if path.is_dir())
    masks = [folder / "masks"] if (folder / "masks").is_dir() else []
    if bool(readers) == bool(masks):
        found = "both masks and reader-*" if readers else "neither masks nor reader-*"
        raise UserError(
            folder,
            found=f"{found}",
            expected="either a folder masks or folders reader-1, reader-2 ... beside images",
            remedy="see datasets/folder/README.md",
        )
    return readers or masks


def _named(folder: Path) -> dict[str, Path]:
    """{name without extension, relative to the folder: file}, sorted."""
    files: dict[str, list[Path]] = collections.defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".") or path.suffix.lower() in _NOT_IMAGES or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix().removesuffix(".gz")
        files[name.removesuffix(Path(name).suffix)].append(path)
    for name, several in files.items():
        if len(several) > 1:
            raise UserError(
                folder,
                found=f"{several[0].name} and {several[1].name}",
                expected=f"one file of the name {name}",
                remedy="rename or move one",
            )
    return {name: several[0] for name, several in files.items()}


def _slices(name: str, image: Path, files: tuple[Path, ...], several: bool) -> Iterator[Annotation]:
    patient = name.split("/")[0]
    marks = {"reader_masks": files} if several else {"mask": files[0]}
    marked = _marked_slices(image, files)
    if marked is None:
        yield Annotation(key=name, patient=patient, image=image, **marks)
        return
    for index in marked:
        key = f"{name}/slice-{index:03d}"
        yield Annotation(key=key, patient=patient, image=image, slice_index=index, **marks)


def _marked_slices(image: Path, files: Sequence[Path]) -> list[int] | None:
    """The slices of a volume that have a mask; None where there is but one slice."""
    from casgan_jax.labelling.marked_slices import marked_slices

    try:
        return marked_slices(image, files)
    except UserError:
        return None  # told when the record is made
