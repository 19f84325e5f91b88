"""Is it an emergency? Then the call is made, whatever the balance, limits, hours, bars and blocks of its account."""

from __future__ import annotations

from callctl.case import Case
from callctl.model import Step, failed, passed
from callctl.policy.numbers import follow
from callctl.reason import Reason
from callctl.routing import outside


def check(case: Case) -> Step | None:
    """Sets the way out of an emergency call; None for all other calls."""
    endpoint, calls = case.endpoint, case.settings.calls
    if endpoint is None or not calls.emergency:
        return None
    number = _number(case)
    if number not in calls.emergency:
        return None
    case.emergency, case.kind = number, "pstn"
    case.account = case.directory.account(endpoint.account)
    if not outside.emergency(case, number):
        return failed(
            "emergency", Reason.EMERGENCY_UNROUTED, "emergency.unrouted", number=number, route=calls.emergency_route
        )
    return passed("emergency", "emergency.found", number=number, route=calls.emergency_route)


def _number(case: Case) -> str:
    """The number as it is dialled, where that is an emergency number; else as the caller's rules make it."""
    called = case.request.called
    if called in case.settings.calls.emergency or case.endpoint is None:
        return called
    account = case.directory.account(case.endpoint.account)
    owned = [("", case.endpoint.numbers.called), ("", account.numbers.called if account is not None else ())]
    return follow(called, owned)[0]
