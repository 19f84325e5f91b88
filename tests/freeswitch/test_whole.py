"""Phones, two real Kamailios, two real FreeSWITCHes, one controller: the platform as it is installed."""

import itertools
import os
import shutil
import signal

import gevent
import pytest

from tests.edge.phone import DOMAIN, Phone, Sipp, sdp
from tests.edge.platform import PATH, SCHEMA
from tests.edge.sip import Udp, response
from tests.freeswitch.whole import DID, PEERS, whole
from tests.integration.platform import wait
from tests.ports import free_port

MISSING = [name for name in ("kamailio", "rtpengine", "openssl") if not shutil.which(name, path=PATH)]
LONG = 45  # seconds: what an ACK astray ends, ends after 32
hosts = (f"127.8.0.{number}" for number in itertools.count(1))
users = (f"u{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def world(services, tmp_path_factory):
    if MISSING or not SCHEMA.is_dir():
        pytest.skip(f"{MISSING or SCHEMA} not installed: sh deploy/packages.sh test")
    with whole(services, tmp_path_factory.mktemp("whole")) as started:
        yield started


@pytest.fixture
def sipp(tmp_path):
    """Runs SIPp's scenarios; `callee` registers first."""
    made = []

    def run(scenario, edge, host="", port=0, **keys):
        host = host or next(hosts)
        port = port or free_port(host)
        if scenario == "callee":
            run("register", edge, host, port, user=keys["user"]).wait()
        made.append(Sipp(tmp_path, scenario, host, port, edge.address(), **keys))
        return made[-1]

    yield run
    for each in made:
        each.stop()


@pytest.fixture
def phone():
    """Makes phones in Python at an edge."""
    made = []

    def make(edge, name="", at=""):
        made.append(Phone(name or next(users), Udp(at or next(hosts), edge.at())))
        return made[-1]

    yield make
    for each in made:
        each.close()


def records(world, callers, calls):
    """The final rows of so many calls of some users."""
    marks = ", ".join(["%s"] * len(callers))
    sql = f"SELECT * FROM cdr WHERE endpoint IN ({marks}) ORDER BY started_at"
    names = [f"{caller}@{DOMAIN}" for caller in callers]
    return wait(
        lambda: (rows := world.platform.rows(sql, *names)) and _all_final(rows, calls) and rows,
        f"the calls of {callers} are recorded",
    )


def _all_final(rows, calls):
    return len(rows) >= calls and all(row["state"] == "final" for row in rows)


def legs(world, row):
    """The rows of a call's attempts."""
    sql = "SELECT * FROM cdr_leg WHERE call_uuid = %s AND leg IS NOT NULL AND ended_at IS NOT NULL"
    return wait(lambda: world.platform.rows(sql, row["call_uuid"]), "the legs are recorded")


def hears(phone, method):
    """The next request of this method, whatever comes before it."""
    while True:
        message = phone.receive(90)
        assert message is not None, f"{phone.user} never hears {method}"
        if message.method == method and not message.status:
            return message


@pytest.mark.parametrize("who", ["caller", "callee"])
@pytest.mark.parametrize("way", ["a to b", "b to a"])
def test_phones_of_two_edges_call_each_other(world, sipp, way, who):
    here, there = (world.a, world.b) if way == "a to b" else (world.b, world.a)
    caller, callee = next(users), next(users)
    leaves = {"sets": ["leaves"]} if who == "callee" else {}
    stays = {"sets": ["stays"]} if who == "callee" else {}
    taken = sipp("callee", there, user=callee, ms=1000, **leaves)
    sipp("caller", here, user=caller, called=callee, ms=1000, **stays).wait()
    assert "X-Callctl" not in taken.wait()
    world.quiet()
    (row,) = records(world, [caller], 1)
    expected = {
        "kind": "onnet", "account": "acme", "endpoint": f"{caller}@{DOMAIN}", "caller": caller, "called": callee,
        "sip_status": 200, "q850": 16, "hangup_cause": "NORMAL_CLEARING", "hangup_by": who, "reason": None,
        "attempts": 1, "source_ip": here.edge.address.partition(":")[0], "codec_in": "PCMU", "codec_out": "PCMU",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert 900 < row["duration_ms"] < 3000
    (leg,) = legs(world, row)
    assert (leg["target"], leg["sip_status"], leg["hangup_cause"]) == (there.name, 200, "NORMAL_CLEARING")


def test_calls_go_on_when_what_goes_astray_would_have_ended_them(world, sipp, phone):
    """Over one edge and over two, on both nodes at once; one phone has its call refreshed by the node, as it asks."""
    callees, callers = [next(users) for _ in range(2)], [next(users) for _ in range(3)]
    taken = [
        sipp("callee", world.a, user=callees[0], calls=6, ms=LONG * 1000),
        sipp("callee", world.b, user=callees[1], calls=3, ms=LONG * 1000),
    ]
    talks = [
        sipp("caller", edge, user=caller, called=callee, calls=3, ms=LONG * 1000)
        for edge, caller, callee in zip(
            (world.a, world.b, world.a), callers, (callees[0], callees[0], callees[1]), strict=True
        )
    ]
    refreshed = phone(world.b)
    answer = refreshed.call("sip:*43@" + DOMAIN, ("Session-Expires", "120;refresher=uas"), ("Supported", "timer"))
    assert answer.status == 200
    wait(lambda: sum(world.channels()) == 19, "nine calls of two legs, and an echo", 15)
    assert min(world.channels()) >= 8
    invite = hears(refreshed, "INVITE")  # after half of 120 seconds
    refreshed.answer(invite)
    hears(refreshed, "ACK")
    for party in (*talks, *taken):
        party.wait()
    refreshed.send(refreshed.in_dialog("BYE", answer))
    refreshed.expect(200)
    world.quiet()
    rows = records(world, [*callers, refreshed.user], 10)
    assert len(rows) == 10
    assert {(row["sip_status"], row["hangup_by"], row["hangup_cause"]) for row in rows} == {
        (200, "caller", "NORMAL_CLEARING")
    }
    assert min(row["duration_ms"] for row in rows) > LONG * 1000 - 500
    assert {row["node"] for row in rows} == {"fs1", "fs2"}


def test_a_room_is_one_wherever_its_members_come_in(world, phone):
    """By its own name calls go to the node that it hashes to; by a carrier's number, to each node in turn."""
    members = []
    for edge in (world.a, world.b):
        caller = phone(edge)
        members.append((caller, caller.call(f"sip:conf_sales@{DOMAIN}")))
        for _ in range(2):
            carrier = phone(edge, "442071234567", f"{PEERS}.{len(members)}")
            members.append((carrier, carrier.call(f"sip:{DID}@{edge.address()}")))
    assert [answer.status for _, answer in members] == [200] * 6
    rooms = wait(lambda: (found := _rooms(world)) and sum(found) >= 6 and found, "all are in", 10)
    assert sorted(rooms) == [0, 6]
    assert {_node(world, caller) for caller, _ in members} == {"fs1", "fs2"}
    done = world.serve.run("conference", "show", "sales", "--json")
    assert len(done.objects[0]["members"]) == 6
    for caller, answer in members:
        caller.send(caller.in_dialog("BYE", answer))
        caller.expect(200)
    world.quiet()


def _rooms(world):
    """How many members of the room each node has."""
    found = []
    for switch in world.switches:
        lines = switch.api("conference list summary").splitlines()
        found.append(sum(int(line.split("(")[1].split()[0]) for line in lines if "sales" in line))
    return found


def test_a_phone_that_moved_is_reached_at_its_new_edge(world, phone):
    mine, caller = phone(world.a), phone(world.a)
    for edge in (world.a, world.b, world.a):
        mine.wire.close()
        mine.wire = Udp(mine.wire.own[0], edge.at(), mine.wire.own[1])
        assert mine.register().status == 200
        _call(caller, mine)


def _call(caller, callee):
    """One call that the callee takes and ends."""
    uri = f"sip:{callee.user}@{DOMAIN}"
    body = sdp(caller.wire.own[0])
    caller.send(caller.request("INVITE", uri, body=body))
    challenge = caller.expect(407)
    caller.acknowledge(challenge, uri)
    caller.send(caller.request("INVITE", uri, caller.proof(challenge), body=body))
    invite = callee.expect("INVITE")
    callee.answer(invite)
    answer = caller.expect(200)
    caller.acknowledge(answer, "")
    callee.expect("ACK")
    callee.send(callee.in_dialog_of("BYE", invite))
    callee.expect(200)
    bye = caller.expect("BYE")
    caller.send(response(bye, "200 OK"))


def test_a_node_that_wakes_late_leaves_its_call_to_the_one_that_took_it(world, phone):
    late, awake = world.switches
    mine = phone(world.b)
    assert mine.register().status == 200
    callers = [phone(world.a) for _ in range(2)]  # one comes to the one node first, the other to the other
    before = late.log.count("[ORIGINATOR_CANCEL]")
    os.kill(late.pid, signal.SIGSTOP)
    try:
        talks = [gevent.spawn(caller.call, f"sip:{mine.user}@{DOMAIN}") for caller in callers]
        for _ in callers:
            mine.answer(hears(mine, "INVITE"))
        answers = [talk.get() for talk in talks]
        assert [answer.status for answer in answers] == [200, 200]
        gevent.sleep(6)  # longer than Kamailio remembers a transaction that ended, unless told
    finally:
        os.kill(late.pid, signal.SIGCONT)
    wait(lambda: late.log.count("[ORIGINATOR_CANCEL]") > before, "it gives up what it woke to", 15)
    wait(lambda: world.channels() == [0, 4], "both calls are up on the other", 15)
    for caller, answer in zip(callers, answers, strict=True):
        caller.send(caller.in_dialog("BYE", answer))
        caller.expect(200)
    world.quiet()
    rows = records(world, [caller.user for caller in callers], 2)
    assert [row["node"] for row in rows if row["answered_at"]] == [awake.node.name] * 2
    echo = phone(world.a)
    wait(lambda: _node_of_a_call(world, echo) == late.node.name, "it is called again", 30)


def test_a_node_that_was_killed_costs_no_call_and_is_called_again_when_it_is_back(world, sipp, phone):
    gone, left = world.switches
    caller, callee = next(users), next(users)
    taken = sipp("callee", world.b, user=callee, calls=4, ms=0)
    gone.stop()
    sipp("caller", world.a, user=caller, called=callee, calls=4, ms=200).wait()
    taken.wait()
    rows = records(world, [caller], 4)
    assert [(row["node"], row["sip_status"]) for row in rows] == [(left.node.name, 200)] * 4
    gone.start()
    world.serve.await_ready()
    echo = phone(world.b)
    wait(lambda: _node_of_a_call(world, echo) == gone.node.name, "it is called again", 30)


def _node_of_a_call(world, caller):
    """Where the next call goes."""
    caller.call_id += "x"
    answer = caller.call(f"sip:*43@{DOMAIN}")
    assert answer.status == 200
    caller.send(caller.in_dialog("BYE", answer))
    caller.expect(200)
    return _node(world, caller)


def _node(world, caller):
    """Which node has his call, or had it."""
    sql = "SELECT node FROM cdr WHERE sip_call_id = %s"
    return wait(lambda: world.platform.rows(sql, caller.call_id), "the call is recorded")[0]["node"]
