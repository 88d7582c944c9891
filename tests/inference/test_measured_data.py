"""What is said where a system is measured on patients it was trained on, or on other data."""

import json
import shutil

import pytest

from casgan_jax.commands.told import measured_lines
from casgan_jax.configs.schema.load import load_config
from casgan_jax.inference.classical import run as run_classical
from casgan_jax.inference.evaluate import evaluate_workdir
from casgan_jax.inference.load import load_system
from casgan_jax.inference.measured_data import measured_data
from casgan_jax.records.identity import digest, hashed, patients
from casgan_jax.training.loop import train
from casgan_jax.workdir.seal import read_facts, seal
from tests import damage
from tests.exchanged_discs import build_exchanged
from tests.faults import fault_of
from tests.training.test_loop import tiny_config

pytestmark = pytest.mark.slow

SHORT = {"train__steps": 1, "srgan__train__steps": 1}
ALONE = SHORT | {"sr": "none"}


def notes_of(folder, data_dir, split):
    return measured_data(load_system(folder).config, folder, split, data_dir).notes


@pytest.fixture(scope="module")
def data(discs, tmp_path_factory):
    """A copy of the discs that may be built again."""
    return damage.copied(discs, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    train(tiny_config("softgan:quick", data, **ALONE), workdir)
    return workdir


@pytest.fixture(scope="module")
def exchanged(discs, tmp_path_factory):
    """The discs with the patients of training and test exchanged."""
    return build_exchanged(tmp_path_factory.mktemp("exchanged"))


def test_the_weights_say_what_they_were_trained_on(trained, data):
    facts = json.loads((trained / "softgan" / "weights" / "system.json").read_text())
    assert facts["trained_on"]["data"] == digest(data)
    assert set(facts["trained_on"]["patients"]) == hashed(patients(data, "train"))
    assert "patient-" not in json.dumps(facts["trained_on"])


def test_there_is_nothing_to_say_of_other_patients_of_the_same_data_set(trained, data):
    assert notes_of(trained, data, "test") == []
    assert notes_of(trained / "softgan" / "weights", data, "test") == []
    assert measured_lines(evaluate_workdir(trained, progress=False))[0] == "test split:"


def test_patients_that_were_trained_on_are_counted_in_whatever_folder(trained, data, exchanged):
    count = len(patients(data, "train"))
    (line,) = notes_of(trained, exchanged, "test")
    assert line.startswith(f"{count} of the {count} patients of the split 'test' of {exchanged} ")
    subject = evaluate_workdir(trained, "test", data_dir=exchanged, progress=False).subject
    assert subject.notes == (line,) and subject.data == digest(exchanged)
    (line,) = notes_of(trained, data, "train")
    assert "were trained on" in line


def test_a_cascade_has_its_super_resolution_s_patients_too(data, exchanged, tmp_path):
    config = tiny_config("softgan:quick", data, **SHORT, srgan__data__dir=str(exchanged))
    train(config, tmp_path / "cascade")
    count = len(patients(data, "test"))
    (line,) = notes_of(tmp_path / "cascade", data, "test")
    assert line.startswith(f"{count} of the {count} patients")
    # And so does one that takes the super-resolution of another run.
    taken = tiny_config("softgan:quick", data, **SHORT, sr=str(tmp_path / "cascade"))
    train(taken, tmp_path / "taken")
    assert notes_of(tmp_path / "taken", data, "test") == [line]


def test_a_run_is_not_continued_on_splits_that_were_exchanged(trained, discs, data, tmp_path):
    first = digest(data)
    workdir = shutil.copytree(trained, tmp_path / "run")
    build_exchanged(data.parents[1])
    try:
        config = tiny_config("softgan:quick", data, **ALONE)
        for result in (None, workdir / "softgan" / "result.json"):
            if result:
                result.unlink()
            error = fault_of(train, config, workdir)
            assert error.what == "workdir" and first[:12] in str(error)
        count = len(patients(data, "test"))
        lines = notes_of(workdir, data, "test")
        assert lines[0].startswith(f"{data} is not the data set that this system was trained on")
        assert lines[1].startswith(f"{count} of the {count} patients")
        train(config, workdir, accept_config_changes=True)
        told = measured_lines(evaluate_workdir(workdir, progress=False))
        assert told[0].startswith(f"note: {count} of the {count} patients")
        assert told[1] == "test split:"
    finally:
        shutil.rmtree(data)
        shutil.copytree(discs, data)


def test_a_run_without_its_data_set_asks_where_it_lies(trained, data, tmp_path):
    moved = shutil.copytree(data, tmp_path / "elsewhere")
    away = data.with_name("away")
    data.rename(away)
    try:
        assert fault_of(evaluate_workdir, trained, "test", progress=False).what == "data_dir"
        measured = evaluate_workdir(trained, "test", data_dir=moved, progress=False)
        assert measured.subject.notes == ()
    finally:
        away.rename(data)


def test_what_an_earlier_version_did_not_keep_is_told(trained, data, tmp_path):
    weights = shutil.copytree(trained / "softgan" / "weights", tmp_path / "weights")
    damage.replace(weights / "system.json", '"trained_on"', '"not_known_then"')
    seal(weights, read_facts(weights))
    (line,) = notes_of(weights, data, "test")
    assert "did not keep which data set and patients" in line


def test_a_classical_method_has_the_patients_of_its_prior(trained, data, exchanged, tmp_path):
    fields = {"data.dir": str(exchanged), "data.patch": "16", "prior": str(trained)}
    done = run_classical(load_config("deep_prior", list(fields.items())), tmp_path / "prior")
    count = len(patients(exchanged, "test"))
    (note,) = done.measured.subject.notes
    assert note.startswith(f"{count} of the {count} patients")
    del fields["prior"]
    done = run_classical(load_config("graph_cut", list(fields.items())), tmp_path / "alone")
    assert done.measured.subject.notes == ()
