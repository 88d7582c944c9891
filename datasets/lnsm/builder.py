"""LNSM, the paper's lung nodules with soft masks, made again from DeepLesion (paper 3.1.2, 4.1)."""

from __future__ import annotations

import collections
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.annotations.deeplesion import INFO_FILE, LUNG, Lesions, read_lesions
from casgan_jax.annotations.repeats import repeats
from casgan_jax.pool import OrderedPool
from casgan_jax.records import features as records
from casgan_jax.records.splits import split_by_counts, split_of
from datasets.base import PreparedBuilder
from datasets.deeplesion.builder import LUNG_WINDOW
from datasets.deeplesion.builder import Builder as DeepLesion
from datasets.lesions import LesionSource, lesion_features, make_record, repeated
from datasets.outcomes import Skip
from datasets.task import Task

SIZE = 128  # side of the crops in native pixels
SCALE = 4


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """How many lesions are chosen, and how many of them are for testing and for validation.

    Attributes:
      best: number of lesions of the highest quality; 0: all.
      test: of these; 0: patients are split 70/10/20 by a hash.
      validation: of these.
    """

    best: int = 0
    test: int = 0
    validation: int = 0


def quality_of(source: LesionSource) -> float | Skip:
    """The quality score of a lesion's label, or why it has none."""
    made = make_record(source)
    return made if isinstance(made, Skip) else float(made["quality"])


class Builder(PreparedBuilder):
    """DeepLesion's lung lesions: 128x128 native crops in HU, soft masks from their RECIST axes."""

    name = "lnsm"
    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {
        "1.0.0": "Lung lesions by type, ranked by the quality of their labels.",
        "1.1.0": "A mark half-way between two crops has the one at an even pixel; a lesion that "
        "stands twice is kept once.",
    }
    BUILDER_CONFIGS = [
        Config(
            name="best1500",
            best=1500,
            test=500,
            validation=100,
            description="The best 1,500: 900 + 100 for training and validation, 500 for testing.",
        ),
        Config(name="all", description="All that can be labelled, patients split 70/10/20."),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = DeepLesion.MANUAL_DOWNLOAD_INSTRUCTIONS
    CITATION = DeepLesion.CITATION
    make_record = staticmethod(make_record)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.prepared_info(
            lesion_features(SIZE, SCALE, np.int16),
            records.metadata(
                kind="segmentation",
                window=LUNG_WINDOW,
                scale=SCALE,
                source="DeepLesion",
                label="alpha",
            ),
        )

    def tasks(self, manual_dir: Path) -> list[Task]:
        """One task for each lung lesion that is chosen, and for each that cannot be used."""
        found = read_lesions(manual_dir / INFO_FILE)
        self.note_source(manual_dir / INFO_FILE)
        sources, unusable = _candidates(found)
        scores = self._scores(sources)
        qualities = {key: score for key, score in scores.items() if not isinstance(score, Skip)}
        ranked = sorted(qualities, key=lambda key: (-qualities[key], key))
        best = self.builder_config.best or len(ranked)
        for key in ranked[best:]:
            scores[key] = Skip(f"not among the best {best}", f"quality {qualities[key]:.3f}")
        unusable |= {key: score for key, score in scores.items() if isinstance(score, Skip)}
        chosen = ranked[:best]
        if chosen:
            least, most = qualities[chosen[-1]], qualities[chosen[0]]
            self.note(f"quality of the chosen: {least:.3f} to {most:.3f}")
        patients = {one.key: one.patient for one in found.annotations.annotations}
        splits = self._splits([patients[key] for key in chosen])
        return [
            Task(splits[patients[key]], key, sources[key], sources[key].annotation.files)
            for key in chosen
        ] + [
            # A line that could not be read has no patient, and its lesion no record.
            Task(split_of(patients.get(key, key)), key, skip)
            for key, skip in unusable.items()
        ]

    def _scores(self, sources: dict[str, LesionSource]) -> dict[str, float | Skip]:
        """All lesions are labelled once to rank them; the chosen ones again for their records."""
        scores = {}
        self._progress.begin(f"ranking {self.name}", len(sources))
        with OrderedPool(quality_of, self.workers) as pool:
            for key, score in zip(sources, pool.map(sources.values()), strict=True):
                self._progress.update()
                scores[key] = score
        return scores

    def _splits(self, patients: list[str]) -> dict[str, str]:
        """The split of each patient; `patients` has one entry for each chosen lesion."""
        config = self.builder_config
        if not config.test:
            return {patient: split_of(patient) for patient in patients}
        # With fewer lesions than wanted the splits keep their proportions.
        share = len(patients) / config.best
        wanted = {"test": config.test, "validation": config.validation}
        return split_by_counts(
            collections.Counter(patients),
            **{split: max(1, round(share * count)) for split, count in wanted.items()},
        )


def _candidates(found: Lesions) -> tuple[dict[str, LesionSource], dict[str, Any]]:
    """Lung lesions to label, by key, and the rows of the table that cannot be used."""
    failures = found.annotations.failures
    unusable = {failure.key: Skip("bad line", failure.reason) for failure in failures}
    sources = {}
    again = repeats(found.annotations.annotations)
    for one in found.annotations.annotations:
        if found.types[one.key] != LUNG:
            continue
        if one.key in again:
            unusable[one.key] = repeated(again[one.key])
            continue
        if one.key in found.noisy:
            unusable[one.key] = Skip("possibly noisy axes", "marked so by DeepLesion's authors")
            continue
        sources[one.key] = LesionSource(
            annotation=one,
            size=SIZE,
            scale=SCALE,
            image_dtype=np.int16,
            window=LUNG_WINDOW,
            larger="",
        )
    return sources, unusable
