"""Takes records from the spool to MySQL: committed there first, dropped from the spool after.

A process killed in between writes the same facts again, which changes nothing (see callctl.store.records).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import gevent
import structlog

from callctl.cdr.spool import Spool, Stored
from callctl.errors import SpoolError, StoreError, StoreRefused
from callctl.store.partitions import ensure_partitions
from callctl.store.pool import Pool
from callctl.store.records import TABLES

_log = structlog.get_logger(__name__)

_IDLE = 1.0  # seconds between looks at the spool, in which other processes put their records too
_BACKOFF = (0.2, 5.0)  # seconds, doubled from the first to the second while MySQL is away
_TURN = 50  # records handled before other greenlets have their turn: about a millisecond
_DAYS_AHEAD = 3
_DAY = 86_400.0


class _Entry(NamedTuple):
    """A record and the row it makes."""

    record: Stored
    row: tuple[Any, ...]


class Writer:
    """Empties a spool into MySQL, at most `batch` records in a transaction. One of a host's processes runs it."""

    def __init__(self, spool: Spool, pool: Pool, batch: int) -> None:
        self._spool = spool
        self._pool = pool
        self._batch = batch
        self._partitions_due = 0.0
        self.away = ""  # why records are not written now

    def run(self) -> None:
        """Drain every second, for ever. What cannot be written now stays in the spool and is tried again."""
        pause, longest = _BACKOFF
        while True:
            try:
                while self.drain():
                    pass
                self._keep_partitions()
            except (StoreError, SpoolError) as error:
                if str(error) != self.away:
                    _log.warning("records wait in the spool", error=str(error))
                self.away = str(error)
                gevent.sleep(pause)
                pause = min(longest, pause * 2)
                continue
            if self.away:
                _log.info("records are written again")
            self.away, pause = "", _BACKOFF[0]
            gevent.sleep(_IDLE)

    def drain(self) -> int:
        """Write the oldest records and drop them from the spool; returns how many left it.

        Raises StoreError when MySQL is away, SpoolError when the spool cannot be read; both leave the records there.
        """
        taken = self._spool.take(self._batch)
        entries = []
        for number, record in enumerate(taken):
            if number % _TURN == 0:
                gevent.sleep(0.001)  # not 0, which would come before any socket's turn
            if entry := self._entry(record):
                entries.append(entry)
        try:
            self._write(entries)
        except StoreRefused:
            self._write_one_by_one(entries)
        return len(taken)

    def _entry(self, record: Stored) -> _Entry | None:
        """The row of a record; one that cannot become a row is set aside."""
        try:
            return _Entry(record, TABLES[record.kind].row(record.fields))
        except (LookupError, ValueError, TypeError, ArithmeticError) as error:
            self._reject(record, error)
            return None

    def _write(self, entries: Sequence[_Entry]) -> None:
        """All of them in one transaction, each table's in the order they were put; then they leave the spool."""
        if not entries:
            return
        with self._pool.transaction() as cursor:
            for kind, table in TABLES.items():
                rows = [entry.row for entry in entries if entry.record.kind == kind]
                for begin in range(0, len(rows), _TURN):
                    cursor.executemany(table.upsert, rows[begin : begin + _TURN])
        self._spool.forget(entry.record.id for entry in entries)

    def _write_one_by_one(self, entries: Sequence[_Entry]) -> None:
        """Find the record whose values MySQL refuses, and let the others through."""
        for entry in entries:
            try:
                self._write([entry])
            except StoreRefused as error:
                self._reject(entry.record, error)

    def _reject(self, record: Stored, error: Exception) -> None:
        _log.error(
            "record set aside in the table `rejected` of the spool",
            call=record.fields.get("call_uuid"),
            kind=record.kind,
            error=str(error),
        )
        self._spool.reject(record.id, f"{type(error).__name__}: {error}")

    def _keep_partitions(self) -> None:
        now = time.monotonic()
        if now >= self._partitions_due:
            ensure_partitions(self._pool, _DAYS_AHEAD)
            self._partitions_due = now + _DAY
