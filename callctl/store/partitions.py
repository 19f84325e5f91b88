"""One partition a day for the tables of records: made ahead of time, and dropped when nobody needs the day any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from callctl.errors import CallctlError, StoreError
from callctl.store.pool import Connection, Pool

TABLES = ("cdr", "cdr_leg", "call_event", "cdr_charge")

_LOCK = "callctl_partitions"
_PATIENCE = 10  # seconds to wait for another who makes or drops partitions
_PIECE = 10_000  # numbers of calls looked at in one statement
_BOUNDS = (
    "SELECT partition_name, FROM_DAYS(partition_description) FROM information_schema.partitions "
    "WHERE table_schema = DATABASE() AND table_name = %s AND partition_description <> 'MAXVALUE' "
    "ORDER BY partition_ordinal_position"
)


class Droppable(NamedTuple):
    """Partitions by table, all of days before `day`."""

    day: date
    partitions: Mapping[str, tuple[str, ...]]


def boundaries(pool: Pool, table: str) -> list[datetime]:
    """The moments at which a table's partitions end, oldest first. Raises StoreError."""
    return [datetime.combine(bound, time()) for _, bound in pool.rows(_BOUNDS, (table,))]


def droppable(pool: Pool, before: date) -> Droppable | None:
    """The partitions that hold nothing but days before that one, None where there are none.

    Raises CallctlError where calls of those days wait for their number, and StoreError.
    """
    found = {
        table: [(name, bound) for name, bound in pool.rows(_BOUNDS, (table,)) if bound <= before] for table in TABLES
    }
    if not any(found.values()):
        return None
    day = max(bound for partitions in found.values() for _, bound in partitions)
    ((waiting,),) = pool.rows("SELECT COUNT(*) FROM unsettled WHERE started_at < %s", (day,))
    if waiting:
        raise CallctlError(
            f"{waiting} calls from before {day} have no number yet, so no billing job has seen them: "
            "see that a recorder of `callctl serve` runs, and try again."
        )
    return Droppable(day, {table: tuple(name for name, _ in partitions) for table, partitions in found.items()})


def drop(pool: Pool, what: Droppable) -> int:
    """Drop the records of those days, and the numbers of their calls but for the newest; how many numbers went.

    Ended half-way it can be done again. Raises StoreError.
    """
    with _alone(pool, _PATIENCE) as connection:
        if connection is None:
            raise StoreError(f"Another has been making or dropping partitions for {_PATIENCE} s: try again later.")
        cursor = connection.cursor()
        cursor.execute(
            "INSERT INTO kept_since (id, day) VALUES (1, %s) ON DUPLICATE KEY UPDATE day = GREATEST(day, VALUES(day))",
            (what.day,),
        )
        for table, partitions in what.partitions.items():
            if partitions:
                cursor.execute(f"ALTER TABLE {table} DROP PARTITION {', '.join(partitions)}")
        cursor.execute("SELECT MIN(settled_seq), MAX(settled_seq) FROM settled")
        oldest, newest = (int(number or 0) for number in cursor.fetchone())
        return sum(
            cursor.execute(
                "DELETE FROM settled WHERE settled_seq >= %s AND settled_seq < %s AND started_at < %s",
                (begin, min(begin + _PIECE, newest), what.day),
            )
            for begin in range(oldest, newest, _PIECE)
        )


@contextmanager
def _alone(pool: Pool, patience: int) -> Iterator[Connection | None]:
    """A connection whose user is the only one at partitions, None where another is."""
    with pool.connection() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT GET_LOCK(CONCAT(%s, '.', DATABASE()), %s)", (_LOCK, patience))
        if cursor.fetchone() != (1,):
            yield None
            return
        try:
            yield connection
        finally:
            cursor.execute("SELECT RELEASE_LOCK(CONCAT(%s, '.', DATABASE()))", (_LOCK,))


def ensure_partitions(pool: Pool, days_ahead: int) -> int:
    """Split the days from today to `days_ahead` from now off the partition `later`; returns how many were made.

    When another host is at it this does nothing. Raises StoreError.
    """
    with _alone(pool, 0) as connection:
        if connection is None:
            return 0
        cursor = connection.cursor()
        cursor.execute("SELECT UTC_DATE()")
        (today,) = cursor.fetchone()
        return sum(_split(connection, table, today, days_ahead) for table in TABLES)


def _split(connection: Connection, table: str, today: date, days_ahead: int) -> int:
    cursor = connection.cursor()
    cursor.execute(
        "SELECT MAX(FROM_DAYS(partition_description)) FROM information_schema.partitions "
        "WHERE table_schema = DATABASE() AND table_name = %s AND partition_description <> 'MAXVALUE'",
        (table,),
    )
    begin = max(cursor.fetchone()[0] or today, today)  # the first day that has no partition
    days = [begin + timedelta(days=n) for n in range((today - begin).days + days_ahead + 1)]
    if days:
        parts = "".join(
            f"PARTITION p{day:%Y%m%d} VALUES LESS THAN (TO_DAYS('{day + timedelta(days=1)}')), " for day in days
        )
        cursor.execute(
            f"ALTER TABLE {table} REORGANIZE PARTITION later INTO ({parts}PARTITION later VALUES LESS THAN MAXVALUE)"
        )
    return len(days)
