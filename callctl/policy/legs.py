"""Who dialled which number: the legs of a call that somebody pays for, and whose bars hold."""

from __future__ import annotations

from typing import Literal, NamedTuple

from callctl.case import Case


class Leg(NamedTuple):
    """A part of a call: the account that makes or takes it, and the number by which it is rated."""

    account: str
    number: str
    way: Literal["in", "on", "out"] = "on"  # by a DID of the account, to a phone of ours, or to the outside


def legs(case: Case) -> list[Leg]:
    """Those of a kind that costs, the caller's first, then those of phones that send the call on."""
    if case.emergency:
        return []
    rated, out = case.settings.money.rated, case.out
    found = []
    if case.did is not None and "did" in rated:
        found.append(Leg(case.did.account, case.did.number, "in"))
    elif case.did is None and case.account is not None and case.kind in rated and case.kind != "pstn":
        found.append(Leg(case.account.name, dialled(case)))
    if "onnet" in rated:
        # The last who sends the call on may send it outside.
        inside = case.forwarders[:-1] if out is not None and case.by is not None else case.forwarders
        found += [Leg(forwarder.account, number.removeprefix("+")) for forwarder, number in inside]
    if out is not None and "pstn" in rated:
        found.append(Leg(out.account, out.number, "out"))
    return found


def dialled(case: Case) -> str:
    """The called number as prefixes are written: without a plus."""
    return case.request.called.removeprefix("+")
