"""LNSM made again: DeepLesion's lung lesions, ranked, the best chosen, split by patient."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from casgan_jax.records.splits import SPLITS, split_of
from datasets.base import prepare
from datasets.lnsm.builder import Builder, Config
from tests.datasets.trees import write_deeplesion_slice
from tests.faults import fault_of
from tests.labelling import lesions
from tests.shared_data import shared_data

pytestmark = pytest.mark.slow

COLUMNS = (
    "File_name,Measurement_coordinates,Coarse_lesion_type,Possibly_noisy,Spacing_mm_px_,"
    "DICOM_windows"
)
CENTRE, RADIUS = (90.0, 60.0), 8.0


class Best3(Builder, skip_registration=True):
    """The best three lesions, so that a test needs only a few."""

    name = "lnsm"
    BUILDER_CONFIGS = [Config(name="best3", best=3, test=1, validation=1)]


def build(data_dir, manual_dir, builder=Best3, config=None, workers=0):
    path = prepare(
        builder,
        data_dir,
        config=config,
        manual_dir=manual_dir,
        workers=workers,
        show_progress=False,
    ).path
    return tfds.builder_from_directory(path)


def records_of(builder):
    return {
        record["key"].decode(): (split, record)
        for split in builder.info.splits
        for record in builder.as_data_source(split)
    }


@pytest.fixture
def tree(tmp_path):
    """Five lung lesions of five patients, two with axes beside the lesion, and rows to skip."""
    rows = []
    for patient in range(1, 6):
        series = f"{patient:06d}_01_01"
        grey = lesions.picture(RADIUS, CENTRE, seed=patient).astype(np.int16)
        write_deeplesion_slice(tmp_path, series, "007", grey * 5 - 1000)
        moved = (CENTRE[0] + (4 if patient in (2, 4) else 0), CENTRE[1])
        axes = lesions.cell(lesions.axes(RADIUS, moved))
        rows.append(f'{series}_007.png,{axes},5,0,"0.5, 0.5, 5","-175, 275"')
    axes = lesions.cell(lesions.axes(RADIUS, CENTRE))
    rows += [
        f'000001_01_01_008.png,{axes},3,0,"0.5, 0.5, 5","-175, 275"',  # another organ
        f'000001_01_01_009.png,{axes},5,1,"0.5, 0.5, 5","-175, 275"',
        f'000009_01_01_001.png,{axes},5,0,"0.5, 0.5, 5","-175, 275"',  # no such image
        '000001_01_01_010.png,"1, 2",5,0,"0.5, 0.5, 5","-175, 275"',
    ]
    (tmp_path / "DL_info.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    return tmp_path


def test_the_best_are_chosen_and_split_by_patient(tree, tmp_path):
    builder = build(tmp_path / "data", tree)
    found = records_of(builder)
    assert found.keys() == {f"00000{patient}_01_01_007" for patient in (1, 3, 5)}
    assert sorted(split for split, _ in found.values()) == sorted(SPLITS)
    for key, (_, record) in found.items():
        assert record["patient"].decode() == key[:6]
        assert record["image"].dtype == np.int16 and record["image"].shape == (128, 128)
        assert record["strategy"].decode() == "recist"
        # The table's window, the soft tissue's, does not count.
        np.testing.assert_array_equal(record["source_window"], [-1000, 400])
        assert record["spacing_mm"] == 0.5
        assert record["recist"].any() and record["measured_axes"].any()
    metadata = builder.info.metadata
    counted = {}
    for reasons in metadata["skipped"].values():
        for reason, count in reasons.items():
            counted[reason] = counted.get(reason, 0) + count
    assert counted == {
        "bad line": 1,
        "image or marks cannot be used": 1,
        "not among the best 3": 2,
        "possibly noisy axes": 1,
    }
    assert (metadata["window"], metadata["label"]) == ([-1000, 400], "alpha")
    assert metadata["sources"]["files"] == 4  # the table and three slices
    lowest = min(float(record["quality"]) for _, record in found.values())
    assert metadata["notes"][0].startswith(f"quality of the chosen: {lowest:.3f} to ")
    skipped = (builder.data_path / "skipped.csv").read_text()
    assert "000002_01_01_007,not among the best 3,quality 0." in skipped


def test_all_of_them_are_split_by_the_hash(tree, tmp_path):
    found = records_of(build(tmp_path / "data", tree, builder=Builder, config="all"))
    assert len(found) == 5
    assert all(split == split_of(key[:6]) for key, (split, _) in found.items())


def test_workers_make_the_same_choice_and_labels(tree, tmp_path):
    alone = records_of(build(tmp_path / "0", tree))
    other = records_of(build(tmp_path / "1", tree, workers=1))
    assert {key: split for key, (split, _) in alone.items()} == {
        key: split for key, (split, _) in other.items()
    }
    for key, (_, record) in alone.items():
        difference = record["alpha"].astype(int) - other[key][1]["alpha"]
        # The last bits of the solver depend on the number of threads, and may round otherwise.
        assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 1e-3
        np.testing.assert_array_equal(record["image"], other[key][1]["image"])
        assert record["quality"] == pytest.approx(other[key][1]["quality"], abs=1e-3)


def test_a_folder_without_the_table(tmp_path):
    (tmp_path / "Images_png" / "000001_01_01").mkdir(parents=True)
    assert fault_of(build, tmp_path / "data", tmp_path).what.endswith("/DL_info.csv")


def test_real_lesions(tmp_path):
    source = shared_data("deeplesion", "DL_info.csv").parent
    found = records_of(build(tmp_path / "data", source, builder=Builder))
    assert len(found) == 6  # lung lesions of three patients
    assert {split for split, _ in found.values()} == set(SPLITS)
    for _, record in found.values():
        assert record["quality"] > 0.75
        assert -1100 < np.percentile(record["image"], 5) < -500
