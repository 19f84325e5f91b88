"""OV500's database `switch`, as it is read: whole tables of what is configured, rates as they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from callctl.errors import ConfigError
from callctl.store.pool import Pool

Row = Mapping[str, Any]
NEEDED = frozenset({"account", "tariff", "ratecard", "tariff_ratecard_map", "customer_rates", "carrier"})
_RATE = (
    "prefix, destination, rate, connection_charge, minimal_time, resolution_time, grace_period, rate_multiplier, "
    "rate_addition, rates_status"
)


class Source:
    """The tables there are; installations differ in some, which are then empty."""

    def __init__(self, pool: Pool) -> None:
        """Raises ConfigError where this is no database of OV500, StoreError."""
        self._pool = pool
        found = pool.rows("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")
        self._tables = {name for (name,) in found}
        if missing := sorted(NEEDED - self._tables):
            raise ConfigError(
                f"Database {pool.mysql.database} is no database of OV500, for it lacks {', '.join(missing)}: "
                "name the one that is called switch there."
            )

    def rows(self, table: str) -> list[Row]:
        """All rows of a table, in the order they were added; none where there is no such table."""
        if table not in self._tables:
            return []
        return list(self._pool.records(f"SELECT * FROM `{table}` ORDER BY 1"))  # noqa: S608  one of our own words

    def rates(self, table: str, ratecard: str) -> Iterator[Row]:
        """The rates of a ratecard, of table customer_rates or carrier_rates."""
        if table not in self._tables:
            return iter(())
        sql = f"SELECT {_RATE} FROM `{table}` WHERE ratecard_id = %s ORDER BY prefix"  # noqa: S608
        return self._pool.stream(sql, (ratecard,))


def text(row: Row, key: str) -> str:
    """A column as text; empty where there is none."""
    value = row.get(key)
    return "" if value is None else str(value).strip()


def whole(row: Row, key: str) -> int | None:
    """A column as a whole number; None where there is none."""
    try:
        return int(float(text(row, key)))
    except (ValueError, OverflowError):
        return None


def amount(row: Row, key: str, otherwise: str = "0") -> Decimal:
    """A column as money: a double as it reads, not as it is kept."""
    value = row.get(key)
    return Decimal(otherwise) if value is None else Decimal(str(value))


def plain(money: Decimal) -> str:
    """An amount as files have it: no exponent, and no zeros behind it."""
    return f"{money.normalize():f}" if money else "0"
