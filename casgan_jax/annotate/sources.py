"""What there is to annotate: the images of a folder, of one file, or of a table of lesions.

    sources = find_sources(Path("studies"), ())
    sources.lesions["ct_12"].picture.open()

An image of a folder is one lesion to begin with, without a mark; a reader adds others. A folder
that holds lesions.csv is that table. Nothing outside the folder, or the table's folder, is read,
unless it lies in a folder that is allowed, also not by a link.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from casgan_jax.annotations import Annotation, read_annotations
from casgan_jax.annotations.table import check_key
from casgan_jax.errors import UserError
from casgan_jax.files import unique_names
from casgan_jax.images.dicom import is_dicom, read_dataset
from casgan_jax.images.scan import open_stack
from casgan_jax.images.segmentation import is_segmentation
from casgan_jax.images.series import Series, find_series, open_series
from casgan_jax.images.stack import Stack

TABLE = "lesions.csv"
_SUFFIXES = (".png", ".npy", ".tif", ".tiff", ".nii", ".nii.gz", ".mhd", ".mha")
_ENDINGS = (".nii.gz", *_SUFFIXES, ".dcm", ".dicom", ".ima")
_STRANGE = re.compile(r"[^\w.,+=@()\[\] -]")


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """An image or a series that slices are shown of.

    Attributes:
      name: of it within its folder; unique, and the same the next time.
      title: what it is called where it is shown.
      annotation: what is known of it, without marks; its image is a file or the series' folder.
      series: of DICOM files; None: the image is one file.
      roots: the folders that it may be read from.
    """

    name: str
    title: str
    annotation: Annotation
    series: Series | None
    roots: tuple[Path, ...]

    def open(self) -> Stack:
        """Its slices.

        Raises:
          UserError: it cannot be read, or has moved out of the folder.
        """
        files = self.series.files if self.series else (self.annotation.image,)
        for path in files:
            check_within(path, self.roots)
        return open_series(self.series) if self.series else open_stack(self.annotation.image)

    def place(self, index: int, count: int) -> tuple[Path, int | None]:
        """File and slice of one of its `count` slices, as an `Annotation` has them."""
        if self.series:
            return self.series.files[index], None
        return self.annotation.image, index if count > 1 else None


@dataclasses.dataclass(frozen=True, eq=False)
class Item:
    """A lesion to annotate.

    Attributes:
      key: names it and its files.
      picture: that it is in.
      given: its marks in the table; None: there are none yet.
    """

    key: str
    picture: Picture
    given: Annotation | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Sources:
    """What was found.

    Attributes:
      pictures: by name.
      items: lesions, by key.
      failures: what cannot be used, a line each.
    """

    pictures: dict[str, Picture]
    items: dict[str, Item]
    failures: tuple[str, ...]


def find_sources(path: Path, allowed: Sequence[Path]) -> Sources:
    """The images of a folder, one image, or the lesions of a table.

    Args:
      path: of it.
      allowed: further folders that a table's images may lie in.

    Raises:
      UserError: there is nothing to annotate.
    """
    if path.is_dir() and (path / TABLE).is_file():
        path = path / TABLE
    if path.suffix.lower() == ".csv":
        found = _of_table(path, allowed)
    else:
        found = _of_folder(path) if path.is_dir() else _of_file(path)
    if not found.items:
        raise UserError(
            path,
            found=found.failures[0] if found.failures else "no image",
            expected="images, DICOM series or a table of lesions",
            remedy="check the path",
        )
    return found


def check_within(path: Path, roots: Sequence[Path]) -> None:
    """Makes sure that a path, its links followed, is in one of the folders.

    Raises:
      UserError: it is not.
    """
    real = Path(os.path.realpath(path))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise UserError(
            path,
            found="a path out of the folder",
            expected=f"one in {' or '.join(map(str, roots))}",
            remedy="name the folder of the images by `allow`",
        )


def _of_table(path: Path, allowed: Sequence[Path]) -> Sources:
    roots = (path.parent, *allowed)
    table = read_annotations(path)
    failures = [failure.reason for failure in table.failures]
    pictures: dict[str, Picture] = {}
    items: dict[str, Item] = {}
    for one in table.annotations:
        try:
            for file in one.files:
                check_within(file, roots)
        except UserError as error:
            failures.append(f"{one.key}: {error}")
            continue
        name = title = os.path.relpath(one.image, path.parent)
        if (one.spacing_mm, one.hu_offset, one.window) != (None, None, None):
            name += f" {one.spacing_mm} {one.hu_offset} {one.window}"
        if name not in pictures:
            pictures[name] = Picture(name, title, _without_marks(one), None, roots)
        items[one.key] = Item(one.key, pictures[name], one)
    return Sources(pictures, items, tuple(failures))


def _without_marks(one: Annotation) -> Annotation:
    return dataclasses.replace(
        one,
        slice_index=None,
        recist=None,
        axes=None,
        mask=None,
        reader_masks=(),
        reader_segments=(),
        segment=None,
        component=None,
        diameters_mm=None,
    )


def _of_file(path: Path) -> Sources:
    if not path.is_file():
        raise UserError(path, found="no such file", expected="an image", remedy="check the path")
    return _named([_file(path, path.parent)], ())


def _of_folder(root: Path) -> Sources:
    failures: list[str] = []
    series = list(_series(root, failures))
    known = {file for one in series for file in one.files}
    found = [_of_series(one, root) for one in series]
    for path in _files(root, failures):
        if path in known:
            continue
        name = path.name.lower()
        try:
            if name.endswith(_SUFFIXES) or _is_image_of_frames(path):
                found.append(_file(path, root))
        except (OSError, UserError) as error:
            failures.append(str(error))
    return _named(sorted(found, key=lambda one: one.name), tuple(dict.fromkeys(failures)))


def _series(folder: Path, failures: list[str]) -> Iterator[Series]:
    """The series below a folder; where one of them is damaged, those of each folder in it."""
    try:
        yield from find_series(folder)
        return
    except UserError as error:
        below = sorted(one for one in folder.iterdir() if one.is_dir() and not one.is_symlink())
        if not below and "no DICOM image" not in str(error):
            failures.append(str(error))
    for one in below:
        yield from _series(one, failures)


def _files(root: Path, failures: list[str]) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        for name in sorted(names):
            path = Path(folder, name)
            try:
                check_within(path, (root,))
            except UserError as error:
                failures.append(str(error))
                continue
            if path.is_file():
                yield path


def _is_image_of_frames(path: Path) -> bool:
    """Whether a file is a DICOM image that is no slice of a series: of several frames, or alone."""
    if not is_dicom(path):
        return False
    dataset = read_dataset(path, stop_before_pixels=True)
    return dataset.get("Rows") is not None and not is_segmentation(dataset)


def _file(path: Path, root: Path) -> Picture:
    name = path.relative_to(root).as_posix()
    annotation = Annotation(key="", patient=os.path.splitext(name)[0], image=path)
    return Picture(name, name, annotation, None, (root,))


def _of_series(series: Series, root: Path) -> Picture:
    first = series.files[0]
    folder = first.parent.relative_to(root).as_posix()
    single = len(series.files) == 1
    place = first.relative_to(root).as_posix() if single else folder.removeprefix(".")
    name = place if single else f"{place} series {series.number}".strip()
    patient = str(read_dataset(first, specific_tags=["PatientID"]).get("PatientID") or "")
    annotation = Annotation(key="", patient=patient or name, image=first)
    return Picture(name, series.name or place, annotation, series, (root,))


def _named(pictures: Sequence[Picture], failures: tuple[str, ...]) -> Sources:
    """The pictures with names of their own, each a lesion of the key that its name makes."""
    names = unique_names([one.name for one in pictures])
    named = [dataclasses.replace(one, name=name) for one, name in zip(pictures, names, strict=True)]
    keys = unique_names([key_of(name) for name in names])
    items = [Item(key, one) for key, one in zip(keys, named, strict=True)]
    return Sources({one.name: one for one in named}, {one.key: one for one in items}, failures)


def key_of(name: str) -> str:
    """A key that a file can have, of a picture's name."""
    suffix = next((one for one in _ENDINGS if name.lower().endswith(one)), "")
    plain = _STRANGE.sub("_", name[: len(name) - len(suffix)])
    key = re.sub(r"\s+", "_", plain).lstrip(".")[-150:] or "image"
    return check_key(key)
