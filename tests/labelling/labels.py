"""A labelled lesion that is made, not found: a soft disc."""

import numpy as np

from casgan_jax.grid import Box
from casgan_jax.labelling.label import LesionLabel
from tests.labelling import lesions

CENTRE, RADIUS, SCALE = (18.0, 21.0), 8.0, 2


def made_label(*, side=40, **fields):
    """A `LesionLabel` of a disc whose crop is the whole image, (side, side)."""
    y, x = np.mgrid[: SCALE * side, : SCALE * side]
    distance = np.hypot((x - 0.5) / SCALE - CENTRE[0], (y - 0.5) / SCALE - CENTRE[1])
    alpha = np.clip((RADIUS - distance) / 2 + 128 / 255, 0, 1).astype(np.float32)
    trimap = np.where(alpha >= 1, 255, np.where(alpha <= 0, 0, 128)).astype(np.uint8)
    defaults = {
        "key": "one",
        "patient": "Ann",
        "strategy": "recist" if "masks" not in fields else "readers",
        "box": Box(0, 0, side, side),
        "image": np.pad(lesions.picture(RADIUS, CENTRE, size=40), (0, side - 40), mode="wrap"),
        "unit": "stored",
        "window": (0.0, 255.0),
        "scale": SCALE,
        "alpha": alpha,
        "trimap": trimap,
        "masks": None,
        "given_axes": None,
        "measured_axes": lesions.axes(RADIUS, CENTRE),
        "threshold": 128 / 255,
        "spacing_mm": (0.5, 0.5),
        "quality": 0.9,
    }
    return LesionLabel(**defaults | fields)
