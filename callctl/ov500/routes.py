"""OV500's dialplans as plans of routes; an account with several of them by prefix gets a plan of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Any, Literal, NamedTuple

from callctl.ov500.made import Made
from callctl.ov500.source import Row, Source, text, whole
from callctl.ov500.windows import Window, cuts, schedule, window

_PREFIX = re.compile(r"[0-9*#]{0,20}")
_CAUSE = re.compile(r"[1-6][0-9]{2}|[A-Z_]{3,64}")
_USUAL = (
    "408", "500", "501", "502", "503", "504", "NORMAL_TEMPORARY_FAILURE", "NETWORK_OUT_OF_ORDER", "GATEWAY_DOWN",
    "RECOVERY_ON_TIMER_EXPIRE", "NO_ROUTE_DESTINATION",
)  # fmt: skip
_MOST = 1000  # of a share


class Line(NamedTuple):
    """A carrier for a prefix."""

    carrier: str
    priority: int
    share: int
    active: bool
    window: Window


class Chosen(NamedTuple):
    """What a prefix's lines come to while they are open."""

    choose: Literal["priority", "share"]
    carriers: tuple[tuple[str, int], ...]
    mixed: bool


Plan = dict[str, list[tuple[dict[str, Any], Chosen]]]
_NONE = Chosen("priority", (), False)
_UNROUTED: list[tuple[dict[str, Any], Chosen]] = [({}, _NONE)]


class Routes:
    """All dialplans, put in; and what accounts make of them."""

    def __init__(self, source: Source, made: Made, timezone: str) -> None:
        self._made = made
        self._more = {} if timezone == "UTC" else {"timezone": timezone}
        self._plans: dict[str, Plan] = {}
        self._on: dict[str, list[str]] = {}
        self._own: dict[str, list[tuple[str, str]]] = {}
        self._allowed: dict[str, set[str]] = {}
        lines = source.rows("dialplan_prefix_list")
        for row in source.rows("dialplan"):
            plan = text(row, "dialplan_id")
            self._plans[plan] = self._plan(plan, [line for line in lines if text(line, "dialplan_id") == plan])
            self._on[plan] = self._next_on(plan, text(row, "failover_sipcause_list"))
            name = made.name("route", plan)
            self._put(name, self._plans[plan], self._on[plan], text(row, "dialplan_name"))
        for row in source.rows("customer_dialplan"):
            self._of_account(row)
        for row in source.rows("reseller_dialplan"):
            self._allowed.setdefault(text(row, "account_id"), set()).add(text(row, "dialplan_id"))

    def of(self, account: str, lineage: list[str]) -> str | None:
        """The route plan of an account; what a reseller above may not use is not routed."""
        own: list[tuple[str, str]] = []
        for prefix, plan in self._own.get(account, ()):
            usable = all(plan in self._allowed.get(above, ()) for above in lineage[1:])
            if not usable:
                self._made.notes.add("route.reseller", f"account {account}: {plan}")
            own.append((prefix, plan if usable else ""))
        if not any(plan for _, plan in own):
            return None
        if len(own) == 1 and not own[0][0]:
            return self._there(self._made.name("route", own[0][1]))
        name = self._made.name("route", f"{account}-routes")
        causes = list(dict.fromkeys(cause for _, plan in own for cause in self._on.get(plan, ())))
        self._put(name, self._joined(dict(own)), causes, account)
        return self._there(name)

    def _there(self, name: str) -> str | None:
        return None if self._made.get("routes", name) is None else name

    def _of_account(self, row: Row) -> None:
        account, plan = text(row, "account_id"), text(row, "dialplan_id")
        matching = text(row, "maching_string")
        prefix = matching.removesuffix("%")
        if plan not in self._plans or not _PREFIX.fullmatch(prefix) or not matching.endswith("%"):
            self._made.notes.add("route.unknown", f"account {account}: {matching} {plan}")
            return
        if text(row, "remove_string") not in ("", "%"):
            self._made.notes.add("route.strip", f"account {account}: {text(row, 'remove_string')}|{prefix}% → {plan}")
        self._own.setdefault(account, []).append((prefix, plan))

    def _plan(self, plan: str, rows: Iterable[Row]) -> Plan:
        by_prefix: dict[str, list[Line]] = {}
        for row in rows:
            prefix = text(row, "dial_prefix").removesuffix("%").removeprefix("+")
            carrier, open_at = text(row, "carrier_id"), window(row)
            about = f"dialplan {plan}: {text(row, 'dial_prefix')} {carrier}"
            if open_at is None:
                self._made.notes.add("tariff.never", about)
                continue
            name = self._made.name("carrier", carrier)
            if not _PREFIX.fullmatch(prefix) or self._made.get("carriers", name) is None:
                self._made.notes.add("route.unknown", about)
                continue
            share = min(max(whole(row, "load_share") or 0, 0), _MOST)
            line = Line(name, whole(row, "priority") or 0, share, text(row, "route_status") == "1", open_at)
            by_prefix.setdefault(prefix, []).append(line)
        borders = cuts(line.window for lines in by_prefix.values() for line in lines)
        found: Plan = {}
        for prefix in sorted(by_prefix):
            found[prefix], _ = schedule(borders, partial(_open, by_prefix, prefix))
            if any(chosen.mixed for _, chosen in found[prefix]):
                self._made.notes.add("route.mixed", f"dialplan {plan}: {prefix or '-'}")
        return found

    def _joined(self, own: dict[str, str]) -> Plan:
        """One plan of several, each for the numbers that its prefix is the longest of."""
        found: Plan = {}
        for mine, plan_name in own.items():
            plan = self._plans.get(plan_name, {})
            heads = [prefix for prefix in plan if mine.startswith(prefix)]
            found[mine] = plan[max(heads, key=len)] if heads else _UNROUTED
            for prefix, entries in plan.items():
                longest = max((each for each in own if prefix.startswith(each)), key=len, default=None)
                if longest == mine:
                    found[prefix] = entries
        return found

    def _put(self, name: str, plan: Plan, causes: list[str], comment: str) -> None:
        entries = [
            _entry(prefix, when, chosen)
            for prefix, through_the_week in sorted((plan or {"": _UNROUTED}).items())
            for when, chosen in through_the_week
        ]
        body = {"name": name, **self._more, **({"next_on": causes} if causes else {}), "entries": entries}
        self._made.add("routes", body, comment)

    def _next_on(self, plan: str, written: str) -> list[str]:
        """Its own causes, behind the usual ones; none where it has none."""
        own = [cause for each in written.split(",") if _CAUSE.fullmatch(cause := each.strip())]
        if not own:
            return []
        self._made.notes.add("route.next_on", f"dialplan {plan}")
        return list(dict.fromkeys([*_USUAL, *own]))


def _open(by_prefix: dict[str, list[Line]], prefix: str, day: int, second: int) -> Chosen:
    """What OV500 routes by: the lines of the longest prefix that has any that are open, those that are on."""
    for length in range(len(prefix), -1, -1):
        lines = [line for line in by_prefix.get(prefix[:length], ()) if line.window.holds(day, second)]
        if lines:
            return _chosen([line for line in lines if line.active])
    return _NONE


def _chosen(lines: list[Line]) -> Chosen:
    once = {line.carrier: line for line in reversed(lines)}
    ordered = sorted(once.values(), key=lambda line: (line.priority, -line.share))
    carriers = tuple((line.carrier, line.share) for line in ordered)
    priorities = {line.priority for line in ordered}
    if len(ordered) > 1 and len(priorities) == 1:
        return Chosen("share", carriers, False)
    return Chosen("priority", carriers, len(priorities) < len(ordered))


def _entry(prefix: str, when: dict[str, Any], chosen: Chosen) -> dict[str, Any]:
    shared = chosen.choose == "share"
    carriers: list[Any] = [{"name": name, "weight": share} if shared else name for name, share in chosen.carriers]
    body: dict[str, Any] = {"prefix": prefix, "carriers": carriers}
    if shared:
        body["choose"] = "share"
    return body | ({"when": when} if when else {})
