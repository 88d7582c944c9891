"""What goes into a PACS: whose it is, what it holds, and that it is refused where it would lie."""

import dataclasses
import warnings

import highdicom
import numpy as np
import pydicom
import pytest

import casgan_jax
from casgan_jax.dicom import objects
from casgan_jax.dicom.finding import place_finding
from casgan_jax.dicom.objects import KINDS, series_of, write_objects
from casgan_jax.grid import area_mean, encode_alpha
from casgan_jax.images.scan import open_stack
from tests.dicom import images
from tests.faults import fault_of
from tests.images import segmentations
from tests.images.scans import write_dicom

pytestmark = pytest.mark.slow

NAMES = ("soft", "binary", "report", "contours")


@pytest.fixture
def written(tmp_path):
    """Two slices of one series with three findings, and the datasets made of them."""
    files = [images.write_slice(tmp_path / f"{n}.dcm", n) for n in range(2)]
    findings = [
        images.finding(files[1], "top"),
        images.finding(files[0], "left", images.disc(5)),
        images.finding(files[0], "right", images.disc(6, hole=2)),
    ]
    ((name, group),) = series_of(findings).items()
    entries = write_objects(tmp_path / name, group, KINDS)
    made = {kind: pydicom.dcmread(tmp_path / name / f"{kind}.dcm") for kind in NAMES}
    return tmp_path / name, group, entries, made


def test_patient_study_and_frame_of_reference_are_the_images(written, tmp_path):
    *_, made = written
    source = pydicom.dcmread(tmp_path / "0.dcm")
    assert str(source.PatientName) == "Muster^Änne"
    for kind, dataset in made.items():
        for name in images.TAGS:
            if name.startswith(("Patient", "Study", "Accession", "Referring")):
                assert dataset[name].value == source[name].value, (kind, name)
        if kind != "report":
            assert dataset.FrameOfReferenceUID == source.FrameOfReferenceUID
        assert dataset.SeriesInstanceUID != source.SeriesInstanceUID
    assert {dataset.SeriesNumber for dataset in made.values()} == {491, 492, 493, 494}


def test_a_name_in_japanese_is_kept(tmp_path):
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    charset = ["", "ISO 2022 IR 87"]
    file = images.write_slice(tmp_path / "a.dcm", SpecificCharacterSet=charset, PatientName=name)
    ((series, group),) = series_of([images.finding(file, "läsion")]).items()
    write_objects(tmp_path / series, group, KINDS)
    for kind in NAMES:
        made = pydicom.dcmread(tmp_path / series / f"{kind}.dcm")
        assert made.PatientName == name and made.PatientName.ideographic == "山田^太郎"
    assert made.StructureSetROISequence[0].ROIName == "läsion"


def test_the_soft_segmentation_holds_the_soft_masks(written):
    folder, group, entries, made = written
    assert [one.finding.key for one in group] == ["left", "right", "top"]
    assert (made["soft"].SegmentationType, made["soft"].SegmentationFractionalType) == (
        "FRACTIONAL",
        "OCCUPANCY",
    )
    for kind in ("soft", "binary"):
        stack = open_stack(folder / f"{kind}.dcm")
        assert [segment.name for segment in stack.segments] == ["left", "right", "top"]
        for segment, one in zip(stack.segments, group, strict=True):
            assert entries[one.finding.key]["segment"] == segment.number
            (volume,) = segment.volumes
            np.testing.assert_allclose(volume.geometry.affine, one.geometry.affine)
            assert volume.geometry.frame == one.geometry.frame
            found = volume.read((slice(0, 64), slice(0, 64), slice(0, 1)))[..., 0].T
            native = one.finding.box.paste(area_mean(one.finding.alpha, 4), (64, 64))
            if kind == "soft":
                assert np.abs(found - native).max() <= 1 / 510 + 1e-6
            else:
                np.testing.assert_array_equal(found, encode_alpha(native) >= 128)


def test_highdicom_reads_them_as_they_were_written(written):
    folder, group, _, _ = written
    found = highdicom.seg.segread(folder / "soft.dcm")
    sources = [one.source.SOPInstanceUID for one in group]
    pixels = found.get_pixels_by_source_instance(sources[:1], segment_numbers=[1, 2])
    for k in range(2):
        assert np.abs(pixels[0, ..., k] - group[k].alpha).max() <= 1 / 510 + 1e-6
    (number,) = found.get_segment_numbers(tracking_id="top")
    description = found.get_segment_description(number)
    (algorithm,) = description.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (
        "casgan_jax, recist",
        casgan_jax.__version__,
    )


def test_the_report_has_the_axes_and_what_was_measured(written):
    folder, group, _, made = written
    report = highdicom.sr.srread(folder / "report.dcm").content
    drawn = report.get_image_measurement_groups()
    segments = report.get_volumetric_roi_measurement_groups()
    assert len(drawn) == len(segments) == 3
    for axes, values, one in zip(drawn, segments, group, strict=True):
        finding = one.finding
        assert axes.tracking_uid == values.tracking_uid == one.tracking_uid
        assert values.tracking_identifier == finding.key
        lengths = [item.value for item in axes.get_measurements()]
        np.testing.assert_allclose(lengths, finding.diameters_mm, atol=1e-6)
        for item, axis in zip(axes.get_measurements(), finding.axes.reshape(2, 2, 2), strict=True):
            (place,) = item.referenced_coordinates
            np.testing.assert_allclose(place.value, axis + 0.5, atol=1e-4)
            image = place.ContentSequence[0].ReferencedSOPSequence[0]
            assert image.ReferencedSOPInstanceUID == one.source.SOPInstanceUID
        found = {item.name.value: item.value for item in values.get_measurements()}
        assert found["42798000"] == pytest.approx(finding.area_mm2, abs=1e-5)
        assert (found["quality"], round(found["threshold"], 6)) == (0.875, 0.501961)
        segment = values.referenced_segment
        assert segment.referenced_sop_instance_uid == made["soft"].SOPInstanceUID


def test_labelling_again_gives_the_same_uids_and_another_lesion_others(written, tmp_path):
    *_, group, _, made = written
    lower = [dataclasses.replace(one.finding, threshold=0.3) for one in group]
    ((_, again),) = series_of(lower).items()
    write_objects(tmp_path / "again", again, KINDS)
    write_objects(tmp_path / "fewer", again[:2], KINDS)
    for kind in NAMES:
        same = pydicom.dcmread(tmp_path / "again" / f"{kind}.dcm")
        assert same.SOPInstanceUID == made[kind].SOPInstanceUID
        other = pydicom.dcmread(tmp_path / "fewer" / f"{kind}.dcm")
        assert other.SOPInstanceUID != made[kind].SOPInstanceUID
        assert other.SeriesInstanceUID == made[kind].SeriesInstanceUID


def test_what_a_network_made_does_not_take_the_place_of_what_was_matted(tmp_path):
    file = images.write_slice(tmp_path / "0.dcm")
    methods = ("recist", "mask", "network", "prediction from a mark")
    found = {}
    for method in methods:
        ((name, group),) = series_of([images.finding(file, "one", method=method)]).items()
        write_objects(tmp_path / method, group, KINDS)
        found[method] = {kind: pydicom.dcmread(tmp_path / method / f"{kind}.dcm") for kind in NAMES}
    for kind in NAMES:
        uids = {method: found[method][kind].SOPInstanceUID for method in methods}
        assert uids["recist"] == uids["mask"] != uids["network"] == uids["prediction from a mark"]
        assert len({found[method][kind].SeriesInstanceUID for method in methods}) == 1
    lesions = {found[method]["soft"].SegmentSequence[0].TrackingUID for method in methods}
    assert len(lesions) == 1


def test_many_lesions_fill_several_segmentations_and_one_report(tmp_path, monkeypatch):
    monkeypatch.setattr(objects, "_MOST_SEGMENTS", 2)
    files = [images.write_slice(tmp_path / f"{n}.dcm", n) for n in range(5)]
    ((_, group),) = series_of([images.finding(file, file.stem) for file in files]).items()
    entries = write_objects(tmp_path / "out", group, ["segmentation"])
    assert [(entries[k]["soft"], entries[k]["segment"]) for k in "01234"] == [
        ("soft.dcm", 1),
        ("soft.dcm", 2),
        ("soft-2.dcm", 1),
        ("soft-2.dcm", 2),
        ("soft-3.dcm", 1),
    ]
    report = highdicom.sr.srread(tmp_path / "out" / "report.dcm").content
    assert len(report.get_volumetric_roi_measurement_groups()) == 5


def test_a_frame_of_an_enhanced_image_is_marked_there(tmp_path):
    places = [segmentations.frame_group([0, 0, 3 * number]) for number in range(3)]
    shared = segmentations.items(
        PixelMeasuresSequence=segmentations.items(PixelSpacing=[1, 1], SliceThickness=3),
        PlaneOrientationSequence=segmentations.items(ImageOrientationPatient=segmentations.AXIAL),
    )
    stored = np.zeros((3, 64, 64), np.int16)
    enhanced_ct = "1.2.840.10008.5.1.4.1.1.2.1"
    tags = images.TAGS | {"SOPInstanceUID": f"{images.UID}.6", "SOPClassUID": enhanced_ct}
    groups = {
        "PerFrameFunctionalGroupsSequence": places,
        "SharedFunctionalGroupsSequence": shared,
    }
    file = write_dicom(tmp_path / "e.dcm", stored, **tags | groups)
    ((_, group),) = series_of([images.finding(file, frame=3)]).items()
    write_objects(tmp_path / "out", group, KINDS)
    (segment,) = open_stack(tmp_path / "out" / "soft.dcm").segments
    assert segment.volumes[0].geometry.origin.tolist() == [0, 0, 6]
    contours = pydicom.dcmread(tmp_path / "out" / "contours.dcm")
    (contour,) = contours.ROIContourSequence[0].ContourSequence
    assert contour.ContourImageSequence[0].ReferencedFrameNumber == 3


@pytest.mark.parametrize("tag", ["PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"])
def test_what_a_scanner_wrote_oddly_or_not_at_all_is_taken_over(tmp_path, tag):
    odd = {"PatientSex": "UNKNOWN", "StudyTime": "25:61"}.get(tag, "yesterday")
    for name, value in (("odd", odd), ("none", None)):
        file = tmp_path / f"{name}.dcm"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's
            images.write_slice(file, **{tag: value})
        ((_, group),) = series_of([images.finding(file)]).items()
        write_objects(tmp_path / name, group, KINDS)
        for kind in NAMES:
            data = (tmp_path / name / f"{kind}.dcm").read_bytes()
            assert (odd.encode() in data) == (name == "odd")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"StudyInstanceUID": None}, id="no StudyInstanceUID"),
        pytest.param({"FrameOfReferenceUID": None}, id="does not say where it lies"),
        pytest.param({"ImagePositionPatient": None}, id="does not say where it lies"),
        pytest.param({"PixelSpacing": None}, id="does not say where it lies"),
    ],
)
def test_an_image_that_does_not_say_whose_or_where_is_refused(tmp_path, change):
    file = images.write_slice(tmp_path / "a.dcm", **change)
    assert fault_of(place_finding, images.finding(file)).what.endswith("/a.dcm")


def test_empty_masks_and_nan_are_refused(tmp_path):
    file = images.write_slice(tmp_path / "a.dcm")
    alpha = images.disc()
    error = fault_of(place_finding, dataclasses.replace(images.finding(file), alpha=0.4 * alpha))
    assert error.what == "one" and "0.4" in error.found
    broken = alpha.copy()
    broken[3, 3] = np.nan
    error = fault_of(place_finding, dataclasses.replace(images.finding(file), alpha=broken))
    assert error.what == "one: alpha"
