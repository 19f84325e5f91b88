"""What holds for every tariff and every call."""

import ast
import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import callctl.rating
from callctl.rating.longest import longest
from callctl.rating.price import price, split
from callctl.rating.rounding import Rounding, Tax
from callctl.rating.tariff import SECOND, AmbiguousRates, NoRate, Rate, Step, Tariff, When
from tests.unit import rating_reference as reference

ZONES = [
    UTC,
    *map(
        ZoneInfo,
        ["Europe/London", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata"],
    ),
]
PRICES = ["0", "0.01", "0.0333", "0.1", "0.25", "1", "7.000001"]
EXACT, NO_TAX = Rounding(), Tax()
STARTS = [0, 3600, 2 * 3600, 2 * 3600 + 1800, 8 * 3600, 20 * 3600, 86_399]
# around midnights, window borders and the nights on which clocks are turned
MOMENTS = [
    datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC),  # London forward
    datetime(2026, 10, 25, 0, 29, 30, tzinfo=UTC),  # London back
    datetime(2026, 3, 8, 6, 58, tzinfo=UTC),  # New York forward
    datetime(2026, 11, 1, 5, 58, tzinfo=UTC),  # New York back
    datetime(2026, 4, 4, 14, 58, tzinfo=UTC),  # Lord Howe back, by half an hour
    datetime(2026, 4, 23, 21, 58, tzinfo=UTC),  # Cairo forward, at midnight
    datetime(2026, 10, 29, 20, 58, tzinfo=UTC),  # Cairo back, at midnight
    datetime(2026, 12, 31, 23, 58, 30, tzinfo=UTC),
    datetime(2026, 11, 2, 7, 59, 0, tzinfo=UTC),
]


def given(*strategies):
    """As hypothesis, without a deadline: how long an example takes says nothing."""
    return lambda test: hypothesis.settings(deadline=None)(hypothesis.given(*strategies)(test))


amounts = st.sampled_from(PRICES).map(Decimal)


@st.composite
def step_tables(draw):
    afters = [0, *sorted(draw(st.sets(st.integers(1, 400), max_size=2)))]
    return tuple(
        Step(
            after,
            draw(amounts),
            draw(st.sampled_from([1, 7, 60])),
            draw(st.sampled_from([1, 6, 30, 60, 90])),
        )
        for after in afters
    )


whens = st.builds(
    When,
    weekdays=st.sampled_from([frozenset(), frozenset({1, 2, 3, 4, 5}), frozenset({6, 7}), frozenset({7})]),
    months=st.sampled_from([frozenset(), frozenset({12}), frozenset({3, 10, 11})]),
    monthdays=st.sampled_from([frozenset(), frozenset({1, 25, 29, 31})]),
    start=st.sampled_from(STARTS),
)
rates_of_a_prefix = st.builds(
    Rate,
    prefix=st.just("49"),
    steps=step_tables(),
    weight=st.sampled_from([0, 10, 20]),
    when=whens,
    connect_fee=amounts,
    grace_seconds=st.sampled_from([0, 0, 3, 10]),
    free_seconds=st.sampled_from([0, 0, 5, 70]),
    max_cost=st.none() | amounts,
    free_beyond=st.booleans(),
    # Of a named tuple hypothesis makes up what it is not told.
    destination=st.just(""),
    effective_us=st.none(),
    expires_us=st.none(),
)


zones = st.sampled_from(ZONES)
starts = st.builds(
    lambda moment, seconds, part: (int(moment.timestamp()) + seconds) * SECOND + part,
    st.sampled_from(MOMENTS),
    st.integers(-200, 2000),
    st.sampled_from([0, 1, 999_999]),
)
durations = st.builds(
    lambda seconds, part: max(0, seconds * SECOND + part),
    st.sampled_from([0, 1, 2, 59, 60, 61, 600]) | st.integers(0, 2500),
    st.sampled_from([0, 0, 1, -1]),
)
money = st.sampled_from(["-1", "0", "0.01", "0.1", "1", "3.7", "25", "1000.000001"]).map(Decimal) | st.decimals(
    0, 60, places=3
)


def found(rates, start, rounding=EXACT, tax=NO_TAX):
    try:
        return Tariff("made-up", "USD", rates, rounding, tax).find("49", start)
    except AmbiguousRates:
        assume(False)


@st.composite
def calls(draw):
    """A flat or windowed tariff, some with hours that no rate has, and a start and zone that one holds for."""
    rates = draw(st.lists(rates_of_a_prefix, max_size=5))
    if not rates or draw(st.booleans()):
        rates.append(Rate("49", draw(step_tables()), weight=draw(st.sampled_from([-1, 10]))))
    start, zone = draw(starts), draw(zones)
    assume(reference.holding(rates, start, zone) is not None)
    rounding = Rounding(draw(st.sampled_from(["up", "down", "half-up"])), draw(st.integers(0, 6)))
    parts = draw(st.lists(st.sampled_from(["0", "5", "10", "7.25", "0.0001", "33.3"]), max_size=3))
    return found(rates, start, rounding, Tax(draw(st.booleans()), tuple(map(Decimal, parts)))), start, zone


@given(calls(), durations)
def test_agrees_with_a_walk_by_increments(call, duration):
    rates, start, zone = call
    amount, billed, _ = reference.declared(rates.rates, start, duration, zone)
    result = price(rates, start, duration, zone)
    assert result.billed_seconds == billed
    assert (result.money.price, result.money.total) == reference.price_and_total(amount, rates.tariff)
    exact = result.exact(result.connect_fee) + sum(result.exact(stretch.cost) for stretch in result.stretches)
    assert exact == amount


@given(st.lists(rates_of_a_prefix, min_size=1, max_size=3), starts, zones)
def test_no_price_where_no_rate_holds(rates, start, zone):
    assume(reference.holding(rates, start, zone) is None)
    rates = found(rates, start)
    with pytest.raises(NoRate):
        price(rates, start, SECOND, zone)
    with pytest.raises(NoRate):
        longest(rates, start, zone, Decimal(10), 60)


@given(calls(), durations, durations)
def test_a_longer_call_never_costs_less(call, one, other):
    rates, start, zone = call
    shorter = price(rates, start, min(one, other), zone)
    longer = price(rates, start, max(one, other), zone)
    assert shorter.money.total <= longer.money.total
    assert shorter.money.price <= longer.money.price
    assert shorter.billed_seconds <= longer.billed_seconds


@given(calls(), money, st.sampled_from([0, 1, 60, 61, 300, 1200]))
def test_the_longest_is_paid_for_and_one_second_more_is_not(call, balance, at_most):
    rates, start, zone = call
    seconds = longest(rates, start, zone, balance, at_most)
    assert 0 <= seconds <= at_most
    assert price(rates, start, seconds * SECOND, zone).money.total <= max(balance, 0)
    assert not reference.declared(rates.rates, start, seconds * SECOND, zone)[2]
    if seconds < at_most:
        more = (seconds + 1) * SECOND
        cut_off = reference.declared(rates.rates, start, more, zone)[2]
        assert cut_off or price(rates, start, more, zone).money.total > max(balance, 0)


@given(calls(), st.lists(durations, min_size=1, max_size=6))
def test_charges_add_up_to_the_price(call, cuts):
    rates, start, zone = call
    cuts.sort()
    charges = split(rates, start, cuts, zone)
    whole = price(rates, start, cuts[-1], zone)
    assert sum(charge.total for charge in charges) == whole.money.total
    assert sum(charge.price for charge in charges) == whole.money.price
    assert sum(charge.tax for charge in charges) == whole.money.tax
    assert sum(charge.billed_seconds for charge in charges) == whole.billed_seconds
    assert all(charge.total >= 0 and charge.total == charge.price + charge.tax for charge in charges)


@given(calls(), durations)
def test_tax_is_split_without_rest(call, duration):
    rates, start, zone = call
    result = price(rates, start, duration, zone).money
    assert result.price + result.tax == result.total
    assert len(result.taxes) == len(rates.tariff.tax.parts)
    whole = sum(rates.tariff.tax.parts)
    if not whole:
        assert result.tax == 0
        return
    assert sum(result.taxes) == result.tax
    for share, part in zip(result.taxes, rates.tariff.tax.parts, strict=True):
        assert abs(Fraction(share) - Fraction(result.tax) * Fraction(part) / Fraction(whole)) < Fraction(
            1, 10**rates.tariff.rounding.decimals
        )


@given(calls(), durations, st.randoms())
def test_the_order_of_rates_does_not_matter(call, duration, shuffle: random.Random):
    rates, start, zone = call
    shuffled = list(rates.rates)
    shuffle.shuffle(shuffled)
    again = found(shuffled, start, rates.tariff.rounding, rates.tariff.tax)
    assert price(again, start, duration, zone) == price(rates, start, duration, zone)


@given(st.lists(rates_of_a_prefix, min_size=2, max_size=6), st.randoms())
def test_whatever_the_order_two_rates_are_ambiguous(rates, shuffle: random.Random):
    def ambiguous(given_rates):
        try:
            Tariff("made-up", "USD", given_rates, Rounding(), Tax())
        except AmbiguousRates as error:
            one, other = (given_rates[position] for position in error.positions)
            assert (one.weight, one.when.start) == (other.weight, other.when.start)
            return True
        return False

    shuffled = list(rates)
    shuffle.shuffle(shuffled)
    assert ambiguous(rates) == ambiguous(shuffled)


@given(starts, zones, st.integers(1, 6 * 3600))
def test_a_call_cut_anywhere_costs_the_same_by_the_second(start, zone, seconds):
    """With one-second increments and nothing but prices per window, the price adds up over the time of the call."""
    day = Rate("49", (Step(0, Decimal("0.6"), 60, 1),), when=When(start=8 * 3600))
    night = Rate("49", (Step(0, Decimal("0.1"), 60, 1),), when=When(start=20 * 3600))
    small = Rate("49", (Step(0, Decimal("0.3"), 60, 1),), when=When(start=5400))
    rates = Tariff("hours", "USD", [day, night, small], Rounding("up", 6), Tax()).find("49", 0)
    half = seconds // 2
    first = price(rates, start, half * SECOND, zone)
    second = price(rates, start + half * SECOND, (seconds - half) * SECOND, zone)
    whole = price(rates, start, seconds * SECOND, zone)
    exact = [sum(part.exact(stretch.cost) for stretch in part.stretches) for part in (first, second, whole)]
    assert exact[0] + exact[1] == exact[2]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Africa/Cairo", date(2026, 10, 29), 25),
        ("Asia/Shanghai", date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_the_wall_says(zone, day, hours):
    """A rate for one date alone is charged for 23, 24 or 25 hours of it."""
    zone = ZoneInfo(zone)
    cheap = Rate("49", (Step(0, Decimal(1), 3600, 1),))
    dear = cheap._replace(steps=(Step(0, Decimal(1000), 3600, 1),), weight=1, when=When(dates=frozenset({day})))
    rates = Tariff("date", "USD", [cheap, dear], Rounding("up", 6), Tax()).find("49", 0)
    noon_before = datetime.combine(day - timedelta(days=1), time(12), tzinfo=zone)
    start = int(noon_before.timestamp()) * SECOND
    total = price(rates, start, 72 * 3600 * SECOND, zone).money.total
    assert total == hours * 1000 + (72 - hours)


def test_no_binary_fractions_anywhere():
    """Neither a literal nor a name nor a division could make one."""
    for file in Path(callctl.rating.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), (file, node.lineno)
            assert not (isinstance(node, ast.Name) and node.id == "float"), (file, node.lineno)
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                assert "Fraction" in ast.unparse(node), (file, node.lineno)
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"timestamp", "total_seconds"}, (file, node.lineno)


@given(calls(), durations)
def test_results_are_decimals_and_whole_numbers(call, duration):
    rates, start, zone = call
    result = price(rates, start, duration, zone)
    assert {type(value) for value in (*result.money[:3], *result.money.taxes)} == {Decimal}
    assert {type(value) for value in (result.billed_seconds, result.connect_fee, result.scale)} == {int}
    for stretch in result.stretches:
        assert {type(value) for value in stretch[2:]} == {int}
    assert not any(isinstance(value, float) for value in result.rate)
