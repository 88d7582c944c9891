"""LIDC-IDRI from DICOM series and the readers' XML."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from hypothesis import given

from casgan_jax.errors import UserError
from casgan_jax.records.splits import split_of
from datasets.base import prepare
from datasets.lidc import tcia
from datasets.lidc.builder import Builder
from datasets.lidc.clustering import cluster_marks
from datasets.lidc.outlines import fill_outlines
from datasets.lidc.reading import RATINGS, Mark, Outline, read_readers
from datasets.outcomes import Skip
from datasets.samples import samples_sheet
from tests.datasets.tcia import (
    THICKNESS,
    Nodule,
    Roi,
    ct_slice,
    image_uid,
    inside_of,
    nodule_of,
    outline_of,
    write_series,
    write_slice,
    write_xml,
    z_mm,
)
from tests.datasets.trees import disc
from tests.faults import fault_of
from tests.test_fuzz import damages, fuzz

UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.1001"
SQUARE = [(x, 10) for x in range(10, 20)] + [(20, y) for y in range(10, 20)]
SQUARE += [(x, 20) for x in range(20, 10, -1)] + [(10, y) for y in range(20, 10, -1)]


def outline(points, z=0.0, inclusion=True):
    return Outline(f"1.{z}", z, inclusion, np.array(points, np.int32))


def test_the_outline_is_outside_the_nodule():
    expected = np.zeros((32, 32), bool)
    expected[11:20, 11:20] = True
    np.testing.assert_array_equal(fill_outlines([outline(SQUARE)], (32, 32)), expected)
    hole = [(14, 14), (15, 14), (16, 14), (16, 15), (16, 16), (15, 16), (14, 16), (14, 15)]
    expected[14:17, 14:17] = False
    with_hole = [outline(hole, inclusion=False), outline(SQUARE)]  # in whichever order
    np.testing.assert_array_equal(fill_outlines(with_hole, (32, 32)), expected)


@pytest.mark.parametrize("radius", [2, 5, 9])
def test_masks_are_the_inside_of_outlines(radius):
    drawn = disc(radius, (30, 20), size=64)
    found = fill_outlines([outline(outline_of(drawn))], drawn.shape)
    np.testing.assert_array_equal(found, inside_of(drawn))


def test_an_outline_without_an_inside_is_empty():
    assert not fill_outlines([outline([(5, 5), (6, 5), (6, 6), (5, 6)])], (16, 16)).any()


def mark(reader, x, y, zs=(0.0,)):
    points = np.add(SQUARE, (x, y))
    return Mark(reader, tuple(outline(points, z) for z in zs), (3,) * len(RATINGS))


def grouped(marks, tolerance_mm=2.5):
    groups = cluster_marks(marks, spacing_mm=0.5, tolerance_mm=tolerance_mm)
    numbers = {id(mark): number for number, mark in enumerate(marks)}
    return [[numbers[id(mark)] for mark in group] for group in groups]


def test_marks_that_are_near_are_of_one_nodule():
    # From 10 to 20 px: the second begins 1 mm beyond the first, the third one slice above it.
    marks = [mark(0, 0, 0), mark(1, 12, 0), mark(2, 12, 0, (2.5,)), mark(3, 60, 60)]
    assert grouped(marks) == [[0, 1, 2], [3]]
    assert grouped(marks, tolerance_mm=1.0) == [[0, 1], [2], [3]]
    assert grouped([]) == []


def test_two_marks_of_a_reader_are_two_nodules_if_they_can_be():
    apart = [mark(0, 0, 0), mark(1, 0, 0), mark(0, 13, 0), mark(1, 13, 0)]  # 1.5 mm
    assert grouped(apart) == [[0, 1], [2, 3]]
    assert grouped([mark(0, 0, 0), mark(0, 5, 0)]) == [[0, 1]]  # they cross


def test_the_xml_is_read(tmp_path):
    small = Nodule([Roi(0, [(7, 8)])], ratings=None)
    holed = Nodule([Roi(1, SQUARE), Roi(1, SQUARE[:5], inclusion=False)])
    path = write_xml(tmp_path / "a.xml", UID, [[holed, small], []], non_nodules=2)
    reading = read_readers(path)
    assert reading.series_uid == UID
    assert reading.without_outline == 1 + 2 * 2
    (found,) = reading.marks
    assert (found.reader, found.ratings) == (0, (5, 1, 6, 3, 3, 3, 4, 5, 5))
    assert [o.inclusion for o in found.outlines] == [True, False]
    first = found.outlines[0]
    assert (first.image_uid, first.z_mm) == (image_uid(UID, 1), z_mm(1))
    np.testing.assert_array_equal(first.points, SQUARE)


BAD_XML = [
    pytest.param(lambda text: text[:300], id="no XML"),
    pytest.param(lambda text: "", id="no XML no element found"),
    pytest.param(
        lambda text: text.replace("LidcReadMessage", "IdriReadMessage"),
        id="element IdriReadMessage",
    ),
    pytest.param(
        lambda text: text.replace("SeriesInstanceUid", "Uid"), id="no ResponseHeader/SeriesInst"
    ),
    pytest.param(lambda text: text.replace("<xCoord>10<", "<xCoord>ten<"), id="xCoord ten"),
    pytest.param(lambda text: text.replace("<xCoord>10<", "<xCoord>nan<"), id="xCoord nan"),
    pytest.param(lambda text: text.replace("<yCoord>10</yCoord>", ""), id="no yCoord"),
    pytest.param(lambda text: text.replace("imageSOP_UID", "UID"), id="no imageSOP_UID"),
    pytest.param(lambda text: text.replace("<margin>3<", "<margin>?<"), id="margin ?"),
]


@pytest.mark.parametrize("change", BAD_XML)
def test_xml_that_cannot_be_used_gets_its_line(tmp_path, change):
    path = write_xml(tmp_path / "a.xml", UID, [[Nodule([Roi(0, SQUARE)])]])
    path.write_text(change(path.read_text()))
    error = fault_of(read_readers, path)
    assert error.what.endswith("/a.xml")
    assert error.what.startswith(str(path))


def build(root, config="tcia", **options):
    path = prepare(
        Builder,
        root.parent / "data",
        config=config,
        manual_dir=root,
        workers=0,
        show_progress=False,
        **options,
    ).path
    return path, tfds.builder_from_directory(path)


@pytest.mark.slow
def test_build_from_dicom_and_xml(tmp_path):
    root = tmp_path / "LIDC-IDRI"
    centres = {"LIDC-IDRI-0001": (100, 60), "LIDC-IDRI-0002": (20, 30), "LIDC-IDRI-0005": (80, 80)}
    for number, (patient, centre) in enumerate(centres.items()):
        write_series(root, patient, f"{UID}{number}", centre=centre)
    path, builder = build(root)
    assert path == tmp_path / "data" / "lidc" / "tcia" / "1.0.0"
    metadata = builder.info.metadata
    assert (metadata["window"], metadata["scale"], metadata["skipped"]) == ([-1000, 400], 4, {})
    assert metadata["ratings"] == list(RATINGS)
    assert metadata["notes"] == [
        "3 CT series with their readers' XML, 3 CT series",
        "12 marks of nodules below 3 mm and of non-nodules have no outline: left out",
    ]
    records = [r for split in builder.info.splits for r in builder.as_data_source(split)]
    assert len(records) == 6
    for record in records:
        patient = record["patient"].decode()
        _, scan, nodule, name = record["key"].decode().split("/")
        assert (scan, nodule) == ("scan-0", "nodule-0")
        index = int(name.removeprefix("slice-")) + 1  # the nodule begins on the second slice
        assert record["z_mm"] == z_mm(index)
        assert record["spacing_mm"] == np.float32(0.7)
        assert record["image"].dtype == np.int16
        # The mark is the nodule's centre, and the image around it is what the scanner saw, in HU.
        centre, mark = np.array(centres[patient]), record["mark"]
        left, top = (centre - mark).astype(int)
        hu = ct_slice(centre, 5 + index, seed=index)[top : top + 128, left : left + 128]
        np.testing.assert_array_equal(record["image"], hu)
        # Four readers, who differ by a pixel of radius, each in his own plane.
        drawn = [disc(5 + index + d, mark, size=128) for d in (-1, 0, 0, 1)]
        expected = [inside_of(mask) for mask in drawn]
        np.testing.assert_array_equal(record["reader_masks"] > 0, np.stack(expected, axis=2))
        np.testing.assert_array_equal(record["consensus"] > 0, expected[1])
        assert (record["n_readers"], record["ratings"].shape) == (4, (4, 9))
    assert {split_of(r["patient"].decode()) for r in records} == set(builder.info.splits)
    assert samples_sheet(path).ndim == 3
    assert metadata["sources"]["files"] == 3 + 6  # the XML, and the slices that were used


@pytest.mark.slow
def test_what_is_left_out_has_its_reason(tmp_path):
    root = tmp_path / "LIDC-IDRI"
    uids = [f"{UID}{number}" for number in range(9)]
    good = write_series(root, "LIDC-IDRI-0001", uids[0])
    write_series(root, "LIDC-IDRI-0003", uids[1], xml=False)
    write_xml(root / "158.xml", uids[2], [[nodule_of((100, 60), 0)]])
    (root / "159.xml").write_text("<torn")
    short = write_series(root, "LIDC-IDRI-0004", uids[3])
    (short / "1-003.dcm").unlink()
    torn = write_series(root, "LIDC-IDRI-0006", uids[4])
    (torn / "1-003.dcm").write_bytes((torn / "1-003.dcm").read_bytes()[:-1000])
    beyond = write_series(root, "LIDC-IDRI-0007", uids[5], xml=False)
    far = Nodule([Roi(1, outline_of(disc(6, (156, 60), size=300)))])
    write_xml(beyond / "069.xml", uids[5], [[far], [far]])
    flat = write_series(root, "LIDC-IDRI-0008", uids[6])
    for index, path in enumerate(sorted(flat.glob("*.dcm"))):
        hu = np.zeros((160, 160), np.int32)
        write_slice(path, uids[6], index, hu, SliceThickness=None)
    chest_film = root / "LIDC-IDRI-0001" / "film"
    chest_film.mkdir()
    write_slice(chest_film / "1.dcm", uids[7], 0, np.zeros((9, 9), np.int32), Modality="DX")
    path, builder = build(root)
    reasons = {}
    for line in (path / "skipped.csv").read_text().splitlines()[1:]:
        _, key, reason, detail = line.split(",", 3)
        reasons.setdefault(reason, []).append((key, detail))
    assert {reason: len(found) for reason, found in reasons.items()} == {
        "XML without its DICOM series": 2,  # one of them of the series that cannot be read
        "outline outside the image": 1,
        "series without readers' XML": 1,
        "slice missing from its series": 1,
        "unreadable XML": 1,
        "unreadable image": 1,
        "unreadable series": 1,
    }
    assert reasons["XML without its DICOM series"][0][0] == "158.xml"
    assert image_uid(uids[3], 2) in reasons["slice missing from its series"][0][1]
    assert "found SliceThickness None" in reasons["unreadable series"][0][1]
    assert sum(info.num_examples for info in builder.info.splits.values()) == 4
    assert good.is_dir()


def test_nothing_but_xml_is_told_in_one_line(tmp_path):
    root = tmp_path / "xml"
    root.mkdir()
    write_xml(root / "158.xml", UID, [[nodule_of((100, 60), 0)]])
    error = fault_of(build, root, in_form=False)
    assert error.what == "lidc" and "158.xml" in error.remedy
    (root / "158.xml").rename(root / "158.txt")
    assert fault_of(build, root).what.endswith("/xml")


def tasks_of(root):
    builder = Builder(data_dir=root.parent / "data", config="tcia")
    builder.workers, builder.show_progress = 0, False
    return builder.tasks(root)


def task_arguments(root, key):
    return {task.key: task.arguments for task in tasks_of(root)}[key]


@pytest.mark.slow
def test_readers_who_marked_nothing_on_a_slice_do_not_count(tmp_path):
    root = tmp_path / "LIDC-IDRI"
    folder = write_series(root, "LIDC-IDRI-0001", UID, xml=False)
    rated = [nodule_of((100, 60), delta, rating) for delta, rating in ((0, 2), (1, 3), (-1, 4))]
    rated[1].rois = rated[1].rois[1:]  # not on the first slice
    write_xml(folder / "069.xml", UID, [[nodule] for nodule in rated])
    first = tcia.make_record(task_arguments(root, "LIDC-IDRI-0001/scan-0/nodule-0/slice-000"))
    assert first["n_readers"] == 2
    np.testing.assert_array_equal(first["ratings"][:, 0], [2, 4, 0, 0])
    last = tcia.make_record(task_arguments(root, "LIDC-IDRI-0001/scan-0/nodule-0/slice-001"))
    np.testing.assert_array_equal(last["ratings"][:, 0], [2, 3, 4, 0])


def test_a_patient_with_two_scans(tmp_path):
    root = tmp_path / "LIDC-IDRI"
    for number in (1, 0):
        write_series(root, "LIDC-IDRI-0001", f"{UID}{number}")
    keys = [task.key for task in tasks_of(root)]
    assert len(set(keys)) == 4
    assert task_arguments(root, "LIDC-IDRI-0001/scan-1/nodule-0/slice-000").series.uid == f"{UID}1"


def test_a_nodule_that_is_too_wide(tmp_path):
    root = tmp_path / "LIDC-IDRI"
    folder = write_series(root, "LIDC-IDRI-0001", UID, xml=False)
    wide = Nodule([Roi(1, outline_of(disc(70, (80, 80), size=160)))])
    write_xml(folder / "069.xml", UID, [[wide], [wide]])
    skip = tcia.make_record(task_arguments(root, "LIDC-IDRI-0001/scan-0/nodule-0/slice-000"))
    assert isinstance(skip, Skip) and skip.reason == "nodule does not fit the crop"


def test_a_damaged_file_does_not_hide_the_others(tmp_path):
    root = tmp_path / "LIDC-IDRI"
    folder = write_series(root, "LIDC-IDRI-0001", UID)
    (folder / "1-002.dcm").write_bytes(b"torn")
    keys = [f"LIDC-IDRI-0001/scan-0/nodule-0/slice-00{index}" for index in (0, 1)]
    torn = task_arguments(root, keys[0])
    whole = tcia.make_record(task_arguments(root, keys[1]))
    assert torn.reason == "slice missing from its series"
    assert str(folder / "1-002.dcm") in torn.detail
    assert whole["n_readers"] == 4


@fuzz(max_examples=100)
@given(damages())
def test_damaged_xml_gives_a_reading_or_a_line(tmp_path_factory, apply):
    folder = tmp_path_factory.mktemp("fuzz")
    path = write_xml(folder / "a.xml", UID, [[Nodule([Roi(0, SQUARE)])]], non_nodules=1)
    path.write_bytes(apply(path.read_bytes()))
    try:
        reading = read_readers(path)
    except UserError as error:
        line = str(error)
        assert line.startswith(str(path)) and "\n" not in line
        return
    for found in reading.marks:
        assert all(o.points.shape[1] == 2 and np.isfinite(o.z_mm) for o in found.outlines)
        cluster_marks([found], spacing_mm=0.7, tolerance_mm=1.0)


def test_four_agreeing_readers_are_told_from_fewer(tmp_path):
    root = tmp_path / "LIDC-IDRI"
    write_series(root, "LIDC-IDRI-0001", UID)
    source = task_arguments(root, "LIDC-IDRI-0001/scan-0/nodule-0/slice-000")
    assert tcia.readers_agree(source)
    assert not tcia.readers_agree(source._replace(marks=source.marks[:3]))
    assert not tcia.readers_agree(source._replace(path="none.dcm"))
    assert source.series.thickness_mm == THICKNESS
