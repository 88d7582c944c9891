"""Closed-form matting beside pymatting's, on lesion images of 256x256."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.soft_mask.closed_form import DEFAULT_EPSILON, closed_form_matting
from casgan_jax.soft_mask.trimap import trimap_from_readers

SIZE, SCALE = 64, 4  # native pixels a side, and 256 = 4 * 64
RADII = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)  # native pixels: LIDC's median is 5
BATCHES = (1, 16, 256)


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
    """Yields one row a case and a batch size, then the summary.

    Raises:
      UserError: pymatting is not installed.
    """
    try:
        import pymatting
    except ImportError as error:
        raise UserError(
            "pymatting",
            found="none",
            expected="it installed",
            remedy="pip install 'casgan_jax[bench]'",
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
    total = np.sum(times, axis=0)
    yield {
        "images": len(times),
        "milliseconds_per_image": round(1e3 * total[0] / len(times), 3),
        "speedup_vs_pymatting": round(total[1] / total[0], 2),
        "max_abs_difference": max(differences),
    }


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
