"""The solver against a direct float64 solve of Levin's matrix, and against pymatting."""

import importlib.util

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

from casgan_jax.soft_mask.closed_form import DEFAULT_EPSILON, closed_form_matting, solve_batch
from tests.faults import fault_of

TOLERANCE = 2e-3  # half a step of 8-bit alpha


def levin_matrix(image, epsilon):
    """The matting Laplacian entry by entry, as the paper defines it, in float64."""
    height, width = image.shape
    index = np.arange(height * width).reshape(height, width)
    view = np.lib.stride_tricks.sliding_window_view
    pixels = view(index, (3, 3)).reshape(-1, 9)
    values = view(image.astype(np.float64), (3, 3)).reshape(-1, 9)
    centred = values - values.mean(1, keepdims=True)
    variance = (centred**2).mean(1)[:, None, None] + epsilon / 9
    entries = np.eye(9) - (1 + centred[:, :, None] * centred[:, None, :] / variance) / 9
    rows, columns = np.repeat(pixels, 9, axis=1), np.tile(pixels, (1, 9))
    return scipy.sparse.coo_matrix(
        (entries.ravel(), (rows.ravel(), columns.ravel())), shape=(image.size, image.size)
    ).tocsr()


def direct_solution(image, trimap, *, prior=None, prior_weight=0.0, epsilon=DEFAULT_EPSILON):
    matrix = levin_matrix(image, epsilon)
    unknown = (trimap == 128).ravel()
    alpha = (trimap == 255).astype(np.float64).ravel()
    system = matrix[unknown][:, unknown]
    right = -matrix[unknown][:, ~unknown] @ alpha[~unknown]
    if prior is not None:
        system = system + prior_weight * scipy.sparse.eye(unknown.sum())
        right = right + prior_weight * prior.ravel()[unknown]
    alpha[unknown] = scipy.sparse.linalg.spsolve(system.tocsc(), right)
    return np.clip(alpha, 0, 1).reshape(image.shape)


def ring(size, inner, outer, centre=None):
    y, x = np.mgrid[:size, :size]
    cy, cx = centre or (size / 2, size / 2)
    distance = np.hypot(y - cy, x - cx)
    return np.where(distance < inner, 255, np.where(distance < outer, 128, 0)).astype(np.uint8)


def images(size=48):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(y - 23.4, x - 24.2)
    disc = 0.2 + 0.6 / (1 + np.exp(np.clip(distance - 11, -50, 50)))
    return {
        "random": rng.random((size, size)),
        "flat": np.full((size, size), 0.9),
        "black": np.zeros((size, size)),
        "noise-free": disc,
        "two levels": 0.2 + 0.6 * (distance < 11),
        "ramp": x / size,
        "waves": 0.5 + 0.3 * np.sin(x / 6) * np.cos(y / 7),
        "noisy": np.clip(disc + 0.05 * rng.standard_normal((size, size)), 0, 1),
        "8 bits": np.round(255 * disc) / 255,
    }


TRIMAPS = {
    "ring": ring(48, 8, 15),
    "wide": ring(48, 2, 22),
    "corner": ring(48, 5, 20, centre=(0, 0)),
    "edge": ring(48, 5, 12, centre=(24, 47)),
    "one pixel": np.where(np.arange(48 * 48).reshape(48, 48) == 1000, 128, ring(48, 8, 8)).astype(
        np.uint8
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("trimap", TRIMAPS.values(), ids=TRIMAPS)
def test_agrees_with_direct_solve(trimap):
    for name, image in images().items():
        image = image.astype(np.float32)
        alpha = closed_form_matting([image], [trimap])[0]
        assert alpha.dtype == np.float32 and alpha.min() >= 0 and alpha.max() <= 1
        np.testing.assert_array_equal(alpha[trimap == 0], 0)
        np.testing.assert_array_equal(alpha[trimap == 255], 1)
        error = np.abs(alpha - direct_solution(image, trimap)).max()
        assert error < TOLERANCE / 20, (name, error)


@pytest.mark.parametrize("shape", [(3, 3), (3, 40), (5, 4), (30, 9)])
def test_tiny_images_of_unknown_pixels_only_between_seeds(shape):
    image = np.random.default_rng(1).random(shape, np.float32)
    trimap = np.full(shape, 128, np.uint8)
    trimap[0, 0], trimap[-1, -1] = 255, 0
    # With two seeds the system is all but singular where the image is not flat: regularise.
    alpha = closed_form_matting([image], [trimap], epsilon=0.1)[0]
    expected = direct_solution(image, trimap, epsilon=0.1)
    # The corner pixels belong to one window each.
    np.testing.assert_allclose(alpha, expected, atol=TOLERANCE)


def test_batch_is_the_same_as_one_by_one_and_repeats_exactly():
    stack = np.stack(list(images().values())).astype(np.float32)
    trimaps = np.stack([list(TRIMAPS.values())[k % len(TRIMAPS)] for k in range(len(stack))])
    together = closed_form_matting(stack, trimaps)
    assert together.shape == stack.shape
    np.testing.assert_array_equal(together, closed_form_matting(stack, trimaps))
    for image, trimap, alpha in zip(stack, trimaps, together, strict=True):
        np.testing.assert_array_equal(closed_form_matting([image], [trimap])[0], alpha)


def test_images_of_different_sizes_in_one_call():
    small = np.random.default_rng(2).random((20, 30), np.float32)
    known = ring(30, 8, 8)
    pair = [ring(30, 3, 9)[5:25], known]
    first, second = closed_form_matting([small, np.zeros((30, 30), np.float32)], pair)
    np.testing.assert_allclose(first, direct_solution(small, pair[0]), atol=TOLERANCE)
    np.testing.assert_array_equal(second, known == 255)  # nothing unknown


@pytest.mark.slow
def test_lockstep_batch_agrees_with_one_after_the_other():
    """What an accelerator runs: vmapped, with finished images waiting."""
    shape = (2, 32, 32)
    image = np.random.default_rng(3).random(shape, np.float32)
    trimap = np.stack([ring(32, 4, 8), ring(32, 2, 14)])
    arguments = (image, trimap, np.ones(shape, bool), np.full(shape, 0.5, np.float32))
    one_by_one = solve_batch(*arguments, lockstep=False)
    together = solve_batch(*arguments, lockstep=True)
    assert one_by_one.iterations[0] < one_by_one.iterations[1]
    np.testing.assert_allclose(together.alpha, one_by_one.alpha, atol=1e-4)


def test_padding_beyond_the_image_does_not_count():
    image = np.random.default_rng(4).random((18, 18), np.float32)
    trimap = ring(18, 4, 30)
    trimap[0, 0] = 0
    expected = direct_solution(image, trimap, epsilon=1e-3)
    alpha = closed_form_matting([image], [trimap], epsilon=1e-3)[0]
    np.testing.assert_allclose(alpha, expected, atol=TOLERANCE)


def test_prior_pulls_by_its_weight():
    image = images()["noisy"].astype(np.float32)
    trimap = TRIMAPS["ring"]
    prior = np.where(trimap == 255, 1, 0.3).astype(np.float32)
    plain = closed_form_matting([image], [trimap])[0]
    unknown = trimap == 128
    distances = []
    for weight in (0.0, 0.1, 1.0, 100.0):
        alpha = closed_form_matting([image], [trimap], priors=[prior], prior_weight=weight)[0]
        expected = direct_solution(image, trimap, prior=prior, prior_weight=weight)
        np.testing.assert_allclose(alpha, expected, atol=TOLERANCE / 20)
        distances.append(np.abs(alpha - prior)[unknown].mean())
        if weight == 0:
            np.testing.assert_allclose(alpha, plain, atol=TOLERANCE / 20)
    assert distances == sorted(distances, reverse=True) and distances[-1] < 0.02


GOLDEN_ROW = [
    0.0,
    0.0,
    0.160536,
    0.44186,
    0.77357,
    1.0,
    1.0,
    1.0,
    0.814989,
    0.502467,
    0.215977,
    0.0,
]


def test_golden_values():
    """Alpha of pymatting 1.1.16, estimate_alpha_cf, three equal channels, rtol 1e-12."""
    y, x = np.mgrid[:12, :12]
    image = (0.25 + 0.5 * np.exp(-((y - 5.3) ** 2 + (x - 6.1) ** 2) / 12)).astype(np.float32)
    alpha = closed_form_matting([image], [ring(12, 2, 5)])[0]
    np.testing.assert_allclose(alpha[6], GOLDEN_ROW, atol=1e-4)


@pytest.mark.skipif(
    importlib.util.find_spec("pymatting") is None, reason="pymatting (extra bench) is not installed"
)
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_pymatting():
    """At its epsilon of 1e-7 pymatting inverts, for three equal channels, a matrix so close to
    singular that its own rounding moves alpha by up to 7e-3 where neighbours differ by tenths: its
    formula in extended precision agrees with the direct solve. 1e-6 has room to spare."""
    import pymatting

    for name, image in images().items():
        image = image.astype(np.float32)
        colour = np.repeat(image[..., None].astype(np.float64), 3, axis=2)
        for trimap in (TRIMAPS["ring"], TRIMAPS["corner"]):
            theirs = pymatting.estimate_alpha_cf(
                colour, trimap / 255.0, laplacian_kwargs={"epsilon": 1e-6}
            )
            ours = closed_form_matting([image], [trimap], epsilon=1e-6 / 3)[0]
            error = np.abs(ours - theirs).max()
            assert error < TOLERANCE, (name, error)


def bad(**changes):
    image, trimap = np.full((16, 16), 0.5, np.float32), ring(16, 3, 6)
    arguments = {"images": [image], "trimaps": [trimap], **changes}
    return arguments


GREY = np.full((16, 16), 0.5, np.float32)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        pytest.param(bad(images=[GREY.astype(np.uint8)]), "image 0", id="uint8 of shape"),
        pytest.param(bad(images=[GREY[:2]]), "image 0", id="floats"),
        pytest.param(bad(images=[GREY * 300]), "image 0", id="values in 150 150"),
        pytest.param(bad(images=[np.full_like(GREY, np.nan)]), "image 0", id="values in nan nan"),
        pytest.param(bad(trimaps=[ring(12, 2, 5)]), "trimap 0", id="uint8 of shape"),
        pytest.param(bad(trimaps=[ring(16, 3, 6).astype(int)]), "trimap 0", id="int64"),
        pytest.param(bad(trimaps=[ring(16, 3, 6) + np.uint8(1)]), "trimap 0", id="the value 1"),
        pytest.param(bad(trimaps=[ring(16, 0, 6)]), "trimap 0", id="no lesion .255. pixel"),
        pytest.param(bad(trimaps=[ring(16, 3, 60)]), "trimap 0", id="no background .0. pixel"),
        pytest.param(bad(trimaps=[]), "trimaps", id="0 and 1 priors"),
        pytest.param(bad(prior_weight=1.0), "priors", id="none"),
        pytest.param(bad(priors=[GREY[:3]]), "prior 0", id="shape"),
        pytest.param(bad(priors=[GREY * 9]), "prior 0", id="values in 4.5 4.5"),
        pytest.param(bad(epsilon=0.0), "epsilon", id="0.0"),
        pytest.param(bad(max_iterations=1), "image 0", id="residual"),
    ],
)
def test_bad_input_gets_a_line(arguments, what):
    assert fault_of(closed_form_matting, **arguments, told_remedy=False).what == what
