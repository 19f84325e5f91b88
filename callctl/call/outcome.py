"""What a bridge that did not connect came to, read from the switch's variables.

`originate_disposition` says "failure" while it still rings, and after an answered failover the causes of the first try
remain (observed): so this is only for an event that says the bridge has ended.
"""

from __future__ import annotations

from collections.abc import Container

from callctl.esl.wire import Block
from callctl.reason import Reason

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


def failure(event: Block, before: Container[str] = ()) -> Reason:
    """Why a bridge that has ended connected nobody, though the caller waited; `before` are attempts of earlier ones."""
    tried = {cause for uuid, cause in attempts(event) if uuid not in before}
    causes = tried | {event.variable("originate_disposition")}
    if "SUCCESS" in causes:  # early media counts as success; what the callee then said stands here
        causes.add(event.variable("bridge_hangup_cause"))
    for reason, names in _REASONS:
        if causes & names:
            return reason
    return Reason.CALLEE_FAILED
