"""What does the call cost, at every account that pays for it, and is that more than one of them allows?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

from callctl.case import Case, WayOut
from callctl.errors import ServiceAway
from callctl.model import Account, Step, failed, passed, skipped
from callctl.policy.duration import longest
from callctl.policy.legs import Leg, legs
from callctl.rating.basis import Basis, lasts
from callctl.rating.price import per_minute
from callctl.rating.rounding import shown
from callctl.rating.tariff import NoRate, Rate, RateSet, Tariff
from callctl.rating.window import opening
from callctl.reason import Reason


class _Priced(NamedTuple):
    basis: Basis
    rate: Rate  # that holds when the call starts


def check(case: Case) -> Step | None:
    """Sets by what each account pays, and how long that lets the call last; None for calls of a kind that is free."""
    found = legs(case)
    if case.out is not None and all(leg.way != "out" for leg in found):
        case.buying = costs(case, case.out)
    if not found:
        return None
    levels: list[_Priced] = []
    for leg in found:
        priced = _leg(case, leg)
        if isinstance(priced, Step):
            return priced
        levels += priced
    if not levels:
        return skipped("charge", "charge.nobody", account=found[0].account)
    case.bases = tuple(priced.basis for priced in levels)
    case.most = min(lasts(basis, case.request.started_us, longest(case)) for basis in case.bases)
    rates = tuple(f"{basis.account} {_told(basis.rates, rate)}" for basis, rate in levels)
    return passed("charge", "charge.rates", number=", ".join(leg.number for leg in found), rates=rates)


def _leg(case: Case, leg: Leg) -> Step | list[_Priced]:
    """By what each account pays for a leg; the refusal where one has no price for it, or too high a one."""
    payers = [account for account in case.directory.lineage(leg.account) if _tariff(case, leg, account)]
    names = [_tariff(case, leg, account) for account in payers]
    buying = _buying(case, case.out) if case.out is not None and leg.way == "out" else []
    wanted = list(dict.fromkeys([*names, *buying]))
    try:
        # What the carriers cost is asked for with it: each question to MySQL takes its time.
        tariffs = case.world.rates(wanted, leg.number) if wanted else {}
    except ServiceAway as error:
        if not payers:
            return []
        return failed("charge", Reason.RATES_AWAY, "charge.away", error=str(error))
    if leg.way == "out":
        case.buying = {name: tariffs[name] for name in buying if name in tariffs}
    levels: list[_Priced] = []
    for account, name in zip(payers, names, strict=True):
        priced = _priced(account, name, leg.number, case.request.started_us, tariffs)
        if isinstance(priced, Step):
            return priced
        levels.append(priced)
    if leg.way == "out":
        case.sell = tuple(each.basis for each in levels)
    return levels


def _buying(case: Case, out: WayOut) -> list[str]:
    """The tariffs of the carriers that a call may go out by."""
    carriers = (case.directory.carrier(name) for name, _ in out.entry.carriers)
    return list(dict.fromkeys(carrier.tariff for carrier in carriers if carrier is not None and carrier.tariff))


def costs(case: Case, out: WayOut) -> Mapping[str, Tariff]:
    """Those tariffs, where nobody pays for the way out, as of an emergency; none where they cannot be had."""
    names = _buying(case, out)
    try:
        return case.world.rates(names, out.number) if names else {}
    except ServiceAway:
        return {}


def _tariff(case: Case, leg: Leg, account: Account) -> str:
    """By which an account pays for a leg; "" where it does not."""
    if leg.way != "in":
        return account.tariff
    own = case.did.tariff if case.did is not None and account.name == case.did.account else ""
    return own or account.tariff_in


def _priced(account: Account, by: str, number: str, at_us: int, tariffs: Mapping[str, Tariff]) -> Step | _Priced:
    """By what an account pays; the refusal where nothing says what, or where it is too much."""
    name, tariff = account.name, tariffs.get(by)
    if tariff is None:
        return failed("charge", Reason.NO_RATE, "charge.no_tariff", account=name, tariff=by)
    try:
        rates = tariff.find(number, at_us)
        rate = opening(rates, at_us, ZoneInfo(account.timezone))
    except NoRate as error:
        return failed("charge", Reason.NO_RATE, "charge.no_rate", account=name, number=number, error=str(error))
    most = account.price_per_minute
    if most is not None and per_minute(rates, rate) > most:
        most_said = f"{shown(most)} {tariff.currency}"
        return failed(
            "charge", Reason.TOO_DEAR, "charge.dear", account=name, rate=_told(rates, rate), most=most_said
        )
    basis = Basis(name, account.timezone, rates)
    if lasts(basis, at_us, 1) < 1:
        prefix = rate.prefix or "*"
        return failed(
            "charge", Reason.NO_RATE, "charge.cut_off", account=name, tariff=by, prefix=prefix
        )
    return _Priced(basis, rate)


def _told(rates: RateSet, rate: Rate) -> str:
    """Tariff, prefix, destination and price of a minute, in no language."""
    where = f"{rate.prefix or '*'} {rate.destination}".rstrip()
    return f"{rates.tariff.name} {where} {shown(per_minute(rates, rate))} {rates.tariff.currency}/min"
