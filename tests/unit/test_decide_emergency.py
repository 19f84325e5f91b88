"""Calls to emergency numbers are made, whatever stands in their way otherwise."""

from dataclasses import replace
from decimal import Decimal

import pytest

from callctl.call.carry_out import commands
from callctl.call.decide import decide
from callctl.call.facts import summary, trace, variables
from callctl.directory import Snapshot
from callctl.errors import StoreError
from callctl.model import NO_LIMITS, Limits
from callctl.outside import NO_MEDIA, CallerIds, Carrier, Gateway, Media, Outside, Rewriting, Route, RouteEntry
from callctl.plan import Outbound, Reject
from callctl.rating.tariff import ALWAYS, When
from callctl.reason import Reason
from callctl.routing.attempts import Failure, after
from callctl.routing.numbers import Rule
from callctl.settings import Calls, Money, Settings
from tests.unit.company import ACCOUNTS, EDGE, ENDPOINTS, NODE, ROOMS, SDP, World, request, settings
from tests.unit.rating_calls import by_second, tariff

NEVER = When(months=frozenset({1}))  # the calls of these tests are in November
FIRE = Carrier(
    "fire", tariff="t-fire", calls=0, cps=0,
    gateways=(Gateway("198.51.100.1:5060"), Gateway("198.51.100.2:5060", priority=1)), direct=True,
    outgoing=Rewriting(called=(Rule("112", 3, "0112"),)),
)  # fmt: skip
RELAY = Carrier("relay", gateways=(Gateway("198.51.100.3:5060"),))
SHUT = Carrier("shut", active=False, gateways=(Gateway("198.51.100.4:5060"),))
CONFIGURED = Settings(
    edges=(EDGE,), nodes=(NODE,), calls=Calls(emergency=("112", "999"), emergency_route="emergency"),
    money=Money(rated=("onnet", "pstn"), premium=("1", "9")),
)  # fmt: skip
CALLER = {"asserted": "7001@example.net", "called": "112"}  # of shop, below reseller


def decided(
    world=None, carriers=("shut", "fire", "relay"), when=ALWAYS, failed=None, changed=None, media=NO_MEDIA, **asked
):
    accounts = [replace(each, **{"premium": True} | (changed or {}).get(each.name, {})) for each in ACCOUNTS]
    endpoints = [replace(each, **(changed or {}).get(each.name, {})) for each in ENDPOINTS]
    entry = RouteEntry("", tuple((name, 1) for name in carriers), when=when)
    plan = Route("emergency", entries={"": (entry,)})
    carriers = {each.name: replace(each, media=media) for each in (FIRE, RELAY, SHUT)}
    around = Outside({}, {}, carriers, {"emergency": plan}, {})
    known = Snapshot(8, accounts, endpoints, around, ROOMS)
    return decide(request(**CALLER | asked), known, world or World(), CONFIGURED, failed or {})


def tried(plan):
    return [(leg.number, leg.gateway, leg.carrier, leg.edge and leg.edge.edge) for (leg,) in plan.attempts]


def test_an_emergency_call_goes_to_its_plans_gateways_in_turn():
    decision = decided()
    assert tried(decision.plan) == [
        ("0112", "198.51.100.1:5060", "fire", None), ("0112", "198.51.100.2:5060", "fire", None),
        ("112", "198.51.100.3:5060", "relay", "edge-a"),
    ]  # fmt: skip
    assert (decision.kind, decision.account, decision.endpoint) == ("pstn", "shop", "7001@example.net")
    assert (decision.emergency, decision.destination) == (True, "number 112")
    assert decision.plan.number == "", "no carrier is judged by it"
    last = replace(decision, plan=replace(decision.plan, attempts=decision.plan.attempts[2:]))
    told = b"".join(commands(last, request(**CALLER), CONFIGURED, {}))
    assert b"sofia/core/112@198.51.100.3:5060;fs_path=%3Csip:10.0.0.1:5060%3Blr%3E" in told
    assert b"callctl_carrier=relay~" in told


def test_what_its_carriers_cost_is_asked_for_and_bars_none():
    """Each costs something, and the first more than anybody pays."""
    costs = World(tariffs={"t-fire": tariff(by_second("99", prefix=""), name="t-fire")})
    legs = [leg for (leg,) in decided(costs).plan.attempts]
    assert [leg.buy and (leg.buy.basis.account, leg.buy.basis.rates.tariff.name) for leg in legs] == [
        ("fire", "t-fire"), ("fire", "t-fire"), None,
    ]  # fmt: skip


def test_no_codec_and_no_policy_of_media_stands_in_its_way():
    for (leg,) in decided(sdp=SDP.replace("0 8 96", "18")).plan.attempts:
        assert (leg.near_codecs, leg.media.path) == ((), "switch")


def test_it_asks_for_no_place_of_a_carrier():
    assert {leg.limits for (leg,) in decided().plan.attempts} == {NO_LIMITS}


@pytest.mark.parametrize("cause", ["USER_BUSY", "CALL_REJECTED", "NO_ANSWER", "NORMAL_TEMPORARY_FAILURE"])
def test_the_next_gateway_is_tried_whatever_the_one_before_said(cause):
    plan = decided().plan
    failure = Failure({cause}, 0, 100.0)
    second = after(plan, failure, -10.0, emergency=True)
    assert tried(second) == tried(plan)[1:]
    third = after(second, failure, -110.0, emergency=True)
    assert after(third, failure, -210.0, emergency=True) is None


OBSTACLES = {
    "a closed account": {"changed": {"shop": {"active": False}}},
    "a closed parent": {"changed": {"carrier": {"active": False}}},
    "an account blocked by an operator": {"changed": {"shop": {"held": "op-1"}}},
    "a blocked prefix": {"changed": {"shop": {"blocked": ("1",)}}},
    "a prefix that is not allowed": {"changed": {"reseller": {"allowed": ("44",)}}},
    "a premium number": {"changed": {"shop": {"premium": False}}},
    "no rate": {"world": World(tariffs={})},
    "MySQL away": {"world": World(tariffs=StoreError("MySQL is away."))},
    "no money": {"world": World(money={"shop": "money", "reseller": "money"})},
    "the day's money spent": {"world": World(money={"shop": "day"})},
    "a price per minute": {"changed": {"shop": {"price_per_minute": Decimal(0)}}},
    "full places": {
        "world": World(full={"account shop": "calls"}), "changed": {"shop": {"limits": Limits(calls=0, cps=0)}}
    },
    "a full phone": {
        "world": World(full={"endpoint 7001@example.net": "cps"}),
        "changed": {"7001@example.net": {"limits": Limits(calls=0)}},
    },
    "no codec in common": {"sdp": SDP.replace("0 8 96", "18")},
    "the hour": {"when": NEVER},
    "rules that would rewrite it": {"changed": {"shop": {"numbers": Rewriting(called=(Rule("1", 0, "44"),))}}},
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_nothing_stands_in_its_way(obstacle):
    decision = decided(**OBSTACLES[obstacle])
    assert isinstance(decision.plan, Outbound), decision.steps[-1]
    assert (decision.bases, decision.levels, decision.max_seconds) == ((), (), 14_400)


def test_the_same_obstacles_refuse_other_calls():
    assert not isinstance(decided(called="1001").plan, Reject)
    made = [
        name for name, case in OBSTACLES.items() if not isinstance(decided(**case, called="1001").plan, Reject)
    ]  # fmt: skip
    assert made == ["the hour"], "which is of the emergency plan alone"


def test_encryption_is_not_demanded_of_an_emergency_call():
    demanded = Media(srtp="demanded")
    decision = decided(changed={"7001@example.net": {"media": demanded}}, media=demanded)
    assert [leg.media.srtp for (leg,) in decision.plan.attempts] == ["offered"] * 3
    assert decision.media.srtp == "offered"
    refused = decided(changed={"7001@example.net": {"media": demanded}}, called="conf_1").plan
    assert refused == Reject(Reason.SRTP_MISSING)


def test_an_emergency_call_needs_no_codec_in_common():
    decision = decided(media=Media(transcoding=False), changed={"7001@example.net": {"codecs": ("G729",)}})
    assert len(decision.plan.attempts) == 3


def test_a_rule_may_make_an_emergency_number_of_what_is_dialled():
    outside_line = {"shop": {"numbers": Rewriting(called=(Rule("0", 1),))}}
    assert decided(called="0112", changed=outside_line).emergency
    assert not decided(called="0112").emergency


def test_a_short_account_duration_does_not_cut_it():
    assert decided(changed={"shop": {"max_duration": 30}}).max_seconds == 14_400


def test_the_callers_number_is_shown_though_he_is_anonymous():
    hidden = {"shop": {"caller_ids": CallerIds(anonymous=True)}, "7001@example.net": {"caller_id": "442079460000"}}
    assert decided(changed=hidden).caller_id == "442079460000"


@pytest.mark.parametrize("carriers", [(), ("shut",), ("none",)])
def test_a_plan_that_leads_nowhere_says_so(carriers):
    assert decided(carriers=carriers).plan == Reject(Reason.EMERGENCY_UNROUTED)


def test_when_every_gateway_failed_the_last_reason_is_given():
    assert decided(failed={"number 112": Reason.NO_ANSWER}).plan == Reject(Reason.NO_ANSWER)


def test_it_is_marked_in_events_records_and_on_the_channel():
    decision, asked = decided(), request(**CALLER)
    assert summary(asked, decision)["emergency"] is True
    assert trace(decision)["emergency"] is True
    assert variables(asked, decision, "host/0")["callctl_emergency"] == "true"
    other = decide(request(), Snapshot(8, ACCOUNTS, ENDPOINTS), World(), settings())
    assert "emergency" not in summary(request(), other)


def test_nobody_unknown_makes_emergency_calls_and_no_carrier_does():
    assert decided(asserted="9@example.net").plan == Reject(Reason.CALLER_UNKNOWN)
