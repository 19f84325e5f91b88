"""How media goes on a real FreeSWITCH: what each side is offered, and what the other then gets."""

import re

import pytest

from tests.freeswitch.phones import HOST, Phones
from tests.freeswitch.world import around_a_switch
from tests.integration.platform import DOMAIN

OUTSIDE = "442079460000"
ASSERTED = f"X-Callctl-Endpoint: 1009@{DOMAIN}"


def company(edges):
    return f"""
accounts:
  - {{name: each, media: {{transcoding: true}}}}
  - {{name: around, media: {{path: bypass}}}}
  - {{name: through, media: {{path: proxy}}}}
  - {{name: quiet, media: {{early_media: held}}}}
  - {{name: secure, media: {{srtp: offered}}}}
  - {{name: strict, media: {{srtp: demanded}}}}
  - {{name: firm, routes: out}}
  - {{name: other, routes: offered}}
endpoints:
  - {{account: each, user: "1001", domain: {DOMAIN}, codecs: [PCMU]}}
  - {{account: each, user: "1002", domain: {DOMAIN}, codecs: [PCMA]}}
  - {{account: around, user: "1003", domain: {DOMAIN}}}
  - {{account: around, user: "5004", domain: {DOMAIN}}}
  - {{account: through, user: "1011", domain: {DOMAIN}}}
  - {{account: through, user: "5012", domain: {DOMAIN}}}
  - {{account: quiet, user: "1005", domain: {DOMAIN}}}
  - {{account: quiet, user: "5006", domain: {DOMAIN}}}
  - {{account: secure, user: "1007", domain: {DOMAIN}}}
  - {{account: secure, user: "5008", domain: {DOMAIN}}}
  - {{account: strict, user: "1009", domain: {DOMAIN}}}
  - {{account: strict, user: "5010", domain: {DOMAIN}}}
  - {{account: firm, user: "2001", domain: {DOMAIN}}}
  - {{account: other, user: "2002", domain: {DOMAIN}}}
carriers:
  - {{name: demanding, via: direct, media: {{srtp: demanded}}, gateways: [{{address: "{HOST}:{edges[1].port}"}}]}}
  - {{name: offering, via: direct, media: {{srtp: offered}}, gateways: [{{address: "{HOST}:{edges[1].port}"}}]}}
routes:
  - {{name: offered, entries: [{{prefix: "", carriers: [offering]}}]}}
  - {{name: out, entries: [{{prefix: "", carriers: [demanding]}}]}}
"""


@pytest.fixture(scope="module")
def world(services, tmp_path_factory):
    with around_a_switch(services, tmp_path_factory.mktemp("media"), company, ring=5) as world:
        for user in ("5004", "5006", "5008", "5010", "5012"):
            world.platform.register(user, 1)
        yield world


@pytest.fixture
def phones(world, tmp_path):
    phones = Phones(tmp_path, world.switch.sip_port)
    yield phones
    phones.stop()


def media(body):
    """Port, profile and payloads of an SDP's audio."""
    port, profile, payloads = re.search(r"^m=audio (\d+) (\S+) (.*)$", body, re.MULTILINE).groups()
    return int(port), profile, payloads.split()


def test_each_side_has_its_own_codec_where_transcoding_is_allowed(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[0], payloads="8")
    caller = phones.caller("hangs_up", "1002", 500, payloads="0").wait()
    assert "8" in media(edge.wait().received("INVITE")[0].body)[2]
    assert "0" not in media(edge.received("INVITE")[0].body)[2]
    assert media(caller.final.body)[2][0] == "0"
    row = world.record(caller)
    assert (row["codec_in"], row["codec_out"]) == ("PCMU", "PCMA")


def test_around_the_switch_each_side_has_the_others_address(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[0])
    caller = phones.caller("hangs_up", "5004", 500, user="1003").wait()
    answered = next(message for message in edge.wait().messages if message.sent and message.status == 200)
    assert media(caller.final.body)[0] == media(answered.body)[0]
    offered = next(message for message in caller.messages if message.sent and message.first.startswith("INVITE"))
    assert media(edge.received("INVITE")[0].body)[0] == media(offered.body)[0]


def test_through_the_switch_untouched_each_side_has_the_others_sdp_and_the_switchs_address(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[0])
    caller = phones.caller("hangs_up", "5012", 500, user="1011").wait()
    offered = next(message for message in caller.messages if message.sent and message.first.startswith("INVITE"))
    heard = edge.wait().received("INVITE")[0].body
    assert media(heard)[1:] == media(offered.body)[1:]
    assert media(heard)[0] != media(offered.body)[0]
    assert "a=rtpmap" not in heard  # which FreeSWITCH writes of what it takes part in


def test_early_media_that_is_held_does_not_reach_the_caller(world, phones):
    phones.edge("early_media", 500, at=world.edges[0])
    caller = phones.caller("hangs_up", "5006", 300, user="1005").wait()
    assert caller.final.status == 200
    assert 183 not in caller.answers


def test_an_edge_is_told_to_offer_encryption(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[0])
    caller = phones.caller("hangs_up", "5008", 300, user="1007").wait()
    assert edge.wait().received("INVITE")[0].header("X-Callctl-Srtp") == "offered"
    assert caller.final.status == 200


def test_encryption_is_offered_to_a_carrier_and_done_without_where_it_has_none(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[1])
    caller = phones.caller("hangs_up", OUTSIDE, 300, user="2002").wait()
    assert "a=crypto:" in edge.wait().received("INVITE")[0].body
    assert caller.final.status == 200


def test_a_carrier_of_which_encryption_is_demanded_has_no_call_without(world, phones):
    edge = phones.edge("answers", 100, at=world.edges[1])
    caller = phones.caller("hangs_up", OUTSIDE, 300, user="2001").wait()
    _, profile, _ = media(edge.heard("INVITE").body)
    assert profile == "RTP/SAVP"
    row = world.record(caller)
    assert (row["answered_at"], row["reason"]) == (None, "carriers_failed")


def test_a_caller_of_whom_encryption_is_demanded_is_refused_without(world, phones):
    caller = phones.caller("hangs_up", "5010", 300, user="1009")
    assert world.record(caller)["reason"] == "srtp_missing"
    assert caller.final.status == 488


def test_what_his_edge_says_of_a_caller_counts_and_a_callee_without_encryption_has_no_call(world, phones):
    edge = phones.edge("answers_without_media", at=world.edges[0])
    caller = phones.caller("hangs_up", "5010", 300, user="1009", header=f"{ASSERTED}\nX-Callctl-Srtp: yes")
    row = world.record(caller)
    assert edge.wait().received("INVITE")[0].header("X-Callctl-Srtp") == "demanded"
    assert (row["answered_at"], row["reason"], caller.final.status) == (None, "callee_codec", 488)
