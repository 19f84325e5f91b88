"""What a bridge that did not connect came to, read from the switch's variables.

`originate_disposition` says "failure" while it still rings, and after an answered failover the causes of the first try
remain (observed): so this is only for an event that says the bridge has ended.
"""

from __future__ import annotations

from collections.abc import Container

from callctl.esl.wire import Block
from callctl.reason import Reason
from callctl.routing.attempts import Failure

# Of several attempts the first of these tells most.
_REASONS: tuple[tuple[Reason, frozenset[str]], ...] = (
    (Reason.BUSY, frozenset(("USER_BUSY",))),
    (Reason.CALLEE_REFUSED, frozenset(("CALL_REJECTED",))),
    (Reason.NO_ANSWER, frozenset(("NO_ANSWER", "ALLOTTED_TIMEOUT", "PROGRESS_TIMEOUT"))),
    (Reason.CALLEE_CODEC, frozenset(("INCOMPATIBLE_DESTINATION",))),
    (
        Reason.CALLEE_UNREACHABLE,
        frozenset((
            "UNALLOCATED_NUMBER", "NO_ROUTE_DESTINATION", "NO_USER_RESPONSE", "SUBSCRIBER_ABSENT",
            "USER_NOT_REGISTERED", "RECOVERY_ON_TIMER_EXPIRE", "NORMAL_UNSPECIFIED", "NUMBER_CHANGED",
            # What a callee's own 487 reads as, though the caller did not give up (observed).
            "ORIGINATOR_CANCEL",
        )),
    ),
)  # fmt: skip


def attempts(event: Block) -> list[tuple[str, str]]:
    """Each B-leg tried, in order: its UUID and its cause, "NONE" for the one that answered."""
    pairs = [item.partition(";") for item in array(event.variable("originate_causes"))]
    return [(uuid, cause) for uuid, _, cause in pairs if uuid]


def array(value: str) -> list[str]:
    """The elements of a channel variable that may be an array (`ARRAY::a|:b`, switch_event.c)."""
    if value.startswith("ARRAY::"):
        return value.removeprefix("ARRAY::").split("|:")
    return [value] if value else []


def causes(event: Block, before: Container[str] = ()) -> set[str]:
    """The causes of a bridge that has ended; `before` are attempts of earlier ones."""
    tried = {cause for uuid, cause in attempts(event) if uuid not in before}
    found = tried | {event.variable("originate_disposition")}
    if "SUCCESS" in found:  # early media counts as success; what the callee then said stands here
        found.add(event.variable("bridge_hangup_cause"))
    return found


def failure(event: Block, before: Container[str] = ()) -> Reason:
    """Why a bridge that has ended connected nobody, though the caller waited; `before` as in `causes`."""
    found = causes(event, before)
    for reason, names in _REASONS:
        if found & names:
            return reason
    return Reason.CALLEE_FAILED


def at_carriers(event: Block, before: Container[str], seconds: float) -> Failure:
    """How an attempt at carriers failed that took so long; `before` as in `causes`."""
    status = event.variable("last_bridge_proto_specific_hangup_cause").removeprefix("sip:")
    known = causes(event, before) - {"SUCCESS", "NONE", ""}
    return Failure(frozenset(known), int(status) if status.isascii() and status.isdecimal() else 0, seconds)
