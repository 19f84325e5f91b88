"""freeswitch-conf/ on a real FreeSWITCH: whom it lets in, what it does without a controller, what a caller is told."""

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from callctl.errors import ConfigError
from callctl.esl import command
from callctl.reason import Reason
from tests.freeswitch.phones import HOST, STRANGER
from tests.freeswitch.switch import Switch
from tests.integration.platform import wait

AWAY = (503, 'Q.850;cause=38;text="NETWORK_OUT_OF_ORDER"')
BRIDGE = "the-bridge"


def told(party):
    """The SIP status and the reason a caller got."""
    return party.wait().final.status, party.final.header("Reason")


def take(session):
    """What every controller must do: cancel the guard, ask for events, stay for the last of them."""
    uuid = session.connect().get("Unique-ID")
    events = "event plain CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP_COMPLETE"
    for text in (f"api sched_del {uuid}", f"filter Unique-ID {uuid}", events, "linger 10"):
        session.write(command.line(text))
    return uuid


def refuse(cause):
    """A desk that takes a call and refuses it."""

    def do(session):
        take(session)
        session.write(command.hangup(cause))
        while session.next_event(10.0):
            pass

    return do


def ring_then_refuse(port, cause, failures):
    """A desk that rings an edge, keeps the event of its failure and refuses with a cause of its own."""

    def do(session):
        uuid = take(session)
        # None of the variables that callctl sets by itself: the configuration alone has to hold.
        edge = f"sofia/internal/1002@example.net;fs_path={command.route(f'{HOST}:{port}')}"
        session.write(
            command.set_variables(uuid, {"continue_on_fail": "true"}),
            command.execute("bridge", edge, event_uuid=BRIDGE),
        )
        while event := session.next_event(20.0):
            if event.name == "CHANNEL_EXECUTE_COMPLETE" and event.get("Application-UUID") == BRIDGE:
                failures.append(event)
                session.write(command.hangup(cause))

    return do


def test_a_call_goes_to_the_next_controller_when_the_first_is_away(desk, phones):
    desk.do = refuse("USER_BUSY")
    assert told(phones.caller("stays", "1002"))[0] == 486


def test_without_any_controller_a_caller_gets_503(desk, phones):
    desk.close()
    try:
        assert told(phones.caller("stays", "1002")) == AWAY
    finally:
        desk.open()


def test_a_controller_that_takes_a_call_and_stays_silent_costs_it_503(desk, phones):
    over = Event()

    def do(session):
        session.connect()
        over.wait()

    desk.do = do
    try:
        assert told(phones.caller("stays", "1002")) == AWAY
    finally:
        over.set()


def test_a_controller_that_leaves_a_waiting_call_costs_it_503(desk, phones):
    def do(session):
        take(session)
        gevent.sleep(0.5)  # a call that is not yet parked would stay so for ever
        session.stop()

    desk.do = do
    assert told(phones.caller("stays", "1002")) == AWAY


@pytest.mark.parametrize("cause", sorted({reason.cause for reason in Reason if not reason.response}))
def test_a_caller_is_told_what_the_table_of_reasons_says(desk, phones, cause):
    desk.do = refuse(cause)
    status, reason = told(phones.caller("stays", "1002"))
    expected = {(row.sip, row.q850) for row in Reason if row.cause == cause and not row.response}
    assert {sip for sip, _ in expected} == {status}
    if reason.startswith("Q.850"):
        assert reason in {f'Q.850;cause={q850};text="{cause}"' for _, q850 in expected}
    else:  # causes of FreeSWITCH's own have no Q.850 number on the wire
        assert reason.startswith("SIP;")
        assert cause in ("ALLOTTED_TIMEOUT", "MANAGER_REQUEST", "ORIGINATOR_CANCEL")


@pytest.mark.parametrize("response", sorted({reason.response for reason in Reason if reason.response}))
def test_a_caller_is_told_a_status_that_no_cause_leads_to(desk, phones, response):
    def do(session):
        take(session)
        session.write(command.execute("respond", response))
        while (event := session.next_event(10.0)) and event.name != "CHANNEL_HANGUP_COMPLETE":
            pass
        ends.append(event)

    ends = []
    desk.do = do
    caller = phones.caller("stays", "1002").wait()
    assert caller.final.first == f"SIP/2.0 {response}"
    wait(lambda: ends, "the switch told of the end")
    assert {ends[0].get("Hangup-Cause")} == {reason.cause for reason in Reason if reason.response == response}


@pytest.mark.parametrize("status", ["404 Not Found", "302 Moved Temporarily", "407 Proxy Authentication Required"])
def test_a_caller_is_told_our_cause_and_not_the_callees_answer(desk, phones, status):
    edge = phones.edge("refuses", status=status)
    desk.do = ring_then_refuse(edge.port, "USER_BUSY", [])
    assert told(phones.caller("stays", "1002")) == (486, 'Q.850;cause=17;text="USER_BUSY"')


def test_a_callee_cannot_send_a_call_elsewhere(desk, phones):
    failures = []
    edge = phones.edge("refuses", status="302 Moved", contact=f"<sip:1009@{STRANGER}>")
    desk.do = ring_then_refuse(edge.port, "USER_BUSY", failures)
    assert told(phones.caller("stays", "1002"))[0] == 486
    (failure,) = failures
    # Had it been sent on, the answer would be that of the next attempt.
    assert failure.variable("last_bridge_proto_specific_hangup_cause") == "sip:302"


def test_a_stranger_may_not_call(desk, phones):
    assert told(phones.caller("stays", "1002", host=STRANGER))[0] == 403


def test_a_number_of_absurd_length_is_refused_without_a_controller(desk, phones):
    desk.do = refuse("USER_BUSY")
    assert told(phones.caller("stays", "1" * 129))[0] == 484


@pytest.mark.parametrize("method", ["REGISTER", "REFER", "SUBSCRIBE", "PUBLISH"])
def test_only_calls_are_taken(switch, method):
    assert ask(switch, method, "1002", "Event: presence\r\nRefer-To: <sip:1003@example.net>") == 405


def test_a_message_runs_no_command(switch, tmp_path):
    mark = tmp_path / "mark"
    ask(switch, "MESSAGE", f"api+system%20touch%20{mark}", "Content-Type: text/plain", "hello")
    assert switch.api("status").startswith("UP")
    assert not mark.exists()


def test_a_text_runs_no_command(switch, tmp_path):
    mark = tmp_path / "mark"
    assert "Permission Denied" in switch.api(f"eval ${{system(touch {mark})}}")
    assert not mark.exists()


def test_a_node_has_the_name_it_was_given(switch):
    assert switch.api("switchname") == switch.node.name


@pytest.mark.parametrize("setting", [None, ""], ids=["unset", "empty"])
def test_a_password_that_was_not_set_is_one_nobody_knows(tmp_path, monkeypatch, setting):
    monkeypatch.delenv("FREESWITCH_ESL_PASSWORD", raising=False)
    switch = Switch(tmp_path, f"{HOST}:9")
    switch.set_password(setting)
    try:
        switch.start()
        with pytest.raises(ConfigError, match="password"):
            switch.api("status", password="ClueCon")
    finally:
        switch.stop()


def ask(switch, method, user, headers, body=""):
    """The final status of a request outside of any call."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.settimeout(10)
        port = peer.getsockname()[1]
        peer.sendto(
            f"{method} sip:{user}@example.net SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{port}\r\n"
            f"From: <sip:1001@example.net>;tag={port}\r\nTo: <sip:{user}@example.net>\r\nCall-ID: {port}@{HOST}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:1001@{HOST}:{port}>\r\nMax-Forwards: 70\r\n{headers}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode(),
            (HOST, switch.sip_port),
        )
        while True:
            status = int(peer.recv(65536).split()[1])
            if status >= 200:
                return status
