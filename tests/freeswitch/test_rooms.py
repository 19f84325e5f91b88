"""Conference rooms over two real nodes: one room wherever callers come in, and what an operator does in it."""

import time
from dataclasses import dataclass

import pytest

from tests.freeswitch.phones import HOST, Phones
from tests.freeswitch.switch import Switch, pair
from tests.integration.platform import DOMAIN, Platform, wait
from tests.ports import free_port

COMPANY = f"""
accounts:
  - {{name: acme, codecs: [PCMA, PCMU]}}
  - {{name: globex, codecs: [PCMA, PCMU]}}
endpoints:
  - {{account: acme, user: "1001", domain: {DOMAIN}}}
  - {{account: acme, user: "1002", domain: {DOMAIN}}}
  - {{account: globex, user: "2001", domain: {DOMAIN}}}
rooms:
  - {{name: sales, account: acme, pin: "1234"}}
  - {{name: pair, account: acme, max_members: 2, profile: default}}
"""
HOSTILE = '"<conference-9> [{\\"uuid\\":\\"x\\"}],|;%0A+OK ${system(id)} %C3%28"'


@dataclass
class World:
    """Two switches that share rooms, and one controller."""

    platform: Platform
    switches: list[Switch]

    @property
    def serve(self):
        return self.platform.serves[0]

    def said(self, *arguments):
        """The JSON values a command printed."""
        done = self.serve.run(*arguments, "--json")
        assert (done.code, done.err) == (0, ""), done
        return done.objects

    def members(self, room):
        """Of a room, by the caller's number."""
        (place,) = self.said("conference", "show", room)
        return {member["caller"]: member for member in place["members"]}

    def uuid(self, caller):
        sql = "SELECT call_uuid FROM cdr WHERE sip_call_id = %s"
        return wait(lambda: self.platform.rows(sql, caller.call_id), "the call is recorded")[0]["call_uuid"]

    def record(self, caller):
        return self.platform.final(self.uuid(caller))

    def count(self, conference):
        """Members of a conference, on all nodes together."""
        lists = "\n".join(switch.api("conference list summary") for switch in self.switches)
        return sum(int(line.split("(")[1].split()[0]) for line in lists.splitlines() if f" {conference}-" in line)

    def until(self, conference, members):
        wait(lambda: self.count(conference) == members, f"{members} are in {conference}", 15)


@pytest.fixture(scope="module")
def world(services, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rooms")
    controller = f"{HOST}:{free_port()}"
    switches = pair(folder, controller, "127.0.0")
    settings = {
        "nodes": [switch.entry for switch in switches],
        "edges": [{"name": "kam1", "server_id": 1, "address": f"{HOST}:5060"}],
        "esl": {"listen": controller},
    }
    with Platform(folder / "platform", services, settings=settings) as platform:
        serve = platform.serve()
        serve.set_up(COMPANY)
        try:
            for switch in switches:
                switch.start()
            serve.start()
            yield World(platform, switches)
        finally:
            for switch in switches:
                switch.stop()


@pytest.fixture
def phones(world, tmp_path):
    """Phones that call the first node and the second."""
    made = [Phones(tmp_path, switch.sip_port, switch.node.sip.partition(":")[0]) for switch in world.switches]
    yield made
    for each in made:
        each.stop()


def test_callers_of_one_moment_on_two_nodes_meet_in_one_room(world, phones):
    for room in range(3100, 3105):
        callers = [side.caller("stays", f"conf_{room}", user=user) for side in phones for user in ("1001", "1002")]
        world.until(room, 4)
        (place,) = world.said("conference", "list")
        assert (place["room"], place["members"]) == (str(room), 4)
        world.said("conference", "end", str(room))
        for caller in callers:
            caller.wait()
        world.until(room, 0)


def test_a_member_is_known_by_the_callers_own_call_wherever_that_is(world, phones):
    first = phones[0].caller("stays", "conf_3001", name=HOSTILE)
    world.until(3001, 1)
    second = phones[1].caller("stays", "conf_3001", user="1002", name=HOSTILE)
    world.until(3001, 2)
    members = world.members("3001")
    assert {caller: (member["call"], member["node"], member["account"]) for caller, member in members.items()} == {
        "1001": (world.uuid(first), "fs1", "acme"), "1002": (world.uuid(second), "fs2", "acme"),
    }  # fmt: skip
    assert members["1001"]["leg"] == members["1001"]["call"]
    assert members["1002"]["leg"] != members["1002"]["call"]

    far = world.uuid(second)
    assert world.said("conference", "mute", "3001", far[:8]) == [
        {"done": "mute", "room": "3001", "node": "fs1", "call": far}
    ]
    muted = {caller for caller, member in world.members("3001").items() if member["muted"]}
    assert muted == {"1002"}
    world.said("conference", "unmute", "3001", far[:8])
    assert not any(member["muted"] for member in world.members("3001").values())

    world.said("conference", "kick", "3001", far)
    second.wait()
    world.until(3001, 1)
    row = world.record(second)
    assert (row["reason"], row["hangup_by"], row["node"]) == ("ended_by_operator", "controller", "fs2")

    world.said("call", "hangup", world.uuid(first)[:13])
    first.wait()
    assert "MANAGER_REQUEST" in first.received("BYE")[0].header("Reason")
    assert world.record(first)["reason"] == "ended_by_operator"
    world.until(3001, 0)


def test_the_mark_of_a_sent_on_call_counts_from_a_node_only(world, phones):
    """An edge that let it through brings an ordinary call, which is nobody else's."""
    header = f"X-Callctl-Endpoint: 1001@{DOMAIN}\nX-Callctl-Hop: forged"
    caller = phones[0].caller("stays", "conf_3005", header=header)
    world.until(3005, 1)
    assert [member["call"] for member in world.members("3005").values()] == [world.uuid(caller)]
    world.said("conference", "end", "3005")
    caller.wait()
    assert world.record(caller)["account"] == "acme"


def test_nobody_enters_a_locked_room_from_either_node(world, phones):
    first = phones[0].caller("stays", "conf_3002")
    world.until(3002, 1)
    world.said("conference", "lock", "3002")
    assert world.said("conference", "list")[0]["locked"]
    for side in phones:
        side.caller("stays", "conf_3002", user="1002").wait()  # answered, and hung up
    assert world.count(3002) == 1
    world.said("conference", "unlock", "3002")
    second = phones[1].caller("stays", "conf_3002", user="1002")
    world.until(3002, 2)
    world.said("conference", "end", "3002")
    for caller in (first, second):
        caller.wait()
        assert world.record(caller)["reason"] == "ended_by_operator"


def test_a_room_has_no_more_members_than_it_may(world, phones):
    callers = [phones[number].caller("stays", "conf_pair", user=f"100{number + 1}") for number in (0, 1)]
    world.until("pair", 2)
    assert world.said("conference", "list")[0]["max_members"] == 2
    for side in phones:
        side.caller("stays", "conf_pair").wait()
    assert world.count("pair") == 2
    world.said("conference", "end", "pair")
    for caller in callers:
        caller.wait()


def test_a_room_with_a_pin_is_entered_by_who_knows_it(world, phones):
    def digits(caller, number, text):
        """The caller's phone sends digits, once FreeSWITCH listens for them."""
        world.switches[number].api(f"uuid_recv_dtmf {world.uuid(caller)} {text}")

    knows = phones[0].caller("stays", "conf_sales")
    guesses = phones[1].caller("stays", "conf_sales", user="1002")
    for caller in (knows, guesses):
        wait(lambda caller=caller: 200 in caller.answers, "he is answered", 10)
    time.sleep(1)
    assert world.count("sales") == 0
    digits(knows, 0, "1234")
    world.until("sales", 1)
    digits(guesses, 1, "4321")  # one of the two sends his over the bridge to the other's node, which hears them too
    wait(
        lambda: sum(switch.log.count("RECV DTMF") for switch in world.switches) == 12, "both have sent four digits", 10
    )
    time.sleep(1.5)  # what he sends during the tone that says it is wrong (0.4 s), FreeSWITCH drops
    assert list(world.members("sales")) == ["1001"]
    digits(guesses, 1, "1234")
    world.until("sales", 2)
    world.said("call", "hangup", world.uuid(guesses))
    world.said("conference", "end", "sales")
    knows.wait()
    guesses.wait()
    stranger = phones[0].caller("stays", "conf_sales", user="2001").wait()
    assert stranger.final.status == 403
    assert world.record(stranger)["reason"] == "room_not_allowed"


def test_what_is_not_there_is_one_sentence_and_exit_1(world, phones):
    first = phones[0].caller("stays", "conf_3003")
    world.until(3003, 1)
    for arguments, about in (
        (("conference", "show", "9999"), "9999"), (("conference", "kick", "9999", "a"), "9999"),
        (("conference", "kick", "3003", "zzzz"), "zzzz"), (("conference", "lock", "a b"), "a b"),
        (("call", "hangup", "zzzz"), "zzzz"),
    ):  # fmt: skip
        done = world.serve.run(*arguments)
        assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1), done
        assert about in done.err
    world.said("call", "hangup", world.uuid(first))
    first.wait()


def test_a_room_whose_node_dies_is_soon_opened_on_another(world, phones):
    """The last test: the node stays away."""
    first = phones[0].caller("stays", "conf_3004")
    world.until(3004, 1)
    world.switches[0].stop()
    died = time.monotonic()
    first.stop()
    late = phones[1].caller("hangs_up", "conf_3004", 1500, user="1002")  # he waits for the dead node's lease to end
    wait(lambda: 200 in late.answers, "he is in the room", 14)
    print(f"the room moved within {time.monotonic() - died:.1f} s")
    assert late.wait().answers == [100, 200]
    row = world.record(late)
    assert row["trace"]["targets"] == ["room 3004 on fs1"]
    moved = "SELECT data FROM call_event WHERE call_uuid = %s AND event = 'room_moved'"
    assert '"fs2"' in wait(lambda: world.platform.rows(moved, row["call_uuid"]), "it is told that it moved")[0]["data"]
    assert (row["attempts"], row["reason"], row["hangup_by"]) == (1, None, "caller")

    listed = world.serve.run("conference", "list", "--json")
    assert listed.code == 3
    assert "fs1" in listed.err
    unknown = world.serve.run("call", "hangup", "zzzz")
    assert (unknown.code, len(unknown.err.splitlines())) == (3, 1)
