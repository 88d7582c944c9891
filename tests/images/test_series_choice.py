"""Which series of a folder is meant, and what each is called."""

from casgan_jax.images.series import find_series
from casgan_jax.images.series_choice import choose_series, series_names
from tests.faults import fault_of


def test_series_are_told_apart_and_named(write):
    write([0.0, 2.0], SeriesNumber=4, SeriesDescription="Lung")
    folder = write([0.0], uid="1.2.6", SeriesNumber=5, SeriesDescription="Scout")
    found = find_series(folder)
    assert [one.uid for one in found] == ["1.2.5", "1.2.6"]
    for wanted in ("5", "1.2.6"):
        assert choose_series(folder, found, wanted) is found[1]
    assert choose_series(folder, found[:1], None) is found[0]
    error = fault_of(choose_series, folder, found, None)
    assert error.what == str(folder)
    assert (
        error.found == "2 series" and "2 slices" in error.expected and "1 slice" in error.expected
    )
    error = fault_of(choose_series, folder, found, "9")
    assert error.what == str(folder) and "'9'" in error.found


def test_series_that_share_a_number_are_named_by_the_end_of_their_uid(write):
    write([0.0, 2.0], uid="1.2.5", SeriesNumber=4, SeriesDescription="Lung", PatientID="P1")
    write([0.0], uid="1.3.5", SeriesNumber=4, PatientID="P2")
    write([0.0], uid="1.2.7", SeriesNumber=4)
    folder = write([0.0], uid="1.2.9", SeriesNumber=7)
    found = find_series(folder)
    # 7 is a number, and ends a UID, too; 5 ends two.
    assert [one.uid for one in found] == ["1.2.5", "1.2.7", "1.2.9", "1.3.5"]
    assert series_names(found) == ["2.5", "2.7", "7", "3.5"]
    for one, name in zip(found, series_names(found), strict=True):
        assert choose_series(folder, found, name) is choose_series(folder, found, one.uid) is one
    error = fault_of(choose_series, folder, found, "4")
    assert "3 series" in error.found and "'4'" in error.found
    for told in ("2.5 (CT Lung, series 4", "patient P1", "2.7 (CT, ", "3.5 (CT, ", "patient P2"):
        assert told in error.expected
    assert "1.2.9" not in error.expected


def test_files_of_frames_that_share_their_series_are_named_by_file(write):
    for name in ("1.2.6-0.dcm", "1.2.7-0.dcm"):
        uid = name.partition("-")[0]
        folder = write([0.0], uid=uid, SeriesInstanceUID="1.2.5", NumberOfFrames=2, Rows=3)
    found = find_series(folder)
    assert series_names(found) == ["1.2.6-0.dcm", "1.2.7-0.dcm"]
