"""What callers from outside must not be able to do."""

import socket

import pytest

from tests.edge.node import Node
from tests.edge.phone import DOMAIN, Phone, sdp
from tests.edge.platform import until
from tests.edge.sip import Message, Udp

FORGED = (
    ("X-Callctl-Endpoint", f"u1@{DOMAIN}"),
    ("x-callctl-hop", "fs1"),
    ("X-Callctl-Edge", "kam-z"),
    ("X-Callctl-Source ", "10.0.0.1"),
    ("X-Evil", "1"),
    ("P-Asserted-Identity", "<sip:boss@example.net>"),
    ("P-Preferred-Identity", "<sip:boss@example.net>"),
    ("Remote-Party-ID", "<sip:boss@example.net>"),
    ("Diversion", "<sip:boss@example.net>"),
    ("History-Info ", "<sip:boss@example.net>"),
    ("Alert-Info", "<http://127.0.0.1/>;info=alert-autoanswer"),
    ("Call-Info", "<sip:127.0.0.1>;answer-after=0"),
    ("Path", "<sip:127.0.4.1;lr>"),
)
SMUGGLED = ("Subject", "hello\rX-Callctl-Hop: fs1")
NAMES = {name.strip().lower() for name, _ in FORGED}


@pytest.fixture
def nodes(platform):
    """Two nodes that answer."""
    for node in platform.nodes:
        node.does = "answer"
    return platform.nodes


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls", "ws", "wss", "udp6"])
def test_the_core_hears_what_the_edge_knows_and_nothing_the_caller_says(platform, phone, nodes, transport):
    caller = phone(platform.b, transport)
    assert caller.call(f"sip:1002@{DOMAIN}", *FORGED).status == 200
    [call] = platform.calls()
    told = sorted((name, value) for name, value in call.headers if name.strip().lower() in NAMES | {"authorization"})
    assert told == [
        ("X-Callctl-Edge", "kam-b"),
        ("X-Callctl-Endpoint", f"{caller.user}@{DOMAIN}"),
        ("X-Callctl-Source", caller.wire.own[0]),
    ]
    assert call.one("X-Callctl-Transport") == transport.rstrip("6")
    assert not [name for name, _ in call.headers if name.lower() == "proxy-authorization"]


def test_what_is_forged_within_a_call_does_not_reach_the_core_either(platform, phone, nodes):
    caller = phone(platform.a)
    answer = caller.call(f"sip:1002@{DOMAIN}")
    caller.send(caller.in_dialog("INVITE", answer, *FORGED, body=sdp("127.0.0.1")))
    caller.expect(200)
    [node] = [node for node in nodes if node.got("INVITE", caller.call_id)]
    again = node.got("INVITE", caller.call_id)[-1]
    assert again.tagged
    assert {name.strip().lower() for name, _ in again.headers} & NAMES == set()


def test_a_callee_asserts_nothing_either(platform, phone):
    callee = phone(platform.a)
    callee.register()
    leg = platform.nodes[0].call(f"sip:{callee.user}@{DOMAIN}", platform.a.edge.address)
    callee.answer(callee.expect("INVITE"), extra=FORGED)
    callee.expect("ACK")
    heard = [m for m in platform.nodes[0].heard if m.status == 200 and m.one("Call-ID") == leg.invite.one("Call-ID")]
    assert heard
    assert {name.strip().lower() for name, _ in heard[0].headers} & NAMES == set()


@pytest.mark.parametrize("at", ["", "127.0.6.8"])
def test_a_header_behind_a_lone_carriage_return_is_refused(platform, phone, nodes, at):
    caller = phone(platform.a, at=at)
    answer = caller.ask("INVITE", f"sip:1002@{DOMAIN}", SMUGGLED, body=sdp("127.0.0.1"))
    assert answer.status == 400
    assert platform.calls() == []


def test_nor_does_one_reach_the_core_in_an_answer(platform, phone):
    callee, node = phone(platform.a), platform.nodes[0]
    callee.register()
    node.call(f"sip:{callee.user}@{DOMAIN}", platform.a.edge.address)
    invite = callee.expect("INVITE")
    callee.answer(invite, extra=(SMUGGLED,))
    callee.answer(invite)
    callee.expect("ACK")
    assert [message for message in node.heard if message.status == 200 and message.one("Subject")] == []


def test_could_not_ask_is_not_no(platform, phone, nodes):
    caller = phone(platform.a)
    platform.run("RENAME TABLE subscriber TO subscriber_away")
    try:
        refused = [caller.register(), caller.call(f"sip:1002@{DOMAIN}")]
    finally:
        platform.run("RENAME TABLE subscriber_away TO subscriber")
    assert [(answer.status, answer.one("Retry-After")) for answer in refused] == [(503, "10")] * 2
    assert caller.register().status == 200


def test_a_call_is_not_taken_over_by_replaces(platform, phone, nodes):
    caller = phone(platform.a)
    assert caller.call(f"sip:1002@{DOMAIN}", ("Replaces", "abc;to-tag=1;from-tag=2")).status == 403
    assert platform.calls() == []


METHODS = ["MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "INFO", "NOTIFY", "UPDATE", "BYE", "PRACK"]


@pytest.mark.parametrize("method", METHODS)
def test_nothing_but_a_call_reaches_the_core(platform, phone, nodes, method):
    caller = phone(platform.a)
    assert caller.ask(method, f"sip:api+system%20touch%20x@{DOMAIN}", body="touch /tmp/x").status == 405
    # Nor within a dialog that is none, by a route of the caller's own making.
    node = nodes[0]
    routes = (("Route", f"<sip:{platform.a.address()};lr>"), ("Route", f"<sip:{node.host}:{node.port};lr>"))
    uri = f"sip:api+system@{node.host}:{node.port}"
    caller.send(caller.request(method, uri, *routes, body="x", to=f"<sip:1@{DOMAIN}>;tag=1"))
    caller.expect(481)
    assert [message for node in nodes for message in node.heard] == []


def test_a_call_that_is_up_opens_no_way_for_anything_but_itself(platform, phone, nodes):
    caller = phone(platform.a)
    answer = caller.call(f"sip:1002@{DOMAIN}")
    for method in ("MESSAGE", "REFER", "SUBSCRIBE", "NOTIFY", "PUBLISH"):
        caller.send(caller.in_dialog(method, answer, body="x"))
        caller.expect(403)
    # Its Routes are good for its own Call-ID only, and lead nowhere but to a node.
    elsewhere = Node("127.0.7.1")
    message = caller.in_dialog("INFO", answer)
    astray = message.first.replace(message.uri, f"sip:x@{elsewhere.host}:{elsewhere.port}")
    caller.send(Message(astray, message.headers))
    caller.expect(403)
    caller.call_id = "another"
    caller.send(caller.in_dialog("INFO", answer))
    caller.expect(481)
    elsewhere.end()
    assert elsewhere.heard == []
    assert until(lambda: any(message.method == "ACK" for node in nodes for message in node.heard))
    assert {message.method for node in nodes for message in node.heard} == {"INVITE", "ACK"}


def test_an_edge_relays_for_nobody(platform, phone, nodes):
    victim = Node("127.0.7.1")
    caller = phone(platform.a)
    routes = (("Route", f"<sip:{platform.a.address()};lr>"), ("Route", f"<sip:{victim.host}:{victim.port};lr>"))
    assert caller.call(f"sip:1002@{victim.host}:{victim.port}", *routes).status == 200
    assert len(platform.calls()) == 1
    for method in ("INVITE", "BYE"):
        caller.send(caller.request(method, f"sip:1@{victim.host}:{victim.port}", *routes, to="<sip:1@a.test>;tag=1"))
        caller.expect(481)
    victim.end()
    assert victim.heard == []


@pytest.mark.parametrize(
    "dialled", ["api+system", "1002%20", "1002;x=y", "1&2", "a/b", "$%7Bsystem%7D", "x" * 65, "1002,1003", "'"]
)
def test_what_is_dialled_is_of_a_closed_alphabet(platform, phone, nodes, dialled):
    answer = phone(platform.a).call(f"sip:{dialled}@{DOMAIN}")
    if answer.status == 200:  # a parameter of the user part is dropped
        assert [call.uri for call in platform.calls()] == [f"sip:1002@{DOMAIN}"]
    else:
        assert answer.status in {400, 484}
        assert platform.calls() == []


@pytest.mark.parametrize("code", ["*21*102%23", "%2321%23", "*78"])
def test_service_codes_pass(platform, phone, nodes, code):
    assert phone(platform.a).call(f"sip:{code}@{DOMAIN}").status == 200
    assert [call.uri for call in platform.calls()] == [f"sip:{code}@{DOMAIN}"]


@pytest.mark.parametrize("dialled", ["102%23", "%23api", "*21*102%23x", "%2321", "*21*api%23", "%23%23%2321%23"])
def test_what_is_no_service_code_has_no_hash(platform, phone, nodes, dialled):
    assert phone(platform.a).call(f"sip:{dialled}@{DOMAIN}").status == 484
    assert platform.calls() == []


def test_parameters_of_what_is_dialled_are_dropped(platform, phone, nodes):
    caller = phone(platform.a)
    assert caller.call(f"sip:1002:secret@{DOMAIN}:5099;transport=udp;maddr=127.0.7.1?X-Callctl-Hop=1").status == 200
    assert [call.uri for call in platform.calls()] == [f"sip:1002@{DOMAIN}"]


def test_who_dials_the_address_of_his_edge_means_his_own_domain(platform, phone, nodes):
    assert phone(platform.a).call(f"sip:1002@{platform.a.address()}").status == 200
    assert [call.uri for call in platform.calls()] == [f"sip:1002@{DOMAIN}"]


def test_a_caller_is_who_he_proves_to_be(platform, phone, nodes, user):
    caller = phone(platform.a)
    caller.aor = f"sip:{user()}@{DOMAIN}"
    assert caller.call(f"sip:1002@{DOMAIN}").status == 403
    assert phone(platform.a, password="wrong").call(f"sip:1002@{DOMAIN}").status == 403
    assert platform.calls() == []


def test_credentials_are_good_for_one_request_from_one_address(platform, phone):
    mine, thief = phone(platform.a), phone(platform.a)
    for is_stolen in (False, True):
        mine.send(mine.request("REGISTER", f"sip:{DOMAIN}"))
        proven = mine.request("REGISTER", f"sip:{DOMAIN}", mine.proof(mine.expect(401), "REGISTER"), ("Expires", "0"))
        sender = thief if is_stolen else mine
        sender.send(proven)
        assert sender.expect(401 if is_stolen else 200).status
        sender.send(proven)
        sender.expect(401)


def test_strangers_at_the_cores_socket_hear_nothing(platform, phone):
    host, _, port = platform.a.edge.address.rpartition(":")
    stranger = Phone("u1", Udp("127.0.7.2", (host, int(port))))
    for method in ("INVITE", "REGISTER", "MESSAGE"):
        stranger.send(stranger.request(method, f"sip:u2@{DOMAIN}", ("X-Callctl-Endpoint", f"u1@{DOMAIN}")))
        assert stranger.receive(0.3) is None
    stranger.close()
    assert platform.calls() == []


def test_no_registration_leads_into_the_core(platform, phone):
    node = platform.nodes[0]
    mine = phone(platform.a)
    contact = f"<sip:{mine.user}@{node.host}:{node.port}>"
    assert mine.register(("Contact", contact), ("Path", f"<sip:{node.host}:{node.port};lr>")).status == 200
    host, port = mine.wire.own
    assert set(platform.rows(mine.user, "received, path")) == {
        (f"sip:{host}:{port}", f"<sip:{platform.a.edge.address};lr>")
    }
    node.call(f"sip:{mine.user}@{DOMAIN}", platform.a.edge.address)
    mine.expect("INVITE")
    assert platform.calls() == []


def test_who_guesses_passwords_is_banned_and_nobody_else(platform, phone, user, host):
    at, name = host(), user()
    guesser = phone(platform.a, name=name, at=at, password="guess")
    answers = [guesser.register().status for _ in range(9)]
    assert answers == [403] * 9
    # After eight the right password from there is no longer listened to; from elsewhere it is.
    guesser.password = phone(platform.a).password
    assert guesser.register().status == 403
    assert phone(platform.a, name=name).register().status == 200
    # Nor does trying one name after another help: then nothing from there is listened to at all.
    for guess in range(32):
        phone(platform.a, name=f"guess{guess}", at=at).register()
    assert guesser.silent_register()
    assert phone(platform.a).register().status == 200
    assert phone(platform.b, at=at).register().status == 200  # each edge for itself


def test_calls_that_are_up_go_on_behind_a_banned_address(platform, phone, nodes, host):
    at = host()
    caller = phone(platform.a, at=at)
    answer = caller.call(f"sip:1002@{DOMAIN}")
    scanner = phone(platform.a, at=at)
    scanner.send(scanner.request("OPTIONS", f"sip:{DOMAIN}", ("User-Agent", "friendly-scanner")))
    assert scanner.receive(0.3) is None
    assert scanner.silent_register()
    caller.send(caller.in_dialog("BYE", answer))
    caller.expect(200)


def test_a_flood_is_not_answered(platform, host):
    wire = Udp(host(), platform.a.at())
    flood = Phone("u1", wire)
    message = bytes(flood.request("OPTIONS", f"sip:{DOMAIN}"))
    for _ in range(400):
        wire.send(message)
    assert until(lambda: "is banned" in platform.a.log())
    while wire.receive(0.3):
        pass
    assert flood.silent_register()
    wire.close()


def test_garbage_does_no_harm(platform, phone):
    host, port = platform.a.at()
    with socket.socket(type=socket.SOCK_DGRAM) as rude:
        for data in (b"", b"\0" * 100, b"INVITE", b"INVITE sip:a SIP/2.0\r\n\r\n", bytes(range(256)) * 20):
            rude.sendto(data, (host, port))
    assert phone(platform.a).register().status == 200
