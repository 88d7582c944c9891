"""Slices come as they are on disk, and no more are kept than there is room for."""

import dataclasses

import numpy as np

from casgan_jax.annotate.slices import Slices, letters, window_of
from casgan_jax.annotate.sources import find_sources
from casgan_jax.images.scan import open_stack
from tests.annotate.places import write_images
from tests.faults import fault_of
from tests.shared_data import shared_data


def picture_in(folder):
    (item,) = find_sources(folder, ()).items.values()
    return item.picture


def test_few_are_kept_and_all_can_be_read_again(tmp_path):
    write_images(tmp_path, 6)
    pictures = list(find_sources(tmp_path, ()).pictures.values())
    slices = Slices(most_bytes=2 * 160 * 160)
    for _ in range(2):
        for picture in pictures:
            values = slices.read(picture, 0).values
            assert np.array_equal(values, open_stack(picture.annotation.image).read(0).values)
    assert len(slices._scans) == 2 and slices._bytes == 2 * 160 * 160
    kept = slices.read(pictures[-1], 0)
    assert slices.read(pictures[-1], 0) is kept


def test_a_slice_that_is_not_there(tmp_path):
    write_images(tmp_path, 1)
    slices, picture = Slices(), picture_in(tmp_path)
    for index in (-1, 1):
        error = fault_of(slices.read, picture, index, told_remedy=False)
        assert error.what == "slice" and error.expected == "0, the only slice"


def test_values_of_a_table_are_in_hu(tmp_path):
    write_images(tmp_path, 1)
    table = tmp_path / "lesions.csv"
    table.write_text('image,recist,hu_offset\nimage-0.png,"1,2,9,2,5,0,5,4",-1024\n')
    picture = picture_in(table)
    scan = Slices().read(picture, 0)
    assert scan.unit == "HU" and scan.values.min() < -900
    assert window_of(picture, scan) == (-1000.0, 400.0)


def test_an_image_of_one_value_has_a_window(tmp_path):
    np.save(tmp_path / "flat.npy", np.full((8, 8), 3.0, np.float32))
    picture = picture_in(tmp_path)
    low, high = window_of(picture, Slices().read(picture, 0))
    assert low < high


def test_sides_are_named_as_a_radiologist_does():
    picture = picture_in(shared_data("dicom", "chest", "19000925-116.dcm"))
    scan = Slices().read(picture, 0)
    assert letters(scan) == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    turned = scan.geometry.part(np.zeros(3), np.diag([-1.0, 1.0, -1.0]), scan.geometry.size)
    flipped = letters(dataclasses.replace(scan, geometry=turned))
    assert (flipped["left"], flipped["right"]) == ("L", "R")
    assert letters(dataclasses.replace(scan, geometry=None)) == {}
