import jax
import numpy as np

from casgan_jax.models.pixel_patches import pixel_patches

IMAGE = np.random.default_rng(0).uniform(size=(2, 12, 12, 2)).astype(np.float32)


def test_patches_at_their_own_scale_are_cut_out():
    patches = pixel_patches(IMAGE, stride=1, window=5, side=5)
    padded = np.pad(IMAGE, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    expected = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))
    np.testing.assert_array_equal(patches, expected.transpose(0, 1, 2, 4, 5, 3))


def test_larger_surroundings_are_shrunk_like_an_image():
    patches = pixel_patches(IMAGE, stride=1, window=9, side=5)
    middle = IMAGE[:, 1:10, 1:10]  # around pixel (5, 5)
    expected = jax.image.resize(middle, (2, 5, 5, 2), "linear")
    # The outermost samples reach beyond the cut-out, which resizing leaves out.
    np.testing.assert_allclose(patches[:, 5, 5, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=1e-6)


def test_points_lie_in_the_middle_of_their_cells():
    # A ramp by rows: what is read at a point is its place.
    ramp = np.broadcast_to(np.arange(12, dtype=np.float32).reshape(1, 12, 1, 1), (1, 12, 12, 1))
    patches = pixel_patches(ramp, stride=4, window=3, side=3)
    assert patches.shape == (1, 3, 3, 3, 3, 1)
    np.testing.assert_allclose(patches[0, :, 0, 1, 1, 0], [1.5, 5.5, 9.5], atol=1e-6)
    np.testing.assert_allclose(patches[0, 1, 0, :, 1, 0], [4.5, 5.5, 6.5], atol=1e-6)


def test_a_denser_lattice_holds_the_same_points():
    # The middle of a cell of 3 pixels is a pixel.
    sparse, dense = (pixel_patches(IMAGE, stride, window=9, side=5) for stride in (3, 1))
    np.testing.assert_allclose(sparse, dense[:, 1::3, 1::3], atol=1e-6)
