"""Calls that last: what goes astray between edges and nodes ends a call after 32 seconds, not before."""

import gevent

from tests.edge.phone import DOMAIN, sdp
from tests.edge.platform import until
from tests.ports import free_port

LONG = 45  # seconds
LATE = 35  # when an ACK astray would have ended it


def test_calls_go_on_when_what_goes_astray_would_have_ended_them(platform, sipp, phone, host, user):
    """Over one edge and over two, on both nodes at once; one is refreshed late by each side."""
    parties = []
    for here, there in ((platform.a, platform.a), (platform.b, platform.a)):
        caller, callee, at, away = user(), user(), host(), host()
        port = free_port(away)
        sipp("register", away, port, there.address(), user=callee).wait()
        talk = {"calls": 3, "ms": LONG * 1000}
        parties.append(sipp("callee", away, port, there.address(), user=callee, **talk))
        parties.append(sipp("caller", at, free_port(at), here.address(), user=caller, called=callee, **talk))
    assert until(lambda: len(platform.calls()) == 6)
    assert min(len(node.calls()) for node in platform.nodes) >= 2
    for node in platform.nodes:
        node.does = "answer"
    refreshed = phone(platform.b)
    answer = refreshed.call(f"sip:1002@{DOMAIN}")
    gevent.sleep(LATE)
    [node] = [node for node in platform.nodes if node.got("INVITE", refreshed.call_id)]
    refreshed.send(refreshed.in_dialog("INVITE", answer, body=sdp(refreshed.wire.own[0])))
    refreshed.send(refreshed.in_dialog("ACK", refreshed.expect(200)))
    node.request(node.leg(refreshed.call_id), "INVITE", node.sdp())
    refreshed.answer(refreshed.expect("INVITE"))
    refreshed.expect("ACK")
    for party in parties:
        party.wait()
    refreshed.send(refreshed.in_dialog("BYE", answer))
    refreshed.expect(200)
    assert len(node.got("BYE", refreshed.call_id)) == 1
