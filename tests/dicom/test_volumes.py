"""Lesions on many slices as objects: several segmentations, frames of one file, what is refused."""

import dataclasses

import highdicom
import numpy as np
import pydicom
import pytest

from casgan_jax.dicom import volumes
from casgan_jax.dicom.objects import KINDS
from casgan_jax.images.scan import open_stack
from casgan_jax.soft_mask.recist import axis_lengths, measure_axes
from tests.dicom import images
from tests.faults import fault_of
from tests.images import segmentations
from tests.images.scans import write_dicom

pytestmark = pytest.mark.slow

SIDE = images.SIDE


def finding(sources, key="one", **fields):
    """A lesion that is a disc, smaller towards the first and the last slice."""
    y, x = np.mgrid[:SIDE, :SIDE]
    middle = (len(sources) - 1) / 2
    radii = [9 - 2 * abs(k - middle) for k in range(len(sources))]
    alpha = np.stack([np.clip(r - np.hypot(x - 30, y - 28) + 0.5, 0, 1) for r in radii])
    alpha = (np.round(255 * alpha) / 255).astype(np.float32)
    longest = int(np.argmax(radii))
    axes = measure_axes(alpha[longest], images.THRESHOLD)
    made = volumes.VolumeFinding(
        key=key,
        sources=tuple(sources),
        alpha=alpha,
        threshold=images.THRESHOLD,
        longest=longest,
        axes=axes,
        diameters_mm=axis_lengths(axes, images.SPACING),
        volume_mm3=1234.5,
        mean_hu=-12.5,
        method="volume",
    )
    return dataclasses.replace(made, **fields)


@pytest.fixture
def files(tmp_path):
    return [(images.write_slice(tmp_path / f"{k}.dcm", k), 1) for k in range(5)]


def test_lesions_beyond_what_is_held_at_once_go_into_more_segmentations(
    files, tmp_path, monkeypatch
):
    monkeypatch.setattr(volumes, "_MOST_FRAMES", 6)
    found = [finding(files[:3], "a"), finding(files[:3], "b"), finding(files[2:], "c")]
    ((_, group),) = volumes.volumes_of_series(found).items()
    entries = volumes.write_volume_objects(tmp_path / "out", group, KINDS)
    assert [(entries[key]["soft"], entries[key]["segment"]) for key in "abc"] == [
        ("soft.dcm", 1),
        ("soft.dcm", 2),
        ("soft-2.dcm", 1),
    ]
    report = highdicom.sr.srread(tmp_path / "out" / "report.dcm").content
    groups = report.get_volumetric_roi_measurement_groups()
    assert [one.tracking_identifier for one in groups] == ["a", "b", "c"]


def test_the_same_lesion_has_the_same_uids_and_another_another(files, tmp_path):
    def uids(name, *found):
        ((_, group),) = volumes.volumes_of_series(found).items()
        volumes.write_volume_objects(tmp_path / name, group, KINDS)
        objects = (tmp_path / name).glob("*.dcm")
        return {path.name: pydicom.dcmread(path).SOPInstanceUID for path in objects}

    first = uids("a", finding(files))
    assert set(first) == {"soft.dcm", "binary.dcm", "report.dcm", "contours.dcm"}
    assert uids("b", finding(files, threshold=0.3)) == first
    assert not set(uids("c", finding(files, "two")).values()) & set(first.values())


def test_frames_of_one_file_are_marked_there(tmp_path):
    places = [segmentations.frame_group([0, 0, 3 * number]) for number in range(5)]
    shared = segmentations.items(
        PixelMeasuresSequence=segmentations.items(PixelSpacing=[1, 1], SliceThickness=3),
        PlaneOrientationSequence=segmentations.items(ImageOrientationPatient=segmentations.AXIAL),
    )
    enhanced_ct = "1.2.840.10008.5.1.4.1.1.2.1"
    tags = images.TAGS | {"SOPInstanceUID": f"{images.UID}.6", "SOPClassUID": enhanced_ct}
    tags |= {"PerFrameFunctionalGroupsSequence": places, "SharedFunctionalGroupsSequence": shared}
    file = write_dicom(tmp_path / "e.dcm", np.zeros((5, SIDE, SIDE), np.int16), **tags)
    one = finding([(file, frame) for frame in (2, 3, 4)])
    ((_, group),) = volumes.volumes_of_series([one]).items()
    volumes.write_volume_objects(tmp_path / "out", group, KINDS)
    (segment,) = open_stack(tmp_path / "out" / "soft.dcm").segments
    geometry = segment.volumes[0].geometry
    assert (geometry.origin.tolist(), geometry.size) == ([0, 0, 3], (SIDE, SIDE, 3))
    found = segment.volumes[0].read((slice(0, SIDE), slice(0, SIDE), slice(0, 3)))
    np.testing.assert_allclose(found.transpose(2, 1, 0), one.alpha, atol=1 / 510)


def test_a_lesion_below_the_threshold_is_told(files):
    faint = finding(files, alpha=finding(files).alpha * np.float32(0.4))
    error = fault_of(volumes.place_volume, faint)
    assert error.what == "one" and "0.4" in error.found and "threshold" in error.remedy
