"""One phantom: a patient, a lesion in it, a scanner, and the image the scanner makes of them.

    phantom = make_phantom(seed=0, index=7)
    phantom.image, phantom.true_alpha

The scene is composed on the r x grid as I = a F + (1 - a) B (paper, Eq. 1), where a is the share
of each pixel that is lesion, F the lesion's HU and B everything else's, textures included. The
scanner blurs it. Blurring is linear, so the blurred scene again obeys Eq. 1 with alpha = blur(a),
the **true alpha**, and with F and B averaged over what the blur mixes (exactly F and B where they
are constant). The native image is the mean of each r x r block plus noise, and its alpha the mean
of the true alpha's block.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from datasets.phantom import curves, fields, scanner, shapes, thorax
from datasets.phantom import lesion as lesions
from datasets.phantom.background import Background, Target, random_background

SIDE = 128  # native pixels
SCALE = 4
_FINE = SIDE * SCALE
_MATRIX = 512  # native pixels of the whole slice, a side
_TRIES = 10  # places tried for a lesion that the chest wall would cover
_MAP_MM, _MAP_SIDE = 1.0, 320  # the coarse map in which the lesion's place is sought


@dataclasses.dataclass(frozen=True)
class Phantom:
    """What was made. Coordinates are native pixels of the crop.

    Attributes:
      image: (SIDE, SIDE) int16 HU.
      image_high_resolution: (SCALE * SIDE, SCALE * SIDE) int16 HU from a sharper scanner with less
        noise, in steps of 4 HU.
      true_alpha: (SCALE * SIDE, SCALE * SIDE) float32 in [0, 1].
      lesion: its kind, shape and tissue.
      centre: (x, y) of the outline's centre.
      spacing_mm: of native pixels.
      scanner: how it was imaged.
    """

    image: np.ndarray
    image_high_resolution: np.ndarray
    true_alpha: np.ndarray
    lesion: lesions.Lesion
    centre: tuple[float, float]
    spacing_mm: float
    scanner: scanner.Scanner


def make_phantom(seed: int, index: int) -> Phantom:
    """The phantom `index` of the series `seed`: depends on these two numbers only."""
    rng = np.random.default_rng([seed, index])
    patient = thorax.random_thorax(rng)
    spacing = float(np.clip(2 * patient.body / _MATRIX * rng.uniform(0.96, 1.1), 0.55, 0.85))
    device = scanner.random_scanner(rng, spacing)
    nodule = lesions.random_lesion(rng, lesions.KINDS[index % len(lesions.KINDS)], device.thickness)
    for _ in range(_TRIES):
        centre, around, share, view = _put(rng, patient, nodule, device, spacing)
        # A lesion ends where the chest wall begins; not too much of it may.
        inside = share * around.lung
        if inside.sum() >= 0.5 * share.sum():
            break
    tissue = _lesion_hu(rng, nodule, centre)
    if nodule.transparent:
        tissue += around.vessels * (around.vessel_hu - tissue)
    scene = compose(inside, tissue, around.hu)
    outside = _outside_field(view) if device.marks_outside else None
    return Phantom(
        image=_image(rng, scene, device, outside),
        image_high_resolution=_fine_image(rng, scene, device, outside),
        true_alpha=np.clip(scanner.blur(inside, SCALE * device.psf), 0.0, 1.0),
        lesion=nodule,
        centre=centre,
        spacing_mm=spacing,
        scanner=device,
    )


def compose(fraction: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Eq. 1: HU of a scene whose pixels are lesion to the share `fraction`."""
    return background + fraction * (foreground - background)


def _put(
    rng: np.random.Generator,
    patient: thorax.Thorax,
    nodule: lesions.Lesion,
    device: scanner.Scanner,
    spacing: float,
) -> tuple[tuple[float, float], Background, np.ndarray, thorax.View]:
    """Puts the lesion somewhere: (centre in the crop, what is around it, its share, the crop)."""
    # The mark is not exactly the lesion's centre, and never exactly a pixel's.
    offset = np.clip(rng.normal(0, 1.0, 2), -3, 3)
    centre = tuple(((SIDE - 1) / 2 + offset).tolist())
    middle_mm = _find_place(rng, patient, nodule, spacing) - offset * spacing
    view = thorax.View(tuple(middle_mm.tolist()), spacing / SCALE, _FINE)
    target = Target(
        SCALE * np.array(centre) + (SCALE - 1) / 2, nodule.radius * spacing, nodule.spiculation
    )
    around = random_background(rng, patient, view, device.thickness * spacing, target)
    share = shapes.area_fraction(nodule.outline, centre, SIDE, SCALE, thickness=device.thickness)
    return centre, around, share, view


def _find_place(
    rng: np.random.Generator, patient: thorax.Thorax, nodule: lesions.Lesion, spacing: float
) -> np.ndarray:
    """Where the lesion's centre lies, mm: in the lung, at its border for juxtapleural ones."""
    whole = thorax.View((0.0, 0.0), _MAP_MM, _MAP_SIDE)
    lung = (thorax.paint(patient, whole) == curves.LUNG).astype(np.uint8)
    wall = cv2.distanceTransform(lung, cv2.DIST_L2, cv2.DIST_MASK_5) * _MAP_MM
    radius = nodule.radius * spacing
    if nodule.kind == "juxtapleural":
        allowed = (wall > 0.25 * radius) & (wall < 0.75 * radius + _MAP_MM)
    else:
        allowed = wall > 1.25 * radius + 2.0
        near = allowed & (wall < 1.25 * radius + 14.0)
        if rng.random() < 0.45 and near.any():  # real nodules crowd the periphery
            allowed = near
    if not allowed.any():
        allowed = wall == wall.max()
    rows, columns = np.nonzero(allowed)
    chosen = rng.integers(len(rows))
    pixel = np.array([columns[chosen], rows[chosen]]) + rng.uniform(-0.5, 0.5, 2)
    return whole.to_mm(pixel)


def _lesion_hu(
    rng: np.random.Generator, nodule: lesions.Lesion, centre: tuple[float, float]
) -> np.ndarray:
    """HU of the lesion's tissue, defined everywhere."""
    grain = fields.shaped_noise(rng, fields.fractal_gain(128, 1.2, 24.0))
    hu = cv2.resize(grain, (_FINE, _FINE)) * np.float32(nodule.texture) + np.float32(nodule.hu)
    for part in nodule.inclusions:
        middle = centre[0] + part.offset[0], centre[1] + part.offset[1]
        share = shapes.area_fraction(part.outline, middle, SIDE, SCALE, supersample=2)
        hu += share * (np.float32(part.hu) - hu)
    return hu


def _outside_field(view: thorax.View) -> np.ndarray:
    """(_FINE, _FINE) bool: outside the circle inscribed in the whole slice."""
    axis = np.arange(_FINE)
    x, y = view.to_mm(np.stack([axis, axis], axis=1)).T
    radius = _MATRIX / 2 * SCALE * view.pixel_mm
    return np.square(x)[None] + np.square(y)[:, None] > radius**2


def _image(
    rng: np.random.Generator,
    scene: np.ndarray,
    device: scanner.Scanner,
    outside: np.ndarray | None,
) -> np.ndarray:
    image = scanner.pixels(scanner.blur(scene, SCALE * device.psf), SCALE)
    # Long paths through the body leave more noise.
    strength = rng.uniform(0.65, 1.35, (4, 4)).astype(np.float32) * np.float32(device.noise)
    image += scanner.noise(rng, device, SIDE) * cv2.resize(strength, (SIDE, SIDE))
    if outside is not None:
        image[outside[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]] = scanner.OUTSIDE_HU
    return scanner.to_hu(image)


def _fine_image(
    rng: np.random.Generator,
    scene: np.ndarray,
    device: scanner.Scanner,
    outside: np.ndarray | None,
) -> np.ndarray:
    better = dataclasses.replace(device, psf=0.45 * device.psf, cutoff=1.8 * device.cutoff)
    image = scanner.blur(scene, SCALE * better.psf)
    image += scanner.noise(rng, better, _FINE, oversampling=SCALE) * np.float32(0.3 * device.noise)
    if outside is not None:
        image[outside] = scanner.OUTSIDE_HU
    return scanner.to_hu(image, step=4)
