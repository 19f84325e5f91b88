"""What was dialled: a conference room, a service number, or a phone of ours."""

from __future__ import annotations

import re

from callctl.model import ROOM, Case, Echo, Step, failed, passed
from callctl.reason import Reason

ROOM_PREFIX = "conf_"
_ROOM = re.compile(ROOM)


def check(case: Case) -> Step:
    """Sets the kind of call, and the callee or the room."""
    called = case.request.called
    if not called:
        return failed("destination", Reason.REQUEST_UNUSABLE, "destination.unusable", called=case.request.called_raw)
    if called.startswith(ROOM_PREFIX):
        case.kind = "conference"
        return _room(case, called.removeprefix(ROOM_PREFIX))
    if called == case.settings.calls.echo_number:
        case.kind = "service"
        case.plan = Echo()
        return passed("destination", "destination.echo")
    case.kind = "onnet"
    return _phone(case, called)


def _room(case: Case, name: str) -> Step:
    """A declared room is its account's and of the accounts below it; any digits are a room of everybody."""
    declared = case.directory.room(name)
    if declared is None and not (name.isdecimal() and _ROOM.fullmatch(name)):
        return failed("destination", Reason.ROOM_INVALID, "destination.bad_room", called=f"{ROOM_PREFIX}{name}")
    if declared is not None and not case.hop:
        account = case.account.name if case.account else ""
        if all(above.name != declared.account for above in case.directory.lineage(account)):
            return failed(
                "destination", Reason.ROOM_NOT_ALLOWED, "destination.foreign_room", room=name, account=declared.account
            )
    case.room = name
    return passed("destination", "destination.room", room=name)


def _phone(case: Case, called: str) -> Step:
    account = case.account.name if case.account else ""
    domains = [case.request.domain]
    if case.endpoint and case.endpoint.domain and case.endpoint.domain not in domains:
        domains.append(case.endpoint.domain)
    case.callee = case.directory.endpoint_by_extension(account, called)
    if case.callee is not None and case.callee.user:
        return passed("destination", "destination.extension", called=called, account=account, callee=case.callee.name)
    for domain in domains:
        case.callee = case.directory.endpoint_by_aor(called, domain)
        if case.callee is not None:
            return passed("destination", "destination.user", callee=case.callee.name, account=case.callee.account)
    return failed(
        "destination",
        Reason.NUMBER_UNKNOWN,
        "destination.unknown",
        called=called,
        account=account,
        domains=tuple(domain for domain in domains if domain),
    )
