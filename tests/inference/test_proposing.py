"""Lesions labelled by the network that comes with the package, from their marks."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.annotations import Annotations, read_annotations
from casgan_jax.images import write_png
from casgan_jax.inference import proposing
from casgan_jax.inference.levels import levels_of, trained_window
from casgan_jax.inference.load import load_system
from casgan_jax.inference.proposing import network_of_volumes, propose, with_proposals
from casgan_jax.labelling.batch import BatchOptions, label_batch
from casgan_jax.labelling.lesion import read_lesion
from casgan_jax.labelling.volumes.batch import VolumeBatchOptions, label_volumes
from casgan_jax.metrics import dice
from datasets.phantom.builder import Source, make_record
from datasets.phantom.marked_images import write_example
from tests.faults import fault_of
from tests.labelling.volumes import balls

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system():
    return load_system("pretrained")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return read_annotations(write_example(tmp_path_factory.mktemp("example"), 3, seed=0))


def test_lesions_are_labelled_by_what_the_system_proposes(system, example, tmp_path):
    missing = dataclasses.replace(example.annotations[1], key="gone", image=tmp_path / "none.png")
    given = Annotations((*example.annotations, missing), ())
    found = with_proposals(system, given, progress=False)
    assert [one.key for one in found.annotations] == [one.key for one in example.annotations]
    ((key, reason),) = ((one.key, one.reason) for one in found.failures)
    assert key == "gone" and "none.png" in reason
    batch = label_batch(found, tmp_path / "out", BatchOptions(), workers=0, progress=False)
    assert [row["strategy"] for row in batch.rows[:3]] == ["network"] * 3
    for row, one in zip(batch.rows, example.annotations, strict=False):
        lesion = read_lesion(one)
        x, y = lesion.mark.tolist()
        low, high = levels_of(
            system, lesion.values, (x, y), trained=trained_window(system), given=None
        )
        assert row["window"] == f"{low:g},{high:g}" != "-1000,400"
    assert batch.rows[3]["status"] == "failed"
    truth = make_record(Source(0, 0))["alpha"].reshape(128, 4, 128, 4).mean((1, 3)) / 255
    alpha = propose(system, read_lesion(example.annotations[0])).label(
        found.annotations[0].proposal.box, 1
    )
    placed = found.annotations[0].proposal.box.paste(alpha.alpha, (128, 128))
    assert dice(placed >= 0.5, truth >= 0.5) > 0.85


def test_what_the_system_is_not_sure_of_has_a_note(system, example, tmp_path):
    y, x = np.mgrid[:128, :128] // 8
    write_png(tmp_path / "board.png", ((x + y) % 2 * 255).astype(np.uint8))
    strange = dataclasses.replace(example.annotations[0], key="board", image=tmp_path / "board.png")
    given = Annotations((example.annotations[0], strange), ())
    known, unknown = with_proposals(system, given, progress=False).annotations
    assert known.notes == example.annotations[0].notes
    assert "the system may not know such lesions" in unknown.notes[-1]


def test_the_same_system_proposes_the_same(system, example):
    once, again = (with_proposals(system, example, progress=False) for _ in range(2))
    for first, second in zip(once.annotations, again.annotations, strict=True):
        assert first.proposal == second.proposal
        assert first.proposal.alpha.dtype == np.float32


def test_a_lesion_is_followed_through_slices_by_the_network(tmp_path):
    series = balls.write_series(tmp_path / "series", 13)
    annotations = Annotations((balls.marked(series),), ())
    network = network_of_volumes("pretrained")
    assert [path.name for path in network.files] == ["system.json", "weights.safetensors"]

    def label(**options):
        return label_volumes(
            annotations, tmp_path / "out", VolumeBatchOptions(), progress=False, **options
        )

    by_network = label(network=network)
    (row,) = by_network.rows
    assert row["status"] == "labelled"
    assert row["volume_mm3"] == pytest.approx(balls.VOLUME, rel=0.2)
    assert label(network=network).kept == 1
    matted = label()  # another way is labelled again
    assert matted.kept == 0 and matted.rows[0]["volume_mm3"] != row["volume_mm3"]


def test_a_system_that_sees_no_axes_follows_none(monkeypatch, system):
    monkeypatch.setattr(proposing, "load_system", lambda folder: Clicked())
    assert fault_of(lambda: network_of_volumes("somewhere")).what == "workdir"


class Clicked:
    mark_kinds = ()
