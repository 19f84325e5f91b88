"""May the account that dials a number, or sends a call on to it, and every account above that, call it at all?"""

from __future__ import annotations

from collections.abc import Iterable

from callctl.case import Case
from callctl.model import Account, Step, failed, passed
from callctl.policy.legs import Leg, legs
from callctl.reason import Reason


def check(case: Case) -> Step | None:
    """Concerns the kinds of calls that cost; None for all others, and where nobody bars anything."""
    step = None
    for leg in legs(case):
        if leg.way != "in":
            step = _leg(case, leg)
        if step is not None and step.reason is not None:
            return step
    return step


def _leg(case: Case, leg: Leg) -> Step | None:
    lineage = case.directory.lineage(leg.account)
    for account in lineage:
        if step := _barred(case, account, leg.number):
            return step
    prefixes = sum(len(account.blocked) + len(account.allowed) for account in lineage)
    if not prefixes and not case.settings.money.premium:
        return None
    return passed("barring", "barring.free", number=leg.number, accounts=tuple(account.name for account in lineage))


def _barred(case: Case, account: Account, number: str) -> Step | None:
    blocked = _longest(account.blocked, number)
    if blocked is not None:
        return failed(
            "barring", Reason.NUMBER_BLOCKED, "barring.blocked", number=number, prefix=blocked, account=account.name
        )
    if account.allowed and _longest(account.allowed, number) is None:
        return failed(
            "barring", Reason.NUMBER_NOT_ALLOWED, "barring.not_allowed",
            number=number, account=account.name, prefixes=account.allowed,
        )  # fmt: skip
    premium = None if account.premium else _longest(case.settings.money.premium, number)
    if premium is not None:
        return failed(
            "barring", Reason.PREMIUM_BARRED, "barring.premium", number=number, prefix=premium, account=account.name
        )
    return None


def _longest(prefixes: Iterable[str], number: str) -> str | None:
    return max((prefix for prefix in prefixes if number.startswith(prefix)), key=len, default=None)
