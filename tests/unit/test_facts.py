"""The facts of every recorded call, and of every order in which they may be heard."""

import csv
import random
from itertools import permutations
from pathlib import Path

import pytest

from callctl.call import facts, outcome
from callctl.call.decide import decide
from callctl.case import Decision
from callctl.cdr.spool import OpenCall
from callctl.esl.wire import Event
from callctl.plan import Reject
from callctl.reason import Reason
from callctl.store.records import TABLES
from tests.unit.company import DIRECTORY, World, request, settings
from tests.wire.recordings import INBOUND, OUTBOUND, changed, event, events, without

# What became of each recorded call, read from its log; times in microseconds since the epoch, or nothing.
with (Path(__file__).parents[1] / "wire" / "ends.csv").open(encoding="utf-8", newline="") as _file:
    ENDS = {row.pop("name"): row for row in csv.DictReader(_file)}
B_LEGS = {
    "a4_bridged_event_all": [
        (1795405471953905, 1795405471953905, 1795405472253908, 1795405474453905, 200, "NORMAL_CLEARING"),
    ],
    "a_bridged.inbound": [
        (1795405444653906, 1795405444653906, 1795405444993904, 1795405447174871, 200, "NORMAL_CLEARING"),
    ],
    "d_caller_cancel.inbound": [(1795405572953883, 1795405572953883, None, 1795405574953909, 487, "ORIGINATOR_CANCEL")],
    "f_failover.inbound": [
        (1795405599933919, None, None, 1795405599933919, 503, "NORMAL_TEMPORARY_FAILURE"),
        (1795405599973903, 1795405599973903, 1795405600293907, 1795405601813909, 200, "NORMAL_CLEARING"),
    ],
}  # fmt: skip


def end_of(name):
    return event(name, "CHANNEL_HANGUP_COMPLETE")


def fields_of(records, kind="cdr"):
    return [record.fields for record in records if record.kind == kind]


@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_recorded_call(name):
    records = facts.ended(end_of(name))
    (call,) = fields_of(records)
    assert {column: str(call.get(column, "")) for column in ENDS[name]} == ENDS[name]
    assert (call["state"], call["node"], call["source_ip"]) == ("final", "lab-fs", "127.0.0.1")
    assert call.get("codec_in") == ("PCMU" if call.get("answered_at") else None)
    assert len(fields_of(records, "leg")) == call["attempts"]
    for record in records:
        TABLES[record.kind].row(record.fields)


@pytest.mark.parametrize("name", ENDS)
def test_a_duration_is_the_switchs_own_to_the_microsecond(name):
    (call,) = fields_of(facts.ended(end_of(name)))
    assert call["duration_ms"] == end_of(name).number("variable_billusec") // 1000


def test_every_recorded_end_is_in_the_table():
    ended = {name for name in OUTBOUND if any(found.name == "CHANNEL_HANGUP_COMPLETE" for found in events(name))}
    assert ended == set(ENDS)


@pytest.mark.parametrize("name", [name.removesuffix(".inbound") for name in INBOUND])
def test_the_call_and_the_node_tell_the_same_end(name):
    assert facts.ended(end_of(name)) == facts.ended(end_of(f"{name}.inbound"))


@pytest.mark.parametrize("name", B_LEGS)
def test_the_legs_of_a_recorded_call(name):
    heard = [found for found in events(name) if found.name == "CHANNEL_HANGUP_COMPLETE"]
    b_legs = [found for found in heard if found.get("Call-Direction") == "outbound"]
    assert len(b_legs) == len(B_LEGS[name])
    for b_leg, expected in zip(b_legs, B_LEGS[name], strict=True):
        records = facts.leg_ended(changed(b_leg, variable_callctl_started="17", variable_callctl_edge="edge-a"))
        (leg,) = fields_of(records, "leg")
        columns = ("dialed_at", "ringing_at", "answered_at", "ended_at", "sip_status", "hangup_cause")
        assert tuple(leg.get(column) for column in columns) == expected
        assert (leg["call_uuid"], leg["started_at"], leg["target"]) == (end_of(name).get("Unique-ID"), 17, "edge-a")
        assert leg["leg_uuid"] == b_leg.get("Unique-ID")
        codecs = [call["codec_out"] for call in fields_of(records)]
        assert codecs == (["PCMU"] if leg.get("answered_at") else [])
        assert facts.leg_ended(b_leg) == [], "a leg of a call that is not ours"


@pytest.mark.parametrize(
    ("said", "term", "status"),
    [
        ("sip:486", "480", 486), ("", "480", 480), ("sip:302", "487", 302), ("sip:4860", "480", 480),
        ("sip:" + "9" * 5000, "", None), ("sip:x", "", None), ("isdn:17", "480", 480), ("sip:٤٨٦", "", None),
    ],
)  # fmt: skip
def test_a_legs_status_is_what_the_callee_answered(said, term, status):
    first = next(found for found in events("f_failover.inbound") if found.name == "CHANNEL_HANGUP_COMPLETE")
    never = without(first, "variable_sip_invite_failure_status")
    (record,) = facts.leg_ended(
        changed(
            never,
            variable_callctl_started="17",
            variable_proto_specific_hangup_cause=said,
            variable_sip_term_status=term,
        )
    )
    assert record.fields.get("sip_status") == status


def test_an_answered_failover_is_a_success_though_its_first_try_left_causes():
    end = end_of("f_failover")
    assert end.variable("last_bridge_hangup_cause") == "NORMAL_TEMPORARY_FAILURE"
    call, *_ = facts.ended(end)
    assert call.fields.get("reason") is None
    assert (call.fields["hangup_by"], call.fields["sip_status"], call.fields["attempts"]) == ("caller", 200, 2)
    causes = [leg.get("hangup_cause") for leg in fields_of(facts.ended(end), "leg")]
    assert causes == ["NORMAL_TEMPORARY_FAILURE", None]


def test_what_is_said_while_it_rings_is_not_believed():
    answer = event("a2_bridged_noanswerfirst", "CHANNEL_ANSWER")
    assert (answer.variable("originate_disposition"), answer.variable("DIALSTATUS")) == ("failure", "INVALIDARGS")
    assert facts.answered(answer).fields == {
        "call_uuid": answer.get("Unique-ID"), "started_at": 1795405453913905, "state": "answered", "node": "lab-fs",
        "answered_at": 1795405454253903,
    }  # fmt: skip


def test_an_answer_without_its_time_is_of_when_it_was_told():
    told = without(event("f_failover", "CHANNEL_ANSWER"), "Caller-Channel-Answered-Time")
    assert facts.answered(told).fields["answered_at"] == told.number("Event-Date-Timestamp")


def test_an_end_without_its_time_is_of_when_it_was_told_and_never_before_the_answer():
    told = without(end_of("a_bridged"), "Caller-Channel-Hangup-Time")
    (call,) = fields_of(facts.ended(told))
    assert call["ended_at"] == told.number("Event-Date-Timestamp")
    assert call["duration_ms"] == (call["ended_at"] - call["answered_at"]) // 1000 > 2500


@pytest.mark.parametrize(
    ("changes", "reason", "by", "sip"),
    [
        ({"Hangup_Cause": "ALLOTTED_TIMEOUT", "variable_sip_hangup_disposition": "send_bye"}, "time_up", "switch", 200),
        ({"Hangup_Cause": "MANAGER_REQUEST", "variable_sip_hangup_disposition": "send_bye"},
         "ended_by_operator", "controller", 200),
        ({"variable_callctl_reason": "caller_unknown", "Caller_Channel_Answered_Time": "0",
          "variable_sip_hangup_disposition": "send_refuse", "variable_sip_term_status": ""},
         "caller_unknown", "controller", 403),
        ({"variable_callctl_reason": "busy", "Caller_Channel_Answered_Time": "0",
          "variable_sip_hangup_disposition": "send_refuse", "variable_sip_term_status": ""}, "busy", "callee", 486),
        ({"variable_callctl_reason": "no such reason"}, None, "caller", 200),
        ({"variable_sip_hangup_disposition": "send_bye"}, None, "switch", 200),
        ({"variable_sip_hangup_disposition": "send_bye", "variable_last_bridge_hangup_cause": "NORMAL_CLEARING"},
         None, "callee", 200),
    ],
)  # fmt: skip
def test_why_and_by_whom_a_call_ended(changes, reason, by, sip):
    (call,) = fields_of(facts.ended(changed(end_of("a_bridged"), **changes)))
    assert (call.get("reason"), call["hangup_by"], call["sip_status"]) == (reason, by, sip)


def test_a_caller_who_gave_up_before_anything_was_tried_gave_up():
    never = without(end_of("d_caller_cancel"), "variable_originate_disposition", "variable_originate_causes")
    assert facts.end_reason(changed(never, Hangup_Cause="NORMAL_CLEARING")) is Reason.CALLER_GAVE_UP


def test_what_was_decided_is_told_by_the_calls_variables_too():
    decision = decide(request(), DIRECTORY, World(), settings())
    known = facts.variables(request(), decision, "host/0")
    assert known == {
        "callctl_controller": "host/0", "callctl_kind": "onnet", "callctl_account": "acme",
        "callctl_endpoint": "1001@example.net", "callctl_called": "102",
    }  # fmt: skip
    end = changed(end_of("a_bridged"), **{f"variable_{name}": value for name, value in known.items()})
    (call,) = fields_of(facts.ended(end))
    told = {name: call[name] for name in ("controller", "kind", "account", "endpoint", "called")}
    assert told == {name.removeprefix("callctl_"): value for name, value in known.items()}


def test_the_facts_of_a_decision():
    decision = decide(request(), DIRECTORY, World(), settings())
    call, story = facts.routed(request(), decision, "host/0")
    assert call.kind == "cdr"
    assert {name: call.fields[name] for name in call.fields if name != "trace"} == {
        "call_uuid": "c-1", "started_at": 1_795_405_444_653_906, "state": "routed", "kind": "onnet", "node": "fs1",
        "controller": "host/0", "account": "acme", "endpoint": "1001@example.net", "caller": "1001", "called": "102",
        "called_original": "102", "source_ip": "10.0.0.1", "sip_call_id": "x@y",
    }  # fmt: skip
    assert call.fields["trace"]["outcome"] == "bridge"
    assert call.fields["trace"]["targets"] == ["1002@example.net via edge-a 10.0.0.1:5060"]
    assert [step["key"] for step in call.fields["trace"]["steps"]][-1] == "locate.found"
    assert story.fields == {
        "call_uuid": "c-1", "started_at": 1_795_405_444_653_906, "seq": 500, "at": 1_795_405_444_700_000,
        "event": "routed",
        "data": {"from": "1001", "to": "102", "kind": "onnet", "edges": ["edge-a"], "codecs": ["PCMA"]},
    }  # fmt: skip


def test_the_facts_of_a_refusal():
    asked = request(called="", called_raw="1?2")
    call, story = facts.routed(asked, decide(asked, DIRECTORY, World(), settings()), "host/0")
    assert (call.fields["reason"], call.fields["called"], call.fields["called_original"]) == (
        "request_unusable", "1?2", "1?2"
    )  # fmt: skip
    assert (story.fields["event"], story.fields["data"]["sip"]) == ("refused", 484)


@pytest.mark.parametrize(
    ("called", "outcome_", "targets"),
    [("conf_7", "conference", ["room 7 on fs1"]), ("*43", "service", ["echo"]), ("777", "reject", [])],
)
def test_an_outcome_has_a_name_and_targets(called, outcome_, targets):
    decision = decide(request(called=called), DIRECTORY, World(), settings())
    assert (facts.outcome_name(decision), facts.targets(decision)) == (outcome_, targets)
    assert isinstance(decision, Decision)
    assert ("reason" in facts.summary(request(called=called), decision)) == isinstance(decision.plan, Reject)


@pytest.mark.parametrize(("state", "duration"), [("answered", None), ("routed", 0)])
def test_an_end_that_nobody_heard_is_said_to_be_that(state, duration):
    record = facts.unheard(OpenCall("c-1", "fs1", 17, state, 20), 5000)
    assert (record.fields["state"], record.fields["reason"], record.fields["hangup_by"]) == (
        "final", "end_unheard", "switch"
    )  # fmt: skip
    assert (record.fields["ended_at"], record.fields.get("duration_ms")) == (5000, duration)


def told_of(name):
    """All that is told of a recorded call, by its socket and by its node, as records."""
    inbound = events(f"{name}.inbound")
    a_leg = end_of(name)
    started = a_leg.get("Caller-Channel-Created-Time")
    asked = request(
        call_uuid=a_leg.get("Unique-ID"), started_us=int(started), node="lab-fs", caller="15551230001", called="1000"
    )
    told = [facts.routed(asked, decide(asked, DIRECTORY, World(), settings()), "host/0"), facts.ended(a_leg)]
    for found in inbound:
        if found.name == "CHANNEL_ANSWER" and found.get("Call-Direction") == "inbound":
            told.append([facts.answered(found)])
        if found.name == "CHANNEL_HANGUP_COMPLETE":
            mine = changed(found, variable_callctl_started=started, variable_callctl_edge="edge-a")
            told.append(facts.ended(found) if found.get("Call-Direction") == "inbound" else facts.leg_ended(mine))
    return told


def rows_after(database, records):
    """The rows these records make, put in their order."""
    with database.transaction() as cursor:
        for table in ("cdr", "cdr_leg", "call_event"):
            cursor.execute(f"DELETE FROM {table}")
        for record in records:
            cursor.execute(TABLES[record.kind].upsert, TABLES[record.kind].row(record.fields))
    cdr = ", ".join(TABLES["cdr"].columns)
    return [
        sorted(database.rows(f"SELECT {cdr} FROM cdr")),
        sorted(database.rows("SELECT * FROM cdr_leg")),
        sorted(database.rows("SELECT * FROM call_event")),
    ]


@pytest.mark.parametrize("name", [name.removesuffix(".inbound") for name in INBOUND])
def test_facts_in_any_order_and_any_number_make_the_same_rows(database, name):
    told = told_of(name)
    chance = random.Random(name)
    orders = list(permutations(range(len(told))))
    expected = rows_after(database, [record for records in told for record in records])
    assert len(expected[0]) == 1
    for order in chance.sample(orders, min(12, len(orders))):
        twice = [*order, *chance.choices(order, k=3)]
        chance.shuffle(twice)
        assert rows_after(database, [record for place in twice for record in told[place]]) == expected


class TestOutcome:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("b_busy", Reason.BUSY), ("b2_busy_nocontinue", Reason.BUSY), ("c_noanswer", Reason.NO_ANSWER),
            ("f2_failover_all_fail", Reason.CALLEE_UNREACHABLE), ("i3_codec_bleg", Reason.CALLEE_CODEC),
        ],
    )  # fmt: skip
    def test_a_recorded_failure(self, name, reason):
        complete = [found for found in events(name) if found.name == "CHANNEL_EXECUTE_COMPLETE"]
        (of_bridge,) = [found for found in complete if found.get("Application") == "bridge"]
        assert outcome.failure(of_bridge) is reason
        assert facts.end_reason(end_of(name)) is reason

    @pytest.mark.parametrize(
        ("causes", "reason"),
        [
            ("USER_BUSY", Reason.BUSY), ("CALL_REJECTED", Reason.CALLEE_REFUSED), ("NO_ANSWER", Reason.NO_ANSWER),
            ("ALLOTTED_TIMEOUT", Reason.NO_ANSWER), ("PROGRESS_TIMEOUT", Reason.NO_ANSWER),
            ("INCOMPATIBLE_DESTINATION", Reason.CALLEE_CODEC), ("SUBSCRIBER_ABSENT", Reason.CALLEE_UNREACHABLE),
            ("NO_USER_RESPONSE", Reason.CALLEE_UNREACHABLE), ("ORIGINATOR_CANCEL", Reason.CALLEE_UNREACHABLE),
            ("NORMAL_TEMPORARY_FAILURE", Reason.CALLEE_FAILED), ("", Reason.CALLEE_FAILED),
            ("NORMAL_TEMPORARY_FAILURE USER_BUSY", Reason.BUSY), ("NO_ANSWER CALL_REJECTED", Reason.CALLEE_REFUSED),
            ("SUBSCRIBER_ABSENT NO_ANSWER", Reason.NO_ANSWER),
            ("NORMAL_TEMPORARY_FAILURE SUBSCRIBER_ABSENT", Reason.CALLEE_UNREACHABLE),
        ],
    )  # fmt: skip
    def test_of_several_tries_the_one_that_tells_most(self, causes, reason):
        legs = "|:".join(f"u{number};{cause}" for number, cause in enumerate(causes.split()))
        assert outcome.failure(Event(f"variable_originate_causes: ARRAY::{legs}".encode())) is reason

    def test_the_disposition_counts_where_no_leg_was_made(self):
        assert (
            outcome.failure(Event(b"variable_originate_disposition: USER_NOT_REGISTERED")) is Reason.CALLEE_UNREACHABLE
        )

    @pytest.mark.parametrize(
        ("text", "attempts"),
        [
            ("u1;NONE", [("u1", "NONE")]), ("ARRAY::u1;A|:u2;B", [("u1", "A"), ("u2", "B")]), ("", []), ("ARRAY::", []),
            (";A", []), ("u1", [("u1", "")]), ("ARRAY::|:|:u1;A", [("u1", "A")]),
        ],
    )  # fmt: skip
    def test_attempts_are_the_legs_with_their_causes(self, text, attempts):
        assert outcome.attempts(Event(f"variable_originate_causes: {text}".encode())) == attempts
