"""One lesion of a table as a record."""

import numpy as np
import pytest

from casgan_jax.annotations import Annotation
from casgan_jax.grid import area_mean, encode_alpha
from casgan_jax.images import write_npy
from casgan_jax.labelling.label import LabelOptions, label_lesion
from datasets.lesions import LesionSource, lesion_features, make_record
from datasets.outcomes import Skip
from tests.labelling import lesions

CENTRE, RADIUS = (90.0, 60.0), 8.0


def source(annotation, **changes):
    fields = {"size": 64, "scale": 2, "image_dtype": np.uint8, "window": None, "larger": "x/128"}
    return LesionSource(annotation, **{**fields, **changes})


@pytest.fixture
def annotate(tmp_path):
    """An annotation of a bright disc, with masks of the given radii or axes."""

    def annotated(*radii, centre=CENTRE, size=lesions.SIZE, radius=RADIUS, **fields):
        image = lesions.write_image(tmp_path / "a.png", lesions.picture(radius, centre, size=size))
        files = tuple(
            lesions.write_mask(tmp_path / f"{k}.png", lesions.disc(r, centre, size))
            for k, r in enumerate(radii)
        )
        marks = (
            {} if not files else {"mask": files[0]} if len(files) == 1 else {"reader_masks": files}
        )
        return Annotation(key="one", patient="Ann", image=image, **marks, **fields)

    return annotated


def test_a_record_of_axes(annotate):
    axes = lesions.axes(RADIUS, CENTRE)
    annotation = annotate(recist=axes, spacing_mm=(0.5, 0.8))
    record = make_record(source(annotation))
    features = lesion_features(64, 2, np.uint8)
    assert record.keys() == features.keys()
    features.encode_example(record)
    corner = np.array([58, 28])
    np.testing.assert_array_equal(record["mark"], CENTRE - corner)
    np.testing.assert_array_equal(record["recist"], axes - np.tile(corner, 4))
    np.testing.assert_array_equal(record["image"], lesions.picture(RADIUS, CENTRE)[28:92, 58:122])
    label = label_lesion(annotation, LabelOptions(scale=2))
    inside = label.box.shifted(*-corner).scaled(2).crop(record["alpha"])
    np.testing.assert_array_equal(inside, encode_alpha(label.alpha))
    assert record["alpha"].sum() == inside.sum(dtype=np.int64)
    np.testing.assert_array_equal(
        record["measured_axes"], label.measured_axes - np.float32(np.tile(corner, 4))
    )
    assert record["quality"] == label.quality > 0.8
    assert (record["n_readers"], record["strategy"]) == (0, "recist")
    assert not record["reader_masks"].any()
    native = area_mean(record["alpha"] / np.float32(255), 2)
    assert (record["consensus"] != 255 * (native >= 128 / 255)).mean() < 0.001
    assert record["spacing_mm"] == pytest.approx(np.sqrt(0.4))
    np.testing.assert_array_equal(record["source_window"], [0, 255])


def test_a_record_of_a_mask_and_of_readers(annotate):
    of_mask = make_record(source(annotate(RADIUS)))
    drawn = lesions.disc(RADIUS, CENTRE)[28:92, 58:122]
    np.testing.assert_array_equal(of_mask["reader_masks"][..., 0] > 0, drawn)
    np.testing.assert_array_equal(of_mask["consensus"] > 0, drawn)
    assert (of_mask["n_readers"], of_mask["strategy"], of_mask["spacing_mm"]) == (1, "mask", 0)
    assert not of_mask["recist"].any()
    of_readers = make_record(source(annotate(7, 8, 8, 9)))
    np.testing.assert_array_equal(of_readers["consensus"] > 0, drawn)
    assert (of_readers["n_readers"], of_readers["strategy"]) == (4, "readers")
    for number, radius in enumerate((7, 8, 8, 9)):
        outline = lesions.disc(radius, CENTRE)[28:92, 58:122]
        np.testing.assert_array_equal(of_readers["reader_masks"][..., number] > 0, outline)


def test_hounsfield_units_stay_what_they_are(annotate, tmp_path):
    hu = lesions.picture(RADIUS, CENTRE).astype(np.int16) * 5 - 1000
    annotation = annotate(RADIUS)
    image = write_npy(tmp_path / "hu.npy", hu)
    ct = Annotation(key="ct", patient="p", image=image, mask=annotation.mask, hu_offset=0)
    record = make_record(source(ct, image_dtype=np.int16, window=(-1000, 400)))
    assert record["image"].dtype == np.int16
    np.testing.assert_array_equal(record["image"], hu[28:92, 58:122])
    eight_bit = make_record(source(ct, window=(-1000, 0)))
    np.testing.assert_allclose(
        eight_bit["image"], np.clip((hu[28:92, 58:122] + 1000) * 0.255, 0, 255), atol=0.51
    )
    np.testing.assert_array_equal(eight_bit["source_window"], [-1000, 0])


@pytest.mark.parametrize("centre", [(4.0, 60.0), (156.0, 158.0)])
def test_crops_stay_inside_the_image(annotate, centre):
    annotation = annotate(centre=centre, recist=lesions.axes(RADIUS, centre))
    record = make_record(source(annotation))
    corner = np.clip(np.array(centre) - 32, 0, 160 - 64)
    np.testing.assert_allclose(record["mark"], centre - corner)
    native = area_mean(record["alpha"] / np.float32(255), 2) >= 0.5
    truth = np.pad(lesions.disc(RADIUS, centre), 0)
    left, top = corner.astype(int)
    cut = truth[top : top + 64, left : left + 64]
    assert 2 * (native & cut).sum() / (native.sum() + cut.sum()) > 0.85


def test_small_images_are_continued(annotate):
    annotation = annotate(RADIUS, centre=(30.0, 20.0), size=48)
    record = make_record(source(annotation))
    picture = lesions.picture(RADIUS, (30.0, 20.0), size=48)
    np.testing.assert_array_equal(record["image"][:48, :48], picture)
    np.testing.assert_array_equal(record["image"][:48, 60], picture[:, -1])
    np.testing.assert_array_equal(record["mark"], [30, 20])
    assert not record["alpha"][96:].any() and not record["alpha"][:, 96:].any()


@pytest.mark.slow
def test_what_gives_no_record_has_its_reason(annotate, tmp_path):
    large = annotate(30, radius=30, centre=(80.0, 80.0))
    skip = make_record(source(large))
    assert skip.reason == "does not fit 64 x 64 pixels, build x/128"
    assert "a.png: 7" in skip.detail and "pixels with its border" in skip.detail
    assert make_record(source(large, larger="")).reason.endswith("no config is larger")
    assert isinstance(make_record(source(large, size=128)), dict)
    empty = lesions.write_mask(tmp_path / "empty.png", np.zeros((160, 160), bool))
    image = annotate(RADIUS).image
    for make, reason in [
        (lambda: Annotation(key="k", patient="p", image=image, mask=empty), "no mask"),
        (lambda: annotate(300), "no background"),
        (lambda: annotate(7, 7, 8, 8, 9), "more than 4 readers"),
        (lambda: annotate(recist=lesions.axes(5, (-80, 20))), "image or marks cannot be used"),
    ]:
        skip = make_record(source(make()))
        assert isinstance(skip, Skip) and skip.reason == reason
        assert skip.detail
    one = annotate(RADIUS)
    (tmp_path / "a.png").unlink()
    assert "a.png: found no such file" in make_record(source(one)).detail
    assert make_record(Skip("known", "before")) == Skip("known", "before")
