"""DICOM: what the values mean, and the line of each file that is no grey image."""

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.pixels import get_decoder
from pydicom.uid import JPEGLosslessSV1, RLELossless

from casgan_jax.images import open_stack, read_scan
from tests.faults import fault_of
from tests.images.scans import HU, dicom, noise, write_dicom
from tests.shared_data import shared_data


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.dcm"


def published(name):
    return get_testdata_file(name, download=False)


def test_the_published_ct_slice_is_in_hu():
    path = published("CT_small.dcm")
    scan = read_scan(path)
    dataset = pydicom.dcmread(path)
    stored = np.frombuffer(dataset.PixelData, "<i2").reshape(128, 128)
    np.testing.assert_array_equal(scan.values, stored - 1024)
    assert scan.values.dtype == np.int16
    assert (scan.unit, scan.window, scan.spacing_mm) == ("HU", None, (0.661468, 0.661468))


def test_the_published_mr_slice_is_stored_values_with_its_window():
    for name in ("MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"):
        scan = read_scan(published(name))
        assert scan.values.dtype == np.int16 and scan.unit == "stored"
        assert (scan.values.min(), scan.values.max()) == (127, 2145)
        assert scan.window == (-200, 1399)  # WindowCenter 600, WindowWidth 1600
        assert scan.spacing_mm == (0.3125, 0.3125)


def test_spacing_is_that_of_rows_then_columns(path):
    write_dicom(path, noise((5, 7)), PixelSpacing=[2.5, 0.5])
    assert read_scan(path).spacing_mm == (2.5, 0.5)
    write_dicom(path, noise((5, 7)), ImagerPixelSpacing=[2.5, 0.5])
    assert read_scan(path).spacing_mm is None


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [("1", "-1024", np.int16), ("2", "-1024", np.int16), ("0.5", "-1000.25", np.float32)],
)
def test_slope_and_intercept_give_hu(path, slope, intercept, dtype):
    stored = noise((5, 7), 0, 4096, np.uint16)
    write_dicom(path, stored, Modality="CT", RescaleSlope=slope, RescaleIntercept=intercept)
    scan = read_scan(path)
    assert scan.values.dtype == dtype and scan.unit == "HU"
    np.testing.assert_array_equal(scan.values, stored * float(slope) + float(intercept))


def test_hu_beyond_16_bits_stay_exact(path):
    stored = np.array([[0, 65535]], np.uint16)
    scan = read_scan(write_dicom(path, stored, **HU))
    assert scan.values.dtype == np.float32
    np.testing.assert_array_equal(scan.values, [[-1024, 64511]])


def test_rescaling_of_other_modalities_applies_to_values_as_the_window_does(path):
    stored = noise((5, 7), 0, 4096, np.uint16)
    tags = {"RescaleSlope": "2", "RescaleIntercept": "10", "WindowCenter": "500"}
    scan = read_scan(write_dicom(path, stored, WindowWidth="201", **tags))
    np.testing.assert_array_equal(scan.values, stored * 2 + 10)
    assert (scan.unit, scan.window) == ("stored", (399.5, 599.5))


def test_a_modality_table_is_looked_up(path):
    table = Dataset()
    table.LUTDescriptor = [4, 10, 16]
    table.ModalityLUTType = "US"
    table.LUTData = np.array([0, 100, 250, 999], "<u2").tobytes()
    table["LUTData"].VR = "OW"
    table["LUTDescriptor"].VR = "US"
    stored = np.array([[0, 10, 11], [12, 13, 200]], np.uint16)
    scan = read_scan(write_dicom(path, stored, ModalityLUTSequence=[table]))
    np.testing.assert_array_equal(scan.values, [[0, 0, 100], [250, 999, 999]])


@pytest.mark.parametrize(
    ("function", "window"),
    [(None, (-160, 239)), ("LINEAR", (-160, 239)), ("LINEAR_EXACT", (-160, 240))],
)
def test_the_first_window_counts(path, function, window):
    tags = {"WindowCenter": ["40", "9"], "WindowWidth": ["400", "8"], "VOILUTFunction": function}
    assert read_scan(write_dicom(path, noise((5, 7)), **tags)).window == window


def test_a_window_without_width_is_none(path):
    tags = {"WindowCenter": "40", "WindowWidth": "1"}
    assert read_scan(write_dicom(path, noise((5, 7)), **tags)).window is None
    assert read_scan(write_dicom(path, noise((5, 7)), WindowCenter="40")).window is None


def test_low_values_shown_bright_are_turned_round_with_their_window(path):
    stored = noise((5, 7), 0, 4096, np.uint16)
    grey = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12}
    window = {"WindowCenter": "1000.5", "WindowWidth": "201"}
    scan = read_scan(write_dicom(path, stored, **grey, **window))
    np.testing.assert_array_equal(scan.values, 4095 - stored)
    assert scan.values.dtype == np.uint16 and scan.window == (4095 - 1100, 4095 - 900)
    grey["BitsStored"] = 8
    byte = read_scan(write_dicom(path, stored.astype(np.uint8), **grey))
    np.testing.assert_array_equal(byte.values, 255 - stored.astype(np.uint8))
    assert byte.window == (0, 255)
    scaled = {"RescaleSlope": "2", "RescaleIntercept": "-5", "BitsStored": 12}
    scan = read_scan(write_dicom(path, stored, **grey | scaled))
    np.testing.assert_array_equal(scan.values, (4095 - stored.astype(int)) * 2 - 5)


def test_hu_are_never_turned_round(path):
    stored = noise((5, 7))
    scan = read_scan(write_dicom(path, stored, **HU, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(scan.values, stored - 1024)


def test_bits_that_are_not_stored_are_ignored(path):
    stored = noise((5, 7), 0, 4096, np.uint16)
    scan = read_scan(write_dicom(path, stored | np.uint16(0x3000), BitsStored=12))
    np.testing.assert_array_equal(scan.values, stored)


def test_frames_are_slices(path):
    frames = noise((3, 5, 7))
    write_dicom(path, frames, **HU)
    assert open_stack(path).count == 3
    for index in range(3):
        scan = read_scan(path, slice_index=index)
        np.testing.assert_array_equal(scan.values, frames[index] - 1024)


def group(**sequences):
    """An item of a functional group sequence: {name of a sequence: tags of its only item}."""
    holder = Dataset()
    for name, tags in sequences.items():
        item = Dataset()
        for tag, value in tags.items():
            setattr(item, tag, value)
        setattr(holder, name, [item])
    return holder


def test_frames_of_an_enhanced_ct_have_their_own_rescaling(path):
    frames = noise((2, 5, 7))
    rescaling = [
        {"RescaleSlope": slope, "RescaleIntercept": "-1000", "RescaleType": "HU"}
        for slope in ("1", "2")
    ]
    write_dicom(
        path,
        frames,
        Modality="CT",
        SharedFunctionalGroupsSequence=[group(PixelMeasuresSequence={"PixelSpacing": [2, 3]})],
        PerFrameFunctionalGroupsSequence=[
            group(PixelValueTransformationSequence=each) for each in rescaling
        ],
    )
    for index, slope in enumerate((1, 2)):
        scan = read_scan(path, slice_index=index)
        np.testing.assert_array_equal(scan.values, frames[index] * slope - 1000)
        assert (scan.unit, scan.spacing_mm) == ("HU", (2, 3))


def test_run_length_coding_is_decoded(path):
    stored = noise((5, 7))
    dataset = dicom(path, stored, **HU)
    dataset.compress(RLELossless)
    dataset.save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(read_scan(path).values, stored - 1024)


BAD_TAGS = [
    pytest.param({"Modality": "CT"}, id="both"),
    pytest.param({"Modality": "CT", "RescaleSlope": "1"}, id="a CT image without"),
    pytest.param(HU | {"RescaleSlope": ""}, id="a CT image without RescaleSlope"),
    pytest.param(HU | {"RescaleSlope": "0"}, id="RescaleSlope 0"),
    pytest.param({"PixelSpacing": [0, 1]}, id="two positive numbers"),
    pytest.param({"PhotometricInterpretation": "RGB"}, id="PhotometricInterpretation RGB"),
    pytest.param(
        {"PhotometricInterpretation": "PALETTE COLOR"}, id="PhotometricInterpretation PALETTE"
    ),
    pytest.param({"PhotometricInterpretation": None}, id="PhotometricInterpretation None"),
    pytest.param({"Rows": 50}, id="70 vs 700 bytes"),
    pytest.param({"NumberOfFrames": -2}, id="1 to 100000"),
    pytest.param({"SamplesPerPixel": None}, id="Missing required element 0028 0002"),
]


@pytest.mark.parametrize("tags", BAD_TAGS)
def test_tags_that_make_no_image(path, tags):
    error = fault_of(read_scan, write_dicom(path, noise((5, 7)), **tags))
    assert error.what == str(path)


def test_files_without_pixels(path):
    dataset = dicom(path, noise((5, 7)))
    del dataset.PixelData
    dataset.save_as(path)
    error = fault_of(read_scan, path)
    assert error.what.endswith("/scan.dcm") and "MR" in error.found
    dataset.EncryptedAttributesSequence = [Dataset()]
    dataset.save_as(path)
    assert fault_of(read_scan, path).what.endswith("/scan.dcm")
    path = published("test-SR.dcm")
    error = fault_of(read_scan, path, varies=True)  # its folder is pydicom's
    assert error.what == str(path) and "'SR'" in error.found


def test_an_encrypted_envelope(path):
    path.write_bytes(bytes.fromhex("308006092a864886f70d010703a0803080020100") + bytes(200))
    assert fault_of(read_scan, path).what.endswith("/scan.dcm")


def test_compression_that_nothing_decodes_is_named(path):
    dataset = dicom(path, noise((5, 7)))
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(8)])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = "1.2.3.4"
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    error = fault_of(read_scan, path)
    assert error.what.endswith("/scan.dcm") and "1.2.3.4" in error.found
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    dataset.save_as(path)
    error = fault_of(read_scan, path, varies=True)  # by the decoders that are installed
    assert error.what == str(path) and "python-gdcm" in error.remedy


def test_a_truncated_file():
    path = published("MR_truncated.dcm")
    error = fault_of(read_scan, path, varies=True)  # its folder is pydicom's
    assert error.what == str(path) and "8130" in error.found and "8192" in error.found


def bare(path, dataset, *, implicit=True, little=True):
    """A data set without preamble and header, as some scanners write it."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, little
    write_dataset(buffer, dataset)
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize("name", ["scan.dcm", "scan", "IM0001"])
@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_preamble(tmp_path, name, implicit):
    stored = noise((5, 7))
    path = bare(tmp_path / name, dicom("a", stored, **HU), implicit=implicit)
    np.testing.assert_array_equal(read_scan(path).values, stored - 1024)


def test_grey_that_is_stored_as_colour(path):
    grey = noise((5, 7), 0, 255, np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=2)
    tags = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": 0}
    write_dicom(path, grey, **tags, PixelData=colour.tobytes())
    np.testing.assert_array_equal(read_scan(path).values, grey)
    colour[0, 0, 1] ^= 1
    write_dicom(path, grey, **tags, PixelData=colour.tobytes())
    assert fault_of(read_scan, path).what.endswith("/scan.dcm")


def damaged_tag(path, tag, value):
    """The same file with a tag that is no number."""
    dataset = pydicom.dcmread(path)
    tag = pydicom.tag.Tag(tag)
    dataset[tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)
    dataset.save_as(path)
    return path


def test_what_is_known_otherwise_need_not_be_right(path):
    stored = noise((5, 7))
    for tags, field in [
        (HU | {"PixelSpacing": [0, 0]}, "spacing_mm"),
        ({"Modality": "CT"}, "hu_offset"),
        (HU | {"RescaleSlope": "0"}, "hu_offset"),
    ]:
        write_dicom(path, stored, **tags)
        error = fault_of(read_scan, path)
        assert error.what == str(path) and f"`{field}`" in error.remedy
        scan = read_scan(path, known=[field])
        unit = "stored" if field == "hu_offset" else "HU"
        assert (scan.unit, scan.spacing_mm, scan.geometry) == (unit, None, None)
        assert list(scan.faults) == [field]
    for tag, field in [(0x00280030, "spacing_mm"), (0x00281050, "window")]:
        write_dicom(path, stored, PixelSpacing=[1, 1], WindowCenter="1", WindowWidth="9")
        damaged_tag(path, tag, b"0,7\\0,7 ")
        assert fault_of(read_scan, path).what.endswith("/scan.dcm")
        np.testing.assert_array_equal(read_scan(path, known=[field]).values, stored)


def test_a_geometry_does_not_need_a_thickness(path):
    tags = {"ImagePositionPatient": [0, 0, 0], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    write_dicom(path, noise((5, 7)), **tags, PixelSpacing=[1, 1], SliceThickness="2")
    damaged_tag(path, 0x00180050, b"2,5 ")
    assert read_scan(path).geometry.spacing[2] == 1


SYNTAXES = ("explicit_le", "deflated", "rle", "jpeg2000", "jpeg_lossless", "jpeg_ls")


@pytest.mark.parametrize("name", SYNTAXES)
def test_codings_of_one_slice_are_equal_or_name_the_decoder(name):
    expected = read_scan(shared_data("dicom", "syntaxes", "explicit_le.dcm"))
    path = shared_data("dicom", "syntaxes", f"{name}.dcm")
    syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    if not get_decoder(syntax).is_available:
        error = fault_of(read_scan, path, varies=True)  # by the decoders that are installed
        assert error.what == str(path) and "python-gdcm" in error.remedy
        return
    np.testing.assert_array_equal(read_scan(path).values, expected.values)
