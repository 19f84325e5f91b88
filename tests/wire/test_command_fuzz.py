"""Whatever text reaches a command: it is refused, or FreeSWITCH reads exactly what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.errors import UnsafeText
from callctl.esl import command
from callctl.plan import Bridge, EdgeTarget
from callctl.settings import split_address
from tests.wire.budget import fuzz
from tests.wire.grammar import Sofia, expands, originate, packets, set_by, sofia
from tests.wire.hostile import TEXTS


def is_address(text):
    """Whether the settings take this for HOST:PORT."""
    try:
        return split_address(text)
    except ValueError:
        return False


# Any text, lone surrogates included; often one whose parts are somebody's grammar.
fragments = st.lists(st.sampled_from([*TEXTS, "a", "1", "é"]), min_size=1, max_size=4).map("".join)
anything = st.one_of(st.text(st.characters(exclude_categories=()), max_size=40), fragments)


def mostly(good):
    """Text of the kind `good`, now and then of any other."""
    return st.sampled_from([good] * 15 + [anything]).flatmap(lambda kind: kind)


mostly_plain = mostly(st.from_regex(r"[A-Za-z0-9_.+*-]{1,20}", fullmatch=True))
domains = mostly(st.sampled_from(["example.net", "a", "10.0.0.5"]))
names = mostly(st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True))
values = mostly(st.from_regex(r"[A-Za-z0-9_.+*@:/ ,#=!-]{0,40}", fullmatch=True))
hosts = mostly(st.sampled_from(["10.0.0.1", "[2001:db8::1]", "edge.example.net"]))
addresses = st.tuples(hosts, st.integers(1, 65535)).map(lambda pair: f"{pair[0]}:{pair[1]}").filter(is_address)


def attempted(build, *arguments, **named):
    """What a builder gives, None when it refuses."""
    try:
        return build(*arguments, **named)
    except UnsafeText:
        return None


def trimmed(variables):
    """Variables as uuid_setvar_multi sets them: without the blanks that follow."""
    return {name: value.rstrip(" ") for name, value in variables.items()}


def present(variables):
    """Variables as a dial string sets them: without the blanks around, and only those that have a value."""
    return {name: value.strip(" ") for name, value in variables.items() if value.strip(" ")}


def check_line(text):
    built = attempted(command.line, text)
    if built is not None and text.strip("\r\n"):
        (packet,) = packets(built)
        assert packet == (text, {}, "")


def check_execute(text):
    built = attempted(command.execute, "playback", text, event_uuid="u-1")
    if built is None:
        return
    assert not expands(text)
    head = {"call-command": "execute", "execute-app-name": "playback", "event-lock": "true", "event-uuid": "u-1"}
    if text:
        head |= {"content-type": "text/plain", "content-length": str(len(text.encode()))}
    assert packets(built) == [("sendmsg", head, text)]


def check_names(text):
    for build in (
        lambda: command.execute(text),
        lambda: command.hangup(text),
        lambda: command.execute("answer", event_uuid=text),
    ):
        built = attempted(build)
        if built is not None:
            (packet,) = packets(built)
            assert packet.command == "sendmsg"
            assert packet.headers["call-command"] == "execute"
            said = (packet.headers["execute-app-name"], packet.headers.get("event-uuid"), packet.body)
            assert said in ((text, None, ""), ("hangup", None, text), ("answer", text, ""), ("answer", None, ""))
            assert packet.headers.keys() <= {
                "call-command", "execute-app-name", "event-lock", "event-uuid", "content-type", "content-length"
            }  # fmt: skip


def check_single_words(text):
    for build in (command.user, command.domain, command.uuid):
        built = attempted(build, text)
        assert built is None or (built == text and text.isascii() and not set(text) & set("${}[]<>,;|^~'\"\\ :@/=%&"))
    built = attempted(command.codec_list, [text])
    assert built is None or (built == text and not set(text) & set("${}[]<>,;|^~'\"\\ :/=%&"))


def check_display_name(text):
    name = command.display_name(text)
    assert name == " ".join(name.split(" "))
    assert all(part.isalnum() for part in name.split(" ") if name)
    assert len(name) <= 64
    uuid, known = set_by(packets(command.set_variables("u-1", {"effective_caller_id_name": name}))[0].command)
    assert (uuid, known) == ("u-1", {"effective_caller_id_name": name})


def check_set_variables(text):
    for call, values_ in (("u-1", {"a": text, "b": "2"}), ("u-1", {text: "1", "b": "2"}), (text, {"a": "1", "b": "2"})):
        built = attempted(command.set_variables, call, values_)
        if built is not None:
            (packet,) = packets(built)
            assert packet.headers == {}
            assert set_by(packet.command) == (call, trimmed(values_))


@pytest.mark.parametrize(
    "check", [check_line, check_execute, check_names, check_single_words, check_display_name, check_set_variables]
)
def test_a_hostile_text_is_refused_or_read_as_it_was_meant(check):
    for text in TEXTS:
        check(text)


@given(anything)
@fuzz(300)
def test_any_text_is_refused_or_read_as_it_was_meant(text):
    for check in (check_line, check_execute, check_names, check_single_words, check_display_name, check_set_variables):
        check(text)


@given(st.text(st.characters(exclude_categories=()), max_size=200))
@fuzz(200)
def test_any_name_of_a_caller_can_be_shown_in_reduced_form(text):
    check_display_name(text)


@given(mostly_plain, st.dictionaries(names, values, max_size=5))
@fuzz(100)
def test_variables_are_set_as_they_were_given(call, known):
    built = attempted(command.set_variables, call, known)
    if built is not None and known:
        (packet,) = packets(built)
        assert packet.headers == {}
        assert set_by(packet.command) == (call, trimmed(known))


edges = st.builds(EdgeTarget, edge=mostly_plain, address=addresses, q=st.just(1.0))
bridges = st.builds(
    Bridge,
    user=mostly_plain,
    domain=domains,
    groups=st.lists(st.lists(edges, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple),
    codecs=st.lists(mostly(st.sampled_from(["PCMA", "OPUS", "PCMU@8000h"])), max_size=3).map(tuple),
    ring_timeout=st.integers(1, 600),
)


def host_and_port(address):
    """An address as it stands in a URI."""
    host, port = split_address(address)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_dial_string(bridge, profile, known):
    built = attempted(command.dial_string, bridge, profile, known)
    if built is None:
        return
    hunting = len(bridge.groups) > 1
    variables, groups = originate(built)
    expected = known | {
        "sip_invite_domain": bridge.domain,
        "ignore_early_media": "true" if any(len(group) > 1 for group in bridge.groups) else "false",
        "outbound_redirect_fatal": "true",
        "originate_timeout": str(bridge.ring_timeout + (command.LATER if hunting else 0)),
    }
    expected |= {"absolute_codec_string": ",".join(bridge.codecs)} if bridge.codecs else {}
    assert variables == present(expected)
    legs = [[(own, sofia(endpoint)) for own, endpoint in group] for group in groups]
    timeout = {"leg_timeout": str(bridge.ring_timeout)} if hunting else {}
    assert legs == [
        [
            (
                present({"callctl_edge": edge.edge} | timeout),
                Sofia(profile, bridge.user, bridge.domain, f"<sip:{host_and_port(edge.address)};lr>"),
            )
            for edge in group
        ]
        for group in bridge.groups
    ]
    said = attempted(command.execute, "bridge", built)
    assert said is not None, "a dial string is an argument"
    assert packets(said)[0].body == built
    assert not expands(built)


@given(bridges, mostly(st.just("internal")), st.dictionaries(names, values, max_size=4))
@fuzz(200)
def test_a_dial_string_has_the_legs_and_variables_that_were_meant(bridge, profile, known):
    check_dial_string(bridge, profile, known)


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_text_in_any_place_of_a_dial_string_adds_nothing(text):
    edge = EdgeTarget("e1", "10.0.0.1:5060", 1.0)
    other = EdgeTarget("e2", "[2001:db8::2]:5070", 0.5)
    good = {"user": "1001", "domain": "example.net", "groups": ((edge,), (other,)), "codecs": ("PCMA",)}
    for place in (
        {"user": text},
        {"domain": text},
        {"codecs": ("PCMU", text)},
        {"groups": ((edge, EdgeTarget(text, "10.0.0.3:5060", 1.0)),)},
        *({"groups": ((edge,), (EdgeTarget("e3", address, 1.0),))} for address in filter(is_address, made_of(text))),
    ):
        check_dial_string(Bridge(**good | place, ring_timeout=30), "internal", {"callctl_started": "1"})
    for profile, known in ((text, {}), ("internal", {text: "1"}), ("internal", {"a": text, "b": "2"})):
        check_dial_string(Bridge(**good, ring_timeout=30), profile, known)


def made_of(text):
    """Addresses with this text in them."""
    return f"{text}:5060", f"[fe80::1%{text}]:5060", f"10.0.0.3{text}:5060"


def check_direct_dial_string(called, address, profile, codecs, known):
    built = attempted(command.direct_dial_string, called, address, profile, codecs, known)
    if built is None:
        return
    variables, groups = originate(built)
    expected = known | ({"absolute_codec_string": ",".join(codecs)} if codecs else {})
    assert variables == present(expected)
    assert groups == [[({}, f"sofia/{profile}/{called}@{host_and_port(address)}")]]
    assert attempted(command.execute, "bridge", built) is not None
    assert not expands(built)


@given(
    mostly_plain,
    addresses,
    mostly(st.just("internal")),
    st.lists(mostly_plain, max_size=2),
    st.dictionaries(names, values, max_size=3),
)
@fuzz(100)
def test_the_way_to_another_node_is_the_one_that_was_meant(called, address, profile, codecs, known):
    check_direct_dial_string(called, address, profile, codecs, known)


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_text_on_the_way_to_another_node_adds_nothing(text):
    check_direct_dial_string(text, "10.0.0.9:5060", "internal", (), {})
    for address in filter(is_address, made_of(text)):
        check_direct_dial_string("conf_1", address, "internal", (), {})
    check_direct_dial_string("conf_1", "10.0.0.9:5060", text, (), {})
    check_direct_dial_string("conf_1", "10.0.0.9:5060", "internal", (text,), {"a": text, "b": "1"})


def test_the_model_sees_what_a_careless_builder_would_let_through():
    """The grammar these tests judge by, on texts that do smuggle something in."""
    assert len(packets(b"api status\n\napi reload x\n\n")) == 2
    assert packets(b"sendmsg\nx: 1\r\nevil: 2\n\n")[0].headers == {"x": "1", "evil": "2"}
    assert packets(b"a\nContent-Length: 2\n\nxyz\n\n") == [("a", {"content-length": "2"}, "xy"), ("z", {}, "")]
    assert set_by("api uuid_setvar_multi u a=1;evil=2") == ("u", {"a": "1", "evil": "2"})
    assert set_by("api uuid_setvar_multi u a='1;b=2'") == ("u", {"a": "1;b=2"})
    assert originate("{a=1,evil=2}user/1") == ({"a": "1", "evil": "2"}, [[({}, "user/1")]])
    assert originate("{^^~a=1,b~c=2}x") == ({"a": "1,b", "c": "2"}, [[({}, "x")]])
    assert originate("[a=1,b=2]x,y|z") == ({}, [[({"a": "1", "b": "2"}, "x"), ({}, "y")], [({}, "z")]])
    assert originate("{a=1}{b=2}x") == ({"a": "1", "b": "2"}, [[({}, "x")]])
    assert sofia("sofia/p/u@h;fs_path=%3Csip:e:1%3Blr%3E") == ("p", "u", "h", "<sip:e:1;lr>")
    assert [expands(text) for text in ("${a}", "$${a}", "$\\{a}", "%[a=b]c", "%,[a=b]c", "$a", "a%[b]")] == [
        True, True, True, True, True, False, False,
    ]  # fmt: skip
