"""The six kinds of nodule of the paper's Figure 1: their size, shape and tissue."""

from __future__ import annotations

import dataclasses

import numpy as np

from datasets.phantom import shapes

KINDS = ("isolated", "tiny", "cavitary", "ground-glass", "juxtapleural", "calcific")

# Percentiles of the area of real nodules' cross-sections (LIDC-IDRI, 50% consensus), native pixels.
_AREA_SHARE = (0.0, 0.05, 0.25, 0.50, 0.75, 0.95, 0.99, 1.0)
_AREA = (11.0, 18.0, 39.0, 78.0, 204.0, 560.0, 920.0, 1050.0)
_TINY_SHARE = 0.25  # tiny nodules are the smallest quarter


@dataclasses.dataclass(frozen=True)
class Inclusion:
    """A part of the lesion with tissue of its own: a cavity, a solid core, a calcification."""

    outline: shapes.Outline
    offset: tuple[float, float]  # of its centre from the lesion's, native pixels
    hu: float


@dataclasses.dataclass(frozen=True)
class Lesion:
    """A lesion. Lengths are in native pixels.

    Attributes:
      kind: one of KINDS.
      outline: its shape.
      spiculation, lobulation: 0 for none to 1 for strong, what the outline was drawn with.
      hu: of its tissue.
      texture: standard deviation of the tissue's texture, HU.
      inclusions: painted over the tissue in order. They belong to the lesion; alpha ignores them.
      transparent: whether vessels are seen through it.
    """

    kind: str
    outline: shapes.Outline
    spiculation: float
    lobulation: float
    hu: float
    texture: float
    inclusions: tuple[Inclusion, ...] = ()
    transparent: bool = False

    @property
    def radius(self) -> float:
        """Of the disc with the body's area."""
        return float(np.sqrt(np.mean(self.outline.radii**2)))


def random_lesion(rng: np.random.Generator, kind: str, thickness: float) -> Lesion:
    """A lesion of one kind in a slice of a thickness (native pixels)."""
    area = _random_area(rng, kind)
    if kind == "juxtapleural":
        area *= 1.25  # the wall takes a part of it
    spiculation, lobulation = _border(rng, kind, area)
    outline = shapes.random_outline(
        rng,
        area,
        elongation=1.0 + rng.gamma(2.0, 0.16),
        lobulation=lobulation,
        irregularity=rng.uniform(0.02, 0.07) + (0.05 if kind == "ground-glass" else 0.0),
        spiculation=spiculation,
    )
    depth = rng.uniform(0.0, 0.8)
    height = np.sqrt(area / np.pi / (1 - depth**2)) * rng.uniform(0.8, 1.2)
    # No thinner than the slice: its middle would be partial volume everywhere.
    outline = dataclasses.replace(outline, height=float(max(height, thickness)), depth=depth)
    solid = rng.uniform(10, 75)
    base = Lesion(kind, outline, spiculation, lobulation, solid, rng.uniform(5, 18))
    if kind == "cavitary":
        return dataclasses.replace(base, inclusions=_cavities(rng, base))
    if kind == "ground-glass":
        hu = rng.uniform(-660, -380)
        core = _core(rng, base, rng.uniform(-150, 30)) if rng.random() < 0.35 else ()
        texture = rng.uniform(25, 70)
        return dataclasses.replace(base, hu=hu, texture=texture, inclusions=core, transparent=True)
    if kind == "calcific":
        return _calcified(rng, base)
    return base


def _random_area(rng: np.random.Generator, kind: str) -> float:
    """Area such that all kinds together, equally frequent, are as large as real nodules."""
    # Those of the smallest quarter that are not tiny are isolated or juxtapleural.
    others = 0.5 * (_TINY_SHARE * len(KINDS) - 1)
    small = kind == "tiny"
    if kind in ("isolated", "juxtapleural"):
        small = rng.random() < others
    share = rng.uniform(0, _TINY_SHARE) if small else rng.uniform(_TINY_SHARE, 1)
    return float(np.exp(np.interp(share, _AREA_SHARE, np.log(_AREA))))


def _border(rng: np.random.Generator, kind: str, area: float) -> tuple[float, float]:
    """(spiculation, lobulation): small nodules are smooth, large ones rarely."""
    if area < 35 or kind == "tiny":
        return 0.0, 0.0
    spiculated = rng.random() < (0.1 if kind in ("ground-glass", "calcific") else 0.4)
    lobulated = rng.random() < 0.55
    return (
        float(rng.uniform(0.25, 1.0)) if spiculated else 0.0,
        float(rng.uniform(0.1, 1.0)) if lobulated else 0.0,
    )


def _inside(
    rng: np.random.Generator, lesion: Lesion, share: float, irregularity: float
) -> Inclusion:
    """A part of about `share` of the lesion's radius, somewhere inside; its HU is to be set."""
    radius = share * lesion.radius
    outline = shapes.random_outline(
        rng,
        np.pi * radius**2,
        elongation=rng.uniform(1.0, 1.5),
        lobulation=rng.choice([0.0, 0.5]),
        irregularity=irregularity,
    )
    free = 0.5 * max(0.0, float(lesion.outline.radii.min()) - radius)
    angle, away = rng.uniform(0, 2 * np.pi), free * rng.random()
    return Inclusion(outline, (away * np.cos(angle), away * np.sin(angle)), 0.0)


def _cavities(rng: np.random.Generator, lesion: Lesion) -> tuple[Inclusion, ...]:
    cavity = _inside(rng, lesion, rng.uniform(0.4, 0.72), 0.06)
    return (dataclasses.replace(cavity, hu=rng.uniform(-950, -780)),)


def _core(rng: np.random.Generator, lesion: Lesion, hu: float) -> tuple[Inclusion, ...]:
    return (dataclasses.replace(_inside(rng, lesion, rng.uniform(0.3, 0.6), 0.1), hu=hu),)


def _calcified(rng: np.random.Generator, lesion: Lesion) -> Lesion:
    """Calcified all through, in the centre, or in grains ("popcorn")."""
    pattern = rng.choice(["diffuse", "central", "popcorn"])
    bright = rng.uniform(220, 800)
    if pattern == "diffuse" or lesion.radius < 3:
        return dataclasses.replace(lesion, hu=bright, texture=0.08 * bright)
    if pattern == "central":
        return dataclasses.replace(lesion, inclusions=_core(rng, lesion, bright))
    grains = [
        dataclasses.replace(_inside(rng, lesion, rng.uniform(0.12, 0.3), 0.1), hu=bright)
        for _ in range(rng.integers(3, 7))
    ]
    spread = 0.5 * lesion.radius
    moved = [
        dataclasses.replace(g, offset=(rng.normal(0, 0.6) * spread, rng.normal(0, 0.6) * spread))
        for g in grains
    ]
    return dataclasses.replace(lesion, hu=lesion.hu + 40, inclusions=tuple(moved))
