"""Takes records from the spool to MySQL: committed there first, dropped from the spool after.

A process killed in between writes the same facts again, which changes nothing (see callctl.store.records). What a call
costs is booked in the transaction that writes its end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gevent
import structlog

from callctl.cdr.spool import Spool, Stored
from callctl.errors import SpoolError, StoreError, StoreRefused
from callctl.store import booking, ledger, numbering
from callctl.store.booking import Bill
from callctl.store.ledger import BookedTwice
from callctl.store.partitions import ensure_partitions
from callctl.store.pool import Pool, put
from callctl.store.records import TABLES
from callctl.world import Booked

_log = structlog.get_logger(__name__)

_IDLE = 1.0  # seconds between looks at the spool, in which other processes put their records too
_BACKOFF = (0.2, 5.0)  # seconds, doubled from the first to the second while MySQL is away
_TURN = 50  # records read before other greenlets have their turn: about a millisecond
_SILENCE = 30  # seconds after which MySQL ends a transaction that goes on no more: it holds accounts' balances
_DAYS_AHEAD = 3
_DAY = 86_400.0


class _Entry(NamedTuple):
    """A record, the row it makes, and what it asks to be booked."""

    record: Stored
    row: tuple[Any, ...]
    bill: Bill | None = None


class Writer:
    """Empties a spool into MySQL, at most `batch` records in a transaction. One of a host's processes runs it.

    `on_booked` is told of every account with calls that were booked, after that was committed.
    """

    def __init__(
        self, spool: Spool, pool: Pool, batch: int, on_booked: Callable[[list[Booked]], None] = lambda booked: None
    ) -> None:
        self._spool = spool
        self._pool = pool
        self._batch = batch
        self._on_booked = on_booked
        self._partitions_due = 0.0
        self.away = ""  # why records are not written now

    def run(self) -> None:
        """Drain every second, for ever. What cannot be written now stays in the spool and is tried again."""
        pause, longest = _BACKOFF
        while True:
            try:
                while self.drain():
                    pass
                while numbering.number(self._pool):
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
        if entries:
            self._write_or_part(entries)
        if any(entry.bill for entry in entries):
            numbering.number(self._pool)
        return len(taken)

    def _entry(self, record: Stored) -> _Entry | None:
        """The row of a record; one that cannot become a row is set aside."""
        try:
            fields = record.fields
            charges = fields.pop("charges", ()) if record.kind == "cdr" else ()
            row = TABLES[record.kind].row(fields)
            return _Entry(record, row, booking.bill(row[0], fields, charges) if record.kind == "cdr" else None)
        except (LookupError, ValueError, TypeError, ArithmeticError) as error:
            self._reject(record, error)
            return None

    def _write_or_part(self, entries: Sequence[_Entry]) -> None:
        """Find the records that MySQL refuses by halves, and let the others through."""
        try:
            self._write(entries)
        except (StoreRefused, BookedTwice) as error:
            if len(entries) == 1:
                self._reject(entries[0].record, error)
                return
            middle = len(entries) // 2
            self._write_or_part(entries[:middle])
            self._write_or_part(entries[middle:])

    def _write(self, entries: Sequence[_Entry]) -> None:
        """All of them in one transaction; then they leave the spool.

        Balances first, then records, each in the order of their names, so that writers wait for each other in one
        direction only.
        """
        bills = [entry.bill for entry in entries if entry.bill]
        with self._pool.transaction(idle=_SILENCE) as cursor:
            held = ledger.lock(cursor, booking.accounts(bills))
            for kind, table in TABLES.items():
                rows = [entry.row for entry in entries if entry.record.kind == kind]
                put(cursor, table.upsert, sorted(rows, key=lambda row: (str(row[0]), str(row[1]))))
            booked = booking.write(cursor, held, bills)
        self._on_booked(booked)
        self._spool.forget(entry.record.id for entry in entries)

    def _reject(self, record: Stored, error: Exception) -> None:
        fields = record.fields
        charged = fields.get("charges")
        _log.error(
            "record set aside in the table `rejected` of the spool" + (": its call is not charged" if charged else ""),
            call=fields.get("call_uuid"),
            kind=record.kind,
            error=str(error),
            **({"charges": charged} if charged else {}),
        )
        self._spool.reject(record.id, f"{type(error).__name__}: {error}")

    def _keep_partitions(self) -> None:
        now = time.monotonic()
        if now >= self._partitions_due:
            ensure_partitions(self._pool, _DAYS_AHEAD)
            self._partitions_due = now + _DAY
