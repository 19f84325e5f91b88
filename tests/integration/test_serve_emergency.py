"""Emergency calls through `callctl serve`."""

import json

import pytest

from callctl.sim.scenario import Scenario
from callctl.sim.world import Phone
from tests.integration.platform import DOMAIN, EDGES, Platform

URGENT = Scenario("urgent", "112")
OUTSIDE = """
carriers:
  - {name: fire, via: direct, gateways: [{address: "198.51.100.1:5060"}, {address: "198.51.100.2:5060", priority: 1}]}
  - {name: relay, gateways: [{address: "198.51.100.3:5060"}], edges: [kam-b]}
routes:
  - {name: emergency, entries: [{prefix: "", carriers: [fire, relay]}]}
"""


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    calls = {"emergency": ["112"], "emergency_route": "emergency", "ring_timeout": 5}
    with Platform(tmp_path_factory.mktemp("urgent"), services, settings={"calls": calls}) as platform:
        host = platform.start()
        platform.apply(host, OUTSIDE)
        platform.world.phones["112@198.51.100.1:5060", "*"] = Phone(status=503, ring=0, rings=False)
        platform.world.phones["112@198.51.100.2:5060", "*"] = Phone(status=486, ring=0, rings=False)
        platform.world.phones["112@198.51.100.3:5060", EDGES["kam-b"]] = Phone(ring=1, talk=None)
        yield platform


def test_an_emergency_call_of_a_blocked_account_without_money_goes_through(platform):
    host = platform.serves[0]
    assert host.run("account", "hold", "cafe", "--reference", "unpaid").code == 0
    result = platform.talking(platform.dial(URGENT, caller="3001"))
    platform.hang_up(result)
    story = platform.story(result)
    cdr = story.cdr
    assert (cdr["emergency"], cdr["kind"], cdr["account"], cdr["sip_status"]) == (1, "pstn", "cafe", 200)
    assert (cdr["price"], cdr["trace"]["emergency"]) == (None, True)
    assert [(leg["carrier"], leg["gateway"], leg["sip_status"]) for leg in story.legs] == [
        ("fire", "198.51.100.1:5060", 503), ("fire", "198.51.100.2:5060", 486), ("relay", "198.51.100.3:5060", 200),
    ]  # fmt: skip
    assert next(event for event in story.events if event["event"] == "routed")["data"]["emergency"] is True
    assert host.run("account", "release", "cafe", "--reference", "unpaid").code == 0


def test_other_calls_are_not_marked(platform):
    result = platform.place("brief")
    assert platform.story(result).cdr["emergency"] is None


def test_explain_tells_that_it_is_one(platform):
    done = platform.serves[0].run("explain", "--endpoint", f"4001@{DOMAIN}", "--to", "112", "--json")
    said = json.loads(done.out)
    assert (done.code, said["emergency"], said["steps"][1]["check"]) == (0, True, "emergency")
