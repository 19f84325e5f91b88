"""What a call costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from callctl.rating.chain import Stretch, connect_fee, stretches
from callctl.rating.rounding import Money, Rounding, charged, with_tax
from callctl.rating.tariff import SECOND, ZERO, Rate, RateSet
from callctl.rating.window import opening


@dataclass(frozen=True, slots=True)
class Price:
    """What a call costs: `money.total`. The other fields say how it came about."""

    money: Money
    rate: Rate  # that held when the call started
    billed_seconds: int  # the increments begun; free seconds are not among them
    connect_fee: int  # this and the cost of each stretch, in 1/scale, add up to what was rounded
    stretches: tuple[Stretch, ...]
    scale: int

    def exact(self, amount: int) -> Fraction:
        """The connect fee or the cost of a stretch."""
        return Fraction(amount, self.scale)


def price(
    rates: RateSet, start_us: int, duration_us: int, zone: tzinfo, otherwise: Rate | None = None
) -> Price:
    """The price of a call; a call of no duration, or shorter than the grace, costs nothing.

    `duration_us` is rounded up to whole seconds before increments are. `otherwise` opens the call where no rate holds
    at its start; without it NoRate is raised.
    """
    rate = opening(rates, start_us, zone, otherwise)
    fee, chain = _charged_time(rates, rate, start_us, duration_us, zone)
    billed = chain[-1].begins + chain[-1].seconds if chain else 0
    money = charged(_spent(fee, chain), rates.scale, rates.tariff.rounding, rates.tariff.tax)
    return Price(money, rate, billed, fee, chain, rates.scale)


def total(
    rates: RateSet, start_us: int, duration_us: int, zone: tzinfo, otherwise: Rate | None = None
) -> Decimal:
    """`price(...).money.total`, without the rest."""
    rate = opening(rates, start_us, zone, otherwise)
    spent = _spent(*_charged_time(rates, rate, start_us, duration_us, zone))
    return with_tax(spent, rates.scale, rates.tariff.rounding, rates.tariff.tax)


def _charged_time(
    rates: RateSet, rate: Rate, start_us: int, duration_us: int, zone: tzinfo
) -> tuple[int, tuple[Stretch, ...]]:
    """The connect fee, and the increments begun."""
    if duration_us <= 0 or duration_us < rate.grace_seconds * SECOND:
        return 0, ()
    fee = connect_fee(rates, rate)
    return fee, tuple(stretches(rates, rate, start_us, -(-duration_us // SECOND), zone, fee))


def _spent(fee: int, chain: tuple[Stretch, ...]) -> int:
    return chain[-1].spent + chain[-1].cost if chain else fee


def per_minute(rates: RateSet, rate: Rate) -> Decimal:
    """What a minute costs by the dearest step of a rate, with tax; neither fee nor increments nor rounding is in it."""
    more, less = (1, 1) if rates.tariff.tax.inclusive else rates.tariff.tax.factor
    prices = ((step.price.as_integer_ratio(), step.per) for step in rate.steps)
    tenths = Rounding("up", 10)
    return tenths.money(max(tenths.units(each * 60 * more, of * per * less) for (each, of), per in prices))


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
