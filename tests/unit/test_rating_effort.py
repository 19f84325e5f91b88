"""What pricing costs, counted in lines of the engine that run: it grows with steps and borders, not with duration."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import callctl.rating
from callctl.rating.longest import longest
from callctl.rating.price import price
from callctl.rating.rounding import Rounding, Tax
from callctl.rating.tariff import SECOND, Rate, Step, Tariff, When

ROOM = str(Path(callctl.rating.__file__).parent)
START = int(datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()) * SECOND
LONDON = ZoneInfo("Europe/London")
DAY = 86_400
STEPS = (Step(0, Decimal("0.2"), 60, 1), Step(5, Decimal("0.1"), 60, 1))


def lines(act: Callable[[], object]) -> int:
    """How many lines of the rating room `act` runs."""
    count = 0

    def trace(frame, event, _argument):
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename.startswith(ROOM) else None

    act()  # what is computed once and kept
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return count


def tariff(*rates: Rate) -> Tariff:
    return Tariff("t", "USD", rates, Rounding(), Tax())


def test_a_day_takes_no_more_than_ten_seconds():
    rates = tariff(Rate("44", STEPS)).find("44", START)
    short = lines(lambda: price(rates, START, 10 * SECOND, LONDON))
    assert lines(lambda: price(rates, START, DAY * SECOND, LONDON)) == short
    assert lines(lambda: price(rates, START, 300 * DAY * SECOND, LONDON)) == short
    brief = lines(lambda: longest(rates, START, LONDON, Decimal("1000000"), 10))
    assert lines(lambda: longest(rates, START, LONDON, Decimal("1000000"), DAY)) == brief
    assert lines(lambda: longest(rates, START, LONDON, Decimal("1"), DAY)) <= brief + 2


def test_each_border_crossed_adds_the_same():
    day, night = Rate("44", STEPS, when=When(start=8 * 3600)), Rate("44", STEPS, when=When(start=20 * 3600))
    rates = tariff(day, night).find("44", START)
    effort = [lines(lambda days=days: price(rates, START, days * DAY * SECOND, LONDON)) for days in (1, 2, 3, 4)]
    assert effort[1] - effort[0] == effort[2] - effort[1] == effort[3] - effort[2]
    assert effort[1] - effort[0] < 2 * effort[0]


def test_a_border_at_which_nothing_changes_is_no_part_of_the_price():
    rates = tariff(Rate("44", STEPS), Rate("44", STEPS, when=When(months=frozenset({7})), weight=1)).find("44", START)
    assert len(price(rates, START, 30 * DAY * SECOND, LONDON).stretches) == 2


def test_finding_a_prefix_does_not_depend_on_how_many_there_are():
    few = tariff(*(Rate(str(prefix), STEPS) for prefix in range(10_000, 10_010)))
    many = tariff(*(Rate(str(prefix), STEPS) for prefix in range(10_000, 99_999)))
    assert lines(lambda: few.find("100051234", START)) == lines(lambda: many.find("100051234", START))
