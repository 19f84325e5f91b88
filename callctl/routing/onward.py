"""Another way for a call whose destination cannot be reached.

Where the phone sends it on for that; else where its DID leads next.
"""

from __future__ import annotations

from callctl.case import Case
from callctl.model import Endpoint
from callctl.outside import NO_FORWARD, Did, Target
from callctl.reason import Reason
from callctl.routing.numbers import rewrite

# For what a phone sends its calls on by which of its words.
_FORWARD = {
    Reason.BUSY: "busy",
    Reason.DO_NOT_DISTURB: "busy",
    Reason.NO_ANSWER: "no_answer",
    Reason.NOT_REGISTERED: "not_registered",
    Reason.EDGE_AWAY: "not_registered",
    Reason.CALLEE_UNREACHABLE: "not_registered",
}
# For what a DID's next destination is tried.
_NEXT = frozenset({
    *_FORWARD, Reason.CALLEE_FAILED, Reason.CALLEE_CODEC, Reason.NUMBER_UNKNOWN, Reason.FORWARD_LOOP,
    Reason.ROOM_INVALID, Reason.URI_NOT_ALLOWED, Reason.NO_ROUTE, Reason.NO_CARRIER, Reason.CARRIERS_FAILED,
    Reason.CARRIERS_FULL,
})  # fmt: skip


def goes_on(case: Case, reason: Reason) -> bool:
    """Whether the call goes on after its destination failed for `reason`; sets where to."""
    if case.callee is not None and reason in _FORWARD:
        number = getattr(case.callee.forward, _FORWARD[reason])
        if number:
            forward(case, number)
            return True
    if case.left and reason in _NEXT:
        case.target, case.left = case.left[0], case.left[1:]
        case.by, case.forwarders = None, ()
        anew(case)
        return True
    return False


def forward(case: Case, number: str) -> None:
    """The callee sends the call on to a number."""
    assert case.callee is not None, "a phone sends it on"
    number = _as_dialled(case, case.callee, number)
    case.target, case.by = Target("number", number), case.callee
    case.forwarders = (*case.forwarders, (case.callee, number))
    anew(case)


def _as_dialled(case: Case, forwarder: Endpoint, number: str) -> str:
    """The number as the forwarding phone's rules, and its account's, make it."""
    account = case.directory.account(forwarder.account)
    number = rewrite(forwarder.numbers.called, number).number
    return rewrite(account.numbers.called, number).number if account is not None else number


def lead(case: Case, did: Did) -> None:
    """The call goes where a DID leads."""
    case.dids = (*case.dids, did)
    case.target, case.left, case.by = did.to[0], (*did.to[1:], *case.left), None
    anew(case)


def anew(case: Case) -> None:
    """Forget what was found on the way to the destination before."""
    case.again = True
    case.callee, case.room, case.uri, case.out, case.plan = None, "", "", None, None
    case.sell, case.buying = (), {}
    case.media, case.far_codecs = None, ()
    case.codecs, case.bases, case.most, case.paid, case.ending = (), (), None, None, "time"
    case.near.clear()


def has_more(case: Case) -> bool:
    """Whether there may be another way when the one that was decided fails."""
    return bool(case.left) or (case.callee is not None and case.callee.forward != NO_FORWARD)


def name(case: Case) -> str:
    """What the call is to reach, by one name."""
    if case.callee is not None:
        return case.callee.name
    if case.out is not None:
        return f"number {case.out.number}"
    return f"room {case.room}" if case.room else case.uri
