"""By what a call is charged, on its way through FreeSWITCH and back."""

import base64
import zlib
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.esl import command
from callctl.rating.basis import Basis, Charge, affords, charge, cost, pack, unpack
from callctl.rating.longest import longest
from callctl.rating.price import price
from callctl.rating.rounding import Rounding, Tax
from callctl.rating.tariff import SECOND, NoRate, Rate, Step, Tariff, When
from callctl.rating.window import holding
from tests.unit.rating_calls import at, by_second, stepped
from tests.unit.test_rating_properties import durations, found, money, rates_of_a_prefix, starts, step_tables, zones
from tests.wire.budget import fuzz
from tests.wire.grammar import packets, set_by

MOMENTS = st.none() | st.integers(-(10**17), 10**17)


@st.composite
def bases(draw):
    """Any, with rates of every kind, and a start that one of them is in force at."""
    start = draw(starts)
    dated = st.builds(
        Rate._replace,
        rates_of_a_prefix,
        destination=st.text(max_size=30),
        when=st.builds(
            When,
            weekdays=st.frozensets(st.integers(1, 7)),
            months=st.frozensets(st.integers(1, 12)),
            dates=st.frozensets(st.dates(), max_size=4),
            start=st.integers(0, 86_399),
        ),
        effective_us=MOMENTS,
        expires_us=MOMENTS,
    )
    always = Rate("49", draw(step_tables()), destination=draw(st.text(max_size=30)), weight=draw(st.integers(-9, 9)))
    rates = [*draw(st.lists(dated, max_size=4)), always]
    rounding = Rounding(draw(st.sampled_from(["up", "down", "half-up"])), draw(st.integers(0, 6)))
    parts = draw(st.lists(st.sampled_from(["0", "5", "7.25", "33.3"]), max_size=3))
    zone = draw(zones.map(str))
    rates = found(rates, start, rounding, Tax(draw(st.booleans()), tuple(map(Decimal, parts))))
    return Basis(draw(st.text(max_size=20)), zone, rates), start


def whole(basis):
    """Everything in it; a Tariff itself is compared by identity."""
    tariff, rates, scale = basis.rates
    return basis.account, basis.zone, tariff.name, tariff.currency, tariff.rounding, tariff.tax, rates, scale


@given(st.lists(bases(), max_size=4))
@fuzz(200)
def test_what_is_packed_comes_back_whole(several):
    packed = pack(basis for basis, _ in several)
    assert packed.isascii()
    assert packed.replace("-", "").replace("_", "").isalnum()
    assert [whole(basis) for basis in unpack(packed)] == [whole(basis) for basis, _ in several]


@given(bases(), durations, money, st.integers(0, 3000))
@fuzz(200)
def test_what_came_back_prices_as_what_was_decided_by(one, duration, balance, seconds):
    basis, start = one
    (back,) = unpack(pack([basis]))
    zone = ZoneInfo(basis.zone)
    expected = price(basis.rates, start, duration, zone)
    charged = charge(back, start, duration, start)
    assert (charged.amount, charged.tax, charged.price) == (
        expected.money.total, expected.money.tax, expected.money.price
    )  # fmt: skip
    assert (charged.billed_seconds, charged.destination) == (expected.billed_seconds, expected.rate.destination)
    assert cost(back, start, seconds) == price(basis.rates, start, seconds * SECOND, zone).money.total
    assert affords(back, start, balance, seconds) == longest(basis.rates, start, zone, balance, seconds)


@given(st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(zlib.compress(data)).decode()))
@fuzz(300)
def test_any_other_text_is_refused(text):
    try:
        bases = unpack(text)
    except ValueError:
        return
    assert bases == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "[", "1", "[[]]", '["a"]', "[" * 100_000, "null",
        '[["a","UTC",["t","USD","up",6,false,[]],"44",[]]]',
        '[["a","Nowhere/Else",["t","USD","up",6,false,[]],"44",[["",[[0,"1",60,1]]]]]]',
        '[["a","UTC",["t","USD","sideways",6,false,[]],"44",[["",[[0,"1",60,1]]]]]]',
        '[["a","UTC",["t","USD","up",6,false,[]],"44",[["",[[0,"1",60,0]]]]]]',
        '[["a","UTC",["t","USD","up",6,false,[]],"44",[["",[[0,"1",0,1]]]]]]',
        '[["a","UTC",["t","USD","up",6,false,[]],"44",[["",[[9,"1",60,1]]]]]]',
        '[["a","UTC",["t","USD","up",6,false,[]],"44",[["",[[0,"x",60,1]]]]]]',
        '[["a","UTC",["t","USD","up",6,false,[]],"44",[["",[]]]]]',
        '[["a","UTC",["t","USD","up",6,false,[]],"44",[["",[[0,"1",60,1]],0,[],"0",0,0,null,false,null,null,1]]]]',
        " " * (1 << 21) + "[]",
    ],
)  # fmt: skip
def test_what_is_no_basis_is_said_to_be_none(text):
    with pytest.raises(ValueError, match="is no basis of charges"):
        unpack(base64.urlsafe_b64encode(zlib.compress(text.encode())).decode())


def test_half_of_a_text_is_none():
    packed = pack([GOLD])
    for end in range(len(packed)):
        with pytest.raises(ValueError, match="is no basis"):
            unpack(packed[:end])


def basis(*rates, zone="UTC", account="acme", rounding=("half-up", 6), tax=(False, ())):
    tariff = Tariff("gold", "USD", rates, Rounding(*rounding), Tax(*tax))
    return Basis(account, zone, tariff.find("442079460000", at("2026-11-02T12:00:00Z")))


NOON = at("2026-11-02T12:00:00Z")
GOLD = basis(by_second("0.6", destination="United Kingdom"), tax=(False, (Decimal(10),)))


def test_a_charge_says_what_was_charged_by_what():
    assert charge(GOLD, NOON, 61 * SECOND + 1, NOON) == Charge(
        "acme", "sell", "gold", "44", "United Kingdom", 62, Decimal("0.682000"), Decimal("0.062000"), "USD"
    )
    assert charge(GOLD, NOON, 62 * SECOND, NOON).price == Decimal("0.62")


class TestNobodysHour:
    """A rate of the morning that a call is decided by, and answered when it no longer holds."""

    MORNING = basis(
        by_second("0.6", destination="morning", when=When(weekdays=frozenset({1}))), zone="Asia/Shanghai"
    )
    DECIDED, ANSWERED = at("2026-11-02T15:59:58Z"), at("2026-11-02T16:00:01Z")  # Monday, and then Tuesday there

    def test_it_is_charged_by_the_rate_that_held_when_it_was_decided(self):
        zone = ZoneInfo("Asia/Shanghai")
        assert holding(self.MORNING.rates, self.ANSWERED, zone) is None
        charged = charge(self.MORNING, self.ANSWERED, 60 * SECOND, self.DECIDED)
        assert (charged.amount, charged.destination) == (Decimal("0.6"), "morning")
        assert cost(self.MORNING, self.ANSWERED, 60, self.DECIDED) == Decimal("0.6")
        assert affords(self.MORNING, self.ANSWERED, Decimal("0.6"), 600, self.DECIDED) == 60

    def test_there_is_no_price_where_none_held_then_either(self):
        for ask in (
            lambda: charge(self.MORNING, self.ANSWERED, SECOND, self.ANSWERED),
            lambda: cost(self.MORNING, self.ANSWERED, 1),
            lambda: affords(self.MORNING, self.ANSWERED, Decimal(1), 1),
        ):
            with pytest.raises(NoRate):
                ask()


def test_the_rates_of_ten_accounts_with_holidays_fit_into_a_variable():
    rates = [
        stepped(
            (0, f"0.0{weight}1234567", 60, 60), (60, f"0.0{weight}7654321", 60, 1),
            weight=weight, destination="United Kingdom London",
            when=When(dates=frozenset(date(2026, 1, 1 + day + weight % 3) for day in range(20)), start=weight * 3600),
        )
        for weight in range(8)
    ]  # fmt: skip
    packed = pack(basis(*rates, account=f"reseller-{level}", zone="Asia/Shanghai") for level in range(10))
    said = packets(command.set_variables("u-1", {"callctl_basis": packed}))[0]
    assert set_by(said.command) == ("u-1", {"callctl_basis": packed})


def test_a_plain_basis_is_short():
    """It stands in every event of the call."""
    assert len(pack([GOLD])) < 200
    assert len(pack([GOLD, GOLD._replace(account="reseller"), GOLD._replace(account="carrier")])) < 240


def test_steps_and_rates_are_whole_after_the_way():
    rate = Rate("44", (Step(0, Decimal("0.10"), 60, 60), Step(60, Decimal("0.1"), 60, 1)), max_cost=Decimal("1E+1"))
    (back,) = unpack(pack([basis(rate)]))
    assert back.rates.rates == (rate,)
    assert back.rates.tariff.find("441", NOON).rates == (rate,)
