"""Where the call goes: a conference room, a service number, a phone of ours, or where a DID or a phone sends it."""

from __future__ import annotations

import re

from callctl.case import Case
from callctl.model import ROOM, Endpoint, Step, failed, passed
from callctl.outside import Target
from callctl.plan import Confirm, Echo
from callctl.reason import Reason
from callctl.routing import onward, outside
from callctl.routing.codes import wish
from callctl.routing.did import normal, usable
from callctl.settings import split_address

ROOM_PREFIX = "conf_"
_ROOM = re.compile(ROOM)
# The sentences of what a phone says by a service code, and takes back.
_WISHES = {
    "always": ("wish.always", "wish.no_always"),
    "busy": ("wish.busy", "wish.no_busy"),
    "no_answer": ("wish.no_answer", "wish.no_no_answer"),
    "not_registered": ("wish.not_registered", "wish.no_not_registered"),
    "dnd": ("wish.dnd", "wish.no_dnd"),
}


def check(case: Case) -> Step | None:
    """Sets the kind of call, and the callee, the room, the URI or the way out; or where the callee sends the call on.

    None for emergency calls, which have theirs.
    """
    if case.emergency:
        return None
    if not case.request.called:
        return failed("destination", Reason.REQUEST_UNUSABLE, "destination.unusable", called=case.request.called_raw)
    step = _dialled(case) if case.target is None else _led(case, case.target)
    return step if case.callee is None or step.reason is not None else _as_it_wishes(case, case.callee, step)


def _dialled(case: Case) -> Step:
    called = case.request.called
    if called.startswith(ROOM_PREFIX):
        case.kind = "conference"
        return _room(case, called.removeprefix(ROOM_PREFIX))
    if called == case.settings.calls.echo_number:
        case.kind = "service"
        case.plan = Echo()
        return passed("destination", "destination.echo")
    if (said := wish(called)) and case.endpoint is not None and case.endpoint.user:
        case.kind = "service"
        case.plan = Confirm(said)
        key = _WISHES[said.word][not said.number]
        return passed("destination", key, endpoint=case.endpoint.name, number=said.number)
    case.kind = "onnet"
    domain = case.endpoint.domain if case.endpoint else ""
    return _number(case, called, case.account.name if case.account else "", [case.request.domain, domain])


def _led(case: Case, target: Target) -> Step:
    """Where a DID or a phone leads."""
    account, domain = case.dids[-1].account if case.dids else "", ""
    if case.by is not None:
        account, domain = case.by.account, case.by.domain
    match target.kind:
        case "endpoint":
            return _endpoint(case, target.value, account)
        case "room":
            return _entered(case, target.value)
        case "uri":
            return _uri(case, target.value)
        case "number":
            return _number(case, target.value, account, [domain])


def _room(case: Case, name: str) -> Step:
    """A declared room is its account's and of the accounts below it; any digits are a room of everybody."""
    declared = case.directory.room(name)
    if declared is not None and not case.hop:
        account = case.account.name if case.account else ""
        if all(above.name != declared.account for above in case.directory.lineage(account)):
            return failed(
                "destination", Reason.ROOM_NOT_ALLOWED, "destination.foreign_room", room=name, account=declared.account
            )
    return _entered(case, name)


def _entered(case: Case, name: str) -> Step:
    if case.directory.room(name) is None and not (name.isdecimal() and _ROOM.fullmatch(name)):
        return failed("destination", Reason.ROOM_INVALID, "destination.bad_room", called=f"{ROOM_PREFIX}{name}")
    case.room = name
    return passed("destination", "destination.room", room=name)


def _uri(case: Case, uri: str) -> Step:
    """A SIP URI outside, at a host that the platform's settings allow."""
    host, colon, port = uri.rpartition("@")[2].partition(":")
    address = f"{host.lower()}:{port if colon else 5060}"
    if address not in {f"{known.lower()}:{at}" for known, at in map(split_address, case.settings.calls.uri_hosts)}:
        return failed("destination", Reason.URI_NOT_ALLOWED, "destination.bad_uri", uri=uri, address=address)
    case.uri = f"{uri.removeprefix('sip:').partition('@')[0]}@{address}"
    return passed("destination", "destination.uri", uri=case.uri)


def _endpoint(case: Case, name: str, account: str) -> Step:
    """A phone, as user@domain, or as a user or an extension of the account."""
    user, at, domain = name.rpartition("@")
    if at:
        case.callee = case.directory.endpoint_by_aor(user, domain)
    else:
        by_user = case.directory.endpoint_by_user(account, name)
        case.callee = by_user or case.directory.endpoint_by_extension(account, name)
    if case.callee is None:
        return _unknown(name, account, (domain,))
    return passed("destination", "destination.user", callee=case.callee.name, account=case.callee.account)


def _number(case: Case, called: str, account: str, domains: list[str]) -> Step:
    """A number as somebody of an account dials it: an extension, a user of the domains, a DID, one outside."""
    named = tuple(dict.fromkeys(domain for domain in domains if domain))
    case.callee = case.directory.endpoint_by_extension(account, called)
    if case.callee is not None and case.callee.user:
        return passed("destination", "destination.extension", called=called, account=account, callee=case.callee.name)
    for domain in named:
        case.callee = case.directory.endpoint_by_aor(called, domain)
        if case.callee is not None:
            return passed("destination", "destination.user", callee=case.callee.name, account=case.callee.account)
    number = normal(called)
    return _own_did(case, number) or outside.leave(case, number, account) or _unknown(called, account, named)


def _own_did(case: Case, number: str) -> Step | None:
    """A DID of ours that is called from inside leads where it leads, and not outside."""
    did = case.directory.did(number)
    if did is None:
        return None
    if refused := usable(case, did):
        return refused
    if did in case.dids:
        return failed("destination", Reason.FORWARD_LOOP, "destination.loop", name=f"DID {number}")
    onward.lead(case, did)
    return passed("destination", "destination.did", number=number, account=did.account)


def _unknown(called: str, account: str, domains: tuple[str, ...]) -> Step:
    return failed(
        "destination", Reason.NUMBER_UNKNOWN, "destination.unknown", called=called, account=account, domains=domains
    )


def _as_it_wishes(case: Case, callee: Endpoint, step: Step) -> Step:
    """What the callee has said of all its calls: they go elsewhere, or nobody is to disturb it."""
    if any(forwarder.name == callee.name for forwarder, _ in case.forwarders):
        return failed("destination", Reason.FORWARD_LOOP, "destination.loop", name=callee.name)
    if callee.forward.always:
        onward.forward(case, callee.forward.always)
        return passed("destination", "destination.always", callee=callee.name, number=callee.forward.always)
    if callee.dnd:
        return failed("destination", Reason.DO_NOT_DISTURB, "destination.dnd", callee=callee.name)
    return step

