"""How does the media go, and is there a codec for each side?

Without transcoding both sides need one in common that the caller offers; with it the caller needs one of his own.
"""

from __future__ import annotations

from collections.abc import Sequence

from callctl.case import Case
from callctl.model import Endpoint, Step, failed, passed, skipped
from callctl.outside import NO_MEDIA, Carrier, Media
from callctl.plan import LegMedia
from callctl.policy.codecs import common, in_order
from callctl.policy.together import Together, together
from callctl.reason import Reason
from callctl.routing.sdp import encrypted, offered


def check(case: Case) -> Step:
    """Sets how the media goes, and the codecs of both sides; none are set where FreeSWITCH negotiates them.

    Those of a carrier's side are found with the carrier.
    """
    if case.hop or case.emergency:
        what = "a call sent on by a node" if case.hop else "emergency calls"
        return skipped("codecs", "codecs.off", what=what)
    near, far = near_side(case), far_side(case)
    if near.srtp == "demanded" and not secure(case):
        who = case.endpoint.name if case.endpoint else case.carrier.name if case.carrier else ""
        return failed("codecs", Reason.SRTP_MISSING, "codecs.no_srtp", endpoint=who)
    case.media = together(near, far, transcoding=not _checked(case))
    if case.media.transcoding and True not in {near.transcoding, far.transcoding}:
        what = f"account {case.account.name}" if case.account and not case.account.codec_check else f"{case.kind} calls"
        return skipped("codecs", "codecs.off", what=what)
    if case.media.path == "bypass":
        return skipped("codecs", "codecs.bypass")
    return _each(case) if case.request.sdp else skipped("codecs", "codecs.no_sdp")


def _each(case: Case) -> Step:
    """The codecs of both sides."""
    offer, own = offered(case.request.sdp), near_codecs(case)
    theirs = [_allowed(case, case.callee)] if case.callee is not None else []
    if case.media is not None and case.media.transcoding:
        return _transcoded(case, offer, own, theirs)
    allowed = common(own, theirs)
    orders = [(far_side(case), theirs[0] if theirs else ()), (near_side(case), own)]
    case.codecs = case.far_codecs = in_order(common(offer, [own, *theirs]), orders)
    if not case.codecs:
        return failed("codecs", Reason.NO_COMMON_CODEC, "codecs.none", offered=offer, allowed=allowed)
    return passed("codecs", "codecs.common", offered=offer, allowed=allowed, common=case.codecs)


def near_side(case: Case) -> Media:
    """The policy of the caller's side: of the carrier that brings the call, else of the endpoint."""
    return case.carrier.media if case.carrier is not None else _of_endpoint(case, case.endpoint)


def near_codecs(case: Case) -> tuple[str, ...]:
    """What the caller's side may use."""
    if case.carrier is not None and case.carrier.codecs:
        return case.carrier.codecs
    return _allowed(case, case.endpoint)


def towards(case: Case, carrier: Carrier) -> tuple[Together, tuple[str, ...], tuple[str, ...]] | None:
    """How the media goes to a carrier, and the codecs of the caller's side and of its; None where there is none."""
    near = near_side(case)
    media = together(near, carrier.media, transcoding=not _checked(case))
    if media.path == "bypass" or not case.request.sdp or case.emergency:
        return media, (), carrier.codecs
    if media.transcoding and True not in {near.transcoding, carrier.media.transcoding}:
        return media, (), carrier.codecs  # as FreeSWITCH negotiates
    offer, own = offered(case.request.sdp), near_codecs(case)
    if media.transcoding:
        mine = in_order(common(offer, [own]), [(near, own)])
        return (media, mine, carrier.codecs) if mine else None
    both = in_order(common(offer, [own, carrier.codecs]), [(carrier.media, carrier.codecs), (near, own)])
    return (media, both, both) if both else None


def _transcoded(case: Case, offer: Sequence[str], own: Sequence[str], theirs: Sequence[Sequence[str]]) -> Step:
    case.codecs = in_order(common(offer, [own]), [(near_side(case), own)])
    case.far_codecs = tuple(theirs[0]) if theirs else ()
    if not case.codecs:
        return failed("codecs", Reason.NO_COMMON_CODEC, "codecs.none", offered=offer, allowed=own)
    return passed("codecs", "codecs.each", offered=offer, near=case.codecs, far=case.far_codecs)


def _checked(case: Case) -> bool:
    """Whether both sides need a codec in common where neither says."""
    checked = case.kind in case.settings.calls.codec_check
    return checked and (case.account is None or case.account.codec_check)


def leg(case: Case, media: Together | None, side: Media, *, by_edge: bool) -> LegMedia:
    """What one side is told, or its edge; of an emergency call encryption is never demanded."""
    found = media or Together()
    srtp = "offered" if case.emergency and side.srtp == "demanded" else side.srtp
    return LegMedia(found.path, srtp, found.early_media, found.fax, side.relay is not False, by_edge)


def secure(case: Case) -> bool:
    """Whether the caller offers encrypted media: to the edge, which ends that, or to the switch."""
    return encrypted(case.request.sdp) or (case.by_edge and case.request.srtp)


def far_side(case: Case) -> Media:
    """The policy of the callee's side."""
    return _of_endpoint(case, case.callee)


def _of_endpoint(case: Case, endpoint: Endpoint | None) -> Media:
    """An endpoint's policy, over its account's."""
    account = case.directory.account(endpoint.account) if endpoint is not None else None
    if endpoint is None:
        return NO_MEDIA
    return endpoint.media.over(account.media) if account is not None else endpoint.media


def _allowed(case: Case, endpoint: Endpoint | None) -> tuple[str, ...]:
    """What an endpoint allows: its own list, else its account's, else the platform's."""
    if endpoint is not None and endpoint.codecs:
        return endpoint.codecs
    account = case.directory.account(endpoint.account) if endpoint is not None else None
    return (account.codecs if account is not None else ()) or case.settings.calls.codecs
