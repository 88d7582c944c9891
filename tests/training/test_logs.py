"""Logs of a disk that is full: nothing dies of them, and nothing half written is left."""

import json
import resource
from contextlib import contextmanager

import numpy as np
from tensorboardX.proto.event_pb2 import Event

from casgan_jax.training.logs import Logs

PICTURE = np.zeros((8, 8, 3), np.uint8)


@contextmanager
def files_of_at_most(size):
    """As where a disk is full: writing beyond is an OSError."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def events(directory):
    """All whole records of the event files, in the order of writing."""
    found = []
    for path in sorted(directory.glob("tensorboard/*"), key=lambda path: path.suffix):
        data = path.read_bytes()
        while len(data) > 16 and len(data) >= (size := int.from_bytes(data[:8], "little")) + 16:
            found.append(Event.FromString(data[12 : 12 + size]))
            data = data[16 + size :]
    return found


def scalars(directory):
    return {
        (value.tag, event.step): value.simple_value
        for event in events(directory)
        for value in event.summary.value
        if value.HasField("simple_value")
    }


def steps(directory):
    return [json.loads(line)["step"] for line in (directory / "log.jsonl").open()]


def test_what_is_logged_can_be_read_at_once(tmp_path):
    with Logs(tmp_path, name="test", total=2, done=0, enabled=True) as logs:
        logs.write("train", 1, {"generator": 0.5, "mse": 2.0})
        logs.picture("validation", 1, PICTURE)
        assert scalars(tmp_path) == {("train/generator", 1): 0.5, ("train/mse", 1): 2.0}
        assert steps(tmp_path) == [1]
    first, second, *_ = events(tmp_path)
    assert first.file_version == "brain.Event:2"
    assert second.step == 1 and second.HasField("session_log")
    assert [v.tag for e in events(tmp_path) for v in e.summary.value][-1] == "validation"


def test_a_full_disk_is_said_once_and_logging_goes_on_when_there_is_room(tmp_path, capfd):
    with Logs(tmp_path, name="test", total=9, done=0, enabled=True) as logs:
        logs.write("train", 1, {"mse": 1.0})
        before = (tmp_path / "log.jsonl").read_bytes()
        with files_of_at_most(len(before) + 10):
            for step in (2, 3):
                logs.write("train", step, {"mse": 1.0})
                logs.picture("validation", step, PICTURE)
        assert (tmp_path / "log.jsonl").read_bytes() == before
        logs.write("train", 4, {"mse": 4.0})
    assert steps(tmp_path) == [1, 4]
    assert scalars(tmp_path) == {("train/mse", 1): 1.0, ("train/mse", 4): 4.0}
    told = capfd.readouterr()
    assert (told.out + told.err).count("File too large") == 1
    assert "Traceback" not in told.err


def test_a_resumed_log_goes_on_after_its_checkpoint(tmp_path):
    with Logs(tmp_path, name="test", total=9, done=0, enabled=True) as logs:
        for step in (1, 2, 3):
            logs.write("train", step, {"mse": 1.0})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "tr')  # a kill in the middle of a line
    with Logs(tmp_path, name="test", total=9, done=2, enabled=True) as logs:
        logs.write("train", 3, {"mse": 3.0})
    assert steps(tmp_path) == [1, 2, 3]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 2
