"""Rates as rows of `tariff_rate`: written by the thousand, read back as what prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from MySQLdb import DataError, string_literal
from MySQLdb.constants import ER

from callctl.declaration.tariff import EPOCH
from callctl.rating.tariff import ALWAYS, ZERO, Rate, Step, When, steps_of
from callctl.store import loading
from callctl.store.pool import Connection

_STATEMENT = 1 << 19  # characters, without the key; longer ones are no faster
COLUMNS = (
    "prefix, destination, weight, connect_fee, price, per, `increment`, minimum, grace, free, effective, expires, body"
)
_INSERT = f"INSERT INTO tariff_rate (tariff, generation, id, {COLUMNS})"
# Reads a row as SQL would: a text is quoted, NULL is not.
_LOAD = (
    f"LOAD DATA LOCAL INFILE '{loading.NAME}' INTO TABLE tariff_rate CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' "
    f"OPTIONALLY ENCLOSED BY '\\'' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' (id, {COLUMNS})"
)


class Line(NamedTuple):
    """A rate to be written: a file of a million has few different terms, so their SQL is made once for each."""

    id: int
    prefix: str
    destination: str
    terms: str


def line(number: int, rate: Rate) -> Line:
    """The rate with this number in its list."""
    return Line(number, rate.prefix, rate.destination, terms(rate))


def terms(rate: Rate) -> str:
    """The columns of a rate behind its prefix and destination, as SQL."""
    first, last = rate.steps[0], rate.steps[-1]
    body: dict[str, Any] = {}
    if rate.steps != steps_of(first.price, first.per, first.increment, last.increment):
        body["steps"] = [(step.after, str(step.price), step.per, step.increment) for step in rate.steps]
    if rate.when != ALWAYS:
        when = rate.when
        days = {name: sorted(getattr(when, name)) for name in ("weekdays", "months", "monthdays", "dates")}
        body["when"] = {**days, "start": when.start}
    if rate.max_cost is not None:
        body["max_cost"] = str(rate.max_cost)
        body["free_beyond"] = rate.free_beyond
    return ",".join((
        str(rate.weight), f"{rate.connect_fee:f}", f"{first.price:f}", str(first.per), str(last.increment),
        str(first.increment), str(rate.grace_seconds), str(rate.free_seconds), _moment(rate.effective_us),
        _moment(rate.expires_us), _quoted(orjson.dumps(body).decode()) if body else "NULL",
    ))  # fmt: skip


def read(columns: Iterable[Any]) -> Rate:
    """The rate of a row's COLUMNS."""
    prefix, destination, weight, fee, price, per, increment, minimum, grace, free, effective, expires, text = columns
    body = orjson.loads(text) if text else {}
    steps = tuple(Step(after, Decimal(each), *rest) for after, each, *rest in body.get("steps", ()))
    max_cost = body.get("max_cost")
    return Rate(
        prefix=prefix,
        steps=steps or steps_of(_plain(price), per, minimum, increment),
        destination=destination,
        weight=weight,
        when=_when(body["when"]) if "when" in body else ALWAYS,
        connect_fee=_plain(fee),
        grace_seconds=grace,
        free_seconds=free,
        max_cost=None if max_cost is None else Decimal(max_cost),
        free_beyond=body.get("free_beyond", False),
        effective_us=_microseconds(effective),
        expires_us=_microseconds(expires),
    )


def write(connection: Connection, tariff: str, generation: int, lines: Iterable[tuple[int, str, str, str]]) -> int:
    """Write a generation of Lines and return how many rates it has; while MySQL works, the next statement is made.

    By LOAD DATA where the connection loads and the server lets it, else by INSERT, which takes twice as long.
    """
    key = f"{_quoted(tariff)},{generation:d}"
    load = f"{_LOAD} SET tariff = {_quoted(tariff)}, generation = {generation:d}"
    loads = connection.loads
    count = sent = 0
    for rows in _batches(lines):
        if sent:
            _taken(connection, sent)
        loads = loads and loading.send(connection, load, "\n".join(rows).encode())
        if not loads:
            values = f"),({key},".join(rows)
            connection.send_query(f"{_INSERT} VALUES ({key},{values})".encode())
        sent = len(rows)
        count += sent
    if sent:
        _taken(connection, sent)
    return count


def _taken(connection: Connection, rows: int) -> None:
    """Wait until what was sent is written; what an INSERT refuses, LOAD DATA changes or leaves out with a warning."""
    connection.answered()
    if connection.affected_rows() != rows or connection.warning_count():
        cursor = connection.cursor()
        cursor.execute("SHOW WARNINGS LIMIT 1")
        _, code, message = cursor.fetchone() or ("", ER.DUP_ENTRY, "fewer rates were written than were sent")
        raise DataError(code, message)


def _batches(lines: Iterable[tuple[int, str, str, str]]) -> Iterator[list[str]]:
    """Rows of as many characters as a statement may have, in SQL without their first two columns."""
    rows: list[str] = []
    length = 0
    for number, prefix, destination, terms in lines:
        quoted = f"'{prefix}'" if prefix.isalnum() else _literal(prefix)
        row = f"{number:d},{quoted},{_quoted(destination)},{terms}"
        rows.append(row)
        length += len(row)
        if length > _STATEMENT:
            yield rows
            rows = []
            length = 0
    if rows:
        yield rows


def _literal(text: str) -> str:
    literal: Any = string_literal(text.encode())  # bytes, whatever the stubs say
    return str(literal, "utf-8")


_quoted = lru_cache(maxsize=1 << 14)(_literal)  # for what comes again and again


def _moment(at_us: int | None) -> str:
    if at_us is None:
        return "NULL"
    return f"'{EPOCH + timedelta(microseconds=at_us):%Y-%m-%d %H:%M:%S.%f}'"


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def _plain(money: Decimal) -> Decimal:
    """Without the zeros that the column's ten decimals add."""
    if not money:
        return ZERO
    return Decimal(f"{money.normalize():f}")


def _when(days: dict[str, Any]) -> When:
    return When(
        frozenset(days["weekdays"]),
        frozenset(days["months"]),
        frozenset(days["monthdays"]),
        frozenset(map(date.fromisoformat, days["dates"])),
        days["start"],
    )
