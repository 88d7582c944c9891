"""PNG, TIFF and NPY, and the line that each bad file gets."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from casgan_jax.images import read_image, write_npy, write_png, write_tiff
from casgan_jax.images.tiff import count_pages
from tests.faults import fault_of

WRITERS = {".png": write_png, ".tif": write_tiff, ".npy": write_npy}


def ramp(dtype, shape=(5, 7)):
    values = np.linspace(0, 1, np.prod(shape)).reshape(shape)
    if np.dtype(dtype).kind == "f":
        return (values * 3 - 1).astype(dtype)
    limits = np.iinfo(dtype)
    return np.round(limits.min + values * (float(limits.max) - limits.min)).astype(dtype)


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".png", np.uint8),
        (".png", np.uint16),
        (".tif", np.uint8),
        (".tif", np.uint16),
        (".tif", np.int16),
        (".tif", np.float32),
        (".npy", np.uint8),
        (".npy", np.int16),
        (".npy", np.float32),
    ],
)
def test_what_is_written_is_read(tmp_path, suffix, dtype):
    image = ramp(dtype)
    path = WRITERS[suffix](tmp_path / f"image{suffix}", image)
    found = read_image(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, image)


def test_float64_and_big_endian_are_made_native(tmp_path):
    np.save(tmp_path / "wide.npy", ramp(np.float64))
    assert read_image(tmp_path / "wide.npy").dtype == np.float32
    np.save(tmp_path / "big.npy", ramp(np.int16).astype(">i2"))
    found = read_image(tmp_path / "big.npy")
    assert found.dtype == np.int16 and found.dtype.isnative
    np.testing.assert_array_equal(found, ramp(np.int16))


def test_grey_saved_as_colour_is_read_as_grey(tmp_path):
    grey = ramp(np.uint8)
    write_png(tmp_path / "rgb.png", np.repeat(grey[..., None], 3, axis=2))
    np.testing.assert_array_equal(read_image(tmp_path / "rgb.png"), grey)
    opaque = np.dstack([grey, grey, grey, np.full_like(grey, 255)])
    tifffile.imwrite(tmp_path / "rgba.tif", opaque, photometric="rgb")
    np.testing.assert_array_equal(read_image(tmp_path / "rgba.tif"), grey)


def test_colour_is_written_as_rgb(tmp_path):
    import cv2

    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 200
    path = write_png(tmp_path / "red.png", red)
    assert cv2.imread(str(path))[0, 0].tolist() == [0, 0, 200]  # OpenCV reads BGR


def refuse(path):
    assert fault_of(read_image, path).what == str(path)


def test_missing_files_and_other_formats_are_refused(tmp_path):
    refuse(tmp_path / "none.png")
    (tmp_path / "folder.png").mkdir()
    refuse(tmp_path / "folder.png")
    for name in ["scan.dcm", "scan.nii.gz", "scan.mhd", "photo.jpg", "name"]:
        (tmp_path / name).write_bytes(b"x")
        refuse(tmp_path / name)


@pytest.mark.parametrize("suffix", WRITERS)
def test_damaged_files_are_refused(tmp_path, suffix):
    path = WRITERS[suffix](tmp_path / f"image{suffix}", ramp(np.uint8, (64, 64)))
    whole = path.read_bytes()
    for data in (b"", b"not an image", whole[: len(whole) // 2]):
        path.write_bytes(data)
        refuse(path)


def test_png_that_lacks_its_middle_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    path = write_png(tmp_path / "a.png", rng.integers(0, 255, (64, 64), dtype=np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[:2000] + whole[-12:])
    refuse(path)


def test_what_is_not_one_grey_image_is_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "pages.tif", np.zeros((3, 8, 8), np.uint8), photometric="minisblack"
    )
    refuse(tmp_path / "pages.tif")
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[0, 0, 1] = 9
    write_png(tmp_path / "colour.png", colour)
    refuse(tmp_path / "colour.png")
    for name, array in [
        ("volume.npy", np.zeros((2, 5, 5), np.uint8)),
        ("empty.npy", np.zeros((0, 5), np.uint8)),
        ("text.npy", np.full((2, 2), "a")),
        ("long.npy", np.full((2, 2), 2**40)),
        ("complex.npy", np.zeros((2, 2), np.complex64)),
        ("nan.npy", np.full((2, 2), np.nan, np.float32)),
    ]:
        np.save(tmp_path / name, array)
        refuse(tmp_path / name)
    clear = np.zeros((4, 4, 4), np.uint8)
    tifffile.imwrite(tmp_path / "clear.tif", clear, photometric="rgb")
    refuse(tmp_path / "clear.tif")


def test_bad_writes_are_refused(tmp_path):
    assert fault_of(write_png, tmp_path / "a.png", ramp(np.float32)).what.endswith("/a.png")
    assert fault_of(write_png, tmp_path / "a.jpg", ramp(np.uint8)).what.endswith("/a.jpg")
    assert fault_of(write_npy, tmp_path / "none" / "a.npy", ramp(np.uint8)).what.endswith("/none")
    error = fault_of(write_tiff, tmp_path / "a.tif", np.zeros((2, 2), np.int32))
    assert error.what.endswith("/a.tif")


DISC = ramp(np.uint8, (40, 50)) > 99


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.uint32, np.int64])
def test_masks_of_every_type_are_read(tmp_path, dtype):
    np.save(tmp_path / "a.npy", DISC.astype(dtype))
    np.testing.assert_array_equal(read_image(tmp_path / "a.npy"), DISC)
    if dtype is not bool:
        tifffile.imwrite(tmp_path / "a.tif", DISC.astype(dtype))
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), DISC)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "packbits", "group3", "group4"])
def test_files_of_one_bit_are_read(tmp_path, compression):
    Image.fromarray(DISC).save(tmp_path / "a.tif", compression=compression)
    assert (read_image(tmp_path / "a.tif") > 0).sum() == DISC.sum()
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif") > 0, DISC)
    Image.fromarray(DISC).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png") > 0, DISC)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_usual_compressions_of_tiff(tmp_path, dtype, compression):
    first, second = (Image.fromarray(ramp(dtype, (40, 50)) * k) for k in (0, 1))
    path = tmp_path / "a.tif"
    first.save(path, compression=compression, save_all=True, append_images=[second])
    np.testing.assert_array_equal(read_image(path, page=1), ramp(dtype, (40, 50)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert fault_of(read_image, path, page=1).what.endswith("/a.tif")


def test_white_that_is_stored_as_zero_is_high(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", ramp(np.uint8), photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), 255 - ramp(np.uint8))


def test_stacks_of_imagej_with_a_single_page(tmp_path):
    stack = np.stack([ramp(np.uint16) // k for k in (1, 2, 3)])
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stack, imagej=True, truncate=True)
    assert count_pages(path) == 3
    for index in range(3):
        np.testing.assert_array_equal(read_image(path, page=index), stack[index])
    refuse(path)
    path.write_bytes(path.read_bytes()[:-80])
    error = fault_of(read_image, path, page=1)
    assert error.what == str(path) and "3 slices" in error.found
