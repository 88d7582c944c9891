"""Tiny source trees in the exact public formats."""

import numpy as np

from casgan_jax.images import write_png

SIZE = 128


def disc(radius, centre=(64.0, 64.0), size=SIZE):
    """(size, size) bool disc; `centre` is (x, y)."""
    y, x = np.mgrid[:size, :size]
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2


def nodule(radius, seed, size=SIZE):
    """(size, size) uint8 picture of a soft-edged nodule in noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(x - size / 2, y - size / 2)
    inside = 1 / (1 + np.exp((distance - radius) / 0.8))
    return (
        np.round(30 + 150 * inside + rng.normal(0, 8, (size, size))).clip(0, 255).astype(np.uint8)
    )


def write_lidc_slice(root, key, image, masks):
    """Writes "PATIENT/nodule-K/slice-I": `image` uint8 and one mask-R folder for each bool mask."""
    patient, number, name = key.split("/")
    for folder, plane in [("images", image), *((f"mask-{r}", m) for r, m in enumerate(masks))]:
        path = root / patient / number / folder
        path.mkdir(parents=True, exist_ok=True)
        plane = plane.astype(np.uint8) * 255 if plane.dtype == bool else plane
        write_png(path / f"{name}.png", plane)


def write_lidc_tree(root, patients=("LIDC-IDRI-0001", "LIDC-IDRI-0002", "LIDC-IDRI-0005")):
    """Two slices of one nodule of each patient, four readers who differ by a pixel or two."""
    for seed, patient in enumerate(patients):
        for index, radius in enumerate((5, 7)):
            masks = [disc(radius + delta, (64, 64 + delta)) for delta in (-1, 0, 0.5, 1)]
            image = nodule(radius, 2 * seed + index)
            write_lidc_slice(root, f"{patient}/nodule-0/slice-{index}", image, masks)
    return root


def write_deeplesion_slice(root, series, name, hu):
    """Writes Images_png/SERIES/NAME.png; `hu` int16."""
    path = root / "Images_png" / series
    path.mkdir(parents=True, exist_ok=True)
    write_png(path / f"{name}.png", (hu.astype(np.int32) + 32768).astype(np.uint16))
