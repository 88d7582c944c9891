"""A trained network proposes soft masks beside the matted ones: the shipped config, shrunk."""

import json

import numpy as np
import pytest

from casgan_jax.annotate.describe import described_lesion
from casgan_jax.annotate.export import export
from casgan_jax.annotate.network import Network
from casgan_jax.annotate.sources import find_sources
from casgan_jax.annotate.store import open_store
from casgan_jax.annotate.workplace import Workplace
from casgan_jax.errors import UserError
from casgan_jax.grid import decode_alpha
from casgan_jax.images import read_image
from casgan_jax.labelling.batch import BatchOptions
from casgan_jax.systems.cascade import _predict
from tests.annotate import places
from tests.faults import fault_of
from tests.images import scans
from tests.labelling import lesions

pytestmark = pytest.mark.slow

CENTRE, RADIUS = (90, 60), 4  # within the network's patch of 16 pixels
AXES = [float(one) for one in lesions.axes(RADIUS, CENTRE)]
DRAWN = {"slice": 0, "window": places.WINDOW}
MARK = {**DRAWN, "recist": AXES}
PLACE = {
    "PixelSpacing": [0.7, 0.7],
    "ImagePositionPatient": [0, 0, 0],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
}
STROKE = {"value": "background", "radius": 1.5, "points": [[93.0, 60.0]]}


@pytest.fixture
def network(marked):
    return Network(marked)


@pytest.fixture
def place(network, tmp_path):
    lesions.write_image(tmp_path / "images" / "image-0.png", lesions.picture(RADIUS, CENTRE))
    sources = find_sources(tmp_path / "images", ())
    with open_store(tmp_path / "out") as store:
        yield Workplace(sources, store, reader="anna", network=network)


def act(place, kind, body):
    return place.act("image-0", kind, body, after=place.state("image-0").last)


def test_its_soft_mask_is_shown_chosen_corrected_and_exported(place, tmp_path):
    act(place, "mark", MARK)
    matted = place.label("image-0")
    found = place.proposed("image-0", "network")
    assert found.strategy == "network" and 3 < found.diameters_px[0] < 14
    assert not np.array_equal(found.alpha, matted.alpha)
    assert place.proposed("image-0", "matting") is matted
    assert described_lesion(place, "image-0")["by"] == "matting"

    act(place, "propose", {"by": "network"})
    told = described_lesion(place, "image-0")
    assert told["by"] == "network" and told["recist"] == AXES
    assert np.array_equal(place.label("image-0").alpha, found.alpha)
    act(place, "stroke", STROKE)
    assert not np.array_equal(place.label("image-0").alpha, found.alpha)
    act(place, "undo", {})
    act(place, "decide", {"decision": "accepted"})
    batch, _ = export(place, tmp_path / "out" / "anna", BatchOptions())
    assert [row["strategy"] for row in batch.rows] == ["network"]
    coded = read_image(tmp_path / "out" / "anna" / "soft_masks" / "image-0.png")
    assert decode_alpha(coded).sum() == pytest.approx(found.area_px, rel=0.02)
    act(place, "undo", {})
    act(place, "undo", {})
    assert np.array_equal(place.label("image-0").alpha, matted.alpha)


def test_what_was_accepted_stays_whatever_weights_come_later(place, tmp_path):
    act(place, "mark", MARK)
    act(place, "propose", {"by": "network"})
    before = place.label("image-0").alpha
    kept = place._store.of("anna", "image-0")[-1].body
    assert json.loads(json.dumps(kept)) == kept and "soft_mask" in kept
    again = Workplace(place._sources, place._store, reader="anna")
    assert np.array_equal(again.label("image-0").alpha, before)
    assert fault_of(again.proposed, "image-0", "network").what == "network"


def test_it_sees_axes_and_is_shown_a_point_of_other_marks(place):
    act(place, "mark", MARK)
    by_axes = place.proposed("image-0", "network").alpha
    moved = [one + 1.5 * (k < 4) for k, one in enumerate(AXES)]
    act(place, "mark", {**MARK, "recist": moved})
    assert not np.array_equal(place.proposed("image-0", "network").alpha, by_axes)
    act(place, "mark", {**DRAWN, "box": [83, 53, 97, 67]})
    assert place.proposed("image-0", "network").strategy == "network"


def test_weights_are_read_again_and_stay_where_that_fails(network, monkeypatch):
    network.compile()
    network.reload()
    assert network.loaded == 2

    def damaged(_):
        raise UserError("weights", found="damage", expected="none")

    monkeypatch.setattr("casgan_jax.annotate.network.load_system", damaged)
    assert fault_of(network.reload, told_remedy=False).what == "weights"
    assert network.loaded == 2
    network.compile()


def test_what_is_compiled_ahead_is_what_a_lesion_needs(place):
    act(place, "mark", MARK)
    _predict.clear_cache()
    place.network.compile()
    compiled = _predict._cache_size()
    place.proposed("image-0", "network")
    assert _predict._cache_size() == compiled == 1


def test_a_folder_without_a_network_is_told(tmp_path):
    assert fault_of(Network, tmp_path).what == "workdir"


@pytest.fixture(scope="module")
def chest(tmp_path_factory):
    """Folders of a CT slice with a round nodule in a lung of air, and of one with air alone."""
    folder = tmp_path_factory.mktemp("chest")
    y, x = np.mgrid[:128, :128]
    nodule = 1 / (1 + np.exp(np.hypot(x - 70, y - 60) - 7))
    noise = np.random.default_rng(0).normal(0, 20, (2, 128, 128))
    for name, share, grain in (("nodule", nodule, noise[0]), ("air", 0 * nodule, noise[1])):
        values = -850 + 880 * share + grain
        (folder / name).mkdir()
        tags = {**scans.HU, "RescaleIntercept": "0", **PLACE}
        scans.write_dicom(folder / name / "slice.dcm", values.astype(np.int16), **tags)
    return folder


@pytest.fixture(scope="module")
def package():
    return Network("pretrained")


@pytest.mark.parametrize(
    ("first", "name", "by"),
    [
        ("auto", "nodule", "network"),
        ("auto", "air", "matting"),  # it is not sure, or finds nothing
        ("network", "nodule", "network"),
        ("matting", "nodule", "matting"),
    ],
)
def test_whose_soft_mask_of_new_axes_comes_first_on_ct(chest, package, tmp_path, first, name, by):
    sources = find_sources(chest / name, ())
    (key,) = sources.items
    axes = [float(one) for one in lesions.axes(7, (70, 60))]
    mark = {"slice": 0, "window": [-1350, 150], "recist": axes}
    with open_store(tmp_path / "out") as store:
        place = Workplace(sources, store, reader="anna", network=package, first=first)
        place.act(key, "mark", mark, after=0)
        told = described_lesion(place, key)
        assert told["by"] == by
        assert told["label"]["strategy"] == {"network": "network", "matting": "recist"}[by]
        # It is one action: what was before is before it.
        place.act(key, "undo", {}, after=told["last"])
        assert place.label(key) is None
        # It is kept, also where there is no network.
        place.act(key, "redo", {}, after=place.state(key).last)
        again = Workplace(sources, store, reader="anna")
        assert described_lesion(again, key)["by"] == by


def test_of_other_images_matting_comes_first(place):
    act(place, "mark", MARK)
    assert described_lesion(place, "image-0")["by"] == "matting"
