"""What one account pays for several legs of a call."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from callctl.rating import basis as rating
from callctl.rating.basis import Basis
from callctl.rating.purse import affords, cost, lasts, purses
from tests.unit.rating_calls import at, stepped, tariff
from tests.wire.budget import fuzz

NOON = at("2026-11-02T12:00:00Z")
ZONES = ("UTC", "Asia/Shanghai")


def basis(rate, account="acme", zone="UTC", name="t"):
    return Basis(account, zone, tariff(rate, name=name).find("442079460000", NOON))


@st.composite
def rates(draw):
    steps = [(0, str(draw(st.integers(0, 60)) / 10), 60, draw(st.sampled_from((1, 6, 30, 60))))]
    if draw(st.booleans()):
        steps.append((60, str(draw(st.integers(0, 60)) / 10), 60, draw(st.sampled_from((1, 6, 60)))))
    return stepped(
        *steps, connect_fee=Decimal(draw(st.integers(0, 9))) / 10, grace_seconds=draw(st.sampled_from((0, 0, 5))),
        free_seconds=draw(st.sampled_from((0, 0, 30))), max_cost=draw(st.sampled_from((None, None, Decimal(3)))),
    )  # fmt: skip


def test_each_account_has_one_purse_in_the_order_they_come():
    one, two, three = (basis(stepped((0, "1", 60, 1)), account) for account in ("a", "b", "a"))
    assert [(purse.account, purse.bases) for purse in purses([one, two, three])] == [("a", (one, three)), ("b", (two,))]


@given(st.lists(rates(), min_size=1, max_size=3), st.integers(0, 200), st.integers(0, 900))
@fuzz(200)
def test_as_long_as_it_affords_is_paid_for_and_a_second_more_is_not(some, tenths, at_most):
    (purse,) = purses([basis(rate) for rate in some])
    money = Decimal(tenths) / 10
    seconds = affords(purse, NOON, money, at_most)
    assert 0 <= seconds <= at_most
    assert cost(purse, NOON, seconds) <= money
    if seconds < min(at_most, lasts(purse, NOON, at_most)):
        assert cost(purse, NOON, seconds + 1) > money


@given(st.lists(rates(), min_size=1, max_size=3), st.integers(0, 900))
@fuzz(100)
def test_it_costs_what_the_charges_of_its_legs_come_to(some, seconds):
    bases = [basis(rate) for rate in some]
    (purse,) = purses(bases)
    charged = [rating.charge(each, NOON, seconds * 10**6, NOON) for each in bases]
    assert cost(purse, NOON, seconds) == sum(each.amount for each in charged)
