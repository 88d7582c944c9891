"""One phantom of a whole lesion: a few slices of a chest CT around it, and its true alpha.

    phantom = make_volume_phantom(seed=0, index=7, thickness_mm=2.5)
    phantom.image, phantom.true_alpha, phantom.volume_mm3

As in `phantom.py` the scene is I = a F + (1 - a) B, where a is the share of each voxel that is
lesion, but here in three dimensions: bodies are balls in space, the share is counted on points much
finer than voxels, and a slice is the mean over its thickness. What touches a lesion, a vessel or
the chest wall, is as bright as the lesion is, or nearly.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from casgan_jax.grid import area_mean
from datasets.phantom import fields, scanner

KINDS = ("ellipsoid", "lobulated", "vessel", "juxtapleural")
SIDE = 80  # voxels of a slice
_SPACING_MM = 0.7
_FINE = 3  # points a voxel's side in the slice
_FINE_MM = 0.3  # between points across slices, at most
_LUNG_HU, _WALL_HU = -850.0, 40.0
_MARGIN_MM = 5.0  # of slices beyond the lesion, at least
_LEAST_MM, _MOST_MM = 3.0, 10.0  # radius of a lesion


@dataclasses.dataclass(frozen=True)
class VolumePhantom:
    """What was made.

    Attributes:
      kind: of `KINDS`.
      image: (S, SIDE, SIDE) int16 HU.
      true_alpha: (S, SIDE, SIDE) float32 in [0, 1], the share of lesion in what a voxel shows.
      volume_mm3: of the lesion.
      spacing_mm: between slices, rows, columns; slices touch.
    """

    kind: str
    image: np.ndarray
    true_alpha: np.ndarray
    volume_mm3: float
    spacing_mm: tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class _Scene:
    """Bodies in space, mm from the lesion's centre, x, y, z.

    Attributes:
      balls: (n, 6) centre and half axes of ellipsoids whose union, turned, is the lesion.
      turn: (3, 3) from the scene to the ellipsoids' own directions.
      vessel: (7,) two points and a radius; None: no vessel touches.
      wall: (4,) direction to the chest wall's middle, its distance and radius; None: none near.
    """

    balls: np.ndarray
    turn: np.ndarray
    vessel: np.ndarray | None = None
    wall: np.ndarray | None = None

    def lesion(self, x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
        """Which points of a plane across the slices are of the lesion."""
        u, v, w = (row[0] * x + row[1] * y + row[2] * z for row in self.turn.astype(np.float32))
        inside = np.zeros(x.shape, bool)
        for a, b, c, along_a, along_b, along_c in self.balls.astype(np.float32):
            away = ((u - a) / along_a) ** 2 + ((v - b) / along_b) ** 2 + ((w - c) / along_c) ** 2
            inside |= away < 1
        return inside & ~self.outside(x, y, z)

    def in_vessel(self, x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
        """As `lesion`, of the vessel."""
        if self.vessel is None:
            return np.zeros(x.shape, bool)
        start, stop, radius = self.vessel[:3], self.vessel[3:6], self.vessel[6]
        length = float(np.linalg.norm(stop - start))
        along = ((stop - start) / length).astype(np.float32)
        away = (x - np.float32(start[0]), y - np.float32(start[1]), np.float32(z - start[2]))
        share = sum(step * part for step, part in zip(along, away, strict=True)).clip(0, length)
        apart = sum((part - share * step) ** 2 for step, part in zip(along, away, strict=True))
        near: np.ndarray = apart < radius**2
        return near

    def outside(self, x: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
        """As `lesion`, of the chest wall: beyond the large ball that the lung is."""
        if self.wall is None:
            return np.zeros(x.shape, bool)
        a, b, c = ((self.wall[3] - self.wall[4]) * self.wall[:3]).astype(np.float32)
        beyond: np.ndarray = (x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 > self.wall[4] ** 2
        return beyond


def make_volume_phantom(seed: int, index: int, thickness_mm: float) -> VolumePhantom:
    """The phantom `index` of the series `seed` in slices of a thickness.

    The lesion depends on the two numbers only; kinds take turns.

    Args:
      seed, index: any two numbers.
      thickness_mm: of the slices, which touch.
    """
    rng = np.random.default_rng([seed, index])
    kind = KINDS[index % len(KINDS)]
    radius = float(np.exp(rng.uniform(np.log(_LEAST_MM), np.log(_MOST_MM))))
    scene = _random_scene(rng, kind, radius)
    reach = 1.9 * radius + _MARGIN_MM
    slices = 2 * int(np.ceil(reach / thickness_mm)) + 1
    first = -(slices // 2) * thickness_mm + rng.uniform(-0.5, 0.5) * thickness_mm
    offset = rng.uniform(-0.5, 0.5, 2) * _SPACING_MM
    shares = [_shares(scene, first + k * thickness_mm, thickness_mm, offset) for k in range(slices)]
    spacing = (thickness_mm, _SPACING_MM, _SPACING_MM)
    return _scanned(rng, kind, np.array(shares), spacing)


def _random_scene(rng: np.random.Generator, kind: str, radius: float) -> _Scene:
    axes = radius * np.exp(rng.normal(0, 0.15, 3).clip(-0.3, 0.3))
    balls = [np.concatenate([np.zeros(3), axes])]
    for _ in range(rng.integers(3, 6) if kind == "lobulated" else 0):
        direction = _direction(rng)
        size = np.full(3, radius * rng.uniform(0.4, 0.65))
        balls.append(np.concatenate([direction * axes * rng.uniform(0.6, 0.85), size]))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    scene = _Scene(np.array(balls), turn)
    if kind == "vessel":
        direction = _direction(rng)
        caliber = rng.uniform(0.15, 0.3) * radius
        ends = np.concatenate([0.5 * radius * direction, 60.0 * direction])
        return dataclasses.replace(scene, vessel=np.append(ends, max(caliber, 0.7)))
    if kind == "juxtapleural":
        distance = rng.uniform(0.2, 0.7) * radius
        wall = np.append(_direction(rng), [distance, rng.uniform(60, 120)])
        return dataclasses.replace(scene, wall=wall)
    return scene


def _direction(rng: np.random.Generator) -> np.ndarray:
    direction = rng.normal(size=3)
    unit: np.ndarray = direction / np.linalg.norm(direction)
    return unit


def _shares(
    scene: _Scene, middle: float, thickness: float, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of the lesion, of vessels and of the chest wall in the pixels of one slice."""
    count = max(4, int(np.ceil(thickness / _FINE_MM)))
    place = (np.arange(_FINE * SIDE) - (_FINE * SIDE - 1) / 2) * _SPACING_MM / _FINE
    total = np.zeros((3, _FINE * SIDE, _FINE * SIDE), np.float32)
    x, y = np.meshgrid((place + offset[0]).astype(np.float32), place + offset[1], copy=False)
    y = y.astype(np.float32)
    for k in range(count):
        z = middle + ((k + 0.5) / count - 0.5) * thickness
        lesion, wall = scene.lesion(x, y, z), scene.outside(x, y, z)
        for part, inside in enumerate((lesion, scene.in_vessel(x, y, z) & ~lesion & ~wall, wall)):
            total[part] += inside
    lesion, vessel, wall = (area_mean(plane, _FINE) for plane in total / count)
    return lesion, vessel, wall


def _scanned(
    rng: np.random.Generator,
    kind: str,
    shares: np.ndarray,
    spacing: tuple[float, float, float],
) -> VolumePhantom:
    """What a scanner shows of shares (S, 3, SIDE, SIDE)."""
    device = dataclasses.replace(
        scanner.random_scanner(rng, _SPACING_MM), thickness=spacing[0] / _SPACING_MM
    )
    lesion_hu = rng.uniform(10, 75)
    grain = fields.fractal_gain(SIDE, 1.2, 24.0)
    image, alpha = [], []
    for lesion, vessel, wall in shares:
        lung = _LUNG_HU + 25 * fields.shaped_noise(rng, grain)
        tissue = lesion_hu + 12 * fields.shaped_noise(rng, grain)
        scene = (1 - lesion - vessel - wall) * lung + lesion * tissue
        scene += vessel * lesion_hu + wall * _WALL_HU
        noisy = scanner.blur(scene, device.psf) + device.noise * scanner.noise(rng, device, SIDE)
        image.append(scanner.to_hu(noisy))
        alpha.append(np.clip(scanner.blur(lesion, device.psf), 0, 1))
    true_alpha = np.array(alpha, np.float32)
    volume = float(shares[:, 0].sum() * np.prod(spacing))
    return VolumePhantom(kind, np.array(image), true_alpha, volume, spacing)
