"""What an ended call costs those who pay for it: by the basis that it carries, whoever hears its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import structlog

from callctl.admission.money import release, settle
from callctl.admission.rebuild import Owed
from callctl.call import buying
from callctl.call.buying import Cost
from callctl.cdr.spool import OpenCall
from callctl.errors import CallctlError
from callctl.esl.wire import Event
from callctl.policy.money import day
from callctl.rating.basis import Basis, Charge, charge, unpack
from callctl.rating.purse import purses
from callctl.rating.tariff import SECOND
from callctl.settings import Redis

log = structlog.get_logger()

TIMER_LATE = 2 * SECOND  # microseconds; FreeSWITCH counts whole seconds, and is told one more than is paid for


def ended_us(a_leg: Event) -> int:
    """When the switch says that a call ended."""
    return a_leg.number("Caller-Channel-Hangup-Time") or a_leg.number("Event-Date-Timestamp")


def costs(a_leg: Event) -> bool:
    """Whether somebody is to pay for a call."""
    return bool(a_leg.variable("callctl_basis"))


def charges(a_leg: Event) -> tuple[Charge, ...]:
    """What the A-leg's HANGUP_COMPLETE comes to at each account that pays, the caller's first.

    Nothing where nobody does, or nobody answered. Nobody is charged for the switch's timer being late.
    """
    answer = a_leg.number("Caller-Channel-Answered-Time")
    if not answer:
        return ()
    return _charges(_bases(a_leg), answer, _lasted(a_leg), a_leg.number("Caller-Channel-Created-Time"))


def _lasted(a_leg: Event) -> int:
    """How long an answered call lasted, in microseconds; the switch's timer being late does not count."""
    duration = ended_us(a_leg) - a_leg.number("Caller-Channel-Answered-Time")
    paid = a_leg.number("variable_callctl_paid") * SECOND
    return paid if 0 < paid < duration <= paid + TIMER_LATE else duration


def unheard(call: OpenCall) -> tuple[Charge, ...]:
    """What an answered call whose end nobody heard comes to: it is charged until it was last known to be up."""
    bases = _unpacked(call.call_uuid, call.basis)
    return _charges(bases, call.answered_us or call.seen_us, known_us(call), call.started_us)


def known_us(call: OpenCall) -> int:
    """How long an answered call is known to have lasted."""
    return max(0, call.seen_us - call.answered_us) if call.answered_us else 0


def cost(a_leg: Event) -> Cost | None:
    """What the carrier of an answered call costs, from its A-leg's HANGUP_COMPLETE."""
    answer, call = a_leg.number("Caller-Channel-Answered-Time"), a_leg.get("Unique-ID")
    if not answer:
        return None
    return buying.cost(call, buying.bought(a_leg), answer, _lasted(a_leg), a_leg.number("Caller-Channel-Created-Time"))


def unheard_cost(call: OpenCall) -> Cost | None:
    """What the carrier of an answered call costs whose end nobody heard, until it was last known to be up."""
    return buying.cost(call.call_uuid, call.buy, call.answered_us or call.seen_us, known_us(call), call.started_us)


def columns(charged: Sequence[Charge], cost: Cost | None) -> dict[str, Any]:
    """Charges as they are recorded. The columns of the call itself are of the first who pays, for all its legs."""
    if not charged and cost is None:
        return {}
    rows = [_row(each) for each in (*charged, *([cost.charge] if cost else ()))]
    found: dict[str, Any] = {"charges": rows}
    if charged:
        own = [each for each in charged if each.account == charged[0].account]
        found |= {name: rows[0][name] for name in ("tariff", "prefix", "destination", "billed_seconds", "currency")}
        found |= {"price": f"{sum(each.price for each in own):f}", "tax": f"{sum(each.tax for each in own):f}"}
    if cost is not None:
        found |= {"carrier": cost.charge.account, **_cost(cost, paid=bool(charged))}
    return found


def _cost(cost: Cost, paid: bool) -> dict[str, Any]:
    """In the currency in which the call is paid for; in the carrier's where nobody pays."""
    if not paid:
        return {"cost": f"{cost.charge.price:f}", "currency": cost.charge.currency}
    return {} if cost.amount is None else {"cost": f"{cost.amount:f}"}


def _row(charge: Charge) -> dict[str, Any]:
    return {**charge._asdict(), "amount": f"{charge.amount:f}", "tax": f"{charge.tax:f}"}


def _sums(charged: Iterable[Charge]) -> dict[str, Decimal]:
    """What each account owes."""
    found: dict[str, Decimal] = {}
    for each in charged:
        found[each.account] = found.get(each.account, Decimal(0)) + each.amount
    return found


def settled(pipe: Any, settings: Redis, a_leg: Event) -> None:
    """Tell Redis, on a pipeline, what a call that ended owes each account; it holds nothing there any more."""
    call, owed = a_leg.get("Unique-ID"), _sums(charges(a_leg))
    for purse in purses(_bases(a_leg)):
        amount = owed.get(purse.account)
        if amount is None:
            release(pipe, settings, call, purse.account)
        else:
            settle(pipe, settings, call, purse.account, amount, day(purse.zone, ended_us(a_leg)))


def owed(fields: Mapping[str, Any], zone: Callable[[str], str]) -> list[Owed]:
    """What an ended call owes, by its final record; `zone` is an account's time zone."""
    call, end = fields["call_uuid"], fields.get("ended_at", 0)
    found: dict[str, Decimal] = {}
    for each in fields.get("charges", ()):
        if each["side"] == "sell":
            found[each["account"]] = found.get(each["account"], Decimal(0)) + Decimal(each["amount"])
    return [Owed(call, account, amount, day(zone(account), end)) for account, amount in found.items()]


def _bases(a_leg: Event) -> tuple[Basis, ...]:
    return _unpacked(a_leg.get("Unique-ID"), a_leg.variable("callctl_basis"))


def _unpacked(call: str, packed: str) -> tuple[Basis, ...]:
    try:
        return unpack(packed) if packed else ()
    except ValueError as error:
        log.error("call cannot be charged: charge it by hand", call=call, error=str(error))
        return ()


def _charges(bases: Sequence[Basis], answered_us: int, duration_us: int, decided_us: int) -> tuple[Charge, ...]:
    try:
        return tuple(charge(basis, answered_us, max(0, duration_us), decided_us) for basis in bases)
    except CallctlError as error:
        accounts = [basis.account for basis in bases]
        log.error("call cannot be charged: charge it by hand", accounts=accounts, error=str(error))
        return ()
