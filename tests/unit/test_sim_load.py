"""Scenarios, the world they happen in, and many calls at once."""

from __future__ import annotations

import pytest

from callctl.sim.dialstring import parse
from callctl.sim.load import percentile, run_load
from callctl.sim.node import SimNode
from callctl.sim.scenario import MIX, Scenario, SimCall, offer, standard_world
from callctl.sim.world import DEAD, UNKNOWN, Phone, World
from tests.unit.sim_controller import Controller, Heard

ONE, TWO = "127.0.1.1:5060", "127.0.1.2:5060"


def refuse_or_ring(heard: Heard) -> None:
    """A controller that bridges 1002 and refuses everybody else."""
    heard.say("connect")
    heard.until(lambda heard: bool(heard.messages))
    heard.say("linger 5")
    heard.say("event plain CHANNEL_HANGUP_COMPLETE")
    heard.say(f"filter Unique-ID {heard.channel.get('Unique-ID')}")
    if heard.channel.get("Caller-Destination-Number") == "1002":
        heard.execute("set", "hangup_after_bridge=true")
        heard.execute("bridge", f"sofia/internal/1002@example.net;fs_path=%3Csip:{ONE}%3Blr%3E")
    else:
        heard.execute("hangup", "UNALLOCATED_NUMBER")
    heard.until_event("CHANNEL_HANGUP_COMPLETE")
    heard.say("exit")


@pytest.mark.parametrize("kind", ["weights", "turns"])
def test_every_call_of_a_run_is_counted_by_what_became_of_it(kind: str) -> None:
    controller = Controller(refuse_or_ring)
    node = SimNode("fs1", [controller.address], world=standard_world("example.net", [ONE, TWO]), scale=0.002).start()
    mix = {"answered": 1.0, "unknown_number": 1.0} if kind == "weights" else [MIX["answered"], MIX["unknown_number"]]
    try:
        told = []
        report = run_load(node, 20, 30, mix, told=told.append)
    finally:
        node.stop()
        controller.stop()
    outcomes = report.outcomes
    assert set(outcomes) == {("answered", "200 NORMAL_CLEARING"), ("unknown_number", "404 UNALLOCATED_NUMBER")}
    assert outcomes.total() == len(told) == 30
    assert (report.errors, report.unfinished) == (0, 0)
    assert 0 < report.first_command(0.5) <= report.first_command(0.99)
    assert node.calls() == node.all_legs() == []


def test_calls_that_no_controller_takes_are_errors() -> None:
    node = SimNode("fs1", ["127.0.0.1:1"]).start()
    try:
        report = run_load(node, 100, 3, [MIX["answered"]])
    finally:
        node.stop()
    assert report.errors == 3
    assert report.outcomes == {("answered", "503 NETWORK_OUT_OF_ORDER"): 3}


def test_the_same_seed_gives_the_same_calls() -> None:
    assert SimNode(seed=5).new_uuid() == SimNode(seed=5).new_uuid() != SimNode(seed=6).new_uuid()


class TestWorld:
    def test_the_standard_world_has_the_callees_of_the_mix(self) -> None:
        world = standard_world("example.net", [ONE, TWO])
        assert world.phone("1004@example.net", TWO) == MIX["busy"].phone
        assert world.phone("9999@example.net", ONE) == UNKNOWN

    def test_an_edge_can_be_dead_for_one_callee_or_for_all(self) -> None:
        world = standard_world("example.net", [ONE, TWO])
        assert world.phone("1009@example.net", ONE) == DEAD
        assert world.phone("1009@example.net", TWO) == MIX["edge_dead"].phone
        everyone = World({("1002@example.net", "*"): Phone(), ("*", ONE): DEAD})
        assert (everyone.phone("1002@example.net", ONE), everyone.phone("1002@example.net", TWO)) == (DEAD, Phone())


class TestDialString:
    def test_groups_legs_and_variables_are_told_apart(self) -> None:
        legs = "[leg_timeout=3]sofia/x/u@h;fs_path=%3Csip:127.0.1.1%3Blr%3E,sofia/x/v@h:5062|sofia/x/w@h"
        (one,) = parse("{a=1,b='2'}{^^:c=3,4:d=5}" + legs)
        assert one.variables == {"a": "1", "b": "2", "c": "3,4", "d": "5"}
        first, second = one.groups
        assert [(t.user, t.edge) for t in first if t] == [("u", ONE), ("v", "h:5062")]
        assert first[0] is not None
        assert first[0].variables == {"leg_timeout": "3"}
        assert [(t.user, t.edge) for t in second if t] == [("w", "h:5060")]

    def test_a_value_with_the_separator_in_it_is_cut(self) -> None:
        (one,) = parse("{v='a,b'}sofia/x/u@h")
        assert one.variables == {"v": "a"}

    @pytest.mark.parametrize("text", ["user/1001", "sofia/x/1001", "sofia/x/u@", "{a=1", ""])
    def test_what_is_no_endpoint_dials_nobody(self, text: str) -> None:
        (one,) = parse(text)
        assert one.groups == [[None]]


def test_an_offer_has_the_payloads_of_its_codecs() -> None:
    sdp = offer("1001", "192.0.2.9", 6004, ["PCMA", "G729", "OPUS"])
    assert "m=audio 6004 RTP/AVP 8 18 96 101\r\n" in sdp
    assert "a=rtpmap:96 opus/48000/2\r\n" in sdp


def test_a_call_carries_its_scenario_unless_told_otherwise() -> None:
    scenario = Scenario("x", "1002", codecs=("PCMU",), caller_name="Zoe")
    call = SimCall(scenario)
    assert (call.called, call.caller_name, call.codecs) == ("1002", "Zoe", ("PCMU",))
    assert SimCall(scenario, called="1003").called == "1003"


def test_percentiles_of_few_values() -> None:
    assert (percentile([], 0.5), percentile([1.0], 0.99), percentile([3.0, 1.0, 2.0], 0.5)) == (0.0, 1.0, 2.0)
