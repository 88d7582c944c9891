"""Prepared data set -> augmented patches -> batches: the input of training.

    batches_from, records = training_batches(
        "data/phantom", kind="segmentation", label="alpha", patch=64, scale=4, batch_size=8, seed=0
    )
    batch = next(iter(batches_from(0)))
    batch["image"], batch["target"]  # (8, 64, 64, 1) and (8, 256, 256, 1), float32 in [0, 1]

A pipeline is a Grain data set: shuffled, repeated, shared out to the processes; augmentation draws
from a generator that depends on (seed, position), so the stream depends neither on the number of
workers nor on that of processes, and its position is the number of steps taken.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.record_checks import check_shards, open_data_set, read_record, stored_metadata
from casgan_jax.records import MAX_READERS, decode_alpha

Record = Mapping[str, Any]

# Grain runs several threads of its own; OpenCV's would fight with them for the cores.
cv2.setNumThreads(1)


def dataset_directory(data_dir: str | Path) -> Path:
    """The folder of one prepared data set: `data_dir` itself, or the only one below it.

    Raises:
      UserError: there is none, or more than one.
    """
    data_dir = Path(data_dir).expanduser()
    if (data_dir / "dataset_info.json").is_file():
        return data_dir
    found = sorted(
        path.parent
        for path in data_dir.glob("**/dataset_info.json")
        if ".incomplete" not in str(path.relative_to(data_dir))
    )
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(
            f"data.dir: found no prepared data set under {data_dir}, expected one; "
            f"make it with `python -m launch.build --dataset=phantom --data_dir={data_dir}`"
        )
    names = ", ".join(str(path.relative_to(data_dir)) for path in found)
    raise UserError(
        f"data.dir: found {len(found)} data sets under {data_dir}, expected one; name one of "
        f"{names}"
    )


@functools.lru_cache(maxsize=8)
def _builder(directory: Path) -> Any:
    return open_data_set(directory)


def read_metadata(data_dir: str | Path) -> dict[str, Any]:
    """The metadata that the builder stored: kind, window, scale and what it counted."""
    return stored_metadata(dataset_directory(data_dir))


def feature_names(data_dir: str | Path) -> set[str]:
    """The features of a prepared data set's records."""
    return set(_builder(dataset_directory(data_dir)).info.features)


def load_split(
    data_dir: str | Path, split: str, *, features: Sequence[str] | None = None
) -> Sequence[dict[str, Any]]:
    """Random access to the records of a split.

    Args:
      data_dir: prepared data set, or the folder with the only one.
      split: "train", "validation" or "test".
      features: decode only these; None for all.

    Raises:
      UserError: no data set there, or no records in the split.
    """
    import tensorflow_datasets as tfds

    directory = dataset_directory(data_dir)
    builder = _builder(directory)
    sizes = {name: info.num_examples for name, info in builder.info.splits.items()}
    if not sizes.get(split):
        raise UserError(
            f"split: found no records of {split!r} in {directory}, expected one of "
            f"{', '.join(f'{name} ({size})' for name, size in sizes.items() if size)}"
        )
    check_shards(builder, split)
    source = builder.as_data_source(
        split=split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    wanted = builder.info.features
    if features is not None:
        wanted = tfds.features.FeaturesDict({name: wanted[name] for name in features})
    return _Records(source, wanted)


class _Records(Sequence[dict[str, Any]]):
    """Records decoded when they are read, and of their features only the wanted ones."""

    def __init__(self, source: Sequence[bytes], features: Any) -> None:
        self._source, self._features = source, features

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < len(self):
            raise IndexError(f"record: found {index}, expected 0 to {len(self) - 1}")
        return read_record(self._source, self._features, index)


def normalise(image: np.ndarray, window: Sequence[float]) -> np.ndarray:
    """Source values -> float32 in [0, 1]: `window` = (low, high) maps to (0, 1), the rest is
    clipped."""
    low, high = map(np.float32, window)
    return np.clip((image.astype(np.float32) - low) / (high - low), 0.0, 1.0)


def marked_region(
    mark: Sequence[float], patch: int, size: int, *, scale: int = 1
) -> tuple[slice, slice]:
    """Rows and columns of the patch around a mark, moved inside the crop where it would leave it.

    Args:
      mark: (x, y) in native pixels.
      patch: side of the patch in native pixels.
      size: side of the native crop.
      scale: fine pixels a native pixel, of the plane that is indexed.

    Raises:
      UserError: the patch is larger than the crop.
    """
    if not 0 < patch <= size:
        raise UserError(
            f"data.patch: found {patch} for records of {size} x {size} pixels, expected 1 to {size}"
        )
    left, top = (
        int(np.clip(np.round(centre - (patch - 1) / 2), 0, size - patch)) for centre in mark
    )
    rows, columns = (slice(scale * start, scale * (start + patch)) for start in (top, left))
    return rows, columns


def marked_patch(record: Record, name: str, patch: int, *, scale: int = 1) -> np.ndarray:
    """A plane of a record, `scale` times as fine as its image, over the patch around the mark."""
    return record[name][marked_region(record["mark"], patch, len(record["image"]), scale=scale)]


def readers_mean(record: Record) -> np.ndarray:
    """Share of the readers that marked each native pixel: (H, W) float32 in [0, 1]."""
    masks = record["reader_masks"] > 0
    if masks.shape[-1] > MAX_READERS:
        raise UserError(f"reader_masks: found {masks.shape[-1]}, expected at most {MAX_READERS}")
    return masks.sum(-1, dtype=np.float32) / np.float32(max(int(record["n_readers"]), 1))


def _enlarge(plane: np.ndarray, scale: int) -> np.ndarray:
    return cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)


def _resample(coded: np.ndarray, factor: float) -> np.ndarray:
    """A stored soft mask on the grid of the config's scale: area means, never a threshold."""
    if factor == 1:
        return coded
    return cv2.resize(coded, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


# What a network can be trained towards: features read, and (record, r, r of the data set) -> coded
# target.
LABELS: dict[str, tuple[tuple[str, ...], Callable[[Record, int, int], np.ndarray]]] = {
    # The builder's soft mask (paper 3.1.2).
    "alpha": (("alpha",), lambda record, r, stored: _resample(record["alpha"], r / stored)),
    # The same, held to the readers' mean where the image does not decide.
    "alpha_anchored": (
        ("alpha_anchored",),
        lambda record, r, stored: _resample(record["alpha_anchored"], r / stored),
    ),
    # Known only for phantoms.
    "true_alpha": (
        ("true_alpha",),
        lambda record, r, stored: _resample(record["true_alpha"], r / stored),
    ),
    # The share of readers that marked the pixel, without a look at the image.
    "readers": (
        ("reader_masks", "n_readers"),
        lambda record, r, _: np.round(255.0 * _enlarge(readers_mean(record), r)).astype(np.uint8),
    ),
    # Binary: at least half of the readers.
    "consensus": (
        ("consensus",),
        lambda record, r, _: np.uint8(255) * (_enlarge(record["consensus"], r) >= 128),
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What is drawn for each record; every field is the limit of a uniform draw around no change.

    Attributes:
      flip: mirror half of the records.
      rotation: degrees.
      zoom: logarithm of the magnification.
      shift: native pixels in each direction.
      contrast: logarithm of the factor about mid-grey.
      brightness: added, of the [0, 1] range.
      noise: largest standard deviation of white noise, of the [0, 1] range.
    """

    flip: bool = True
    rotation: float = 180.0
    zoom: float = 0.15
    shift: float = 4.0
    contrast: float = 0.2
    brightness: float = 0.1
    noise: float = 0.02


def _affine(augmentation: Augmentation, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draws (2x2 matrix, shift in native pixels): output offset from the centre -> source
    offset."""
    angle = np.deg2rad(rng.uniform(-augmentation.rotation, augmentation.rotation))
    shrink = np.exp(-rng.uniform(-augmentation.zoom, augmentation.zoom))
    mirror = -1.0 if augmentation.flip and rng.random() < 0.5 else 1.0
    cosine, sine = np.cos(angle) * shrink, np.sin(angle) * shrink
    matrix = np.array([[mirror * cosine, -sine], [mirror * sine, cosine]])
    return matrix, rng.uniform(-augmentation.shift, augmentation.shift, 2)


def _warp(plane: np.ndarray, size: int, matrix: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Samples a `size` square around `centre`, (x, y) in the plane's pixels."""
    offset = centre - matrix @ np.full(2, (size - 1) / 2)
    return cv2.warpAffine(
        plane,
        np.column_stack([matrix, offset]).astype(np.float32),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _jitter(patch: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> np.ndarray:
    contrast = np.exp(rng.uniform(-augmentation.contrast, augmentation.contrast))
    brightness = rng.uniform(-augmentation.brightness, augmentation.brightness)
    noise = rng.uniform(0.0, augmentation.noise) * rng.standard_normal(patch.shape)
    return np.clip((patch - 0.5) * contrast + 0.5 + brightness + noise, 0.0, 1.0).astype(np.float32)


def segmentation_example(
    planes: Record, patch: int, scale: int, augmentation: Augmentation, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """One augmented pair: `image` (patch, patch, 1) and `target` (scale * patch, ..., 1) in [0, 1].

    Args:
      planes: `image` (H, W) in [0, 1], `target` (scale H, scale W) coded uint8, and `mark`.
    """
    matrix, shift = _affine(augmentation, rng)
    centre = planes["mark"] + shift
    image = _jitter(_warp(planes["image"], patch, matrix, centre), augmentation, rng)
    fine_centre = scale * centre + (scale - 1) / 2
    target = decode_alpha(_warp(planes["target"], scale * patch, matrix, fine_centre))
    return {"image": image[..., None], "target": target[..., None]}


def super_resolution_example(
    planes: Record, patch: int, scale: int, augmentation: Augmentation, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """One pair for SRGAN: a random high-resolution crop and its area mean (paper 3.2.1), with
    noise.

    Args:
      planes: `image` (H, W) in [0, 1], at least scale * patch pixels a side.
    """
    high = planes["image"]
    side = scale * patch
    top, left = (int(rng.integers(0, length - side + 1)) for length in high.shape)
    target = np.rot90(high[top : top + side, left : left + side], rng.integers(4))
    if rng.random() < 0.5:
        target = target[:, ::-1]
    target = np.ascontiguousarray(target)
    image = cv2.resize(target, (patch, patch), interpolation=cv2.INTER_AREA)
    image = _jitter(image, dataclasses.replace(augmentation, contrast=0.0, brightness=0.0), rng)
    return {"image": image[..., None], "target": target[..., None]}


class _Planes:
    """Random access to what an example needs, decoded once and kept in memory if `cache`."""

    def __init__(
        self, records: Sequence[Record], prepare: Callable[[Record], Record], *, cache: bool
    ) -> None:
        self._records, self._prepare = records, prepare
        self._kept: dict[int, Record] | None = {} if cache else None

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Record:
        if self._kept is None:
            return self._prepare(self._records[index])
        if index not in self._kept:
            self._kept[index] = self._prepare(self._records[index])
        return self._kept[index]


def segmentation_planes(
    data_dir: str | Path, split: str, *, label: str, patch: int, scale: int, cache: bool = True
) -> _Planes:
    """Windowed images and coded targets of a segmentation data set at `scale`.

    Raises:
      UserError: the data set has no such label, another kind, or soft masks that are too coarse.
    """
    metadata = read_metadata(data_dir)
    if metadata.get("kind") != "segmentation":
        raise UserError(
            f"data.dir: found a data set of kind {metadata.get('kind')!r}, expected 'segmentation'"
        )
    stored = int(metadata["scale"])
    if stored % scale:
        raise UserError(
            f"data.scale: found {scale}, expected a divisor of the data set's {stored}; "
            "build the data set at this scale or change the config's"
        )
    available = feature_names(data_dir)
    possible = [name for name, (needs, _) in LABELS.items() if available.issuperset(needs)]
    if label not in possible:
        raise UserError(f"data.label: found {label!r}, expected one of {', '.join(possible)}")
    needs, make_target = LABELS[label]

    def prepare(record: Record) -> Record:
        marked_region(record["mark"], patch, len(record["image"]))  # the patch fits
        return {
            "mark": record["mark"],
            "image": normalise(record["image"], metadata["window"]),
            "target": make_target(record, scale, stored),
        }

    return _Planes(
        load_split(data_dir, split, features=("image", "mark", *needs)), prepare, cache=cache
    )


def super_resolution_planes(
    data_dir: str | Path, split: str, *, patch: int, scale: int, cache: bool = True
) -> _Planes:
    """Windowed high-resolution images: the data set's own, or its native ones where it has no
    finer.

    Raises:
      UserError: the images are smaller than scale * patch.
    """
    metadata = read_metadata(data_dir)
    finer = "image_high_resolution"
    feature = finer if finer in feature_names(data_dir) else "image"

    def prepare(record: Record) -> Record:
        image = normalise(record[feature], metadata["window"])
        if min(image.shape) < scale * patch:
            raise UserError(
                f"data.patch: found {patch}, expected at most {min(image.shape) // scale}: "
                f"the {feature} of {data_dir} has {image.shape[0]} x {image.shape[1]} pixels"
            )
        return {"image": image}

    return _Planes(load_split(data_dir, split, features=(feature,)), prepare, cache=cache)


def pipeline(
    planes: _Planes,
    example: Callable[[Record, np.random.Generator], dict[str, np.ndarray]],
    *,
    batch_size: int,
    seed: int,
    workers: int = 0,
    process_index: int = 0,
    process_count: int = 1,
    start: int = 0,
) -> Any:
    """An endless, shuffled Grain iterable of batches.

    Example i of the endless stream depends on (seed, i) alone. Step k takes the examples from
    k * batch_size * process_count on, of which each process takes every `process_count`-th: so the
    global batches are the same for any number of processes and workers, a batch runs over the end
    of an epoch rather than being uneven, and the position in the data is the number of steps.

    Args:
      planes: source of decoded records.
      example: (planes of one record, generator) -> augmented arrays.
      batch_size: examples per batch of this process.
      seed: of the order and of the augmentation.
      workers: processes that prepare batches; 0 for threads of this one.
      process_index, process_count: this process's share of each batch.
      start: batches to leave out, those that a resumed training has had.

    Raises:
      UserError: fewer records than one batch of every process needs.
    """
    import grain

    if len(planes) < batch_size * process_count:
        raise UserError(
            f"optim.batch_size: found {batch_size * process_count}, expected at most the "
            f"{len(planes)} records of the training split"
        )
    dataset = (
        grain.MapDataset.source(planes)
        .seed(seed)
        .shuffle()
        .repeat()
        .random_map(example)[start * batch_size * process_count + process_index :: process_count]
        .batch(batch_size)
        .to_iter_dataset(grain.ReadOptions(num_threads=2, prefetch_buffer_size=4))
    )
    if workers:
        dataset = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return dataset


def training_batches(
    data_dir: str | Path,
    *,
    kind: str,
    patch: int,
    scale: int,
    batch_size: int,
    seed: int,
    label: str = "alpha",
    augmentation: Augmentation | None = None,
    cache: bool = True,
    workers: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> tuple[Callable[[int], Any], int]:
    """Batches left out -> training pipeline (see `pipeline`), and the number of records.

    Args:
      kind: "segmentation" (patches and soft masks) or "super_resolution" (crops and their area
        means).
    """
    augmentation = augmentation or Augmentation()
    if kind == "segmentation":
        planes = segmentation_planes(
            data_dir, "train", label=label, patch=patch, scale=scale, cache=cache
        )
        make = segmentation_example
    else:
        planes = super_resolution_planes(data_dir, "train", patch=patch, scale=scale, cache=cache)
        make = super_resolution_example

    def example(record: Record, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return make(record, patch, scale, augmentation, rng)

    batches_from = functools.partial(
        pipeline,
        planes,
        example,
        batch_size=batch_size,
        seed=seed,
        workers=workers,
        process_index=process_index,
        process_count=process_count,
    )
    return lambda start: batches_from(start=start), len(planes)
