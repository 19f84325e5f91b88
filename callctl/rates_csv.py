"""Rates as CSV: read line by line in bounded memory, every fault named by file and line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from operator import itemgetter
from typing import BinaryIO, TypeVar

from callctl.declaration_tariff import EPOCH
from callctl.errors import ConfigError
from callctl.rating.tariff import Rate, steps_of

T = TypeVar("T")

# What a column is called, and the text that stands for an empty or missing cell.
DEFAULTS = {
    "prefix": "", "rate": "", "destination": "", "connect_fee": "0", "increment": "1", "minimum": "", "per": "60",
    "grace": "0", "free": "0", "effective": "", "expires": "", "multiplier": "1", "addition": "0", "status": "1",
}  # fmt: skip
# As OV500's sample file and its tables have them.
OTHER_NAMES = {
    "ppm": "rate", "ppc": "connect_fee", "minimal": "minimum", "resolution": "increment",
    "connection_charge": "connect_fee", "minimal_time": "minimum", "resolution_time": "increment",
    "grace_period": "grace", "rate_multiplier": "multiplier", "rate_addition": "addition", "rates_status": "status",
}  # fmt: skip
_TERMS = tuple(name for name in DEFAULTS if name not in ("prefix", "destination"))
_CELLS = ("prefix", "destination", *_TERMS)
_EXACT = Context(prec=60)
_LONGEST_LINE = 1 << 16  # bytes
_PREFIX = re.compile(r"\+?([0-9*#]{1,20})")
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,10})?")
_SECONDS = re.compile(r"[0-9]{1,5}")
_DAY = 86_400


def read(file: BinaryIO, name: str, made: Callable[[Rate], T]) -> Iterator[tuple[int, str, str, T]]:
    """Line, prefix, destination and terms of every rate; `made` makes the terms, once for all rates that share them.

    Raises ConfigError that names `name` and the line.
    """
    rows = csv.reader(_lines(file, name), strict=True)
    line = 1
    try:
        header = _header(next(rows, []))
        take = _taken(header)
        terms = lru_cache(maxsize=1 << 16)(lambda cells: made(_terms(cells)))
        line = first = rows.line_num + 1
        for row in rows:
            if row:
                if len(row) != len(header):
                    raise ValueError(f"there are {len(row)} cells where the header has {len(header)}")
                prefix, destination, *cells = take(row)
                yield line, _prefix(prefix), _destination(destination), terms(tuple(cells))
                first = 0
            line = rows.line_num + 1
        if first:
            raise ValueError("there are no rates behind the header")
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{name}:{line}: {error}.") from error


def _lines(file: BinaryIO, name: str) -> Iterator[str]:
    number = 0
    while data := file.readline(_LONGEST_LINE):
        number += 1
        if len(data) == _LONGEST_LINE:
            raise ConfigError(f"{name}:{number}: the line is longer than {_LONGEST_LINE} bytes; see that it is CSV.")
        try:
            yield data.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{name}:{number}: this is not UTF-8; save the file as UTF-8.") from error


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().lower().replace(" ", "_") for cell in cells]
    names = [OTHER_NAMES.get(name, name) for name in names]
    for name in names:
        if name not in DEFAULTS:
            raise ValueError(f"there is no column {name[:40]!r}; known are {', '.join(DEFAULTS)}")
        if names.count(name) > 1:
            raise ValueError(f"column {name} is there twice; keep one")
    for name in ("prefix", "rate"):
        if name not in names:
            raise ValueError(f"the header lacks {name}; a first line is, say, prefix,destination,rate")
    return names


def _taken(header: list[str]) -> Callable[[list[str]], tuple[str, ...]]:
    """What takes the cells of _CELLS out of a row; for a missing column it takes the default, put behind the row."""
    places = [header.index(name) if name in header else len(header) + at for at, name in enumerate(_CELLS)]
    defaults = [DEFAULTS[name] for name in _CELLS]
    take = itemgetter(*places)
    return lambda row: take(row + defaults)


def _prefix(cell: str) -> str:
    match = _PREFIX.fullmatch(cell.strip())
    if match is None:
        raise ValueError(f"prefix {cell[:40]!r} is not 1 to 20 digits")
    return match[1]


@lru_cache(maxsize=1 << 14)
def _destination(cell: str) -> str:
    text = cell.strip()
    if len(text) > 100 or not text.isprintable():
        raise ValueError(f"destination {text[:40]!r} is longer than 100 characters, or has some that cannot be printed")
    return text


def _terms(cells: tuple[str, ...]) -> Rate:
    given = {name: cell.strip() or DEFAULTS[name] for name, cell in zip(_TERMS, cells, strict=True)}
    if given["status"] != "1":
        raise ValueError("status is not 1: leave out what is blocked, for a rate allows the call")
    price = _kept("rate times multiplier", _EXACT.multiply(_amount("rate", given), _amount("multiplier", given)))
    increment = _seconds("increment", given, 1)
    minimum = _seconds("minimum", given, 0) if given["minimum"] else 0
    effective, expires = _moment("effective", given), _moment("expires", given)
    if effective is not None and expires is not None and expires <= effective:
        raise ValueError("the rate expires before it is effective")
    return Rate(
        prefix="",
        steps=steps_of(price, _seconds("per", given, 1), minimum or increment, increment),
        connect_fee=_kept("connect_fee with addition", _amount("connect_fee", given) + _amount("addition", given)),
        grace_seconds=_seconds("grace", given, 0),
        free_seconds=_seconds("free", given, 0),
        effective_us=effective,
        expires_us=expires,
    )


def _amount(name: str, given: dict[str, str]) -> Decimal:
    if _AMOUNT.fullmatch(given[name]) is None:
        raise ValueError(f"{name} {given[name][:40]!r} is no amount; write one as 0.0125, with 10 decimals at most")
    return Decimal(given[name])


def _kept(name: str, amount: Decimal) -> Decimal:
    """The amount, if MySQL can keep it unrounded."""
    exponent = _EXACT.normalize(amount).as_tuple().exponent
    if isinstance(exponent, int) and exponent < -10:
        raise ValueError(f"{name} has more than 10 decimals; round it")
    return amount


def _seconds(name: str, given: dict[str, str], least: int) -> int:
    if _SECONDS.fullmatch(given[name]) is None or not least <= int(given[name]) <= _DAY:
        raise ValueError(f"{name} {given[name][:40]!r} is no whole number of seconds from {least} to {_DAY}")
    return int(given[name])


def _moment(name: str, given: dict[str, str]) -> int | None:
    text = given[name]
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not 1000 < moment.year < 9000:
        raise ValueError(f"{name} {text[:40]!r} is no moment; write one as 2026-01-01 or 2026-01-01T00:00:00+08:00")
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - EPOCH) // timedelta(microseconds=1)
