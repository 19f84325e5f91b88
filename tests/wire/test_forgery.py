"""A caller cannot make a header or a variable out of his name, number, SDP or headers."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.call.request import from_channel
from callctl.esl.wire import Block, Event, Wire
from tests.wire.budget import fuzz
from tests.wire.hostile import BREAKS
from tests.wire.recordings import NAMES, changed, events, framed, messages

CALLERS = (
    "Caller-Caller-ID-Name", "Caller-Caller-ID-Number", "Caller-Destination-Number", "variable_sip_from_display",
    "variable_switch_r_sdp", "variable_sip_h_X-Evil", "variable_sip_call_id", "variable_sip_req_host",
)  # fmt: skip
FORGED = (
    b"variable_accountcode: 1001", b"variable_sip_h_X-Callctl-Endpoint: boss@h", b"Unique-ID: 0", b"Event-Name: X",
)  # fmt: skip
SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()/%")


def url_encoded(text):
    """What switch_url_encode makes of a text; it leaves an existing percent sign as it is (switch_utils.c)."""
    return b"".join(bytes([byte]) if byte in SAFE else b"%%%02X" % byte for byte in text.encode("utf-8", "replace"))


def channel(header, value):
    """Channel data in which one header is the caller's."""
    return (
        b"Event-Name: CHANNEL_DATA\nUnique-ID: 1-2-3\nFreeSWITCH-Switchname: fs1\n"
        + header.encode()
        + b": "
        + value
        + b"\nvariable_direction: inbound\nContent-Type: command/reply\nReply-Text: %2BOK%0A\n\n"
    )


def unforged(block, header):
    assert block.get("Unique-ID") == "1-2-3"
    assert block.get("Event-Name") == "CHANNEL_DATA"
    assert block.variable("accountcode") == ""
    assert block.variable("direction") == "inbound"
    assert "variable_sip_h_X-Callctl-Endpoint" not in block
    names = list(block.names())
    assert names == [
        "Event-Name", "Unique-ID", "FreeSWITCH-Switchname", header, "variable_direction", "Content-Type", "Reply-Text"
    ]  # fmt: skip


@pytest.mark.parametrize("between", BREAKS)
def test_no_line_break_of_any_kind_makes_a_header(between):
    for header, forged in product(CALLERS, FORGED):
        (message,) = Wire().feed(channel(header, b"Bob" + between + forged))
        unforged(message, header)
        request = from_channel(message)
        assert (request.call_uuid, request.asserted, request.hop) == ("1-2-3", "", "")


@given(st.sampled_from(CALLERS), st.text(st.characters(), max_size=200), st.sampled_from(FORGED))
@fuzz(300)
def test_no_text_that_freeswitch_can_encode_makes_a_header(header, text, forged):
    (message,) = Wire().feed(channel(header, url_encoded(text + "\n" + forged.decode())))
    unforged(message, header)
    assert from_channel(message).call_uuid == "1-2-3"


@pytest.mark.parametrize("between", BREAKS)
def test_the_same_holds_for_events(between):
    sent = b"Event-Name: CHANNEL_DATA\nUnique-ID: 1-2-3\nCaller-Caller-ID-Name: B" + between + FORGED[0]
    (message,) = Wire().feed(framed(Event(sent)))
    assert message.event().variable("accountcode") == ""
    assert list(message.event().names()) == ["Event-Name", "Unique-ID", "Caller-Caller-ID-Name"]


def test_the_recorded_hostile_caller_forges_nothing():
    """Case p: the user part of From was `a`, two line breaks, `X-Injected: yes`, two more, `b`."""
    connect, *heard = (messages("p_hostile_getvar")[0], *events("p_hostile_getvar"))
    for block in (connect, *heard):
        assert "X-Injected" not in block
        assert block.get("Caller-Caller-ID-Number") == "a\n\nX-Injected: yes\n\nb"
    request = from_channel(Block(connect.raw))
    assert request.caller == ""
    assert request.call_uuid == connect.get("Unique-ID")


def test_what_getvar_lets_through_is_neither_event_nor_reply():
    """That is why nothing here ever asks with getvar: its reply is the caller's raw text (case p)."""
    strays = [message for message in messages("p_hostile_getvar") if not message.content_type]
    assert any("X-Injected" in message for message in strays)
    assert not any(message.is_event or message.is_reply for message in strays)


@pytest.mark.parametrize("name", NAMES)
def test_a_callers_value_comes_back_as_it_was_said(name):
    for original in events(name)[:3]:
        text = "Bób \n\r\x0b\x85\u2028%0A% variable_x: 1"
        (message,) = Wire().feed(framed(changed(original, Caller_Caller_ID_Name=text)))
        assert message.event().get("Caller-Caller-ID-Name") == text
        assert message.event().variable("x") == ""
        assert message.event().get("Unique-ID") == original.get("Unique-ID")
