"""CT nodule phantoms whose true alpha is known: needs no download."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.errors import UserError
from casgan_jax.grid import encode_alpha, normalise
from casgan_jax.records import features as records
from casgan_jax.records.splits import split_of
from datasets.base import PreparedBuilder
from datasets.outcomes import Skip
from datasets.phantom import readers, volume
from datasets.phantom.axes import recist_axes
from datasets.phantom.lesion import KINDS
from datasets.phantom.phantom import SCALE, SIDE, make_phantom
from datasets.phantom.volume_records import (
    VolumeSource,
    features,
    make_volume_record,
    volume_tasks,
)
from datasets.task import Record, Task

WINDOW = (-1000.0, 400.0)  # HU, the usual lung window
_REDRAWS = 8  # times the readers try again where their masks cannot be labelled


class Source(NamedTuple):
    """Which phantom: `number` of the series `seed`."""

    seed: int
    number: int


def make_record(source: Source | VolumeSource) -> Record | Skip:
    """The record of one phantom; depends on `source` only."""
    if isinstance(source, VolumeSource):
        return make_volume_record(source)
    return _slice_record(source)


def _slice_record(source: Source) -> Record | Skip:
    from casgan_jax.soft_mask.label import label_from_readers

    phantom = make_phantom(source.seed, source.number)
    image = normalise(phantom.image, WINDOW)
    vagueness = 1.5 if phantom.lesion.kind == "ground-glass" else 1.0
    for attempt in range(_REDRAWS):
        # + 1: NumPy takes [a, b, 0] for [a, b], which is the phantom's own stream.
        rng = np.random.default_rng([source.seed, source.number, attempt + 1])
        masks = readers.draw_masks(rng, phantom.true_alpha, SCALE, vagueness=vagueness)
        try:
            label = label_from_readers(image, masks, SCALE)
        except UserError as error:
            reason = str(error)
            continue
        break
    else:
        return Skip("readers' masks cannot be labelled", reason)
    patient = f"phantom-{source.number:05d}"
    return {
        "image": phantom.image,
        "image_high_resolution": phantom.image_high_resolution,
        "alpha": encode_alpha(np.asarray(label.alpha)),
        "true_alpha": encode_alpha(phantom.true_alpha),
        "trimap": np.asarray(label.trimap, np.uint8),
        "reader_masks": _code(masks),
        "consensus": _code(2 * masks.sum(axis=2) >= masks.shape[2]),
        "mark": np.full(2, (SIDE - 1) / 2, np.float32),
        "n_readers": masks.shape[2],
        "spacing_mm": phantom.spacing_mm,
        "recist": recist_axes(phantom.true_alpha >= 0.5 * phantom.true_alpha.max(), SCALE),
        "kind": phantom.lesion.kind,
        "spiculation": phantom.lesion.spiculation,
        "lobulation": phantom.lesion.lobulation,
        "patient": patient,
        "lesion": f"{patient}/0",
        "key": patient,
    }


def _code(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8) * np.uint8(255)


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """records: how many phantoms; seed: of the series; volumes: whether they are whole lesions."""

    records: int = 480
    seed: int = 0
    volumes: bool = False


class Builder(PreparedBuilder):
    """CT nodule phantoms in HU, of six kinds, with the true alpha, four readers and RECIST axes."""

    name = "phantom"
    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {
        "1.0.0": "Six kinds of nodules, simulated scanners and readers.",
        "1.1.0": "Vessel trees grown in space, layered chest wall, finer bones, diseased lung.",
    }
    BUILDER_CONFIGS = [
        Config(name="quick", records=480, description="480 phantoms, for a first look."),
        Config(name="medium", records=2000, description="2,000 phantoms, for a CPU."),
        Config(name="full", records=6000, description="6,000 phantoms, for training in earnest."),
        Config(
            name="volumes",
            records=240,
            seed=1,
            volumes=True,
            description="240 whole lesions in slices of 1.25, 2.5 and 5 mm, to measure with.",
        ),
    ]
    make_record = staticmethod(make_record)

    def _info(self) -> tfds.core.DatasetInfo:
        seed = self.builder_config.seed
        if self.builder_config.volumes:
            told = records.metadata(
                kind="volumes",
                window=WINDOW,
                scale=1,
                source="simulated",
                seed=seed,
                nodule_kinds=list(volume.KINDS),
            )
            return self.prepared_info(features(), told)
        fine = SIDE * SCALE
        extra = {
            # What the label would be if the readers and the matting made no error.
            "true_alpha": _plane(fine, np.uint8),
            "image_high_resolution": _plane(fine, np.int16),
            # Long axis x1, y1, x2, y2, then short axis x3, y3, x4, y4, native pixels.
            "recist": tfds.features.Tensor(shape=(8,), dtype=np.float32),
            "kind": tfds.features.Text(),
            # 0 for none to 1 for strong, as drawn.
            "spiculation": tfds.features.Scalar(dtype=np.float32),
            "lobulation": tfds.features.Scalar(dtype=np.float32),
        }
        return self.prepared_info(
            records.segmentation_features(SIDE, SCALE, np.int16, extra=extra),
            records.metadata(
                kind="segmentation",
                window=WINDOW,
                scale=SCALE,
                source="simulated",
                seed=seed,
                nodule_kinds=list(KINDS),
            ),
        )

    def tasks(self, manual_dir: Path) -> list[Task]:
        """One task for each phantom; every phantom is a patient of its own."""
        del manual_dir  # nothing to read
        if self.builder_config.volumes:
            return volume_tasks(self.builder_config.seed, self.builder_config.records)
        return [
            Task(split_of(name), name, Source(self.builder_config.seed, index))
            for index in range(self.builder_config.records)
            for name in (f"phantom-{index:05d}",)
        ]


def _plane(side: int, dtype: type) -> tfds.features.Tensor:
    return tfds.features.Tensor(shape=(side, side), dtype=dtype, encoding="zlib")
