"""Many lesions into one folder: files, table, failures, and what a second sitting does."""

import csv
import dataclasses
import json
import os

import nibabel
import numpy as np
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.files import only_process
from casgan_jax.grid import area_mean, encode_alpha
from casgan_jax.images import read_image
from casgan_jax.labelling.batch import BatchOptions, fingerprint, label_batch
from casgan_jax.labelling.label import LabelOptions, label_lesion
from casgan_jax.metrics import dice
from tests.faults import fault_of
from tests.images.scans import itk, write_volume
from tests.labelling import lesions

CENTRE, RADIUS = (90.0, 60.0), 8.0
LINES = {
    "axes": f"a.png,{lesions.cell(lesions.axes(RADIUS, CENTRE))},,",
    "outline": "a.png,,8.png,",
    "readers": "a.png,,,7.png;8.png;9.png",
    "missing": "b.png,,8.png,",
    "nothing": "a.png,,,",
}


@pytest.fixture
def folder(tmp_path):
    """A folder of one image of a disc and masks of several radii."""
    lesions.write_image(tmp_path / "a.png", lesions.picture(RADIUS, CENTRE))
    for radius in (7, 8, 9):
        lesions.write_mask(tmp_path / f"{radius}.png", lesions.disc(radius, CENTRE))
    return tmp_path


@pytest.fixture
def label(folder):
    """Labels the named lines of `LINES` into `out`, without processes."""

    def labelled(*keys, options=None, **arguments):
        return label_batch(
            table_of(folder, *keys),
            folder / "out",
            options or BatchOptions(),
            **{"workers": 0, "progress": False} | arguments,
        )

    return labelled


def table_of(folder, *keys):
    lines = [f"{key},{LINES[key]},0.5" for key in keys]
    header = "key,image,recist,mask,reader_masks,spacing_mm"
    (folder / "lesions.csv").write_text("\n".join([header, *lines]) + "\n")
    return read_annotations(folder / "lesions.csv")


def changes(folder):
    """{file: when it was written} of what lesions left."""
    files = [path for path in folder.rglob("*/*") if path.is_file()]
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


@pytest.mark.slow
def test_each_lesion_leaves_its_files_and_a_row(label, folder):
    batch = label("axes", "outline", "readers")
    out = folder / "out"
    assert [row["status"] for row in batch.rows] == ["labelled"] * 3
    annotations = read_annotations(folder / "lesions.csv").annotations
    for row, annotation in zip(batch.rows, annotations, strict=True):
        found = label_lesion(annotation)
        soft, trimap = read_image(out / row["soft_mask"]), read_image(out / row["trimap"])
        left, top, right, bottom = found.box
        native = encode_alpha(area_mean(found.alpha, found.scale))
        np.testing.assert_array_equal(soft[top:bottom, left:right], native)
        assert set(np.unique(trimap)) == {0, 128, 255}
        assert (soft[trimap == 255] == 255).all() and (soft[trimap == 0] == 0).all()
        assert soft.shape == trimap.shape == (lesions.SIZE, lesions.SIZE)
        assert soft.sum() == native.sum()  # nothing around the crop
        assert (out / row["overlay"]).is_file()
        assert row["quality"] == found.quality
        assert (row["long_mm"], row["short_mm"]) == found.diameters_mm
        assert row["long_px"] == pytest.approx(2 * row["long_mm"])
        assert row["area_mm2"] == found.area_mm2
        np.testing.assert_allclose(
            [float(x) for x in row["measured_recist"].split(",")], found.measured_axes, rtol=1e-5
        )
    axes, outline, readers = batch.rows
    assert axes["given_long_px"] == 2 * RADIUS and "given_long_px" not in outline
    assert 0.8 < axes["axes_agreement"] <= 1 and "axes_agreement" not in outline
    assert readers["readers"] == 3
    mean = read_image(out / readers["readers_mean"])
    assert set(np.unique(mean)) == {0, 85, 170, 255}
    spread = read_image(out / readers["readers_spread"])
    np.testing.assert_array_equal(spread > 0, (mean > 0) & (mean < 255))


def test_the_table_has_every_lesion_and_every_failure(label, folder):
    batch = label("axes", "missing", "nothing")
    with batch.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["key"], row["status"]) for row in rows] == [
        ("axes", "labelled"),
        ("missing", "failed"),
        ("nothing", "failed"),
    ]
    assert rows[0]["recist"] == "82,60,98,60,90,52,90,68"
    assert rows[0]["spacing_mm"] == "0.5,0.5"
    assert "b.png: found no such file" in rows[1]["reason"]
    assert "lesions.csv:4: marks: found none" in rows[2]["reason"]
    assert not rows[1]["soft_mask"] and not (folder / "out" / "records" / "missing.json").exists()


def test_a_second_sitting_does_only_what_is_missing(label, folder):
    label("axes", "missing")
    before = changes(folder / "out")
    lesions.write_image(folder / "b.png", lesions.picture(RADIUS, CENTRE))
    batch = label("axes", "missing", "outline")
    assert batch.kept == 1
    assert [row["status"] for row in batch.rows] == ["labelled"] * 3
    after = changes(folder / "out")
    assert {name: after[name] for name in before} == before
    assert batch.rows[0] == label("axes").rows[0]  # as read from its record


def touch_image(folder):
    os.utime(folder / "a.png", ns=(1, 1))


def damage_record(folder):
    (folder / "out" / "records" / "axes.json").write_text('{"fingerprint": "')


def remove_trimap(folder):
    (folder / "out" / "trimaps" / "axes.png").unlink()


@pytest.mark.parametrize("change", [touch_image, damage_record, remove_trimap])
def test_what_is_not_as_it_was_is_labelled_again(label, folder, change):
    row = label("axes").rows[0]
    assert label("axes").kept == 1
    change(folder)
    batch = label("axes")
    assert batch.kept == 0 and batch.rows == [row]
    assert label("axes").kept == 1


def test_other_options_label_again_and_leave_no_file_of_the_first(label, folder):
    label("readers")
    batch = label("readers", options=BatchOptions(formats=("npy",)))
    assert batch.kept == 0
    names = {path.name for path in (folder / "out").glob("*/*")}
    assert names == {"readers.npy", "readers.png", "readers.json"}
    assert not (folder / "out" / "soft_masks" / "readers.png").exists()
    finer = BatchOptions(scale=2)
    (row,) = label("readers", options=finer).rows
    shape = read_image(folder / "out" / row["soft_mask"]).shape
    assert shape == (2 * lesions.SIZE, 2 * lesions.SIZE)
    assert label("readers", options=finer, overwrite=True).kept == 0


def test_a_lesion_that_fails_now_leaves_nothing_of_before(label, folder):
    label("outline")
    lesions.write_mask(folder / "8.png", lesions.disc(-1, CENTRE))
    (row,) = label("outline").rows
    assert "empty mask" in row["reason"]
    assert not [path for path in (folder / "out").glob("*/outline*")]


def test_a_line_that_is_no_lesion_any_more_leaves_nothing_of_before(label, folder):
    label("outline", "readers")
    text = (folder / "lesions.csv").read_text().replace("8.png,,0.5", "8.png,,half")
    (folder / "lesions.csv").write_text(text)
    annotations = read_annotations(folder / "lesions.csv")
    options = {"workers": 0, "progress": False}
    batch = label_batch(annotations, folder / "out", BatchOptions(), **options)
    assert [row["status"] for row in batch.rows] == ["labelled", "failed"]
    assert not [path for path in (folder / "out").glob("*/outline*")] and batch.others == 0
    assert (folder / "out" / batch.rows[0]["soft_mask"]).is_file()


def test_a_line_of_a_name_that_is_taken_leaves_the_lesion_of_that_name(label, folder):
    first, second = label("outline", "outline").rows
    assert (first["status"], second["status"]) == ("labelled", "failed")
    assert first["key"] == second["key"] and "rename one" in second["reason"]
    assert (folder / "out" / first["soft_mask"]).is_file()
    assert [row["status"] for row in label("outline").rows] == ["labelled"]


def test_everything_a_label_depends_on_is_in_its_fingerprint(folder):
    annotation = table_of(folder, "readers").annotations[0]
    first = fingerprint(annotation, BatchOptions())
    assert first == fingerprint(table_of(folder, "readers").annotations[0], BatchOptions())
    others = [
        (dataclasses.replace(annotation, window=(0.0, 200.0)), BatchOptions()),
        (dataclasses.replace(annotation, spacing_mm=(0.5, 0.6)), BatchOptions()),
        (dataclasses.replace(annotation, reader_masks=annotation.reader_masks[:2]), BatchOptions()),
        (annotation, BatchOptions(formats=("npy",))),
        (annotation, BatchOptions(label=LabelOptions(threshold=0.3))),
        (annotation, BatchOptions(label=LabelOptions(readers_strategy="anchored"))),
    ]
    assert len({first, *(fingerprint(*other) for other in others)}) == 1 + len(others)
    os.utime(annotation.reader_masks[2], ns=(1, 1))
    assert fingerprint(annotation, BatchOptions()) != first
    annotation.reader_masks[2].unlink()
    assert fingerprint(annotation, BatchOptions()) == ""


def test_the_voxels_of_a_metaimage_count(folder):
    header = folder / "a.mhd"
    header.write_text(
        "ObjectType = Image\nNDims = 2\nDimSize = 4 4\nElementType = MET_UCHAR\n"
        "ElementDataFile = a.raw\n"
    )
    (folder / "a.raw").write_bytes(bytes(16))
    annotation = dataclasses.replace(table_of(folder, "outline").annotations[0], image=header)
    first = fingerprint(annotation, BatchOptions())
    os.utime(folder / "a.raw", ns=(1, 1))
    assert fingerprint(annotation, BatchOptions()) not in ("", first)


def test_the_files_of_a_series_count(folder):
    (folder / "series").mkdir()
    (folder / "series" / "a.dcm").write_bytes(bytes(16))
    annotation = dataclasses.replace(
        table_of(folder, "outline").annotations[0], image=folder / "series"
    )
    first = fingerprint(annotation, BatchOptions())
    os.utime(folder / "series" / "a.dcm", ns=(1, 1))
    assert fingerprint(annotation, BatchOptions()) not in ("", first)


def test_files_as_fine_as_the_label_hold_it_unchanged(label, folder):
    options = BatchOptions(formats=("npy",), scale=2, label=LabelOptions(scale=2))
    (row,) = label("outline", options=options).rows
    alpha = np.load(folder / "out" / row["soft_mask"])
    trimap = read_image(folder / "out" / row["trimap"])
    (annotation,) = read_annotations(folder / "lesions.csv").annotations
    found = label_lesion(annotation, LabelOptions(scale=2))
    left, top, right, bottom = (2 * edge for edge in found.box)
    np.testing.assert_array_equal(alpha[top:bottom, left:right], found.alpha)
    np.testing.assert_array_equal(trimap[top:bottom, left:right], found.trimap)


def test_nifti_knows_the_spacing(label, folder):
    (row,) = label("outline", options=BatchOptions(formats=("nifti",), scale=2)).rows
    volume = nibabel.load(folder / "out" / row["soft_mask"])
    assert volume.shape == (2 * lesions.SIZE, 2 * lesions.SIZE, 1)
    assert volume.header.get_zooms()[:2] == (0.25, 0.25)


def test_nifti_lies_where_its_image_lies_for_itk(folder):
    affine = np.diag([-0.5, -0.75, 2.0, 1.0])
    affine[:3, 3] = 10, -20, 30
    voxels = np.repeat(lesions.picture(RADIUS, CENTRE).T[..., None], 3, axis=2)
    turned = np.ascontiguousarray(voxels.transpose(2, 0, 1)[:, ::-1])  # z, -x, y
    turn = np.array([[0, -1, 0, 159], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    write_volume(folder / "v.nii.gz", turned, affine @ turn)
    (folder / "lesions.csv").write_text("key,image,slice,mask\none,v.nii.gz,1,8.png\n")
    annotations = read_annotations(folder / "lesions.csv")
    options = BatchOptions(formats=("nifti",), scale=2, label=LabelOptions(scale=2))
    out = folder / "out"
    (row,) = label_batch(annotations, out, options, workers=0, progress=False).rows
    source = itk.ReadImage(str(folder / "v.nii.gz"))
    soft = itk.ReadImage(str(out / row["soft_mask"]))
    found = itk.GetArrayFromImage(itk.Resample(soft, source, itk.Transform(), itk.sitkLinear, 0.0))
    assert not found[..., 0].any() and not found[..., 2].any()  # the source's first axis is z
    marked = found[..., 1][:, ::-1] >= 0.5  # y, -x
    assert dice(marked, lesions.disc(RADIUS, CENTRE)) > 0.9


@pytest.mark.slow
def test_processes_make_the_same_as_none(label, folder):
    alone = label("axes", "outline", "readers", "missing").rows
    shared = label("axes", "outline", "readers", "missing", workers=1, overwrite=True).rows
    assert shared == alone


def test_lesions_of_other_commands_are_counted_and_left_alone(label, folder):
    label("axes")
    batch = label("outline")
    assert (batch.others, len(batch.rows)) == (1, 1)
    assert (folder / "out" / "soft_masks" / "axes.png").exists()


def test_an_unfinished_run_leaves_no_table_and_no_page(label, folder, monkeypatch):
    label("axes")
    (folder / "out" / "trimaps" / ".axes.png.part").write_bytes(b"half")

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("casgan_jax.labelling.batch.write_lesion", stopped)
    with pytest.raises(KeyboardInterrupt):
        label("axes", "outline")
    assert not list((folder / "out").glob("*.csv")) + list((folder / "out").glob("*.html"))
    assert not list((folder / "out").rglob("*.part"))
    monkeypatch.undo()
    batch = label("axes", "outline")
    assert batch.kept == 1 and batch.table.exists() and batch.pages[0].exists()


def test_a_mistake_of_the_program_says_which_lesion_it_was(label, monkeypatch):
    def mistaken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("casgan_jax.labelling.batch.label_read_lesion", mistaken)
    with pytest.raises(ZeroDivisionError) as caught:
        label("axes")
    assert caught.value.__notes__[0].startswith("while labelling axes of ")


def test_options_and_folders_that_cannot_be(label, folder):
    error = fault_of(label, "axes", options=BatchOptions(formats=("jpeg",)), told_remedy=False)
    assert error.what == "format"
    error = fault_of(label, "axes", options=BatchOptions(label=LabelOptions(threshold=1.5)))
    assert error.what == "threshold" and error.found == "1.5"
    error = fault_of(label, "axes", options=BatchOptions(scale=3), told_remedy=False)
    assert error.what == "scale" and error.found.startswith("3")
    assert not (folder / "out").exists()
    label("axes")
    with only_process(folder / "out" / ".lock", "labelling", field="output"):
        assert fault_of(label, "axes").what.endswith("/.lock")
    assert (folder / "out" / "labels.csv").exists()


def test_a_file_in_the_place_of_a_folder_is_told(label, folder):
    (folder / "out").mkdir()
    (folder / "out" / "trimaps").write_text("")
    assert fault_of(label, "axes").what == "output"


def test_records_hold_numbers_that_json_knows(label, folder):
    label("axes")
    text = (folder / "out" / "records" / "axes.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["row"]["key"] == "axes"


@pytest.mark.parametrize(("letters", "status"), [(100, "labelled"), (101, "failed")])
def test_names_are_as_long_as_file_systems_bear(folder, letters, status):
    table_of(folder, "outline")
    key = letters * "\N{LATIN SMALL LETTER E WITH ACUTE}"
    text = (folder / "lesions.csv").read_text().replace("\noutline", f"\n{key}")
    (folder / "lesions.csv").write_text(text, encoding="utf-8")
    annotations = read_annotations(folder / "lesions.csv")
    batch = label_batch(annotations, folder / "out", BatchOptions(), workers=0, progress=False)
    assert [row["status"] for row in batch.rows] == [status]
