"""The soft mask of all readers after they have finished."""

import csv

import numpy as np
import pytest

from casgan_jax.annotate.consensus import (
    consensus_label,
    export_consensus,
    finished,
    reader_mask,
)
from casgan_jax.annotate.sources import find_sources
from casgan_jax.annotate.store import open_store
from casgan_jax.annotate.workplace import Workplace
from casgan_jax.images import read_image
from casgan_jax.labelling.batch import BatchOptions
from tests.annotate import places
from tests.faults import fault_of

pytestmark = pytest.mark.slow

DRAWN = {"slice": 0, "window": places.WINDOW}


@pytest.fixture
def readers(tmp_path):
    """Places of three readers in one store, on two images."""
    sources = find_sources(places.write_images(tmp_path / "images"), ())
    with open_store(tmp_path / "out") as store:
        yield [Workplace(sources, store, reader=name) for name in ("anna", "ben", "cy")]


def decide(place, key, decision, mark=None):
    if mark:
        place.act(key, "mark", {**DRAWN, **mark}, after=place.state(key).last)
    place.act(key, "decide", {"decision": decision}, after=place.state(key).last)


def test_of_those_who_have_finished_and_accepted(readers, tmp_path):
    anna, ben, cy = readers
    wide = [one + shift for one, shift in zip(places.AXES, [-2, 0, 2, 0, 0, -2, 0, 2], strict=True)]
    decide(anna, "image-0", "accepted", {"recist": places.AXES})
    decide(ben, "image-0", "accepted", {"box": [79, 49, 101, 71]})
    decide(cy, "image-0", "accepted", {"recist": wide})
    error = fault_of(
        export_consensus, readers, tmp_path / "consensus", BatchOptions(), told_remedy=False
    )
    assert error.what == "consensus" and "3 readers" in error.found
    decide(anna, "image-1", "rejected")
    decide(ben, "image-1", "accepted", {"recist": places.AXES})
    assert finished(readers) == [anna, ben]
    label = consensus_label("image-0", finished(readers))
    masks = [reader_mask(one, "image-0") for one in (anna, ben)]
    assert label.strategy == "readers" and label.masks.shape[2] == 2
    whole = [label.box.paste(label.masks[..., k], (160, 160)) for k in range(2)]
    assert np.array_equal(whole, masks)
    error = fault_of(consensus_label, "image-1", finished(readers), told_remedy=False)
    assert error.what == "consensus" and "1 who" in error.found and "2 readers" in error.found

    batch = export_consensus(readers, tmp_path / "consensus", BatchOptions())
    with batch.table.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["key"], row["strategy"], row["readers"]) == ("image-0", "readers", "2")
    assert float(row["area_px"]) == pytest.approx(label.area_px, rel=0.01)
    mask = read_image(tmp_path / "consensus" / "readers" / "ben" / "image-0.png")
    assert np.array_equal(mask > 0, masks[1])

    decide(cy, "image-1", "unsure")
    assert consensus_label("image-0", finished(readers)).masks.shape[2] == 3


def test_a_place_has_the_places_of_all_readers(readers):
    anna, ben, _ = readers
    decide(ben, "image-0", "accepted", {"recist": places.AXES})
    found = {place.reader: place for place in anna.readers()}
    assert found.keys() == {"ben"} and found["ben"].state("image-0").name == "accepted"
    assert found["ben"].slices is anna.slices
    decide(anna, "image-0", "unsure")
    assert any(place is anna for place in anna.readers())
