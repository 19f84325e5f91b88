"""What a phone says by a service code is kept: the last check, as it is an act."""

from __future__ import annotations

from callctl.case import Case
from callctl.errors import ServiceAway
from callctl.model import Step, failed, passed
from callctl.plan import Confirm
from callctl.reason import Reason


def check(case: Case) -> Step | None:
    """None for calls that are no service code."""
    if not isinstance(case.plan, Confirm) or case.endpoint is None:
        return None
    try:
        case.world.keep(case.endpoint.name, case.plan.wish)
    except ServiceAway as error:
        return failed("wishes", Reason.WISH_AWAY, "wishes.away", error=str(error))
    return passed("wishes", "wishes.kept", endpoint=case.endpoint.name)
