"""By which rates the accounts of a call pay, fixed when it is decided, and in a text that the call carries with it.

Whoever settles the call, or pays for more of it, prices it by what was agreed when it began, though the tariff may have
been replaced meanwhile and MySQL be away.
"""

from __future__ import annotations

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from callctl.errors import CallctlError
from callctl.rating.longest import longest
from callctl.rating.price import price, total
from callctl.rating.rounding import Rounding, Tax
from callctl.rating.tariff import ALWAYS, SECOND, ZERO, Rate, RateSet, Step, Tariff, When
from callctl.rating.window import holding

_PLENTY = Decimal(10**12)  # more than any call costs
_MOST = 1 << 20  # characters of JSON; a text that unpacks to more is none of ours
_TERMS: tuple[Any, ...] = (0, [], ZERO, 0, 0, None, False, None, None)  # of a rate with nothing special about it


Side = Literal["sell", "buy"]  # what accounts pay us, what we pay carriers


class Basis(NamedTuple):
    """By what one account pays for a call, or a carrier is paid."""

    account: str
    zone: str
    rates: RateSet


class Charge(NamedTuple):
    """What a call costs one account, or us with a carrier. `amount` contains `tax`."""

    account: str
    side: Side
    tariff: str
    prefix: str
    destination: str
    billed_seconds: int
    amount: Decimal
    tax: Decimal
    currency: str

    @property
    def price(self) -> Decimal:
        """Without tax."""
        return self.amount - self.tax


def charge(basis: Basis, answered_us: int, duration_us: int, decided_us: int, side: Side = "sell") -> Charge:
    """What a call that was answered costs. Where no rate holds at the answer, it is the one that held when decided.

    Raises NoRate where none held then either.
    """
    account, zone, rates = basis
    whole = price(rates, answered_us, duration_us, ZoneInfo(zone), _held_when(basis, decided_us))
    return Charge(
        account=account,
        side=side,
        tariff=rates.tariff.name,
        prefix=whole.rate.prefix,
        destination=whole.rate.destination,
        billed_seconds=whole.billed_seconds,
        amount=whole.money.total,
        tax=whole.money.tax,
        currency=rates.tariff.currency,
    )


def cost(basis: Basis, start_us: int, seconds: int, decided_us: int | None = None) -> Decimal:
    """What so many seconds from `start_us` cost, with tax. Raises NoRate, as `charge` does."""
    otherwise = _held_when(basis, decided_us)
    return total(basis.rates, start_us, seconds * SECOND, ZoneInfo(basis.zone), otherwise)


def affords(basis: Basis, start_us: int, money: Decimal, at_most: int, decided_us: int | None = None) -> int:
    """The most seconds from `start_us`, up to `at_most`, that `money` pays for. Raises NoRate, as `charge` does."""
    return longest(basis.rates, start_us, ZoneInfo(basis.zone), money, at_most, _held_when(basis, decided_us))


def lasts(basis: Basis, start_us: int, at_most: int, decided_us: int | None = None) -> int:
    """The most seconds, up to `at_most`, that its rates let a call last, whatever the money."""
    if not any(rate.max_cost is not None and not rate.free_beyond for rate in basis.rates.rates):
        return at_most
    return affords(basis, start_us, _PLENTY, at_most, decided_us)


def _held_when(basis: Basis, decided_us: int | None) -> Rate | None:
    return None if decided_us is None else holding(basis.rates, decided_us, ZoneInfo(basis.zone))


def pack(bases: Iterable[Basis]) -> str:
    """As a text of letters, digits, - and _."""
    text = orjson.dumps([_plain(basis) for basis in bases], default=str)
    # A window as wide as usual takes ten times as long to lay out as texts like these to compress.
    packed = zlib.compressobj(9, zlib.DEFLATED, 12, 4)
    return urlsafe_b64encode(packed.compress(text) + packed.flush()).decode().rstrip("=")


@lru_cache(1024)  # a call says the same in every event
def unpack(text: str) -> tuple[Basis, ...]:
    """What was packed. Raises ValueError for any text that was not."""
    try:
        opened = zlib.decompressobj()
        data = opened.decompress(urlsafe_b64decode(text + "=" * (-len(text) % 4)), _MOST)
        if not opened.eof:
            raise ValueError("not whole")
        return tuple(_basis(*each) for each in orjson.loads(data))
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, zlib.error, CallctlError) as error:
        raise ValueError(f"{text[:80]!r} is no basis of charges") from error


def _plain(basis: Basis) -> list[Any]:
    tariff, rates, _ = basis.rates
    return [
        basis.account,
        basis.zone,
        [tariff.name, tariff.currency, *tariff.rounding, tariff.tax.inclusive, tariff.tax.parts],
        rates[0].prefix,
        [_plain_rate(rate) for rate in rates],
    ]


def _plain_rate(rate: Rate) -> list[Any]:
    terms = [
        rate.weight, _plain_when(rate.when), rate.connect_fee, rate.grace_seconds, rate.free_seconds, rate.max_cost,
        rate.free_beyond, rate.effective_us, rate.expires_us,
    ]  # fmt: skip
    while terms and terms[-1] == _TERMS[len(terms) - 1]:
        terms.pop()
    return [rate.destination, [[*step] for step in rate.steps], *terms]


def _plain_when(when: When) -> list[Any]:
    if when is ALWAYS:
        return []
    days = [sorted(each) for each in (when.weekdays, when.months, when.monthdays)]
    whole = [when.start, *days, sorted(map(date.toordinal, when.dates))]
    while whole and not whole[-1]:
        whole.pop()
    return whole


def _basis(account: str, zone: str, of_tariff: Sequence[Any], prefix: str, rates: Sequence[Any]) -> Basis:
    ZoneInfo(zone)  # one that this host does not know is found now, not when the call is over
    name, currency, method, decimals, inclusive, parts = of_tariff
    read = tuple(_rate(prefix, *each) for each in rates)
    if not read or method not in {"up", "down", "half-up"} or not all(
        isinstance(each, str) for each in (account, name, currency, prefix)
    ):
        raise ValueError("not a basis")
    tariff = Tariff(name, currency, read, Rounding(method, int(decimals)), Tax(inclusive, tuple(map(Decimal, parts))))
    return Basis(account, zone, RateSet.of(tariff, read))


def _rate(prefix: str, destination: str, steps: Sequence[Any], *terms: Any) -> Rate:
    known = terms + _TERMS[len(terms) :]
    weight, when, fee, grace, free, most, free_beyond, effective, expires = known
    return Rate(
        prefix=prefix,
        steps=_steps(steps),
        destination=destination,
        weight=int(weight),
        when=_when(*when),
        connect_fee=Decimal(fee),
        grace_seconds=int(grace),
        free_seconds=int(free),
        max_cost=None if most is None else Decimal(most),
        free_beyond=free_beyond,
        effective_us=effective,
        expires_us=expires,
    )


def _steps(steps: Sequence[Any]) -> tuple[Step, ...]:
    read = tuple(Step(int(after), Decimal(each), int(per), int(increment)) for after, each, per, increment in steps)
    if read[0].after != 0 or any(step.per < 1 or step.increment < 1 for step in read):
        raise ValueError("not steps")
    return read


def _when(
    start: int = 0,
    weekdays: Iterable[int] = (),
    months: Iterable[int] = (),
    monthdays: Iterable[int] = (),
    dates: Iterable[int] = (),
) -> When:
    return When(
        frozenset(weekdays), frozenset(months), frozenset(monthdays), frozenset(map(date.fromordinal, dates)), start
    )
