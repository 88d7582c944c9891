"""Soft masks from RECIST axes: their speed, and how near they come to readers and to the truth.

Speed is that of one core: all threads of the process are bound to one, and what they took of it is
counted (processor time: the wall clock of a machine that does nothing else). With --data_dir the
labels of a prepared data set are compared, too (docs/labels.md): where it has several readers with
their consensus, and so is what their quality tells of it (`label_quality`); with the true alpha
where that is known (phantom).
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from casgan_jax import metrics
from casgan_jax.errors import UserError, install
from casgan_jax.grid import PAPER_THRESHOLD, area_mean, binarise, decode_alpha, normalise
from casgan_jax.records.prepared import feature_names, load_split, read_metadata
from casgan_jax.soft_mask import label as labelling
from casgan_jax.soft_mask.grabcut import CERTAIN, POSSIBLE, grabcut_mask
from casgan_jax.soft_mask.recist import measure_axes, relative_distance, to_scale
from casgan_jax.soft_mask.trimap import trimap_from_binary
from launch.benchmarks.labels import agreement as label_agreement
from launch.benchmarks.labels import quality as label_quality
from launch.benchmarks.labels.agreement import SCALE
from launch.benchmarks.labels.quality import Sample
from launch.benchmarks.matting import RADII, lesion

Lesion = tuple[np.ndarray, np.ndarray]  # (H, W) image in [0, 1], (8,) axes
STAGES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "shape through the axes' ends": lambda image, recist: _shape(image, recist),
    "GrabCut": functools.partial(grabcut_mask, scale=SCALE),
    "GrabCut + matting": lambda image, recist: _matted_grabcut(image, recist),
    "label_from_recist, no prior": lambda image, recist: (
        labelling.label_from_recist(image, recist, SCALE, prior_weight=0.0).alpha
    ),
    "label_from_recist": lambda image, recist: (
        labelling.label_from_recist(image, recist, SCALE).alpha
    ),
}


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields one row a lesion and a strategy, then the summary.

    Raises:
      UserError: pymatting is not installed, or the data set has neither readers nor a true alpha.
    """
    summary = yield from _speed(options.repeats)
    if options.data_dir is not None:
        features = feature_names(options.data_dir)
        if "true_alpha" in features:
            yield from _against_truth(options.data_dir, options.limit)
        elif "reader_masks" in features:
            yield from label_agreement.rows(options.data_dir, options.limit)
            samples = consensus_samples(options.data_dir, options.limit)
            stages = list(_against_consensus(samples))
            yield from stages
            yield from label_quality.rows(samples)
            summary["dice_vs_consensus"] = stages[-1]["dice_at_128"]
        else:
            raise UserError(
                f"data_dir={options.data_dir}",
                found="neither reader_masks nor true_alpha in its records",
                expected="a data set such as lidc or phantom",
            )
    yield summary


def _speed(repeats: int) -> Generator[dict[str, Any], None, dict[str, Any]]:
    """One row a lesion of 256x256 fine pixels; returns the summary."""
    try:
        import pymatting
    except ImportError as error:
        raise UserError(
            "pymatting",
            found="none",
            expected="the extra bench",
            remedy=install("bench"),
        ) from error
    totals = []
    with _one_core():
        for seed, radius in enumerate(RADII):
            image, recist = _measured_lesion(radius, seed)
            labelling.label_from_recist(image, recist, SCALE)  # compiles
            ours, theirs = _in_turn(
                functools.partial(labelling.label_from_recist, image, recist, SCALE),
                functools.partial(_reference, pymatting, image, recist),
                repeats=repeats,
            )
            totals.append((ours, theirs))
            yield {
                "lesion": f"radius of {radius:g} px",
                "milliseconds": round(1e3 * ours, 3),
                "reference_milliseconds": round(1e3 * theirs, 3),
                "speedup": round(theirs / ours, 2),
            }
    ours, theirs = np.mean(totals, axis=0).tolist()
    return {
        "lesions": len(totals),
        "ms_per_lesion": round(1e3 * ours, 3),
        "reference_ms_per_lesion": round(1e3 * theirs, 3),
        "speedup_vs_reference": round(theirs / ours, 2),
    }


def _measured_lesion(radius: float, seed: int) -> Lesion:
    """The matting suite's nodule on the native grid of 64x64, with axes between its readers."""
    fine, trimap = lesion(radius, seed)
    image = area_mean(fine, SCALE)
    return image, measure_axes(trimap / 255, 0.5, scale=SCALE)


def _reference(pymatting: Any, image: np.ndarray, recist: np.ndarray) -> np.ndarray:
    """GrabCut of the whole 256x256 frame, a band around it, pymatting."""
    fine = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_LINEAR)
    distance = relative_distance(to_scale(recist, SCALE), fine.shape)
    state = np.full(fine.shape, cv2.GC_BGD, np.uint8)
    state[distance <= POSSIBLE] = cv2.GC_PR_BGD
    state[distance <= 1] = cv2.GC_PR_FGD
    state[distance <= CERTAIN] = cv2.GC_FGD
    grey = np.round(255 * fine).astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    rectangle = 0, 0, 0, 0  # of no meaning beside a mask
    colour = np.repeat(grey[..., None], 3, 2)
    cv2.grabCut(colour, state, rectangle, *models, 1, cv2.GC_INIT_WITH_MASK)
    trimap = trimap_from_binary((state & 1) > 0)  # GC_FGD and GC_PR_FGD are odd
    return pymatting.estimate_alpha_cf(
        np.repeat(fine[..., None], 3, 2).astype(float), trimap / 255.0
    )


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    """Binds every thread of this process to one core, those of OpenCV and XLA too."""
    allowed = os.sched_getaffinity(0)
    _bind({min(allowed)})
    try:
        yield
    finally:
        _bind(allowed)


def _bind(cores: set[int]) -> None:
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            os.sched_setaffinity(int(task.name), cores)


def _in_turn(*functions: Callable[[], Any], repeats: int) -> list[float]:
    """Median processor seconds of each, measured in turn so that a busy machine slows all alike."""
    seconds = np.empty((repeats, len(functions)))
    for row in seconds:
        for k, function in enumerate(functions):
            start = time.process_time()
            function()
            row[k] = time.process_time() - start
    return np.median(seconds, axis=0).tolist()


def _shape(image: np.ndarray, recist: np.ndarray) -> np.ndarray:
    size = (SCALE * image.shape[0], SCALE * image.shape[1])
    return relative_distance(to_scale(recist, SCALE), size) <= 1


def _matted_grabcut(image: np.ndarray, recist: np.ndarray) -> np.ndarray:
    fine = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_LINEAR)
    return labelling.label_from_binary(fine, grabcut_mask(image, recist, scale=SCALE), 1).alpha


def consensus_samples(data_dir: str, limit: int) -> list[Sample]:
    """Slices of patients that nothing was tuned on, with the consensus of four readers.

    Raises:
      UserError: there is none.
    """
    samples = []
    for record, image in _records(data_dir, ("reader_masks", "n_readers", "patient")):
        patient = record["patient"].decode()
        if record["n_readers"] != 4 or not _held_out(patient):
            continue
        consensus = (record["reader_masks"] > 0).mean(axis=2) >= 0.5
        if not consensus.any():
            continue
        samples.append(Sample(image, measure_axes(consensus, 0.5), consensus, patient))
        if len(samples) == limit:
            break
    if not samples:
        raise UserError(
            f"data_dir={data_dir}",
            found=(
                "no record that four readers marked in the half of the patients that nothing was "
                "tuned on"
            ),
            expected="some",
            remedy="build more of the lidc data set",
        )
    return samples


def _against_consensus(samples: Sequence[Sample]) -> Iterator[dict[str, Any]]:
    """Dice of each stage with the consensus, whose axes it is given."""
    for name, stage in STAGES.items():
        scores = []
        for sample in samples:
            alpha = stage(sample.image, sample.recist).astype(np.float32)
            native = binarise(area_mean(alpha, SCALE), PAPER_THRESHOLD)
            scores.append(label_agreement.dice(native, sample.consensus))
        yield {
            "recist_label": name,
            "dice_at_128": round(float(np.mean(scores)), 4),
            "dice_5th_percentile": round(float(np.percentile(scores, 5)), 4),
            "slices": len(samples),
            "patients": len({sample.patient for sample in samples}),
        }


def _held_out(patient: str) -> bool:
    """Whether nothing was tuned on a patient: half of them, by the CRC-32 of their number."""
    return zlib.crc32(patient.rpartition("-")[2].lstrip("0").encode()) % 2 == 1


def _against_truth(data_dir: str, limit: int) -> Iterator[dict[str, Any]]:
    """Errors of labels from axes, readers and their consensus, on phantoms of the test split."""
    features = ("true_alpha", "recist", "reader_masks", "consensus")
    made: dict[str, list[np.ndarray]] = {}
    truths = []
    for record, image in _records(data_dir, features, splits=("test",)):
        truths.append(decode_alpha(record["true_alpha"]))
        for name, stage in STAGES.items():
            made.setdefault(name, []).append(stage(image, record["recist"]).astype(np.float32))
        readers = labelling.label_from_readers(image, record["reader_masks"], SCALE)
        made.setdefault("label_from_readers", []).append(readers.alpha)
        binary = labelling.label_from_binary(image, record["consensus"], SCALE)
        made.setdefault("label_from_binary", []).append(binary.alpha)
        if len(truths) == limit:
            break
    truth = np.stack(truths)
    for name, labels in made.items():
        alpha = np.stack(labels)
        yield {
            "phantom_label": name,
            "soft_mae": round(float(metrics.soft_mae(alpha, truth).mean()), 5),
            "sad": round(float(metrics.sad(alpha, truth).mean()), 1),
            "gradient_error": round(float(metrics.gradient_error(alpha, truth).mean()), 2),
            "phantoms": len(truths),
        }


def _records(
    data_dir: str,
    features: tuple[str, ...],
    splits: tuple[str, ...] = ("train", "validation", "test"),
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Records in an order drawn once, each with its image in [0, 1]."""
    window = read_metadata(data_dir)["window"]
    stored = {split: load_split(data_dir, split, features=("image", *features)) for split in splits}
    places = [(split, index) for split, records in stored.items() for index in range(len(records))]
    for place in np.random.default_rng(0).permutation(len(places)):
        split, index = places[place]
        record = stored[split][index]
        yield record, normalise(record["image"], window)
