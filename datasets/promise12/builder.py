"""PROMISE 2012: the prostate in T2-weighted MRI, one case a patient."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.errors import UserError, counted
from casgan_jax.grid import Box, encode_alpha, normalise
from casgan_jax.images import open_stack
from casgan_jax.records import features as records
from casgan_jax.records.splits import position_of, split_by_counts, split_of
from datasets.base import PreparedBuilder
from datasets.outcomes import Skip
from datasets.softening import record_of, soften_image
from datasets.task import Record, Task

SIZE = 256  # side of the crops, native pixels
SCALE = 4
TRAIN, TEST = 526, 131  # images of the paper
WINDOW = (0, 255)
FRACTION = 0.1  # half width of the band in doubt, in radii of the prostate
_SHOWN_PERCENT = (0.5, 99.5)  # of a case's voxels, mapped to 0 and 255
_SPACING_TOLERANCE = 1e-3
_CASE = re.compile(r"Case\d+\.(mhd|mha)")


class Slice(NamedTuple):
    """One slice: its files, its number in the case, and what its record is called."""

    image: str
    segmentation: str
    number: int
    case: str
    patient: str

    @property
    def key(self) -> str:
        """Of the record."""
        return _key(self.case, self.number)


def make_record(source: Slice | Skip) -> Record | Skip:
    """Cuts the crop around the prostate and labels it; what was left out stays so."""
    from casgan_jax.soft_mask.trimap import AnnotationError

    if isinstance(source, Skip):
        return source
    try:
        scan = open_stack(source.image).read(source.number)
        mask = open_stack(source.segmentation).read(source.number).values != 0
        window = _window(source.image)
    except UserError as error:
        return Skip("unreadable case", str(error))
    reason = _why_not(source, scan.values.shape, mask.shape, window)
    if reason is not None:
        return reason
    centre = _centre(mask)
    box = Box.centred(centre, SIZE).inside(mask.shape)
    image = encode_alpha(normalise(box.crop(scan.values), window))
    try:
        softened = soften_image(
            image, box.crop(mask), window=WINDOW, scale=SCALE, fraction=FRACTION
        )
    except AnnotationError as error:
        return Skip(error.reason.replace("_", " "), str(error))
    return record_of(
        softened,
        mark=np.subtract(centre, box.corner).astype(np.float32),
        spacing_mm=_side_mm(scan.spacing_mm),
        patient=source.patient,
        lesion=source.case,
        key=source.key,
    )


def _why_not(
    source: Slice, shape: tuple[int, int], of_mask: tuple[int, int], window: tuple[float, float]
) -> Skip | None:
    if shape != of_mask:
        return Skip("segmentation of another size", f"{source.segmentation}: {of_mask}, {shape}")
    if min(shape) < SIZE:
        return Skip(f"image smaller than {SIZE}x{SIZE}", f"{source.image}: {shape}")
    if not window[0] < window[1]:
        return Skip("constant image", source.image)
    return None


@functools.lru_cache(maxsize=2)
def _window(path: str) -> tuple[float, float]:
    """What a case's values are mapped from: MRI has no unit, and cases are not alike."""
    stack = open_stack(path)
    voxels = np.stack([stack.read(index).values for index in range(stack.count)])
    low, high = np.percentile(voxels, _SHOWN_PERCENT)
    return float(low), float(high)


def _centre(mask: np.ndarray) -> tuple[float, float]:
    """(x, y) of the middle of what is marked."""
    rows, columns = np.nonzero(mask)
    return float(columns.min() + columns.max()) / 2, float(rows.min() + rows.max()) / 2


def _side_mm(spacing: tuple[float, float] | None) -> float:
    """Side of a pixel; 0 where it is not known or pixels are not square."""
    if spacing is None or not np.isclose(*spacing, rtol=_SPACING_TOLERANCE):
        return 0.0
    return spacing[0]


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """by_case: whether cases are split, rather than images."""

    by_case: bool


class Builder(PreparedBuilder):
    """PROMISE 2012: the prostate in MRI, 256x256 native crops, softened labels."""

    name = "promise12"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Slices with prostate; labels by the binary strategy, softened."}
    BUILDER_CONFIGS = [
        Config(name="case", by_case=True, description="All slices, split by case."),
        Config(
            name="paper",
            by_case=False,
            description="As many images as in the paper, split by image, so that it leaks.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "get the training cases of PROMISE12 (datasets/promise12/README.md tells where) and name "
        "the folder that holds Case00.mhd, Case00_segmentation.mhd and so on"
    )
    CITATION = """@article{litjens2014promise12,
  title={Evaluation of prostate segmentation algorithms for {MRI}: the {PROMISE12} challenge},
  author={Litjens, Geert and Toth, Robert and van de Ven, Wendy and others},
  journal={Medical Image Analysis}, volume={18}, number={2}, pages={359--373}, year={2014}}"""
    make_record = staticmethod(make_record)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.prepared_info(
            records.segmentation_features(SIZE, SCALE, np.uint8),
            records.metadata(
                kind="segmentation",
                window=WINDOW,
                scale=SCALE,
                source="PROMISE12",
                label="alpha",
                leaks=not self.builder_config.by_case,
            ),
        )

    def tasks(self, manual_dir: Path) -> list[Task]:
        """One task for each slice with prostate, and one for each case that cannot be read."""
        slices, left_out, empty = [], [], 0
        for path in _cases(manual_dir):
            try:
                found, without = _slices(path)
            except UserError as error:
                skip = Skip("unreadable case", str(error))
                left_out.append(Task(split_of(path.stem), path.stem, skip))
                continue
            slices += found
            for source in path.parent.glob(f"{path.stem}[._]*"):  # headers, data, segmentation
                self.note_source(source)
            empty += without
        self.note(f"{counted(empty, 'slice')} without prostate left out")
        if self.builder_config.by_case:
            return left_out + [Task(split_of(s.case), s.key, s) for s in slices]
        return left_out + list(self._paper_tasks(slices))

    def _paper_tasks(self, slices: list[Slice]) -> Iterator[Task]:
        """The paper's 526 + 131 images, or as many in this proportion as there are."""
        chosen = sorted((s.key for s in slices), key=position_of)[: TRAIN + TEST]
        test = round(len(chosen) * TEST / (TRAIN + TEST))
        validation = round((len(chosen) - test) / 10)
        split = split_by_counts(dict.fromkeys(chosen, 1), test=test, validation=validation)
        self.note(
            f"{len(chosen)} images, the paper has {TRAIN + TEST}; its protocol leaks: slices of "
            "one case are in several splits, so that test figures are better than those of new "
            "patients; promise12/case does not"
        )
        for each in slices:
            if each.key in split:
                yield Task(split[each.key], each.key, each._replace(patient=each.key))


def _cases(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("Case*.mh?") if _CASE.fullmatch(path.name))
    if not found:
        raise UserError(
            folder,
            found="no CaseNN.mhd",
            expected="PROMISE12's layout",
            remedy="name the folder that holds Case00.mhd, Case00_segmentation.mhd and so on",
        )
    return found


def _slices(path: Path) -> tuple[list[Slice], int]:
    """The slices of a case that show prostate, and how many do not.

    Raises:
      UserError: a file is missing or damaged, or the two do not fit one another.
    """
    segmentation = path.with_name(f"{path.stem}_segmentation{path.suffix}")
    volume, labels = open_stack(path), open_stack(segmentation)
    if volume.count != labels.count:
        raise UserError(
            segmentation,
            found=f"{labels.count} slices for the {volume.count} of {path.name}",
            expected="one for each",
            remedy="copy both files again",
        )
    marked = [index for index in range(labels.count) if labels.read(index).values.any()]
    slices = [Slice(str(path), str(segmentation), i, path.stem, path.stem) for i in marked]
    return slices, labels.count - len(marked)


def _key(case: str, index: int) -> str:
    return f"{case}/slice-{index:02d}"
