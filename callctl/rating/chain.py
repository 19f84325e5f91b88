"""A call as a chain of increments: each is priced by the rate and step in force where it begins, and begins where the
one before it ends, until the talk is covered.

So an increment begun is paid whole, also across the border of a step or window, and the chain of a longer call begins
with that of a shorter one: the price never falls. Increments of one kind are counted, not walked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import NamedTuple

from callctl.rating.tariff import SECOND, Rate, RateSet, Step
from callctl.rating.window import change, going_on


class Stretch(NamedTuple):
    """Increments in a row of one rate and step. Amounts are those of the RateSet."""

    rate: Rate
    step: Step
    begins: int  # in seconds of the charged time
    begins_us: int
    increments: int
    each: int  # the price of one increment
    spent: int  # by the call before it
    cost: int

    @property
    def seconds(self) -> int:
        """What the increments last."""
        return self.increments * self.step.increment


def connect_fee(rates: RateSet, rate: Rate) -> int:
    """What a call that is charged at all has cost before its first increment."""
    return _free_beyond(rates, rate, 0, rates.amount(rate.connect_fee))


def stretches(
    rates: RateSet, rate: Rate, start_us: int, seconds: int, zone: tzinfo, spent: int
) -> Iterator[Stretch]:
    """The chain that covers `seconds` from `start_us`, when `rate` holds; `spent` is the connect fee."""
    origin_us = start_us + rate.free_seconds * SECOND
    covered = seconds - rate.free_seconds
    begins = 0
    while begins < covered:
        begins_us = origin_us + begins * SECOND
        rate = going_on(rates, rate, begins_us, zone)
        step, ends = _step(rate, begins, covered)
        until_us = change(rates, rate, begins_us, origin_us + ends * SECOND, zone)
        increments = -(-(until_us - begins_us) // (step.increment * SECOND))
        each = rates.each(step)
        cost = _free_beyond(rates, rate, spent, increments * each)
        yield Stretch(rate, step, begins, begins_us, increments, each, spent, cost)
        begins += increments * step.increment
        spent += cost


def _step(rate: Rate, begins: int, covered: int) -> tuple[Step, int]:
    """The step in force, and where the next one begins or the talk ends."""
    current = rate.steps[0]
    for step in rate.steps[1:]:
        if step.after > begins:
            return current, min(step.after, covered)
        current = step
    return current, covered


def _free_beyond(rates: RateSet, rate: Rate, spent: int, cost: int) -> int:
    """What is left of `cost` when the rate lets a call that has cost its maximum go on free."""
    if rate.max_cost is None or not rate.free_beyond:
        return cost
    return min(cost, max(0, rates.amount(rate.max_cost) - spent))
