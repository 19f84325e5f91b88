"""Calls through `callctl serve`, from the INVITE at a simulated FreeSWITCH to the rows in MariaDB."""

from dataclasses import dataclass, replace

import pytest

from callctl.reason import BY_NAME
from callctl.sim.scenario import HOSTILE, MIX, Scenario
from callctl.sim.world import Phone
from tests.integration.platform import DOMAIN, EDGES, MEETS, TALKS, Platform, sip, wait

AT_ONCE = 4  # of each scenario of the mix
BRIDGED = ["routed", "ringing", "early_media", "answered", "bridged", "leg_ended", "ended"]
RANG = ["routed", "ringing", "leg_ended", "ended"]
FAILED = ["routed", "leg_ended", "ended"]
ASKED = ["identify", "account", "destination", "codecs", "locate"]


@dataclass
class Expected:
    """What becomes of a scenario. `legs` are the SIP answer and cause of each."""

    status: int
    by: str
    events: list[str]
    legs: list[tuple[int, str]]
    reason: str | None = None
    kind: str = "onnet"
    outcome: str = "bridge"
    rang: bool = True
    checks: list[str] | None = None


OK = (200, "NORMAL_CLEARING")
EXPECTED = {
    "answered": Expected(200, "caller", BRIDGED, [OK]),
    "brief": Expected(200, "caller", BRIDGED, [OK]),
    "callee_ends": Expected(200, "callee", BRIDGED, [OK]),
    "busy": Expected(486, "callee", RANG, [(486, "USER_BUSY")], "busy"),
    "no_answer": Expected(480, "switch", RANG, [(487, "NO_ANSWER")], "no_answer"),
    "refused": Expected(603, "callee", RANG, [(603, "CALL_REJECTED")], "callee_refused"),
    "not_there": Expected(480, "callee", FAILED, [(404, "UNALLOCATED_NUMBER")], "callee_unreachable", rang=False),
    "codec_refused": Expected(488, "callee", FAILED, [(488, "INCOMPATIBLE_DESTINATION")], "callee_codec", rang=False),
    "edge_dead": Expected(
        200, "caller", ["routed", "leg_ended", *BRIDGED[1:]], [(503, "NORMAL_TEMPORARY_FAILURE"), OK]
    ),
    "gives_up": Expected(487, "caller", RANG, [(487, "ORIGINATOR_CANCEL")], "caller_gave_up"),
    "unknown_number": Expected(
        404, "controller", ["refused", "ended"], [], "number_unknown", outcome="reject", rang=False, checks=ASKED[:3]
    ),
    "no_common_codec": Expected(
        488, "controller", ["refused", "ended"], [], "no_common_codec", outcome="reject", rang=False, checks=ASKED[:4]
    ),
    "conference": Expected(
        200, "caller", ["routed", "early_media", "answered", "room_joined", "room_left", "ended"], [],
        kind="conference", outcome="conference", checks=[*ASKED[:4], "room"],
    ),
    "echo": Expected(
        200, "caller", ["routed", "early_media", "answered", "ended"], [],
        kind="service", outcome="service", checks=ASKED[:4],
    ),
    "hostile_name": Expected(200, "caller", BRIDGED, [OK]),
    "carrier_fails": Expected(  # acme has no routes to the outside; test_serve_outbound.py has calls that go there
        404, "controller", ["refused", "ended"], [], "number_unknown", outcome="reject", rang=False, checks=ASKED[:3]
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("calls"), services, nodes=("sim1", "sim2"), scale=0.05) as platform:
        platform.register("1001", 3)  # an edge nobody has configured
        platform.start()
        yield platform


@pytest.fixture(scope="module")
def mix(platform):
    """Some of every scenario, all at once. Who gives up does so when he has heard it ring."""
    patient = replace(MIX["gives_up"], patience=None)
    results = [platform.dial(patient if name == "gives_up" else name) for name in list(MIX) * AT_ONCE]
    for result in results:
        if result.scenario == "gives_up":
            platform.hang_up(platform.ringing(result))
    return platform.finish(*results)


def test_the_expectations_are_of_the_mix():
    assert EXPECTED.keys() == MIX.keys()


@pytest.mark.parametrize("name", MIX)
def test_a_call_ends_and_is_recorded_as_its_scenario_says(platform, mix, name):
    expected = EXPECTED[name]
    results = [result for result in mix if result.scenario == name]
    assert len(results) == AT_ONCE
    for result in results:
        assert (result.status, result.answered) == (expected.status, expected.status == 200)
        story = platform.story(result)
        _check_call(story.cdr, result, expected)
        _check_legs(story, expected)
        # Both legs are told by two threads of the switch: what comes of one may overtake what comes of the other.
        assert sorted(story.names) == sorted(expected.events)
        assert _of_call(story.names) == _of_call(expected.events)
        _check_trace(story.cdr["trace"], expected)


def _of_call(names):
    return [name for name in names if not name.startswith("leg_")]


def _check_call(cdr, result, expected):
    caller = {key: cdr[key] for key in ("account", "endpoint", "caller", "node", "source_ip")}
    assert caller == {
        "account": "acme", "endpoint": f"1001@{DOMAIN}", "caller": "1001", "node": "sim1", "source_ip": "127.0.77.1",
    }  # fmt: skip
    scenario = MIX[result.scenario]
    assert (cdr["called"], cdr["called_original"]) == (scenario.called, scenario.called)
    assert (cdr["state"], cdr["kind"], cdr["reason"]) == ("final", expected.kind, expected.reason)
    assert (cdr["sip_status"], cdr["hangup_cause"], cdr["hangup_by"]) == (result.status, result.cause, expected.by)
    assert cdr["q850"] == (BY_NAME[expected.reason].q850 if expected.reason else 16)
    assert cdr["duration_ms"] == result.billed_us // 1000
    assert (cdr["answered_at"] is not None) == result.answered
    assert (cdr["ring_ms"] is not None) == expected.rang
    assert cdr["attempts"] == len(expected.legs)
    assert cdr["codec_in"] == ("PCMA" if result.answered else None)
    assert cdr["codec_out"] == ("PCMA" if OK in expected.legs else None)
    assert cdr["controller"].endswith("/0")
    assert cdr["sip_call_id"].endswith("@127.0.77.1")


def _check_legs(story, expected):
    assert [(leg["sip_status"], leg["hangup_cause"]) for leg in story.legs] == expected.legs
    assert [leg["leg"] for leg in story.legs] == list(range(1, len(expected.legs) + 1))
    targets = story.cdr["trace"]["targets"] if expected.legs else []
    assert [target.split()[2] for target in targets] == [leg["target"] for leg in story.legs]
    for leg in story.legs:
        assert leg["started_at"] == story.cdr["started_at"]
        times = [leg[name] for name in ("started_at", "dialed_at", "ringing_at", "answered_at", "ended_at")]
        known = [time for time in times if time is not None]
        assert known == sorted(known)
        assert (leg["answered_at"] is not None) == (leg["sip_status"] == 200)


def _check_trace(trace, expected):
    assert trace["outcome"] == expected.outcome
    checks = [step["check"] for step in trace["steps"]]
    assert checks == (expected.checks or ASKED)
    verdicts = [step["verdict"] for step in trace["steps"]]
    refused = expected.outcome == "reject"
    assert verdicts == ["pass"] * (len(checks) - refused) + ["fail"] * refused


def test_a_refusal_for_codecs_names_both_lists(platform, mix):
    result = next(result for result in mix if result.scenario == "no_common_codec")
    values = platform.final(result.uuid)["trace"]["steps"][-1]["values"]
    assert (values["offered"], values["allowed"]) == (["G729"], ["OPUS", "PCMA", "PCMU"])


def test_nothing_a_caller_says_is_run_by_the_switch(platform, mix):
    assert "${system" in HOSTILE
    assert {result.status for result in mix if result.scenario == "hostile_name"} == {200}
    assert platform.nodes["sim1"].api_expansions == []


def test_every_call_has_one_row_and_one_end(platform, mix):
    calls = [result.uuid for result in mix]
    assert len(set(calls)) == len(MIX) * AT_ONCE
    for result in mix:
        platform.story(result)
    marks = ", ".join(["%s"] * len(calls))
    rows = platform.rows(f"SELECT call_uuid FROM cdr WHERE call_uuid IN ({marks})", *calls)
    assert sorted(row["call_uuid"] for row in rows) == sorted(calls)
    ends = platform.rows(f"SELECT call_uuid FROM call_event WHERE event = 'ended' AND call_uuid IN ({marks})", *calls)
    assert sorted(row["call_uuid"] for row in ends) == sorted(calls)


def test_an_extension_is_its_phone_and_shows_the_callers_extension(platform):
    result = platform.talking(platform.dial(TALKS, called="102"))
    (leg,) = platform.nodes["sim1"].call(result.uuid).legs
    assert (leg.profile["destination"], leg.profile["caller_number"]) == ("1002", "101")
    platform.hang_up(result)
    cdr = platform.story(result).cdr
    assert (cdr["called"], cdr["sip_status"]) == ("102", 200)
    assert cdr["trace"]["targets"] == [f"1002@{DOMAIN} via kam-a {EDGES['kam-a']}"]


def test_a_caller_on_another_node_is_bridged_to_the_room_with_a_mark(platform):
    first = platform.talking(platform.dial(MEETS, called="conf_77"))
    (room,) = platform.nodes["sim1"].rooms.values()
    assert room.name == "77-sim1"

    platform.world.phones[f"conf_77@{sip('sim1')}", "*"] = Phone()
    second = platform.talking(platform.dial(MEETS, "sim2", called="conf_77"))
    (leg,) = platform.nodes["sim2"].call(second.uuid).legs
    assert leg.variables.get("sip_h_X-Callctl-Hop") == second.uuid
    assert leg.variables.get("sip_h_X-MEDIATRA") == "1"

    # What sim2 dialled, as it reaches sim1: it enters the room there.
    hop = platform.dial(
        MEETS, "sim1", called="conf_77", caller="1002", source_ip="127.0.0.12",
        headers={"X-Callctl-Hop": second.uuid, "X-Callctl-Endpoint": ""},
    )  # fmt: skip
    platform.talking(hop)
    assert {call.leg.uuid for call in room.members.values()} == {first.uuid, hop.uuid}
    assert list(platform.nodes["sim1"].rooms.values()) == [room]
    platform.hang_up(first, second, hop)

    sent_on = platform.story(second)
    assert sent_on.cdr["trace"]["targets"] == ["room 77 on sim1"]
    assert [leg["target"] for leg in sent_on.legs] == ["sim1"]
    arrived = platform.story(hop)
    assert arrived.cdr["trace"]["steps"][0]["key"] == "identify.hop"
    assert "room_joined" in arrived.names
    wait(lambda: not platform.redis().exists(f"{platform.prefix}room:77"), "the empty room is let go")


REFUSED = {
    "not registered": ({"called": "2001"}, "not_registered"),
    "registered at an unknown edge": ({"called": "1001"}, "edge_away"),
    "codec of the callee": ({"called": "1010", "codecs": ("G722",)}, "no_common_codec"),
    "room with letters": ({"called": "conf_x"}, "room_invalid"),
    "number with a space": ({"called": "10 02"}, "request_unusable"),
    "edge asserts nobody": ({"headers": {"X-Callctl-Endpoint": ""}}, "caller_unknown"),
    "edge asserts a stranger": ({"headers": {"X-Callctl-Endpoint": f"nobody@{DOMAIN}"}}, "caller_unknown"),
    "source unknown": ({"source_ip": "198.51.100.9"}, "caller_unknown"),
    "hop forged": ({"source_ip": "198.51.100.9", "headers": {"X-Callctl-Hop": "x"}}, "caller_unknown"),
}


@pytest.fixture(scope="module")
def refused(platform):
    """A call of each kind that cannot be made."""
    results = {name: platform.dial(Scenario("asks", "1002"), **call) for name, (call, _) in REFUSED.items()}
    platform.finish(*results.values())
    return results


@pytest.mark.parametrize("name", REFUSED)
def test_a_call_that_cannot_be_made_is_refused_with_its_reason(platform, refused, name):
    result, reason = refused[name], BY_NAME[REFUSED[name][1]]
    cdr = platform.story(result).cdr
    assert (cdr["reason"], cdr["hangup_by"], cdr["attempts"]) == (reason.machine_name, "controller", 0)
    assert (result.status, cdr["sip_status"], cdr["q850"]) == (reason.sip, reason.sip, reason.q850)


def test_a_trunk_is_known_by_its_address(platform):
    result = platform.place("echo", source_ip="203.0.113.5")
    cdr = platform.story(result).cdr
    assert (cdr["account"], cdr["endpoint"], cdr["sip_status"]) == ("globex", "203.0.113.0/29", 200)
