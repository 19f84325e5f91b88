"""Calls between phones of two edges, by way of two nodes."""

from functools import partial

import pytest

from tests.edge.phone import DOMAIN, sdp
from tests.edge.platform import until
from tests.edge.sip import response
from tests.ports import free_port


def one(messages):
    """The only message of a list."""
    assert len(messages) == 1, messages
    return messages[0]


@pytest.mark.parametrize("way", ["a to b", "b to a", "within a"])
def test_sipp_phones_call_each_other(platform, sipp, host, user, way):
    callers, callees = {
        "a to b": (platform.a, platform.b), "b to a": (platform.b, platform.a), "within a": (platform.a, platform.a),
    }[way]  # fmt: skip
    caller, callee, at, there = user(), user(), host(), host()
    port = free_port(there)
    # A phone behind a NAT says an address that leads nowhere.
    sipp("register", there, port, callees.address(), user=callee, contact="192.168.1.50:5060").wait()
    taken = sipp("callee", there, port, callees.address(), user=callee, contact="192.168.1.50:5060")
    sipp("caller", at, free_port(at), callers.address(), user=caller, called=callee).wait()
    trace = taken.wait()
    assert "X-" not in trace
    assert "FreeSWITCH" not in trace.replace("o=FreeSWITCH", "").replace("s=FreeSWITCH", "")


def test_ack_and_bye_reach_the_node_that_has_the_call(platform, phone):
    for node in platform.nodes:
        node.does = "answer"
    for edge in (platform.a, platform.b) * 3:
        caller = phone(edge)
        answer = caller.call(f"sip:1002@{DOMAIN}")
        assert answer.status == 200
        caller.send(caller.in_dialog("BYE", answer))
        caller.expect(200)
        [node] = [node for node in platform.nodes if node.got("INVITE", caller.call_id)]
        assert until(partial(node.got, "ACK", caller.call_id))
        assert len(node.got("BYE", caller.call_id)) == 1
        [other] = [other for other in platform.nodes if other is not node]
        assert [message for message in other.heard if message.one("Call-ID") == caller.call_id] == []
    assert min(len(node.calls()) for node in platform.nodes) >= 2  # both took their turn


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss", "udp6", "tcp6"])
def test_a_phone_is_called_where_it_came_from(platform, phone, transport):
    callee, caller = phone(platform.b, transport), phone(platform.a)
    callee.register()
    caller.send(caller.request("INVITE", f"sip:{callee.user}@{DOMAIN}", body=sdp("127.0.0.1")))
    challenge = caller.expect(407)
    caller.acknowledge(challenge, f"sip:{callee.user}@{DOMAIN}")
    caller.send(caller.request("INVITE", f"sip:{callee.user}@{DOMAIN}", caller.proof(challenge), body=sdp("127.0.0.1")))
    invite = callee.expect("INVITE")
    callee.answer(invite)
    answer = caller.expect(200)
    caller.acknowledge(answer, "")
    callee.expect("ACK")
    # The callee hangs up: its BYE goes to the node, and the node's to the caller.
    callee.send(callee.in_dialog_of("BYE", invite))
    callee.expect(200)
    caller.expect("BYE")


def test_who_is_registered_nowhere_is_not_rung(platform, phone, user):
    assert phone(platform.a).call(f"sip:{user()}@{DOMAIN}").status == 480


def test_an_edge_says_of_a_phone_of_the_other_that_it_is_not_here(platform, phone):
    callee = phone(platform.b)
    callee.register()
    node = platform.nodes[0]
    leg = node.call(f"sip:{callee.user}@{DOMAIN}", platform.a.edge.address)
    call_id = leg.invite.one("Call-ID")
    assert until(lambda: [m for m in node.heard if m.one("Call-ID") == call_id and m.status >= 200])
    assert {message.status for message in node.heard if message.one("Call-ID") == call_id} <= {100, 480}
    assert platform.calls() == []  # nothing came back to the core


def test_all_phones_of_a_user_ring_and_one_takes_the_call(platform, phone, user):
    name = user()
    first, second = phone(platform.a, name=name), phone(platform.a, "ws", name=name)
    first.register()
    second.register()
    node = platform.nodes[0]
    node.call(f"sip:{name}@{DOMAIN}", platform.a.edge.address)
    ringing = first.expect("INVITE")
    first.ring(ringing)
    assert until(lambda: any(message.status == 180 for message in node.heard))
    second.answer(second.expect("INVITE"))
    second.expect("ACK")
    assert first.expect("CANCEL").one("Call-ID") == ringing.one("Call-ID")


def test_a_caller_who_gives_up_stops_the_ringing(platform, phone):
    callee, caller = phone(platform.b), phone(platform.a)
    callee.register()
    platform.nodes[0].does = platform.nodes[1].does = "ring"
    uri = f"sip:{callee.user}@{DOMAIN}"
    caller.send(caller.request("INVITE", uri, body=sdp("127.0.0.1")))
    challenge = caller.expect(407)
    caller.acknowledge(challenge, uri)
    invite = caller.request("INVITE", uri, caller.proof(challenge), body=sdp("127.0.0.1"))
    caller.send(invite)
    caller.expect(180)
    caller.cancel(invite)
    assert {caller.receive().status, caller.receive().status} == {200, 487}
    assert until(lambda: any(node.got("CANCEL", caller.call_id) for node in platform.nodes))


def test_carriers_are_known_by_their_address_and_called_there(platform, phone):
    platform.nodes[0].does = platform.nodes[1].does = "answer"
    carrier = phone(platform.a, name="442079460000", at="127.0.6.7")
    assert carrier.call(f"sip:+442079461111@{platform.a.address()}").status == 200
    call = one(platform.calls())
    assert call.one("X-Callctl-Peer") == "c1"
    assert call.one("X-Callctl-Source") == "127.0.6.7"
    assert call.all("X-Callctl-Endpoint") == []
    host, port = carrier.wire.own
    platform.nodes[0].call(f"sip:00862112345678@{host}:{port}", platform.a.edge.address)
    taken = carrier.expect("INVITE")
    assert taken.uri == f"sip:00862112345678@{host}:{port}"
    carrier.answer(taken)
    carrier.expect("ACK")


WHO = (
    ("P-Asserted-Identity", '"Alice" <sip:442079461111@203.0.113.5>'), ("Privacy", "id"),
    ("Remote-Party-ID", "<sip:442079461111@203.0.113.5>;party=calling"), ("P-Charging-Vector", "icid-value=1"),
    ("P-Access-Network-Info", "core"),
)  # fmt: skip


def test_a_carrier_hears_who_calls_and_nothing_else_of_the_core(platform, phone):
    carrier = phone(platform.a, name="carrier", at="127.0.6.8")
    host, port = carrier.wire.own
    node = platform.nodes[0]
    proof = f'Digest username="me", realm="c", nonce="1", uri="sip:{host}:{port}", response="{32 * "a"}", algorithm=MD5'
    told = (*WHO, ("Proxy-Authorization", proof))
    node.call(f"sip:442079460000@{host}:{port}", platform.a.edge.address, more=told, relay="off", hop="1", endpoint="x")
    taken = carrier.expect("INVITE")
    assert taken.uri == f"sip:442079460000@{host}:{port}"
    assert [taken.one(name) for name, _ in WHO[:3]] == [value for _, value in WHO[:3]]
    assert taken.one("Proxy-Authorization") == proof  # of which carriers that ask have need
    names = {name.lower() for name, _ in taken.headers}
    assert not {name for name in names if name.startswith(("x-", "p-"))} - {"p-asserted-identity"}
    assert not names & {"user-agent", "server"}
    # A carrier that asks who calls is answered.
    carrier.send(response(taken, "407 Who Is It", ("Proxy-Authenticate", 'Digest realm="c", nonce="1"'), tag="1"))
    call_id = taken.one("Call-ID")
    asked = lambda: [m for m in node.heard if m.one("Call-ID") == call_id and m.status == 407]  # noqa: E731
    assert until(asked)
    assert asked()[0].one("Proxy-Authenticate") == 'Digest realm="c", nonce="1"'


def test_a_phone_hears_who_calls_by_from_alone(platform, phone):
    callee = phone(platform.a)
    callee.register()
    platform.nodes[0].call(f"sip:{callee.user}@{DOMAIN}", platform.a.edge.address, more=WHO)
    names = {name.lower() for name, _ in callee.expect("INVITE").headers}
    assert not {name for name in names if name.startswith(("x-", "p-", "remote-"))}


def test_who_is_no_peer_is_called_by_no_edge(platform, phone):
    stranger = phone(platform.a, at="127.0.7.7")
    host, port = stranger.wire.own
    node = platform.nodes[0]
    call_id = node.call(f"sip:442079460000@{host}:{port}", platform.a.edge.address).invite.one("Call-ID")
    assert until(lambda: [m for m in node.heard if m.one("Call-ID") == call_id and m.status == 480])
    assert stranger.receive(0.3) is None
