"""What the carrier of a call costs us: by the basis of each leg that is dialled, which the A-leg carries with it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple

import structlog

from callctl.call.outcome import attempts
from callctl.errors import CallctlError
from callctl.esl.wire import Event
from callctl.plan import Buy
from callctl.rating.basis import Charge, charge, pack, unpack

log = structlog.get_logger()

_MICRO = Decimal("0.000001")


class Cost(NamedTuple):
    """What a carrier charges, and that without tax in the currency in which the call is paid for; None: not known."""

    charge: Charge
    amount: Decimal | None


def variable(buys: Mapping[str, Buy]) -> str:
    """By what each leg costs, by its UUID, as a text for a channel variable; empty for none."""
    return ",".join(f"{uuid}:{buy.worth}/{buy.paid_worth}:{pack([buy.basis])}" for uuid, buy in buys.items())


def bought(a_leg: Event) -> str:
    """Of what the A-leg carries that of the leg which answered, if any; all of it where that is not known."""
    said = a_leg.variable("callctl_buy")
    answered = [uuid for uuid, cause in attempts(a_leg) if cause == "NONE"]
    if not answered:
        return said
    return next((each for each in said.split(",") if each.partition(":")[0] == answered[-1]), "")


def cost(call: str, text: str, answered_us: int, duration_us: int, decided_us: int) -> Cost | None:
    """What the carrier of a call that was answered costs by such a text; None for one that costs nobody knows what."""
    if not text:
        return None
    try:
        _, worths, packed = text.split(",", maxsplit=1)[0].split(":")
        worth, paid_worth = map(Decimal, worths.split("/"))
        (basis,) = unpack(packed)
        charged = charge(basis, answered_us, max(0, duration_us), decided_us, "buy")
    except (ValueError, InvalidOperation, CallctlError) as error:
        log.error("what a call's carrier costs cannot be said", call=call, error=str(error))
        return None
    if not (worth and paid_worth):
        return Cost(charged, None)
    return Cost(charged, (charged.price * worth / paid_worth).quantize(_MICRO, ROUND_HALF_UP))
