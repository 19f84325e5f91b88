"""How long a balance lasts: the chain of `price`, walked until the money ends."""

from __future__ import annotations

from datetime import tzinfo
from decimal import Decimal
from fractions import Fraction

from callctl.rating.chain import Stretch, free_beyond, stretches
from callctl.rating.rounding import Limit, limit
from callctl.rating.tariff import Rate, RateSet
from callctl.rating.window import opening


def longest(rates: RateSet, start_us: int, zone: tzinfo, money: Decimal, at_most_seconds: int) -> int:
    """The most whole seconds, up to `at_most_seconds`, whose total `money` pays and no maximum cost cuts off.

    A destination that costs nothing is allowed without money. Raises NoRate.
    """
    rate = opening(rates, start_us, zone)
    paid = limit(money, rates.tariff.rounding, rates.tariff.tax)
    forgiven = max(0, rate.grace_seconds - 1)  # shorter than the grace, so free without any money
    spent = free_beyond(rate, Fraction(rate.connect_fee))
    if not all(bound.allows(spent) for bound in _bounds(rate, paid)):
        return min(forgiven, at_most_seconds)
    for stretch in stretches(rates, rate, start_us, at_most_seconds, zone):
        increments = _affordable(stretch, spent, paid)
        if increments < stretch.increments:
            talked = rate.free_seconds + stretch.begins + increments * stretch.step.increment
            return min(max(forgiven, talked), at_most_seconds)
        spent += stretch.cost(spent)
    return at_most_seconds


def _affordable(stretch: Stretch, spent: Fraction, paid: Limit) -> int:
    """How many of the stretch's increments every bound allows."""
    whole = spent + stretch.cost(spent)
    return min(
        stretch.increments if bound.allows(whole) else bound.times(stretch.each, spent)
        for bound in _bounds(stretch.rate, paid)
    )


def _bounds(rate: Rate, paid: Limit) -> list[Limit]:
    """The money, and the maximum cost where the rate cuts a call off there."""
    if rate.max_cost is None or rate.free_beyond:
        return [paid]
    return [paid, Limit(Fraction(rate.max_cost))]
