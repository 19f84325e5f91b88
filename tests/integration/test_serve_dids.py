"""Calls from carriers through `callctl serve`, to where their DIDs lead."""

import json

import pytest

from callctl.reason import BY_NAME
from callctl.sim.scenario import Scenario
from callctl.sim.world import Phone
from tests.integration.platform import TALKS, Platform, wait

CARRIER = "198.51.100.77"
OUTSIDE = """
tariffs:
  - {name: incoming, currency: USD, rates: [{prefix: "4420", steps: [{price: "0.6", per: 60, increment: 1}]}]}
carriers:
  - {name: telco, sources: [198.51.100.77], incoming: {called: uk, caller: uk}}
  - {name: other, sources: [198.51.100.78]}
numbers:
  - {name: uk, rules: [{match: "0", strip: 1, add: "44", length: 11}]}
dids:
  - {number: "442079460101", account: acme, to: [{endpoint: "1002"}]}
  - {number: "442079460102", account: acme, to: [{endpoint: "1001"}, {endpoint: "1004"}, {endpoint: "1005"},
     {endpoint: "1002"}]}
  - {number: "442079460103", account: acme, carrier: telco, to: [{room: "3001"}]}
  - {number: "442079460104", account: acme, to: [{uri: "sip:desk@pbx.example.net:5070"}]}
  - {number: "442079460105", account: acme, calls: 1, to: [{endpoint: "1002"}]}
  - {number: "442079460106", account: acme, status: blocked, to: [{endpoint: "1002"}]}
  - {number: "442079460107", account: acme, expires: "2026-01-01T00:00:00Z", to: [{endpoint: "1002"}]}
  - {number: "442079460108", account: acme, to: [{endpoint: "1004"}, {endpoint: "1005"}]}
  - {number: "442079460109", account: cafe, tariff: incoming,
     to: [{endpoint: "1004@example.net"}, {endpoint: "1002@example.net"}]}
"""


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    calls = {"uri_hosts": ["pbx.example.net:5070"], "ring_timeout": 5}
    with Platform(tmp_path_factory.mktemp("dids"), services, settings={"calls": calls}) as platform:
        platform.apply(platform.start(), OUTSIDE)
        platform.world.phones["desk@pbx.example.net:5070", "*"] = Phone(ring=1, talk=None)
        yield platform


def from_outside(platform, called, scenario=TALKS, source=CARRIER, **call):
    call = {"caller": "02079460999", "headers": {"X-Callctl-Endpoint": ""}, **call}
    return platform.dial(scenario, called=called, source_ip=source, **call)


def test_a_carriers_call_reaches_the_phone_and_is_recorded_as_the_owners(platform):
    result = platform.talking(from_outside(platform, "02079460101"))
    (leg,) = platform.nodes["sim1"].call(result.uuid).legs
    assert (leg.profile["destination"], leg.profile["caller_number"]) == ("1002", "442079460999")
    platform.hang_up(result)
    cdr = platform.story(result).cdr
    assert (cdr["kind"], cdr["account"], cdr["called"], cdr["sip_status"]) == ("did", "acme", "442079460101", 200)
    assert cdr["endpoint"] is None


def test_an_edge_says_which_carrier_it_was(platform):
    headers = {"X-Callctl-Endpoint": "", "X-Callctl-Source": CARRIER}
    result = platform.talking(from_outside(platform, "442079460101", source="127.0.77.1", headers=headers))
    platform.hang_up(result)
    assert platform.story(result).cdr["kind"] == "did"


def test_the_next_destination_is_tried_when_one_is_not_registered_busy_or_does_not_answer(platform):
    result = platform.talking(from_outside(platform, "442079460102"))
    legs = platform.nodes["sim1"].call(result.uuid).legs
    assert [leg.profile["destination"] for leg in legs] == ["1004", "1005", "1002"]
    platform.hang_up(result)
    story = platform.story(result)
    assert [leg["hangup_cause"] for leg in story.legs] == ["USER_BUSY", "NO_ANSWER", "NORMAL_CLEARING"]
    moved = [event["data"] for event in story.events if event["event"] == "sent_on"]
    assert [(each["after"], each["destination"]) for each in moved] == [
        ("busy", "1005@example.net"), ("no_answer", "1002@example.net"),
    ]  # fmt: skip
    assert "locate.tried" in {step["key"] for step in moved[0]["steps"]}
    why = platform.serves[0].run("why", result.uuid, "--lang", "en")
    assert "was tried, and failed: busy" in why.out


def test_when_all_have_failed_the_call_is_refused(platform):
    result = platform.finish(from_outside(platform, "442079460108", Scenario("asks", "1002")))[0]
    cdr = platform.story(result).cdr
    assert (cdr["attempts"], cdr["reason"]) == (2, "busy")


def test_a_room_and_a_uri(platform):
    room = platform.talking(from_outside(platform, "442079460103"))
    uri = platform.talking(from_outside(platform, "442079460104"))
    (leg,) = platform.nodes["sim1"].call(uri.uuid).legs
    assert leg.profile["destination"] == "desk"
    assert [each.name for each in platform.nodes["sim1"].rooms.values()] == ["3001-sim1"]
    platform.hang_up(room, uri)
    assert platform.story(uri).legs[0]["target"] == "pbx.example.net:5070"
    assert platform.story(room).cdr["trace"]["targets"] == ["room 3001 on sim1"]


def test_the_owner_pays_for_a_call_to_his_did_though_it_went_on(platform):
    host = platform.serves[0]
    assert host.run("account", "topup", "cafe", "5", "--reference", "dids").code == 0
    result = platform.talking(from_outside(platform, "442079460109"))
    platform.hang_up(result)
    cdr = platform.story(result).cdr
    assert (cdr["tariff"], cdr["prefix"]) == ("incoming", "4420")
    assert cdr["price"] > 0
    shown = json.loads(host.run("account", "show", "cafe", "--json").out)
    assert float(shown["held"]) == 0


REFUSED = {
    "unknown": ("442079469999", CARRIER, "did_unknown"),
    "blocked": ("442079460106", CARRIER, "did_blocked"),
    "expired": ("442079460107", CARRIER, "did_expired"),
    "of another carrier": ("442079460103", "198.51.100.78", "did_carrier"),
    "from nobody": ("442079460101", "198.51.100.79", "caller_unknown"),
    "with an edge's word from elsewhere": ("442079460101", "198.51.100.79", "caller_unknown"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_call_that_may_not_come_in_is_refused_with_its_reason(platform, name):
    called, source, reason = REFUSED[name]
    headers = {"X-Callctl-Endpoint": "", "X-Callctl-Source": CARRIER if "word" in name else ""}
    result = from_outside(platform, called, Scenario("asks", "1002"), source, headers=headers)
    cdr = platform.story(platform.finish(result)[0]).cdr
    assert (cdr["reason"], result.status) == (reason, BY_NAME[reason].sip)


def test_a_did_takes_as_many_calls_as_it_may(platform):
    first = platform.talking(from_outside(platform, "442079460105"))
    second = platform.finish(from_outside(platform, "442079460105", Scenario("asks", "1002")))[0]
    assert platform.story(second).cdr["reason"] == "too_many_calls"
    platform.hang_up(first)
    wait(lambda: not platform.redis().exists(f"{platform.prefix}{{did 442079460105}}:calls"), "the place is free")
    third = platform.talking(from_outside(platform, "442079460105"))
    platform.hang_up(third)


def test_explain_tells_each_step_of_a_carriers_call(platform):
    host = platform.serves[0]
    done = host.run("explain", "--source-ip", CARRIER, "--to", "02079460102", "--json")
    said = json.loads(done.out)
    assert (done.code, said["kind"], said["account"]) == (0, "did", "acme")
    assert [step["check"] for step in said["steps"]].count("locate") == 2
    chinese = host.run("explain", "--source-ip", CARRIER, "--to", "02079460102", "--lang", "zh")
    assert "运营商 telco" in chinese.out
