"""Are there a free place and a free start for one more call, at the endpoint, its account and every parent?"""

from __future__ import annotations

from collections.abc import Sequence

from callctl.errors import ServiceAway
from callctl.model import NO_LIMITS, Admitted, Case, Level, Limits, Near, Step, failed, passed, skipped
from callctl.reason import Reason

REFUSALS = {
    "calls": (Reason.TOO_MANY_CALLS, "limits.calls"),
    "cps": (Reason.TOO_MANY_STARTS, "limits.cps"),
}


def check(case: Case) -> Step | None:
    """Takes the places; sets the levels that hold them, until the call ends, be it refused by a later check."""
    levels = _levels(case)
    if not levels:
        return None
    try:
        found = case.world.admit(case.request.call_uuid, levels)
    except ServiceAway as error:
        return skipped("limits", "limits.away", error=str(error))
    last = found[-1]
    if last.refused:
        reason, sentence = REFUSALS[last.refused]
        return failed("limits", reason, sentence, level=last.level.name, used=_used(last))
    case.levels = tuple(level.name for level in levels)
    case.near += _near(case, found)
    return passed("limits", "limits.free", used=tuple(f"{place.level.name} {_used(place)}" for place in found))


def _levels(case: Case) -> list[Level]:
    """Those that have a limit, the caller's own first."""
    named: list[tuple[str, Limits]] = []
    if case.endpoint is not None:
        named.append((f"endpoint {case.endpoint.name}", case.endpoint.limits))
        lineage = case.directory.lineage(case.endpoint.account)
        named += [(f"account {account.name}", account.limits) for account in lineage]
    return [Level(name, limits.calls, limits.cps) for name, limits in named if limits != NO_LIMITS]


def _near(case: Case, found: Sequence[Admitted]) -> list[Near]:
    """Where this call leaves few places."""
    owner = case.account.name if case.account is not None else ""
    near = []
    for level, _, calls, _ in found:
        kind, _, name = level.name.partition(" ")
        if level.calls is not None and calls >= case.settings.money.warn_at * level.calls:
            account, limit = (name, "calls") if kind == "account" else (owner, f"calls of {level.name}")
            near.append(Near(account, limit, calls, level.calls))
    return near


def _used(place: Admitted) -> str:
    calls = "-" if place.level.calls is None else place.level.calls
    starts = "-" if place.level.cps is None else place.level.cps
    return f"{place.calls}/{calls}, {place.starts}/{starts} a second"
