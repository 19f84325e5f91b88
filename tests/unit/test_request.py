import pytest

from callctl.call.request import MAX_SDP, from_channel, printable
from callctl.errors import UnsafeText
from callctl.esl.wire import Block
from callctl.routing.sdp import offered
from tests.wire.recordings import OUTBOUND, messages

GOOD = {
    "Unique-ID": "c-1",
    "FreeSWITCH-Switchname": "fs1",
    "Caller-Caller-ID-Number": "1001",
    "Caller-Caller-ID-Name": "Bob",
    "Caller-Destination-Number": "102",
}


def channel(**headers):
    known = GOOD | {name.replace("__", "-"): value for name, value in headers.items()}
    return Block("\n".join(f"{name}: {value}" for name, value in known.items()).encode())


def test_a_recorded_call():
    request = from_channel(Block(messages("a_bridged")[0].raw))
    assert request.call_uuid == "b6a13373-7123-4d8a-a9ab-2c34aba94b07"
    assert (request.node, request.caller, request.called, request.called_raw) == (
        "lab-fs",
        "15551230001",
        "1000",
        "1000",
    )
    assert (request.domain, request.source_ip) == ("127.0.0.1", "127.0.0.1")
    assert request.sip_call_id.endswith("@127.0.0.1")
    assert offered(request.sdp) == ("PCMU",)
    assert request.started_us == 1795405444653906
    assert request.at_us >= request.started_us
    assert request.sequence > 0
    assert (request.asserted, request.hop) == ("", "")


@pytest.mark.parametrize("name", [name for name in OUTBOUND if name != "k5_silent_server"])
def test_every_recorded_call_can_be_read(name):
    request = from_channel(Block(messages(name)[0].raw))
    assert request.node == "lab-fs"
    assert request.started_us > 1.79e15
    assert request.sdp.startswith("v=0")


@pytest.mark.parametrize(
    ("text", "kept"), [("1001", "1001"), ("+44.20", "+44.20"), ("1%2C2", ""), ("a%0Ab", ""), ("é", "")]
)
def test_numbers_are_kept_only_when_every_character_may_stand_in_one(text, kept):
    request = from_channel(channel(**{"Caller__Caller__ID__Number": text, "Caller__Destination__Number": text}))
    assert (request.caller, request.called) == (kept, kept)


def test_the_called_number_is_kept_to_be_shown_without_what_cannot_be():
    request = from_channel(channel(Caller__Destination__Number="1%0A2%E2%80%AE3%20é" + "x" * 100))
    assert request.called == ""
    assert request.called_raw == "1?2?3 é" + "x" * 73


def test_a_name_is_reduced():
    assert from_channel(channel(Caller__Caller__ID__Name="%22B%C3%B6b%22%0A${x}")).caller_name == "Böb x"


@pytest.mark.parametrize("uuid", ["", "_undef_", "a%20b", "a%0Ab", "x" * 65, "a;b"])
def test_a_call_without_a_usable_uuid_is_no_call(uuid):
    with pytest.raises(UnsafeText, match="channel UUID"):
        from_channel(channel(**{"Unique__ID": uuid}))


@pytest.mark.parametrize(
    ("host", "kept"), [("Example.NET", "example.net"), ("10.0.0.1", "10.0.0.1"), ("a%5Db", ""), ("", "")]
)
def test_the_domain_is_of_the_request_uri_in_lower_case(host, kept):
    assert from_channel(channel(variable_sip_req_host=host)).domain == kept


@pytest.mark.parametrize(
    ("text", "node", "hop"),
    [("c-1", "c-1", "c-1"), ("fs_1.a", "fs_1.a", ""), ("a%20b", "", ""), ("%C3%A9", "", ""), ("", "", "")],
)
def test_a_node_is_named_as_in_the_settings_and_a_hop_is_a_uuid(text, node, hop):
    request = from_channel(channel(**{"FreeSWITCH__Switchname": text, "variable_sip_h_X__Callctl__Hop": text}))
    assert (request.node, request.hop) == (node, hop)


def test_an_asserted_endpoint_of_any_length_that_can_be_configured_is_kept_whole():
    aor = "u" * 64 + "@" + "d" * 60 + ".example.net"
    assert from_channel(channel(variable_sip_h_X__Callctl__Endpoint=aor)).asserted == aor


def test_the_sources_address_is_that_of_the_sip_packet():
    both = channel(variable_sip_network_ip="192.0.2.1", Caller__Network__Addr="192.0.2.2")
    one = channel(Caller__Network__Addr="192.0.2.2")
    assert (from_channel(both).source_ip, from_channel(one).source_ip) == ("192.0.2.1", "192.0.2.2")


def test_times_that_are_none_are_zero_and_an_sdp_is_bounded():
    request = from_channel(channel(variable_switch_r_sdp="v" * (MAX_SDP + 1), Event__Sequence="x"))
    assert (request.started_us, request.at_us, request.sequence) == (0, 0, 0)
    assert len(request.sdp) == MAX_SDP


def test_what_is_shown_is_one_line():
    assert printable("a\nb\u2028c\u202ed\x00e\x7f") == "a?b?c?d?e?"
    assert printable("é中😀") == "é中😀"
    assert printable("x" * 100) == "x" * 80


@pytest.mark.parametrize(
    ("dialled", "called"),
    [
        ("*21*102#", "*21*102#"), ("*21*102%23", "*21*102#"), ("#21#", "#21#"), ("*78", "*78"), ("102#", ""),
        ("1#2", ""), ("#a#", ""), ("*21*1;2#", ""), ("#" * 42, ""),
    ],
)  # fmt: skip
def test_only_a_service_code_has_a_hash(dialled, called):
    encoded = "".join(f"%{byte:02X}" for byte in dialled.encode())
    channel = Block(f"Unique-ID: c-1\nCaller-Destination-Number: {encoded}".encode())
    assert from_channel(channel).called == called
