"""What an ended call costs those who pay for it: by the basis that it carries, whoever hears its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import structlog

from callctl.admission.money import release, settle
from callctl.admission.rebuild import Owed
from callctl.cdr.spool import OpenCall
from callctl.errors import CallctlError
from callctl.esl.wire import Event
from callctl.policy.money import day
from callctl.rating.basis import Basis, Charge, charge, unpack
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
    duration, paid = ended_us(a_leg) - answer, a_leg.number("variable_callctl_paid") * SECOND
    if 0 < paid < duration <= paid + TIMER_LATE:
        duration = paid
    return _charges(_bases(a_leg), answer, duration, a_leg.number("Caller-Channel-Created-Time"))


def unheard(call: OpenCall) -> tuple[Charge, ...]:
    """What an answered call whose end nobody heard comes to: it is charged until it was last known to be up."""
    bases = _unpacked(call.call_uuid, call.basis)
    return _charges(bases, call.answered_us or call.seen_us, known_us(call), call.started_us)


def known_us(call: OpenCall) -> int:
    """How long an answered call is known to have lasted."""
    return max(0, call.seen_us - call.answered_us) if call.answered_us else 0


def columns(charged: Sequence[Charge]) -> dict[str, Any]:
    """Charges as they are recorded. The columns of the call itself are those of the first."""
    if not charged:
        return {}
    rows = [{**each._asdict(), "amount": f"{each.amount:f}", "tax": f"{each.tax:f}"} for each in charged]
    first = {name: rows[0][name] for name in ("tariff", "prefix", "destination", "billed_seconds", "tax", "currency")}
    return {**first, "price": f"{charged[0].price:f}", "charges": rows}


def settled(pipe: Any, settings: Redis, a_leg: Event) -> None:
    """Tell Redis, on a pipeline, what a call that ended owes each account; it holds nothing there any more."""
    call, owed = a_leg.get("Unique-ID"), {each.account: each.amount for each in charges(a_leg)}
    for basis in _bases(a_leg):
        amount = owed.get(basis.account)
        if amount is None:
            release(pipe, settings, call, basis.account)
        else:
            settle(pipe, settings, call, basis.account, amount, day(basis.zone, ended_us(a_leg)))


def owed(fields: Mapping[str, Any], zone: Callable[[str], str]) -> list[Owed]:
    """What an ended call owes, by its final record; `zone` is an account's time zone."""
    call, end = fields["call_uuid"], fields.get("ended_at", 0)
    return [
        Owed(call, each["account"], Decimal(each["amount"]), day(zone(each["account"]), end))
        for each in fields.get("charges", ())
    ]


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
