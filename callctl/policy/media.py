"""Is there a codec that the caller offers and everybody concerned allows?"""

from __future__ import annotations

from callctl.case import Case
from callctl.model import Endpoint, Step, failed, passed, skipped
from callctl.policy.codecs import common
from callctl.reason import Reason
from callctl.routing.sdp import offered


def check(case: Case) -> Step:
    """Sets the codecs both legs may use; none are set where the check is off, and FreeSWITCH then negotiates."""
    if case.hop or case.emergency:
        what = "a call sent on by a node" if case.hop else "emergency calls"
        return skipped("codecs", "codecs.off", what=what)
    if case.kind not in case.settings.calls.codec_check:
        return skipped("codecs", "codecs.off", what=f"{case.kind} calls")
    if case.account is not None and not case.account.codec_check:
        return skipped("codecs", "codecs.off", what=f"account {case.account.name}")
    if not case.request.sdp:
        return skipped("codecs", "codecs.no_sdp")
    offer = offered(case.request.sdp)
    lists = [_allowed(case, case.endpoint)]
    if case.carrier is not None and case.carrier.codecs:
        lists = [case.carrier.codecs]
    if case.callee is not None:
        lists.append(_allowed(case, case.callee))
    case.codecs = common(offer, lists)
    allowed = common(lists[0], lists[1:])
    if not case.codecs:
        return failed("codecs", Reason.NO_COMMON_CODEC, "codecs.none", offered=offer, allowed=allowed)
    return passed("codecs", "codecs.common", offered=offer, allowed=allowed, common=case.codecs)


def _allowed(case: Case, endpoint: Endpoint | None) -> tuple[str, ...]:
    """What an endpoint allows: its own list, else its account's, else the platform's."""
    if endpoint is not None and endpoint.codecs:
        return endpoint.codecs
    account = case.directory.account(endpoint.account) if endpoint is not None else None
    return (account.codecs if account is not None else ()) or case.settings.calls.codecs
