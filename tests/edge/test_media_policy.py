"""What the core says of a call's media, and the edge of its caller's."""

import re

import pytest

from tests.edge.phone import DOMAIN, sdp
from tests.edge.platform import RELAY, until
from tests.edge.test_media import BROWSER, is_for_a_browser, is_plain, nodes

__all__ = ["nodes"]

KEY = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
DTLS = "a=setup:actpass\r\na=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"


def secure(host):
    """The SDP of a phone that has nothing but SRTP."""
    return sdp(host).replace("RTP/AVP", "RTP/SAVP") + KEY


def rung(platform, phone, *, transport="udp", register=(), **said):
    """A phone that is called by a node, which says such headers to the edge; and the INVITE that it gets."""
    mine, node = phone(platform.a, transport), platform.nodes[0]
    assert mine.register(*register).status == 200
    leg = node.call(f"sip:{mine.user}@{DOMAIN}", platform.a.edge.address, **said)
    invite = mine.expect("INVITE")
    assert not [name for name, _ in invite.headers if name.startswith("X-")]
    return mine, node, leg, invite


def answered(node, leg):
    """The answer that the node gets."""
    call = leg.invite.one("Call-ID")

    def final():
        return [each for each in node.heard if each.status >= 200 and each.one("Call-ID") == call]

    assert until(final)
    return final()[0]


def ciphers(body):
    """Those of an SDP."""
    return re.findall(r"a=crypto:\d+ (\S+)", body)


class TestWhatACallerOffers:
    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (sdp("127.0.0.1"), []),
            (secure("127.0.0.1"), ["yes"]),
            (BROWSER.format(setup="actpass"), ["yes"]),
            (sdp("127.0.0.1").replace("RTP/AVP", "UDP/TLS/RTP/SAVP") + DTLS, ["yes"]),
            # Those that may be given plain RTP.
            (sdp("127.0.0.1") + KEY, []),
            (secure("127.0.0.1") + "m=audio 4002 RTP/AVP 0\r\n", []),
            (sdp("127.0.0.1").replace("s=-", "s=m=audio 1 RTP/SAVP 0"), []),
            (sdp("127.0.0.1") + "m=audio 0 RTP/SAVP 0\r\n", []),
        ],
    )
    def test_is_told_to_the_core(self, platform, phone, nodes, body, said):
        mine = phone(platform.a, "tls")
        mine.call(f"sip:1002@{DOMAIN}", ("X-Callctl-Srtp", "yes"), body=body)
        [call] = platform.calls()
        assert call.all("X-Callctl-Srtp") == said

    def test_who_offers_keys_beside_plain_rtp_is_taken_at_his_word(self, platform, phone, nodes):
        answer = phone(platform.a).call(f"sip:1002@{DOMAIN}", body=sdp("127.0.0.1") + KEY)
        assert ciphers(answer.body) == ["AES_CM_128_HMAC_SHA1_80"]
        [call] = platform.calls()
        is_plain(call.body)


class TestEncryptionTowardsAPhone:
    @pytest.mark.parametrize("has", [True, False])
    def test_offered_it_is_his_to_take(self, platform, phone, has):
        mine, node, leg, invite = rung(platform, phone, srtp="offered")
        assert "RTP/AVP 0" in invite.body
        assert "AES_CM_128_HMAC_SHA1_80" in ciphers(invite.body)
        assert not [name for name in ciphers(invite.body) if name.startswith(("NULL", "F8"))]
        assert "fingerprint" not in invite.body
        mine.answer(invite, sdp(mine.wire.own[0]) + KEY if has else "")
        mine.expect("ACK")
        is_plain(answered(node, leg).body)

    def test_demanded_there_is_nothing_else(self, platform, phone):
        mine, node, leg, invite = rung(platform, phone, srtp="demanded")
        assert "RTP/SAVP 0" in invite.body
        assert "RTP/AVP" not in invite.body
        assert "AES_CM_128_HMAC_SHA1_80" in ciphers(invite.body)
        mine.answer(invite, secure(mine.wire.own[0]))
        mine.expect("ACK")
        is_plain(answered(node, leg).body)

    def test_who_answers_without_has_no_media(self, platform, phone):
        mine, node, leg, invite = rung(platform, phone, srtp="demanded")
        mine.answer(invite)
        body = answered(node, leg).body
        assert "m=audio 0 RTP/SAVP 0" in body
        assert mine.wire.own[0] not in body

    def test_what_is_said_anew_stays_encrypted(self, platform, phone):
        mine, node, leg, invite = rung(platform, phone, srtp="demanded")
        mine.answer(invite, secure(mine.wire.own[0]))
        mine.expect("ACK")
        node.request(leg, "INVITE", node.sdp())
        again = mine.expect("INVITE")
        assert "RTP/SAVP 0" in again.body
        mine.answer(again, secure(mine.wire.own[0]))
        mine.expect("ACK")
        mine.send(mine.in_dialog_of("INVITE", invite))
        again = mine.expect(200)  # without SDP of the phone's it is the core that offers
        assert "RTP/SAVP 0" in again.body
        assert "fingerprint" not in again.body
        before = len(node.heard)
        message = mine.in_dialog_of("INVITE", invite)
        mine.send(type(message)(message.first, message.headers, sdp(mine.wire.own[0])))
        assert mine.expect(488).status == 488
        assert "INVITE" not in [each.method for each in node.heard[before:] if not each.status]

    def test_routes_cannot_be_made_to_say_otherwise(self, platform, phone):
        mine, _, _, invite = rung(platform, phone, srtp="demanded")
        mine.answer(invite, secure(mine.wire.own[0]))
        mine.expect("ACK")
        message = mine.in_dialog_of("INVITE", invite)
        headers = tuple((name, value.replace("media=sdes", "media=plain")) for name, value in message.headers)
        assert headers != message.headers
        mine.send(type(message)(message.first, headers, sdp(mine.wire.own[0])))
        assert mine.expect(481).status == 481

    @pytest.mark.parametrize("says", ["off", "offered", "demanded"])
    def test_a_browser_has_its_own_whatever_is_said(self, platform, phone, says):
        mine, node, leg, invite = rung(platform, phone, transport="ws", srtp=says, relay="off")
        is_for_a_browser(invite.body)
        mine.answer(invite, BROWSER.format(setup="active"))
        mine.expect("ACK")
        is_plain(answered(node, leg).body)

    def test_a_phone_that_called_with_it_is_offered_it_within_the_call(self, platform, phone, nodes):
        mine = phone(platform.a, "tls")
        answer = mine.call(f"sip:1002@{DOMAIN}", body=secure("127.0.0.1"))
        [node] = [node for node in nodes if node.got("INVITE", mine.call_id)]
        node.request(node.leg(mine.call_id), "INVITE", node.sdp())
        assert "RTP/SAVP 0" in mine.expect("INVITE").body
        mine.send(mine.in_dialog("INVITE", answer, body=sdp("127.0.0.1")))
        assert mine.expect(488).status == 488


class TestWithoutRelay:
    def test_sdp_passes_as_it_is_both_ways(self, platform, phone):
        mine, node, leg, invite = rung(platform, phone, relay="off")
        assert invite.body == node.sdp()
        own = sdp(mine.wire.own[0])
        mine.answer(invite, own)
        mine.expect("ACK")
        assert answered(node, leg).body == own
        node.request(leg, "INVITE", node.sdp())
        again = mine.expect("INVITE")
        assert again.body == node.sdp()

    def test_a_carrier_too(self, platform, phone):
        carrier, node = phone(platform.a, at="127.0.6.9"), platform.nodes[0]
        host, port = carrier.wire.own
        node.call(f"sip:442079460000@{host}:{port}", platform.a.edge.address, relay="off")
        assert carrier.expect("INVITE").body == node.sdp()

    @pytest.mark.parametrize("transport", ["udp6", "ws"])
    def test_who_cannot_reach_the_core_is_relayed(self, platform, phone, transport):
        *_, invite = rung(platform, phone, relay="off", transport=transport)
        assert re.search(f"c=IN IP. ({RELAY['pub']}|::1)", invite.body)

    def test_so_is_who_is_behind_nat(self, platform, phone):
        contact = ("Contact", "<sip:someone@192.168.7.7:5060>")
        *_, invite = rung(platform, phone, relay="off", register=(contact,))
        assert f"c=IN IP4 {RELAY['pub']}" in invite.body

    def test_encryption_needs_it(self, platform, phone):
        *_, invite = rung(platform, phone, relay="off", srtp="offered")
        assert f"c=IN IP4 {RELAY['pub']}" in invite.body

    def test_nobody_outside_can_ask_for_it(self, platform, phone, nodes):
        answer = phone(platform.a).call(f"sip:1002@{DOMAIN}", ("X-Callctl-Relay", "off"))
        assert f"c=IN IP4 {RELAY['pub']}" in answer.body
