"""Everything that readers did, as events in one SQLite file: written once, never changed.

    with open_store(folder) as store:
        event = store.append("anna", "lesion-7", "decide", {"decision": "accepted"}, after=12)

What a lesion is like now is what its events say (`casgan_jax.annotate.state`), so that undoing, the
record of who did what, and the work of several readers in one file need nothing else. An event is
on the disk when `append` returns: SQLite writes ahead (WAL) and waits for the disk.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from casgan_jax.errors import UserError, one_line
from casgan_jax.files import make_folder, only_process

FILE = "annotations.sqlite"
_FORMAT = 1  # PRAGMA user_version
_TABLES = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    reader TEXT NOT NULL,
    lesion TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX events_of_reader ON events (reader, lesion);
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""


class Event(NamedTuple):
    """One action of a reader on a lesion.

    Attributes:
      id: greater than those of all events before.
      time: UTC, ISO 8601.
      kind: see `casgan_jax.annotate.state`.
      text: its body as JSON.
    """

    id: int
    time: str
    reader: str
    lesion: str
    kind: str
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """See `casgan_jax.annotate.state`; read anew each time, as most are never looked at."""
        body: dict[str, Any] = json.loads(self.text)
        return body


class ConflictError(UserError):
    """Somebody else changed the lesion since it was looked at."""


class Store:
    """The events of a folder; safe to use from several threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection
        self._lock = threading.Lock()

    def append(
        self, reader: str, lesion: str, kind: str, body: Mapping[str, Any], *, after: int
    ) -> Event:
        """Writes an event; it is on the disk when this returns.

        Args:
          reader, lesion, kind, body: of the event; the body is of what JSON can hold.
          after: id of the last event of this reader and lesion that is known of; 0: none.

        Raises:
          ConflictError: there is a later one.
          UserError: it cannot be written.
        """
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps(body, allow_nan=False)
        with self._lock, self._transaction():
            last = self._one(
                "SELECT coalesce(max(id), 0) FROM events WHERE reader = ? AND lesion = ?",
                (reader, lesion),
            )
            if last != after:
                raise ConflictError(
                    lesion,
                    found="a change from another window",
                    expected="none since it was shown here",
                    remedy="look at it as it is now, and do it again",
                )
            cursor = self._connection.execute(
                "INSERT INTO events (time, reader, lesion, kind, body) VALUES (?, ?, ?, ?, ?)",
                (time, reader, lesion, kind, text),
            )
            number = int(cursor.lastrowid or 0)
        return Event(number, time, reader, lesion, kind, text)

    def events(self, reader: str) -> dict[str, list[Event]]:
        """{lesion: its events, the first one first} of a reader."""
        found: dict[str, list[Event]] = defaultdict(list)
        for event in self._events("reader = ?", reader):
            found[event.lesion].append(event)
        return dict(found)

    def of(self, reader: str, lesion: str) -> list[Event]:
        """What a reader did to a lesion, the first event first."""
        return self._events("reader = ? AND lesion = ?", reader, lesion)

    def _events(self, which: str, *values: str) -> list[Event]:
        with self._lock, _telling(self._path):
            rows = self._connection.execute(
                "SELECT id, time, reader, lesion, kind, body FROM events "
                f"WHERE {which} ORDER BY id",
                values,
            ).fetchall()
        return [Event(*row) for row in rows]

    def readers(self) -> list[str]:
        """Names of all who did anything."""
        with self._lock, _telling(self._path):
            rows = self._connection.execute("SELECT DISTINCT reader FROM events ORDER BY reader")
            return [name for (name,) in rows]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _telling(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _one(self, query: str, values: tuple[str, ...]) -> int:
        (number,) = self._connection.execute(query, values).fetchone()
        return int(number)


@contextlib.contextmanager
def open_store(folder: Path) -> Iterator[Store]:
    """The store of a folder, made if it is not there; one process at a time has it.

    Raises:
      UserError: the folder cannot be written to, another process has the store, or its file is
        damaged or of a later version.
    """
    make_folder(folder, field="output")
    path = folder / FILE
    with only_process(folder / ".annotate.lock", f"annotating into {folder}", field="output"):
        with _telling(path):
            connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            with _telling(path):
                _prepare(path, connection)
            yield Store(path, connection)
        finally:
            connection.close()


def _prepare(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if verdict != "ok" or version not in (0, _FORMAT):
        found = f"a damaged file ({verdict})" if verdict != "ok" else f"format {version}"
        raise UserError(path, found=found, expected=f"format {_FORMAT}", remedy=_REMEDY)
    if version == 0:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {_FORMAT}; COMMIT;")


_REMEDY = "restore it from a copy, or name another folder"


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    """What SQLite cannot do, in one line."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise UserError(
            path,
            found=f"that it cannot be used ({one_line(error)})",
            expected="a data base of annotations, and room on the disk",
            remedy=_REMEDY,
        ) from error
