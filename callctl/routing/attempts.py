"""What is tried next when an attempt at carriers has failed, and why a call that no carrier took was not connected."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from callctl.plan import CarrierLeg, Outbound
from callctl.reason import Reason

# What the callee caused, or what is true of the number everywhere: no other carrier would change it. A carrier's own
# 403 has the same cause as a callee's 603 (CALL_REJECTED), so where there is a SIP status it is that which counts.
_STATUSES = {
    486: Reason.BUSY, 600: Reason.BUSY, 603: Reason.CALLEE_REFUSED, 404: Reason.NUMBER_UNALLOCATED,
    410: Reason.NUMBER_UNALLOCATED, 484: Reason.NUMBER_UNALLOCATED, 604: Reason.NUMBER_UNALLOCATED,
}  # fmt: skip
_CAUSES = {
    "USER_BUSY": Reason.BUSY, "NO_ANSWER": Reason.NO_ANSWER, "ALLOTTED_TIMEOUT": Reason.NO_ANSWER,
    "UNALLOCATED_NUMBER": Reason.NUMBER_UNALLOCATED, "NUMBER_CHANGED": Reason.NUMBER_UNALLOCATED,
    "INVALID_NUMBER_FORMAT": Reason.NUMBER_UNALLOCATED,
}  # fmt: skip
# Of one that had rung: its network gave up, as nobody answered.
_GAVE_UP = frozenset({408, 480, 487})
# What may as well be the doing of the edge that the gateway was called by, or of the way to it.
_NOT_THERE = frozenset({
    "NETWORK_OUT_OF_ORDER", "NORMAL_TEMPORARY_FAILURE", "RECOVERY_ON_TIMER_EXPIRE", "PROGRESS_TIMEOUT",
    "DESTINATION_OUT_OF_ORDER", "GATEWAY_DOWN",
})  # fmt: skip


class Failure(NamedTuple):
    """How an attempt failed: the causes of its legs, the last leg's SIP status (0: none came), how long it took."""

    causes: Collection[str]
    status: int
    seconds: float


def reason(plan: Outbound, failure: Failure) -> Reason:
    """Why the call is not connected, if nothing else is tried after the first attempt."""
    return _callees_doing(plan.attempts[0], failure) or Reason.CARRIERS_FAILED


def after(plan: Outbound, failure: Failure, left: float, *, emergency: bool) -> Outbound | None:
    """The attempts that are left when the first has failed, with `left` seconds for them; None where none is made.

    An emergency call is tried everywhere, however long it takes.
    """
    tried, *rest = plan.attempts
    if not emergency and (left < 1 or not _goes_on(plan, tried, failure)):
        return None
    if not _NOT_THERE.issuperset(failure.causes):
        gateways = {(leg.carrier, leg.gateway) for leg in tried}
        rest = [tuple(leg for leg in legs if (leg.carrier, leg.gateway) not in gateways) for legs in rest]
    attempts = tuple(legs for legs in rest if legs)
    budget = plan.budget if emergency else int(left)
    return replace(plan, attempts=attempts, budget=budget) if attempts else None


def without(plan: Outbound, carriers: Collection[str]) -> Outbound | None:
    """The attempts but for those at some carriers; None where none is left."""
    kept = [tuple(leg for leg in legs if leg.carrier not in carriers) for legs in plan.attempts]
    attempts = tuple(legs for legs in kept if legs)
    return replace(plan, attempts=attempts) if attempts else None


def _goes_on(plan: Outbound, legs: tuple[CarrierLeg, ...], failure: Failure) -> bool:
    if plan.next_on is None:
        return _callees_doing(legs, failure) is None
    return str(failure.status) in plan.next_on or not plan.next_on.isdisjoint(failure.causes)


def _callees_doing(legs: tuple[CarrierLeg, ...], failure: Failure) -> Reason | None:
    """Why no other carrier would do better; None where one may."""
    if len(legs) == 1 and failure.status:
        # It rang, or its progress_timeout would have ended it.
        rang = failure.seconds > legs[0].progress_timeout
        if failure.status in _GAVE_UP and rang:
            return Reason.NO_ANSWER
        return _STATUSES.get(failure.status)
    found = [_CAUSES[cause] for cause in failure.causes if cause in _CAUSES]
    # Only the last leg's status is known: it may be a callee's 603, whose cause a carrier's 403 has as well.
    return next(iter(found), _STATUSES.get(failure.status))
