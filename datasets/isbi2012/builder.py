"""ISBI 2012: neuronal structures in electron microscopy, 300 images out of 30 slices."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.images import Stack, open_stack
from casgan_jax.records import features as records
from casgan_jax.records.splits import split_by_counts
from datasets.base import PreparedBuilder
from datasets.outcomes import Skip
from datasets.softening import Softened, record_of, soften_image
from datasets.task import Record, Task

SIZE = 256  # side of the images, native pixels
SCALE = 4
IMAGES, TEST, VALIDATION = 300, 60, 30  # the paper's numbers, and a tenth to validate with
VOLUME, LABELS = "train-volume.tif", "train-labels.tif"
WINDOW = (0, 255)
FRACTION = 0.0  # one pixel in doubt to either side of a border: membranes are a few wide


class Image(NamedTuple):
    """One image to make: which slice of which folder, and the seed of what is drawn."""

    folder: str
    page: int
    number: int
    patient: str


def make_record(source: Image) -> Record | Skip:
    """Cuts a crop at random out of a labelled slice, in one of the eight symmetries."""
    softened = _labelled_slice(source.folder, source.page)
    if isinstance(softened, Skip):
        return softened
    rng = np.random.default_rng((0, source.number))
    top, left = (int(rng.integers(side - SIZE + 1)) for side in softened.image.shape)
    crop = softened.view(
        Box(left, top, left + SIZE, top + SIZE),
        turns=int(rng.integers(4)),
        mirror=bool(rng.integers(2)),
    )
    if crop.mask.all() or not crop.mask.any():
        return Skip("no membrane or no cell in the crop", f"row {top}, column {left}")
    return record_of(
        crop,
        mark=np.full(2, (SIZE - 1) / 2, np.float32),
        spacing_mm=0.0,  # 4 nm
        patient=source.patient,
        lesion=_slice_name(source.page),
        key=_key(source.page, source.number),
    )


@functools.lru_cache(maxsize=32)  # all slices: those of a split come one after the other
def _labelled_slice(folder: str, page: int) -> Softened | Skip:
    """A whole slice, so that a pixel has the same label in all crops."""
    try:
        image, label = (
            open_stack(Path(folder) / name).read(page).values for name in (VOLUME, LABELS)
        )
    except UserError as error:
        return Skip("unreadable slice", str(error))
    where = f"{Path(folder) / LABELS} page {page}"
    if image.shape != label.shape or min(image.shape) < SIZE:
        return Skip("wrong size", f"{where}: {label.shape} for an image of {image.shape}")
    if image.dtype != np.uint8:
        return Skip("image not of 8 bits", f"{Path(folder) / VOLUME} page {page}: {image.dtype}")
    cells = label != 0
    if (label[cells] != label.max()).any() or cells.all() or not cells.any():
        return Skip("label not of two values", f"{where}: {len(np.unique(label))} values")
    return soften_image(image, cells, window=WINDOW, scale=SCALE, fraction=FRACTION)


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """by_slice: whether slices are split, rather than images."""

    by_slice: bool


class Builder(PreparedBuilder):
    """ISBI 2012: cells and membranes in electron microscopy, softened labels, 300 images."""

    name = "isbi2012"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "300 crops of 256 px; labels by the binary strategy, softened."}
    BUILDER_CONFIGS = [
        Config(
            name="honest",
            by_slice=True,
            description="Slices are split first: no slice is in two splits.",
        ),
        Config(
            name="paper",
            by_slice=False,
            description="As in the paper: images are split after augmenting, so that it leaks.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"get {VOLUME} and {LABELS} of the ISBI 2012 challenge (datasets/isbi2012/README.md tells "
        "where) and name the folder that holds them"
    )
    CITATION = """@article{arganda2015crowdsourcing,
  title={Crowdsourcing the creation of image segmentation algorithms for connectomics},
  author={Arganda-Carreras, Ignacio and Turaga, Srinivas C. and Berger, Daniel R. and others},
  journal={Frontiers in Neuroanatomy}, volume={9}, pages={142}, year={2015}}"""
    make_record = staticmethod(make_record)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.prepared_info(
            records.segmentation_features(SIZE, SCALE, np.uint8),
            records.metadata(
                kind="segmentation",
                window=WINDOW,
                scale=SCALE,
                source="ISBI 2012",
                label="alpha",
                spacing_nm=4.0,
                leaks=not self.builder_config.by_slice,
            ),
        )

    def tasks(self, manual_dir: Path) -> list[Task]:
        """One task for each of the 300 images, in turn of each slice."""
        pages = _count_pages(manual_dir)
        for name in (VOLUME, LABELS):
            self.note_source(manual_dir / name)
        by_slice = self.builder_config.by_slice
        of_slice = split_slices(pages)
        names = [_key(number % pages, number) for number in range(IMAGES)]
        of_image = split_by_counts(dict.fromkeys(names, 1), test=TEST, validation=VALIDATION)
        if not by_slice:
            self.note(
                "the paper's protocol leaks: crops of one slice are in several splits, so that "
                "test figures are better than those of new slices; isbi2012/honest does not"
            )
        tasks = []
        for number, key in enumerate(names):
            page = number % pages
            patient = _slice_name(page) if by_slice else f"image-{number:03d}"
            split = of_slice[page] if by_slice else of_image[key]
            tasks.append(Task(split, key, Image(str(manual_dir), page, number, patient)))
        return tasks


def split_slices(pages: int) -> list[str]:
    """The split of each slice: the last 20% are for testing, the 10% before them to validate with.

    Neighbours look alike, so that the splits are blocks of the volume.
    """
    test = round(pages * TEST / IMAGES)
    validation = round(pages * VALIDATION / IMAGES)
    return ["train"] * (pages - test - validation) + ["validation"] * validation + ["test"] * test


def _count_pages(folder: Path) -> int:
    volume, labels = (_open(folder / name).count for name in (VOLUME, LABELS))
    if volume != labels:
        raise UserError(
            folder / LABELS,
            found=f"{labels} pages for the {volume} pages of {VOLUME}",
            expected="a label for each slice",
            remedy="copy both files again",
        )
    if not split_slices(volume).count("validation"):
        raise UserError(
            folder / VOLUME,
            found=f"{volume} pages",
            expected="the 30 slices of the challenge",
            remedy="copy the file again",
        )
    return volume


def _open(path: Path) -> Stack:
    if not path.is_file():
        raise UserError(
            path,
            found="no such file",
            expected="one of the challenge's",
            remedy=f"name the folder that holds {VOLUME} and {LABELS}",
        )
    return open_stack(path)


def _slice_name(page: int) -> str:
    return f"slice-{page:02d}"


def _key(page: int, number: int) -> str:
    return f"{_slice_name(page)}/image-{number:03d}"
