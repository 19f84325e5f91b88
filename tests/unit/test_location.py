from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.plan import EdgeTarget
from callctl.routing.location import Contact, Socket, group, parse_socket, ring_groups
from callctl.settings import Edge
from callctl.world import Located

A = Edge(name="a", server_id=1, address="10.0.0.1:5060", sockets=("203.0.113.1", "[2001:db8::1]:5061"))
B = Edge(name="b", server_id=2, address="10.0.0.2:5060", sockets=("tls:sip-b.example.net:5071", "2001:db8::62"))
OFF = Edge(name="off", server_id=3, address="10.0.0.3:5060", enabled=False)
EDGES = (A, B, OFF)
at = datetime.fromisoformat


def row(contact="sip:u@192.0.2.1:5060", **fields):
    known = {
        "ruid": "uloc-1", "received": None, "path": None, "socket": "udp:10.0.0.1:5060", "server_id": 0, "q": -1.0,
        "last_modified": at("2026-01-01"), "cseq": 1, "instance": None, "reg_id": 0,
    }  # fmt: skip
    return Contact(contact=contact, **{**known, **fields})


def edges_of(*contacts, edges=EDGES):
    return [target.edge for target in group(contacts, edges).targets]


def test_the_server_id_decides_whatever_path_and_socket_say():
    assert edges_of(row(server_id=2, path="<sip:10.0.0.1:5060;lr>", socket="udp:10.0.0.1:5060")) == ["b"]


def test_a_row_of_an_unknown_server_goes_by_its_path_then_by_its_socket():
    assert edges_of(row(server_id=9, path="<sip:10.0.0.2:5060;lr>", socket="udp:10.0.0.1:5060")) == ["b"]
    assert edges_of(row(server_id=9, path="<sip:198.51.100.7:5060;lr>", socket="udp:10.0.0.1:5060")) == ["a"]


@pytest.mark.parametrize(
    "path",
    [
        "<sip:10.0.0.2;lr>",
        "<sip:token+x=@10.0.0.2:5060;lr>",
        "<sip:198.51.100.7:5090;lr;received=sip:10.0.0.1:5060>,<sip:10.0.0.2:5060;lr>",
        "<SIP:10.0.0.2:5060;lr;transport=tcp>",
        "<sip:[2001:DB8:0::62]:5060>, <sip:10.0.0.2:5060;lr>",
        "<sips:SIP-B.example.net:5071;lr>",
    ],
)
def test_the_edge_is_the_one_of_the_paths_it_wrote(path):
    assert edges_of(row(path=path, socket=None)) == ["b"]


@pytest.mark.parametrize(
    "path", ["<sip:10.0.0.2:5099;lr>", "<sips:10.0.0.2;lr>", "sip:10.0.0.2:5060", "<sip:[10.0.0.2:5060>", "<sip:>"]
)
def test_a_path_of_another_listener_is_not_the_edges(path):
    assert edges_of(row(path=path, socket=None)) == []


@pytest.mark.parametrize(
    ("socket", "edge"),
    [
        ("udp:10.0.0.1:5060", "a"),
        ("tcp:10.0.0.1:8061", "a"),
        ("udp:203.0.113.1:5062", "a"),
        ("udp:[2001:db8::1]:5061", "a"),
        ("udp:[2001:0DB8:0:0:0:0:0:1]:5061", "a"),
        ("tls:SIP-B.example.net:5071", "b"),
        ("udp:2001:db8::62:5062\0\0", "b"),
        ("sctp:[2001:db8::62]:5060", "b"),
        ("10.0.0.2:5060", "b"),
    ],
)
def test_the_edge_is_the_one_that_owns_the_socket(socket, edge):
    assert edges_of(row(socket=socket)) == [edge]


@pytest.mark.parametrize(
    "socket", ["udp:[2001:db8::1]:5099", "udp:sip-b.example.net:5072", "udp:192.0.2.9:5060", "\0", "?"]
)
def test_a_socket_nobody_owns_is_named_not_dialled(socket):
    located = group([row(server_id=9, socket=socket)], EDGES)
    assert located.targets == ()
    assert located.contacts == 1
    assert len(located.unusable) == 1
    assert "server_id 9" in located.unusable[0]


def test_a_sentence_repeats_only_the_beginning_of_a_long_path_and_nothing_unprintable():
    located = group([row(path="\x1b[31m" + "x" * 500, socket=None)], EDGES)
    assert located.unusable == ("no edge has path ?[31m" + "x" * 75,)


def test_of_two_edges_on_one_host_the_port_tells_and_no_port_tells_neither():
    first = Edge(name="first", server_id=1, address="127.0.0.1:5061")
    second = Edge(name="second", server_id=2, address="127.0.0.1:5062")
    assert edges_of(row(socket="udp:127.0.0.1:5062"), edges=(first, second)) == ["second"]
    assert edges_of(row(socket="udp:127.0.0.1:5063"), edges=(first, second)) == []


def test_a_null_socket_still_has_its_server():
    assert edges_of(row(server_id=1, socket=None)) == ["a"]


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_row_that_names_no_place_is_tried_at_every_edge_in_turn(nothing):
    located = group([row(server_id=9, socket=nothing, path=nothing)], EDGES)
    assert [[target.edge for target in at_once] for at_once in ring_groups(located.targets)] == [["a"], ["b"]]
    assert located.unusable == ()


def test_edges_that_are_known_to_hold_the_callee_come_before_those_guessed_at():
    located = group([row(server_id=2, q=0.0), row("sip:u@192.0.2.2", socket=None)], EDGES)
    assert [[target.edge for target in at_once] for at_once in ring_groups(located.targets)] == [["b"], ["a"]]


def test_with_every_edge_disabled_nothing_is_guessed_at():
    assert group([row(socket=None)], (OFF,)) == Located((), 1, ("no edge is enabled",))


def test_a_disabled_edge_is_named_once_and_not_dialled():
    located = group([row("sip:1@x", server_id=3), row("sip:2@x", server_id=3), row("sip:3@x", server_id=1)], EDGES)
    assert [target.edge for target in located.targets] == ["a"]
    assert located.unusable == ("edge off is disabled",)
    assert located.contacts == 3


def test_nobody_registered_is_nothing_found_and_nothing_unusable():
    located = group([], EDGES)
    assert (located.targets, located.contacts, located.unusable) == ((), 0, ())


def test_one_leg_per_edge_with_its_highest_q_highest_first_then_by_name():
    located = group(
        [row("sip:1@x", server_id=1, q=0.3), row("sip:2@x", server_id=2, q=0.9), row("sip:3@x", server_id=1, q=0.8)],
        EDGES,
    )
    assert located.targets == (EdgeTarget("b", "10.0.0.2:5060", 0.9), EdgeTarget("a", "10.0.0.1:5060", 0.8))
    assert located.contacts == 3
    equal = group([row("sip:1@x", server_id=2, q=1.0), row("sip:2@x", server_id=1, q=-1.0)], (B, A))
    assert [(target.edge, target.q) for target in equal.targets] == [("a", 1.0), ("b", 1.0)]


def test_a_phone_that_moved_is_where_it_registered_last():
    before, after = at("2026-01-01 00:00:01"), at("2026-01-01 00:00:02")
    rows = [row(server_id=1, last_modified=before), row(server_id=2, last_modified=after)]
    assert edges_of(*rows) == edges_of(*reversed(rows)) == ["b"]
    assert group(rows, EDGES).contacts == 1


def test_a_move_within_one_second_is_told_by_the_cseq():
    rows = [row(server_id=1, cseq=12), row(server_id=2, cseq=22)]
    assert edges_of(*rows) == edges_of(*reversed(rows)) == ["b"]


def test_an_instance_is_one_device_at_any_contact_and_each_of_its_flows_is_its_own():
    urn = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"
    moved = at("2026-01-02")
    assert edges_of(
        row("sip:u@old", server_id=1, instance=urn, reg_id=1),
        row("sip:u@new", server_id=2, instance=urn, reg_id=1, last_modified=moved),
    ) == ["b"]
    assert edges_of(
        row("sip:u@x", server_id=1, instance=urn, reg_id=1), row("sip:u@x", server_id=2, instance=urn, reg_id=2)
    ) == ["a", "b"]


def test_two_phones_with_one_private_contact_behind_two_nats_are_two():
    assert edges_of(
        row(server_id=1, received="sip:203.0.113.8:1024"), row(server_id=2, received="sip:203.0.113.9:1024")
    ) == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("text", "socket"),
    [
        ("udp:127.0.0.1:5061", ("udp", "127.0.0.1", 5061)),
        ("TLS:[::1]:5061", ("tls", "::1", 5061)),
        ("tcp:localhost:5062", ("tcp", "localhost", 5062)),
        ("ws:10.0.0.1:80", ("ws", "10.0.0.1", 80)),
        ("udp:2001:db8::62:5062\0\0", ("udp", "2001:db8::62", 5062)),
        ("udp:2001:db8:0:0:0:0:0:62:5062", ("udp", "2001:db8::62", 5062)),
        ("2001:db8::62", ("", "2001:db8::62", 0)),
        ("[2001:db8::62]", ("", "2001:db8::62", 0)),
        ("edge.example.net", ("", "edge.example.net", 0)),
        ("edge.example.net:5060", ("", "edge.example.net", 5060)),
    ],
)
def test_a_socket_is_read_in_every_form_kamailio_writes(text, socket):
    assert parse_socket(text) == Socket(*socket)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\0",
        ":",
        "udp:",
        "udp::5060",
        "udp:host:0",
        "udp:host:65536",
        "udp:ho st:5060",
        "[::1",
        "[]:5060",
        "[::1]5060",
        "udp:host:٣",
        "a:b:c",
    ],
)
def test_what_names_no_socket_is_none(text):
    assert parse_socket(text) is None


texts = st.none() | st.text(max_size=60) | st.from_regex(r"<sips?:[a-z@:;\[\].0-9]*>(,<sip:)?", fullmatch=True)


@given(
    st.lists(
        st.builds(row, st.text(max_size=20), path=texts, socket=texts, server_id=st.integers(0, 4), q=st.floats(-1, 1))
    )
)
def test_any_rows_give_targets_of_enabled_edges_in_order_and_account_for_the_rest(contacts):
    located = group(contacts, EDGES)
    assert {target.edge for target in located.targets} <= {"a", "b"}
    assert [target.q for target in located.targets] == sorted((target.q for target in located.targets), reverse=True)
    assert tuple(target for at_once in ring_groups(located.targets) for target in at_once) == located.targets
    assert bool(located.targets or located.unusable) == bool(contacts)
    assert all(sentence.isprintable() and len(sentence) < 250 for sentence in located.unusable)
