"""Phones that send their calls on, through `callctl serve` and its service codes."""

import json

import gevent
import pytest

from callctl.sim.scenario import Scenario
from tests.integration.platform import DOMAIN, TALKS, Platform, wait

CODE = Scenario("code", "*78")


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("forward"), services, settings={"calls": {"ring_timeout": 5}}) as platform:
        host = platform.serve(workers=2)
        platform.start(host)
        yield platform
        host.run("endpoint", "delete", f"1004@{DOMAIN}")
        host.run("endpoint", "delete", f"1002@{DOMAIN}")


def said(platform, caller, code):
    """A phone dials a code; returns when every worker knows."""
    result = platform.place(CODE, caller=caller, called=code)
    cdr = platform.story(result).cdr
    assert (cdr["kind"], cdr["sip_status"], cdr["hangup_cause"]) == ("service", 200, "NORMAL_CLEARING")
    version = platform.rows("SELECT version FROM config_version")[0]["version"]
    host = platform.serves[0]
    read = lambda: sum(line["version"] >= version for line in host.logged("configuration read"))  # noqa: E731
    with gevent.Timeout(15):
        wait(lambda: read() >= host.workers, "both workers know")


def reached(platform, called, **call):
    """Whom a call is tried at."""
    result = platform.talking(platform.dial(TALKS, called=called, **call))
    legs = [leg.profile["destination"] for leg in platform.nodes["sim1"].call(result.uuid).legs]
    platform.hang_up(result)
    return legs, platform.story(result)


def test_a_busy_phone_sends_its_calls_on_until_it_says_otherwise(platform):
    said(platform, "1004", "*67*1002#")
    legs, story = reached(platform, "1004")
    assert legs == ["1004", "1002"]
    (moved,) = [event["data"] for event in story.events if event["event"] == "sent_on"]
    assert (moved["after"], moved["destination"]) == ("busy", f"1002@{DOMAIN}")
    said(platform, "1004", "#67#")
    result = platform.place(Scenario("asks", "1004"))
    assert platform.story(result).cdr["reason"] == "busy"


def test_all_calls_go_on_and_a_circle_is_refused(platform):
    said(platform, "1004", "*21*102#")
    assert reached(platform, "1004")[0] == ["1002"]
    said(platform, "1002", "*21*104#")
    looped = platform.place(Scenario("asks", "1004"))
    cdr = platform.story(looped).cdr
    assert (cdr["reason"], looped.status) == ("forward_loop", 483)
    said(platform, "1002", "#21#")
    said(platform, "1004", "#21#")


def test_a_phone_is_not_disturbed_until_it_says_so(platform):
    said(platform, "1002", "*78")
    refused = platform.place(Scenario("asks", "1002"))
    assert (platform.story(refused).cdr["reason"], refused.status) == ("do_not_disturb", 486)
    said(platform, "1002", "*79")
    assert reached(platform, "1002")[0] == ["1002"]


def test_explain_imagines_a_code_and_changes_nothing(platform):
    host = platform.serves[0]
    before = platform.rows("SELECT COUNT(*) AS n, MAX(said_at) AS at FROM forwarding")
    done = host.run("explain", "--endpoint", f"1002@{DOMAIN}", "--to", "*21*104#", "--json")
    answer = json.loads(done.out)
    assert (done.code, answer["outcome"], answer["targets"]) == (0, "service", ["always 104"])
    assert platform.rows("SELECT COUNT(*) AS n, MAX(said_at) AS at FROM forwarding") == before


def test_what_an_endpoint_said_goes_with_it(platform):
    said(platform, "1010", "*78")
    host = platform.serves[0]
    assert host.run("endpoint", "delete", f"1010@{DOMAIN}").code == 0
    assert platform.rows("SELECT * FROM forwarding WHERE endpoint = %s", f"1010@{DOMAIN}") == []
