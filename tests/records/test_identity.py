import errno
import hashlib

import pytest

from casgan_jax.records.identity import digest, hashed, patients
from casgan_jax.records.prepared import load_split
from tests import damage
from tests.exchanged_discs import build_exchanged
from tests.faults import fault_of


def test_a_data_set_is_the_same_wherever_it_lies(discs, tmp_path):
    copy = damage.copied(discs, tmp_path)
    assert digest(copy) == digest(discs) == digest(tmp_path)  # the only one below the folder
    damage.change(copy / "metadata.json", notes=["/home/ann: 2 masks belong to no image"])
    assert digest(copy) == digest(discs)


@pytest.mark.parametrize(
    "breakage",
    [
        lambda d: damage.flip(damage.shard(d, "test"), 50000),
        lambda d: damage.change(d / "metadata.json", window=[0, 200]),
        damage.repeat_train_as_validation,
    ],
)
def test_other_records_meaning_or_splits_are_another_data_set(discs, tmp_path, breakage):
    copy = damage.copied(discs, tmp_path)
    first = digest(copy)
    breakage(copy)
    assert digest(copy) != first == digest(discs)


def test_what_is_built_over_a_data_set_is_seen_at_once(discs, tmp_path):
    copy = damage.copied(discs, tmp_path)
    first, trained = digest(copy), patients(copy, "train")
    assert len(load_split(copy, "train")) == len(trained)
    assert build_exchanged(tmp_path) == copy
    assert digest(copy) != first
    assert patients(copy, "test") == trained
    assert len(load_split(copy, "test")) == len(trained)


def test_patients_are_kept_by_their_sums_alone(discs):
    names = patients(discs, "test")
    assert names and all(name.startswith("patient-") for name in names)
    assert hashed(names) == {hashlib.sha256(name.encode()).hexdigest() for name in names}
    assert patients(discs, "none") == frozenset()


def test_a_missing_shard_is_told(discs, tmp_path):
    copy = damage.copied(discs, tmp_path)
    damage.shard(copy, "validation").unlink()
    assert fault_of(digest, copy).what.endswith("/discs-validation.array_record-00000-of-00001")


def test_a_shard_that_cannot_be_read_is_told(discs, tmp_path, monkeypatch):
    def refuse(file, algorithm):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(hashlib, "file_digest", refuse)
    error = fault_of(digest, damage.copied(discs, tmp_path))
    assert error.what.endswith("/discs-train.array_record-00000-of-00001")
