"""What FreeSWITCH is told of a decision, and how its call is followed."""

import socket as plain_socket
from dataclasses import replace

import gevent
import pytest
from gevent import socket
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from callctl.call import ringing
from callctl.call.carry_out import BRIDGE_ID, carry_out, commands
from callctl.call.decide import decide
from callctl.call.facts import variables
from callctl.call.outcome import failure
from callctl.call.request import from_channel
from callctl.esl.session import Session
from callctl.esl.wire import Block, Event
from callctl.plan import EdgeTarget
from callctl.reason import Reason
from callctl.world import Located
from tests.unit.company import DIRECTORY, World, request
from tests.unit.company import settings as configured
from tests.wire.budget import fuzz
from tests.wire.grammar import expands, originate, packets, set_by
from tests.wire.hostile import TEXTS
from tests.wire.inbound import api_response, command_reply
from tests.wire.recordings import changed, event, framed

SETTINGS = configured()
ERR = "-ERR command not found"


@pytest.fixture(autouse=True)
def _no_test_hangs():
    with gevent.Timeout(60):
        yield


def told(asked, world=None, **calls):
    """What FreeSWITCH reads of the decision on a call."""
    decision = decide(asked, DIRECTORY, world or World(), configured(**calls))
    return packets(b"".join(commands(decision, asked, configured(**calls), variables(asked, decision, "host/0"))))


class TestCommands:
    def test_a_bridge_names_the_caller_and_limits_the_call_before_it_is_answered(self):
        setting, bridge = told(request(called="2001", caller_name="Böb X"), max_duration=60)
        call, known = set_by(setting.command)
        assert call == "c-1"
        assert known["execute_on_answer_callctl"] == "sched_hangup +61 ALLOTTED_TIMEOUT"
        assert (known["effective_caller_id_number"], known["effective_caller_id_name"]) == ("442079460000", "Böb X")
        assert bridge.headers["execute-app-name"] == "bridge"
        assert bridge.headers["event-uuid"] == BRIDGE_ID
        assert originate(bridge.body)[0]["callctl_started"] == "1795405444653906"

    def test_a_bridge_is_not_locked_or_no_tone_would_reach_the_caller(self):
        for called in ("102", "conf_1"):
            bridge = told(request(called=called), World(owner="fs2"))[-1]
            assert bridge.headers["execute-app-name"] == "bridge"
            assert "event-lock" not in bridge.headers
        assert all(said.headers["event-lock"] == "true" for said in told(request(called="conf_1"))[1:])

    def test_a_name_that_is_nothing_is_not_set(self):
        _, known = set_by(told(request(caller_name=""))[0].command)
        assert "effective_caller_id_name" not in known

    def test_the_profile_is_that_of_the_node_the_call_is_on(self):
        for node, profile in (("fs1", "core"), ("fs2", "internal"), ("unknown", "internal")):
            _, bridge = told(request(node=node))
            assert originate(bridge.body)[1][0][0][1].startswith(f"sofia/{profile}/")

    def test_a_refusal_sets_its_reason_and_hangs_up(self):
        setting, hangup = told(request(called="777"))
        assert set_by(setting.command)[1]["callctl_reason"] == "number_unknown"
        assert (hangup.headers["execute-app-name"], hangup.body) == ("hangup", Reason.NUMBER_UNKNOWN.cause)

    def test_media_goes_through_the_proxy_where_it_is_configured(self):
        assert set_by(told(request(called="conf_1"))[0].command)[1]["proxy_media"] == "false"
        assert set_by(told(request(called="conf_1"), proxy_media=True)[0].command)[1]["proxy_media"] == "true"

    def test_a_declared_room_is_entered_with_its_pin_and_the_most_that_enter(self):
        setting, _, conference, _ = told(request(called="conf_sales"))
        assert conference.body == "sales-fs1@wide+1234"
        assert set_by(setting.command)[1]["conference_max_members"] == "50"
        setting, _, conference, _ = told(request(called="conf_3001"))
        assert conference.body == "3001-fs1@default"
        assert "conference_max_members" not in set_by(setting.command)[1]

    def test_no_pin_leaves_with_a_caller_who_is_sent_on(self):
        setting, bridge = told(request(called="conf_sales"), World(owner="fs2"))
        assert "sofia/core/conf_sales@10.9.0.2:5080" in bridge.body
        assert "1234" not in bridge.body + setting.command

    def test_a_member_from_another_node_is_known_by_its_own_call(self):
        sent_on = request(called="conf_1", source_ip="10.9.0.2", hop="c-0", asserted="")
        assert set_by(told(sent_on)[0].command)[1]["callctl_hop"] == "c-0"
        forged = request(called="conf_1", hop="c-0")
        assert "callctl_hop" not in set_by(told(forged)[0].command)[1]


anything = st.one_of(st.sampled_from(TEXTS), st.text(max_size=30))
HEADERS = (
    "Unique-ID", "FreeSWITCH-Switchname", "Caller-Caller-ID-Number", "Caller-Caller-ID-Name",
    "Caller-Destination-Number", "variable_sip_req_host", "variable_sip_h_X-Callctl-Endpoint",
    "variable_sip_network_ip", "variable_switch_r_sdp", "variable_sip_h_X-Callctl-Hop", "variable_sip_call_id",
)  # fmt: skip
GOOD = {
    "Unique-ID": "c-1", "FreeSWITCH-Switchname": "fs1", "Caller-Destination-Number": "102",
    "variable_sip_network_ip": "10.0.0.1", "variable_sip_h_X-Callctl-Endpoint": "1001@example.net",
}  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(HEADERS[1:]), anything, max_size=4),
    st.sampled_from(["102", "2001", "conf_1", "*43", "777"]),
    st.sampled_from(["10.0.0.1", "203.0.113.8", "10.9.0.2"]),
)
@example({"FreeSWITCH-Switchname": "a" * 200}, "conf_1", "10.0.0.1")
@fuzz(300)
def test_whatever_a_caller_sends_the_decision_can_be_said_in_so_many_commands(hostile, called, source):
    headers = GOOD | {"Caller-Destination-Number": called, "variable_sip_network_ip": source} | hostile
    encoded = {
        name: "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace")) for name, text in headers.items()
    }
    asked = from_channel(Block("\n".join(f"{name}: {value}" for name, value in encoded.items()).encode()))
    found = told(asked, codecs=())
    applications = [packet.headers["execute-app-name"] for packet in found[1:]]
    assert applications in (["hangup"], ["bridge"], ["answer", "conference", "hangup"], ["answer", "echo"])
    call, known = set_by(found[0].command)
    assert call == "c-1"
    assert all(name.startswith(OURS) for name in known), known
    assert not any(expands(packet.body) for packet in found)
    assert found[0].headers == {}


OURS = (
    "callctl_", "execute_on_answer_callctl", "absolute_codec_string", "hangup_after_bridge", "continue_on_fail", "sip_",
    "effective_caller_id_", "export_vars", "bypass_media", "proxy_media", "call_timeout", "common_uuid",
    "caller_callid", "media_mix_inbound_outbound_codecs", "outbound_redirect_fatal",
)  # fmt: skip


class Followed:
    """A call that is carried out, over a socket whose other end the test is."""

    def __init__(self, called="102", heard=False, located=None, others=(), settings=SETTINGS, connected=None):
        self.ours, self.switch = socket.socketpair()
        self.session = Session("peer", self.ours, 20.0)
        self.session._uuid = "c-1"
        self.heard = heard
        asked = request(called=called)
        decision = decide(asked, DIRECTORY, World(**({"located": located} if located else {})), settings)
        self.answered = []  # by which legs
        self.connected = connected or {}  # what changes by that
        self.others = list(others)  # what to do when a bridge failed, in turn
        self.greenlet = gevent.spawn(
            carry_out, decision, asked, self.session, settings, "host/0", lambda: self.heard,
            lambda failed: self.others.pop(0) if self.others else failure(failed),
            lambda leg: self.answered.append(leg) or self.connected,
        )  # fmt: skip

    def tell(self, *frames):
        self.switch.sendall(b"".join(frames))
        gevent.sleep(0.01)

    def told(self):
        """The applications run and variables set since the last time."""
        return [packet.headers.get("execute-app-name") or packet.command.split()[1] for packet in self._packets()]

    def packets(self):
        """The commands since the last time."""
        return [packet.command for packet in self._packets()]

    def _packets(self):
        self.switch.settimeout(0.05)
        data = b""
        try:
            while True:
                data += self.switch.recv(65536)
        except TimeoutError:
            pass
        return packets(data)

    def end(self):
        self.session.stop()
        self.switch.close()
        return self.greenlet.get()


@pytest.fixture
def follow():
    made = []

    def build(**options):
        made.append(Followed(**options))
        return made[-1]

    yield build
    for one in made:
        one.end()


def complete(**changes):
    """Our bridge is over."""
    found = event("b_busy", "CHANNEL_EXECUTE_COMPLETE", turn=2)
    return framed(changed(found, Application_UUID=BRIDGE_ID, **changes))


class TestFollowing:
    def test_a_call_is_let_go_once_it_is_bridged_and_answered_and_heard_elsewhere(self, follow):
        call = follow(heard=True)
        bridge, answer = event("a_bridged", "CHANNEL_BRIDGE"), event("a_bridged", "CHANNEL_ANSWER")
        assert not call.session.may_go()
        call.tell(framed(changed(bridge, Answer_State="early")))
        assert not call.greenlet.ready(), "early media is bridged before anybody answers"
        call.tell(framed(answer))
        assert call.greenlet.get() is None

    def test_when_a_bridge_failed_another_way_is_tried_as_long_as_there_is_one(self, follow):
        other = decide(request(called="conf_1"), DIRECTORY, World(), SETTINGS)
        call = follow(others=[other, other])
        call.told()
        call.tell(complete())
        assert call.told() == ["uuid_setvar_multi", "answer", "conference", "hangup"]
        call.tell(complete())
        assert call.told() == ["uuid_setvar_multi", "answer", "conference", "hangup"]
        call.tell(complete())
        assert call.told() == ["uuid_setvar_multi", "hangup"]

    def test_nothing_of_a_way_that_failed_counts_for_the_next(self, follow):
        other = decide(request(called="conf_1"), DIRECTORY, World(), SETTINGS)
        call = follow(others=[replace(other, levels=("account acme",))])
        call.told()
        call.tell(complete())
        known = set_by(call.packets()[0])[1]
        assert known["callctl_levels"] == "account acme"
        gone = ("callctl_basis", "callctl_paid", "callctl_limit", "callctl_buy")
        assert [known[name] for name in gone] == [""] * 4

    def test_what_changes_by_the_leg_that_answers_is_set_before_the_call_is_let_go(self, follow):
        call = follow(heard=True, connected={"callctl_levels": "carrier one"})
        bridge = event("a_bridged", "CHANNEL_BRIDGE")
        call.told()
        call.tell(*[command_reply("+OK")] * 5, framed(bridge))
        assert call.answered == [bridge.get("Other-Leg-Unique-ID")]
        assert call.packets() == ["api uuid_setvar_multi c-1 callctl_levels=carrier one"]
        assert not call.greenlet.ready()
        call.tell(api_response("+OK"))
        assert call.greenlet.get() is None

    def test_an_answered_call_may_go_when_its_node_is_heard(self, follow):
        call = follow()
        call.tell(framed(event("a_bridged", "CHANNEL_BRIDGE")))
        assert not call.session.may_go()
        call.heard = True
        assert call.session.may_go()

    def test_an_answer_to_nobody_is_not_let_go(self, follow):
        call = follow(heard=True)
        call.tell(framed(event("a_bridged", "CHANNEL_ANSWER")))
        assert not call.greenlet.ready()

    def test_a_callee_who_sent_early_media_and_then_refused_has_not_answered(self, follow):
        call = follow()
        call.told()
        call.tell(complete(variable_originate_disposition="SUCCESS", Answer_State="early"))
        assert call.told() == ["uuid_setvar_multi", "hangup"]

    def test_early_media_rings_no_longer_than_anything_else(self, follow):
        early = [follow(settings=configured(ring_timeout=1)) for _ in range(2)]
        bridge, answer = event("a_bridged", "CHANNEL_BRIDGE"), event("a_bridged", "CHANNEL_ANSWER")
        for call in early:
            call.told()
            call.tell(framed(changed(bridge, Answer_State="early")))
        early[1].tell(framed(answer))
        gevent.sleep(1)
        leg = bridge.get("Other-Leg-Unique-ID")
        assert early[0].packets() == [f"api uuid_kill {leg} NO_ANSWER"]
        assert early[1].packets() == []
        early[0].tell(api_response("-ERR No such channel!\n"), complete(Answer_State="early"))
        assert early[0].told() == ["uuid_setvar_multi", "hangup"]

    def test_a_call_whose_socket_ends_while_it_is_told_of_its_answer_is_left_as_it_is(self, follow):
        call = follow(connected={"callctl_levels": "carrier one"})
        call.told()
        bridge = changed(event("a_bridged", "CHANNEL_BRIDGE"), Answer_State="early")
        call.switch.sendall(framed(bridge) + framed(event("a_bridged", "CHANNEL_ANSWER")))
        call.switch.close()
        assert call.greenlet.get() is None, "or it would pass for a call that nobody connected"
        assert call.answered

    def test_a_call_whose_socket_ends_while_its_early_media_are_ended_is_left_as_it_is(self, follow):
        call = follow(settings=configured(ring_timeout=1))
        call.tell(framed(changed(event("a_bridged", "CHANNEL_BRIDGE"), Answer_State="early")))
        call.switch.shutdown(plain_socket.SHUT_RD)
        assert call.greenlet.get(timeout=5) is None

    def test_early_media_of_an_emergency_call_is_not_ended(self):
        decision = decide(request(), DIRECTORY, World(), SETTINGS)
        early = changed(event("a_bridged", "CHANNEL_BRIDGE"), Answer_State="early")
        for emergency in (False, True):
            waits = ringing.Ringing(replace(decision, emergency=emergency), SETTINGS)
            waits.hear(early)
            assert bool(waits.early) is not emergency

    @pytest.mark.parametrize(
        "changes",
        [{"Answer_State": "answered"}, {"Answer_State": "hangup"}, {"Application_UUID": "another"}],
    )
    def test_the_end_of_an_answered_bridge_or_of_another_application_is_no_failure(self, follow, changes):
        call = follow()
        call.told()
        found = event("b_busy", "CHANNEL_EXECUTE_COMPLETE", turn=2)
        call.tell(framed(changed(found, **{"Application_UUID": BRIDGE_ID} | changes)))
        assert call.told() == []

    def test_the_last_event_is_given_back(self, follow):
        call = follow()
        end = event("a_bridged", "CHANNEL_HANGUP_COMPLETE")
        call.tell(framed(event("a_bridged", "CHANNEL_HANGUP")), framed(end))
        assert call.greenlet.get().raw == end.raw

    def test_a_refused_command_ends_the_call_once(self, follow):
        call = follow()
        with capture_logs() as logs:
            call.tell(command_reply(ERR), command_reply(ERR), command_reply("+OK"), api_response("-ERR x"))
        assert [line["event"] for line in logs] == ["command refused"]
        assert call.told()[-2:] == ["uuid_setvar_multi", "hangup"]
        assert not call.greenlet.ready()

    def test_a_channel_that_is_gone_is_waited_out(self, follow):
        call = follow()
        call.told()
        with capture_logs() as logs:
            call.tell(*[command_reply("+OK")] * 3, api_response("-ERR No such channel!\n"))
        assert logs == []
        assert call.told() == []

    def test_a_switch_that_says_nothing_for_longer_than_a_call_may_last_is_left(self, follow, monkeypatch):
        monkeypatch.setattr(
            ringing, "SET_UP", 0.05 - SETTINGS.calls.ring_timeout - SETTINGS.calls.max_duration
        )
        assert follow().greenlet.get() is None

    def test_each_group_of_edges_may_ring_its_time(self, follow, monkeypatch):
        located = Located((EdgeTarget("a", "10.0.0.1:5060", 1.0), EdgeTarget("b", "10.0.0.2:5060", 0.5)), 2)
        one_group = 0.05 - SETTINGS.calls.ring_timeout - SETTINGS.calls.max_duration
        monkeypatch.setattr(ringing, "SET_UP", one_group)
        call = follow(located=located)
        call.tell(framed(Event(b"Event-Name: HEARTBEAT")))
        gevent.sleep(0.1)
        assert not call.greenlet.ready()
