import pytest

from callctl.errors import UnsafeText
from callctl.esl import command
from callctl.plan import Bridge, EdgeTarget

A = EdgeTarget("edge-a", "10.0.0.1:5060", 1.0)
B = EdgeTarget("edge-b", "10.0.0.2:5070", 1.0)
SIX = EdgeTarget("six", "[2001:DB8:0::1]:5060", 0.5)


def bridge(*groups, codecs=()):
    return Bridge(user="1001", domain="example.net", groups=groups, codecs=codecs, ring_timeout=30)


def test_a_line_is_ended_by_an_empty_one():
    assert command.line("event plain CHANNEL_BRIDGE") == b"event plain CHANNEL_BRIDGE\n\n"


@pytest.mark.parametrize("text", ["a\nb", "a\r", "a\0b", "a\x0bb", "a\x1cb", "\x7f", "\ud800"])
def test_a_line_is_one_line(text):
    with pytest.raises(UnsafeText):
        command.line(text)


def test_an_application_without_an_argument():
    assert command.execute("answer") == (
        b"sendmsg\ncall-command: execute\nexecute-app-name: answer\nevent-lock: true\n\n"
    )  # fmt: skip


def test_an_argument_travels_as_a_body_counted_in_bytes():
    assert command.execute("playback", "grüße.wav", event_uuid="u-1") == (
        b"sendmsg\ncall-command: execute\nexecute-app-name: playback\nevent-lock: true\nEvent-UUID: u-1\n"
        b"content-type: text/plain\ncontent-length: 11\n\ngr\xc3\xbc\xc3\x9fe.wav"
    )


@pytest.mark.parametrize(
    "argument", ["a\nb", "a\rb", "a\0b", "${uuid}", "$${x}", "$\\{x}", "%{x}", "%[a=b]c", "%~[a=b]c", "\ud800"]
)
def test_an_argument_that_would_be_expanded_or_ended_is_refused(argument):
    with pytest.raises(UnsafeText):
        command.execute("playback", argument)


def test_a_conference_is_a_name_a_profile_and_a_pin():
    assert command.conference("3001-fs1", "default") == "3001-fs1@default"
    assert command.conference("all.hands_2-fs-1.x", "wide", "0123") == "all.hands_2-fs-1.x@wide+0123"


@pytest.mark.parametrize(
    "parts",
    [("a+b", "p", ""), ("a@b", "p", ""), ("bridge:a:b", "p", ""), (" a", "p", ""), ("-a", "p", ""), ("", "p", ""),
     ("a", "p+1", ""), ("a", "p@q", ""), ("a", "", ""), ("a", "p", "12a"), ("a", "p", "1+flags{mute}")],
)  # fmt: skip
def test_a_conference_that_would_be_read_as_more_is_refused(parts):
    with pytest.raises(UnsafeText):
        command.conference(*parts)


def test_hangup_names_the_cause():
    assert command.hangup("USER_BUSY") == (
        b"sendmsg\ncall-command: execute\nexecute-app-name: hangup\nevent-lock: true\n"
        b"content-type: text/plain\ncontent-length: 9\n\nUSER_BUSY"
    )
    with pytest.raises(UnsafeText):
        command.hangup("NORMAL CLEARING")


def test_variables_are_set_in_one_api_call():
    known = {"continue_on_fail": "true", "effective_caller_id_name": "Zoë B", "export_vars": "a,b", "empty": ""}
    assert (
        command.set_variables("u-1", known)
        == (
            "api uuid_setvar_multi u-1 continue_on_fail=true;effective_caller_id_name=Zoë B;export_vars=a,b;empty=\n\n"
        ).encode()
    )


def test_no_more_variables_than_freeswitch_reads_are_set_at_once():
    command.set_variables("u-1", {f"v{number}": "1" for number in range(60)})
    with pytest.raises(UnsafeText, match="64"):
        command.set_variables("u-1", {f"v{number}": "1" for number in range(61)})


@pytest.mark.parametrize(
    "value",
    ["a;b", "a~b", "a'b", "a\\b", "a]b", "a}b", "a\nb", "a\u2028b", "a\u00a0b", "é!", ":_:", "a-" * 4097],
)
def test_a_value_that_ends_or_parts_a_list_is_refused(value):
    with pytest.raises(UnsafeText, match="value of x"):
        command.variables({"x": value}, ";")


def test_one_edge_is_rung_by_its_aor_with_a_route_through_it():
    assert command.dial_string(bridge((A,), codecs=("PCMA", "OPUS")), "internal", {"callctl_started": "17"}) == (
        "{^^~callctl_started=17~sip_invite_domain=example.net~ignore_early_media=false"
        "~absolute_codec_string=PCMA,OPUS~outbound_redirect_fatal=true~originate_timeout=30}"
        "[^^~callctl_edge=edge-a]sofia/internal/1001@example.net;fs_path=%3Csip:10.0.0.1:5060%3Blr%3E"
    )


def test_edges_of_a_group_ring_at_once_and_groups_one_after_the_other():
    to = "sofia/internal/1001@example.net;fs_path="
    assert command.dial_string(bridge((A, B), (SIX,)), "internal", {}) == (
        "{^^~sip_invite_domain=example.net~ignore_early_media=true~outbound_redirect_fatal=true"
        f"~originate_timeout={30 + command.LATER}}}"
        f"[^^~callctl_edge=edge-a~leg_timeout=30]{to}%3Csip:10.0.0.1:5060%3Blr%3E,"
        f"[^^~callctl_edge=edge-b~leg_timeout=30]{to}%3Csip:10.0.0.2:5070%3Blr%3E|"
        f"[^^~callctl_edge=six~leg_timeout=30]{to}%3Csip:%5B2001:db8::1%5D:5060%3Blr%3E"
    )


def test_another_node_of_the_core_is_dialled_straight():
    assert command.direct_dial_string("conf_7", "10.1.0.2:5080", "core", ("PCMA",), {"a": "1"}) == (
        "{^^~a=1~absolute_codec_string=PCMA}sofia/core/conf_7@10.1.0.2:5080"
    )
    assert command.direct_dial_string("conf_7", "[2001:db8::9]:5080", "core", (), {}).endswith(
        "sofia/core/conf_7@[2001:db8::9]:5080"
    )


@pytest.mark.parametrize("address", ["[fe80::1%eth0]:5060", "[fe80::1%a,b|c]:5060", "a b:5060", "a;b:5060"])
def test_an_address_that_is_more_than_one_is_refused(address):
    with pytest.raises(UnsafeText):
        command.route(address)
    with pytest.raises(UnsafeText):
        command.direct_dial_string("conf_7", address, "core", (), {})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Bob", "Bob"), ("  Bob\t\r\nvariable_x: 1 ", "Bob variable x 1"), ("Zoë  Łoś", "Zoë Łoś"),
        ("王小明", "王小明"),
        ("\u202eevil\u202c", "evil"), ("${system(id)}", "system id"), ("'; drop", "drop"), ("…", ""), ("", ""),
        ("x" * 63 + " y", "x" * 63), ("x" * 100, "x" * 64), ("\ud800a", "a"), ("😀 a", "a"),
    ],
)  # fmt: skip
def test_a_name_is_reduced_to_words(name, shown):
    assert command.display_name(name) == shown


@pytest.mark.parametrize("text", ["1001", "+44.20-79", "*43", "conf_12", "a" * 64])
def test_a_user_part_is_kept_as_it_is(text):
    assert command.user(text) == text


@pytest.mark.parametrize("text", ["", "a" * 65, "a b", "a@b", "é", "1001\n", "٣", "a/b", "%41", "a;b", "a,b"])
def test_what_is_no_user_part_is_refused(text):
    with pytest.raises(UnsafeText):
        command.user(text)


@pytest.mark.parametrize("text", ["", ".", "-a", "a-", "a..b\n", "a b", "é.example", "[::1]", "a:5060", "a" * 254])
def test_what_is_no_domain_is_refused(text):
    with pytest.raises(UnsafeText):
        command.domain(text)
