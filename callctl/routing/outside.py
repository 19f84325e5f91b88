"""A number that is none of ours: may the account that dials it leave the platform, and by which carriers?"""

from __future__ import annotations

from dataclasses import replace

from callctl.case import Case, WayOut
from callctl.model import Step, failed, passed
from callctl.outside import Route, RouteEntry
from callctl.policy.account import barred
from callctl.reason import Reason
from callctl.routing.choice import LONGEST_PREFIX, entry_for


def leave(case: Case, number: str, account: str) -> Step | None:
    """Sets the way out, and the number called in international form.

    None where the account calls nobody outside, or the number is none that the world has.
    """
    dialling = case.directory.account(account)
    if dialling is None or not dialling.routes or case.hop or not (number.isascii() and number.isdecimal()):
        return None
    # The caller's own was looked at before.
    if (case.account is None or case.account.name != account) and (refused := barred(case, account)):
        return refused
    if case.target is None:
        case.kind, case.request = "pstn", replace(case.request, called=number)
    route = case.directory.route(dialling.routes)
    entry = entry_for(route, number, case.request.started_us) if route is not None else None
    if route is None or entry is None:
        return failed("destination", Reason.NO_ROUTE, "destination.no_route", number=number, route=dialling.routes)
    if not entry.carriers:
        prefix = entry.prefix or "*"
        return failed(
            "destination", Reason.NO_ROUTE, "destination.not_routed", number=number, route=route.name, prefix=prefix
        )
    case.out = WayOut(number, account, route, entry)
    return passed("destination", "destination.outside", number=number, account=account, route=route.name)


def emergency(case: Case, number: str) -> bool:
    """Sets the way out of an emergency call, at any hour; whether there is one."""
    route = case.directory.route(case.settings.calls.emergency_route)
    entry = route and (entry_for(route, number, case.request.started_us) or _at_any_hour(route, number))
    if route is None or not entry or not entry.carriers:
        return False
    case.out = WayOut(number, case.account.name if case.account else "", route, entry)
    return True


def _at_any_hour(route: Route, number: str) -> RouteEntry | None:
    """The first entry of the longest prefix, though none holds now."""
    found = (route.entries.get(number[:length]) for length in range(min(len(number), LONGEST_PREFIX), -1, -1))
    return next((entries[0] for entries in found if entries), None)
