"""How well two readers agree."""

import csv

import pytest

from casgan_jax.annotate.agreement import COLUMNS, agreement, write_agreement
from casgan_jax.annotate.sources import find_sources
from casgan_jax.annotate.store import open_store
from casgan_jax.annotate.workplace import Workplace
from tests.annotate import places
from tests.labelling import lesions


@pytest.fixture
def readers(tmp_path):
    """Places of two readers in one store, on two images."""
    sources = find_sources(places.write_images(tmp_path / "images"), ())
    with open_store(tmp_path / "out") as store:
        yield [Workplace(sources, store, reader=name) for name in ("anna", "ben")]


def accept(place, key, recist):
    state = place.act(key, "mark", {**places.MARK, "recist": recist}, after=place.state(key).last)
    place.act(key, "decide", {"decision": "accepted"}, after=state.last)


def test_the_same_axes_agree_and_other_ones_less(readers, tmp_path):
    anna, ben = readers
    accept(anna, "image-0", places.AXES)
    accept(ben, "image-0", places.AXES)
    accept(anna, "image-1", places.AXES)
    assert [row["key"] for row in agreement(readers)] == ["image-0"]
    accept(ben, "image-1", [one + 3 for one in places.AXES])
    same, moved = agreement(readers)
    assert same["dice"] == 1 and same["soft_difference_px"] == 0
    assert 0.3 < moved["dice"] < 0.95 and moved["soft_difference_px"] > 10
    assert (moved["first"], moved["second"]) == ("anna", "ben")
    with write_agreement(tmp_path, [same, moved]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS and rows[1]["key"] == "image-1"


def test_soft_masks_of_different_scales_are_compared(tmp_path):
    folder = tmp_path / "images"
    lesions.write_image(folder / "large.png", lesions.picture(65, (80, 80)))
    with open_store(tmp_path / "out") as store:
        readers = [Workplace(find_sources(folder, ()), store, reader=r) for r in ("anna", "ben")]
        for reader, radius in zip(readers, (63, 66), strict=True):
            accept(reader, "large", [float(one) for one in lesions.axes(radius, (80, 80))])
        assert [reader.label("large").scale for reader in readers] == [4, 2]
        (row,) = agreement(readers)
    assert row["dice"] > 0.95


def test_what_only_one_accepted_is_left_out(readers):
    anna, ben = readers
    accept(anna, "image-0", places.AXES)
    ben.act("image-0", "mark", places.MARK, after=0)
    assert agreement(readers) == []
