"""May the caller's account, and every account above it, call at all?"""

from __future__ import annotations

from callctl.case import Case
from callctl.model import Step, failed, passed, skipped
from callctl.reason import Reason


def check(case: Case) -> Step:
    """Sets the account that pays and whose rules hold."""
    if case.hop:
        return skipped("account", "account.hop")
    if case.emergency:
        return skipped("account", "account.emergency")
    name = payer(case)
    case.account = case.directory.account(name)
    return barred(case, name) or passed("account", "account.active", account=name)


def barred(case: Case, name: str) -> Step | None:
    """The refusal of calls that an account makes, or sends on to the outside."""
    lineage = case.directory.lineage(name)
    closed = next((account.name for account in lineage if not account.active), None)
    if not lineage or closed is not None:
        return failed("account", Reason.ACCOUNT_CLOSED, "account.closed", account=closed or name)
    held = next((account for account in lineage if account.held), None)
    if held is not None:
        return failed("account", Reason.ACCOUNT_HELD, "account.held", account=held.name, reference=held.held)
    return None


def payer(case: Case) -> str:
    """The name of the account that the call is of: its caller's, or that of the DID by which it comes in."""
    if case.endpoint is not None:
        return case.endpoint.account
    return case.did.account if case.did is not None else ""
