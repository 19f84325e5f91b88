"""Amounts and micro-units: there and back without losing anything, or an error that says why not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.admission import micro
from callctl.errors import AmountError

UNITS = st.integers(-micro.MOST, micro.MOST)


@given(UNITS)
def test_there_and_back(units: int):
    assert micro.units(micro.money(units)) == units


@given(UNITS, UNITS)
def test_sums_are_those_of_the_amounts_and_exact_in_lua(one: int, other: int):
    assert micro.units((micro.money(one) + micro.money(other)) / 2 * 2 - micro.money(other)) == one
    assert int(float(one + other)) == one + other


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_an_amount_is_taken_exactly_or_not_at_all(amount: Decimal):
    try:
        units = micro.units(amount)
    except AmountError:
        assert abs(amount) * 10**6 > micro.MOST or amount.as_tuple().exponent < -6
    else:
        assert micro.money(units) == amount


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.0000001", "more than 6 decimals"),
        ("1." + "0" * 60 + "1", "more than 6 decimals"),
        ("1E-999999", "more than 6 decimals"),
        ("4503599627.370497", "counted exactly"),
        ("-4503599627.370497", "counted exactly"),
        ("1E+999999", "counted exactly"),
        ("NaN", "counted exactly"),
        ("-Infinity", "counted exactly"),
    ],
)
def test_what_cannot_be_counted_is_refused_saying_why(text: str, says: str):
    with pytest.raises(AmountError, match=says):
        micro.units(Decimal(text))


def test_trailing_zeros_are_no_decimals():
    assert micro.units(Decimal("1." + "0" * 60)) == 10**6


def test_less_than_nothing_is_not_held():
    assert (micro.held(Decimal(0)), micro.units(Decimal("-0.000001"))) == (0, -1)
    with pytest.raises(AmountError, match="less than nothing"):
        micro.held(Decimal("-0.000001"))


def test_a_balance_beyond_is_as_much_as_there_can_be():
    assert [micro.capped(Decimal(text)) for text in ("1e12", "-1e12", "1.5")] == [micro.MOST, -micro.MOST, 1_500_000]
