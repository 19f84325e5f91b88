"""May the caller's account, and every account above it, call this number at all?"""

from __future__ import annotations

from collections.abc import Iterable

from callctl.model import Account, Case, Step, failed, passed
from callctl.reason import Reason


def check(case: Case) -> Step | None:
    """Concerns the kinds of calls that cost; None for all others, and where nobody bars anything."""
    if case.kind not in case.settings.money.rated or case.account is None:
        return None
    number = dialled(case)
    lineage = case.directory.lineage(case.account.name)
    for account in lineage:
        if step := _barred(case, account, number):
            return step
    prefixes = sum(len(account.blocked) + len(account.allowed) for account in lineage)
    if not prefixes and not case.settings.money.premium:
        return None
    return passed("barring", "barring.free", number=number, accounts=tuple(account.name for account in lineage))


def dialled(case: Case) -> str:
    """The called number as prefixes are written: without a plus."""
    return case.request.called.removeprefix("+")


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
