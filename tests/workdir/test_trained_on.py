"""What a run learns from is kept, compared by content, and joined where another is accepted."""

import pytest

from casgan_jax.workdir.trained_on import TrainedOn, keep_data, of_weights, read_data, trained_on
from tests.faults import fault_of

FIRST = {
    "srgan": TrainedOn("a" * 64, frozenset({"ann"})),
    "softgan": TrainedOn("b" * 64, frozenset({"bob"})),
}
OTHER = {**FIRST, "softgan": TrainedOn("c" * 64, frozenset({"cleo"}))}


def begin(workdir, *finished):
    assert keep_data(FIRST, workdir) == []
    for stage in FIRST:
        (workdir / stage / "checkpoints" / "5").mkdir(parents=True)
    for stage in finished:
        (workdir / stage / "result.json").write_text("{}")
    return workdir


def test_a_run_goes_on_with_its_own_data(tmp_path):
    begin(tmp_path)
    assert keep_data(FIRST, tmp_path) == []
    assert read_data(tmp_path) == FIRST


def test_before_the_first_checkpoint_the_data_may_change(tmp_path):
    keep_data(FIRST, tmp_path)
    assert keep_data(OTHER, tmp_path) == []
    assert read_data(tmp_path) == OTHER


@pytest.mark.parametrize("finished", [(), ("srgan", "softgan")])
def test_another_data_set_stops_a_run_and_a_finished_one(tmp_path, finished):
    begin(tmp_path, *finished)
    error = fault_of(keep_data, OTHER, tmp_path)
    assert error.what == "workdir" and "accept_config_changes" in error.remedy
    assert read_data(tmp_path) == FIRST


def test_an_accepted_data_set_reopens_the_stage_and_adds_its_patients(tmp_path):
    begin(tmp_path, "srgan", "softgan")
    (line,) = keep_data(OTHER, tmp_path, accept_changes=True)
    assert line == f"going on with another data set of softgan: {'b' * 12}, now {'c' * 12}"
    assert not (tmp_path / "softgan" / "result.json").exists()
    assert (tmp_path / "srgan" / "result.json").exists()
    assert trained_on(read_data(tmp_path), "softgan") == ("c" * 64, {"ann", "bob", "cleo"})
    assert keep_data(OTHER, tmp_path) == []


def test_a_finished_stage_before_the_last_asks_for_its_data_no_more(tmp_path):
    begin(tmp_path, "srgan")
    elsewhere = {**FIRST, "srgan": TrainedOn("d" * 64, frozenset({"dan"}))}
    assert keep_data(elsewhere, tmp_path) == []
    assert read_data(tmp_path) == FIRST


def test_what_an_earlier_version_did_not_keep_is_told_once(tmp_path):
    (begin(tmp_path) / "data.json").unlink()
    (line,) = keep_data(FIRST, tmp_path)
    assert "did not keep which data set it is trained on" in line
    assert keep_data(FIRST, tmp_path) == []


def test_nothing_is_claimed_of_a_finished_run_of_an_earlier_version(tmp_path):
    (begin(tmp_path, "srgan", "softgan") / "data.json").unlink()
    assert keep_data(FIRST, tmp_path) == []
    assert read_data(tmp_path) == {} and trained_on({}, "softgan") is None
    assert of_weights({"stage": "softgan"}) is None


@pytest.mark.parametrize("content", ["[", "{}x", '{"softgan": 1}', '{"softgan": {"data": "a"}}'])
def test_a_damaged_file_is_told(tmp_path, content):
    begin(tmp_path)
    (tmp_path / "data.json").write_text(content)
    assert fault_of(keep_data, FIRST, tmp_path).what.endswith("/data.json")
