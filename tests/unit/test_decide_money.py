"""What is decided of a call that costs: who pays by which rate, how long that lasts, what is held and said."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.call.decide import decide
from callctl.call.explain import told
from callctl.call.facts import trace
from callctl.directory import Snapshot
from callctl.language import say
from callctl.model import Endpoint, Limits
from callctl.rating.basis import affords, cost
from callctl.world import Demand, Near
from tests.unit.company import (
    ACCOUNTS,
    DIRECTORY,
    ENDPOINTS,
    PAID_CALL,
    TARIFFS,
    World,
    decided_paid,
    request,
    settings,
)
from tests.unit.rating_calls import at, by_second, stepped, tariff
from tests.wire.budget import fuzz


def steps(decision):
    return {step.check: step for step in decision.steps}


def said(decision, check, lang="en"):
    return say(steps(decision)[check].message, lang)


def priced(shop, base=TARIFFS["base"], **world):
    """A world where shop pays by these rates."""
    return World(tariffs={"gold": tariff(*shop, name="gold"), "base": base}, **world)


FREE = tariff(by_second("0", prefix=""), name="base")


def test_every_level_with_a_tariff_holds_money_for_the_first_slice_and_the_connect_fee():
    world = World()
    evening = at("2026-11-22T20:00:00Z")  # in Shanghai the next day has begun
    decision = decided_paid(world, asked={"started_us": evening, "at_us": evening})
    assert [demand.account for demand in world.held] == ["shop", "reseller"]
    # 60 s of 0.6 a minute, and the fee
    assert world.held[0] == Demand("shop", Decimal("0.7"), Decimal("0.11"), Decimal(0), "2026-11-23", Decimal(5))
    assert world.held[1] == Demand("reseller", Decimal("0.3"), Decimal("0.005"), Decimal(100), "2026-11-22", None)
    assert [(basis.account, basis.zone, basis.rates.tariff.name) for basis in decision.bases] == [
        ("shop", "Asia/Shanghai", "gold"), ("reseller", "UTC", "base"),
    ]  # fmt: skip
    assert (decision.max_seconds, decision.paid_seconds, decision.ending) == (14_400, 60, "slice")


def test_the_rates_of_all_levels_are_asked_for_at_once_and_a_tariff_once():
    for own, asked in (("base", ["gold", "base"]), ("gold", ["gold"])):
        world = World()
        decided_paid(world, reseller={"tariff": own})
        assert [question for question in world.asked if question[1] == "1001"] == [(asked, "1001")]


def test_a_number_is_priced_as_prefixes_are_written():
    world = World()
    directory = Snapshot(1, ACCOUNTS, [*ENDPOINTS, Endpoint("shop", "+1001@example.net", "+1001", "example.net")])
    decide(request(**PAID_CALL | {"called": "+1001"}), directory, world, settings(("onnet",)))
    assert (["gold", "base"], "1001") in world.asked


def test_each_check_says_its_numbers():
    decision = decided_paid(World(money={"shop": "4.5"}))
    assert said(decision, "charge") == (
        "1001 costs (tariff, prefix, a minute): shop gold 10 Home 0.6 USD/min, reseller base * 0.3 USD/min"
    )
    assert said(decision, "money") == (
        "paid for 60 of at most 14400 s; held of available (held by other calls, spent today): "
        "shop 0.7/4.5 USD (0.5, 1.25), reseller 0.3/10 USD (0.5, 1.25)"
    )
    assert told(decision, "en")["paid_seconds"] == trace(decision)["paid_seconds"] == 60


def test_a_refusal_names_the_level_and_its_numbers():
    assert said(decided_paid(World(money={"reseller": "money"})), "money") == (
        "account reseller has 0 USD available (0.5 is held by other calls); the first increment costs 0.005"
    )
    assert said(decided_paid(World(money={"shop": "day"})), "money") == (
        "account shop has spent 1.25 of 5 USD today (0.5 is held by other calls); the first increment costs 0.11"
    )
    dear = decided_paid(shop={"price_per_minute": Decimal("0.59")})
    assert said(dear, "charge") == (
        "account shop pays at most 0.59 USD a minute, and this is dearer: gold 10 Home 0.6 USD/min"
    )


def test_a_call_lasts_as_long_as_the_level_with_the_least_money():
    decision = decided_paid(World(money={"shop": "0.5", "reseller": "0.1"}))
    assert (decision.paid_seconds, decision.ending) == (20, "money")
    assert "there is no more" in said(decision, "money")


def test_the_longest_a_tariff_or_the_account_allows_is_not_the_moneys():
    cut = priced([by_second("0.6", prefix="10", max_cost=Decimal("0.3"))])
    decision = decided_paid(cut)
    assert (decision.max_seconds, decision.paid_seconds, decision.ending) == (30, 30, "time")
    short = decided_paid(shop={"max_duration": 45})
    assert (short.max_seconds, short.paid_seconds, short.ending) == (45, 45, "time")


def test_a_slice_is_no_shorter_than_the_first_increment():
    decision = decided_paid(priced([stepped_to_10((0, "1", 60, 90))], FREE))
    assert (decision.paid_seconds, decision.ending) == (90, "slice")


def stepped_to_10(*steps_, **fields):
    return stepped(*steps_, **fields)._replace(prefix="10")


def test_a_call_too_short_to_be_charged_is_of_no_use():
    world = priced([by_second("0.6", prefix="10", grace_seconds=5)])
    decided_paid(world)
    assert (world.held[0].need, world.held[0].want) == (Decimal("0.05"), Decimal("0.6"))


class TestFree:
    def test_a_level_that_the_first_seconds_cost_nothing_is_not_asked(self):
        world = priced([by_second("0.6", prefix="10")], FREE, money={"reseller": "money"})
        decision = decided_paid(world)
        assert [demand.account for demand in world.held] == ["shop"]
        assert [basis.account for basis in decision.bases] == ["shop", "reseller"]
        assert decision.paid_seconds == 60

    def test_a_call_that_costs_nobody_anything_needs_no_money(self):
        world = priced([by_second("0", prefix="10")], FREE, money=RuntimeError("asked"))
        decision = decided_paid(world)
        assert (decision.paid_seconds, decision.ending) == (14_400, "time")
        assert steps(decision)["money"].verdict == "skip"
        assert [basis.account for basis in decision.bases] == ["shop", "reseller"], "it is charged nothing"

    def test_free_seconds_are_paid_for_without_money_and_end_unless_more_is_paid(self):
        world = priced([by_second("0.6", prefix="10", free_seconds=300)], FREE, money={"shop": "money"})
        decision = decided_paid(world)
        assert world.held == []
        assert (decision.paid_seconds, decision.ending) == (300, "slice")

    def test_a_call_of_a_kind_that_is_not_rated_is_nobodys_to_pay(self):
        world = World()
        decision = decide(request(**PAID_CALL), DIRECTORY, world, settings(()))
        assert (decision.bases, world.held, decision.paid_seconds) == ((), [], 14_400)
        assert steps(decision).keys() & {"barring", "charge", "money"} == set()

    def test_a_call_of_accounts_without_tariff_costs_nothing_and_that_is_said(self):
        decision = decided_paid(asked={"asserted": "1001@example.net", "called": "102"})
        assert steps(decision)["charge"].verdict == "skip"
        assert (decision.bases, decision.paid_seconds) == ((), 14_400)

    def test_what_a_node_sent_on_was_paid_for_there(self):
        called = request(called="conf_1", source_ip="10.9.0.2", hop="c-0", asserted="")
        decision = decide(called, DIRECTORY, World(), settings(("conference",)))
        assert decision.bases == ()


def test_places_that_a_call_took_are_known_though_it_is_refused():
    """So that they are given back when it ends."""
    decision = decided_paid(World(money={"shop": "money"}), shop={"limits": Limits(calls=3)})
    assert decision.levels == ("account shop",)
    assert decision.bases == ()


class TestNear:
    def test_a_call_that_leaves_little_of_a_limit_says_so(self):
        decision = decided_paid(World(money={"shop": "0.8"}), shop={"spend_per_day": Decimal("2.5")})
        assert decision.near == (
            Near("shop", "money", Decimal("1.2"), Decimal("1.3")),
            Near("shop", "spend_per_day", Decimal("2.45"), Decimal("2.5")),
        )

    def test_one_that_leaves_enough_says_nothing(self):
        assert decided_paid(shop={"spend_per_day": Decimal(5)}).near == ()

    @pytest.mark.parametrize(("calls", "near"), [(2, True), (3, False)])
    def test_places_are_such_a_limit_too(self, calls, near):
        """The world says that two are taken."""
        decision = decided_paid(shop={"limits": Limits(calls=calls)})
        assert decision.near == ((Near("shop", "calls", 2, calls),) if near else ())
        of_phone = decide(request(asserted="5001@example.net", called="1001"), DIRECTORY, World(), settings())
        assert of_phone.near == (Near("branch", "calls of endpoint 5001@example.net", 2, 2),)


@given(
    st.lists(
        st.tuples(st.sampled_from(["0", "0.01", "0.6", "7"]), st.sampled_from(["0", "0.1"]), st.integers(1, 90)),
        min_size=2, max_size=2,
    ),
    st.tuples(*[st.decimals(0, 20, places=4)] * 2),
)  # fmt: skip
@fuzz(200)
def test_what_is_paid_for_is_held_at_every_level(rates, money):
    shop, base = (
        stepped_to_10((0, price, 60, increment), connect_fee=Decimal(fee)) for price, fee, increment in rates
    )
    have = dict(zip(("shop", "reseller"), money, strict=True))
    world = priced([shop], tariff(base, name="base"), money=have)
    decision = decided_paid(world)
    if "money" in {step.check for step in decision.steps if step.reason}:
        assert any(have[demand.account] < demand.need for demand in world.held)
        return
    wanted = {demand.account: demand for demand in world.held}
    for basis in decision.bases:
        start = request().started_us
        held = min(wanted[basis.account].want, have[basis.account]) if basis.account in wanted else Decimal(0)
        assert cost(basis, start, decision.paid_seconds) <= held
        assert decision.paid_seconds <= affords(basis, start, held, 14_400)
