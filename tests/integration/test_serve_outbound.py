"""Calls to the outside through `callctl serve`: one carrier after the other, their places, what is recorded."""

import json
from decimal import Decimal

import pytest

from callctl.rating.rounding import shown
from callctl.sim.scenario import Scenario
from callctl.sim.world import Phone
from tests.integration.platform import EDGES, Platform, get, wait

TO = "442079460000"
CALL = Scenario("outside", TO)
OUTSIDE = """
tariffs:
  - {name: sold, currency: USD, rates: [{prefix: "44", steps: [{price: "0.6", per: 60, increment: 1}]}]}
  - {name: low, currency: USD, rates: [{prefix: "44", steps: [{price: "0.1", per: 60, increment: 1}]}]}
  - {name: high, currency: USD, rates: [{prefix: "44", steps: [{price: "0.3", per: 60, increment: 1}]}]}
  - {name: incoming, currency: USD, rates: [{prefix: "4420", steps: [{price: "0.06", per: 60, increment: 1}]}]}
carriers:
  - {name: telco, sources: [198.51.100.77]}
  - {name: first, tariff: low, via: direct, limits: {calls: 1}, progress_timeout: 3, ring_timeout: 8,
     gateways: [{address: "198.51.100.1:5060"}]}
  - {name: second, tariff: high, edges: [kam-b], gateways: [{address: "198.51.100.2:5060"}]}
routes:
  - {name: out, entries: [{prefix: "", choose: least-cost, carriers: [second, first]}]}
  - {name: both, entries: [{prefix: "", choose: priority, carriers: [first, second], fork: 2}]}
accounts:
  - {name: firm, mode: postpaid, credit_limit: "100", tariff: sold, tariff_in: incoming, routes: out}
  - {name: branch, mode: postpaid, credit_limit: "100", tariff: sold, routes: out}
  - {name: hasty, routes: both}
endpoints:
  - {account: firm, user: "8001", domain: example.net}
  - {account: branch, user: "8002", domain: example.net, forward: {not_registered: "00442079460000"}}
  - {account: hasty, user: "8003", domain: example.net}
dids:
  - {number: "442079460099", account: firm, to: [{number: "00442079460000"}]}
"""


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    money = {"rated": ["pstn", "did"]}
    with Platform(tmp_path_factory.mktemp("outside"), services, settings={"money": money}) as platform:
        platform.apply(platform.start(), OUTSIDE)
        yield platform


@pytest.fixture
def carriers(platform):
    """What each carrier does with a call; the calls of the test before have left their places."""
    wait(lambda: not taken(platform), "the first carrier has a place")

    def does(first, second):
        platform.world.phones[f"{TO}@198.51.100.1:5060", "*"] = first
        platform.world.phones[f"{TO}@198.51.100.2:5060", EDGES["kam-b"]] = second

    return does


def taken(platform):
    """Whether a call would be told that the first carrier is full."""
    told = platform.serves[0].run("explain", "--endpoint", "8001@example.net", "--to", TO, "--json").out
    steps = json.loads(told)["steps"]
    return any(step["check"] == "limits" and step["verdict"] == "skip" for step in steps)


TAKES, BUSY = Phone(ring=0.1, talk=None), Phone(status=486, ring=0.1)
DOWN = Phone(status=503, ring=0, rings=False)


def told(story):
    return [(leg["carrier"], leg["gateway"], leg["sip_status"], leg["hangup_cause"]) for leg in story.legs]


def test_the_next_carrier_takes_a_call_that_the_cheapest_does_not(platform, carriers):
    carriers(DOWN, TAKES)
    result = platform.talking(platform.dial(CALL, caller="8001"))
    platform.hang_up(result)
    story = platform.story(result)
    assert {leg["number"] for leg in story.legs} == {TO}
    assert told(story) == [
        ("first", "198.51.100.1:5060", 503, "NORMAL_TEMPORARY_FAILURE"),
        ("second", "198.51.100.2:5060", 200, "NORMAL_CLEARING"),
    ]  # fmt: skip
    cdr = story.cdr
    assert (cdr["kind"], cdr["account"], cdr["called"], cdr["carrier"]) == ("pstn", "firm", TO, "second")
    assert cdr["price"] == 2 * cdr["cost"] > 0, "sold at 0.6, bought at 0.3"
    charges = platform.rows("SELECT * FROM cdr_charge WHERE call_uuid = %s ORDER BY account", result.uuid)
    assert [(each["account"], each["side"], each["amount"]) for each in charges] == [
        ("firm", "sell", cdr["price"]), ("second", "buy", cdr["cost"]),
    ]  # fmt: skip
    (moved,) = [event["data"] for event in story.events if event["event"] == "next_carrier"]
    assert (moved["sip"], moved["causes"]) == (503, ["NORMAL_TEMPORARY_FAILURE"])
    assert "second" in moved["next"][0]
    why = platform.serves[0].run("why", result.uuid, "--lang", "en").out
    assert "1. carrier first: costs 0.3 USD" in why
    assert "  1. first 198.51.100.1:5060  SIP 503 NORMAL_TEMPORARY_FAILURE\n" in why
    assert "  2. second 198.51.100.2:5060 via kam-b  SIP 200 NORMAL_CLEARING\n" in why
    gone = [event["data"] for event in story.events if event["event"] == "leg_ended"]
    assert [(data["carrier"], data["gateway"]) for data in gone] == [each[:2] for each in told(story)]
    assert "next carrier" in why
    margin = shown(cdr["price"] - cdr["cost"])
    assert f"without tax: price {shown(cdr['price'])}, cost {shown(cdr['cost'])}, margin {margin} USD" in why
    assert Decimal(json.loads(platform.serves[0].run("why", result.uuid, "--json").out)["margin"]) == cdr["cost"]
    assert f"outside: {TO}  United Kingdom" in why


def test_a_busy_callee_is_called_once(platform, carriers):
    carriers(BUSY, TAKES)
    story = platform.story(platform.finish(platform.dial(CALL, caller="8001"))[0])
    assert told(story) == [("first", "198.51.100.1:5060", 486, "USER_BUSY")]
    assert (story.cdr["reason"], story.cdr["sip_status"], story.cdr["carrier"]) == ("busy", 486, None)


def test_when_no_carrier_takes_it_that_is_the_reason(platform, carriers):
    carriers(DOWN, DOWN)
    story = platform.story(platform.finish(platform.dial(CALL, caller="8001"))[0])
    assert (story.cdr["reason"], story.cdr["sip_status"], story.cdr["attempts"]) == ("carriers_failed", 503, 2)


def test_a_carrier_that_is_full_is_passed_over_until_it_has_a_place_again(platform, carriers):
    carriers(TAKES, TAKES)
    one = platform.talking(platform.dial(CALL, caller="8001"))
    two = platform.talking(platform.dial(CALL, caller="8001"))
    platform.hang_up(one)
    assert platform.story(one).cdr["carrier"] == "first"
    three = platform.talking(platform.dial(CALL, caller="8001"))
    platform.hang_up(two)
    platform.hang_up(three)
    assert [platform.story(each).cdr["carrier"] for each in (two, three)] == ["second", "first"]


def test_the_place_of_a_carrier_that_failed_is_free_again(platform, carriers):
    carriers(DOWN, TAKES)
    one = platform.talking(platform.dial(CALL, caller="8001"))
    wait(lambda: not platform.redis().exists(f"{platform.prefix}{{carrier first}}:calls"), "the place is free")
    carriers(TAKES, TAKES)
    two = platform.talking(platform.dial(CALL, caller="8001"))
    platform.hang_up(one)
    platform.hang_up(two)
    assert [platform.story(each).cdr["carrier"] for each in (one, two)] == ["second", "first"]


def counted(platform):
    """What /metrics says of carriers, by the rest of the name and its labels."""
    lines = get(platform.serves[0].http, "/metrics")[1].splitlines()
    ours = (line.removeprefix("callctl_carrier_") for line in lines if line.startswith("callctl_carrier"))
    said = (line.rsplit(" ", 1) for line in ours)
    return {name: float(value) for name, value in said}


def test_tries_and_places_at_carriers_are_counted(platform, carriers):
    failed, answered, given_up = (
        f'tries_total{{carrier="{carrier}",outcome="{outcome}"}}'
        for carrier, outcome in (("first", "failed"), ("second", "answered"), ("first", "given_up"))
    )
    before = counted(platform)
    carriers(DOWN, TAKES)
    platform.hang_up(platform.talking(platform.dial(CALL, caller="8001")))
    carriers(Phone(status=0), TAKES)
    platform.hang_up(platform.ringing(platform.dial(CALL, caller="8001")))
    more = lambda name: counted(platform).get(name, 0) - before.get(name, 0)  # noqa: E731
    wait(lambda: (more(failed), more(answered), more(given_up)) == (1, 1, 1), "each try is counted once")
    carriers(TAKES, TAKES)
    wait(lambda: not taken(platform), "who was given up has left its place")
    one = platform.talking(platform.dial(CALL, caller="8001"))
    place = f'calls{{carrier="first",node="{next(iter(platform.nodes))}"}}'
    wait(lambda: counted(platform)[place] == 1, "the place is counted")
    platform.hang_up(one)
    wait(lambda: counted(platform)[place] == 0, "the place is free")


COSTS = {"first": "low", "second": "high"}


def charged(platform, result):
    charges = json.loads(platform.serves[0].run("why", result.uuid, "--json").out)["charges"]
    return {(charge["side"], charge["account"], charge["tariff"]) for charge in charges}


def test_a_did_that_leads_outside_costs_its_account_both_ways_and_us_the_carrier(platform, carriers):
    carriers(TAKES, TAKES)
    came = {"caller": "442079460111", "headers": {"X-Callctl-Endpoint": ""}, "source_ip": "198.51.100.77"}
    result = platform.talking(platform.dial(CALL, called="442079460099", **came))
    platform.hang_up(result)
    story = platform.story(result)
    assert (story.cdr["kind"], story.cdr["account"]) == ("did", "firm")
    sold = {("sell", "firm", "incoming"), ("sell", "firm", "sold")}
    assert charged(platform, result) == sold | {("buy", story.cdr["carrier"], COSTS[story.cdr["carrier"]])}
    why = platform.serves[0].run("why", result.uuid, "--lang", "en").out
    assert "firm incoming 4420 0.06 USD/min, firm sold 44 0.6 USD/min" in why
    assert len([line for line in why.splitlines() if "of it tax" in line]) == 3


def test_who_forwards_a_call_to_the_outside_pays_for_it(platform, carriers):
    carriers(TAKES, TAKES)
    result = platform.talking(platform.dial(CALL, called="8002", caller="8001"))
    platform.hang_up(result)
    story = platform.story(result)
    assert (story.cdr["kind"], story.cdr["account"]) == ("onnet", "firm")
    bought = ("buy", story.cdr["carrier"], COSTS[story.cdr["carrier"]])
    assert charged(platform, result) == {("sell", "branch", "sold"), bought}


NOT_TAKEN = {
    "silence": (Phone(status=0, rings=False), None, "PROGRESS_TIMEOUT"),
    "early media, then an error": (Phone(status=503, ring=0.5, early=True), 503, "NORMAL_TEMPORARY_FAILURE"),
    "a redirect": (Phone(status=302, ring=0, rings=False), 302, "REQUESTED_CHAN_UNAVAIL"),
}


@pytest.mark.parametrize("what", NOT_TAKEN)
def test_whatever_is_the_carriers_doing_leads_to_the_next(platform, carriers, what):
    does, status, cause = NOT_TAKEN[what]
    carriers(does, TAKES)
    result = platform.talking(platform.dial(CALL, caller="8001"))
    platform.hang_up(result)
    story = platform.story(result)
    assert told(story) == [
        ("first", "198.51.100.1:5060", status, cause), ("second", "198.51.100.2:5060", 200, "NORMAL_CLEARING")
    ]  # fmt: skip
    assert (story.cdr["carrier"], story.cdr["reason"]) == ("second", None)


def test_early_media_that_nobody_answers_ends_in_the_time_that_a_carrier_may_ring(platform, carriers):
    carriers(Phone(status=0, early=True), TAKES)
    story = platform.story(platform.finish(platform.dial(CALL, caller="8001"))[0])
    assert [(leg["carrier"], leg["hangup_cause"]) for leg in story.legs] == [("first", "NO_ANSWER")]
    assert (story.cdr["reason"], story.cdr["answered_at"]) == ("no_answer", None)


def test_of_two_at_once_the_one_that_loses_gives_its_place_back(platform, carriers):
    carriers(Phone(status=0), TAKES)
    one = platform.talking(platform.dial(CALL, caller="8003"))
    with platform.redis() as redis:
        wait(lambda: not redis.zcard(f"{platform.prefix}{{carrier first}}:calls"), "the place is free")
    carriers(TAKES, Phone(status=0))
    two = platform.talking(platform.dial(CALL, caller="8003"))
    three = platform.ringing(platform.dial(CALL, caller="8003"))
    for result in (one, two, three):
        platform.hang_up(result)
    stories = [platform.story(result) for result in (one, two, three)]
    assert [story.cdr["carrier"] for story in stories] == ["second", "first", None]
    assert told(stories[0])[0] == ("first", "198.51.100.1:5060", 487, "LOSE_RACE")
    assert [leg["carrier"] for leg in stories[2].legs] == ["second"]


@pytest.mark.parametrize("does", [(BUSY, DOWN), (DOWN, BUSY)])
def test_of_two_at_once_one_that_says_busy_is_believed(platform, carriers, does):
    carriers(*does)
    story = platform.story(platform.finish(platform.dial(CALL, caller="8003"))[0])
    assert (story.cdr["reason"], story.cdr["sip_status"], story.cdr["attempts"]) == ("busy", 486, 2)
