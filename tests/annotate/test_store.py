"""Events stay; nothing that was confirmed is lost."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from casgan_jax.annotate.store import FILE, ConflictError, open_store
from tests.faults import fault_of

_WRITER = """
import sys
from pathlib import Path
from casgan_jax.annotate.store import open_store
with open_store(Path(sys.argv[1])) as store:
    last = max((events[-1].id for events in store.events("r").values()), default=0)
    while True:
        last = store.append("r", "a", "comment", {"text": "x" * 200}, after=last).id
        print(last, flush=True)
"""


def test_events_come_back_in_their_order_by_reader_and_lesion(tmp_path):
    with open_store(tmp_path) as store:
        first = store.append("anna", "a", "comment", {"text": "\u00e4 <b>"}, after=0)
        store.append("ben", "a", "comment", {"text": "other"}, after=0)
        second = store.append("anna", "a", "decide", {"decision": "unsure"}, after=first.id)
        store.append("anna", "b", "add", {"image": "i"}, after=0)
    with open_store(tmp_path) as store:
        assert store.events("anna")["a"] == [first, second]
        assert set(store.events("anna")) == {"a", "b"}
        assert store.readers() == ["anna", "ben"]
        assert store.events("nobody") == {}
        assert store.of("anna", "a") == [first, second]
        assert store.of("ben", "b") == []


def test_the_second_of_two_windows_is_told(tmp_path):
    with open_store(tmp_path) as store:
        first = store.append("r", "a", "comment", {"text": "1"}, after=0)
        error = fault_of(store.append, "r", "a", "comment", {"text": "2"}, after=0)
        assert isinstance(error, ConflictError)
        assert store.events("r")["a"] == [first]


def test_nothing_can_be_changed_afterwards(tmp_path):
    with open_store(tmp_path) as store:
        store.append("r", "a", "comment", {"text": "1"}, after=0)
    for statement in ("DELETE FROM events", "UPDATE events SET body = ''"):
        connection = sqlite3.connect(tmp_path / FILE)
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            connection.execute(statement)
        connection.close()


def test_one_process_at_a_time(tmp_path):
    with open_store(tmp_path):
        assert fault_of(open_store(tmp_path).__enter__).what.endswith("/.annotate.lock")


def test_a_damaged_or_later_file_gets_one_line(tmp_path):
    (tmp_path / FILE).write_bytes(b"no data base" * 200)
    assert fault_of(open_store(tmp_path).__enter__).what.endswith("/annotations.sqlite")
    (tmp_path / FILE).unlink()
    with open_store(tmp_path):
        pass
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    assert fault_of(open_store(tmp_path).__enter__).what.endswith("/annotations.sqlite")


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    assert fault_of(open_store(tmp_path / "file").__enter__).what == "output"


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path):
    with open_store(tmp_path) as store:
        first = store.append("r", "a", "comment", {"text": "1"}, after=0)
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        kept = [first.id]

        def fill():
            for _ in range(1000):
                event = store.append("r", "a", "comment", {"text": "x" * 2000}, after=kept[-1])
                kept.append(event.id)

        fault_of(fill)
        assert store.events("r")["a"][-1].id == kept[-1]


def test_killed_at_any_moment_every_confirmed_event_is_there(tmp_path):
    draw = random.Random(0)
    confirmed = 0
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        writer.stdout.readline()
        time.sleep(draw.uniform(0.0, 0.15))
        os.kill(writer.pid, signal.SIGKILL)
        told = [line for line in writer.stdout.read().splitlines(keepends=True) if "\n" in line]
        writer.wait()
        writer.stdout.close()
        confirmed = max([confirmed, *map(int, told)])
        connection = sqlite3.connect(tmp_path / FILE)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT max(id) FROM events").fetchone()[0] >= confirmed
        count = connection.execute("SELECT count(*) FROM events").fetchone()[0]
        assert count >= confirmed
        connection.close()
    assert confirmed > 0
