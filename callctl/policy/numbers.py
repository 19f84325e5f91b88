"""The numbers as the caller's side rewrites them: its endpoint's rules, then its account's, on called and caller."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from callctl.case import Case
from callctl.model import Step, passed
from callctl.outside import NO_REWRITING, Rewriting, Rules
from callctl.routing.destination import ROOM_PREFIX
from callctl.routing.numbers import rewrite

Owned = tuple[str, Rewriting]  # whose rules they are, and the rules


def check(case: Case) -> Step | None:
    """Sets the numbers that the call goes on with; None where no rules are given. Rooms and service codes stay."""
    owned = [each for each in _owned(case) if each[1] != NO_REWRITING]
    request = case.request
    if case.emergency or not owned or not request.called or request.called.startswith((ROOM_PREFIX, "*", "#")):
        return None
    called, said_called = follow(request.called, ((owner, rules.called) for owner, rules in owned))
    caller, said_caller = follow(request.caller, ((owner, rules.caller) for owner, rules in owned))
    case.request = replace(request, called=called, caller=caller)
    said = (*said_called, *said_caller)
    if not said:
        return passed("numbers", "numbers.as_they_are", called=called, caller=caller)
    return passed("numbers", "numbers.rewritten", made=said)


def _owned(case: Case) -> Iterable[Owned]:
    """Rules of the caller's side, the nearest first."""
    if case.endpoint is not None:
        yield f"endpoint {case.endpoint.name}", case.endpoint.numbers
        if case.account is not None:
            yield f"account {case.account.name}", case.account.numbers


def follow(number: str, owned: Iterable[tuple[str, Rules]]) -> tuple[str, tuple[str, ...]]:
    """The number as all rules make it one after the other, and what each made of it, in no language."""
    said = []
    for owner, rules in owned:
        if not number:
            break
        made = rewrite(rules, number)
        if made.rule:
            said.append(f"{number} → {made.number} ({owner} #{made.rule})")
            number = made.number
    return number, tuple(said)
