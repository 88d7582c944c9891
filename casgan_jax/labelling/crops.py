"""The soft mask of a labelled lesion as its record keeps it, for what is made of many of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from casgan_jax.grid import Box, decode_alpha, encode_alpha
from casgan_jax.labelling.label import LesionLabel


def crop_record(label: LesionLabel) -> dict[str, Any]:
    """Box, scale, threshold and soft mask (8-bit PNG in base64) of a label, JSON-ready."""
    coded = cv2.imencode(".png", encode_alpha(label.alpha))[1].tobytes()
    return {
        "box": list(label.box),
        "scale": label.scale,
        "threshold": label.threshold,
        "alpha": base64.b64encode(coded).decode(),
    }


def crop_of(record: Mapping[str, Any]) -> tuple[Box, np.ndarray]:
    """The box in pixels of the image, and the soft mask of it, `scale` times as fine."""
    coded = np.frombuffer(base64.b64decode(record["alpha"]), np.uint8)
    return Box(*record["box"]), decode_alpha(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE))
