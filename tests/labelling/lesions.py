"""Pictures of one lesion with marks of every kind, as files that a user would have."""

import numpy as np

from casgan_jax.images import write_png

SIZE = 160


def disc(radius, centre, size=SIZE):
    """(size, size) bool; centre is (x, y)."""
    y, x = np.mgrid[:size, :size]
    return np.hypot(x - centre[0], y - centre[1]) <= radius


def picture(radius, centre, *, seed=0, size=SIZE):
    """(size, size) uint8 of a bright disc of soft edge on darker noise."""
    y, x = np.mgrid[:size, :size]
    inside = 1 / (1 + np.exp((np.hypot(x - centre[0], y - centre[1]) - radius) / 0.7))
    noise = np.random.default_rng(seed).normal(0, 5, (size, size))
    return np.round(40 + 150 * inside + noise).clip(0, 255).astype(np.uint8)


def axes(radius, centre):
    """(8,) long axis along x, short axis along y."""
    x, y = centre
    return np.array([x - radius, y, x + radius, y, x, y - radius, x, y + radius], np.float32)


def cell(recist):
    """RECIST axes as a cell of a table."""
    return '"' + ",".join(f"{value:g}" for value in recist) + '"'


def write_mask(path, mask):
    """A bool mask as 0 / 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_png(path, mask.astype(np.uint8) * np.uint8(255))


def write_image(path, image):
    """An image, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_png(path, image)
