"""What was dialled: a conference room, a service number, or a phone of ours."""

from __future__ import annotations

import re

from callctl.model import Case, Echo, Step, failed, passed
from callctl.reason import Reason

ROOM_PREFIX = "conf_"
_ROOM = re.compile(r"conf_([0-9]{1,32})")


def check(case: Case) -> Step:
    """Sets the kind of call, and the callee or the room."""
    called = case.request.called
    if not called:
        return failed("destination", Reason.REQUEST_UNUSABLE, "destination.unusable", called=case.request.called_raw)
    if called.startswith(ROOM_PREFIX):
        case.kind = "conference"
        room = _ROOM.fullmatch(called)
        if room is None:
            return failed("destination", Reason.ROOM_INVALID, "destination.bad_room", called=called)
        case.room = room[1]
        return passed("destination", "destination.room", room=case.room)
    if called == case.settings.calls.echo_number:
        case.kind = "service"
        case.plan = Echo()
        return passed("destination", "destination.echo")
    case.kind = "onnet"
    return _phone(case, called)


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
