"""Which number is the callee shown?"""

from __future__ import annotations

from callctl.case import Case
from callctl.model import ANONYMOUS, Step, passed
from callctl.outside import NO_CALLER_IDS, CallerIds


def check(case: Case) -> Step | None:
    """Sets the number shown; a step where the endpoint's or the account's policy decided it."""
    caller, callee = case.endpoint, case.callee
    if caller is None:
        case.caller_id = case.request.caller
        return None
    own = caller.caller_id or caller.user or case.request.caller
    if callee is not None and callee.account == caller.account and caller.extension:
        case.caller_id = caller.extension
        return None
    if case.emergency:
        case.caller_id = own
        return None
    policy = caller.caller_ids
    if policy is None:
        policy = case.account.caller_ids if case.account is not None else NO_CALLER_IDS
    if policy == NO_CALLER_IDS:
        case.caller_id = own
        return None
    called = case.out.number if case.out is not None else case.request.called.removeprefix("+")
    case.caller_id, key = shown(policy, called, case.request.caller, caller.caller_id)
    return passed("caller_id", key, shown=case.caller_id, said=case.request.caller)


def shown(policy: CallerIds, called: str, said: str, own: str) -> tuple[str, str]:
    """The number, and the sentence of why. `said` is the caller's word, `own` the endpoint's number."""
    if policy.anonymous:
        return ANONYMOUS, "caller_id.anonymous"
    # The longest prefix stands first.
    for prefix, number in policy.for_prefix:
        if called.startswith(prefix.removeprefix("+")):
            return number, "caller_id.for_prefix"
    if policy.forced:
        return policy.forced, "caller_id.forced"
    if _allowed(policy.allowed, said.removeprefix("+")):
        return said, "caller_id.allowed"
    instead = own or next((number for number in policy.allowed if not number.endswith("*")), ANONYMOUS)
    return instead, "caller_id.not_allowed"


def _allowed(numbers: tuple[str, ...], said: str) -> bool:
    """Whether what the caller says of himself is among them; with * behind, all that begin so."""
    return any(
        said.startswith(number[:-1]) if number.endswith("*") else said == number for number in numbers if said
    )
