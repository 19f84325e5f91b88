"""Who dialled which number: the legs of a call that somebody pays for, and whose bars hold."""

from __future__ import annotations

from typing import NamedTuple

from callctl.case import Case


class Leg(NamedTuple):
    """A part of a call: the account that makes or takes it, and the number by which it is rated."""

    account: str
    number: str
    incoming: bool = False  # it comes in by a DID of the account


def legs(case: Case) -> list[Leg]:
    """Those of a kind that costs, the caller's first, then those of phones that send the call on."""
    if case.emergency:
        return []
    rated = case.settings.money.rated
    found = []
    if case.account is not None and case.kind in rated:
        number = case.did.number if case.did is not None else dialled(case)
        found.append(Leg(case.account.name, number, incoming=case.did is not None))
    if "onnet" in rated:
        found += [Leg(forwarder.account, number.removeprefix("+")) for forwarder, number in case.forwarders]
    return found


def dialled(case: Case) -> str:
    """The called number as prefixes are written: without a plus."""
    return case.request.called.removeprefix("+")
