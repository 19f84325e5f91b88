"""A call that a carrier brings: to which of our numbers is it, and may it come in?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from callctl.case import Case
from callctl.model import Step, failed, passed
from callctl.outside import Carrier, Did
from callctl.reason import Reason
from callctl.routing.numbers import rewrite


def check(case: Case) -> Step | None:
    """Sets the DID of a call from a carrier, whose account then pays; None for all other calls."""
    if not case.carriers:
        return None
    if not case.request.called:
        return failed("did", Reason.REQUEST_UNUSABLE, "destination.unusable", called=case.request.called_raw)
    case.kind = "did"
    case.carrier, number, did = _found(case, case.carriers)
    if did is None:
        return failed("did", Reason.DID_UNKNOWN, "did.unknown", number=number, carrier=case.carrier.name)
    caller = rewrite(did.numbers.caller, rewrite(case.carrier.incoming.caller, case.request.caller).number).number
    case.request = replace(case.request, called=rewrite(did.numbers.called, number).number, caller=caller)
    case.did = did
    if refused := usable(case, did):
        return refused
    if did.carrier not in ("", case.carrier.name):
        return failed(
            "did", Reason.DID_CARRIER, "did.carrier", number=number, carrier=case.carrier.name, own=did.carrier
        )
    case.dids, case.target, case.left = (did,), did.to[0], did.to[1:]
    return passed("did", "did.found", number=number, carrier=case.carrier.name, account=did.account)


def is_ours(case: Case, carriers: Sequence[Carrier]) -> bool:
    """Whether the number called is a DID, as one of the carriers writes numbers."""
    return _found(case, carriers)[2] is not None


def usable(case: Case, did: Did) -> Step | None:
    """The refusal of calls to a DID, whoever calls it."""
    if not did.active:
        return failed("did", Reason.DID_BLOCKED, "did.blocked", number=did.number)
    if did.expires_us is not None and did.expires_us <= case.request.started_us:
        return failed("did", Reason.DID_EXPIRED, "did.expired", number=did.number)
    return None


def normal(number: str) -> str:
    """The digits of a number in international form, which has + or 00 in front."""
    return number.removeprefix("+") if number.startswith("+") else number.removeprefix("00")


def _found(case: Case, carriers: Sequence[Carrier]) -> tuple[Carrier, str, Did | None]:
    """The carrier, the number as its rules make it, and its DID; where several share an address, whose DID it is."""
    found = []
    for carrier in carriers:
        number = normal(rewrite(carrier.incoming.called, case.request.called).number)
        found.append((carrier, number, case.directory.did(number)))
    own = (each for each in found if each[2] is not None and each[2].carrier in ("", each[0].name))
    known = (each for each in found if each[2] is not None)
    return next(own, None) or next(known, found[0])
