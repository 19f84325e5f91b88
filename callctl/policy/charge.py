"""What does the call cost, at every account that pays for it, and is that more than one of them allows?"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from callctl.errors import ServiceAway
from callctl.model import Account, Case, Step, failed, passed, skipped
from callctl.policy.barring import dialled
from callctl.policy.duration import longest
from callctl.rating.basis import Basis, affords
from callctl.rating.price import per_minute
from callctl.rating.rounding import shown
from callctl.rating.tariff import NoRate, Rate, RateSet, Tariff
from callctl.rating.window import opening
from callctl.reason import Reason

PLENTY = Decimal(10**12)  # money enough for any call that a tariff does not cut off


class _Priced(NamedTuple):
    basis: Basis
    rate: Rate  # that holds when the call starts


def check(case: Case) -> Step | None:
    """Sets by what each account pays, and how long that lets the call last; None for calls of a kind that is free."""
    if case.kind not in case.settings.money.rated or case.account is None:
        return None
    payers = [account for account in case.directory.lineage(case.account.name) if account.tariff]
    if not payers:
        return skipped("charge", "charge.nobody", account=case.account.name)
    number = dialled(case)
    try:
        tariffs = case.world.rates(list(dict.fromkeys(account.tariff for account in payers)), number)
    except ServiceAway as error:
        return failed("charge", Reason.RATES_AWAY, "charge.away", error=str(error))
    levels: list[_Priced] = []
    for account in payers:
        priced = _priced(account, number, case.request.started_us, tariffs)
        if isinstance(priced, Step):
            return priced
        levels.append(priced)
    case.bases = tuple(priced.basis for priced in levels)
    case.most = min(affords(basis, case.request.started_us, PLENTY, longest(case)) for basis in case.bases)
    rates = tuple(f"{basis.account} {_told(basis.rates, rate)}" for basis, rate in levels)
    return passed("charge", "charge.rates", number=number, rates=rates)


def _priced(account: Account, number: str, at_us: int, tariffs: Mapping[str, Tariff]) -> Step | _Priced:
    """By what an account pays; the refusal where nothing says what, or where it is too much."""
    name, tariff = account.name, tariffs.get(account.tariff)
    if tariff is None:
        return failed("charge", Reason.NO_RATE, "charge.no_tariff", account=name, tariff=account.tariff)
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
    if affords(basis, at_us, PLENTY, 1) < 1:
        prefix = rate.prefix or "*"
        return failed(
            "charge", Reason.NO_RATE, "charge.cut_off", account=name, tariff=account.tariff, prefix=prefix
        )
    return _Priced(basis, rate)


def _told(rates: RateSet, rate: Rate) -> str:
    """Tariff, prefix, destination and price of a minute, in no language."""
    where = f"{rate.prefix or '*'} {rate.destination}".rstrip()
    return f"{rates.tariff.name} {where} {shown(per_minute(rates, rate))} {rates.tariff.currency}/min"
