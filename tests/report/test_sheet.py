"""Picture sheets."""

import numpy as np
import pytest

from casgan_jax.report.sheet import BLUE, ORANGE, as_picture, colour_error, overlay_contour, sheet


def test_sheet_puts_each_picture_in_its_place():
    white, black = np.ones((8, 8), np.float32), np.zeros((4, 4), bool)
    picture = sheet([[white, black], [black]], tile=16, gap=2)
    assert picture.shape == (2 + 2 * 18, 2 + 2 * 18, 3)
    assert picture.dtype == np.uint8
    assert (picture[2:18, 2:18] == 255).all()
    assert (picture[2:18, 20:36] == 0).all()
    assert (picture[20:36, 2:18] == 0).all()
    assert (picture[20:36, 20:36] == picture[0, 0]).all()  # the second row is shorter


def test_text_is_drawn_and_cut_to_its_tile():
    plain = sheet([[np.zeros((8, 8)), np.zeros((8, 8))]], tile=32)
    texts = sheet(
        [[np.zeros((8, 8)), np.zeros((8, 8))]],
        titles=["a very long title that does not fit", ""],
        captions=[["", "0.87"]],
        row_titles=["row"],
        tile=32,
    )
    noted = sheet([[np.zeros((8, 8)), np.zeros((8, 8))]], note="orange", tile=32)
    assert (noted[: len(plain)] == plain).all() and noted[len(plain) :].max() > 150
    assert texts.shape[0] > plain.shape[0]
    assert texts.shape[1] == plain.shape[1]
    assert (texts[4:20, 36:] == texts[0, 0]).all()
    assert texts.max() > 150


def test_proportions_are_kept():
    picture = sheet([[np.ones((2, 4), np.float32)]], tile=16, gap=0)
    assert (picture[4:12] == 255).all()
    assert (picture[:4] < 255).all() and (picture[12:] < 255).all()


@pytest.mark.parametrize(
    ("picture", "match"),
    [
        (np.zeros((2, 2, 2), np.uint8), "shape"),
        (np.zeros((2, 2), np.int16), "type int16"),
        (np.full((2, 2), 2.0), r"\[2.0, 2.0\]"),
        (np.full((2, 2), np.nan), "nan"),
    ],
)
def test_bad_pictures_are_refused(picture, match):
    with pytest.raises(ValueError, match=match):
        as_picture(picture)
    with pytest.raises(ValueError, match="found no picture"):
        sheet([[]])


def test_contour_lies_on_the_masks_edge():
    mask = np.zeros((9, 9), bool)
    mask[3:6, 3:6] = True
    drawn = overlay_contour(np.zeros((9, 9), np.float32), mask, ORANGE)
    coloured = (drawn == ORANGE).all(axis=2)
    edge = mask.copy()
    edge[4, 4] = False
    np.testing.assert_array_equal(coloured, edge)
    assert overlay_contour(np.zeros((9, 9)), mask, ORANGE, enlarge=4).shape == (36, 36, 3)


def test_contour_wants_a_binary_mask_of_the_images_size():
    for mask in (np.zeros((9, 9), np.float32), np.zeros((8, 9), bool)):
        with pytest.raises(ValueError, match="mask: found"):
            overlay_contour(np.zeros((9, 9)), mask, ORANGE)


def test_errors_have_their_colours():
    pred = np.array([[1.0, 0.0, 1.0, 0.0]])
    truth = np.array([[0.0, 1.0, 1.0, 0.0]])
    over, under, both, neither = colour_error(pred, truth)[0]
    assert tuple(over) == ORANGE
    assert tuple(under) == BLUE
    assert len(set(both.tolist())) == 1 and both[0] > 0
    assert not neither.any()
    with pytest.raises(ValueError, match="pred: found shape"):
        colour_error(pred, truth[0])
