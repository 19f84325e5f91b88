"""A call as a chain of increments: each is priced by the rate and step in force where it begins, and begins where the
one before it ends, until the talk is covered.

So an increment begun is paid whole, also across the border of a step or window, and the chain of a longer call begins
with that of a shorter one: the price never falls. Increments of one kind are counted, not walked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from fractions import Fraction
from typing import NamedTuple

from callctl.rating.tariff import SECOND, Rate, RateSet, Step
from callctl.rating.window import change, holding


class Stretch(NamedTuple):
    """Increments in a row of one rate and step; `begins` in seconds of the charged time."""

    rate: Rate
    step: Step
    begins: int
    begins_us: int
    increments: int

    @property
    def seconds(self) -> int:
        """What the increments last."""
        return self.increments * self.step.increment

    @property
    def each(self) -> Fraction:
        """The declared price of one increment."""
        return Fraction(self.step.price) * self.step.increment / self.step.per

    def cost(self, spent: Fraction) -> Fraction:
        """What it adds to a call that has cost `spent`."""
        return free_beyond(self.rate, self.increments * self.each, spent)


def free_beyond(rate: Rate, cost: Fraction, spent: Fraction = Fraction()) -> Fraction:
    """What is left of `cost` when the rate lets a call go on free beyond its maximum."""
    if rate.max_cost is None or not rate.free_beyond:
        return cost
    return min(cost, max(Fraction(), Fraction(rate.max_cost) - spent))


def whole_seconds(duration_us: int) -> int:
    """A second begun is a second talked."""
    return -(-duration_us // SECOND)


def stretches(rates: RateSet, rate: Rate, start_us: int, seconds: int, zone: tzinfo) -> Iterator[Stretch]:
    """The chain that covers `seconds` from `start_us`, when `rate` holds; where no rate holds, the last goes on."""
    origin_us = start_us + rate.free_seconds * SECOND
    covered = seconds - rate.free_seconds
    begins = 0
    while begins < covered:
        begins_us = origin_us + begins * SECOND
        rate = holding(rates, begins_us, zone) or rate
        step, ends = _step(rate, begins, covered)
        until_us = change(rates, rate, begins_us, origin_us + ends * SECOND, zone)
        increments = -(-(until_us - begins_us) // (step.increment * SECOND))
        yield Stretch(rate, step, begins, begins_us, increments)
        begins += increments * step.increment


def _step(rate: Rate, begins: int, covered: int) -> tuple[Step, int]:
    """The step in force, and where the next one begins or the talk ends."""
    current = rate.steps[0]
    for step in rate.steps[1:]:
        if step.after > begins:
            return current, min(step.after, covered)
        current = step
    return current, covered
