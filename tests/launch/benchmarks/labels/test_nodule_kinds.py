"""Kinds of nodules by what is drawn: a plain one, and one thing changed at a time."""

import cv2
import numpy as np
import pytest

from launch.benchmarks.labels.nodule_kinds import KINDS, kind_of

AIR, TISSUE, GLASS, BONE = 30, 130, 70, 250
MIDDLE = (64, 64)


def record(radius=10, level=TISSUE, *, hole=0, wall=False):
    """A disc in air beside a vessel, with noise."""
    image = np.full((128, 128), AIR, np.uint8)
    cv2.line(image, (5, 10), (5, 120), TISSUE, 5)
    cv2.circle(image, MIDDLE, radius, level, -1)
    if hole:
        cv2.circle(image, MIDDLE, hole, AIR, -1)
    if wall:
        image[:, MIDDLE[0] + radius - 2 :] = TISSUE
    mask = np.zeros_like(image)
    cv2.circle(mask, MIDDLE, radius, 255, -1)
    if wall:
        mask[:, MIDDLE[0] + radius - 2 :] = 0
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    return {"image": (image + noise).clip(0, 255).astype(np.uint8), "consensus": mask}


@pytest.mark.parametrize(
    ("drawn", "kind"),
    [
        (dict(), "isolated"),
        (dict(radius=2), "tiny"),
        (dict(level=GLASS), "ground-glass"),
        (dict(level=BONE), "calcific"),
        (dict(hole=4), "cavitary"),
        (dict(wall=True), "juxtapleural"),
    ],
    ids=str,
)
def test_kinds_of_drawn_nodules(drawn, kind):
    assert kind_of(record(**drawn), (0, 255)) == kind
    assert kind in KINDS


def test_a_flat_image_has_a_kind_too():
    flat = {**record(), "image": np.full((128, 128), 7, np.uint8)}
    assert kind_of(flat, (0, 255)) in KINDS
