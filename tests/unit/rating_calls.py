"""Rates and calls in few words, for examples."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from callctl.declaration.tariff import EPOCH
from callctl.rating.longest import longest
from callctl.rating.price import price
from callctl.rating.rounding import Rounding, Tax
from callctl.rating.tariff import SECOND, Rate, Step, Tariff

NO_TAX = Tax()


def at(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def by_second(per_minute: str, **fields) -> Rate:
    return Rate(fields.pop("prefix", "44"), (Step(0, Decimal(per_minute), 60, 1),), **fields)


def stepped(*steps, **fields) -> Rate:
    return Rate("44", tuple(Step(after, Decimal(amount), per, step) for after, amount, per, step in steps), **fields)


def tariff(*rates, rounding=("half-up", 6), tax=NO_TAX, name="t", currency="USD") -> Tariff:
    return Tariff(name, currency, rates, Rounding(*rounding), tax)


def priced(rates, seconds, start="2026-11-02T12:00:00Z", zone=UTC, **rules):
    found = tariff(*rates, **rules).find("442079460000", at(start))
    return price(found, at(start), int(Decimal(str(seconds)) * SECOND), zone)


def total(rates, seconds, start="2026-11-02T12:00:00Z", zone=UTC, **rules):
    return priced(rates, seconds, start, zone, **rules).money.total


def lasts(rates, money, at_most=86_400, start="2026-11-02T12:00:00Z", zone=UTC, **rules):
    found = tariff(*rates, **rules).find("442079460000", at(start))
    return longest(found, at(start), zone, Decimal(money), at_most)
