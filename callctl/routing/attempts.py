"""What is tried next when an attempt at carriers has failed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from callctl.plan import Outbound

# What the callee himself caused: no other carrier would change it.
STOP = frozenset({
    "USER_BUSY", "NO_ANSWER", "ALLOTTED_TIMEOUT", "CALL_REJECTED", "ORIGINATOR_CANCEL", "UNALLOCATED_NUMBER",
    "NUMBER_CHANGED", "INVALID_NUMBER_FORMAT", "NORMAL_CLEARING",
})  # fmt: skip


def after(plan: Outbound, causes: Iterable[str], *, emergency: bool) -> Outbound | None:
    """The attempts that are left when the first has failed for these causes; None where none is to be tried.

    An emergency call is tried everywhere.
    """
    left = plan.attempts[1:]
    found = set(causes)
    stops = found & STOP if plan.next_on is None else found - plan.next_on
    if not left or (stops and not emergency):
        return None
    return replace(plan, attempts=left)
