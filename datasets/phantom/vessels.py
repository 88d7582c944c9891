"""Lung vessels and airways as a slice of some thickness shows them.

An artery tree and a vein tree fill each lung in space, and airways run along the larger arteries.
The slice at height 0 shows what lies in it: a tube that crosses it steeply is a dot, one that
runs along it a line that fades where it leaves.
"""

from __future__ import annotations

import numpy as np

from datasets.phantom.curves import LUNG
from datasets.phantom.thorax import Thorax, View, paint
from datasets.phantom.tree import Branches, grow, twigs
from datasets.phantom.tubes import Canvas

_MAP_MM, _MAP_SIDE = 2.0, 160  # the coarse map of the lungs in which seeds are spread
_HALF_HEIGHT_MM = 35.0  # of the lung around the slice that is grown
_NEAR_MM = 8.0  # distance from the slice within which seeds are dense
_FAR_SPACING_MM = 13.0  # between seeds elsewhere
_MARGIN_MM = 8.0  # around the view in which seeds are dense
_TWIGGY_MM, _TWIG_SPACING_MM = 0.4, 8.0  # branches at least as wide have side branches
_POINTS = 10  # of each branch's path
_BRONCHUS_MM = 1.1  # arteries at least as wide show their airway


def draw(
    rng: np.random.Generator,
    patient: Thorax,
    view: View,
    thickness_mm: float,
    vessels: Canvas,
    airways: Canvas,
) -> np.ndarray:
    """Draws the vessels and airway walls of the lungs in view, and the airways' air.

    Returns:
      (n, 2) pixels: points on the vessels drawn.
    """
    whole = View((0.0, 0.0), _MAP_MM, _MAP_SIDE)
    lung = paint(patient, whole) == LUNG
    half = 0.5 * view.side * view.pixel_mm
    spacing = rng.uniform(3.8, 6.4)  # some lungs show more small vessels than others
    places = [np.zeros((0, 2))]
    bronchi = rng.random() < 0.6
    for right_left, sign in enumerate((-1, 1)):
        if sign * view.centre[0] + half < 15.0:
            continue
        seeds, volume = _seeds(rng, lung, whole, view, sign, spacing)
        if len(seeds) < 20:
            continue
        hilum = np.array(patient.hilum[right_left])
        artery = np.arange(len(seeds)) % 2 == 0
        for chosen, is_artery in ((artery, True), (~artery, False)):
            root = hilum + rng.normal(0, 4, 3) + (0 if is_artery else np.array([0, -10, -8]))
            heading = np.array([0.8 * sign, rng.normal(0, 0.4), -0.02 * root[2]])
            heading /= np.linalg.norm(heading)
            branches = grow(rng, root, heading, seeds[chosen], 2 * volume[chosen])
            places.append(_show(branches, view, thickness_mm, vessels))
            wide = branches.where(branches.radius > _TWIGGY_MM)
            _show(twigs(rng, wide, _TWIG_SPACING_MM), view, thickness_mm, vessels)
            if is_artery and bronchi:
                _show_airways(rng, branches, view, thickness_mm, vessels, airways)
    return np.concatenate(places)


def _seeds(
    rng: np.random.Generator, lung: np.ndarray, whole: View, view: View, sign: int, spacing: float
) -> tuple[np.ndarray, np.ndarray]:
    """((n, 3) mm, (n,) cm^3): seeds in one lung, dense where the view may show their branches."""
    rows, columns = np.nonzero(lung)
    places = whole.to_mm(np.stack([columns, rows], axis=1))
    places = places[sign * places[:, 0] > 0]
    half = 0.5 * view.side * view.pixel_mm + _MARGIN_MM
    near = (np.abs(places - np.array(view.centre)) < half).all(axis=1)
    layers = (
        (places[near], 2 * _NEAR_MM, spacing, (-_NEAR_MM, _NEAR_MM)),
        (places[~near], 2 * _NEAR_MM, _FAR_SPACING_MM, (-_NEAR_MM, _NEAR_MM)),
        (places, _HALF_HEIGHT_MM - _NEAR_MM, _FAR_SPACING_MM, (_NEAR_MM, _HALF_HEIGHT_MM)),
        (places, _HALF_HEIGHT_MM - _NEAR_MM, _FAR_SPACING_MM, (-_HALF_HEIGHT_MM, -_NEAR_MM)),
    )
    seeds, volumes = [], []
    for ground, height, apart, (low, high) in layers:
        count = int(len(ground) * _MAP_MM**2 * height / apart**3)
        if not count:
            continue
        chosen = ground[rng.integers(len(ground), size=count)]
        chosen = chosen + rng.uniform(-_MAP_MM / 2, _MAP_MM / 2, chosen.shape)
        seeds.append(np.column_stack([chosen, rng.uniform(low, high, count)]))
        volumes.append(np.full(count, apart**3 / 1000))
    if not seeds:
        return np.zeros((0, 3)), np.zeros(0)
    return np.concatenate(seeds), np.concatenate(volumes)


def _in_sight(branches: Branches, view: View, thickness_mm: float) -> np.ndarray:
    """(n,) bool: whether a branch may show."""
    room = branches.radius + 2.0
    low = np.minimum(branches.start, branches.stop) - room[:, None]
    high = np.maximum(branches.start, branches.stop) + room[:, None]
    half = 0.5 * view.side * view.pixel_mm
    border = np.array([*view.centre, 0.0])
    reach = np.array([half, half, 0.5 * thickness_mm])
    return ((high > border - reach) & (low < border + reach)).all(axis=1)


def _show(branches: Branches, view: View, thickness_mm: float, canvas: Canvas) -> np.ndarray:
    """Draws the branches in the slice and returns the points on them that lie in it."""
    seen = branches.where(_in_sight(branches, view, thickness_mm))
    path = seen.curves(_POINTS)
    end = np.where(seen.last, 0.5, 0.75)[:, None]
    radius = seen.radius[:, None] * (1 + (end - 1) * np.linspace(0, 1, _POINTS))
    share, seen_radius = slice_share(path, radius, thickness_mm)
    places = view.to_pixels(path[..., :2])
    canvas.add(places, seen_radius, share)
    return places[share > 0.3]


def slice_share(
    path: np.ndarray, radius: np.ndarray, thickness_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """What a slice shows of tubes.

    Args:
      path: (n, k, 3) their axes, mm; the slice's middle is at height 0.
      radius: (n, k) mm.
      thickness_mm: of the slice.

    Returns:
      ((n, k) share of the slice's thickness above each point of the axis that is tube, (n, k)
      radius of the tube's part that lies in the slice, mm).
    """
    chord = path[:, -1] - path[:, 0]
    level = np.linalg.norm(chord[:, :2], axis=1) / np.maximum(np.linalg.norm(chord, axis=1), 1e-9)
    level = level[:, None]
    # The steeper a tube, the higher the column of it above a point.
    half = radius / np.maximum(level, 0.1)
    height, edge = path[..., 2], 0.5 * thickness_mm
    inside = np.minimum(height + half, edge) - np.maximum(height - half, -edge)
    # A tube that leaves the slice narrows to the chord that is still in it.
    beyond = np.maximum(np.abs(height) - edge, 0.0) * level
    narrowed = np.sqrt(np.maximum(np.square(radius) - np.square(beyond), 0.0))
    return np.clip(inside / thickness_mm, 0.0, 1.0), narrowed


def _show_airways(
    rng: np.random.Generator,
    arteries: Branches,
    view: View,
    thickness_mm: float,
    walls: Canvas,
    air: Canvas,
) -> None:
    """Draws the airways that run along the larger arteries."""
    wide = (arteries.radius > _BRONCHUS_MM) & _in_sight(arteries, view, thickness_mm)
    seen = arteries.where(wide)
    lumen = np.repeat(0.65 * seen.radius[:, None], _POINTS, axis=1)
    wall = 0.25 + 0.15 * lumen
    beside = rng.normal(size=3)
    beside /= np.linalg.norm(beside)
    path = seen.curves(_POINTS) + (1.7 * seen.radius + 0.5)[:, None, None] * beside
    places = view.to_pixels(path[..., :2])
    outer, outer_radius = slice_share(path, lumen + wall, thickness_mm)
    inner, inner_radius = slice_share(path, lumen, thickness_mm)
    walls.add(places, outer_radius, 0.7 * outer)
    air.add(places, inner_radius, inner)


def attach(
    rng: np.random.Generator,
    canvas: Canvas,
    middle: np.ndarray,
    radius_mm: float,
    places: np.ndarray,
    count: int,
) -> None:
    """Vessels in the slice that lead from others to a lesion.

    Args:
      rng: source of randomness.
      canvas: to draw on.
      middle: (2,) of the lesion, pixels.
      radius_mm: of the lesion.
      places: (n, 2) pixels on vessels from which they may come.
      count: how many.
    """
    apart = np.linalg.norm(places - middle, axis=1) * canvas.pixel_mm - radius_mm
    near = places[(apart > 3) & (apart < 18)]
    if not len(near):
        return
    t = np.linspace(0, 1, 12)[:, None]
    for start in near[rng.integers(len(near), size=count)]:
        chord = middle - start
        control = start + 0.5 * chord + rng.normal(0, 0.18) * np.array([-chord[1], chord[0]])
        path = (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * middle
        thickness = np.clip(0.13 * radius_mm, 0.25, 0.7) * rng.uniform(0.6, 1.2)
        radius = thickness * np.linspace(rng.uniform(0.9, 1.6), rng.uniform(0.4, 1.0), 12)
        share = rng.uniform(0.25, 0.75) * (1 + 0.2 * np.sin(np.linspace(0, rng.uniform(2, 6), 12)))
        canvas.add(path[None], radius[None], np.clip(share, 0, 1)[None])


def tags(
    rng: np.random.Generator, canvas: Canvas, middle: np.ndarray, lung: np.ndarray, count: int
) -> None:
    """Strands from a lesion's middle (2,) pixels to the nearest pleura, which it pulls at."""
    step = 8
    outside = 1 - lung[::step, ::step].astype(np.uint8)
    rows, columns = np.nonzero(outside)
    if not len(rows):
        return
    apart = np.hypot(columns * step - middle[0], rows * step - middle[1])
    nearest = np.argmin(apart)
    if apart[nearest] * canvas.pixel_mm > 25:
        return
    end = np.array([columns[nearest], rows[nearest]]) * float(step)
    for _ in range(count):
        stop = end + rng.normal(0, 0.25, 2) * apart[nearest]
        t = np.linspace(0, 1.1, 10)[:, None]
        bow = rng.normal(0, 0.12) * (stop - middle)[::-1] * np.array([-1, 1])
        path = middle + (stop - middle) * t + bow * np.sin(np.pi * t)
        radius = rng.uniform(0.2, 0.45) * (1 + 0.8 * np.linspace(-1, 1, 10) ** 2)
        canvas.add(path[None], radius[None], np.full((1, 10), rng.uniform(0.3, 0.8)))


def fissure(
    rng: np.random.Generator, canvas: Canvas, view: View, hilum: np.ndarray, width_mm: float
) -> None:
    """The fissure between two lobes: a thin line from the hilum's side to the chest wall."""
    sign = np.sign(hilum[0])
    stop = np.array([sign * width_mm * 1.05, hilum[1] + rng.normal(-5, 35)])
    start = np.array([hilum[0] - sign * 15, hilum[1] + rng.normal(10, 18)])
    t = np.linspace(0, 1, 24)
    bow = rng.normal(0, 10) * np.sin(np.pi * t) + rng.normal(0, 2.5) * np.sin(3 * np.pi * t)
    path = start + (stop - start) * t[:, None] + np.stack([0 * t, bow], axis=1)
    radius = np.full(24, rng.uniform(0.25, 0.6))  # wider and paler where it lies obliquely
    share = rng.uniform(0.06, 0.28) * (1 + 0.8 * np.sin(t * rng.uniform(6, 20)))
    canvas.add(view.to_pixels(path)[None], radius[None], np.clip(share, 0, 1)[None])
