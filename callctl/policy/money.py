"""Is there money for the first seconds of the call, at every account that pays for it?

What is there is held until the call ends, so that calls at once never spend it twice; the switch is told to end the
call where it ends, unless somebody pays for more until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from callctl.case import Case, Ending
from callctl.errors import CallctlError
from callctl.model import Account, Step, failed, passed, skipped
from callctl.rating.purse import Purse, affords, cost, purses
from callctl.rating.rounding import shown
from callctl.rating.tariff import SECOND
from callctl.rating.window import opening
from callctl.reason import Reason
from callctl.world import Demand, Held, Near

ZERO = Decimal(0)


def check(case: Case) -> Step | None:
    """Holds the money; sets how long the call is paid for, and what ends it then. The last check: it is carried out."""
    if case.most is None:
        return None
    paying = purses(case.bases)
    demands = _demands(case, case.most, paying)
    if not demands:
        case.paid, case.ending = _paid(case, case.most, paying, {})
        return skipped("money", "money.free", seconds=case.paid)
    try:
        found = case.world.hold(case.request.call_uuid, demands)
    except CallctlError as error:
        return failed("money", Reason.MONEY_AWAY, "money.away", error=str(error))
    currencies = {purse.account: purse.currency for purse in paying}
    last = found[-1]
    if last.refused:
        return _refused(last, demands[len(found) - 1], currencies[last.account])
    case.paid, case.ending = _paid(case, case.most, paying, {held.account: held.granted for held in found})
    case.near += _near(case, demands, found)
    accounts = tuple(_told(held, currencies[held.account]) for held in found)
    return passed(
        "money", "money.last" if case.ending == "money" else "money.held",
        seconds=case.paid, most=case.most, accounts=accounts,
    )  # fmt: skip


def _demands(case: Case, most: int, paying: Sequence[Purse]) -> list[Demand]:
    """What each account is to hold; nothing is asked of one whom the first seconds cost nothing."""
    accounts = ((purse, case.directory.account(purse.account)) for purse in paying)
    demands = (_demand(case, most, purse, account) for purse, account in accounts if account is not None)
    return [demand for demand in demands if demand.want]


def _demand(case: Case, most: int, purse: Purse, account: Account) -> Demand:
    start_us = case.request.started_us
    # A call that ends within its grace costs nothing, and is of no use either.
    graces = (opening(basis.rates, start_us, ZoneInfo(basis.zone)).grace_seconds for basis in purse.bases)
    least = max(1, *graces)
    wanted = min(max(case.settings.money.slice, least), most)
    return Demand(
        account=purse.account,
        want=cost(purse, start_us, wanted),
        need=cost(purse, start_us, min(least, wanted)),
        credit=account.credit_limit,
        day=day(purse.zone, case.request.at_us),
        spend_per_day=account.spend_per_day,
    )


def day(zone: str, at_us: int) -> str:
    """The day that a moment is of in a time zone, as YYYY-MM-DD."""
    return datetime.fromtimestamp(at_us // SECOND, ZoneInfo(zone)).date().isoformat()


def _paid(case: Case, most: int, paying: Sequence[Purse], granted: dict[str, Decimal]) -> tuple[int, Ending]:
    """How long what is held lasts, and what ends the call then."""
    start_us = case.request.started_us
    paid = min(affords(purse, start_us, granted.get(purse.account, ZERO), most) for purse in paying)
    if paid >= most:
        return most, "time"
    return paid, "slice" if paid >= case.settings.money.slice else "money"


def _refused(held: Held, demand: Demand, currency: str) -> Step:
    others, need = shown(held.held), shown(demand.need)
    if held.refused == "day":
        return failed(
            "money", Reason.DAY_SPENT, "money.day", account=held.account, currency=currency, need=need, held=others,
            spent=shown(held.spent), most=shown(demand.spend_per_day or ZERO),
        )  # fmt: skip
    return failed(
        "money", Reason.NO_MONEY, "money.none", account=held.account, currency=currency, need=need, held=others,
        available=shown(held.available),
    )  # fmt: skip


def _told(held: Held, currency: str) -> str:
    """Granted of what is available, held by other calls, spent today, in no language."""
    return (
        f"{held.account} {shown(held.granted)}/{shown(held.available)} {currency}"
        f" ({shown(held.held)}, {shown(held.spent)})"
    )


def _near(case: Case, demands: Sequence[Demand], found: Sequence[Held]) -> list[Near]:
    """Where this call leaves little of the money, or of what may be spent a day."""
    part = Decimal(str(case.settings.money.warn_at))
    near = []
    for demand, held in zip(demands, found, strict=True):
        used = held.held + held.granted
        near.append(Near(held.account, "money", used, held.held + held.available))
        if demand.spend_per_day is not None:
            near.append(Near(held.account, "spend_per_day", held.spent + used, demand.spend_per_day))
    return [each for each in near if each.used >= part * each.of]
