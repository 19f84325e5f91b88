"""Records as text, from the oldest: each day's are sorted by MySQL and sent as they are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from callctl.store.partitions import boundaries
from callctl.store.pool import Pool

_TIMES = frozenset({"started_at", "answered_at", "ended_at"})
_AMOUNTS = {name: name for name in ("price", "tax", "cost")} | {"margin": "price - cost"}
COLUMNS = (
    "call_uuid", "started_at", "answered_at", "ended_at", "state", "kind", "node", "controller", "account", "endpoint",
    "caller", "called", "called_original", "ring_ms", "duration_ms", "billed_seconds", "currency", "price", "tax",
    "cost", "margin", "tariff", "prefix", "destination", "carrier", "attempts", "codec_in", "codec_out", "sip_status",
    "q850", "hangup_cause", "hangup_by", "emergency", "reason", "source_ip", "sip_call_id",
)  # fmt: skip

_MOMENT = "DATE_FORMAT({name}, '%%Y-%%m-%%dT%%H:%%i:%%s.%%fZ') AS {name}"


class Wanted(NamedTuple):
    """Which calls: begun at or after `since`, before `until`, of an account; None: whichever."""

    since: datetime | None = None
    until: datetime | None = None
    account: str | None = None


def records(pool: Pool, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The rows of `cdr`, and each call's margin, by COLUMNS. Raises StoreError.

    Times are as ISO 8601 and amounts as decimals, both text.
    """
    for since, until in _windows(pool, wanted):
        conditions = {
            "started_at >= %s": since,
            "started_at < %s": until,
            "account = %s": wanted.account,
        }
        given = {sql: value for sql, value in conditions.items() if value is not None}
        where = f"WHERE {' AND '.join(given)}" if given else ""
        columns = ", ".join(map(_column, COLUMNS))
        # Without the table's name, these would be sorted by their text.
        sql = f"SELECT {columns} FROM cdr {where} ORDER BY cdr.started_at, cdr.call_uuid"  # noqa: S608  names only
        yield from pool.stream(sql, tuple(given.values()))


def _column(name: str) -> str:
    if name in _TIMES:
        return _MOMENT.format(name=name)
    return f"CAST({_AMOUNTS[name]} AS CHAR) AS {name}" if name in _AMOUNTS else name


def _windows(pool: Pool, wanted: Wanted) -> Iterator[tuple[datetime | None, datetime | None]]:
    """What is wanted, cut where partitions are, so that no sort is of more than one."""
    since = wanted.since
    for boundary in boundaries(pool, "cdr"):
        if (since is None or boundary > since) and (wanted.until is None or boundary < wanted.until):
            yield since, boundary
            since = boundary
    if since is None or wanted.until is None or since < wanted.until:
        yield since, wanted.until
