"""One partition a day for the tables of records, made ahead of time."""

from __future__ import annotations

from datetime import date, timedelta

from callctl.store.pool import Connection, Pool

TABLES = ("cdr", "cdr_leg", "call_event", "cdr_charge")

_LOCK = "callctl_partitions"


def ensure_partitions(pool: Pool, days_ahead: int) -> int:
    """Split the days from today to `days_ahead` from now off the partition `later`; returns how many were made.

    When another host is at it this does nothing. Raises StoreError.
    """
    with pool.connection() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT GET_LOCK(CONCAT(%s, '.', DATABASE()), 0), UTC_DATE()", (_LOCK,))
        got, today = cursor.fetchone()
        if got != 1:
            return 0
        try:
            return sum(_split(connection, table, today, days_ahead) for table in TABLES)
        finally:
            cursor.execute("SELECT RELEASE_LOCK(CONCAT(%s, '.', DATABASE()))", (_LOCK,))


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
            f"ALTER TABLE {table} REORGANIZE PARTITION later "
            f"INTO ({parts}PARTITION later VALUES LESS THAN MAXVALUE)"
        )
    return len(days)
