"""Calls to the outside: who may make them, which carriers they are offered to, what they cost, and who pays."""

from dataclasses import replace
from decimal import Decimal

import pytest

from callctl.call.decide import decide
from callctl.call.explain import told
from callctl.call.facts import trace
from callctl.directory import Snapshot
from callctl.errors import StoreError
from callctl.language import say
from callctl.model import Account, Endpoint, Limits
from callctl.outside import (
    CallerIds,
    Carrier,
    Did,
    Floor,
    Forward,
    Gateway,
    Outside,
    Quality,
    Rewriting,
    Route,
    RouteEntry,
    Target,
)
from callctl.plan import Bridge, Reject
from callctl.rating.tariff import When
from callctl.reason import Reason
from callctl.routing.numbers import Rule
from callctl.world import Located, Near
from tests.unit.company import ACCOUNTS, ENDPOINTS, OTHER_EDGE, ROOMS, World, request, settings
from tests.unit.rating_calls import by_second, tariff

NUMBER = "442079460000"
FIRST, SECOND = Gateway("198.51.100.1:5060"), Gateway("198.51.100.2:5060", priority=1)
CHEAP = Carrier("cheap", tariff="t-cheap", calls=30, cps=5, gateways=(FIRST, SECOND), direct=True)
GOOD = Carrier("good", tariff="t-good", gateways=(Gateway("203.0.113.200:5060"),), caller_id="rpid")
DEAR = Carrier("dear", tariff="t-dear", gateways=(Gateway("203.0.113.201:5060"),), direct=True)
FOREIGN = Carrier("foreign", tariff="t-foreign", gateways=(Gateway("203.0.113.202:5060"),), direct=True)
UNPRICED = Carrier("unpriced", gateways=(Gateway("203.0.113.203:5060"),), direct=True)
SHUT = Carrier("shut", active=False, tariff="t-cheap", gateways=(FIRST,))
CARRIERS = (CHEAP, GOOD, DEAR, FOREIGN, UNPRICED, SHUT)
TARIFFS = {
    "retail": tariff(by_second("0.6", prefix="44"), name="retail"),
    "whole": tariff(by_second("0.5", prefix=""), name="whole"),
    "t-cheap": tariff(by_second("0.1", prefix="4420"), name="t-cheap"),
    "t-good": tariff(by_second("0.2", prefix=""), name="t-good"),
    "t-dear": tariff(by_second("0.7", prefix=""), name="t-dear"),
    "t-foreign": tariff(by_second("0.2", prefix=""), name="t-foreign", currency="EUR"),
}
CALLER = Endpoint("customer", "8001@example.net", "8001", "example.net", extension="1")
MATE = Endpoint("customer", "8002@example.net", "8002", "example.net", extension="2")
SELLER = Account("seller", tariff="whole")
CUSTOMER = Account("customer", parent="seller", tariff="retail", routes="out")
RATED = ("pstn", "did")
GREAT = Quality(1000, 1.0, 600, 0.1)


def entry(*carriers, prefix="", **fields):
    return RouteEntry(prefix, tuple(each if isinstance(each, tuple) else (each, 1) for each in carriers), **fields)


def directory(entries=None, customer=(), worth=None, dids=(), mate=None, carriers=CARRIERS, others=(), **plan):
    entries = entries or [entry("cheap", "good")]
    by_prefix = {}
    for each in entries:
        by_prefix[each.prefix] = (*by_prefix.get(each.prefix, ()), each)
    around = Outside(
        {}, worth or {}, {each.name: each for each in carriers}, {"out": Route("out", entries=by_prefix, **plan)},
        {each.number: each for each in dids},
    )  # fmt: skip
    accounts = (*ACCOUNTS, *others, SELLER, replace(CUSTOMER, **dict(customer)))
    return Snapshot(1, accounts, (*ENDPOINTS, CALLER, replace(MATE, **(mate or {}))), around, ROOMS)


def decided(known=None, world=None, rated=RATED, failed=None, codec_check=("onnet",), **asked):
    called = request(**{"asserted": CALLER.name, "called": NUMBER, **asked})
    configured = settings(rated, codec_check=codec_check)
    return decide(called, known or directory(), world or World(tariffs=TARIFFS), configured, failed or {})


def tried(decision):
    return [[(leg.carrier, leg.gateway, leg.edge and leg.edge.edge) for leg in legs] for legs in decision.plan.attempts]


def carriers(decision):
    return list(dict.fromkeys(leg.carrier for legs in decision.plan.attempts for leg in legs))


def said(decision, check="route", lang="en"):
    return [say(step.message, lang) for step in decision.steps if step.check == check]


def last_key(decision):
    return decision.steps[-1].message.key


# where to


@pytest.mark.parametrize("dialled", [NUMBER, f"+{NUMBER}", f"00{NUMBER}"])
def test_a_number_that_is_none_of_ours_goes_to_the_accounts_carriers(dialled):
    world = World(tariffs=TARIFFS)
    decision = decided(called=dialled, world=world)
    assert (decision.kind, decision.account, decision.destination) == ("pstn", "customer", f"number {NUMBER}")
    assert decision.called == NUMBER
    (gateway,) = GOOD.gateways
    assert [legs[0][:2] for legs in tried(decision)] == [
        ("cheap", FIRST.address), ("cheap", SECOND.address), ("good", gateway.address), ("good", gateway.address),
    ]  # fmt: skip
    assert {leg.number for legs in decision.plan.attempts for leg in legs} == {NUMBER}
    assert [basis.account for basis in decision.bases] == ["customer", "seller"]
    questions = [asked for asked in world.asked if asked[-1] == NUMBER]
    assert questions == [(["retail", "whole", "t-cheap", "t-good"], NUMBER)], "MySQL is asked once"


@pytest.mark.parametrize("called", ["2", "8002", "conf_3001"])
def test_what_is_ours_stays_inside(called):
    assert isinstance(decided(called=called).plan, Bridge) or decided(called=called).kind == "conference"


def test_an_account_without_routes_calls_nobody_outside():
    assert decided(directory(customer={"routes": ""})).plan == Reject(Reason.NUMBER_UNKNOWN)


@pytest.mark.parametrize("called", ["alice", "*123", "12a"])
def test_only_digits_go_outside(called):
    assert decided(called=called).plan == Reject(Reason.NUMBER_UNKNOWN)


JANUARY = When(months=frozenset({1}))


@pytest.mark.parametrize(
    ("entries", "key"),
    [
        ([entry("cheap", prefix="33")], "destination.no_route"),
        ([entry("cheap", when=JANUARY)], "destination.no_route"),
        ([entry("cheap"), entry(prefix="4420")], "destination.not_routed"),
    ],
)
def test_a_number_that_the_plan_does_not_lead_out_is_refused(entries, key):
    decision = decided(directory(entries))
    assert (decision.plan, last_key(decision)) == (Reject(Reason.NO_ROUTE), key)


def test_the_longest_prefix_decides():
    assert carriers(decided(directory([entry("good"), entry("cheap", prefix="4420")]))) == ["cheap"]


# which carriers


def test_the_cheapest_for_this_call_comes_first():
    fee = TARIFFS | {"t-cheap": tariff(by_second("0.1", prefix="", connect_fee=Decimal(1)), name="t-cheap")}
    plan = [entry("good", "cheap", choose="least-cost")]
    assert carriers(decided(directory(plan))) == ["cheap", "good"]
    long_call, short_call = directory(plan, expected_seconds=3600), directory(plan, expected_seconds=60)
    assert carriers(decided(long_call, World(tariffs=fee))) == ["cheap", "good"]
    assert carriers(decided(short_call, World(tariffs=fee))) == ["good"], "with its fee it is dearer than what is paid"


def test_a_carrier_that_costs_more_than_the_caller_pays_is_left_out():
    assert carriers(decided(directory([entry("dear", "cheap")]))) == ["cheap"]
    assert carriers(decided(directory([entry("dear", "cheap", allow_loss=True)]))) == ["dear", "cheap"]


def test_a_reseller_who_pays_less_than_his_customer_has_no_dearer_carrier():
    between = TARIFFS | {"t-good": tariff(by_second("0.55", prefix=""), name="t-good")}
    known = directory([entry("good", "cheap")])
    assert carriers(decided(known, World(tariffs=between))) == ["cheap"]
    assert carriers(decided(directory([entry("good", "cheap")], customer={"parent": ""}), World(tariffs=between))) == [
        "good", "cheap"
    ]  # fmt: skip


def test_another_currency_counts_by_what_it_is_worth():
    plan = [entry("foreign", "good", choose="least-cost")]
    assert carriers(decided(directory(plan, worth={"EUR": Decimal("0.9"), "USD": Decimal(1)}))) == ["foreign", "good"]
    assert carriers(decided(directory(plan, worth={"EUR": Decimal("1.1"), "USD": Decimal(1)}))) == ["good", "foreign"]
    assert carriers(decided(directory(plan, worth={"EUR": Decimal("3.01"), "USD": Decimal(1)}))) == ["good"]
    (leg,) = decided(directory(plan, worth={"EUR": Decimal("0.9"), "USD": Decimal(2)})).plan.attempts[0]
    assert (leg.buy.worth, leg.buy.paid_worth) == (Decimal("0.9"), Decimal(2))


LEFT_OUT = {
    "carrier.closed": ("shut", {}, {}),
    "carrier.dearer": ("dear", {}, {}),
    "carrier.no_tariff": ("unpriced", {}, {}),
    "carrier.no_rate": ("cheap", {}, {"called": "443300000000"}),
    "carrier.no_worth": ("foreign", {}, {}),
    "carrier.no_gateway": ("cheap", {"carriers": [replace(CHEAP, gateways=())]}, {}),
    "carrier.no_edge": ("good", {"carriers": [replace(GOOD, edges=("elsewhere",))]}, {}),
    "carrier.no_codec": ("cheap", {"carriers": [replace(CHEAP, codecs=("G729",))]}, {"codec_check": ("pstn",)}),
}


@pytest.mark.parametrize("key", LEFT_OUT)
def test_it_is_said_why_a_carrier_is_left_out(key):
    name, known, asked = LEFT_OUT[key]
    decision = decided(directory([entry(name)], **known), **asked)
    assert decision.plan == Reject(Reason.NO_CARRIER)
    step = next(step for step in decision.steps if step.message.key == key)
    assert (step.check, step.verdict, step.message.values["carrier"]) == ("route", "skip", name)
    assert name in say(step.message, "en")
    assert name in say(step.message, "zh")


def test_where_nobody_pays_no_carrier_is_too_dear():
    for customer in ({"tariff": "", "parent": ""}, {}):
        rated = RATED if customer else ("did",)
        decision = decided(directory([entry("unpriced", "dear")], customer=customer), rated=rated)
        assert (carriers(decision), decision.bases) == (["unpriced", "dear"], ())


def test_while_mysql_is_away_a_call_that_costs_nobody_goes_on():
    free = directory(customer={"tariff": "", "parent": ""})
    assert carriers(decided(free, World(tariffs=StoreError("MySQL is away.")))) == ["cheap", "good"]
    assert decided(world=World(tariffs=StoreError("MySQL is away."))).plan == Reject(Reason.RATES_AWAY)


def test_each_leg_knows_what_it_costs_us_and_what_its_carrier_takes():
    first = decided().plan.attempts[0][0]
    assert (first.buy.basis.account, first.buy.basis.rates.tariff.name) == ("cheap", "t-cheap")
    assert first.limits == Limits(30, 5)
    assert (first.ring_timeout, first.progress_timeout, first.shown_by) == (60, 10, "pai")


def test_numbers_are_as_the_carrier_wants_them():
    rules = Rewriting(called=(Rule("44", 2, "0"),), caller=(Rule("", 0, "+"),))
    known = directory([entry("cheap")], carriers=[replace(CHEAP, outgoing=rules)])
    leg = decided(known).plan.attempts[0][0]
    assert (leg.number, leg.caller_id) == ("02079460000", "+8001")


def test_edges_share_the_calls_and_each_may_stand_in_for_another():
    known = directory([entry("good")])
    begins = {decided(known, call_uuid=f"c-{number}").plan.attempts[0][0].edge.edge for number in range(30)}
    assert begins == {"edge-a", "edge-b"}
    assert {edge for ((_, _, edge),) in tried(decided(known))} == {"edge-a", "edge-b"}
    only = directory([entry("good")], carriers=[replace(GOOD, edges=(OTHER_EDGE.name,))])
    assert tried(decided(only)) == [[("good", GOOD.gateways[0].address, "edge-b")]]


def test_no_carrier_is_called_by_an_edge_that_is_down():
    world = World(tariffs=TARIFFS)
    world.down = ("edge-a",)
    known = directory([entry("good")])
    assert {tried(decided(known, world, call_uuid=f"c-{number}"))[0][0][2] for number in range(9)} == {"edge-b"}
    assert len(tried(decided(known, world))) == 1


def test_carriers_are_chosen_by_what_they_did_lately():
    world = World(tariffs=TARIFFS)
    world.qualities = {"cheap": Quality(50, 0.4, 60, 2), "good": Quality(60, 0.555, 61.5, 1.25), "other": GREAT}
    plan = entry("cheap", "good", prefix="44", choose="quality")
    decision = decided(directory([plan]), world)
    assert carriers(decision) == ["good", "cheap"]
    assert "44" in world.asked
    assert said(decision)[1] == (
        "carrier good lately: of 60 calls to 44 56% were answered and lasted 62 s; it rings after 1.2 s"
    )
    floor = replace(plan, floor=Floor(asr=0.5, probe=0))
    assert carriers(decided(directory([floor]), world)) == ["good"]
    again = World(tariffs=TARIFFS)
    assert carriers(decided(directory([replace(plan, choose="priority")]), again)) == ["cheap", "good"]
    assert "44" not in again.asked, "only who chooses by quality asks for it"


def test_a_plan_may_try_several_carriers_at_once():
    plan = [entry("cheap", "dear", "good", fork=2, allow_loss=True)]
    assert [[leg[0] for leg in legs] for legs in tried(decided(directory(plan)))] == [
        ["cheap", "dear"], ["cheap"], ["good"], ["good"],
    ]  # fmt: skip


def test_a_call_decided_anew_is_decided_the_same():
    plan = directory([entry(("cheap", 1), ("dear", 1), ("good", 1), choose="share", allow_loss=True)])
    assert decided(plan).plan == decided(plan).plan
    firsts = [carriers(decided(plan, call_uuid=f"c-{number}"))[0] for number in range(60)]
    assert set(firsts) == {"cheap", "dear", "good"}


def test_its_setup_time_and_what_leads_to_the_next_are_the_plans():
    plan = decided(directory(budget=33, next_on=frozenset({"503"}))).plan
    assert (plan.budget, plan.next_on) == (33, frozenset({"503"}))


def test_when_it_failed_at_every_carrier_the_reason_is_given():
    decision = decided(failed={f"number {NUMBER}": Reason.BUSY})
    assert (decision.plan, decision.goes_on) == (Reject(Reason.BUSY), False)


def test_a_carrier_that_is_full_is_passed_over():
    world = World(tariffs=TARIFFS, full={"carrier cheap": "cps"})
    decision = decided(world=world)
    assert (carriers(decision), decision.levels) == (["good"], ())
    assert ("c-1", ["carrier cheap"]) in world.asked
    step = next(step for step in decision.steps if step.check == "limits")
    assert (step.verdict, step.message.values["level"]) == ("skip", "carrier cheap")
    both = directory(carriers=[CHEAP, replace(GOOD, calls=1)])
    full = World(tariffs=TARIFFS, full={"carrier cheap": "calls", "carrier good": "calls"})
    assert decided(both, full).plan == Reject(Reason.CARRIERS_FULL)


def test_that_a_carrier_is_nearly_full_is_no_customers_to_know():
    known = directory(carriers=[replace(CHEAP, calls=2), GOOD])
    assert decided(known).near == (Near("", "calls of carrier cheap", 2, 2),)


def test_only_the_place_of_the_carrier_that_is_tried_is_taken():
    plan = [entry("good", "cheap")]
    assert decided(directory(plan)).levels == ()
    assert decided().levels == ("carrier cheap",)
    at_once = decided(directory([entry("good", "cheap", fork=2)]))
    assert at_once.levels == ("carrier cheap",)


def test_a_gateway_by_another_edge_is_tried_last():
    assert [leg[0][0] for leg in tried(decided(directory([entry("good", "cheap")])))] == [
        "good", "cheap", "cheap", "good"
    ]  # fmt: skip


def test_where_nobody_pays_carriers_compare_in_a_currency_that_is_worth_something():
    strange = TARIFFS | {"t-foreign": tariff(by_second("0.1", prefix=""), name="t-foreign", currency="XAU")}
    known = directory(
        [entry("foreign", "good", "cheap", choose="least-cost")], customer={"tariff": "", "parent": ""},
        worth={"USD": Decimal(1)},
    )  # fmt: skip
    decision = decided(known, World(tariffs=strange))
    assert carriers(decision) == ["cheap", "good", "foreign"], "who cannot be compared comes last"
    assert "nobody pays" in said(decision)[-1]
    worths = {(leg.buy.worth, leg.buy.paid_worth) for legs in decision.plan.attempts for leg in legs}
    assert worths == {(1, 1)}, "what each costs is recorded in its own currency"
    free = decided(known, World(tariffs=strange), rated=())
    assert carriers(free) == ["cheap", "good", "foreign"], "what they cost is asked for though the kind is not rated"


def test_a_hair_dearer_in_another_currency_is_dearer():
    costs = TARIFFS | {
        "retail": tariff(by_second("0.000001", prefix=""), name="retail"), "whole": TARIFFS["whole"],
        "t-foreign": tariff(by_second("0.000001", prefix=""), name="t-foreign", currency="EUR"),
    }  # fmt: skip
    plan = [entry("foreign")]
    same = {"USD": Decimal("3"), "EUR": Decimal("3")}
    assert carriers(decided(directory(plan, worth=same), World(tariffs=costs))) == ["foreign"]
    hair = same | {"EUR": Decimal("3.0000000000000000000000000000000001")}
    assert decided(directory(plan, worth=hair), World(tariffs=costs)).plan == Reject(Reason.NO_CARRIER)


def test_the_number_shown_is_that_of_the_prefix_in_international_form():
    shown = CallerIds(for_prefix=(("44", "442079460999"),))
    decision = decided(directory(customer={"caller_ids": shown}), called=f"00{NUMBER}")
    assert decision.plan.attempts[0][0].caller_id == "442079460999"


# what is said


def test_every_candidate_is_told_with_its_price():
    decision = decided(directory([entry("dear", "good", "cheap", choose="least-cost")]))
    assert said(decision) == [
        "1. carrier cheap: costs 0.3 USD, gateways 198.51.100.1:5060, 198.51.100.2:5060",
        "2. carrier good: costs 0.6 USD, gateways 203.0.113.200:5060",
        "carrier dear is left out: it costs 2.1, and 1.5 is paid",
        f"{NUMBER} by route out, prefix *, least-cost: cheap, good; seller pays 1.5 USD for 180 s",
    ]
    assert all(said(decision, lang="zh"))
    assert told(decision, "en")["targets"] == trace(decision)["targets"]
    assert told(decision, "en")["targets"][0] == f"{NUMBER}@198.51.100.1:5060 of cheap"


# who pays


def test_who_forwards_to_the_outside_pays_for_it():
    known = directory(mate={"forward": Forward(not_registered=NUMBER)})
    decision = decided(known, World(located=Located((), 0), tariffs=TARIFFS), called="2")
    assert carriers(decision) == ["cheap", "good"]
    assert (decision.kind, decision.account) == ("onnet", "customer")
    assert [basis.account for basis in decision.bases] == ["customer", "seller"]
    barred = directory(mate={"forward": Forward(always=NUMBER)}, customer={"blocked": ("44",)})
    assert decided(barred, called="2").plan == Reject(Reason.NUMBER_BLOCKED)


def test_a_did_may_lead_outside_by_its_accounts_routes():
    did = Did("442079460001", "customer", to=(Target("number", NUMBER), Target("endpoint", "8002@example.net")))
    known = directory(dids=[did])
    from_carrier = {"asserted": "", "source_ip": "198.51.100.1", "called": "442079460001"}
    decision = decided(known, **from_carrier)
    assert (decision.kind, carriers(decision), decision.goes_on) == ("did", ["cheap", "good"], True)
    assert [basis.account for basis in decision.bases] == ["customer", "seller"]
    failed = {decision.destination: Reason.CARRIERS_FAILED}
    assert isinstance(decided(known, failed=failed, **from_carrier).plan, Bridge)
    unrouted = directory([entry("cheap", prefix="33")], dids=[did])
    assert isinstance(decided(unrouted, **from_carrier).plan, Bridge), "the next of its destinations is tried"
    barred = directory(dids=[did], customer={"blocked": ("44",)})
    assert decided(barred, **from_carrier).plan == Reject(Reason.NUMBER_BLOCKED)


def test_what_a_carrier_costs_is_recorded_in_the_currency_of_the_first_who_pays():
    """The DID's account pays in euros for the way in; who forwards the call pays in dollars for the way out."""
    did = Did("442079460001", "owner", to=(Target("endpoint", "8002@example.net"),))
    known = directory(
        [entry("foreign", "good", choose="least-cost")], dids=[did], mate={"forward": Forward(always=NUMBER)},
        others=[Account("owner", tariff_in="arrival")], worth={"EUR": Decimal("0.9"), "USD": Decimal(2)},
    )  # fmt: skip
    tariffs = TARIFFS | {"arrival": tariff(by_second("0.1", prefix=""), name="arrival", currency="EUR")}
    came = {"asserted": "", "source_ip": "198.51.100.1", "called": "442079460001"}
    decision = decided(known, World(tariffs=tariffs), **came)
    assert [basis.rates.tariff.currency for basis in decision.bases] == ["EUR", "USD", "USD"]
    legs = {leg.carrier: leg.buy for (leg,) in decision.plan.attempts}
    assert (legs["foreign"].worth, legs["foreign"].paid_worth) == (1, 1)
    assert (legs["good"].worth, legs["good"].paid_worth) == (2, Decimal("0.9"))


def test_an_account_that_may_not_call_does_not_send_calls_outside_either():
    did = Did("442079460001", "customer", to=(Target("number", NUMBER),))
    inside = {"asserted": "1001@example.net", "called": "442079460001"}  # of acme
    assert carriers(decided(directory(dids=[did]), **inside)) == ["cheap", "good"]
    assert decided(directory(dids=[did], customer={"held": "op-1"}), **inside).plan == Reject(Reason.ACCOUNT_HELD)
    assert decided(directory(dids=[did], customer={"active": False}), **inside).plan == Reject(Reason.ACCOUNT_CLOSED)


def test_a_call_that_an_account_sends_outside_takes_one_of_its_places():
    did = Did("442079460001", "customer", to=(Target("number", NUMBER),))
    known = directory(dids=[did], customer={"limits": Limits(calls=3)})
    decision = decided(known, asserted="1001@example.net", called="442079460001")
    assert decision.levels == ("account customer", "carrier cheap")
