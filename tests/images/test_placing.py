"""Volumes joined to slices by position alone."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casgan_jax.images import open_stack, read_scan
from casgan_jax.images.frames import PlacedFrame, volumes_of
from casgan_jax.images.geometry import RAS_TO_LPS, Geometry
from casgan_jax.images.placing import place
from casgan_jax.images.stack import Volume
from tests.faults import fault_of
from tests.images.scans import HU, itk, noise, write_dicom, write_metaimage, write_volume
from tests.images.test_geometry import POSITIONS
from tests.images.test_nifti import CODES, LPS, stored_as

fuzz = functools.partial(settings, derandomize=True, database=None, deadline=None)
AXIAL = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
ORDERS = [
    np.eye(3)[:, order] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def volume_of(voxels, geometry):
    return Volume(geometry, lambda ranges: voxels[ranges])


def written(folder, suffix, voxels, affine):
    """Voxels as a file; affine as NIfTI has it."""
    if suffix == ".nii":
        return write_volume(folder / "mask.nii", voxels, affine)
    lps = RAS_TO_LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    return write_metaimage(
        folder / "mask.mha",
        voxels,
        spacing=spacing.tolist(),
        directions=lps[:3, :3] / spacing,
        origin=lps[:3, 3].tolist(),
    )


@pytest.mark.slow
@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("suffix", [".nii", ".mha"])
def test_a_mask_of_any_order_of_axes_is_taken_exactly(tmp_path, codes, suffix):
    voxels = noise((6, 5, 4))
    image = write_volume(tmp_path / "image.nii", voxels, LPS)
    mask = open_stack(written(tmp_path, suffix, *stored_as(codes, voxels, LPS)))
    for index in range(4):
        scan = read_scan(image, slice_index=index)
        placed = place(tmp_path, mask.volumes, scan.geometry)
        assert placed.exact and placed.whole
        np.testing.assert_array_equal(placed.values, scan.values)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("suffix", [".nii.gz", ".mha"])
def test_masks_that_itk_saves_lie_on_their_dicom_slice(tmp_path, position, suffix):
    tags = {"ImagePositionPatient": [10, -20, 30], "ImageOrientationPatient": POSITIONS[position]}
    stored = noise((5, 7))
    path = write_dicom(
        tmp_path / "a.dcm", stored, **HU | tags, PixelSpacing=[0.5, 0.75], SliceThickness=2
    )
    source = itk.ReadImage(str(path))
    mask = itk.GetImageFromArray(stored[None])
    mask.CopyInformation(source)
    itk.WriteImage(mask, str(tmp_path / f"mask{suffix}"))
    placed = place(path, open_stack(tmp_path / f"mask{suffix}").volumes, read_scan(path).geometry)
    assert placed.exact
    np.testing.assert_array_equal(placed.values, stored)


def test_the_slices_of_a_series_find_theirs_in_its_volume(tmp_path):
    voxels = noise((7, 5, 6))
    mask = open_stack(write_volume(tmp_path / "mask.nii", voxels, LPS))
    for index in (4, 0, 5):
        tags = {"ImagePositionPatient": [0, 0, 2 * index], "PixelSpacing": [0.75, 0.5]}
        path = write_dicom(tmp_path / f"{index}.dcm", noise((5, 7)), **tags, **AXIAL)
        placed = place(path, mask.volumes, read_scan(path).geometry)
        np.testing.assert_array_equal(placed.values, voxels[:, :, index].T)


@st.composite
def grids(draw):
    """A grid somewhere in the patient, and another one on the same lattice."""
    sizes = st.tuples(*[st.integers(2, 7)] * 3)
    turn = np.linalg.qr(np.random.default_rng(draw(st.integers(0, 99))).normal(size=(3, 3)))[0]
    spacing = np.array(draw(st.tuples(*[st.sampled_from([0.4, 0.703125, 1.0, 3.3])] * 3)))
    origin = np.array(draw(st.tuples(*[st.floats(-300, 300)] * 3)))
    grid = Geometry(draw(sizes), origin, spacing, turn)
    order = draw(st.sampled_from(ORDERS))
    start = np.array(draw(st.tuples(*[st.integers(-2, 8)] * 3)))
    return grid, grid.part(start, order, (*draw(sizes)[:2], 1))


@pytest.mark.slow
@fuzz(max_examples=300)
@given(grids())
def test_random_grids_of_one_lattice_are_joined_pixel_by_pixel(drawn):
    grid, target = drawn
    voxels = noise(grid.size, 1, 30000)
    expected = np.zeros(target.size[1::-1], np.int16)
    to_grid = np.linalg.inv(grid.affine) @ target.affine
    for row, column in np.ndindex(expected.shape):
        i, j, k = np.round(to_grid @ (column, row, 0, 1))[:3].astype(int)
        if 0 <= i < grid.size[0] and 0 <= j < grid.size[1] and 0 <= k < grid.size[2]:
            expected[row, column] = voxels[i, j, k]
    placed = place("mask", [volume_of(voxels, grid)], target)
    if placed is None:
        assert not expected.any()
        return
    assert placed.exact and placed.whole == bool((expected > 0).all())
    np.testing.assert_array_equal(placed.values, expected)


@pytest.mark.slow
@fuzz(max_examples=60)
@given(grids(), st.tuples(*[st.floats(-0.4, 0.4)] * 3), st.floats(0.3, 2))
def test_random_grids_of_one_space_are_resampled_as_itk_does(drawn, shift, zoom):
    grid, target = drawn
    target = dataclasses.replace(
        target,
        origin=target.origin + target.direction @ (shift * target.spacing),
        spacing=target.spacing * zoom,
    )
    voxels = noise(grid.size, 1, 30000).astype(np.float32)
    placed = place("mask", [volume_of(voxels, grid)], target, linear=True)
    image = itk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    image.SetOrigin(grid.origin.tolist())
    image.SetSpacing(grid.spacing.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    resampler = itk.ResampleImageFilter()
    resampler.SetSize(target.size)
    resampler.SetOutputOrigin(target.origin.tolist())
    resampler.SetOutputSpacing(target.spacing.tolist())
    resampler.SetOutputDirection(target.direction.ravel().tolist())
    resampler.SetInterpolator(itk.sitkLinear)
    expected = itk.GetArrayFromImage(resampler.Execute(image))[0]
    if placed is None:
        assert not expected.any()
        return
    if not placed.exact:
        both = (placed.values > 0) & (expected > 0)  # at the border rounding decides
        np.testing.assert_allclose(placed.values[both], expected[both], rtol=1e-3)
        assert (both == ((placed.values > 0) | (expected > 0))).mean() > 0.95


def test_another_frame_of_reference_is_refused():
    here = Geometry((4, 4, 1), np.zeros(3), np.ones(3), np.eye(3), "1.2")
    there = dataclasses.replace(here, frame="1.3")
    error = fault_of(place, "mask.dcm", [volume_of(noise((4, 4, 1)), there)], here)
    assert error.what == "mask.dcm" and "1.3" in error.found and "1.2" in error.expected
    nowhere = dataclasses.replace(here, frame=None)
    assert place("mask.dcm", [volume_of(noise((4, 4, 1)), nowhere)], here).exact


@pytest.mark.parametrize(("height", "found"), [(0, True), (0.4, False), (1, False), (-0.6, False)])
def test_a_single_slice_is_no_mask_of_its_neighbours(height, found):
    one = Geometry((4, 4, 1), np.zeros(3), np.ones(3), np.eye(3))
    target = dataclasses.replace(one, origin=np.array([0, 0, height]))
    assert (place("mask", [volume_of(noise((4, 4, 1)), one)], target) is not None) == found


def frames_at(heights, *, thickness=2.0, turn=ORDERS[0]):
    sides = np.array([1, 1, thickness])
    places = [Geometry((7, 5, 1), turn @ (0, 0, z), sides, turn) for z in heights]
    return [PlacedFrame(index, place) for index, place in enumerate(places)]


@pytest.mark.parametrize("turn", ORDERS)
def test_frames_in_any_order_and_with_gaps_make_one_grid(turn):
    heights = [8, 0, 4, 14]
    stored = noise((4, 5, 7))
    frames = frames_at(heights, turn=turn)
    (volume,) = volumes_of(frames, stored.__getitem__)
    assert volume.geometry.size == (7, 5, 8)
    for z in range(0, 16, 2):
        target = dataclasses.replace(frames[0].geometry, origin=turn @ (0, 0, z))
        placed = place("mask", [volume], target)
        expected = stored[heights.index(z)] if z in heights else np.zeros((5, 7))
        np.testing.assert_array_equal(placed.values, expected)


def test_frames_far_apart_are_no_neighbours():
    volumes = volumes_of(frames_at([0, 9.9], thickness=3.0), noise((2, 5, 7)).__getitem__)
    assert len(volumes) == 2
    between = frames_at([3.3])[0].geometry
    assert place("mask", volumes, between) is None


def test_overlapping_slices_are_as_far_apart_as_their_centres():
    (volume,) = volumes_of(frames_at([0, 1.5, 4.5]), noise((3, 5, 7)).__getitem__)
    assert volume.geometry.size[2] == 4 and volume.geometry.spacing[2] == 1.5


def test_frames_of_several_directions_are_several_grids():
    frames = frames_at([0, 2]) + frames_at([0, 2], turn=ORDERS[10])
    frames = [PlacedFrame(index, frame.geometry) for index, frame in enumerate(frames)]
    assert len(volumes_of(frames, noise((4, 5, 7)).__getitem__)) == 2
