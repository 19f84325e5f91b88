"""Which node gets a call, and what becomes of it when that node does not take it."""

import gevent
import pytest

from callctl.live.options import ask
from tests.edge.phone import DOMAIN
from tests.edge.platform import until


def called(edge, nodes):
    """The nodes that an edge sends calls to."""
    core = edge.edge.address
    return [n for n in nodes if " 200 " in (ask(core, 5.0, f"sip:nodes@{core}", f"sip:{n.host}:{n.port}") or "")]


def heard(nodes):
    """Of how many calls each node has heard."""
    return [len({call.one("Call-ID") for call in node.calls()}) for node in nodes]


@pytest.fixture
def nodes(platform):
    """Two nodes that answer, and are called by both edges."""
    for node in platform.nodes:
        node.does = "answer"
    for edge in platform.a, platform.b:
        assert until(lambda edge=edge: called(edge, platform.nodes) == platform.nodes, 25)
    return platform.nodes


def test_a_node_that_was_killed_or_hangs_costs_seconds_and_no_call(platform, phone, nodes):
    gone = nodes[0]
    gone.close()
    try:
        for _ in range(2):
            assert phone(platform.a).call(f"sip:1002@{DOMAIN}").status == 200
    finally:
        gone.open()
    gone.does = "silence"
    for _ in range(4):
        assert phone(platform.b).call(f"sip:1002@{DOMAIN}").status == 200
    assert len(nodes[1].calls()) == 6
    # One call at most waited for it: then the edge knew.
    assert len({call.one("Call-ID") for call in gone.calls()}) <= 1
    # Each edge calls it again once it answered OPTIONS again.
    gone.does = "answer"
    for edge in platform.a, platform.b:
        gone.heard.clear()
        assert until(lambda edge=edge: phone(edge).call(f"sip:1002@{DOMAIN}").status == 200 and gone.calls(), 25)


def test_nodes_that_were_all_silent_once_are_called_again_at_once(platform, phone, nodes):
    nodes[0].does = nodes[1].does = "silence"
    # One call tries the one node first, the other the other.
    callers = [gevent.spawn(phone(platform.a).call, f"sip:1002@{DOMAIN}") for _ in range(2)]
    assert until(lambda: heard(nodes) == [2, 2], 12)
    assert len(called(platform.a, nodes)) == 1
    nodes[0].does = nodes[1].does = "answer"
    assert [caller.get().status for caller in callers] == [200, 200]
    before = heard(nodes)
    assert phone(platform.a).call(f"sip:1002@{DOMAIN}").status == 200
    assert sum(heard(nodes)) == sum(before) + 1  # by the first that it was tried at


def test_the_last_node_is_waited_for_longer_than_the_first_as_nobody_else_can_be_asked(platform, phone, nodes):
    nodes[0].does = nodes[1].does = "silence"
    caller = gevent.spawn(phone(platform.a).call, f"sip:1002@{DOMAIN}")
    assert until(lambda: heard(nodes) == [1, 1], 12)
    gevent.sleep(7)  # longer than the first was given
    nodes[0].does = nodes[1].does = "answer"
    assert caller.get().status == 200


def test_a_node_that_wakes_late_is_told_that_nobody_waits_for_it(platform, phone, nodes):
    for node in nodes:
        node.does = "ring"
        node.sleep()
    caller = phone(platform.a)
    try:
        assert caller.call(f"sip:1002@{DOMAIN}").status == 408
        gevent.sleep(6)
    finally:
        for node in nodes:
            node.wake()
    for node in nodes:
        assert until(lambda node=node: node.got("CANCEL", caller.call_id))


def test_nodes_that_stay_silent_are_taken_out_by_probes_and_callers_told_at_once(platform, phone, nodes):
    nodes[0].does = nodes[1].does = "silence"
    assert until(lambda: not called(platform.a, nodes), 40)
    assert phone(platform.a).call(f"sip:1002@{DOMAIN}").status == 503
    assert platform.calls() == []


@pytest.mark.parametrize("says", ["503 Service Unavailable", "500 Server Internal Error", "502 Bad Gateway"])
def test_a_node_that_cannot_is_passed_over(platform, phone, nodes, says):
    nodes[0].does = says
    for _ in range(2):
        assert phone(platform.a).call(f"sip:1002@{DOMAIN}").status == 200
    assert len(nodes[1].calls()) == 2


@pytest.mark.parametrize(("says", "hears"), [("486 Busy Here", 486), ("480 Temporarily Unavailable", 480)])
def test_what_a_node_decided_is_the_answer(platform, phone, nodes, says, hears):
    nodes[0].does = nodes[1].does = says
    assert phone(platform.a).call(f"sip:1002@{DOMAIN}").status == hears
    assert len(platform.calls()) == 1


def test_a_caller_who_heard_it_ring_does_not_hear_it_again(platform, phone, nodes):
    nodes[0].does = nodes[1].does = "ring, then 503 Service Unavailable"
    assert phone(platform.a).call(f"sip:1002@{DOMAIN}").status in {500, 503}
    assert len(platform.calls()) == 1


def test_with_no_node_left_the_caller_is_told_so(platform, phone, nodes):
    nodes[0].does = nodes[1].does = "503 Service Unavailable"
    assert phone(platform.a).call(f"sip:1002@{DOMAIN}").status in {500, 503}
    assert len(platform.calls()) == 2


def test_a_room_is_on_one_node_whoever_calls_it(platform, phone, nodes):
    homes = {}
    for room in range(6):
        for edge in platform.a, platform.a, platform.b:
            caller = phone(edge)
            assert caller.call(f"sip:conf_{room}@{DOMAIN}").status == 200
            homes.setdefault(room, set()).add(next(n.host for n in nodes if n.got("INVITE", caller.call_id)))
    assert all(len(home) == 1 for home in homes.values())
    assert len(set.union(*homes.values())) == 2
