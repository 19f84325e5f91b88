"""Media: what each side is told of the other, and that it hears it."""

import itertools
import re
import socket

import pytest

from tests.edge.phone import DOMAIN, sdp
from tests.edge.platform import RELAY, until
from tests.edge.sip import uri_of

BROWSER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\na=setup:{setup}\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
    "a=candidate:1 1 udp 2113937151 192.168.7.7 50000 typ host\r\n"
    "a=candidate:2 1 udp 1677729535 198.51.100.7 50001 typ srflx raddr 192.168.7.7 rport 50000\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\n"
)
# What a node with ICE on, or one that was built to be curious, would say of itself.
CANDIDATES = (
    "a=ice-ufrag:wxyz\r\na=ice-pwd:0123456789abcdef76543210\r\n"
    "a=candidate:1 1 udp 2130706431 127.0.4.1 5000 typ host\r\na=candidate:2 1 udp 1694498815 127.0.2.1 5001 typ srflx"
    " raddr 127.0.4.1 rport 5000\r\n"
)
SOUND = b"\x55" * 160
CORE = re.compile(r"127\.0\.[24]\.")
OUTSIDE = re.compile(r"127\.5\.|127\.0\.3\.|192\.168|198\.51\.100|::1")


class Talk:
    """A phone's RTP."""

    def __init__(self, host):
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(0.2)
        self._sequence = itertools.count(1)
        self.sdp = sdp(*self._socket.getsockname())

    def echo(self, body):
        """What comes back at once of a sound sent where an SDP says, nothing where nothing comes."""
        number = next(self._sequence)
        there = re.search(r"c=IN IP4 (\S+)", body)[1], int(re.search(r"m=audio (\d+)", body)[1])
        assert there[0] == RELAY["pub"]
        head = b"\x80\x00" + number.to_bytes(2) + (number * 160).to_bytes(4) + b"abcd"
        self._socket.sendto(head + SOUND, there)
        try:
            packet, source = self._socket.recvfrom(2048)
        except TimeoutError:
            return b""
        assert source == there
        return packet[len(head) :]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()


@pytest.fixture
def nodes(platform):
    """Two nodes that answer with candidates of their own."""
    for node in platform.nodes:
        node.does, node.extra = "answer", CANDIDATES
    return platform.nodes


def hides(pattern, body):
    """`body` without the line that only names its author."""
    assert not pattern.search(body), body


def is_plain(body):
    """RTP without ICE, DTLS or SRTP."""
    assert "RTP/AVP 0" in body or "RTP/AVP 111 0" in body, body
    assert not re.search(r"a=(candidate|ice-|fingerprint|setup|crypto)", body), body


def is_for_a_browser(body):
    """ICE with the relay's candidates only, and DTLS-SRTP."""
    assert "UDP/TLS/RTP/SAVPF" in body
    assert "a=ice-ufrag:" in body
    assert "a=fingerprint:" in body
    assert "a=sendrecv" in body
    candidates = re.findall(r"a=candidate:\S+ \d (?:udp|UDP) \d+ (\S+)", body)
    assert candidates
    assert RELAY["pub"] in candidates
    assert set(candidates) <= {RELAY["pub"], "::1"}, body


def test_a_browser_calls_the_core(platform, phone, nodes):
    browser = phone(platform.a, "wss")
    answer = browser.call(f"sip:1002@{DOMAIN}", body=BROWSER.format(setup="actpass"))
    assert answer.status == 200
    [call] = platform.calls()
    is_plain(call.body)
    hides(OUTSIDE, call.body)
    assert f"c=IN IP4 {RELAY['core']}" in call.body
    assert "a=sendrecv" in call.body  # 0.0.0.0, as a browser says before it knows its address, does not mean on hold
    is_for_a_browser(answer.body)
    hides(CORE, answer.body)


def test_the_core_calls_a_browser(platform, phone, nodes):
    browser, node = phone(platform.a, "ws"), platform.nodes[0]
    browser.register()
    node.call(f"sip:{browser.user}@{DOMAIN}", platform.a.edge.address)
    invite = browser.expect("INVITE")
    is_for_a_browser(invite.body)
    hides(CORE, invite.body)
    browser.answer(invite, BROWSER.format(setup="active"))
    browser.expect("ACK")
    [answer] = [message for message in node.heard if message.status == 200]
    is_plain(answer.body)
    hides(OUTSIDE, answer.body)


def test_phones_of_both_kinds_are_rung_each_in_its_own_way(platform, phone, user, nodes):
    name, node = user(), platform.nodes[0]
    node.does = "echo"
    plain, browser = phone(platform.a, name=name), phone(platform.a, "ws", name=name)
    plain.register()
    browser.register()
    with Talk(plain.wire.own[0]) as talk:
        node.call(f"sip:{name}@{DOMAIN}", platform.a.edge.address)
        for_browser = browser.expect("INVITE")
        is_for_a_browser(for_browser.body)
        for_plain = plain.expect("INVITE")
        is_plain(for_plain.body)
        hides(CORE, for_plain.body)
        plain.answer(for_plain, talk.sdp)
        plain.expect("ACK")
        [answer] = [message for message in node.heard if message.status == 200]
        is_plain(answer.body)
        assert until(lambda: talk.echo(for_plain.body) == SOUND)


@pytest.mark.parametrize(("transport", "family"), [("udp", "IP4"), ("tls", "IP4"), ("udp6", "IP6")])
def test_a_plain_phone_sees_the_relay_and_so_does_the_core(platform, phone, nodes, transport, family):
    mine, node = phone(platform.a, transport), platform.nodes[0]
    relay = {"IP4": RELAY["pub"], "IP6": "::1"}[family]
    answer = mine.call(f"sip:1002@{DOMAIN}")
    [call] = platform.calls()
    assert f"c=IN IP4 {RELAY['core']}" in call.body
    assert f"c=IN {family} {relay}" in answer.body
    mine.register()
    mine.call_id = "other"
    node.call(f"sip:{mine.user}@{DOMAIN}", platform.a.edge.address)
    invite = mine.expect("INVITE")
    assert f"c=IN {family} {relay}" in invite.body
    for body in (call.body, answer.body, invite.body):
        is_plain(body)
    for body in (answer.body, invite.body):
        hides(CORE, body)


def test_a_phone_that_offers_srtp_keeps_it_and_the_core_has_none(platform, phone, nodes):
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
    offer = sdp("127.0.0.1").replace("RTP/AVP", "RTP/SAVP") + key
    answer = phone(platform.a, "tls").call(f"sip:1002@{DOMAIN}", body=offer)
    assert "RTP/SAVP 0" in answer.body
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in answer.body
    [call] = platform.calls()
    is_plain(call.body)


@pytest.mark.parametrize(("srtp", "profile"), [("demanded", "RTP/SAVP"), ("offered", "RTP/AVP"), ("off", "RTP/AVP")])
def test_a_phone_is_offered_srtp_as_the_core_says_and_again_within_the_call(platform, phone, nodes, srtp, profile):
    mine, node = phone(platform.a, "tls"), nodes[0]
    mine.register()
    node.call(f"sip:{mine.user}@{DOMAIN}", platform.a.edge.address, srtp=srtp)
    invite = mine.expect("INVITE")
    assert not invite.one("X-Callctl-Srtp")
    is_offered(invite.body, srtp, profile)
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
    body = sdp("127.0.0.1")
    mine.answer(invite, body.replace("RTP/AVP", profile) + key if srtp == "demanded" else body)
    mine.expect("ACK")
    [answer] = answers(node, invite)
    is_plain(answer.body)
    leg = node.leg(invite.one("Call-ID"))
    node.request(leg, "INVITE", node.sdp())
    again = mine.expect("INVITE")
    is_offered(again.body, srtp, profile)
    hang_up(node, leg, mine, again)


def hang_up(node, leg, phone, again, body=""):
    """Answer what is asked within the call, and end it: nothing is sent again to whoever is next on that port."""
    phone.answer(again, body or sdp("127.0.0.1"))
    assert until(lambda: any(message.status == 200 and "2 INVITE" in message.one("CSeq") for message in node.heard))
    phone.expect("ACK")
    node.request(leg, "BYE")
    phone.answer(phone.expect("BYE"))


def answers(node, invite):
    """The 200s that a node heard in a call, the oldest first."""
    return [m for m in node.heard if m.status == 200 and m.one("Call-ID") == invite.one("Call-ID")]


def is_offered(body, srtp, profile):
    assert f"{profile} 0" in body, body
    assert ("a=crypto:" in body) == (srtp != "off"), body


def test_media_that_need_no_relay_are_left_alone(platform, phone, nodes):
    mine, node = phone(platform.a), nodes[0]
    mine.register()
    node.call(f"sip:{mine.user}@{DOMAIN}", platform.a.edge.address, relay="off")
    invite = mine.expect("INVITE")
    assert f"m=audio {node.media[1]} " in invite.body
    with Talk(mine.wire.own[0]) as talk:
        mine.answer(invite, talk.sdp)
        mine.expect("ACK")
        [answer] = answers(node, invite)
        assert answer.body == talk.sdp
        node.request(node.leg(invite.one("Call-ID")), "INVITE", node.sdp())
        again = mine.expect("INVITE")
        assert f"m=audio {node.media[1]} " in again.body
        hang_up(node, node.leg(invite.one("Call-ID")), mine, again, talk.sdp)
        assert [each.body for each in answers(node, invite)][:2] == [talk.sdp] * 2


def test_a_browser_is_relayed_whatever_the_core_says(platform, phone, nodes):
    browser = phone(platform.a, "ws")
    browser.register()
    nodes[0].call(f"sip:{browser.user}@{DOMAIN}", platform.a.edge.address, relay="off", srtp="off")
    is_for_a_browser(browser.expect("INVITE").body)


@pytest.mark.parametrize("late", [False, True])
def test_what_is_said_anew_within_a_call_is_hidden_too(platform, phone, nodes, late):
    browser = phone(platform.a, "ws")
    answer = browser.call(f"sip:1002@{DOMAIN}", body=BROWSER.format(setup="actpass"))
    offer = BROWSER.format(setup="actpass")
    browser.send(browser.in_dialog("INVITE", answer, body="" if late else offer))
    again = browser.expect(200)
    is_for_a_browser(again.body)
    hides(CORE, again.body)
    browser.send(browser.in_dialog("ACK", answer, body=BROWSER.format(setup="active") if late else ""))
    [node] = [node for node in nodes if node.got("INVITE", browser.call_id)]
    assert until(lambda: len(node.got("ACK", browser.call_id)) == 2)
    heard = node.got("ACK", browser.call_id)[-1] if late else node.got("INVITE", browser.call_id)[-1]
    is_plain(heard.body)
    hides(OUTSIDE, heard.body)
    # And the other way round.
    node.request(node.leg(browser.call_id), "INVITE", node.sdp())
    invite = browser.expect("INVITE")
    assert invite.tagged
    is_for_a_browser(invite.body)
    hides(CORE, invite.body)


def test_a_phone_and_a_node_hear_each_other(platform, phone, nodes):
    for node in nodes:
        node.does = "echo"
    mine = phone(platform.a)
    with Talk(mine.wire.own[0]) as talk:
        answer = mine.call(f"sip:1002@{DOMAIN}", body=talk.sdp)
        assert until(lambda: talk.echo(answer.body) == SOUND)
        mine.send(mine.in_dialog("BYE", answer))
        mine.expect(200)
        assert until(lambda: talk.echo(answer.body) == b"")


def test_a_call_without_a_media_relay_is_refused_rather_than_shown_the_core(platform, phone, nodes):
    mine = phone(platform.a)
    broken = sdp("127.0.0.1").replace("c=IN IP4 127.0.0.1\r\n", "")
    assert mine.call(f"sip:1002@{DOMAIN}", body=broken).status == 503
    assert platform.calls() == []


def test_contacts_lead_back_through_the_edge(platform, phone, nodes):
    mine = phone(platform.a, "ws")
    answer = mine.call(f"sip:1002@{DOMAIN}", body=BROWSER.format(setup="actpass"))
    [call] = platform.calls()
    assert "alias=" in uri_of(call.one("Contact"))
    [node] = [node for node in nodes if node.got("INVITE", mine.call_id)]
    node.request(node.leg(mine.call_id), "BYE")
    mine.expect("BYE")
    assert answer.status == 200
