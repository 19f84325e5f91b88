"""The spool's file: SQLite in write-ahead mode, synced at each commit, all its work done on one thread."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gevent.threadpool import ThreadPool

from callctl.errors import SpoolError

T = TypeVar("T")
Step = tuple[str, Sequence[Any]]  # a statement, and the values of each time it is run

_BUSY = 10.0  # seconds to wait for another process's transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS rejected (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL, error TEXT NOT NULL, at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS open_call (
    call_uuid TEXT PRIMARY KEY, node TEXT NOT NULL, started_us INTEGER NOT NULL, state TEXT NOT NULL,
    seen_us INTEGER NOT NULL, answered_us INTEGER NOT NULL DEFAULT 0, basis TEXT NOT NULL DEFAULT '',
    buy TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS closed_call (call_uuid TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS closed_call_at ON closed_call (at);
"""
_LATER = {  # columns that a file of an earlier version lacks
    "answered_us": "ALTER TABLE open_call ADD COLUMN answered_us INTEGER NOT NULL DEFAULT 0",
    "basis": "ALTER TABLE open_call ADD COLUMN basis TEXT NOT NULL DEFAULT ''",
    "buy": "ALTER TABLE open_call ADD COLUMN buy TEXT NOT NULL DEFAULT ''",
}


class Disk:
    """The file at `path`, made if it is not there. Every method raises SpoolError, one sentence with cause and mend."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPool(1)
        try:
            self._database = self._run(self._connect)
        except SpoolError:
            self._thread.kill()
            raise

    def select(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of a statement."""
        return self._run(lambda: self._database.execute(sql, values).fetchall())

    def change(self, steps: Sequence[Step]) -> None:
        """All steps in one transaction, on disk when this returns."""
        self._run(lambda: self._change(steps))

    def close(self) -> None:
        """Close the file and end the thread."""
        self._run(self._database.close)
        self._thread.kill()

    def _run(self, work: Callable[[], T]) -> T:
        def job() -> T | Exception:
            # An exception is returned: gevent prints what a thread raises.
            try:
                return work()
            except (sqlite3.Error, OSError) as error:
                return error

        result = self._thread.apply(job)
        if isinstance(result, Exception):
            raise SpoolError(self._sentence(result)) from result
        return result

    def _connect(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.executescript(_SCHEMA)
            database.execute("BEGIN IMMEDIATE")
            present = {row[1] for row in database.execute("PRAGMA table_info(open_call)")}
            for statement in (_LATER[column] for column in _LATER.keys() - present):
                database.execute(statement)
            database.execute("COMMIT")
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _change(self, steps: Sequence[Step]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            for sql, rows in steps:
                self._database.executemany(sql, rows)
            self._database.execute("COMMIT")
        except sqlite3.Error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _sentence(self, error: Exception) -> str:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            mend = "move it aside (its records may be got back with sqlite3's .recover) and start callctl again"
        elif code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            mend = "make room on its disk"
        elif code == sqlite3.SQLITE_BUSY:
            mend = "another process has it locked; end that"
        else:
            mend = "let the user callctl runs as read and write it and its folder"
        cause = error.strerror if isinstance(error, OSError) else error
        return f"The spool {self.path} cannot be used ({cause}): {mend}."
