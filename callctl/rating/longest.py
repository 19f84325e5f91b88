"""How long a balance lasts: the chain of `price`, walked until the money ends."""

from __future__ import annotations

from datetime import tzinfo
from decimal import Decimal

from callctl.rating.chain import Stretch, connect_fee, stretches
from callctl.rating.rounding import most_declared
from callctl.rating.tariff import Rate, RateSet
from callctl.rating.window import opening


def longest(
    rates: RateSet,
    start_us: int,
    zone: tzinfo,
    money: Decimal,
    at_most_seconds: int,
    otherwise: Rate | None = None,
) -> int:
    """The most whole seconds, up to `at_most_seconds`, whose total `money` pays and no maximum cost cuts off.

    A destination that costs nothing is allowed without money. `otherwise` opens the call where no rate holds at its
    start; without it NoRate is raised.
    """
    rate = opening(rates, start_us, zone, otherwise)
    paid = most_declared(money, rates.scale, rates.tariff.rounding, rates.tariff.tax)
    talked = max(0, rate.grace_seconds - 1)  # shorter than the grace, so free without any money
    fee = connect_fee(rates, rate)
    if fee > _bound(rates, rate, paid):
        return min(talked, at_most_seconds)
    for stretch in stretches(rates, rate, start_us, at_most_seconds, zone, fee):
        increments = _affordable(stretch, _bound(rates, stretch.rate, paid))
        if increments < stretch.increments:
            talked = max(talked, rate.free_seconds + stretch.begins + increments * stretch.step.increment)
            return min(talked, at_most_seconds)
    return at_most_seconds


def _affordable(stretch: Stretch, bound: int) -> int:
    """How many of the stretch's increments keep the call's cost within `bound`."""
    if stretch.spent + stretch.cost <= bound:
        return stretch.increments
    if stretch.spent > bound:
        return 0
    return (bound - stretch.spent) // stretch.each


def _bound(rates: RateSet, rate: Rate, paid: int) -> int:
    """What the call may have cost: the money, or the maximum cost where the rate cuts a call off there."""
    if rate.max_cost is None or rate.free_beyond:
        return paid
    return min(paid, rates.amount(rate.max_cost))
