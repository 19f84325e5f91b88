"""Are there a free place and a free start for one more call, at each level?

Levels are the DID, the caller's endpoint and those that send the call on, their accounts, that by whose routes it
leaves the platform, and every parent; and the carrier that the call is offered to first: where that is full, the next
is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from callctl.case import Case
from callctl.errors import ServiceAway
from callctl.model import NO_LIMITS, Limits, Step, failed, passed, skipped
from callctl.plan import Outbound
from callctl.reason import Reason
from callctl.routing.attempts import without
from callctl.world import CARRIER, Admitted, Level, Near

REFUSALS = {
    "calls": (Reason.TOO_MANY_CALLS, "limits.calls"),
    "cps": (Reason.TOO_MANY_STARTS, "limits.cps"),
}


def check(case: Case) -> Step | None:
    """Takes the places; sets the levels that hold them, until the call ends, be it refused by a later check."""
    while True:
        levels = _levels(case) + (carrier_levels(case.plan) if isinstance(case.plan, Outbound) else [])
        if not levels:
            return None
        try:
            found = case.world.admit(case.request.call_uuid, levels)
        except ServiceAway as error:
            return skipped("limits", "limits.away", error=str(error))
        last = found[-1]
        if not last.refused:
            break
        reason, sentence = REFUSALS[last.refused]
        if not isinstance(case.plan, Outbound) or last.level not in carrier_levels(case.plan):
            return failed("limits", reason, sentence, level=last.level.name, used=_used(last))
        case.beside.append(skipped("limits", sentence, level=last.level.name, used=_used(last)))
        left = without(case.plan, [last.level.name.removeprefix(CARRIER)])
        if left is None:
            return failed("limits", Reason.CARRIERS_FULL, "limits.carriers")
        case.plan = left
    case.levels = tuple(level.name for level in levels)
    case.near += _near(case, found)
    return passed("limits", "limits.free", used=tuple(f"{place.level.name} {_used(place)}" for place in found))


def carrier_levels(plan: Outbound) -> list[Level]:
    """Those of the carriers of the first attempt that have a limit."""
    limits = {leg.carrier: leg.limits for leg in plan.attempts[0] if leg.limits != NO_LIMITS}
    return [Level(f"{CARRIER}{name}", *each) for name, each in limits.items()]


def _levels(case: Case) -> list[Level]:
    """Those that have a limit, the nearest first."""
    if case.emergency:
        return []
    named: list[tuple[str, Limits]] = []
    named += [(f"did {did.number}", Limits(did.calls)) for did in case.dids]
    for endpoint in (case.endpoint, *(forwarder for forwarder, _ in case.forwarders)):
        if endpoint is not None:
            named.append((f"endpoint {endpoint.name}", endpoint.limits))
            named += _of_accounts(case, endpoint.account)
    if case.endpoint is None and case.account is not None:
        named += _of_accounts(case, case.account.name)
    if case.out is not None:
        named += _of_accounts(case, case.out.account)
    return [Level(name, limits.calls, limits.cps) for name, limits in dict(named).items() if limits != NO_LIMITS]


def _of_accounts(case: Case, name: str) -> list[tuple[str, Limits]]:
    return [(f"account {account.name}", account.limits) for account in case.directory.lineage(name)]


def _near(case: Case, found: Sequence[Admitted]) -> list[Near]:
    """Where this call leaves few places; those of a carrier are no account's."""
    owner = case.account.name if case.account is not None else ""
    near = []
    for level, _, calls, _ in found:
        kind, _, name = level.name.partition(" ")
        if level.calls is not None and calls >= case.settings.money.warn_at * level.calls:
            whose = {"account": name, "carrier": ""}.get(kind, owner)
            near.append(Near(whose, "calls" if kind == "account" else f"calls of {level.name}", calls, level.calls))
    return near


def _used(place: Admitted) -> str:
    calls = "-" if place.level.calls is None else place.level.calls
    starts = "-" if place.level.cps is None else place.level.cps
    return f"{place.calls}/{calls}, {place.starts}/{starts} a second"
