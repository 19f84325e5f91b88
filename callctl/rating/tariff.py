"""Tariffs as they are priced by: immutable, so that a whole one is replaced by another and never seen half changed.

Money is Decimal, moments are microseconds since the epoch, everything else that is time is whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations, groupby
from math import lcm
from typing import NamedTuple

from callctl.errors import CallctlError
from callctl.rating.rounding import Rounding, Tax

SECOND = 1_000_000  # microseconds
ZERO = Decimal(0)


class NoRate(CallctlError):
    """Nothing says what the call costs, so it is refused; it is never free for want of a rate."""


class AmbiguousRates(CallctlError):
    """Two rates of a prefix hold at the same time and nothing prefers one; `positions` among those given."""

    exit_code = 2

    def __init__(self, sentence: str, positions: tuple[int, int]) -> None:
        super().__init__(sentence)
        self.positions = positions


class Step(NamedTuple):
    """From second `after` of the charged time on: `price` per `per` seconds, billed in whole `increment`s."""

    after: int
    price: Decimal
    per: int
    increment: int


def steps_of(price: Decimal, per: int, minimum: int, increment: int) -> tuple[Step, ...]:
    """One price, a first increment of `minimum` seconds, then increments: 60/1, 6/6 as trade writes them."""
    first = Step(0, price, per, minimum)
    return (first,) if minimum == increment else (first, Step(minimum, price, per, increment))


@dataclass(frozen=True, slots=True)
class When:
    """The local days on which a rate holds (an empty set: any), and the second of the day it starts."""

    weekdays: frozenset[int] = frozenset()  # Monday is 1
    months: frozenset[int] = frozenset()
    monthdays: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()
    start: int = 0

    def on(self, day: date) -> bool:
        """Whether `day` is one of its days."""
        return (
            (not self.weekdays or day.isoweekday() in self.weekdays)
            and (not self.months or day.month in self.months)
            and (not self.monthdays or day.day in self.monthdays)
            and (not self.dates or day in self.dates)
        )

    def meets(self, other: When) -> bool:
        """Whether both start at once on some day."""
        if self.start != other.start:
            return False
        if dates := self.dates | other.dates:
            return any(self.on(day) and other.on(day) for day in dates)
        pairs = (
            (self.weekdays, other.weekdays),
            (self.months, other.months),
            (self.monthdays, other.monthdays),
        )
        return all(not one or not two or one & two for one, two in pairs)


ALWAYS = When()


class Rate(NamedTuple):
    """What calls to a prefix cost while `when` holds. Steps ascend from 0; at `expires_us` it is no longer in force."""

    prefix: str
    steps: tuple[Step, ...]
    destination: str = ""
    weight: int = 0
    when: When = ALWAYS
    connect_fee: Decimal = ZERO
    grace_seconds: int = 0  # a shorter call costs nothing, not even the connect fee
    free_seconds: int = 0  # at the front of the call; the charged time begins behind them
    max_cost: Decimal | None = None  # as declared: with tax if that is included
    free_beyond: bool = False  # beyond max_cost the call goes on free; else it is cut off
    effective_us: int | None = None
    expires_us: int | None = None

    def in_force(self, at_us: int) -> bool:
        """Whether it is effective and has not expired."""
        return (self.effective_us is None or self.effective_us <= at_us) and (
            self.expires_us is None or at_us < self.expires_us
        )

    @property
    def precedence(self) -> tuple[int, int, int]:
        """The greatest of those whose window holds is the one that counts."""
        effective = -(1 << 63) if self.effective_us is None else self.effective_us
        return self.weight, self.when.start, effective


class RateSet(NamedTuple):
    """The rates of one prefix that are in force when a call starts, greatest precedence first: what prices the call.

    Amounts of theirs are whole numbers of 1/`scale`.
    """

    tariff: Tariff
    rates: tuple[Rate, ...]
    scale: int

    @classmethod
    def of(cls, tariff: Tariff, rates: tuple[Rate, ...]) -> RateSet:
        """With the scale that these rates have."""
        return cls(tariff, rates, _scale(rates))

    def amount(self, money: Decimal) -> int:
        """What is declared as money."""
        numerator, denominator = money.as_integer_ratio()
        return numerator * (self.scale // denominator)

    def each(self, step: Step) -> int:
        """The price of one increment."""
        numerator, denominator = step.price.as_integer_ratio()
        return numerator * step.increment * (self.scale // (denominator * step.per))


class Tariff:
    """Rates by prefix, and how their amounts become money."""

    def __init__(self, name: str, currency: str, rates: Iterable[Rate], rounding: Rounding, tax: Tax) -> None:
        """Raises AmbiguousRates."""
        self.name = name
        self.currency = currency
        self.rounding = rounding
        self.tax = tax
        self._by_prefix = dict(_grouped(rates))
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)

    def find(self, number: str, at_us: int) -> RateSet:
        """The rates of the longest prefix of `number`, in digits, that has any in force at `at_us`. Raises NoRate."""
        for length in self._lengths:
            rates = self._by_prefix.get(number[:length])
            if rates and (in_force := tuple(rate for rate in rates if rate.in_force(at_us))):
                return RateSet.of(self, in_force)
        raise NoRate(f"Tariff {self.name} has no rate in force for {number}: add one for its prefix.")


def _scale(rates: Iterable[Rate]) -> int:
    divisors = []
    for rate in rates:
        divisors += [step.price.as_integer_ratio()[1] * step.per for step in rate.steps]
        divisors.append(rate.connect_fee.as_integer_ratio()[1])
        if rate.max_cost is not None:
            divisors.append(rate.max_cost.as_integer_ratio()[1])
    return lcm(*divisors)


def _grouped(rates: Iterable[Rate]) -> Iterator[tuple[str, tuple[Rate, ...]]]:
    groups: dict[str, list[tuple[int, Rate]]] = {}
    for position, rate in enumerate(rates):
        groups.setdefault(rate.prefix, []).append((position, rate))
    for prefix, group in groups.items():
        if len(group) > 1:
            group.sort(key=_precedence, reverse=True)
            for _, equals in groupby(group, key=_precedence):
                _check(prefix, tuple(equals))
        yield prefix, tuple(rate for _, rate in group)


def _precedence(placed: tuple[int, Rate]) -> tuple[int, int, int]:
    return placed[1].precedence


def _check(prefix: str, equals: Iterable[tuple[int, Rate]]) -> None:
    for (first, one), (second, other) in combinations(equals, 2):
        if one.when.meets(other.when):
            raise AmbiguousRates(
                f"Two rates of prefix {prefix or '(any)'} start at the same time with the same weight: "
                "change the weight, the days or the start of one.",
                (first, second),
            )
