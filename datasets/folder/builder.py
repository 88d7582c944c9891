"""The user's own images with masks, several readers' masks or RECIST axes, as a training set."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.annotations import Annotation, read_annotations
from casgan_jax.annotations.repeats import repeats
from casgan_jax.errors import UserError, counted
from casgan_jax.records import features as records
from casgan_jax.records.splits import SPLITS, split_of
from datasets.base import PreparedBuilder
from datasets.folder.layout import Layout, read_layout
from datasets.folder.nnunet import DESCRIPTION, is_nnunet, read_nnunet
from datasets.lesions import LesionSource, lesion_features, make_record, repeated
from datasets.outcomes import Skip
from datasets.task import Task

TABLE = "lesions.csv"


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """size: side of the crop in native pixels; scale: r; larger: the next config, if any;
    neighbours: slices stored to either side of each."""

    size: int = 128
    scale: int = 4
    larger: str = ""
    neighbours: int = 0


class Builder(PreparedBuilder):
    """Your own images with masks, readers' masks or RECIST axes."""

    name = "folder"
    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {
        "1.0.0": "Tables of lesions, and images with masks in folders.",
        "1.1.0": "Masks are joined by position; a mark between two crops has the even one; a "
        "lesion that stands twice is kept once.",
    }
    BUILDER_CONFIGS = [
        Config(name="128", size=128, larger="folder/256", description="Crops of 128 x 128 pixels."),
        Config(name="256", size=256, description="Crops of 256 x 256 pixels."),
        Config(
            name="128-25d",
            size=128,
            neighbours=1,
            larger="folder/256-25d",
            description="As 128, with the slices before and after each.",
        ),
        Config(
            name="256-25d",
            size=256,
            neighbours=1,
            description="As 256, with the slices before and after each.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "name a folder with the table lesions.csv, or with images/NAME.png and masks/NAME.png, "
        "or with nnU-Net's dataset.json, imagesTr and labelsTr "
        "(datasets/folder/README.md tells more)"
    )
    make_record = staticmethod(make_record)

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        more = {"neighbours": config.neighbours} if config.neighbours else {}
        return self.prepared_info(
            lesion_features(config.size, config.scale, np.uint8, config.neighbours),
            records.metadata(
                kind="segmentation", window=(0, 255), scale=config.scale, label="alpha", **more
            ),
        )

    def tasks(self, manual_dir: Path) -> list[Task]:
        """One task for each line of `lesions.csv`, or for each image with masks."""
        if (manual_dir / TABLE).is_file():
            tasks = self._tasks_of_table(manual_dir / TABLE)
        elif is_nnunet(manual_dir):
            tasks = self._tasks_of_nnunet(manual_dir)
        elif (manual_dir / "images").is_dir():
            found = read_layout(manual_dir)
            tasks = self._tasks_of_layout(found, "images")
            alone = {one.image for one in found.annotations if one.image.parent.name == "images"}
            if alone:
                self.note(
                    f"{counted(len(alone), 'image')} in no folder of a patient, each of which "
                    "counts as one of its own; put several of one patient into images/PATIENT, or "
                    "some may be in training and others in test"
                )
        else:
            raise UserError(
                manual_dir,
                found=f"neither {TABLE} nor a folder images, nor nnU-Net's layout",
                expected="one of them",
                remedy="see datasets/folder/README.md",
            )
        used = {task.split for task in tasks if not isinstance(task.arguments, Skip)}
        empty = [split for split in SPLITS if split not in used]
        if empty:
            self.note(
                f"no patient is in the split {' or '.join(empty)}: patients are split by a hash of "
                f"their names; to choose, give {TABLE} a column split"
            )
        return tasks

    def _tasks_of_table(self, table: Path) -> list[Task]:
        found = read_annotations(table)
        self.note_source(table)
        again = repeats(found.annotations)
        return [
            self._task(annotation, again.get(annotation.key)) for annotation in found.annotations
        ] + [
            # No patient is known, and no record will come of it.
            Task("train", f"{table.name}:{failure.line}", Skip("bad line", failure.reason))
            for failure in found.failures
        ]

    def _tasks_of_nnunet(self, folder: Path) -> list[Task]:
        found, channels = read_nnunet(folder)
        self.note_source(folder / DESCRIPTION)
        if channels > 1:
            self.note(f"of {channels} channels the first is used, imagesTr/CASE_0000")
        return self._tasks_of_layout(found, "imagesTr")

    def _tasks_of_layout(self, found: Layout, root: str) -> list[Task]:
        if found.without_image:
            self.note(
                f"{counted(len(found.without_image), 'mask')} without an image, the first is "
                f"{found.without_image[0]}"
            )
        return [self._task(annotation) for annotation in found.annotations] + [
            Task(
                split_of(name.split("/")[0]),
                name,
                Skip("no mask", f"{root}/{name}: no mask"),
            )
            for name in found.without_marks
        ]

    def _task(self, annotation: Annotation, first: str | None = None) -> Task:
        """What to make of a lesion; of one that stands again, after `first`, nothing."""
        config = self.builder_config
        split = annotation.split or split_of(annotation.patient)
        if first is not None:
            return Task(split, annotation.key, repeated(first))
        source = LesionSource(
            annotation=annotation,
            size=config.size,
            scale=config.scale,
            image_dtype=np.uint8,
            window=None,
            larger=config.larger,
            neighbours=config.neighbours,
        )
        return Task(split, annotation.key, source, annotation.files)
