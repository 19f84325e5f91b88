"""What a call costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from callctl.rating.chain import Stretch, free_beyond, stretches, whole_seconds
from callctl.rating.rounding import Money, charged
from callctl.rating.tariff import SECOND, ZERO, Rate, RateSet
from callctl.rating.window import opening


class Part(NamedTuple):
    """Increments in a row, and what they cost as declared."""

    stretch: Stretch
    cost: Fraction


@dataclass(frozen=True, slots=True)
class Price:
    """What a call costs: `money.total`. The other fields say how it came about."""

    money: Money
    rate: Rate  # that held when the call started
    billed_seconds: int  # the increments begun; free seconds are not among them
    connect_fee: Fraction  # this and the costs of the parts are exact; their sum is what was rounded
    parts: tuple[Part, ...]


def price(rates: RateSet, start_us: int, duration_us: int, zone: tzinfo) -> Price:
    """The price of a call; a call of no duration, or shorter than the grace, costs nothing. Raises NoRate.

    `duration_us` is rounded up to whole seconds before increments are.
    """
    rate = opening(rates, start_us, zone)
    fee = Fraction()
    parts: list[Part] = []
    if duration_us > 0 and duration_us >= rate.grace_seconds * SECOND:
        fee = spent = free_beyond(rate, Fraction(rate.connect_fee))
        for stretch in stretches(rates, rate, start_us, whole_seconds(duration_us), zone):
            parts.append(Part(stretch, stretch.cost(spent)))
            spent += parts[-1].cost
    billed = sum(part.stretch.seconds for part in parts)
    money = charged(fee + sum(part.cost for part in parts), rates.tariff.rounding, rates.tariff.tax)
    return Price(money, rate, billed, fee, tuple(parts))


class Charge(NamedTuple):
    """What a part of a call adds to its price."""

    price: Decimal
    tax: Decimal
    total: Decimal
    billed_seconds: int


def split(rates: RateSet, start_us: int, cuts_us: Sequence[int], zone: tzinfo) -> list[Charge]:
    """A charge for each part of a call that ends at one of `cuts_us` (durations, ascending), the first from its start.

    They add up to the price of the whole to the last unit: rounding, connect fee and increments are those of one call.
    """
    charges = []
    before = Charge(ZERO, ZERO, ZERO, 0)
    for cut_us in cuts_us:
        whole = price(rates, start_us, cut_us, zone)
        now = Charge(whole.money.price, whole.money.tax, whole.money.total, whole.billed_seconds)
        charges.append(
            Charge(
                now.price - before.price,
                now.tax - before.tax,
                now.total - before.total,
                now.billed_seconds - before.billed_seconds,
            )
        )
        before = now
    return charges
