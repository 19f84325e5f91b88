"""After an attempt at carriers has failed: what is tried next, and what is told where nothing is."""

from dataclasses import replace

import pytest

from callctl.plan import CarrierLeg, EdgeTarget, Outbound
from callctl.reason import Reason
from callctl.routing.attempts import Failure, after, reason, without

EDGE, OTHER = EdgeTarget("a", "10.0.0.1:5060", 1.0), EdgeTarget("b", "10.0.0.2:5060", 1.0)


def leg(carrier, gateway="1", edge=EDGE):
    return CarrierLeg(carrier, f"192.0.2.{gateway}:5060", "4420", "1001", "pai", 60, 10, edge)


PLAN = Outbound(((leg("one"),), (leg("two"),), (leg("three"),)), 90)
GOES_ON = [
    ("NORMAL_TEMPORARY_FAILURE", 503), ("NETWORK_OUT_OF_ORDER", 502), ("CALL_REJECTED", 403), ("CALL_REJECTED", 401),
    ("RECOVERY_ON_TIMER_EXPIRE", 408), ("RECOVERY_ON_TIMER_EXPIRE", 0), ("PROGRESS_TIMEOUT", 0), ("CALL_REJECTED", 0),
    ("NO_USER_RESPONSE", 480), ("INCOMPATIBLE_DESTINATION", 488), ("REQUESTED_CHAN_UNAVAIL", 500),
    ("NORMAL_UNSPECIFIED", 0), ("NORMAL_CIRCUIT_CONGESTION", 503), ("NO_ROUTE_DESTINATION", 0),
    ("EXCHANGE_ROUTING_ERROR", 483),
]  # fmt: skip
STOPS = [
    ("USER_BUSY", 486, 3, Reason.BUSY), ("USER_BUSY", 600, 3, Reason.BUSY), ("USER_BUSY", 0, 3, Reason.BUSY),
    ("CALL_REJECTED", 603, 3, Reason.CALLEE_REFUSED), ("NO_ANSWER", 0, 60, Reason.NO_ANSWER),
    ("ALLOTTED_TIMEOUT", 0, 60, Reason.NO_ANSWER), ("NO_USER_RESPONSE", 480, 31, Reason.NO_ANSWER),
    ("RECOVERY_ON_TIMER_EXPIRE", 408, 31, Reason.NO_ANSWER), ("UNALLOCATED_NUMBER", 404, 1, Reason.NUMBER_UNALLOCATED),
    ("NUMBER_CHANGED", 410, 1, Reason.NUMBER_UNALLOCATED), ("INVALID_NUMBER_FORMAT", 484, 1, Reason.NUMBER_UNALLOCATED),
]  # fmt: skip


def failure(cause="NORMAL_TEMPORARY_FAILURE", status=503, seconds=1.0):
    return Failure({cause}, status, seconds)


def carriers(plan):
    return [[each.carrier for each in legs] for legs in plan.attempts]


@pytest.mark.parametrize(("cause", "status"), GOES_ON)
def test_what_is_the_carriers_doing_leads_to_the_next(cause, status):
    found = failure(cause, status)
    assert carriers(after(PLAN, found, 60, emergency=False)) == [["two"], ["three"]]
    assert reason(PLAN, found) is Reason.CARRIERS_FAILED


@pytest.mark.parametrize(("cause", "status", "seconds", "said"), STOPS)
def test_what_the_callee_did_is_the_end(cause, status, seconds, said):
    found = failure(cause, status, seconds)
    assert after(PLAN, found, 60, emergency=False) is None
    assert reason(PLAN, found) is said
    assert carriers(after(PLAN, found, 60, emergency=True)) == [["two"], ["three"]]


@pytest.mark.parametrize(("cause", "status"), [("USER_BUSY", 486), ("NORMAL_TEMPORARY_FAILURE", 503)])
def test_a_plan_may_say_itself_what_leads_to_the_next(cause, status):
    for next_on, goes_on in ((frozenset(), False), (frozenset({cause}), True), (frozenset({str(status)}), True)):
        found = after(replace(PLAN, next_on=next_on), failure(cause, status), 60, emergency=False)
        assert (found is not None) == goes_on


def test_of_legs_at_once_one_that_the_callee_ended_is_the_end():
    plan = Outbound(((leg("one"), leg("two")), (leg("three"),)), 90)
    busy = Failure({"USER_BUSY", "NORMAL_TEMPORARY_FAILURE"}, 503, 2.0)
    assert after(plan, busy, 60, emergency=False) is None
    assert reason(plan, busy) is Reason.BUSY
    assert carriers(after(plan, failure(), 60, emergency=False)) == [["three"]]


def test_of_legs_at_once_the_last_answer_tells_a_callees_refusal_from_a_carriers():
    plan = Outbound(((leg("one"), leg("two")), (leg("three"),)), 90)
    causes = {"CALL_REJECTED", "NORMAL_TEMPORARY_FAILURE"}
    assert after(plan, Failure(causes, 603, 2.0), 60, emergency=False) is None
    assert reason(plan, Failure(causes, 603, 2.0)) is Reason.CALLEE_REFUSED
    assert carriers(after(plan, Failure(causes, 403, 2.0), 60, emergency=False)) == [["three"]]


def test_what_is_left_of_the_time_is_for_what_is_left():
    assert after(PLAN, failure(), 12.9, emergency=False).budget == 12
    assert after(PLAN, failure(), 0.9, emergency=False) is None
    assert after(PLAN, failure(), -5, emergency=True).budget == 90


def test_after_the_last_there_is_none():
    last = replace(PLAN, attempts=PLAN.attempts[2:])
    assert after(last, failure(), 60, emergency=False) is None
    assert after(last, failure(), 60, emergency=True) is None


def test_a_gateway_is_tried_by_another_edge_only_if_it_may_have_been_the_edge():
    plan = Outbound(((leg("one"),), (leg("two"),), (leg("one", edge=OTHER),), (leg("one", "9", OTHER),)), 90)
    assert carriers(after(plan, failure("CALL_REJECTED", 403), 60, emergency=False)) == [["two"], ["one"]]
    for cause in ("PROGRESS_TIMEOUT", "NORMAL_TEMPORARY_FAILURE"):
        assert carriers(after(plan, failure(cause), 60, emergency=False)) == [["two"], ["one"], ["one"]]


def test_carriers_are_passed_over():
    plan = Outbound(((leg("one"), leg("two")), (leg("two"),), (leg("three"),)), 90)
    assert carriers(without(plan, ["two"])) == [["one"], ["three"]]
    assert without(plan, ["one", "two", "three"]) is None
