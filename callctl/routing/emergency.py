"""Where calls to emergency numbers go: to every gateway of the plan that is theirs, one after the other."""

from __future__ import annotations

from random import Random

from callctl.case import Case
from callctl.outside import Route, RouteEntry
from callctl.routing.choice import LONGEST_PREFIX, Candidate, choose, entry_for, gateways


def ways(case: Case, number: str) -> list[str]:
    """The gateways in the order to try, each as CARRIER/HOST:PORT."""
    route = case.directory.route(case.settings.calls.emergency_route)
    entry = route and (entry_for(route, number, case.request.started_us) or _at_any_hour(route, number))
    if not entry:
        return []
    chance = Random(case.request.call_uuid)  # noqa: S311  a call decided anew is decided the same
    carriers = ((case.directory.carrier(name), weight) for name, weight in entry.carriers)
    candidates = [Candidate(carrier, weight) for carrier, weight in carriers if carrier is not None]
    chosen = choose(entry, candidates, None, chance).order
    return [
        f"{candidate.carrier.name}/{gateway.address}"
        for candidate in chosen
        for gateway in gateways(candidate.carrier, chance)
    ]


def _at_any_hour(route: Route, number: str) -> RouteEntry | None:
    """The first entry of the longest prefix, though none holds now."""
    found = (route.entries.get(number[:length]) for length in range(min(len(number), LONGEST_PREFIX), -1, -1))
    return next((entries[0] for entries in found if entries), None)
