"""The soft volume of a lesion, as its reader marks slices of a series."""

import json
import threading

import numpy as np
import pytest

from casgan_jax.annotate import volumes
from casgan_jax.annotate.export import export
from casgan_jax.grid import encode_alpha
from casgan_jax.labelling.batch import BatchOptions
from casgan_jax.labelling.volumes.label import label_lesion_volume
from casgan_jax.labelling.volumes.labelled import VolumeOptions
from tests.annotate import places
from tests.faults import fault_of
from tests.images.scans import write_volume
from tests.labelling.volumes import balls

pytestmark = pytest.mark.slow

WINDOW = [-1000.0, 400.0]
KEY = "image"
X, Y = balls.CENTRE
OFF = {"value": "background", "radius": 2.0, "points": [[X + 8.0, float(Y)]]}


def mark(number=balls.MIDDLE):
    recist = [float(one) for one in balls.axes(number)]
    return {"slice": number, "recist": recist, "window": WINDOW}


def act(place, kind, body=None, key=KEY):
    return place.act(key, kind, body or {}, after=place.state(key).last)


def has_volume(place, key=KEY):
    act(place, "mark", mark(), key)
    act(place, "volume", {"on": True}, key)
    return place.volume(key)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "images").mkdir()
    balls.write_nifti(tmp_path / "images" / "image.nii.gz")
    with places.workplace(tmp_path / "images", tmp_path / "out") as place:
        yield place


def test_a_mark_becomes_a_volume_and_its_slices(place):
    act(place, "mark", mark())
    assert place.volume(KEY) is None
    found = has_volume(place)
    assert found.volume_mm3 == pytest.approx(balls.VOLUME, rel=0.15)
    assert found.long_mm == pytest.approx(2 * balls.RADIUS, abs=1.5)
    assert found.start == found.first - 1 and found.marked == (6,)
    assert len(found.values) == len(found.alpha) == found.last - found.first + 3
    assert not found.alpha[0].any() and found.alpha[1].any() and not found.alpha[-1].any()


def test_what_is_said_of_other_slices_changes_it_and_is_undone(place):
    first = has_volume(place)
    act(place, "stroke", {**OFF, "slice": 8})
    brushed = place.volume(KEY)
    assert brushed.volume_mm3 < first.volume_mm3 and place.state(KEY).name == "corrected"
    act(place, "mark", mark(7))
    assert place.volume(KEY).marked == (6, 7) and place.slice(KEY) == 6
    act(place, "absent", {"slice": 4, "absent": True})
    assert place.volume(KEY).first == 5 and place.volume(KEY).ended[0] == "marked"
    for _ in range(3):
        act(place, "undo")
    assert np.array_equal(place.volume(KEY).alpha, first.alpha)
    act(place, "redo")
    assert np.array_equal(place.volume(KEY).alpha, brushed.alpha)


def test_the_soft_mask_that_counts_is_the_marked_slice(place):
    first = has_volume(place)
    act(place, "stroke", {**OFF, "slice": 6})
    assert len(place.state(KEY).strokes) == 1 and not place.state(KEY).beside
    second = place.volume(KEY)
    left, top, *_ = second.box
    assert second.alpha[6 - second.start, Y - top, X + 8 - left] == 0
    assert second.volume_mm3 < first.volume_mm3
    outline = [X, Y - 12, X + 11, Y, X, Y + 12, X - 11, Y]
    act(place, "mark", {"slice": 6, "outline": outline, "window": WINDOW})
    assert place.state(KEY).volume and place.volume(KEY).marked == (6,)


def test_it_is_kept_in_the_store_and_a_change_takes_the_decision_back(place):
    has_volume(place)
    act(place, "absent", {"slice": 4, "absent": True})
    act(place, "decide", {"decision": "accepted"})
    before = place.volume(KEY)
    again = volumes.make_volume(
        place.item(KEY), place.readers()[0].state(KEY), place.slices, VolumeOptions()
    )
    assert np.array_equal(again.alpha, before.alpha)
    act(place, "stroke", {**OFF, "slice": 8})
    assert place.state(KEY).decision == ""


@pytest.mark.parametrize(
    "kind, body, what",
    [
        ("stroke", {**OFF, "slice": 8}, "slice"),
        ("clear", {"slice": 8}, "slice"),
        ("absent", {"slice": 8, "absent": True}, "slice"),
        ("absent", {"slice": 8}, "absent"),
        ("volume", {}, "on"),
    ],
)
def test_other_slices_need_a_volume(place, kind, body, what):
    act(place, "mark", mark())
    assert fault_of(act, place, kind, body, told_remedy=False).what == what


@pytest.mark.parametrize(
    "kind, body, what",
    [
        ("stroke", {**OFF, "slice": 13}, "slice"),
        ("mark", mark() | {"slice": 99}, "slice"),
        ("absent", {"slice": 6, "absent": True}, "slice"),
        ("stroke", {**OFF, "slice": -1}, "slice"),
        ("stroke", {**OFF, "slice": True}, "slice"),
        ("stroke", {**OFF, "slice": 8, "points": [[900, 9]]}, "points"),
        ("mark", mark(8) | {"recist": mark()["recist"][:4] * 2}, "recist"),
        ("absent", {"slice": "5", "absent": True}, "slice"),
    ],
)
def test_what_nobody_means_is_refused_and_not_kept(place, kind, body, what):
    has_volume(place)
    last = place.state(KEY).last
    assert fault_of(act, place, kind, body, told_remedy=False).what == what
    assert place.state(KEY).last == last and place.volume(KEY) is not None


def test_lesion_beyond_its_end_is_refused(place):
    has_volume(place)
    act(place, "absent", {"slice": 8, "absent": True})
    error = fault_of(act, place, "stroke", {**OFF, "value": "lesion", "slice": 9})
    assert error.what == "strokes on slice 9"
    act(place, "stroke", {**OFF, "value": "lesion", "slice": 8})
    assert place.volume(KEY).last >= 8


@pytest.mark.parametrize(
    "write, what",
    [
        (lambda folder: balls.write_series(folder, 7, skip=range(6)), "images"),
        (lambda folder: balls.write_series(folder, 13, skip=(8,)), "images"),
        (lambda folder: places.write_images(folder, 1), "images/image-0.png"),
        (lambda folder: _write_broken(folder / "a.nii"), "images/a.nii"),
    ],
)
def test_bad_images_are_told_in_a_line_and_nothing_is_lost(tmp_path, write, what):
    (tmp_path / "images").mkdir()
    write(tmp_path / "images")
    with places.workplace(tmp_path / "images", tmp_path / "out") as place:
        (key,) = place.items
        drawn = places.MARK if what.endswith(".png") else mark() | {"slice": place.slice(key)}
        act(place, "mark", drawn, key)
        error = fault_of(act, place, "volume", {"on": True}, key)
        assert error.what.endswith(what)
        assert place.state(key).name == "drawn" and not place.state(key).volume


def _write_broken(path):
    voxels = np.stack([balls.values(k) for k in range(13)], axis=-1).transpose(1, 0, 2)
    affine = np.diag([-balls.SPACING[1], -balls.SPACING[0], balls.STEP, 1.0])
    hu = voxels.astype(np.float32)
    hu[28:32, 26:30, 7] = np.nan
    return write_volume(path, hu, affine)


def test_volumes_are_made_where_soft_masks_are(place, monkeypatch):
    made, seen = volumes.label_read_volume, []

    def noted(*arguments):
        seen.append(threading.current_thread().name)
        return made(*arguments)

    monkeypatch.setattr(volumes, "label_read_volume", noted)
    has_volume(place)
    place.volume(KEY)
    assert len(seen) == 1 and seen[0].startswith("maker")


def test_the_export_is_what_the_command_label_makes_of_the_files(tmp_path):
    balls.write_series(tmp_path / "images")
    with places.workplace(tmp_path / "images", tmp_path / "out") as place:
        (key,) = place.items
        has_volume(place, key)
        act(place, "mark", mark(7), key)
        act(place, "stroke", {**OFF, "slice": 8}, key)
        act(place, "absent", {"slice": 3, "absent": True}, key)
        act(place, "decide", {"decision": "accepted"}, key)
        shown, lesion = place.volume(key), place.volume_lesion(key)
        folder = tmp_path / "out" / "anna"
        exported = export(place, folder, BatchOptions(formats=("png", "dicom")))
        assert exported.failed == [] and exported.written == 1
        (row,) = exported.volumes.rows
        assert row["volume_mm3"] == pytest.approx(shown.volume_mm3, rel=1e-6)
        assert (row["marked_slices"], row["corrected_slices"]) == ("6,7", "3,8")
        # What the page shows, what is read of the files, and what is written is one volume.
        fresh = label_lesion_volume(lesion, VolumeOptions())
        cut = encode_alpha(np.stack([shown.box.crop(plane) for plane in fresh.alpha]))
        assert np.array_equal(cut, shown.alpha[1:-1])
        assert (folder / "volumes.html").is_file() and (folder / row["sheet"]).is_file()
        assert list(folder.glob("volumes/dicom/*/*.dcm"))

        exported = export(place, folder, BatchOptions())
        (row,) = exported.volumes.rows
        assert row["soft_mask"] == f"volumes/soft_masks/{key}.nii.gz"
        assert (folder / row["soft_mask"]).is_file()
        assert exported.volumes.table.is_file()
        act(place, "volume", {"on": False}, key)
        act(place, "decide", {"decision": "accepted"}, key)
        assert export(place, folder, BatchOptions()).volumes is None
        assert not (folder / "volumes.csv").exists() and not (folder / "volumes").exists()


def test_other_slices_are_near_the_lesions_own(place, monkeypatch):
    monkeypatch.setattr(volumes, "_FARTHEST", 3)
    has_volume(place)
    error = fault_of(act, place, "absent", {"slice": 10, "absent": True})
    assert error.what == "slice" and "10" in error.found


@pytest.mark.parametrize("offset", ["", "-24"])
def test_the_lesions_of_a_table_are_volumes_of_the_values_that_it_says(tmp_path, offset):
    balls.write_nifti(tmp_path / "ball.nii.gz")
    cells = ",".join(f"{one:g}" for one in balls.axes())
    names = "x1,y1,x2,y2,x3,y3,x4,y4"
    (tmp_path / "lesions.csv").write_text(
        f"key,image,slice,hu_offset,{names}\na,ball.nii.gz,6,{offset},{cells}\n"
    )
    with places.workplace(tmp_path, tmp_path / "out") as place:
        act(place, "volume", {"on": True}, "a")
        found = place.volume("a")
        plane = balls.values(6) + float(offset or 0)
        assert np.array_equal(found.values[6 - found.start], found.box.crop(plane))
        assert found.marked == (6,) and place.state("a").name == "drawn"
        assert found.volume_mm3 == pytest.approx(balls.VOLUME, rel=0.15)


def test_a_folder_of_a_table_is_its_series(tmp_path):
    balls.write_series(tmp_path / "series")
    cells = ",".join(f"{one:g}" for one in balls.axes())
    (tmp_path / "lesions.csv").write_text(
        f"key,image,slice,x1,y1,x2,y2,x3,y3,x4,y4\na,series,6,{cells}\n"
    )
    with places.workplace(tmp_path, tmp_path / "out") as place:
        act(place, "volume", {"on": True}, "a")
        assert place.volume("a").volume_mm3 == pytest.approx(balls.VOLUME, rel=0.15)
        assert place.volume_lesion("a").slices.uid


def test_the_server_gives_planes_and_what_is_measured(place, tmp_path):
    pytest.importorskip("starlette")
    from starlette.testclient import TestClient

    from casgan_jax.annotate.server import Server

    app = Server(place, tmp_path / "out" / "anna", BatchOptions()).app
    with TestClient(app) as client:
        act(place, "mark", mark())
        answer = client.get("/api/volume", params={"key": KEY})
        assert answer.status_code == 422
        assert answer.json()["error"] == "volume: found none, expected one; make it first"
        assert client.get("/api/volume", params={"key": "x"}).status_code == 404
        has_volume(place)
        act(place, "absent", {"slice": 4, "absent": True})
        act(place, "mark", mark(7))
        answer = client.get("/api/volume", params={"key": KEY})
        about, found = json.loads(answer.headers["x-volume"]), place.volume(KEY)
        size = found.alpha.size
        assert answer.content[-size:] == found.alpha.tobytes()
        assert np.array_equal(
            np.frombuffer(answer.content[:-size], about["type"]), found.values.ravel()
        )
        assert (about["first"], about["ended"][0], about["marked"]) == (5, "marked", [6, 7])
        lesion = client.get("/api/lesion", params={"key": KEY}).json()
        assert lesion["volume"] and [one["slice"] for one in lesion["beside"]] == [4, 7]
        gone, drawn = lesion["beside"]
        assert gone["absent"] and drawn["recist"] == pytest.approx(mark(7)["recist"], abs=1e-3)
