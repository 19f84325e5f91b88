"""The `tariffs` list of declarative files: checked, and made into tariffs that price."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, field_validator, model_validator

from callctl.declaration.file import Currency, Entry, Misplaced, Name
from callctl.rating.rounding import Method, Rounding, Tax
from callctl.rating.tariff import AmbiguousRates, Rate, Step, Tariff, When

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


def _quoted(value: Any) -> Any:
    """YAML reads an unquoted 0.1 as a binary number that is not 0.1."""
    if isinstance(value, float | bool):
        raise ValueError(f'write it in quotes: "{value}"')
    return value


def _digits(prefix: str) -> str:
    return prefix.removeprefix("+")


def _second_of_day(text: Any) -> int:
    """Unquoted, YAML reads 18:00:00 as a number in base 60."""
    match = _TIME_OF_DAY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError('write the time of day in quotes: "18:00:00"')
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * 60 + minutes) * 60 + seconds


def _time_of_day(second: int) -> str:
    """As it is written, so that what is kept can be read again."""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def _moment(value: Any) -> Any:
    if isinstance(value, int | float):
        raise ValueError('write a date, or date and time with its offset: "2026-01-01T00:00:00+08:00"')
    return value


def _utc(moment: datetime) -> datetime:
    if not 1000 < moment.year < 9000:  # what MySQL can keep, in any time zone
        raise ValueError("write a year between 1001 and 8999")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Amount = Annotated[Decimal, BeforeValidator(_quoted), Field(ge=0, max_digits=20, decimal_places=10)]
Percentage = Annotated[Decimal, BeforeValidator(_quoted), Field(ge=0, le=1000, decimal_places=6)]
Seconds = Annotated[int, Field(ge=0, le=86_400)]
Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_utc)]


class RoundingEntry(Entry):
    """How the price of a call becomes money, once, at the end."""

    method: Method = "half-up"
    decimals: int = Field(6, ge=0, le=6)


class TaxEntry(Entry):
    """Percentages, on top of the rates (exclusive) or contained in them (inclusive)."""

    mode: Literal["exclusive", "inclusive"] = "exclusive"
    parts: tuple[Percentage, ...] = Field((), max_length=3)


class WhenEntry(Entry):
    """The days a rate holds on, all when none are named, and the time of day it starts, in the account's time zone."""

    weekdays: frozenset[Annotated[int, Field(ge=1, le=7)]] = frozenset()
    months: frozenset[Annotated[int, Field(ge=1, le=12)]] = frozenset()
    monthdays: frozenset[Annotated[int, Field(ge=1, le=31)]] = frozenset()
    dates: frozenset[date] = frozenset()
    start: Annotated[int, BeforeValidator(_second_of_day), PlainSerializer(_time_of_day, when_used="json")] = 0


class StepEntry(Entry):
    """The price from second `after` on."""

    after: Seconds = 0
    price: Amount
    per: int = Field(60, ge=1, le=86_400)
    increment: int = Field(1, ge=1, le=86_400)


class RateEntry(Entry):
    """What a prefix costs. `effective` and `expires` are moments; without an offset they are UTC."""

    prefix: Annotated[str, Field(pattern=r"^\+?[0-9*#]{0,20}$"), AfterValidator(_digits)]
    destination: str = Field("", max_length=100)
    weight: int = Field(0, ge=-1000, le=1000)
    when: WhenEntry = WhenEntry()
    connect_fee: Amount = Decimal(0)
    grace_seconds: Seconds = 0
    free_seconds: Seconds = 0
    steps: tuple[StepEntry, ...] = Field(min_length=1)
    max_cost: Amount | None = None
    beyond_max_cost: Literal["disconnect", "free"] = "disconnect"
    effective: Moment | None = None
    expires: Moment | None = None

    @field_validator("steps")
    @classmethod
    def _ascending(cls, steps: tuple[StepEntry, ...]) -> tuple[StepEntry, ...]:
        if steps[0].after != 0:
            raise ValueError("the first step begins after 0 seconds")
        for one, other in pairwise(steps):
            if other.after <= one.after:
                raise ValueError(f"the step after {one.after} seconds is followed by one after {other.after}")
        return steps

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.max_cost is None and "beyond_max_cost" in self.model_fields_set:
            raise ValueError("beyond_max_cost says nothing without max_cost")
        if self.effective and self.expires and self.expires <= self.effective:
            raise ValueError("a rate expires after it is effective")
        return self

    def rate(self) -> Rate:
        """The rate that prices."""
        return Rate(
            prefix=self.prefix,
            steps=tuple(Step(step.after, step.price, step.per, step.increment) for step in self.steps),
            destination=self.destination,
            weight=self.weight,
            when=When(**dict(self.when)),
            connect_fee=self.connect_fee,
            grace_seconds=self.grace_seconds,
            free_seconds=self.free_seconds,
            max_cost=self.max_cost,
            free_beyond=self.beyond_max_cost == "free",
            effective_us=_microseconds(self.effective),
            expires_us=_microseconds(self.expires),
        )


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)


class TariffEntry(Entry):
    """Rates under one name, in one currency."""

    name: Name
    currency: Currency
    rounding: RoundingEntry = RoundingEntry()
    tax: TaxEntry = TaxEntry()
    rates: tuple[RateEntry, ...] = ()

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        try:
            self.tariff()
        except AmbiguousRates as error:
            first, second = error.positions
            said = f"starts when rates.{first} does and has its weight; change the weight, days or start of one"
            raise Misplaced(("rates", second), said) from error
        return self

    @property
    def key(self) -> str:
        """What names it among tariffs."""
        return self.name

    def tariff(self) -> Tariff:
        """The tariff that prices."""
        return self.with_rates(entry.rate() for entry in self.rates)

    def with_rates(self, rates: Iterable[Rate]) -> Tariff:
        """The tariff that prices by rates that are kept elsewhere."""
        return Tariff(
            self.name,
            self.currency,
            rates,
            Rounding(self.rounding.method, self.rounding.decimals),
            self._tax,
        )

    @cached_property
    def _tax(self) -> Tax:
        """One, as it keeps what it works out."""
        return Tax(self.tax.mode == "inclusive", self.tax.parts)
