"""Reading records back: one call, whole."""

from __future__ import annotations

from typing import Any

import orjson

from callctl.store.pool import Pool


def find(pool: Pool, call: str) -> dict[str, Any] | None:
    """A call's row with its `legs` and `events`, oldest first, and its `charges`; None when MySQL has no such call.

    Raises StoreError.
    The shortest beginning of a UUID that only one call has is enough, as `callctl tail` shows.
    """
    pattern = call.replace("\\", "").replace("%", "").replace("_", "") + "%"
    rows = pool.records("SELECT * FROM cdr WHERE call_uuid LIKE %s ORDER BY started_at DESC LIMIT 2", (pattern,))
    exact = [row for row in rows if row["call_uuid"] == call]
    if not exact and len(rows) != 1:
        return None
    row = (exact or rows)[0]
    key = (row["call_uuid"], row["started_at"])
    where = "WHERE call_uuid = %s AND started_at = %s"
    row["trace"] = orjson.loads(row["trace"]) if row["trace"] else {}
    row["legs"] = pool.records(f"SELECT * FROM cdr_leg {where} ORDER BY leg, dialed_at", key)  # noqa: S608
    row["events"] = pool.records(f"SELECT seq, at, event, data FROM call_event {where} ORDER BY at, seq", key)  # noqa: S608
    row["charges"] = pool.records(f"SELECT * FROM cdr_charge {where} ORDER BY side, account, part", key)  # noqa: S608
    for event in row["events"]:
        event["data"] = orjson.loads(event["data"]) if event["data"] else {}
    return row
