"""Closed-form matting beside pymatting's, on lesion images of 256x256 and by the region's size."""

from __future__ import annotations

import functools
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from casgan_jax.errors import UserError, install
from casgan_jax.soft_mask.closed_form import DEFAULT_EPSILON, closed_form_matting
from casgan_jax.soft_mask.trimap import trimap_from_readers

SIZE, SCALE = 64, 4  # native pixels a side, and 256 = 4 * 64
RADII = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)  # native pixels: LIDC's median is 5
BATCHES = (1, 16, 256)
UNKNOWN = (10**3, 10**4, 10**5, 10**6)  # pixels


def lesion(radius: float, seed: int, noise: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    """A nodule beside vessels in correlated CT noise, and the trimap of four readers.

    Args:
      radius: in native pixels.
      seed: of shape, texture, noise and readers.
      noise: standard deviation, in units of the window.

    Returns:
      (256, 256) float32 image in [0, 1] and its uint8 trimap.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2 - rng.uniform(-2, 2, (2, 1, 1))
    angle = np.arctan2(y, x)
    waves = sum(
        rng.normal(0, 0.12 / k) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) for k in range(2, 6)
    )
    level = np.hypot(x, y) - radius * (1 + waves)  # signed distance to the border, roughly
    image = 0.12 + rng.uniform(0.35, 0.6) / (1 + np.exp(np.clip(level / 0.7, -40, 40)))
    for _ in range(3):
        slope = rng.uniform(0, np.pi)
        offset = rng.uniform(-15, 15)
        image += 0.3 * np.exp(-((x * np.sin(slope) + y * np.cos(slope) - offset) ** 2) / 1.5)
    grain = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE)), (0, 0), 0.8)
    image = np.clip(image + noise * grain / grain.std(), 0, 1).astype(np.float32)
    readers = np.stack([level < rng.normal(0.3, 0.12 * radius) for _ in range(4)], axis=2)
    fine = cv2.resize(image, (SCALE * SIZE,) * 2, interpolation=cv2.INTER_LINEAR)
    return fine, trimap_from_readers(readers, scale=SCALE)


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields one row a case, a batch size and a size of the region, then the summary.

    Raises:
      UserError: pymatting is not installed.
    """
    try:
        import pymatting
    except ImportError as error:
        raise UserError(
            "pymatting",
            found="none",
            expected="the extra bench",
            remedy=install("bench"),
        ) from error

    def theirs(image: np.ndarray, trimap: np.ndarray, epsilon: float) -> np.ndarray:
        colour = np.repeat(image[..., None].astype(np.float64), 3, axis=2)
        rgb = {"epsilon": 3 * epsilon}
        return pymatting.estimate_alpha_cf(colour, trimap / 255.0, laplacian_kwargs=rgb)

    def ours(image: np.ndarray, trimap: np.ndarray, epsilon: float) -> np.ndarray:
        return closed_form_matting([image], [trimap], epsilon=epsilon)[0]

    times, differences = [], []
    for name, image, trimap, epsilon in _cases():
        both = [functools.partial(each, image, trimap, epsilon) for each in (ours, theirs)]
        difference = float(np.abs(both[0]() - both[1]()).max())
        pair = _interleaved(both, options.repeats)
        times.append(pair)
        differences.append(difference)
        yield {
            "case": name,
            "unknown_pixels": int(np.count_nonzero(trimap == 128)),
            "milliseconds": round(1e3 * pair[0], 3),
            "pymatting_milliseconds": round(1e3 * pair[1], 3),
            "speedup": round(pair[1] / pair[0], 2),
            "max_abs_difference": difference,
        }
    for size in BATCHES:
        batch = [lesion(RADII[k % len(RADII)], seed=k) for k in range(size)]
        images, trimaps = (np.stack(each) for each in zip(*batch, strict=True))
        closed_form_matting(images, trimaps)
        seconds = _interleaved([functools.partial(closed_form_matting, images, trimaps)], 3)[0]
        yield {"batch": size, "images_per_second": round(size / seconds, 1)}
    sizes = _scaling(ours, theirs)
    yield from sizes
    total = np.sum(times, axis=0)
    pixels, time_taken, memory = (
        np.log([max(row[name], 1) for row in sizes])
        for name in ("unknown_pixels", "milliseconds", "megabytes")
    )
    yield {
        "images": len(times),
        "milliseconds_per_image": round(1e3 * total[0] / len(times), 3),
        "speedup": round(total[1] / total[0], 2),
        "max_abs_difference": max(differences),
        "speedup_vs_pymatting": {str(row["unknown_pixels"]): row["speedup"] for row in sizes},
        "exponent": {
            "time": round(float(np.polyfit(pixels[-3:], time_taken[-3:], 1)[0]), 2),
            "memory": round(float(np.polyfit(pixels[-2:], memory[-2:], 1)[0]), 2),
        },
    }


def disc(unknown: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A textured disc, and a ring around its border.

    Args:
      unknown: pixels of the ring, about.
      seed: of the noise.

    Returns:
      (H, H) float32 image in [0, 1] and its uint8 trimap.
    """
    outer = np.sqrt(unknown / (np.pi * (1 - 0.4**2)))
    side = int(2 * outer) + 8
    y, x = np.mgrid[:side, :side]
    distance = np.hypot(y - side / 2, x - side / 2)
    waves = 0.1 * np.sin(x / 3) * np.cos(y / 4)
    noise = 0.03 * np.random.default_rng(seed).standard_normal((side, side))
    image = np.where(distance < 0.7 * outer, 0.65, 0.25) + waves + noise
    trimap = np.where(distance < 0.4 * outer, 255, np.where(distance < outer, 128, 0))
    return np.clip(image, 0, 1).astype(np.float32), trimap.astype(np.uint8)


def _scaling(
    ours: Callable[..., np.ndarray], theirs: Callable[..., np.ndarray]
) -> list[dict[str, Any]]:
    """Seconds of both, and by how much the process's peak memory has grown with ours.

    Ours come first for all sizes, as a peak never falls.
    """
    cases = [disc(unknown) for unknown in UNKNOWN]
    rows: list[dict[str, Any]] = []
    alphas = []
    for image, trimap in cases:
        before = _peak()
        alphas.append(ours(image, trimap, DEFAULT_EPSILON))
        grown = _peak() - before
        seconds = _interleaved([functools.partial(ours, image, trimap, DEFAULT_EPSILON)], 3)[0]
        rows.append(
            {
                "unknown_pixels": int(np.count_nonzero(trimap == 128)),
                "milliseconds": round(1e3 * seconds, 3),
                "megabytes": round(grown, 1),
            }
        )
    for row, alpha, (image, trimap) in zip(rows, alphas, cases, strict=True):
        start = time.perf_counter()
        other = theirs(image, trimap, DEFAULT_EPSILON)
        seconds = time.perf_counter() - start
        row["pymatting_milliseconds"] = round(1e3 * seconds, 3)
        row["speedup"] = round(1e3 * seconds / row["milliseconds"], 2)
        row["max_abs_difference"] = float(np.abs(alpha - other).max())
    return rows


def _peak() -> float:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cases() -> Iterator[tuple[str, np.ndarray, np.ndarray, float]]:
    """Name, image, trimap, epsilon."""
    for seed, radius in enumerate(RADII):
        yield f"nodule of {radius:g} px", *lesion(radius, seed), DEFAULT_EPSILON
    yield "noise-free nodule of 5 px", *lesion(5.0, seed=20, noise=0.0), DEFAULT_EPSILON
    _, trimap = lesion(5.0, seed=21)
    yield "flat image", np.full(trimap.shape, 0.5, np.float32), trimap, DEFAULT_EPSILON
    random = np.random.default_rng(0).random(trimap.shape, np.float32)
    # pymatting's inverse of the 3x3 colour covariance loses its digits where grey values are equal
    # in all channels and vary by tenths: at 1e-7 it is up to 7e-3 from its own exact solution.
    yield "random image, epsilon 1e-6", random, trimap, 1e-6 / 3
    image, trimap = lesion(8.0, seed=22)
    half = len(image) // 2
    image = np.pad(image[half:, half:], (0, half), mode="reflect")
    trimap = np.pad(trimap[half:, half:], (0, half))
    yield "nodule of 8 px cut by the corner", image, trimap, DEFAULT_EPSILON


def _interleaved(functions: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Median seconds of each, measured in turn so that a busy machine slows all alike."""
    seconds = np.empty((repeats, len(functions)))
    for row in seconds:
        for k, function in enumerate(functions):
            start = time.perf_counter()
            function()
            row[k] = time.perf_counter() - start
    return np.median(seconds, axis=0).tolist()
