"""LIDC-IDRI lung nodules, labelled where their readers disagree; from either published layout."""

from __future__ import annotations

import collections
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.records import features as records
from datasets.base import PreparedBuilder
from datasets.lidc import selection, slices, tcia, volumes
from datasets.lidc.reading import RATINGS
from datasets.lidc.record import SIZE, features
from datasets.outcomes import Skip
from datasets.task import Record, Task

_LAYOUTS = {"slices": slices, "tcia": tcia, "volumes": volumes}


def make_record(source: slices.Slice | tcia.NoduleSlice | volumes.Nodule | Skip) -> Record | Skip:
    """Makes the record of one slice or nodule, of whichever layout; what was left out stays so."""
    if isinstance(source, Skip):
        return source
    if isinstance(source, volumes.Nodule):
        return volumes.make_record(source)
    return (slices if isinstance(source, slices.Slice) else tcia).make_record(source)


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """Which layout is read, and how.

    Attributes:
      layout: "slices", the public PNG tree, "tcia", the original download, or "volumes", whole
        nodules of the former.
      scale: r, label pixels a native pixel.
      neighbours: slices stored to either side of each, of "slices".
      lesions: how many of them are selected as in the paper; None: all slices of all.
    """

    layout: str = "slices"
    scale: int = 4
    neighbours: int = 0
    lesions: int | None = None


def _selections(layout: str, prefix: str) -> list[Config]:
    return [
        Config(
            name=f"{prefix}{count}",
            layout=layout,
            lesions=count,
            description=f"One slice of each of {count} lesions, {what}.",
        )
        for count, what in zip(
            selection.COUNTS, ("60% for training", "all for testing"), strict=True
        )
    ]


class Builder(PreparedBuilder):
    """LIDC-IDRI lung nodules: 128x128 native crops, soft masks from the readers' disagreement."""

    name = "lidc"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {
        "1.0.0": "Labels by intersection and union of the readers who marked the slice."
    }
    BUILDER_CONFIGS = [
        Config(
            name="x4", scale=4, description="Labels at 4 x the native resolution, as in the paper."
        ),
        Config(name="x2", scale=2, description="Labels at 2 x the native resolution."),
        Config(
            name="x4-25d",
            neighbours=1,
            description="As x4, with the slices before and after each.",
        ),
        Config(
            name="volumes",
            layout="volumes",
            description="Whole nodules on three neighbouring slices or more, to measure with.",
        ),
        *_selections("slices", ""),
        Config(name="tcia", layout="tcia", description="From DICOM and XML: HU, spacing, ratings."),
        *_selections("tcia", "tcia-"),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "get the public LIDC-IDRI-slices tree (datasets/lidc/README.md tells where) and name "
        "the folder that holds LIDC-IDRI-0001/nodule-0/images/slice-0.png and so on; for "
        "lidc/tcia get LIDC-IDRI's DICOM and XML files and name the folder that holds them"
    )
    CITATION = """@article{armato2011lidc,
  title={The Lung Image Database Consortium ({LIDC}) and Image Database Resource Initiative
  ({IDRI}): a
    completed reference database of lung nodules on {CT} scans},
  author={Armato, Samuel G. and McLennan, Geoffrey and Bidaut, Luc and others},
  journal={Medical Physics}, volume={38}, number={2}, pages={915--931}, year={2011}}"""
    make_record = staticmethod(make_record)

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        if config.layout == "volumes":
            told = records.metadata(
                kind="volumes",
                window=volumes.WINDOW,
                scale=1,
                stretched=SIZE,
                source="LIDC-IDRI-slices",
            )
            return self.prepared_info(volumes.features(), told)
        if config.layout == "slices":
            described = features(config.scale, np.uint8, config.neighbours)
            more: dict[str, Any] = {
                "window": slices.WINDOW,
                "stretched": SIZE,
                "source": "LIDC-IDRI-slices",
            }
        else:
            described = features(config.scale, np.int16, 0, **_tcia_features())
            more = {"window": tcia.WINDOW, "source": "LIDC-IDRI", "ratings": list(RATINGS)}
        if config.neighbours:
            more["neighbours"] = config.neighbours
        if config.lesions:
            more["selection"] = f"{config.lesions} lesions"
        return self.prepared_info(
            described, records.metadata(kind="segmentation", scale=config.scale, **more)
        )

    def tasks(self, manual_dir: Path) -> list[Task]:
        """One task for each slice of each nodule, or of those that are selected, or each nodule."""
        config = self.builder_config
        layout = _LAYOUTS[config.layout]
        tasks = layout.find_tasks(self, manual_dir)
        if not config.lesions:
            return tasks
        slices_of = collections.defaultdict(list)
        for task in sorted(tasks, key=lambda task: task.key):
            if not isinstance(task.arguments, Skip):
                slices_of[task.key.rpartition("/")[0]].append(task)
        return selection.select(
            slices_of,
            config.lesions,
            patient_of=lambda lesion: lesion.partition("/")[0],
            is_good=lambda task: _readers_agree(task.arguments),
        )


def _readers_agree(source: slices.Slice | tcia.NoduleSlice) -> bool:
    if isinstance(source, slices.Slice):
        return slices.readers_agree(source)
    return tcia.readers_agree(source)


def _tcia_features() -> dict[str, Any]:
    """What only the original download tells."""
    return {
        # Of the readers in the order of reader_masks: 1 to 6, 0 where there is none.
        "ratings": tfds.features.Tensor(
            shape=(records.MAX_READERS, len(RATINGS)), dtype=np.int32, encoding="zlib"
        ),
        "z_mm": tfds.features.Scalar(dtype=np.float32),
        "series_uid": tfds.features.Text(),
        "image_uid": tfds.features.Text(),
    }
