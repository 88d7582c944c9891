"""A reader's work: actions, soft masks, another sitting, an export."""

import csv
import threading
import tracemalloc

import numpy as np
import pytest

from casgan_jax.annotate import workplace
from casgan_jax.annotate.describe import described_lesion
from casgan_jax.annotate.examiner import Examiner
from casgan_jax.annotate.export import export
from casgan_jax.annotate.store import ConflictError
from casgan_jax.grid import decode_alpha
from casgan_jax.images import read_image
from casgan_jax.labelling.batch import BatchOptions
from casgan_jax.labelling.label import label_lesion
from tests.annotate import places
from tests.faults import fault_of


@pytest.fixture
def folder(tmp_path):
    return places.write_images(tmp_path / "images")


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


def act(place, key, kind, body=None):
    return place.act(key, kind, body or {}, after=place.state(key).last)


def test_a_mark_becomes_a_soft_mask_and_strokes_change_it(folder, output):
    with places.workplace(folder, output) as place:
        assert place.label("image-0") is None
        act(place, "image-0", "mark", places.MARK)
        first = place.label("image-0")
        assert first.strategy == "recist" and first.diameters_px[0] == pytest.approx(16, abs=2)
        act(place, "image-0", "stroke", places.STROKE)
        second = place.label("image-0")
        assert second.area_px < first.area_px - 3
        act(place, "image-0", "undo")
        assert np.array_equal(place.label("image-0").alpha, first.alpha)


def test_what_is_seen_is_what_a_label_of_the_files_is(folder, output):
    with places.workplace(folder, output) as place:
        act(place, "image-0", "mark", places.MARK)
        act(place, "image-0", "stroke", places.STROKE)
        fresh = label_lesion(place.annotation("image-0"))
        assert np.array_equal(place.label("image-0").alpha, fresh.alpha)


def test_the_work_goes_on_in_another_sitting_of_the_same_reader_alone(folder, output):
    with places.workplace(folder, output) as place:
        act(place, "image-0", "mark", places.MARK)
        act(place, "image-0", "decide", {"decision": "accepted"})
        added = place.add("image-1.png")
        act(place, added, "mark", places.MARK)
        area = place.label("image-0").area_px
        assert place.decided_today() == 1
    with places.workplace(folder, output) as place:
        assert place.state("image-0").name == "accepted"
        assert place.label("image-0").area_px == area
        assert added == "image-1_2" and place.state(added).name == "drawn"
    with places.workplace(folder, output, reader="ben") as place:
        assert {row["state"] for row in place.listing()} == {"new"} and added not in place.items


def test_an_action_that_leads_to_no_soft_mask_is_not_stored(folder, output):
    with places.workplace(folder, output) as place:
        assert fault_of(act, place, "image-0", "stroke", places.STROKE).what == "stroke"
        error = fault_of(
            act, place, "image-0", "mark", {**places.MARK, "recist": [*places.AXES[:4]] * 2}
        )
        assert error.what == "recist" and "0 degrees" in error.found
        error = fault_of(
            act, place, "image-0", "decide", {"decision": "accepted"}, told_remedy=False
        )
        assert error.what == "decision"
        error = fault_of(
            act, place, "image-0", "mark", {**places.MARK, "slice": 4}, told_remedy=False
        )
        assert error.what == "slice"
        act(place, "image-0", "mark", places.MARK)
        everything = {"value": "background", "radius": 60.0, "points": [[90.0, 60.0]]}
        assert fault_of(act, place, "image-0", "stroke", everything).what == "trimap 0"
        far = {**places.STROKE, "points": [[9000.0, 60.0]]}
        assert fault_of(act, place, "image-0", "stroke", far, told_remedy=False).what == "points"
        assert place.state("image-0").name == "drawn"


def test_other_axes_keep_strokes_on_the_same_slice(folder, output):
    moved = {**places.MARK, "recist": [one + 0.5 for one in places.AXES]}
    with places.workplace(folder, output) as place:
        act(place, "image-0", "mark", places.MARK)
        act(place, "image-0", "stroke", places.STROKE)
        act(place, "image-0", "mark", moved)
        assert len(place.state("image-0").strokes) == 1


def test_the_second_of_two_windows_is_told(folder, output):
    with places.workplace(folder, output) as place:
        act(place, "image-0", "mark", places.MARK)
        error = fault_of(place.act, "image-0", "decide", {"decision": "rejected"}, after=0)
        assert isinstance(error, ConflictError)
        assert place.state("image-0").name == "drawn"


def test_many_threads_lose_nothing_and_overwrite_nothing(folder, output):
    with places.workplace(folder, output) as place:
        act(place, "image-0", "mark", places.MARK)
        done = []

        def work():
            for _ in range(10):
                after = place.state("image-0").last
                try:
                    place.act("image-0", "comment", {"text": "x"}, after=after)
                except ConflictError:
                    continue
                done.append(after)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(done)) == len(done) >= 10
        assert len(place._store.events("anna")["image-0"]) == len(done) + 2


def test_soft_masks_are_made_in_one_thread_whoever_asks(folder, output, monkeypatch):
    made_in = []

    def label(*arguments):
        made_in.append(threading.get_ident())
        return label_lesion_as_before(*arguments)

    label_lesion_as_before = workplace.label_read_lesion
    monkeypatch.setattr(workplace, "label_read_lesion", label)
    with places.workplace(folder, output) as place:
        threads = [
            threading.Thread(target=act, args=(place, f"image-{index}", "mark", places.MARK))
            for index in range(2)
        ]
        for thread in threads:
            thread.start()
            thread.join()
    assert len(made_in) == 2 and len(set(made_in)) == 1
    assert made_in[0] not in {thread.ident for thread in threads}


def test_a_place_holds_no_more_memory_of_much_work_than_of_its_state(folder, output):
    with places.workplace(folder, output) as place:
        act(place, "image-0", "comment", {"text": "a"})
        tracemalloc.start()
        try:
            for _ in range(50):
                act(place, "image-0", "comment", {"text": "x" * 1000})
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert held < 30_000  # fifty texts have more


def test_marks_of_a_table_are_shown_corrected_and_given_back(tmp_path, output):
    with places.workplace(places.write_table(tmp_path / "table"), output) as place:
        told = {key: described_lesion(place, key) for key in place.items}
        assert told["a"]["recist"] == places.AXES and told["a"]["label"]["strategy"] == "recist"
        assert told["b"]["recist"] is None and told["b"]["label"]["strategy"] == "mask"
        assert "no such file" in told["c"]["trouble"] and told["c"]["label"] is None
        before = place.label("b")
        act(place, "b", "stroke", places.STROKE)
        assert place.label("b").area_px < before.area_px and place.state("b").name == "corrected"
        act(place, "b", "given")
        assert np.array_equal(place.label("b").alpha, before.alpha)


@pytest.mark.slow
def test_qualities_are_found_meanwhile(tmp_path, output):
    with places.workplace(places.write_table(tmp_path / "table"), output) as place:
        assert place.unexamined() == ["a", "b", "c"]
        with Examiner(place, idle=lambda: True) as examiner:
            assert examiner.wait(120)
        rows = {row["key"]: row["quality"] for row in place.listing()}
        assert rows["a"] > 0.5 and rows["b"] > 0.5 and rows["c"] == 0.0


def test_an_image_that_was_replaced_by_another_is_told(tmp_path, output):
    with places.workplace(places.write_images(tmp_path / "images"), output) as place:
        act(place, "image-0", "mark", places.MARK)
        act(place, "image-1", "mark", places.MARK)
    (tmp_path / "images" / "image-1.png").unlink()
    with places.workplace(tmp_path / "images", output) as place:
        assert list(place.items) == ["image-0"]
        assert place.failures == ["image-1: found no image-1.png any more, expected its image"]


def test_the_export_is_what_the_command_label_writes(folder, output):
    with places.workplace(folder, output) as place:
        error = fault_of(export, place, output / "anna", BatchOptions(), told_remedy=False)
        assert error.what == "export"
        for key in place.items:
            act(place, key, "mark", places.MARK)
            act(place, key, "decide", {"decision": "accepted"})
        act(place, "image-0", "comment", {"text": "=1+1, <b>"})
        batch, volumes = export(place, output / "anna", BatchOptions())
        assert [row["status"] for row in batch.rows] == ["labelled"] * 2
        coded = read_image(output / "anna" / "soft_masks" / "image-0.png")
        assert coded.shape == (160, 160)
        area = place.label("image-0").area_px
        assert decode_alpha(coded).sum() == pytest.approx(area, rel=0.01)
        act(place, "image-1", "decide", {"decision": "rejected"})
        batch, volumes = export(place, output / "anna", BatchOptions())
        assert batch.kept == 1 and batch.others == 0
        assert not (output / "anna" / "soft_masks" / "image-1.png").exists()
        with (output / "anna" / "decisions.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["state"] for row in rows] == ["accepted", "rejected"]
        assert rows[0]["comment"] == "=1+1, <b>"


def test_a_click_proposes_axes(folder, output):
    with places.workplace(folder, output) as place:
        axes = place.axes_at("image-0", 0, (91.0, 61.0), (0.0, 255.0))
        act(place, "image-0", "mark", {**places.MARK, "recist": axes})
        assert place.label("image-0").diameters_px[0] == pytest.approx(16, abs=3)
