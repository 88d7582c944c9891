"""Lengths that are written beside the lines of a presentation state."""

import numpy as np
import pytest

from casgan_jax.dicom.measurements import lesions
from casgan_jax.dicom.presentation import read_presentation
from casgan_jax.dicom.state_texts import Keys, Text
from tests.dicom import reports

AXIS = np.array([[10.0, 20.0], [30.0, 20.0]])
ACROSS = np.array([[20.0, 12.0], [20.0, 26.0]])
FAR = AXIS + (40, 30)


def graphic(ends, *, group=None, compound=None):
    item = reports.graphic(ends + 0.5, key=group)
    if compound:
        item.CompoundGraphicInstanceID = compound
    return item


def text(words, *, at=None, box=None, group=None, compound=None, units="PIXEL"):
    item = reports.items(UnformattedTextValue=words)[0]
    if at is not None:
        item.AnchorPoint, item.AnchorPointAnnotationUnits = list(at), units
    if box is not None:
        item.BoundingBoxTopLeftHandCorner, item.BoundingBoxBottomRightHandCorner = box
        item.BoundingBoxAnnotationUnits = units
    if group is not None:
        item.GraphicGroupID = group
    if compound:
        item.CompoundGraphicInstanceID = compound
    return item


def read(folder, graphics, texts, **tags):
    path = reports.write_state(folder / "pr.dcm", *graphics, texts=texts, **tags)
    return read_presentation(path).lines


@pytest.mark.parametrize(
    "words, lengths",
    [
        ("12.3 mm", (12.3,)),
        ("L: 1,5cm", (15.0,)),
        ("8 x 12.3 mm", (12.3, 8.0)),
        ("1.2 cm × 8.5 mm", (12.0, 8.5)),
        ("Nodule 3", ()),
        ("12.3 mmHg", ()),
    ],
)
def test_lengths_of_words(words, lengths):
    assert Text(words, None, Keys("", "")).lengths_mm == pytest.approx(lengths)


def test_a_text_of_the_only_line_needs_no_place(tmp_path):
    (line,) = read(tmp_path, [graphic(AXIS)], [text("14 mm"), text("Nodule 3")])
    assert (line.written_mm, line.name, line.notes) == (14.0, "Nodule 3", ())


def test_texts_go_with_what_they_say_they_belong_to(tmp_path):
    graphics = [graphic(AXIS, compound=2), graphic(FAR, group=3), graphic(ACROSS, compound=1)]
    texts = [text("3 mm", compound=1), text("1 mm", compound=2), text("2 mm", group=3)]
    assert [line.written_mm for line in read(tmp_path, graphics, texts)] == [1, 2, 3]


def test_other_texts_go_with_the_nearest_line(tmp_path):
    texts = [
        text("2 mm", at=FAR[1] + 3),
        text("1 mm", box=([8.0, 21.0], [12.0, 25.0])),
        text("9 mm"),  # of no place
    ]
    found = read(tmp_path, [graphic(AXIS), graphic(FAR), graphic(FAR + 30)], texts)
    assert [line.written_mm for line in found] == [1, 2, None]
    assert "computed" in found[2].notes[0]


def test_a_place_on_the_screen(tmp_path):
    area = reports.items(DisplayedAreaTopLeftHandCorner=[1, 1])
    area[0].DisplayedAreaBottomRightHandCorner = [100, 100]
    texts = [text("2 mm", at=FAR[1] / 100, units="DISPLAY")]
    options = {"DisplayedAreaSelectionSequence": area}
    found = read(tmp_path, [graphic(AXIS), graphic(FAR)], texts, **options)
    assert [line.written_mm for line in found] == [None, 2]


def test_both_lengths_in_one_text(tmp_path):
    graphics = [graphic(ACROSS), graphic(AXIS), graphic(FAR)]
    lines = read(tmp_path, graphics, [text("14.0 x 9.8 mm", at=AXIS[0])])
    both, alone = lesions(lines)
    assert both.diameters_mm == (14.0, 9.8) and alone.diameters_mm == (None, None)
