"""PGM files as their format's description has them, and as OpenCV writes them."""

import cv2
import numpy as np
import pytest

from casgan_jax.images import read_image, read_scan
from tests.faults import fault_of
from tests.images.scans import noise

EIGHT = noise((5, 7), 0, 255, np.uint8)
SIXTEEN = noise((5, 7), 0, 65535, np.uint16)


def write(path, header, content):
    path.write_bytes(header + content)
    return path


@pytest.mark.parametrize("image", [EIGHT, SIXTEEN], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("binary", [True, False])
def test_what_opencv_writes(tmp_path, image, binary):
    cv2.imwrite(str(tmp_path / "a.pgm"), image, [cv2.IMWRITE_PXM_BINARY, int(binary)])
    found = read_image(tmp_path / "a.pgm")
    assert found.dtype == image.dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, image)


def test_values_are_not_stretched_to_white(tmp_path):
    path = write(tmp_path / "a.pgm", b"P5 3 1 4095\n", np.array([0, 7, 4095], ">u2").tobytes())
    np.testing.assert_array_equal(read_image(path), [[0, 7, 4095]])
    path = write(tmp_path / "a.pgm", b"P2 2 1 100\n", b"3 100")
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.values, [[3, 100]])
    assert scan.window == (0, 255) and scan.spacing_mm is None


def test_comments_stand_before_any_number(tmp_path):
    header = b"P5# one 9\n# two\n 2\t# three\r\n3#four\n255\n"
    found = read_image(write(tmp_path / "a.PGM", header, b"\n#\x00abc"))
    np.testing.assert_array_equal(found, np.frombuffer(b"\n#\x00abc", np.uint8).reshape(3, 2))


@pytest.mark.parametrize(
    ("header", "content"),
    [
        (b"P5 2 2 255\n", b"abc"),
        (b"P5 2 2 255\n", b"abcde"),
        (b"P5 2 2 256\n", b"abcdefg"),
        (b"P2 2 2 255\n", b"1 2 3"),
        (b"P2 2 1 255\n", b"1 256"),
        (b"P2 2 1 255\n", b"1 -2"),
        (b"P5 2 2 65536\n", b""),
        (b"P5 2 2 0\n", b""),
        (b"P5 2 x 255\n", b""),
        (b"", b""),
        (b"P5 0 2 255\n", b""),
        (b"P6 1 1 255\n", b"abc"),
    ],
)
def test_what_is_no_whole_grey_image_is_told(tmp_path, header, content):
    path = write(tmp_path / "a.pgm", header, content)
    assert fault_of(read_image, path).what.endswith("/a.pgm")
