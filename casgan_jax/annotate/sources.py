"""What there is to annotate: the images of a folder, of one file, or of a table of lesions.

    sources = find_sources(Path("studies"), ())
    sources.items["ct_12"].picture.open()

What reports, presentation states and segmentations of a folder measure and mark on its series are
lesions with marks. Each other image is one lesion to begin with, without a mark; a reader adds
others. A folder that holds lesions.csv is that table. Nothing outside the folder, or the table's
folder, is read, unless it lies in a folder that is allowed, also not by a link.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from casgan_jax.annotate.pictures import Item, Picture, check_within
from casgan_jax.annotations import Annotation, read_annotations
from casgan_jax.annotations.table import check_key
from casgan_jax.errors import UserError
from casgan_jax.files import unique_names
from casgan_jax.images.dicom import is_dicom, read_dataset
from casgan_jax.images.scan import NOT_DICOM, SUFFIXES
from casgan_jax.images.segmentation import is_segmentation
from casgan_jax.images.series import Series
from casgan_jax.labelling.study import Study, read_study
from casgan_jax.labelling.study_lesions import study_lesions

TABLE = "lesions.csv"
_STRANGE = re.compile(r"[^\w.,+=@()\[\] -]")


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
        if one.series is not None:
            name += f" series {one.series}"
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
    return _alone(_file(path, path.parent))


def _of_folder(root: Path) -> Sources:
    study = read_study(root)
    failures = [str(fault) for fault in study.faults]
    known = {file for one in study.series for file in one.files}
    found = [_of_series(one, root) for one in study.series]
    for path in _files(root, failures):
        if path in known:
            continue
        name = path.name.lower()
        try:
            if name.endswith(NOT_DICOM) or _is_image_of_frames(path):
                found.append(_file(path, root))
        except (OSError, UserError) as error:
            failures.append(str(error))
    pictures = _named(sorted(found, key=lambda one: one.name))
    return _with_lesions(pictures, study, root, failures)


def _with_lesions(
    pictures: Sequence[Picture], study: Study, root: Path, failures: list[str]
) -> Sources:
    """The lesions that a study tells of, and each picture that it tells nothing of."""
    places: dict[tuple[Path, int | None], tuple[Picture, int]] = {
        place: (one, index)
        for one in pictures
        if one.series
        for index, place in enumerate(zip(one.series.files, one.series.frames, strict=True))
    }
    given: dict[str, list[tuple[Annotation, int]]] = {one.name: [] for one in pictures}
    for lesion in _told(study, root, failures):
        picture, index = places[lesion.image, lesion.slice_index]
        given[picture.name].append((lesion, index))
    rows: list[tuple[str, Picture, Annotation | None, int | None]] = []
    for one in pictures:
        rows += [(lesion.key, one, lesion, index) for lesion, index in given[one.name]]
        if not given[one.name]:
            rows.append((key_of(one.name), one, None, None))
    keys = unique_names([row[0] for row in rows])
    items = {}
    for key, (_, picture, marks, place) in zip(keys, rows, strict=True):
        named = marks and dataclasses.replace(marks, key=key)
        items[key] = Item(key, picture, named, place)
    return Sources({one.name: one for one in pictures}, items, tuple(dict.fromkeys(failures)))


def _told(study: Study, root: Path, failures: list[str]) -> list[Annotation]:
    """What files of the folder itself measure and mark."""
    measurements = [one for one in study.measurements if _is_within(one[0], root)]
    marks = [one for one in study.marks if _is_within(one.path, root)]
    if not (measurements or marks):
        return []
    told = dataclasses.replace(
        study, measurements=tuple(measurements), marks=tuple(marks), faults=()
    )
    found = study_lesions(told)
    failures += [f"{one.key}: {one.reason}" for one in found.failures]
    return list(found.annotations)


def _is_within(path: Path, root: Path) -> bool:
    try:
        check_within(path, (root,))
    except UserError:
        return False
    return True


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


def _named(pictures: Sequence[Picture]) -> list[Picture]:
    """The pictures with names of their own."""
    names = unique_names([one.name for one in pictures])
    return [dataclasses.replace(one, name=name) for one, name in zip(pictures, names, strict=True)]


def _alone(picture: Picture) -> Sources:
    key = key_of(picture.name)
    return Sources({picture.name: picture}, {key: Item(key, picture)}, ())


def key_of(name: str) -> str:
    """A key that a file can have, of a picture's name."""
    suffix = next((one for one in SUFFIXES if name.lower().endswith(one)), "")
    plain = _STRANGE.sub("_", name[: len(name) - len(suffix)])
    key = re.sub(r"\s+", "_", plain).lstrip(".")[-150:] or "image"
    return check_key(key)
