"""The decision: what becomes of a call, and every step that led there.

The same code for a live call, for `callctl explain` and for `callctl replay`; it opens no socket. A check is one file
and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from callctl.case import Case, Decision
from callctl.model import CallRequest, Step
from callctl.plan import Plan, Reject
from callctl.policy import (
    account,
    barring,
    caller_id,
    charge,
    emergency,
    identify,
    limits,
    media,
    money,
    numbers,
    wishes,
)
from callctl.policy.duration import longest
from callctl.rating.basis import pack
from callctl.reason import Reason
from callctl.routing import destination, did, onward, outbound, reach
from callctl.settings import Settings
from callctl.world import Directory, World

Check = Callable[[Case], Step | None]

CHECKS: tuple[Check, ...] = (
    identify.check,
    did.check,
    emergency.check,
    account.check,
    numbers.check,
    destination.check,
    caller_id.check,
    barring.check,
    charge.check,
    media.check,
    outbound.check,
    reach.check,
    limits.check,
    money.check,
    wishes.check,
)
_ONWARD = CHECKS[CHECKS.index(destination.check) :]  # those that are made anew for another destination


def decide(
    request: CallRequest,
    directory: Directory,
    world: World,
    settings: Settings,
    failed: Mapping[str, Reason] = MappingProxyType({}),
) -> Decision:
    """Run the checks in order until one refuses the call for which there is no other way.

    `failed` has the destinations that were tried already, by their names, and for what each failed.
    """
    case = Case(request=request, directory=directory, world=world, settings=settings, failed=failed)
    steps: list[Step] = []
    left = list(CHECKS)
    while left:
        step = left.pop(0)(case)
        steps += case.beside
        case.beside.clear()
        if step is None:
            continue
        steps.append(step)
        if step.reason is not None and onward.goes_on(case, step.reason):
            steps[-1] = step._replace(verdict="skip", reason=None)
        elif step.reason is not None:
            return _decision(case, Reject(step.reason), steps)
        if case.again:
            case.again = False
            left = list(_ONWARD)
    assert case.plan is not None, "a call that no check refused has a plan"
    return _decision(case, case.plan, steps)


def refusal(reason: Reason, step: Step) -> Decision:
    """The decision on a call that was not decided: the controller itself could not."""
    return Decision(plan=Reject(reason), steps=(step,))


def _decision(case: Case, plan: Plan, steps: list[Step]) -> Decision:
    refused = isinstance(plan, Reject)
    most = longest(case) if case.most is None else case.most
    paid = most if case.paid is None else case.paid
    return Decision(
        plan=plan,
        steps=tuple(steps),
        kind=case.kind,
        account=case.account.name if case.account else "",
        endpoint=case.endpoint.name if case.endpoint else "",
        caller_id=case.caller_id or case.request.caller,
        max_seconds=0 if refused else most,
        paid_seconds=0 if refused else paid,
        ending=case.ending,
        codecs=case.codecs,
        media=media.leg(case, case.media, media.near_side(case), by_edge=case.by_edge),
        levels=case.levels,
        bases=() if refused else case.bases,
        basis=pack(case.bases) if case.bases and not refused else "",
        near=tuple(case.near),
        called=case.request.called,
        emergency=bool(case.emergency),
        destination=onward.name(case),
        goes_on=not refused and onward.has_more(case),
    )

