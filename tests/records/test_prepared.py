from casgan_jax.records.prepared import load_split, read_metadata
from tests.faults import fault_of


def test_records_decode_only_the_wanted_features(discs):
    records = load_split(discs, "train", features=("image",))
    assert set(records[0]) == {"image"}
    assert records[0]["image"].shape == (32, 32)
    assert read_metadata(discs)["kind"] == "segmentation"


def test_a_parent_folder_with_one_data_set_will_do(discs):
    assert len(load_split(discs.parents[1], "train")) == len(load_split(discs, "train"))


def test_missing_data_names_the_command(discs, tmp_path):
    assert fault_of(load_split, tmp_path, "train").what == "data.dir"
    error = fault_of(load_split, discs, "tset", told_remedy=False)
    assert error.what == "split" and "tset" in error.found
