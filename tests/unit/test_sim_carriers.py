"""The simulated switch against what a real one said of attempts at gateways: the A-leg's variables when a bridge ended.

Seen with FreeSWITCH 1.11.1, `continue_on_fail`, `outbound_redirect_fatal`, `leg_timeout` 8 and
`leg_progress_timeout` 2; a second bridge of the same call after the first had failed.
"""

import pytest
from gevent.event import Event as Signal

from callctl.call.outcome import attempts
from callctl.sim.node import SimNode
from callctl.sim.scenario import Scenario, SimCall
from callctl.sim.world import DEAD, Phone, World
from tests.unit.sim_controller import Controller

GATEWAYS = {
    "503": Phone(status=503, rings=False, ring=0), "403": Phone(status=403, rings=False, ring=0),
    "404": Phone(status=404, rings=False, ring=0), "486": Phone(status=486, rings=False, ring=0),
    "rings, then 486": Phone(status=486, ring=0.5), "rings, then 480": Phone(status=480, ring=0.5),
    "302": Phone(status=302, rings=False, ring=0), "silent": Phone(status=0, rings=False), "rings": Phone(status=0),
    "closed": DEAD, "plays, then 503": Phone(status=503, ring=0.5, early=True), "answers": Phone(ring=0.3),
    "answers late": Phone(ring=2.0),
}  # fmt: skip
SEEN = {  # legs of one bridge: disposition, DIALSTATUS, last_bridge_hangup_cause, its status, each leg's cause
    ("503",): ("NORMAL_TEMPORARY_FAILURE", "=", "=", "sip:503", ["="]),
    ("486",): ("USER_BUSY", "BUSY", "=", "sip:486", ["="]),
    ("rings, then 486",): ("USER_BUSY", "BUSY", "=", "sip:486", ["="]),
    ("rings, then 480",): ("NO_USER_RESPONSE", "=", "=", "sip:480", ["="]),
    ("403",): ("CALL_REJECTED", "DONTCALL", "=", "sip:403", ["="]),
    ("404",): ("UNALLOCATED_NUMBER", "=", "=", "sip:404", ["="]),
    ("302",): ("REQUESTED_CHAN_UNAVAIL", "=", "=", "sip:302", ["="]),
    ("closed",): ("NORMAL_TEMPORARY_FAILURE", "=", "=", "sip:503", ["="]),
    ("silent",): ("PROGRESS_TIMEOUT", "=", "=", "", ["="]),
    ("rings",): ("NO_ANSWER", "NOANSWER", "ALLOTTED_TIMEOUT", "", ["ALLOTTED_TIMEOUT"]),
    ("plays, then 503",): ("SUCCESS", "SUCCESS", "NORMAL_TEMPORARY_FAILURE", "sip:503", ["NONE"]),
    ("486", "503"): ("USER_BUSY", "BUSY", "NORMAL_TEMPORARY_FAILURE", "sip:503", ["=", "NORMAL_TEMPORARY_FAILURE"]),
    ("503", "rings, then 486"): ("NORMAL_TEMPORARY_FAILURE", "=", "USER_BUSY", "sip:486", ["=", "USER_BUSY"]),
    ("403", "silent"): ("CALL_REJECTED", "DONTCALL", "PROGRESS_TIMEOUT", "sip:403", ["=", "PROGRESS_TIMEOUT"]),
    ("404", "403"): ("UNALLOCATED_NUMBER", "=", None, None, ["=", "CALL_REJECTED"]),  # which is last is chance
}
ANSWERED = {
    ("503", "answers"): ("NORMAL_TEMPORARY_FAILURE", "sip:503", ["NORMAL_TEMPORARY_FAILURE", "NONE"]),
    ("answers late", "answers"): ("LOSE_RACE", "", ["LOSE_RACE", "NONE"]),
}
EARLY = {"CHANNEL_PROGRESS_MEDIA", "CHANNEL_BRIDGE"}


def dialled(legs):
    own = "[^^~leg_timeout=8~leg_progress_timeout=2]"
    targets = ",".join(f"{own}sofia/internal/4420@gateway{list(GATEWAYS).index(leg)}:5060" for leg in legs)
    fork = "true" if len(legs) > 1 else "false"
    return f"{{^^~originate_timeout=9~ignore_early_media={fork}~outbound_redirect_fatal=true}}{targets}"


def bridges(*tries):
    """What each bridge of a call ended with, and the names of all events."""
    ended, names, told = [], [], Signal()

    def handle(heard):
        heard.say("connect")
        heard.until(lambda heard: bool(heard.messages))
        call = heard.channel.get("Unique-ID")
        heard.say("linger 5")
        heard.say("myevents")
        variables = "hangup_after_bridge=true;continue_on_fail=true"
        heard.say(f"api uuid_setvar_multi {call} {variables}")
        for count, legs in enumerate(tries, 1):
            heard.say(f"api uuid_setvar_multi {call} last_bridge_proto_specific_hangup_cause=")
            heard.say("sendmsg", "call-command: execute", "execute-app-name: bridge", body=dialled(legs))
            ended.append(heard.until_event("CHANNEL_EXECUTE_COMPLETE", "bridge", count))
        names.extend(heard.names)
        told.set()
        heard.say("exit")

    controller = Controller(handle)
    world = World({("4420@*", f"gateway{number}:5060"): phone for number, phone in enumerate(GATEWAYS.values())})
    node = SimNode("lab", [controller.address], world=world, scale=0.15, poll=0.004).start()
    try:
        result = node.dial(SimCall(Scenario("x", "4420", talk=0.2)))
        assert told.wait(20)
        assert result.finished.wait(20)
    finally:
        node.stop()
        controller.stop()
    return ended, names


@pytest.mark.parametrize("legs", SEEN)
def test_a_bridge_that_failed_ends_as_a_real_one_did(legs):
    (event,), names = bridges(legs)
    disposition, status, cause, said, causes = SEEN[legs]
    told = {name: event.variable(name) for name in ("originate_disposition", "DIALSTATUS")}
    assert told == {
        "originate_disposition": disposition, "DIALSTATUS": disposition if status == "=" else status
    }  # fmt: skip
    if cause is not None:
        assert event.variable("last_bridge_hangup_cause") == (disposition if cause == "=" else cause)
        assert event.variable("last_bridge_proto_specific_hangup_cause") == said
    assert [each for _, each in attempts(event)] == [disposition if each == "=" else each for each in causes]
    plays = legs[0].startswith("plays")
    assert (set(names) >= EARLY) == plays
    assert event.get("Answer-State") == ("early" if plays else "ringing")
    assert event.variable("bridge_hangup_cause") == ("NORMAL_TEMPORARY_FAILURE" if plays else "")


@pytest.mark.parametrize("legs", ANSWERED)
def test_a_bridge_of_several_that_one_answers_ends_as_a_real_one_did(legs):
    (event,), _ = bridges(legs)
    cause, said, causes = ANSWERED[legs]
    assert event.variable("originate_disposition") == "SUCCESS"
    assert event.variable("last_bridge_hangup_cause") == cause
    assert event.variable("last_bridge_proto_specific_hangup_cause") == said
    assert [each for _, each in attempts(event)] == causes


def test_a_second_bridge_tells_of_the_first_what_a_real_one_did():
    (_, event), _ = bridges(("503",), ("silent",))
    assert event.variable("originate_disposition") == "PROGRESS_TIMEOUT"
    assert event.variable("last_bridge_proto_specific_hangup_cause") == ""
    assert [each for _, each in attempts(event)] == ["NORMAL_TEMPORARY_FAILURE", "PROGRESS_TIMEOUT"]
    (_, event), _ = bridges(("plays, then 503",), ("486",))
    assert event.variable("originate_disposition") == "USER_BUSY"
    assert event.variable("bridge_hangup_cause") == "NORMAL_TEMPORARY_FAILURE"
    assert [each for _, each in attempts(event)] == ["NONE", "USER_BUSY"]
    assert event.get("Answer-State") == "early"
