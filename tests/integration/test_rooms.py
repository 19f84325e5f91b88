"""Rooms of two simulated nodes under one `callctl serve`: where callers land, and what an operator types."""

import os
import re
import signal
import time

import gevent
import pytest

from callctl.live.rooms import LEASE
from callctl.sim.node import SimNode
from callctl.sim.world import Phone
from tests.integration.platform import DOMAIN, MEETS, TALKS, Platform, sip, together, wait

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ROOMS = f"""
accounts: [{{name: acme, codecs: [OPUS, PCMA, PCMU]}}, {{name: globex}}]
endpoints: [{{account: acme, user: "1001", domain: {DOMAIN}, extension: "101"}}]
rooms:
  - {{name: sales, account: acme, max_members: 2, profile: wide}}
  - {{name: board, account: globex}}
"""


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("rooms"), services, nodes=("sim1", "sim2"), scale=0.05) as platform:
        platform.start()
        yield platform


@pytest.fixture(scope="module")
def host(platform):
    return platform.serves[0]


@pytest.fixture(scope="module")
def applied(platform, host):
    platform.apply(host, ROOMS)


def said(host, *arguments):
    done = host.run(*arguments, "--json")
    assert (done.code, done.err) == (0, ""), done
    return done.objects


def meets(platform, room, node="sim1", **call):
    return platform.talking(platform.dial(MEETS, node, called=f"conf_{room}", **call))


def sent_on(platform, room, caller):
    """What the second node dialled for a caller, as it reaches the first."""
    headers = {"X-Callctl-Hop": caller.uuid, "X-Callctl-Endpoint": ""}
    return meets(platform, room, caller="1002", source_ip="127.0.0.12", headers=headers)


def on_both(platform, room):
    """A caller on each node, who meet on the first: their results, and the leg of the second."""
    platform.world.phones[f"conf_{room}@{sip('sim1')}", "*"] = Phone()
    near = meets(platform, room)
    far = meets(platform, room, "sim2")
    return near, far, sent_on(platform, room, far)


def test_callers_of_one_moment_on_both_nodes_are_given_one_owner(platform):
    for node in ("sim1", "sim2"):
        platform.world.phones[f"conf_500@{sip(node)}", "*"] = Phone()
    callers = [platform.dial(MEETS, f"sim{1 + number % 2}", called="conf_500") for number in range(20)]
    for caller in callers:
        platform.talking(caller)
    platform.hang_up(*callers)
    assert len({tuple(platform.final(caller.uuid)["trace"]["targets"]) for caller in callers}) == 1


def test_an_operator_sees_and_acts_on_members_by_their_own_calls(platform, host):
    near, far, leg = on_both(platform, 600)
    (listed,) = said(host, "conference", "list")
    expected = {"room": "600", "node": "sim1", "members": 2, "locked": False, "max_members": None}
    assert {key: listed[key] for key in expected} == expected
    (shown,) = said(host, "conference", "show", "600")
    members = {member["call"]: (member["node"], member["account"], member["leg"]) for member in shown["members"]}
    assert members == {
        near.uuid: ("sim1", "acme", near.uuid), far.uuid: ("sim2", "acme", leg.uuid),
    }  # fmt: skip
    assert said(host, "conference", "mute", "600", far.uuid[:13]) == [
        {"done": "mute", "room": "600", "node": "sim1", "call": far.uuid}
    ]
    (shown,) = said(host, "conference", "show", "600")
    assert {member["call"]: member["muted"] for member in shown["members"]} == {near.uuid: False, far.uuid: True}
    said(host, "conference", "unmute", "600", leg.uuid)  # by the leg in the room as well
    (shown,) = said(host, "conference", "show", "600")
    assert not any(member["muted"] for member in shown["members"])

    said(host, "conference", "kick", "600", far.uuid)
    platform.finish(far)
    assert (far.cause, platform.final(far.uuid)["reason"]) == ("MANAGER_REQUEST", "ended_by_operator")
    platform.hang_up(leg)  # which a real one does by itself, as its other end has gone
    said(host, "conference", "lock", "600")
    refused = platform.place(MEETS, called="conf_600")
    assert (refused.status, refused.cause) == (200, "NORMAL_CLEARING")
    said(host, "conference", "unlock", "600")
    third = meets(platform, 600)
    said(host, "conference", "end", "600")
    platform.finish(near, third)
    assert {platform.final(call.uuid)["reason"] for call in (near, third)} == {"ended_by_operator"}
    assert said(host, "conference", "list") == []


def test_members_are_known_while_their_nodes_do_not_list_them_yet(platform, host, monkeypatch):
    """A busy FreeSWITCH lists a call only some time after it is up, which two real ones beside other work showed."""
    monkeypatch.setattr(SimNode, "listed_after", 60.0)
    near, far, leg = on_both(platform, 610)
    (shown,) = said(host, "conference", "show", "610")
    members = {member["call"]: (member["node"], member["account"], member["caller"]) for member in shown["members"]}
    assert members == {near.uuid: ("sim1", "acme", "1001"), far.uuid: ("sim2", "acme", "1001")}
    third = meets(platform, 610)
    assert said(host, "call", "hangup", third.uuid) == [{"call": third.uuid, "node": "sim1"}]
    said(host, "conference", "end", "610")
    platform.finish(near, far, third)
    platform.hang_up(leg)
    assert {platform.final(caller.uuid)["reason"] for caller in (near, far, third)} == {"ended_by_operator"}


def test_a_call_is_hung_up_on_whichever_node_has_it(platform, host):
    calls = [platform.talking(platform.dial(TALKS, node)) for node in ("sim1", "sim2")]
    for call, node in zip(calls, ("sim1", "sim2"), strict=True):
        assert said(host, "call", "hangup", call.uuid[:18]) == [{"call": call.uuid, "node": node}]
        platform.finish(call)
        cdr = platform.final(call.uuid)
        assert (cdr["reason"], cdr["hangup_by"], cdr["hangup_cause"]) == (
            "ended_by_operator", "controller", "MANAGER_REQUEST",
        )  # fmt: skip


def test_what_is_said_is_in_both_languages_and_one_sentence(platform, host):
    caller = meets(platform, 700)
    asked = (
        ("conference", "list"), ("conference", "show", "700"), ("conference", "mute", "700", caller.uuid),
        ("conference", "lock", "700"), ("conference", "unlock", "700"),
    )  # fmt: skip
    for command in asked:
        english, chinese = together(
            lambda command=command: host.run("--lang", "en", *command),
            lambda command=command: host.run("--lang", "zh", *command),
        )
        assert (english.code, chinese.code) == (0, 0)
        assert not CHINESE.search(english.out)
        assert CHINESE.search(chinese.out)
        assert "700" in english.out
    for command in (
        ("conference", "show", "701"), ("conference", "kick", "700", ""), ("call", "hangup", "nobody"),
        ("call", "hangup", "no body"),
    ):  # fmt: skip
        done = host.run(*command)
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
        assert "FreeSWITCH" not in done.err, "what is not there is not there, whatever it is called"
    assert host.run("conference", "kick", "700").code == 2
    platform.hang_up(caller)


def test_the_beginning_of_several_calls_ends_none(platform, host):
    callers = [meets(platform, 710) for _ in range(17)]  # of which two begin with the same digit
    firsts = [caller.uuid[0] for caller in callers]
    twice = next(first for first in firsts if firsts.count(first) > 1)
    for command in (("conference", "kick", "710", twice), ("call", "hangup", twice)):
        done = host.run(*command)
        assert (done.code, done.out) == (1, "")
        assert "give more" in done.err
    platform.hang_up(*callers)


def test_a_declared_room_has_its_profile_its_most_and_its_callers(platform, host, applied):
    first, second = meets(platform, "sales"), meets(platform, "sales")
    (listed,) = said(host, "conference", "list")
    assert (listed["room"], listed["max_members"]) == ("sales", 2)
    assert platform.nodes["sim1"].rooms["sales-sim1"].profile == "wide"
    assert platform.place(MEETS, called="conf_sales").status == 200  # and put out at once: it is full
    platform.hang_up(first, second)
    foreign = platform.place(MEETS, called="conf_board")
    assert (foreign.status, platform.final(foreign.uuid)["reason"]) == (403, "room_not_allowed")
    assert platform.final(platform.place(MEETS, called="conf_Sales").uuid)["reason"] == "room_invalid"


def test_a_room_outlives_redis_that_forgot_it(platform):
    caller = meets(platform, 800)
    key = f"{platform.prefix}room:800"
    platform.redis().delete(key)
    wait(lambda: platform.redis().get(key) == "sim1", "the room is its node's again", 5)
    platform.hang_up(caller)


def test_a_room_outlives_a_lease_that_nobody_renewed(platform, host):
    """The recorder is held up for longer than the lease, and the first to call meanwhile comes to the other node."""
    caller = meets(platform, 801)
    platform.world.phones[f"conf_801@{sip('sim1')}", "*"] = Phone()
    recorder = host.part("recorder")
    os.kill(recorder, signal.SIGSTOP)
    try:
        wait(lambda: not platform.redis().exists(f"{platform.prefix}room:801"), "the lease ends", LEASE + 2)
        late = platform.dial(MEETS, "sim2", called="conf_801")
        gevent.sleep(0.5)
    finally:
        os.kill(recorder, signal.SIGCONT)
    platform.talking(late)
    assert [leg.variables.get("callctl_edge") for leg in platform.nodes["sim2"].call(late.uuid).legs] == ["sim1"]
    platform.hang_up(caller, late)


def test_a_node_that_dies_loses_its_rooms_and_is_named(platform, host):
    """The last test: the node stays away."""
    meets(platform, 900)
    platform.nodes["sim1"].stop()
    died = time.monotonic()
    late = meets(platform, 900, "sim2")  # he waits until the dead node's lease ends
    assert time.monotonic() - died < LEASE + 2
    assert platform.nodes["sim2"].rooms.keys() == {"900-sim2"}
    listed = host.run("conference", "list", "--json")
    assert (listed.code, [room["node"] for room in listed.objects], len(listed.err.splitlines())) == (3, ["sim2"], 1)
    assert "sim1" in listed.err
    missing = host.run("conference", "show", "901")
    assert (missing.code, missing.out, len(missing.err.splitlines())) == (3, "", 1)
    assert said(host, "call", "hangup", late.uuid) == [{"call": late.uuid, "node": "sim2"}]
    platform.finish(late)
    story = platform.story(late)
    moved = next(event for event in story.events if event["event"] == "room_moved")
    assert moved["data"] == {"room": "900", "owner": "sim2"}
    assert [leg["target"] for leg in story.legs] == ["sim1"]
