"""Following a lesion from slice to slice: what it is, and why it ends."""

import numpy as np
import pytest

from casgan_jax.soft_mask.volume_following import beyond, follow, levels_of, may_reach

SHAPE = (36, 40)


def disc(radius, x=20.0, y=18.0):
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(columns - x, rows - y) <= radius


def image_of(mask):
    noise = 0.01 * np.random.default_rng(0).normal(size=SHAPE)
    return (0.1 + 0.7 * mask + noise).astype(np.float32)


START = disc(8)
GREY = levels_of(image_of(START), START)


def ended(masks, step=1.0):
    return follow([image_of(mask) for mask in masks], START, GREY, step)


def test_levels_are_those_of_the_lesion_and_of_what_is_around_it():
    assert GREY.lesion == pytest.approx(0.8, abs=0.01)
    assert GREY.around == pytest.approx(0.1, abs=0.01)
    assert GREY.share(np.array([0.1, 0.45, 0.8])) == pytest.approx([0, 0.5, 1], abs=0.02)


def test_it_goes_on_to_the_end_of_the_series():
    found = ended([disc(7.5), disc(7), disc(6)])
    assert found.ended == "edge" and len(found.soft) == 3
    assert (found.soft[2] > 0.5).sum() == pytest.approx(disc(6).sum(), rel=0.2)


@pytest.mark.parametrize(
    ("masks", "why", "slices"),
    [
        ([disc(7), disc(0) & False, disc(7)], "contrast", 1),
        ([disc(6), disc(3), disc(2), disc(2), disc(2), disc(2)], "area", 3),
        ([disc(7)] * 30, "area", 24),
    ],
)
def test_it_ends_where_the_lesion_does(masks, why, slices):
    found = ended(masks)
    assert found.ended in (why, "area") and abs(len(found.soft) - slices) <= 1


def test_nothing_counts_far_from_the_mark():
    assert may_reach(START)[18, 28] and not may_reach(START)[18, 32]
    grown = ended([disc(8) | disc(6, x=32)])
    assert not grown.soft[0][:, 33:].any()


def test_what_is_too_wide_for_the_lesion_is_beyond_it():
    wall = np.zeros(SHAPE, bool)
    wall[:, 28:] = True
    found = beyond(image_of(START | wall), GREY, 8.0)
    assert found[:, 30:].all() and not found[:, :24].any()


def test_a_network_is_asked_with_smaller_axes():
    asked = []

    def ask(number, recist):
        asked.append((number, np.hypot(*(recist[2:4] - recist[:2]))))
        return 0.9 * disc(7).astype(np.float32)

    images = [image_of(disc(7))] * 2
    found = follow(images, START, GREY, 1.0, ask)
    assert [number for number, _ in asked] == [0, 1]
    assert asked[0][1] == pytest.approx(0.9 * 16, abs=1.0)
    np.testing.assert_allclose(found.soft[0][disc(7)], 0.9)


def test_what_is_certain_is_kept_to_and_followed_from():
    def keep(number, soft):
        return np.where(disc(3, x=14), 0, soft).astype(np.float32) if number == 0 else soft

    images = [image_of(disc(8))] * 2
    found = follow(images, START, GREY, 1.0, keep=keep)
    assert not (found.soft[0][disc(3, x=14)] > 0).any() and found.ended == "edge"

    def nothing(number, soft):
        return np.zeros_like(soft) if number == 1 else soft

    ended_there = follow(images, START, GREY, 1.0, keep=nothing)
    assert len(ended_there.soft) == 1 and ended_there.ended == "marked"


def test_a_lesion_is_in_as_many_slices_as_is_said():
    images = [image_of(disc(8)), image_of(np.zeros(SHAPE, bool)), image_of(disc(7))]
    assert len(follow(images, START, GREY, 1.0).soft) == 1
    found = follow(images, START, GREY, 1.0, least=3)
    assert len(found.soft) == 3 and found.soft[1].any()
