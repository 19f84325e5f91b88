"""Tariffs in MySQL: a set of rates is written whole under a number of its own, then put in force by one statement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from MySQLdb.cursors import Cursor

from callctl.declaration.tariff import TariffEntry
from callctl.errors import CallctlError, ConfigError, StoreError
from callctl.rating.tariff import Rate, Tariff
from callctl.store import rates
from callctl.store.pool import Connection, Pool

_REMOVED_AT_ONCE = 10_000  # rows; a statement that removes more holds its locks too long
_LONGEST_PREFIX = 20
_WANTED = "SELECT id FROM tariff_generation UNION SELECT generation FROM tariff"
# MariaDB (only it reads the comment) would look up every prefix once more before, to learn how many rates it has.
_UNASKED = "/*M!100310 SET STATEMENT eq_range_index_dive_limit = 1 FOR */ "
_SUMMARY = "SELECT name, currency, rates, generation, changed_at AS changed FROM tariff"


class NoTariff(CallctlError):
    """There is no tariff of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no tariff {name}: `callctl tariff list` names those there are.")


class RatesTwice(CallctlError):
    """Two lines give a prefix a rate from the same moment on."""

    exit_code = 2

    def __init__(self, prefix: str, first: int, second: int) -> None:
        super().__init__(f"Prefix {prefix} has two rates of the same moment, at {first} and {second}: keep one.")
        self.prefix, self.first, self.second = prefix, first, second


class Imported(NamedTuple):
    """What an import put in force."""

    currency: str
    rates: int
    replaced: int  # rates that are no longer in force
    generation: int


def summaries(pool: Pool) -> list[dict[str, Any]]:
    """Name, currency, number of rates, generation and time of change of every tariff."""
    return pool.records(f"{_SUMMARY} ORDER BY name")


def summary(pool: Pool, name: str) -> dict[str, Any]:
    """As `summaries`, of one. Raises NoTariff."""
    for found in pool.records(f"{_SUMMARY} WHERE name = %s", (name,)):
        return found
    raise NoTariff(name)


def beginnings(pool: Pool, name: str, digits: int) -> dict[str, int]:
    """By the first `digits` of their prefixes, how many rates of a tariff are in force."""
    rows = pool.rows(
        "SELECT LEFT(prefix, %s) AS begins, COUNT(*) FROM tariff JOIN tariff_rate ON tariff_rate.tariff = name "
        "AND tariff_rate.generation = tariff.generation WHERE name = %s GROUP BY begins ORDER BY begins",
        (digits, name),
    )
    return dict(rows)


def load(pool: Pool, name: str, number: str) -> Tariff:
    """The tariff with the rates that a call to `number` may have, all of one moment. Raises NoTariff."""
    found = load_several(pool, [name], number)
    if name not in found:
        raise NoTariff(name)
    return found[name]


def load_several(pool: Pool, names: Sequence[str], number: str) -> dict[str, Tariff]:
    """As `load`, of those tariffs that there are, in one statement."""
    prefixes = tuple(number[:length] for length in range(min(len(number), _LONGEST_PREFIX) + 1))
    # One SELECT a tariff: the server finds each's rates by their prefixes, but reads all of several in one.
    of_one = (
        f"SELECT entry, {rates.COLUMNS} FROM "  # noqa: S608  names only
        "(SELECT name, generation AS in_force, body AS entry FROM tariff WHERE name = %s) named "
        "LEFT JOIN tariff_rate ON tariff = name AND generation = in_force AND prefix IN %s"
    )
    values = [value for name in names for value in (name, prefixes)]
    rows = pool.rows(_UNASKED + " UNION ALL ".join([of_one] * len(names)), values)
    found: dict[str, list[Rate]] = {}
    for entry, *columns in rows:
        of_entry = found.setdefault(entry, [])
        if columns[0] is not None:
            of_entry.append(rates.read(columns))
    tariffs = (_parsed(entry).with_rates(of_entry) for entry, of_entry in found.items())
    return {tariff.name: tariff for tariff in tariffs}


@lru_cache(256)  # what is parsed is the text itself, so it can be no other tariff's
def _parsed(entry: str) -> TariffEntry:
    return TariffEntry.model_validate({**orjson.loads(entry), "rates": ()})


def replace_rates(pool: Pool, name: str, currency: str | None, lines: Iterable[tuple[int, str, str, str]]) -> Imported:
    """Put `lines` in force in place of a tariff's rates, all at once; whatever goes wrong before changes nothing.

    Raises RatesTwice, ConfigError (currency), CallctlError (another was faster), StoreError, and what `lines` raises.
    """
    with pool.connection() as connection:
        cursor = connection.cursor()
        _entry(cursor, name, currency)
        generation = _number(cursor, name)
    try:
        count = _write(pool, name, generation, lines)
        with pool.transaction() as cursor:
            # Whoever changes what is configured holds this row, so that they follow each other.
            cursor.execute("SELECT version FROM config_version WHERE id = 1 FOR UPDATE")
            entry = _entry(cursor, name, currency)
            now = {**entry, "rates": f"{count} (generation {generation})"}
            replaced = _put_in_force(cursor, now, generation, count)
            cursor.execute("UPDATE config_version SET version = version + 1 WHERE id = 1")
    finally:
        tidy(pool)
    return Imported(entry["currency"], count, replaced, generation)


def body(entry: TariffEntry, present: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as it is compared and kept: of its rates how many and a mark; those `present` where it names none."""
    kept = entry.model_dump(mode="json", exclude_defaults=True, exclude={"rates"})
    if "rates" in entry.model_fields_set:
        digest = hashlib.sha256(orjson.dumps([each.model_dump() for each in entry.rates], default=_plain))
        kept["rates"] = f"{len(entry.rates)} ({digest.hexdigest()[:12]})"
    elif "rates" in present:
        kept["rates"] = present["rates"]
    return kept


def write(cursor: Cursor, entry: TariffEntry, was: dict[str, Any], now: dict[str, Any]) -> None:
    """Write a tariff whose body changes, within an apply's transaction; its rates only if they are others."""
    if was and was.get("rates") == now.get("rates"):
        cursor.execute(
            "UPDATE tariff SET currency = %s, body = %s WHERE name = %s",
            (entry.currency, orjson.dumps(now), entry.name),
        )
        return
    generation = _number(cursor, entry.name)
    connection = cursor.connection
    assert isinstance(connection, Connection)
    lines = (rates.line(number, each.rate()) for number, each in enumerate(entry.rates))
    count = rates.write(connection, entry.name, generation, lines)
    _put_in_force(cursor, now, generation, count)


def drop(cursor: Cursor, name: str) -> None:
    """Remove a tariff within an apply's transaction; an import of it that is under way will find that out."""
    cursor.execute("DELETE FROM tariff WHERE name = %s", (name,))
    cursor.execute("DELETE FROM tariff_generation WHERE tariff = %s", (name,))


def tidy(pool: Pool) -> None:
    """Remove the rates, of whatever tariff, that are neither in force nor being written, as those of a killed import.

    An import that takes more than a day is told at its end that it lost them. What MySQL does not let go now, the next
    import or apply removes.
    """
    with suppress(StoreError):
        with pool.transaction() as cursor:
            cursor.execute("SELECT version FROM config_version WHERE id = 1 FOR UPDATE")
            cursor.execute(
                "DELETE FROM tariff_generation "
                "WHERE started_at < NOW() - INTERVAL 1 DAY AND id NOT IN (SELECT generation FROM tariff)"
            )
        # In this order: what is begun between the two has no rates yet.
        written = list(_generations(pool))
        wanted = {generation for (generation,) in pool.rows(_WANTED)}
        for name, generation in written:
            if generation not in wanted:
                _remove(pool, name, generation)


def _generations(pool: Pool) -> Iterator[tuple[str, int]]:
    """The tariff and number of each set of rates: one look into the key for each, where DISTINCT reads all rates."""
    found: list[Any] = [("", 0)]
    while found:
        ((name, generation),) = found
        found = pool.rows(
            "SELECT tariff, generation FROM tariff_rate WHERE tariff > %s OR (tariff = %s AND generation > %s) "
            "ORDER BY tariff, generation LIMIT 1",
            (name, name, generation),
        )
        yield from found


def _remove(pool: Pool, name: str, generation: int) -> None:
    """Each statement begins where the one before ended: what was removed is in the way for a while."""
    these = "FROM tariff_rate WHERE tariff = %s AND generation = %s AND prefix >= %s"
    begin = ""
    while True:
        values = (name, generation, begin)
        last = pool.rows(f"SELECT prefix {these} ORDER BY prefix LIMIT 1 OFFSET {_REMOVED_AT_ONCE - 1}", values)
        with pool.connection() as connection:
            if not last:
                connection.cursor().execute(f"DELETE {these}", values)
                return
            ((end,),) = last
            connection.cursor().execute(f"DELETE {these} AND prefix <= %s", (*values, end))
        begin = end


def _write(pool: Pool, name: str, generation: int, lines: Iterable[tuple[int, str, str, str]]) -> int:
    try:
        with pool.connection() as connection:
            count = rates.write(connection, name, generation, lines)
            _refuse_twice(connection.cursor(), name, generation)
    except BaseException:
        with suppress(StoreError), pool.transaction() as cursor:
            cursor.execute("DELETE FROM tariff_generation WHERE id = %s", (generation,))
        raise
    return count


def _number(cursor: Cursor, name: str) -> int:
    cursor.execute("INSERT INTO tariff_generation (tariff) VALUES (%s)", (name,))
    assert cursor.lastrowid is not None
    return int(cursor.lastrowid)


def _entry(cursor: Cursor, name: str, currency: str | None) -> dict[str, Any]:
    """The tariff's body, or that of a new one in `currency`."""
    cursor.execute("SELECT body FROM tariff WHERE name = %s", (name,))
    row = cursor.fetchone()
    if row is None:
        if currency is None:
            raise ConfigError(f"There is no tariff {name} yet: say its currency with --currency.")
        return {"name": name, "currency": currency}
    entry: dict[str, Any] = orjson.loads(row[0])
    if currency not in (None, entry["currency"]):
        raise ConfigError(
            f"Tariff {name} is in {entry['currency']}, not {currency}: leave out --currency or correct it."
        )
    return entry


def _refuse_twice(cursor: Cursor, name: str, generation: int) -> None:
    cursor.execute(
        "SELECT prefix FROM tariff_rate WHERE tariff = %s AND generation = %s GROUP BY prefix "
        "HAVING COUNT(*) > COUNT(DISTINCT COALESCE(effective, '1000-01-01')) LIMIT 1",
        (name, generation),
    )
    for (prefix,) in cursor.fetchall():
        cursor.execute(
            "SELECT MIN(id), MAX(id) FROM tariff_rate WHERE tariff = %s AND generation = %s AND prefix = %s "
            "GROUP BY effective HAVING COUNT(*) > 1",
            (name, generation, prefix),
        )
        raise RatesTwice(prefix, *cursor.fetchall()[0])


def _put_in_force(cursor: Cursor, entry: dict[str, Any], generation: int, count: int) -> int:
    """Make this generation the one that is read, unless a later one is; how many rates that puts out of force."""
    name = entry["name"]
    cursor.execute("DELETE FROM tariff_generation WHERE tariff = %s AND id < %s", (name, generation))
    cursor.execute("SELECT COUNT(*) FROM tariff_generation WHERE id = %s", (generation,))
    if cursor.fetchone() != (1,):
        raise CallctlError(f"Tariff {name} was given other rates, or removed, meanwhile: do it again if need be.")
    cursor.execute("SELECT rates FROM tariff WHERE name = %s FOR UPDATE", (name,))
    replaced = sum(int(rates) for (rates,) in cursor.fetchall())
    cursor.execute(
        "REPLACE INTO tariff (name, currency, generation, rates, body) VALUES (%s, %s, %s, %s, %s)",
        (name, entry["currency"], generation, count, orjson.dumps(entry)),
    )
    return replaced


def _plain(value: Any) -> Any:
    """What JSON lacks, the same in every process: a set has no order of its own."""
    return sorted(value) if isinstance(value, frozenset) else str(value)
