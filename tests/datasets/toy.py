"""A tiny builder, in a module of its own so that worker processes can import it."""

import os
import time
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.records import features as records
from casgan_jax.records.splits import split_of
from datasets.base import PreparedBuilder
from datasets.outcomes import Skip
from datasets.task import Task

N_TASKS = 40


def make_record(index):
    """A 4x4 image full of `index`; every tenth is skipped."""
    if index % 10 == 3:
        return Skip("ends in three", f"index {index}")
    return {
        "image": np.full((4, 4), index, np.int16),
        "patient": f"patient-{index // 2}",
        "key": f"key-{index}",
    }


def skip_validation(index):
    if split_of(f"patient-{index // 2}") == "validation":
        return Skip("to be validated", f"index {index}")
    return make_record(index)


def skip_all(index):
    return Skip("never good", f"index {index}")


def fail_at_five(index):
    if index == 5:
        raise RuntimeError("a bug")
    return make_record(index)


def die_at_five(index):
    if index == 5:
        os._exit(1)
    return make_record(index)


def name_one_patient(index):
    return {**make_record(index - index % 10), "key": f"key-{index}", "patient": "the same"}


def slowly(index):
    """Leaves its process's number in $TOY_PIDS, and takes its time."""
    Path(os.environ["TOY_PIDS"], str(os.getpid())).touch()
    time.sleep(0.1)
    return make_record(index)


class Toy(PreparedBuilder):
    """Small integers."""

    name = "toy"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    make_record = staticmethod(make_record)

    def _info(self):
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Tensor(shape=(4, 4), dtype=np.int16, encoding="zlib"),
                "patient": tfds.features.Text(),
                "key": tfds.features.Text(),
            }
        )
        metadata = records.metadata(kind="super_resolution", window=(0, 255), scale=1)
        return self.prepared_info(features, metadata)

    def tasks(self, manual_dir):
        self.note("toys have no spacing")
        return [
            Task(split_of(f"patient-{index // 2}"), f"key-{index}", index)
            for index in reversed(range(N_TASKS))
        ]


def toy(function):
    """A Toy builder class that makes its records by another function."""
    return type(
        "Toy",
        (Toy,),
        {"make_record": staticmethod(function), "name": "toy"},
        skip_registration=True,
    )
