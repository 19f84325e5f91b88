"""A slow second opinion on prices: walks a call increment by increment, reads the wall clock at each, in fractions."""

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

SECOND = 1_000_000


def holding(rates, at_us, zone):
    """The rate at a moment: of each weight the last start on the wall at or before it, today or yesterday."""
    wall = datetime.fromtimestamp(at_us // SECOND, UTC).astimezone(zone).replace(tzinfo=None)
    midnight = wall.replace(hour=0, minute=0, second=0)
    for weight in sorted({rate.weight for rate in rates}, reverse=True):
        starts = sorted(
            (
                (day + timedelta(seconds=rate.when.start), rate.effective_us or 0, rate)
                for rate in rates
                for day in (midnight - timedelta(days=1), midnight)
                if rate.weight == weight and rate.when.on(day.date())
            ),
            key=lambda start: start[:2],
        )
        begun = [start for start in starts if start[0] <= wall]
        today = [start for start in starts if start[0] >= midnight]
        if begun and begun[-1][0] >= midnight:
            return begun[-1][2]
        if begun and today:
            first = max(start[:2] for start in today if start[0] == today[0][0])
            ends = next(rate for *start, rate in today if tuple(start) == first)
            if ends is not begun[-1][2]:
                return begun[-1][2]
    return None


def declared(rates, start_us, duration_us, zone):
    """The exact declared amount, the seconds billed, and whether a maximum cost would have cut the call off."""
    rate = opening = holding(rates, start_us, zone)
    seconds = math.ceil(Fraction(duration_us, SECOND))
    if duration_us <= 0 or duration_us < opening.grace_seconds * SECOND:
        return Fraction(0), 0, False
    amount, cut = _add(rate, Fraction(0), Fraction(rate.connect_fee))
    billed = 0
    while opening.free_seconds + billed < seconds:
        rate = holding(rates, start_us + (opening.free_seconds + billed) * SECOND, zone) or rate
        step = [step for step in rate.steps if step.after <= billed][-1]
        amount, now_cut = _add(rate, amount, Fraction(step.price) * step.increment / step.per)
        cut = cut or now_cut
        billed += step.increment
    return amount, billed, cut


def _add(rate, amount, more):
    if rate.max_cost is None:
        return amount + more, False
    if rate.free_beyond:
        return max(amount, min(amount + more, Fraction(rate.max_cost))), False
    return amount + more, amount + more > rate.max_cost


def rounded(amount, rounding):
    """`amount` as a fraction with that many decimals."""
    scaled = amount * 10**rounding.decimals
    nearest = {"up": math.ceil, "down": math.floor, "half-up": lambda value: math.floor(value + Fraction(1, 2))}
    return Fraction(nearest[rounding.method](scaled), 10**rounding.decimals)


def price_and_total(amount, tariff):
    """Without and with tax."""
    factor = 1 + Fraction(sum(tariff.tax.parts)) / 100
    net, gross = (amount / factor, amount) if tariff.tax.inclusive else (amount, amount * factor)
    return rounded(net, tariff.rounding), rounded(gross, tariff.rounding)
