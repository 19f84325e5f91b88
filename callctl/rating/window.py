"""Which rate holds at a moment: by the clock on the wall of the account's time zone.

A rate holds, on each day its `when` names, from its start until another rate of its weight starts: on that day, or in
the small hours of the next if one starts there later that day; else until midnight. Of several the greatest weight
counts, then the latest start. Where clocks are turned the wall still decides: an hour that comes twice is priced twice
by what it reads, one that is left out never comes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from operator import attrgetter
from typing import Protocol, TypeVar

from callctl.rating.tariff import ALWAYS, SECOND, NoRate, Rate, RateSet, When


class Timed(Protocol):
    """What holds at times: a rate, a route."""

    @property
    def weight(self) -> int:
        """Which counts, of several that hold."""
        ...

    @property
    def when(self) -> When:
        """The days it holds on, and from when on."""
        ...


T = TypeVar("T", bound=Timed)

DAY = 86_400  # seconds
WEIGHT = attrgetter("weight")


def opening(rates: RateSet, start_us: int, zone: tzinfo, otherwise: Rate | None = None) -> Rate:
    """The rate that holds when the call starts: its connect fee, grace and free seconds count.

    Where none does it is `otherwise`; without that NoRate is raised.
    """
    rate = holding(rates, start_us, zone) or otherwise
    if rate is None:
        local = datetime.fromtimestamp(start_us // SECOND, zone)
        raise NoRate(
            f"Tariff {rates.tariff.name} has no rate for prefix {rates.rates[0].prefix or '(any)'} that holds at "
            f"{local:%A %Y-%m-%d %H:%M:%S}: add one without `when`, of a lower weight."
        )
    return rate


def holding(rates: RateSet, at_us: int, zone: tzinfo) -> Rate | None:
    """The rate that holds at `at_us`."""
    return of_several(rates.rates, at_us, zone)


def of_several(timed: Sequence[T], at_us: int, zone: tzinfo) -> T | None:
    """The one that holds at `at_us`; they have the greatest weight first, and of one weight the latest start."""
    if len(timed) == 1 and (timed[0].when is ALWAYS or timed[0].when == ALWAYS):  # as most are; no clock is read
        return timed[0]
    local = datetime.fromtimestamp(at_us // SECOND, zone)
    for _, group in groupby(timed, WEIGHT):
        if found := _of_one_weight(tuple(group), local):
            return found
    return None


def _of_one_weight(rates: Sequence[T], local: datetime) -> T | None:
    """The one of one weight that holds at `local`; `rates` have the latest start first."""
    today = [rate for rate in rates if rate.when.on(local.date())]
    if not today:
        return None
    now = _second_of_day(local)
    for rate in today:
        if rate.when.start <= now:
            return rate
    first = next(rate for rate in today if rate.when.start == today[-1].when.start)
    yesterday = local.date() - timedelta(days=1)
    last = next((rate for rate in rates if rate.when.on(yesterday)), None)
    return last if last is not first else None


def going_on(rates: RateSet, rate: Rate, at_us: int, zone: tzinfo) -> Rate:
    """The rate at `at_us` of a call that had `rate` before: where none holds, a call keeps the one it has."""
    if len(rates.rates) == 1:
        return rate
    return holding(rates, at_us, zone) or rate


def change(rates: RateSet, rate: Rate, at_us: int, until_us: int, zone: tzinfo) -> int:
    """The first moment after `at_us` at which another than `rate` holds, at most `until_us`."""
    if len(rates.rates) == 1:
        return until_us
    starts = sorted({other.when.start for other in rates.rates})
    border_us = _border(starts, at_us, zone)
    while border_us < until_us and going_on(rates, rate, border_us, zone) is rate:
        border_us = _border(starts, border_us, zone)
    return min(border_us, until_us)


def _border(starts: Sequence[int], at_us: int, zone: tzinfo) -> int:
    """The next moment after `at_us` at which the wall clock reads a start or midnight, or is turned."""
    second = at_us // SECOND
    local = datetime.fromtimestamp(second, zone)
    now = _second_of_day(local)
    index = bisect_right(starts, now)
    border = second + (starts[index] if index < len(starts) else DAY) - now
    offset = local.utcoffset()
    if datetime.fromtimestamp(border, zone).utcoffset() != offset:
        known = second  # the clock is turned after `known`, at `border` or before
        while border - known > 1:
            middle = (known + border) // 2
            if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
                known = middle
            else:
                border = middle
    return border * SECOND


def _second_of_day(local: datetime) -> int:
    return (local.hour * 60 + local.minute) * 60 + local.second
