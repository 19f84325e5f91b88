"""Records on the node's own disk until MySQL has them: one SQLite file that all workers of a host share.

A record counts as kept once its transaction is on disk; whatever is put while one is being written shares the next.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import gevent
import orjson
import structlog
from gevent.event import Event

from callctl.cdr.disk import Disk, Step
from callctl.errors import SpoolError

RecordKind = Literal["cdr", "leg", "event"]

_log = structlog.get_logger(__name__)

_GATHER = 0.01  # seconds; a transaction for many records costs little more than for one
_RETRY = 1.0  # seconds between attempts to write what the disk would not take
_MOST_WAITING = 64 * 2**20  # bytes of records in memory while the disk takes none
_TOMBSTONE = 86_400 * 10**6  # microseconds for which a finished call cannot be opened again by a late fact

_KEEP = "INSERT INTO record (kind, body) VALUES (?, ?)"
_OPEN = """
INSERT INTO open_call (call_uuid, node, started_us, state, seen_us, answered_us, basis, buy)
SELECT :call_uuid, :node, :started_at, :state, :now, :answered_at, :basis, :buy
WHERE NOT EXISTS (SELECT 1 FROM closed_call WHERE call_uuid = :call_uuid)
ON CONFLICT (call_uuid) DO UPDATE SET
    state = CASE WHEN excluded.state = 'answered' THEN 'answered' ELSE state END, seen_us = excluded.seen_us,
    answered_us = MAX(answered_us, excluded.answered_us), basis = COALESCE(NULLIF(basis, ''), excluded.basis),
    buy = COALESCE(NULLIF(excluded.buy, ''), buy)
"""
_SEEN = """
UPDATE open_call SET seen_us = ? WHERE node = ? AND call_uuid IN (SELECT value FROM json_each(?))
"""
_CHARGED = """
SELECT id, kind, body FROM record
WHERE id > ? AND kind = 'cdr' AND instr(body, CAST('"charges":[{' AS BLOB)) ORDER BY id LIMIT 500
"""
_FORGET = "DELETE FROM open_call WHERE call_uuid = :call_uuid"
_CLOSE = "INSERT OR REPLACE INTO closed_call (call_uuid, at) VALUES (:call_uuid, :now)"


class Record(NamedTuple):
    """Facts for one row of MySQL, named as its columns; times are microseconds since the epoch.

    A "cdr" record has at least call_uuid, started_at and state, and node to be found among open calls; the others have
    their table's key. `basis` and `buy`, by which an open call is charged, are for the spool alone and no columns.
    """

    kind: RecordKind
    fields: dict[str, Any]


class Stored(NamedTuple):
    """A record as it lies in the spool."""

    id: int
    kind: str
    body: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The facts; read once and kept by whoever needs them."""
        fields: dict[str, Any] = orjson.loads(self.body)
        return fields


class OpenCall(NamedTuple):
    """A call of which no final record has been put yet."""

    call_uuid: str
    node: str
    started_us: int
    state: str
    seen_us: int  # when it was last known to be up: its last record was put, or `seen`
    answered_us: int = 0
    basis: str = ""  # see callctl.rating.basis
    buy: str = ""  # see callctl.call.buying


class Commit:
    """The transaction that a put shares with others."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, bytes]] = []
        self.calls: list[dict[str, Any]] = []
        self.size = 0
        self._tried = Event()
        self._error = ""

    def wait(self, timeout: float) -> None:
        """Return once the records are on disk. Raises SpoolError when they are not, though they may get there yet."""
        if not self._tried.wait(timeout):
            raise SpoolError(f"The spool did not write a record within {timeout:g} s: see the load of its disk.")
        if self._error:
            raise SpoolError(self._error)

    def settle(self, error: str) -> None:
        """Tell whoever waits how an attempt went: no error, on disk."""
        self._error = error
        self._tried.set()


def _nothing() -> Commit:
    commit = Commit()
    commit.settle("")
    return commit


def _call(fields: dict[str, Any], now: int) -> dict[str, Any]:
    """What is kept of a "cdr" record to know open calls; a wrong one shows here, at its maker, not on the thread."""
    call = {"call_uuid": str(fields["call_uuid"]), "node": str(fields.get("node", "")), "now": now}
    if fields["state"] not in {"routed", "answered", "final"} or not 0 <= fields["started_at"] < 2**63:
        raise ValueError(f"not the facts of a call: {fields}")
    call |= {"answered_at": int(fields.get("answered_at") or 0), "basis": str(fields.get("basis") or "")}
    call["buy"] = str(fields.get("buy") or "")
    return call | {"state": fields["state"], "started_at": int(fields["started_at"])}


def _body(fields: dict[str, Any]) -> bytes:
    if "basis" in fields or "buy" in fields:
        fields = {name: value for name, value in fields.items() if name not in {"basis", "buy"}}
    return orjson.dumps(fields, default=str)


class Spool:
    """The spool in `directory`. Below `min_free_mb` of free disk it is not healthy, and new calls should be refused."""

    def __init__(self, directory: Path, min_free_mb: int = 100) -> None:
        self.path = directory / "spool.db"
        self._min_free = min_free_mb * 2**20
        self._free_known = (-math.inf, True)
        self._error = ""
        self._next = Commit()
        self._unwritten: list[Commit] = []
        self._size = 0
        self._wake = Event()
        self._closing = False
        self._pruned = -math.inf
        self._disk = Disk(self.path)
        self._flusher = gevent.spawn(self._flush)

    def put(self, records: Sequence[Record]) -> Commit:
        """Hand over records, which are kept once the commit's `wait` returns. Raises SpoolError: no room for them."""
        if not records:
            return _nothing()
        rows = [(record.kind, _body(record.fields)) for record in records]
        size = sum(len(body) for _, body in rows)
        if self._closing:
            raise SpoolError("The spool is closed, as this process is ending: the call belongs to another.")
        if self._size + size > _MOST_WAITING:
            raise SpoolError(
                f"The spool {self.path} has not been writable for so long that memory for records is used up: "
                f"{self._error or 'see the load of its disk.'}"
            )
        now = time.time_ns() // 1000
        calls = [_call(record.fields, now) for record in records if record.kind == "cdr"]
        commit = self._next
        commit.calls += calls
        commit.rows += rows
        commit.size += size
        self._size += size
        self._wake.set()
        return commit

    @property
    def healthy(self) -> bool:
        """Whether the last write went well and the disk has room."""
        checked, enough = self._free_known
        now = time.monotonic()
        if now - checked > 1.0:
            try:
                disk = os.statvfs(self.path.parent)
                enough = disk.f_bavail * disk.f_frsize >= self._min_free
            except OSError:
                enough = False
            self._free_known = (now, enough)
        return enough and not self._error and not self._flusher.dead

    def take(self, limit: int) -> list[Stored]:
        """The oldest records; they stay until forgotten or rejected."""
        rows = self._disk.select("SELECT id, kind, body FROM record ORDER BY id LIMIT ?", (limit,))
        return [Stored(*row) for row in rows]

    def charged(self) -> Iterator[Stored]:
        """The records with charges, oldest first, a page at a time: some may leave meanwhile, as MySQL gets them."""
        last = 0
        while rows := self._disk.select(_CHARGED, (last,)):
            yield from (Stored(*row) for row in rows)
            last = rows[-1][0]

    def forget(self, ids: Iterable[int]) -> None:
        """Drop records that MySQL has."""
        self._disk.change([("DELETE FROM record WHERE id = ?", [(number,) for number in ids])])

    def reject(self, number: int, error: str) -> None:
        """Set a record aside that MySQL will never take, with the reason."""
        move = "INSERT INTO rejected SELECT id, kind, body, ?, ? FROM record WHERE id = ?"
        steps: list[Step] = [
            (move, [(error, time.time_ns() // 1000, number)]),
            ("DELETE FROM record WHERE id = ?", [(number,)]),
        ]
        self._disk.change(steps)

    def open_calls(self, node: str) -> list[OpenCall]:
        """Calls of a FreeSWITCH node that have no final record."""
        columns = ", ".join(OpenCall._fields)
        sql = f"SELECT {columns} FROM open_call WHERE node = ? ORDER BY started_us"  # noqa: S608  names only
        return [OpenCall(*row) for row in self._disk.select(sql, (node,))]

    def seen(self, node: str, uuids: Iterable[str]) -> None:
        """Those of a node's open calls that are up now. Raises SpoolError."""
        values = (time.time_ns() // 1000, node, orjson.dumps(list(uuids)).decode())
        self._disk.change([(_SEEN, [values])])

    def depth(self) -> int:
        """Records on disk that MySQL does not have yet."""
        return int(self._disk.select("SELECT COUNT(*) FROM record")[0][0])

    def rejected(self) -> int:
        """Records that MySQL would never take."""
        return int(self._disk.select("SELECT COUNT(*) FROM rejected")[0][0])

    def close(self) -> None:
        """Write what is in memory and close. Raises SpoolError when that cannot be written."""
        self._closing = True
        self._wake.set()
        self._flusher.join()
        self._disk.close()
        if self._unwritten:
            lost = sum(len(commit.rows) for commit in self._unwritten)
            raise SpoolError(f"{lost} records are lost with this process, as they could not be kept: {self._error}")

    def _flush(self) -> None:
        """Write commit after commit, and again each second what the disk did not take."""
        while not (self._closing and not self._next.rows):
            if self._wake.wait(_RETRY if self._unwritten else None):
                gevent.sleep(_GATHER)
            self._wake.clear()
            if self._next.rows:
                self._unwritten.append(self._next)
                self._next = Commit()
            if not self._unwritten:
                continue
            error = self._write_all()
            if error != self._error:
                _log.warning("spool", error=error) if error else _log.info("spool writes again")
            self._error = error
            for commit in self._unwritten:
                commit.settle(error)
            if not error:
                self._size -= sum(commit.size for commit in self._unwritten)
                self._unwritten.clear()

    def _write_all(self) -> str:
        """One transaction for all that is not on disk; returns what went wrong."""
        rows = [row for commit in self._unwritten for row in commit.rows]
        calls = [call for commit in self._unwritten for call in commit.calls]
        ended = [call for call in calls if call["state"] == "final"]
        # Of a call that both began and ended the end counts, whichever was put first.
        steps: list[Step] = [
            (_KEEP, rows), (_OPEN, [call for call in calls if call["state"] != "final"]),
            (_FORGET, ended), (_CLOSE, ended),
        ]  # fmt: skip
        if time.monotonic() - self._pruned > 3600:
            self._pruned = time.monotonic()
            steps.append(("DELETE FROM closed_call WHERE at < ?", [(time.time_ns() // 1000 - _TOMBSTONE,)]))
        try:
            self._disk.change(steps)
        except SpoolError as error:
            return str(error)
        return ""
