"""Rates as CSV: read block by block in bounded memory, every fault named by file and line."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from io import StringIO
from itertools import chain
from operator import itemgetter
from typing import BinaryIO, TypeVar

from callctl.declaration.tariff import EPOCH
from callctl.errors import ConfigError
from callctl.rating.tariff import Rate, steps_of

K = TypeVar("K")
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
_EXACT = Context(prec=60)
_BLOCK = 1 << 18  # bytes that are read at once
_LONGEST_LINE = 1 << 16  # bytes
_LONGEST_PREFIX = 20
_PREFIX = re.compile(rf"\+?([0-9*#]{{1,{_LONGEST_PREFIX}}})")
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,10})?")
_SECONDS = re.compile(r"[0-9]{1,5}")
_DAY = 86_400
_KEPT = 1 << 16


class _Made(dict[K, T]):
    """What was made of each key, made when it is asked for first; a hit costs less than one of an lru_cache."""

    def __init__(self, make: Callable[[K], T]) -> None:
        self._make = make

    def __missing__(self, key: K) -> T:
        if len(self) >= _KEPT:
            self.clear()
        made = self[key] = self._make(key)
        return made


def read(file: BinaryIO, name: str, made: Callable[[Rate], T]) -> Iterator[tuple[int, str, str, T]]:
    """Line, prefix, destination and terms of every rate; `made` makes the terms, once for all rates that share them.

    Raises ConfigError that names `name` and the line.
    """
    rows = csv.reader(chain.from_iterable(_blocks(file, name)), strict=True)
    line = 1
    try:
        header = _header(next(rows, []))
        width, at = len(header), header.index("prefix")
        named = header.index("destination") if "destination" in header else None
        take, terms = _sharing(header, made)
        destinations = _Made(_destination)
        line = first = rows.line_num + 1
        for row in rows:
            if row:
                if len(row) != width:
                    raise ValueError(f"there are {len(row)} cells where the header has {width}")
                prefix = row[at]
                if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= _LONGEST_PREFIX):
                    prefix = _prefix(prefix)
                yield line, prefix, "" if named is None else destinations[row[named]], terms[take(row)]
                first = 0
            line = rows.line_num + 1
        if first:
            raise ValueError("there are no rates behind the header")
    except (ValueError, csv.Error) as error:
        raise ConfigError(f"{name}:{line}: {error}.") from error


def _blocks(file: BinaryIO, name: str) -> Iterator[StringIO]:
    """The text, many lines at once; those before a fault are given first, as they may have one themselves."""
    line = 1
    rest = b""  # of a line that goes on in the next block
    while True:
        more = file.read(_BLOCK)
        data = rest + more if rest else more
        end = data.rfind(b"\n") + 1 if more else len(data)
        long = _too_long(data)
        fault = ""
        if long is not None:
            end, fault = long, f"the line is longer than {_LONGEST_LINE} bytes; see that it is CSV"
        try:
            text = data[:end].decode()
        except UnicodeDecodeError as error:
            end, fault = data.rfind(b"\n", 0, error.start) + 1, "this is not UTF-8; save the file as UTF-8"
            text = data[:end].decode()
        yield StringIO(text.removeprefix("\ufeff") if line == 1 else text, newline="\n")
        line += text.count("\n")
        if fault:
            raise ConfigError(f"{name}:{line}: {fault}.")
        if not more:
            return
        rest = data[end:]


def _too_long(data: bytes) -> int | None:
    """Where a line begins that is too long: one look for each that might be, not for each line."""
    begin = 0
    while len(data) - begin >= _LONGEST_LINE:
        end = data.rfind(b"\n", begin, begin + _LONGEST_LINE - 1)
        if end < 0:
            return begin
        begin = end + 1
    return None


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


def _sharing(
    header: list[str], made: Callable[[Rate], T]
) -> tuple[Callable[[list[str]], tuple[str, ...]], _Made[tuple[str, ...], T]]:
    """What takes the cells of terms out of a row, and what `made` makes of them."""
    names = [name for name in header if name in _TERMS]
    places = [header.index(name) for name in names]
    take = itemgetter(*places, places[0])  # the first one twice: of a single place it would take no tuple
    return take, _Made(lambda cells: made(_terms(dict(zip(names, cells, strict=False)))))


def _prefix(cell: str) -> str:
    match = _PREFIX.fullmatch(cell.strip())
    if match is None:
        raise ValueError(f"prefix {cell[:40]!r} is not 1 to 20 digits")
    return match[1]


def _destination(cell: str) -> str:
    text = cell.strip()
    if len(text) > 100 or not text.isprintable():
        raise ValueError(f"destination {text[:40]!r} is longer than 100 characters, or has some that cannot be printed")
    return text


def _terms(cells: dict[str, str]) -> Rate:
    given = {name: cells.get(name, "").strip() or DEFAULTS[name] for name in _TERMS}
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
