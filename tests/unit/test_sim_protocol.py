"""The simulated event socket's manners that no recording shows end to end: guards, failover, lingers, stalls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket
from gevent.server import StreamServer

from callctl.sim.node import SimNode, controlled_by
from callctl.sim.scenario import HOSTILE, Scenario, SimCall
from callctl.sim.world import DEAD, Phone, World
from tests.unit.sim_controller import Controller, Heard, dial

TALK = Scenario("talk", "1002", talk=0.2)
RINGS_FOR_EVER = World({("*", "*"): Phone(status=0)})
ANSWERS = World({("*", "*"): Phone(ring=0.05)})
EDGE = "sofia/internal/1002@example.net;fs_path=%3Csip:127.0.1.1:5060%3Blr%3E"


class Bench:
    """Nodes and controllers that are ended with the test."""

    def __init__(self) -> None:
        self.ends: list[Callable[[], None]] = []

    def controller(self, handle: Callable[[Heard], None]) -> Controller:
        controller = Controller(handle)
        self.ends.append(controller.stop)
        return controller

    def node(self, *controllers: str, world: World = ANSWERS, **more: object) -> SimNode:
        dialplan = more.pop("dialplan", None) or [("socket", "|".join(controllers) + " async full")]
        node = SimNode("fs1", world=world, dialplan=dialplan, listen_esl=("127.0.0.1", 0), password="pass", **more)  # type: ignore[arg-type]
        self.ends.append(node.stop)
        return node.start()

    def feed(self, node: SimNode, password: str = "pass") -> Heard:
        heard = dial(node.esl_address, password)
        self.ends.append(heard.sock.close)
        return heard


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for end in reversed(bench.ends):
        end()


def taken(heard: Heard, *, linger: str = "linger 5") -> None:
    heard.say("connect")
    heard.until(lambda heard: bool(heard.messages))
    if linger:
        heard.say(linger)
    heard.say("myevents")


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class TestControllers:
    def test_the_next_controller_is_dialled_when_one_refuses(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.execute("hangup", "USER_BUSY")

        controller = bench.controller(handle)
        result = bench.node(closed_port(), controller.address).place(SimCall(TALK), 5)
        assert (result.status, result.controller) == (486, controller.address)

    def test_without_a_controller_the_dialplan_answers_503(self, bench: Bench) -> None:
        node = bench.node(dialplan=controlled_by([closed_port()]))
        assert node.place(SimCall(TALK), 5).status == 503

    def test_a_controller_that_closes_at_once_leaves_the_call_to_the_guard(self, bench: Bench) -> None:
        server = StreamServer(("127.0.0.1", 0), lambda sock, _address: sock.close())
        server.start()
        bench.ends.append(lambda: server.stop(timeout=0))
        node = bench.node(dialplan=controlled_by([f"127.0.0.1:{server.server_port}"], guard=1))
        result = node.dial(SimCall(TALK))
        gevent.sleep(0.05)
        assert [call.leg.uuid for call in node.calls()] == [result.uuid]
        assert result.finished.wait(5)
        assert (result.status, result.cause) == (503, "NETWORK_OUT_OF_ORDER")

    def test_a_controller_that_cancels_the_guard_keeps_the_call(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            heard.say("connect")
            heard.until(lambda heard: bool(heard.messages))
            heard.say(f"api sched_del {heard.channel.get('Unique-ID')}")
            taken(heard)

        controller = bench.controller(handle)
        node = bench.node(dialplan=controlled_by([controller.address], guard=1))
        result = node.dial(SimCall(TALK))
        assert not result.finished.wait(1.3)
        assert "+OK Deleted: 1" in controller.heard[0].replies

    def test_a_parked_call_ends_at_its_park_timeout(self, bench: Bench) -> None:
        controller = bench.controller(taken)
        node = bench.node(dialplan=controlled_by([controller.address], guard=60, park_timeout=1))
        result = node.place(SimCall(TALK), 5)
        assert (result.status, result.cause) == (503, "NETWORK_OUT_OF_ORDER")

    def test_a_controller_that_closes_a_parked_call_ends_it(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard, linger="")
            heard.execute("answer")
            heard.until_event("CHANNEL_EXECUTE_COMPLETE")
            heard.sock.shutdown(socket.SHUT_RDWR)

        result = bench.node(bench.controller(handle).address).place(SimCall(TALK), 5)
        assert (result.answered, result.cause) == (True, "NORMAL_CLEARING")

    def test_a_bridge_goes_on_when_its_controller_closes(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.execute("set", "hangup_after_bridge=true")
            heard.execute("bridge", EDGE)
            heard.until_event("CHANNEL_BRIDGE")
            heard.sock.shutdown(socket.SHUT_RDWR)

        result = bench.node(bench.controller(handle).address).place(SimCall(TALK), 5)
        assert result.answered
        assert result.billed_us > 150_000

    def test_a_silent_controller_is_told_goodbye(self, bench: Bench) -> None:
        controller = bench.controller(lambda heard: None)
        node = bench.node(controller.address)
        node.first_command = 0.1
        result = node.dial(SimCall(TALK))
        while not controller.heard:
            gevent.sleep(0.01)
        controller.heard[0].until_closed()
        assert controller.heard[0].messages[-1].get("Content-Disposition") == "disconnect"
        assert not result.finished.is_set()


class TestCommands:
    def run(
        self, bench: Bench, handle: Callable[[Heard], None], call: SimCall | None = None, **more: object
    ) -> tuple[SimNode, Heard]:
        controller = bench.controller(handle)
        node = bench.node(controller.address, **more)
        node.dial(call or SimCall(TALK))
        while not controller.heard:
            gevent.sleep(0.01)
        return node, controller.heard[0]

    def test_nothing_is_answered_before_connect(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            heard.say("myevents")
            heard.say("connect")

        _, heard = self.run(bench, handle)
        heard.until(lambda heard: bool(heard.messages))
        assert "Socket-Mode" in heard.messages[0]
        heard.say("myevents")
        heard.until(lambda heard: len(heard.replies) > 1)
        assert heard.replies[1] == "-ERR aready enabled."

    def test_full_private_queue_closes_the_connection_without_an_answer(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard, linger="")
            heard.execute("playback", "silence_stream://60000")
            heard.until_event("CHANNEL_EXECUTE", "playback")
            for number in range(257):
                heard.execute("set", f"x={number}")

        _, heard = self.run(bench, handle)
        heard.until_closed()
        assert heard.replies.count("+OK") == 258  # connect, playback and 256 more
        assert heard.messages[-1].get("Content-Disposition") == "disconnect"

    def test_a_command_without_event_lock_runs_inside_the_one_that_waits(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.say("sendmsg", "call-command: execute", "execute-app-name: playback",
                      "execute-app-arg: silence_stream://60000")  # fmt: skip
            heard.until_event("CHANNEL_EXECUTE", "playback")
            heard.say("sendmsg", "call-command: execute", "execute-app-name: hangup", "execute-app-arg: USER_BUSY")

        _, heard = self.run(bench, handle)
        heard.until_event("CHANNEL_HANGUP_COMPLETE")

    def test_without_linger_the_last_event_is_not_heard(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard, linger="")
            heard.execute("hangup", "USER_BUSY")

        for _ in range(3):
            _, heard = self.run(bench, handle)
            heard.until_closed()
            assert heard.messages[-1].get("Content-Disposition") == "disconnect"

    @pytest.mark.parametrize("ending", ["timer", "exit"])
    def test_a_linger_ends_by_its_timer_or_at_once_by_exit(self, bench: Bench, ending: str) -> None:
        def handle(heard: Heard) -> None:
            taken(heard, linger="linger 1" if ending == "timer" else "linger 600")
            heard.execute("hangup", "USER_BUSY")

        _, heard = self.run(bench, handle)
        heard.until_event("CHANNEL_HANGUP_COMPLETE")
        if ending == "exit":
            heard.say("exit")
        heard.until_closed()
        assert ("+OK bye" in heard.replies) == (ending == "exit")
        assert heard.messages[-1].get("Content-Disposition") == "disconnect"

    def test_the_linger_notice_often_precedes_the_last_event(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.execute("set", "hangup_after_bridge=true")
            heard.execute("bridge", EDGE)

        orders = set()
        for seed in range(12):
            _, heard = self.run(bench, handle, seed=seed)
            heard.until(lambda heard: any(m.get("Content-Disposition") == "linger" for m in heard.messages))
            heard.until_event("CHANNEL_HANGUP_COMPLETE")
            kinds = [m.get("Content-Disposition") or (m.is_event and m.event().name) for m in heard.messages]
            orders.add(kinds.index("linger") < kinds.index("CHANNEL_HANGUP_COMPLETE"))
            heard.say("exit")
        assert orders == {True, False}

    def test_getvar_is_raw_and_api_is_framed(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            heard.say("connect")
            heard.until(lambda heard: bool(heard.messages))
            heard.say(f"api uuid_getvar {heard.channel.get('Unique-ID')} sip_h_X-Evil")
            heard.say("getvar sip_h_X-Evil")
            heard.say("api nosuch")
            heard.say("nosuch")

        _, heard = self.run(bench, handle, SimCall(TALK, headers={"X-Evil": "one\n\nX-Injected: yes\n\n"}))
        heard.until(lambda heard: len(heard.messages) >= 6)
        assert heard.messages[1].body == b"one\n\nX-Injected: yes\n\n"
        assert heard.messages[2].get("Reply-Text") == "one"
        assert heard.messages[3].get("X-Injected") == "yes"
        assert heard.replies[-2:] == ["-ERR nosuch Command not found!", "-ERR command not found"]

    def test_an_escaped_line_break_in_a_name_is_left_as_it_is(self, bench: Bench) -> None:
        _, heard = self.run(bench, lambda heard: heard.say("connect"), SimCall(TALK, caller_name=HOSTILE))
        heard.until(lambda heard: bool(heard.messages))
        name = b"Bob%0Avariable_accountcode%3A%201001%0A%0A$%7Bsystem(id)%7D,%20%22x%22%7C'y'"
        assert b"\nCaller-Caller-ID-Name: " + name + b"\n" in heard.messages[0].raw
        assert heard.channel.variable("accountcode") == ""

    def test_an_api_call_in_an_argument_is_remembered(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.execute("set", "x=${system(id)}")
            heard.execute("set", "y=<${sip_from_user}>")
            heard.execute("hangup", "USER_BUSY")

        node, heard = self.run(bench, handle)
        end = heard.until_event("CHANNEL_HANGUP_COMPLETE")
        assert node.api_expansions == ["system(id)"]
        assert (end.variable("x"), end.variable("y")) == ("", "<1001>")

    def test_a_timer_adds_to_those_before_and_the_earliest_fires(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            uuid = heard.channel.get("Unique-ID")
            heard.say(f"api sched_hangup +60 {uuid} USER_BUSY")
            heard.say(f"api sched_hangup +1 {uuid} NO_ANSWER")

        _, heard = self.run(bench, handle)
        assert heard.until_event("CHANNEL_HANGUP").get("Hangup-Cause") == "NO_ANSWER"

    def test_a_timer_of_a_group_is_moved_on_by_arming_anew_and_deleting_the_old(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            uuid = heard.channel.get("Unique-ID")
            for group, seconds, cause in (("a", 1, "USER_BUSY"), ("b", 2, "ALLOTTED_TIMEOUT")):
                heard.say(f"api sched_api +{seconds} {group}-{uuid} uuid_kill {uuid} {cause}")
            heard.say(f"api sched_del a-{uuid}")

        _, heard = self.run(bench, handle)
        assert heard.until_event("CHANNEL_HANGUP").get("Hangup-Cause") == "ALLOTTED_TIMEOUT"
        assert "+OK Deleted: 1" in heard.replies

    def test_multiset_and_export_reach_the_b_leg(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.execute("multiset", "^^:a=1:b=two words")
            heard.execute("export", "nolocal:sip_h_X-One=1")
            heard.execute("export", "two=2")
            heard.say("api uuid_setvar_multi " + heard.channel.get("Unique-ID") + " c=3;d=4 5")
            heard.execute("bridge", "{^^~x=1,2~origination_uuid=b-leg}" + EDGE)

        node, heard = self.run(bench, handle)
        heard.until_event("CHANNEL_BRIDGE")
        mine, theirs = heard.until_event("CHANNEL_BRIDGE"), node.legs["b-leg"].leg.variables
        assert [mine.variable(name) for name in "abcd"] == ["1", "two words", "3", "4 5"]
        assert [theirs.get(name) for name in ("sip_h_X-One", "two", "x")] == ["1", "2", "1,2"]
        assert mine.variable("two") == "2"


class TestBridge:
    def bridged(self, bench: Bench, world: World, argument: str, scenario: Scenario = TALK, **more: object) -> Heard:
        def handle(heard: Heard) -> None:
            taken(heard)
            for name in ("hangup_after_bridge=true", "continue_on_fail=true"):
                heard.execute("set", name)
            heard.execute("bridge", argument)

        controller = bench.controller(handle)
        node = bench.node(controller.address, world=world, **more)
        node.dial(SimCall(scenario))
        while not controller.heard:
            gevent.sleep(0.01)
        return controller.heard[0]

    def test_a_dead_edge_is_passed_over_for_the_next_group(self, bench: Bench) -> None:
        world = World({("1002@example.net", "*"): Phone(ring=0.05), ("*", "127.0.1.1:5060"): DEAD})
        two = EDGE + "|" + EDGE.replace("127.0.1.1", "127.0.1.2")
        heard = self.bridged(bench, world, two)
        end = heard.until_event("CHANNEL_HANGUP_COMPLETE")
        assert end.variable("originate_disposition") == "SUCCESS"
        assert end.variable("last_bridge_proto_specific_hangup_cause") == "sip:503"
        assert [part.partition(";")[2] for part in end.variable("originate_causes")[7:].split("|:")] == [
            "NORMAL_TEMPORARY_FAILURE", "NONE",
        ]  # fmt: skip

    @pytest.mark.parametrize("separator", [",", ":_:"])
    def test_the_first_of_a_group_to_answer_has_the_call(self, bench: Bench, separator: str) -> None:
        slow, fast = "127.0.1.1:5060", "127.0.1.2:5060"
        world = World({("1002@example.net", slow): Phone(ring=5), ("1002@example.net", fast): Phone(ring=0.05)})
        heard = self.bridged(bench, world, separator.join((EDGE, EDGE.replace("127.0.1.1", "127.0.1.2"))))
        causes = heard.until_event("CHANNEL_HANGUP_COMPLETE").variable("originate_causes")
        assert sorted(part.partition(";")[2] for part in causes[7:].split("|:")) == ["LOSE_RACE", "NONE"]

    @pytest.mark.parametrize(
        ("status", "cause"),
        [(486, "USER_BUSY"), (603, "CALL_REJECTED"), (404, "UNALLOCATED_NUMBER"), (488, "INCOMPATIBLE_DESTINATION")],
    )
    def test_a_refusal_is_told_by_its_cause(self, bench: Bench, status: int, cause: str) -> None:
        heard = self.bridged(bench, World({("*", "*"): Phone(status=status, ring=0.0)}), EDGE)
        over = heard.until_event("CHANNEL_EXECUTE_COMPLETE", "bridge")
        assert over.variable("originate_disposition") == over.variable("originate_failed_cause") == cause
        assert over.get("Answer-State") == "ringing"

    def test_ringing_ends_at_its_timeout_and_is_no_outcome_before(self, bench: Bench) -> None:
        heard = self.bridged(bench, RINGS_FOR_EVER, "{originate_timeout=30}" + EDGE, scale=0.01)
        ringing = heard.until_event("CHANNEL_PROGRESS")
        assert (ringing.variable("originate_disposition"), ringing.variable("DIALSTATUS")) == ("failure", "INVALIDARGS")
        over = heard.until_event("CHANNEL_EXECUTE_COMPLETE", "bridge")
        assert over.variable("originate_disposition") == "NO_ANSWER"

    def test_an_endpoint_that_is_none_is_out_of_order(self, bench: Bench) -> None:
        heard = self.bridged(bench, ANSWERS, "nosuch/1002")
        over = heard.until_event("CHANNEL_EXECUTE_COMPLETE", "bridge")
        assert over.variable("originate_disposition") == "DESTINATION_OUT_OF_ORDER"

    def test_killing_the_b_leg_gives_the_caller_its_cause(self, bench: Bench) -> None:
        world = World({("*", "*"): Phone(ring=0.0)})
        heard = self.bridged(bench, world, "{origination_uuid=b-leg}" + EDGE, Scenario("stays", "1002", talk=60))
        heard.until_event("CHANNEL_BRIDGE")
        heard.say("api uuid_kill b-leg MANAGER_REQUEST")
        end = heard.until_event("CHANNEL_HANGUP_COMPLETE")
        assert (end.get("Hangup-Cause"), end.variable("bridge_hangup_cause")) == ("MANAGER_REQUEST", "MANAGER_REQUEST")


    @pytest.mark.parametrize("locked", [True, False])
    def test_a_broadcast_is_heard_only_where_the_bridge_is_not_locked(self, bench: Bench, locked: bool) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            head = ["sendmsg", "call-command: execute", "execute-app-name: bridge"]
            heard.say(*head, *(["event-lock: true"] if locked else []), body=EDGE)

        world = World({("*", "*"): Phone(ring=0.0)})
        controller = bench.controller(handle)
        node = bench.node(controller.address, world=world)
        result = node.dial(SimCall(Scenario("stays", "1002", talk=60)))
        while not controller.heard:
            gevent.sleep(0.01)
        heard = controller.heard[0]
        heard.until_event("CHANNEL_BRIDGE")
        heard.say(f"api uuid_broadcast {result.uuid} tone_stream://%(1,1,800) aleg")
        heard.until(lambda heard: "+OK Message sent" in heard.replies)
        heard.say("api uuid_broadcast of-nobody tone_stream://%(1,1,800) aleg")
        heard.until(lambda heard: "-ERR invalid uuid" in heard.replies)
        gevent.sleep(0.1)
        played = [event.get("Application-Data") for event in heard.events if event.get("Application") == "playback"]
        assert played[:1] == ([] if locked else ["tone_stream://%(1,1,800)"])
        assert not result.finished.is_set()


class TestFeed:
    def test_a_wrong_password_is_refused(self, bench: Bench) -> None:
        heard = bench.feed(bench.node("127.0.0.1:1"), "wrong")
        heard.until_closed()
        assert heard.replies == ["-ERR invalid"]

    def test_heartbeats_come_and_tell_of_the_calls(self, bench: Bench) -> None:
        node = bench.node("127.0.0.1:1", heartbeat=0.1)
        heard = bench.feed(node)
        heard.say("event plain HEARTBEAT")
        assert heard.until_event("HEARTBEAT").get("Session-Count") == "0"

    def test_only_what_passes_the_filters_is_heard(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.execute("hangup", "USER_BUSY")

        node = bench.node(bench.controller(handle).address)
        heard = bench.feed(node)
        heard.say("event plain CHANNEL_HANGUP_COMPLETE CHANNEL_CREATE")
        heard.say("filter Caller-Destination-Number 1003")
        heard.until(lambda heard: len(heard.replies) == 3)
        for called in ("1002", "1003"):
            node.place(SimCall(TALK, called=called), 5)
        heard.until_event("CHANNEL_HANGUP_COMPLETE")
        assert {event.get("Caller-Destination-Number") for event in heard.events} == {"1003"}

    def test_a_job_is_answered_first_and_told_by_its_event(self, bench: Bench) -> None:
        heard = bench.feed(bench.node("127.0.0.1:1"))
        heard.say("event plain BACKGROUND_JOB")
        heard.say("bgapi status", "Job-UUID: mine")
        job = heard.until_event("BACKGROUND_JOB")
        assert heard.replies[-1] == "+OK Job-UUID: mine"
        assert job.get("Job-UUID") == "mine"
        assert job.body.startswith(b"UP 0 years")

    def test_channels_are_shown_and_ended(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.execute("bridge", EDGE)

        node = bench.node(bench.controller(handle).address, world=RINGS_FOR_EVER)
        result = node.dial(SimCall(TALK))
        heard = bench.feed(node)
        heard.say("event plain CHANNEL_PROGRESS")
        heard.until_event("CHANNEL_PROGRESS")
        heard.say("api show channels as json")
        heard.until(lambda heard: len(heard.replies) == 3)
        shown = json.loads(heard.replies[-1])
        assert next((row["uuid"], row["direction"]) for row in shown["rows"]) == (result.uuid, "inbound")
        assert shown["row_count"] == 2
        heard.say(f"api uuid_kill {result.uuid} MANAGER_REQUEST")
        assert result.finished.wait(5)
        assert (result.status, result.cause) == (480, "MANAGER_REQUEST")
        heard.say("api show channels as json")
        heard.until(lambda heard: len(heard.replies) == 5)
        assert json.loads(heard.replies[-1]) == {"row_count": 0}

    def test_a_dropped_feed_can_be_dialled_again_and_calls_go_on(self, bench: Bench) -> None:
        node = bench.node(bench.controller(taken).address)
        result = node.dial(SimCall(TALK))
        heard = bench.feed(node)
        node.drop_feeds()
        heard.until_closed()
        assert not result.finished.is_set()
        assert bench.feed(node).replies == ["+OK accepted"]

    def test_a_stalled_node_says_nothing_until_it_resumes(self, bench: Bench) -> None:
        node = bench.node("127.0.0.1:1")
        heard = bench.feed(node)
        node.stall()
        heard.say("api status")
        gevent.sleep(0.1)
        assert len(heard.replies) == 1
        node.resume()
        heard.until(lambda heard: len(heard.replies) == 2)

    def test_a_killed_node_is_gone_without_a_word(self, bench: Bench) -> None:
        controller = bench.controller(taken)
        node = bench.node(controller.address)
        node.dial(SimCall(TALK))
        heard = bench.feed(node)
        while not controller.heard or len(controller.heard[0].replies) < 3:
            gevent.sleep(0.01)
        node.kill()
        heard.until_closed()
        controller.heard[0].until_closed()
        assert not any(message.get("Content-Disposition") for message in controller.heard[0].messages)
        assert node.calls() == []


class TestConference:
    def test_members_are_listed_and_kicked(self, bench: Bench) -> None:
        def handle(heard: Heard) -> None:
            taken(heard)
            heard.execute("answer")
            heard.execute("conference", "3001-fs1@default")

        node = bench.node(bench.controller(handle).address)
        heard = bench.feed(node)
        heard.say("event plain CUSTOM conference::maintenance")
        results = [node.dial(SimCall(Scenario("stays", "conf_3001", talk=60))) for _ in range(2)]
        heard.until(lambda heard: [e.get("Action") for e in heard.events].count("add-member") == 2)
        heard.say("api conference 3001-fs1 list")
        heard.until(lambda heard: len(heard.replies) == 3)
        rows = [row.split(";") for row in heard.replies[-1].splitlines()]
        assert [row[0] for row in rows] == ["1", "2"]
        assert {row[2] for row in rows} == {result.uuid for result in results}
        heard.say("api conference 3001-fs1 kick all")
        heard.until(lambda heard: any(e.get("Action") == "conference-destroy" for e in heard.events))
        heard.say("api conference 3001-fs1 list")
        heard.until(lambda heard: heard.replies[-1] == "-ERR Conference 3001-fs1 not found")
