"""The controller over recorded calls: what it tells FreeSWITCH, what it writes down, and how it lets go."""

import gevent
import pytest
from gevent.event import Event as Signal
from structlog.testing import capture_logs

from callctl.admission import money
from callctl.call.carry_out import BRIDGE_ID, EVENTS
from callctl.call.controller import Controller
from callctl.cdr.spool import Spool
from callctl.directory import Snapshot
from callctl.errors import Gone, SpoolError
from callctl.esl.session import Session
from callctl.live.client import connect
from callctl.live.publisher import Publisher
from callctl.model import Account, Endpoint, Limits
from callctl.plan import EdgeTarget
from callctl.rating.basis import unpack
from callctl.settings import Calls, Esl, Money, Node, Redis, Settings
from callctl.world import Located
from tests.unit.company import HERE, World
from tests.unit.rating_calls import by_second, tariff
from tests.wire.grammar import originate
from tests.wire.leaks import nothing_left_behind
from tests.wire.outbound import NO_COMMAND, brought, channel_data, end_of, timeline
from tests.wire.recordings import messages

DIRECTORY = Snapshot(
    1,
    [Account("acme"), Account("loose", codec_check=False)],
    [
        Endpoint("acme", "127.0.0.1/32", address="127.0.0.1/32", caller_id="4420"),
        Endpoint("acme", "1000@127.0.0.1", "1000", "127.0.0.1", extension="9008"),
        Endpoint("loose", "127.0.0.2/32", address="127.0.0.2/32"),
    ],
)
TWO_EDGES = Located((EdgeTarget("a", "10.0.0.1:5060", 1.0), EdgeTarget("b", "10.0.0.2:5060", 0.5)), 2)
UUID = {name: messages(name)[0].get("Unique-ID") for name in ("a_bridged", "b_busy")}


@pytest.fixture(autouse=True)
def _no_test_hangs():
    with gevent.Timeout(60):
        yield


class House:
    """A controller with a real spool; its Redis is never asked, as nothing runs the publisher."""

    def __init__(self, folder, heard=False, money=None, **esl):
        redis = Redis(port=1)
        self.settings = Settings(
            esl=Esl(command_timeout=20.0, **esl),
            nodes=(Node(name="lab-fs", sip="127.0.0.1:5080", profile="core"), Node(name="fs2", sip="10.9.0.2:5080")),
            calls=Calls(max_duration=100),
            money=money or Money(),
            redis=redis,
        )
        self.world = World()
        self.world.directory = DIRECTORY
        self.folder = folder
        self.spool = Spool(folder, 0)
        self.publisher = Publisher(connect(redis), redis)
        self.told = []
        self.publisher.event = lambda *event: self.told.append(event)
        self.heard = heard
        self.controller = Controller(
            self.settings,
            "host/0",
            self.world,
            self.spool,
            self.publisher,
            lambda node: self.heard and node == "lab-fs",
        )

    def bring(self, name, called="1000", source="127.0.0.1", **options):
        changes = {"Caller_Destination_Number": called, "variable_sip_network_ip": source}
        options.setdefault("connect", channel_data(name, **changes))
        with capture_logs() as logs:
            switch = brought(self.controller.handle, self.session, name, **options)
        self.logs = [f"{line['log_level']}: {line['event']}" for line in logs if line["log_level"] != "info"]
        return switch

    def session(self, sock):
        return Session("peer", sock, self.settings.esl.command_timeout)

    def records(self):
        """What is on disk when the process ends."""
        self.spool.close()
        again = Spool(self.folder, 0)
        records = [(record.kind, record.fields) for record in again.take(100)]
        again.close()
        return records

    def calls(self):
        return [fields for kind, fields in self.records() if kind == "cdr"]


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.spool.close()


def bridged_to(switch):
    """The dial string that the switch was given."""
    (argument,) = [argument for app, argument in switch.executed if app == "bridge"]
    return originate(argument)


ANSWERED = [
    "a_bridged",
    "a2_bridged_noanswerfirst",
    "a7_linger_default",
    "e_callee_bye",
    "f_failover",
    "k11_park_timeout_bridge",
]
SUBSCRIBED = set(EVENTS)


@pytest.mark.parametrize("name", [*ANSWERED, "c3_legtimeout_failover", "j_sched_hangup", "j2_sched_on_answer"])
def test_a_call_that_is_answered_is_followed_to_its_end_while_its_node_is_not_heard(house, name):
    switch = house.bring(name)
    assert switch.executed[0][0] == "bridge"
    assert [app for app, _ in switch.executed] == ["bridge"]
    assert switch.exited
    assert switch.subscribed == SUBSCRIBED
    routed, final = house.calls()
    assert (routed["state"], final["state"]) == ("routed", "final")
    assert final["duration_ms"] == end_of(name).number("variable_billusec") // 1000
    assert final.get("reason") == ("time_up" if name.startswith("j") else None)
    assert (final["kind"], final["account"], final["controller"]) == ("onnet", "acme", "host/0")
    assert house.logs == []


@pytest.mark.parametrize("name", [*ANSWERED, "c3_legtimeout_failover", "j_sched_hangup", "k_close_midcall"])
def test_a_call_that_is_answered_is_let_go_when_its_node_is_heard(tmp_path, name):
    house = House(tmp_path, heard=True)
    switch = house.bring(name)
    assert [app for app, _ in switch.executed] == ["bridge"]
    assert not switch.exited, "a bridged call that is told exit goes on, but there is nothing to tell"
    (routed,) = house.calls()
    assert (routed["state"], routed["called"]) == ("routed", "1000")
    assert house.logs == []


@pytest.mark.parametrize(
    ("name", "cause", "reason"),
    [
        ("b_busy", "USER_BUSY", "busy"),
        ("c_noanswer", "NO_ANSWER", "no_answer"),
        ("f2_failover_all_fail", "SUBSCRIBER_ABSENT", "callee_unreachable"),
        ("i3_codec_bleg", "INCOMPATIBLE_DESTINATION", "callee_codec"),
    ],
)
@pytest.mark.parametrize("heard", [True, False])
def test_a_call_that_nobody_answered_is_refused_with_what_came_of_it(tmp_path, name, cause, reason, heard):
    house = House(tmp_path, heard=heard)
    switch = house.bring(name)
    assert [app for app, _ in switch.executed] == ["bridge", "hangup"]
    assert switch.executed[-1] == ("hangup", cause)
    assert switch.variables["callctl_reason"] == reason
    assert switch.exited
    _, final = house.calls()
    assert (final["state"], final["reason"], final["duration_ms"]) == ("final", reason, 0)


@pytest.mark.parametrize(("name", "reason"), [("d_caller_cancel", "caller_gave_up"), ("b2_busy_nocontinue", "busy")])
def test_a_call_that_ended_by_itself_is_told_nothing_more(house, name, reason):
    switch = house.bring(name)
    assert [app for app, _ in switch.executed] == ["bridge"]
    assert switch.exited
    assert house.calls()[-1]["reason"] == reason


def test_a_conference_is_entered_on_this_node(house):
    switch = house.bring("g_conference", called="conf_3000")
    assert switch.executed == [
        ("answer", ""), ("conference", "3000-lab-fs@default"), ("hangup", "NORMAL_CLEARING"),
    ]  # fmt: skip
    call = messages("g_conference")[0].get("Unique-ID")
    known = {
        "sip_h_X-MEDIATRA": "1", "bypass_media": "false", "proxy_media": "false", "effective_caller_id_number": call,
        "effective_caller_id_name": call, "sip_h_X-FROMURI": call, "call_timeout": "30", "continue_on_fail": "true",
        "hangup_after_bridge": "true", "media_mix_inbound_outbound_codecs": "true", "common_uuid": call,
        "caller_callid": call, "execute_on_answer_callctl": "sched_hangup +101 ALLOTTED_TIMEOUT",
    }  # fmt: skip
    assert known.items() <= switch.variables.items()
    assert switch.variables["export_vars"].split(",") == [
        "sip_h_X-MEDIATRA", "effective_caller_id_number", "effective_caller_id_name", "common_uuid", "caller_callid",
    ]  # fmt: skip
    _, final = house.calls()
    assert (final["kind"], final["hangup_by"], final["duration_ms"]) == ("conference", "caller", 3040)


def test_a_conference_of_another_node_is_reached_through_it(house):
    house.world.owner = "fs2"
    switch = house.bring("a_bridged", called="conf_3000")
    variables, ((leg,),) = bridged_to(switch)
    assert leg == ({}, "sofia/core/conf_3000@10.9.0.2:5080")
    assert variables["sip_h_X-Callctl-Hop"] == UUID["a_bridged"]
    assert (variables["originate_timeout"], variables["callctl_edge"]) == ("10", "fs2")
    assert house.calls()[-1]["kind"] == "conference"


def test_the_service_number_answers_and_echoes(house):
    switch = house.bring("g_conference", called="*43")
    assert switch.executed == [("answer", ""), ("echo", "")]
    assert house.calls()[-1]["kind"] == "service"


@pytest.mark.parametrize(
    ("called", "cause", "reason"),
    [
        ("777", "UNALLOCATED_NUMBER", "number_unknown"),
        ("conf_x", "INVALID_NUMBER_FORMAT", "room_invalid"),
        ("1;2", "INVALID_NUMBER_FORMAT", "request_unusable"),
    ],
)
@pytest.mark.parametrize("name", ["h_hangup_rejected", "h3_respond"])
def test_a_refused_call_is_told_its_cause(house, name, called, cause, reason):
    switch = house.bring(name, called=called)
    assert switch.executed == [("hangup", cause)]
    assert switch.variables["callctl_reason"] == reason
    assert "execute_on_answer_callctl" not in switch.variables
    routed = house.calls()[0]
    assert (routed["state"], routed["reason"]) == ("routed", reason)
    assert routed["trace"]["outcome"] == "reject"


def test_a_caller_without_a_common_codec_is_refused_before_anything_is_tried(house):
    switch = house.bring("i_codec_g729")
    assert switch.executed == [("hangup", "INCOMPATIBLE_DESTINATION")]
    assert house.calls()[0]["reason"] == "no_common_codec"


def test_a_caller_whose_codecs_only_the_switch_refuses_has_that_reason_too(house):
    switch = house.bring("i_codec_g729", called="conf_1", source="127.0.0.2")
    assert ("answer", "") in switch.executed
    assert house.calls()[-1]["reason"] == "no_common_codec"
    assert switch.exited


def test_what_a_bridge_is_told(house):
    house.world.located = TWO_EDGES
    switch = house.bring("a_bridged")
    assert switch.commands[:5] == [
        "connect",
        "linger 10",
        f"api sched_del {UUID['a_bridged']}",
        f"filter Unique-ID {UUID['a_bridged']}",
        "event plain " + " ".join(EVENTS),
    ]
    assert switch.commands[5].startswith(f"api uuid_setvar_multi {UUID['a_bridged']} ")
    assert switch.commands[6:] == ["sendmsg bridge", "exit"]
    expected = {
        "callctl_controller": "host/0", "callctl_kind": "onnet", "callctl_account": "acme", "callctl_called": "1000",
        "callctl_endpoint": "127.0.0.1/32", "execute_on_answer_callctl": "sched_hangup +101 ALLOTTED_TIMEOUT",
        "absolute_codec_string": "PCMU", "hangup_after_bridge": "true", "continue_on_fail": "true",
        "effective_caller_id_number": "4420",
    }  # fmt: skip
    assert expected.items() <= switch.variables.items()
    variables, groups = bridged_to(switch)
    assert variables["callctl_started"] == messages("a_bridged")[0].get("Caller-Channel-Created-Time")
    assert variables["sip_invite_domain"] == "127.0.0.1"
    assert [[own["callctl_edge"] for own, _ in group] for group in groups] == [["a"], ["b"]]
    assert all(endpoint.startswith("sofia/core/1000@127.0.0.1;fs_path=") for group in groups for _, endpoint in group)
    assert BRIDGE_ID == "callctl-bridge"


def test_events_nobody_asked_for_change_nothing(house):
    switch = house.bring("b_busy", everything=True)
    assert switch.executed[-1] == ("hangup", "USER_BUSY")
    assert [call["state"] for call in house.calls()] == ["routed", "final"]


@pytest.mark.parametrize(
    "name", ["k2_close_parked", "k3_close_parked_linger", "k7_close_parked_unanswered", "k8_resume_close", "k9_exit"]
)
def test_a_socket_that_ends_while_the_call_is_set_up_leaves_its_record(house, name):
    switch = house.bring(name)
    assert switch.executed[0][0] == "bridge"
    (routed,) = house.calls()
    assert routed["state"] == "routed"


@pytest.mark.parametrize("name", ["k_close_midcall"])
def test_a_socket_that_ends_in_a_call_leaves_its_record(house, name):
    house.bring(name)
    (routed,) = house.calls()
    assert routed["state"] == "routed"


@pytest.mark.parametrize("name", ["k5_silent_server"])
def test_a_switch_that_only_says_goodbye_is_logged(house, name):
    house.bring(name, connect=messages(name)[0].raw + b"\n\n" + messages(name)[0].body, only_connect=True)
    assert house.logs == ["warning: call's socket ended"]
    assert house.records() == []


@pytest.mark.parametrize("command", ["filter", "event", "linger", "api"])
def test_a_switch_that_refuses_what_full_would_allow_is_told_to_end_the_call(house, command):
    switch = house.bring("h_hangup_rejected", refuses={command: NO_COMMAND})
    assert ("hangup", "NORMAL_TEMPORARY_FAILURE") in switch.executed
    assert house.logs[0] == "error: command refused"
    assert house.calls()[0]["state"] == "routed"


def test_a_caller_who_is_gone_before_he_is_bridged_is_no_fault(house):
    gone = "-ERR No such channel!\n"
    switch = house.bring("d_caller_cancel", refuses={"api uuid_setvar_multi": gone})
    assert ("hangup", "NORMAL_TEMPORARY_FAILURE") not in switch.executed
    assert house.logs == []
    assert house.calls()[-1]["reason"] == "caller_gave_up"


def cannot(error):
    def fail(*_arguments):
        raise error

    return fail


class TestRefusedByTheControllerItself:
    def refused(self, house, reason, cause):
        switch = house.bring("h_hangup_rejected")
        assert switch.executed == [("hangup", cause)]
        assert switch.variables["callctl_reason"] == reason
        return switch

    def test_without_a_configuration(self, house):
        house.world.directory = None
        self.refused(house, "directory_away", "NORMAL_TEMPORARY_FAILURE")
        assert house.calls()[0]["reason"] == "directory_away"

    def test_with_no_room_for_records(self, house, monkeypatch):
        monkeypatch.setattr(Spool, "healthy", False)
        self.refused(house, "spool_full", "SWITCH_CONGESTION")
        assert house.calls()[0]["reason"] == "spool_full"

    def test_when_the_record_cannot_be_kept(self, house, monkeypatch):
        monkeypatch.setattr(house.spool, "put", cannot(SpoolError("no room")))
        self.refused(house, "spool_full", "SWITCH_CONGESTION")
        assert "error: record cannot be kept" in house.logs

    def test_beyond_the_calls_it_may_hold(self, tmp_path, monkeypatch):
        house = House(tmp_path, max_sessions=1)
        asked, go = Signal(), Signal()
        monkeypatch.setattr(house.world, "locate", lambda *_: asked.set() or (go.wait() and HERE))
        first = gevent.spawn(house.bring, "e_callee_bye")
        asked.wait()
        self.refused(house, "overloaded", "SWITCH_CONGESTION")
        go.set()
        assert first.get().executed[0][0] == "bridge"
        overloaded, _, routed, final = house.calls()
        assert (overloaded["reason"], overloaded["trace"]["steps"][0]["values"]) == ("overloaded", {"held": 2})
        assert (routed.get("reason"), final["hangup_by"]) == (None, "callee")

    def test_calls_that_are_over_are_no_longer_held(self, tmp_path):
        house = House(tmp_path, max_sessions=1)
        for name in ("a_bridged", "b_busy", "k7_close_parked_unanswered", "a_bridged"):
            assert house.bring(name).executed[0][0] == "bridge"

    @pytest.mark.parametrize("error", [RuntimeError("broken"), KeyError("x"), AssertionError(), UnicodeError("\n")])
    def test_when_the_decision_fails(self, house, monkeypatch, error):
        monkeypatch.setattr(house.world, "locate", cannot(error))
        self.refused(house, "controller_fault", "NORMAL_TEMPORARY_FAILURE")
        assert house.logs == ["error: decision failed"]
        step = house.calls()[0]["trace"]["steps"][0]
        assert step["values"]["error"].startswith(type(error).__name__)

    def test_when_what_was_decided_cannot_be_said(self, house):
        house.world.located = Located((EdgeTarget("edge;a", "10.0.0.1:5060", 1.0),), 1)
        self.refused(house, "controller_fault", "NORMAL_TEMPORARY_FAILURE")
        assert house.logs == ["error: decision cannot be carried out"]
        assert house.calls()[0]["state"] == "routed"


def test_whatever_fails_is_logged_and_the_call_is_over(house, monkeypatch):
    monkeypatch.setattr(house.publisher, "event", cannot(RuntimeError("broken")))
    house.bring("h_hangup_rejected")
    assert house.logs == ["error: call failed"]


def test_who_watches_is_told_of_every_decision(house):
    house.bring("a_bridged")
    house.bring("h_hangup_rejected", called="777")
    assert [(event[0], event[1], event[3]) for event in house.told] == [
        ("routed", UUID["a_bridged"], "lab-fs"),
        ("refused", messages("h_hangup_rejected")[0].get("Unique-ID"), "lab-fs"),
    ]


def test_two_hundred_calls_leave_nothing_behind(tmp_path):
    house = House(tmp_path, heard=True)
    house.bring("a_bridged")
    with nothing_left_behind():
        for number in range(200):
            name, called = (("a_bridged", "1000"), ("b_busy", "1000"), ("h_hangup_rejected", "777"))[number % 3]
            house.bring(name, called=called)
    house.spool.close()


def test_the_recordings_part_where_the_controller_hung_up():
    assert [len(part) for part in timeline("b_busy")] == [7, 9]
    assert [len(part) for part in timeline("a_bridged")] == [17, 0]


class Pipe:
    """Keeps what would be said to Redis."""

    def __init__(self):
        self.removed = []
        self.scripts = []  # by the first key's name: what they are told

    def zrem(self, key, call):
        self.removed.append((key, call))

    def evalsha(self, sha, number, *values):
        key, *_ = values
        self.scripts.append((SCRIPTS[sha], key.partition("{account ")[2].partition("}")[0], *values[number:]))


SCRIPTS = {money._SETTLE.sha: "settle", money._RELEASE.sha: "release"}


def said_to_redis(house):
    pipe = Pipe()
    for write in list(house.publisher._writes):
        write(pipe)
    return pipe


def given_back(house):
    return said_to_redis(house).removed


def lose_after_connect(monkeypatch):
    """The socket of the next call ends when it is written to."""

    def gone(session, *_commands):
        session.stop()
        raise Gone("closed")

    connected = Session.connect

    def connect_then_lose(session, linger=0):
        channel = connected(session, linger)
        monkeypatch.setattr(Session, "write", gone)
        return channel

    monkeypatch.setattr(Session, "connect", connect_then_lose)


class TestPlaces:
    """What a call took at its levels is free again, however it ends here."""

    @pytest.fixture(autouse=True)
    def _limited(self, house):
        limited = Account("acme", limits=Limits(calls=5))
        house.world.directory = Snapshot(2, [limited], [DIRECTORY.endpoint("127.0.0.1/32")])
        self.place = ("callctl:{account acme}:calls", UUID["a_bridged"])

    def test_when_its_end_is_heard(self, house):
        house.bring("a_bridged", called="conf_1")
        assert given_back(house) == [self.place]

    def test_when_its_record_cannot_be_kept(self, house, monkeypatch):
        monkeypatch.setattr(house.spool, "put", cannot(SpoolError("no room")))
        house.bring("a_bridged", called="conf_1")
        assert self.place in given_back(house)

    def test_when_its_socket_is_gone_before_it_is_told_anything(self, house, monkeypatch):
        lose_after_connect(monkeypatch)
        house.bring("a_bridged", called="conf_1")
        assert given_back(house) == [self.place]


class TestMoney:
    """What a call that costs holds is settled, or free again, however it ends here."""

    @pytest.fixture
    def house(self, tmp_path):
        made = House(tmp_path, money=Money(rated=("onnet",), slice=30))
        payers = [
            Account("acme", parent="top", tariff="gold", limits=Limits(calls=2)), Account("top", tariff="base"),
        ]  # fmt: skip
        endpoints = [DIRECTORY.endpoint(name) for name in ("127.0.0.1/32", "1000@127.0.0.1")]
        made.world.directory = Snapshot(2, payers, endpoints)
        made.world.tariffs = {
            "gold": tariff(by_second("0.6", prefix="10"), name="gold"),
            "base": tariff(by_second("0.3", prefix=""), name="base"),
        }
        yield made
        made.spool.close()

    def test_the_switch_is_told_what_is_paid_for_before_it_bridges(self, house):
        switch = house.bring("a_bridged")
        assert switch.variables["execute_on_answer_callctl"] == "sched_hangup +31 ALLOTTED_TIMEOUT"
        known = [switch.variables[f"callctl_{name}"] for name in ("paid", "most", "limit")]
        assert known == ["30", "100", "slice"]
        assert [basis.account for basis in unpack(switch.variables["callctl_basis"])] == ["acme", "top"]

    def test_an_answered_call_is_settled_at_every_level_and_recorded(self, house):
        house.bring("a_bridged")
        call, day = UUID["a_bridged"], "2026-11-23"
        assert said_to_redis(house).scripts == [
            ("settle", "acme", call, 30_000, day), ("settle", "top", call, 15_000, day),
        ]  # fmt: skip
        routed, final = house.calls()
        assert "basis" not in routed
        charged = [(charge["account"], charge["amount"], charge["billed_seconds"]) for charge in final["charges"]]
        assert charged == [("acme", "0.030000", 3), ("top", "0.015000", 3)]

    def test_one_that_nobody_answered_holds_nothing_any_more(self, house):
        house.bring("b_busy")
        call = UUID["b_busy"]
        assert said_to_redis(house).scripts == [("release", "acme", call), ("release", "top", call)]
        assert "charges" not in house.calls()[-1]

    def test_one_that_is_let_go_is_the_recorders_to_settle(self, house):
        house.heard = True
        house.bring("a_bridged")
        assert said_to_redis(house).scripts == []
        while not (calls := house.spool.open_calls("lab-fs")):
            gevent.sleep(0.01)
        (call,) = calls
        assert [basis.account for basis in unpack(call.basis)] == ["acme", "top"]

    def test_one_without_money_is_refused_with_402_and_its_place_free_again(self, house):
        house.world.money = {"top": "money"}
        switch = house.bring("h3_respond")
        assert switch.executed == [("respond", "402 Payment Required")]
        assert switch.variables["callctl_reason"] == "no_money"
        assert switch.variables.keys() & {"callctl_basis", "callctl_paid", "execute_on_answer_callctl"} == set()
        redis = said_to_redis(house)
        assert redis.scripts == []
        assert redis.removed == [("callctl:{account acme}:calls", messages("h3_respond")[0].get("Unique-ID"))]
        routed, final = house.calls()
        assert (routed["reason"], final["reason"], final["sip_status"]) == ("no_money", "no_money", 402)

    def test_one_whose_record_cannot_be_kept_holds_nothing(self, house, monkeypatch):
        monkeypatch.setattr(house.spool, "put", cannot(SpoolError("no room")))
        house.bring("h_hangup_rejected")
        assert [(act, account) for act, account, _ in said_to_redis(house).scripts] == [
            ("release", "acme"), ("release", "top"),
        ]  # fmt: skip

    def test_one_that_cannot_be_said_to_the_switch_holds_nothing(self, house):
        house.world.located = Located((EdgeTarget("edge;a", "10.0.0.1:5060", 1.0),), 1)
        house.bring("h_hangup_rejected")
        assert [act for act, *_ in said_to_redis(house).scripts] == ["release", "release"]

    def test_one_whose_socket_is_gone_before_it_is_told_anything_holds_nothing(self, house, monkeypatch):
        lose_after_connect(monkeypatch)
        house.bring("a_bridged")
        assert [act for act, *_ in said_to_redis(house).scripts] == ["release", "release"]

    def test_one_whose_socket_ends_later_holds_its_money_until_somebody_hears_its_end(self, house):
        house.bring("k_close_midcall")
        assert said_to_redis(house).scripts == []

    def test_who_watches_is_told_once_an_hour_that_a_limit_is_near(self, house):
        house.bring("a_bridged")
        near = [told for told in house.told if told[0] == "near_limit"]
        assert [(told[4], told[5], told[6:]) for told in near] == [
            ("acme", {"limit": "calls", "used": "2", "of": "2"}, ("acme:calls", 3600))
        ]
