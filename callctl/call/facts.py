"""What happened to a call, as facts for its record: from the decision, and from the switch's events.

Every fact is a part of a row, keyed by the A-leg's UUID and start. Facts may come in any order, from the call's own
socket and from the node's feed, and any number of times: the rows they make are the same.
Times are microseconds since the epoch, FreeSWITCH's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from callctl.call import buying, charging, outcome
from callctl.call.request import printable
from callctl.case import Decision
from callctl.cdr.spool import OpenCall, Record
from callctl.esl.wire import Event
from callctl.language import say
from callctl.model import CallRequest
from callctl.plan import Bridge, CarrierLeg, Conference, Confirm, Direct, Echo, Outbound, Reject
from callctl.reason import BY_NAME, Reason
from callctl.routing.attempts import Failure

_CALLEES_DOING = frozenset((
    Reason.BUSY, Reason.CALLEE_REFUSED, Reason.CALLEE_CODEC, Reason.CALLEE_UNREACHABLE, Reason.CALLEE_FAILED,
))  # fmt: skip
_SWITCHS_DOING = frozenset((
    Reason.TIME_UP, Reason.MONEY_UP, Reason.NOT_EXTENDED, Reason.NO_ANSWER, Reason.CONTROLLER_LOST,
))  # fmt: skip
_CAUSES = {
    "ORIGINATOR_CANCEL": Reason.CALLER_GAVE_UP,
    "MANAGER_REQUEST": Reason.ENDED_BY_OPERATOR,
}
# What a way before may have left on the channel; it is not to count for the next.
FORGET = dict.fromkeys(
    (
        "callctl_levels", "callctl_endpoint", "callctl_basis", "callctl_paid", "callctl_most", "callctl_limit",
        "callctl_buy", "absolute_codec_string",
    ),
    "",
)  # fmt: skip
_TIMED_OUT = {"money": Reason.MONEY_UP, "slice": Reason.NOT_EXTENDED}  # by callctl_limit


def variables(request: CallRequest, decision: Decision, controller: str) -> dict[str, str]:
    """Channel variables that tell the feed what was decided, should this process not live to tell it."""
    known = {
        "callctl_controller": controller,
        "callctl_kind": decision.kind or "",
        "callctl_account": decision.account,
        "callctl_endpoint": decision.endpoint,
        "callctl_called": decision.called or request.called,
        "callctl_levels": ",".join(decision.levels),
        "callctl_emergency": "true" if decision.emergency else "",
    }
    if decision.bases:
        known |= {
            "callctl_basis": decision.basis,
            "callctl_paid": str(decision.paid_seconds),
            "callctl_most": str(decision.max_seconds),
            "callctl_limit": decision.ending,
        }
    return {name: value for name, value in known.items() if value}


def routed(request: CallRequest, decision: Decision, controller: str) -> list[Record]:
    """The facts known when a call is decided."""
    plan = decision.plan
    reason = plan.reason if isinstance(plan, Reject) else None
    fields = _call(
        request.call_uuid,
        request.started_us,
        state="routed",
        kind=decision.kind,
        node=request.node,
        controller=controller,
        account=decision.account,
        endpoint=decision.endpoint,
        caller=request.caller,
        called=decision.called or request.called or request.called_raw,
        called_original=request.called_raw,
        reason=reason.machine_name if reason else None,
        trace=trace(decision),
        source_ip=request.source_ip,
        sip_call_id=request.sip_call_id,
        basis=decision.basis,
        emergency=1 if decision.emergency else None,
    )
    data = summary(request, decision)
    story = event(
        request.call_uuid, request.started_us, request.sequence, request.at_us, "refused" if reason else "routed", data
    )
    return [Record("cdr", fields), story]


def summary(request: CallRequest, decision: Decision) -> dict[str, Any]:
    """What a live event says of a decision."""
    plan = decision.plan
    called = decision.called or request.called or request.called_raw
    data: dict[str, Any] = {"from": request.caller, "to": called, "kind": decision.kind}
    if decision.emergency:
        data["emergency"] = True
    if isinstance(plan, Reject):
        detail = say(decision.steps[-1].message, "en")
        data |= {"reason": plan.reason.machine_name, "sip": plan.reason.sip, "detail": detail}
    elif isinstance(plan, Bridge):
        data |= {"edges": [edge.edge for group in plan.groups for edge in group], "codecs": list(plan.codecs)}
    elif isinstance(plan, Outbound):
        data |= {"carriers": list(dict.fromkeys(leg.carrier for legs in plan.attempts for leg in legs))}
    elif isinstance(plan, Conference):
        data |= {"room": plan.room, "owner": plan.owner}
    return data


def trace(decision: Decision) -> dict[str, Any]:
    """Every step, in a form that any language can be made from later."""
    return {
        "outcome": outcome_name(decision),
        "emergency": decision.emergency,
        "max_seconds": decision.max_seconds,
        "paid_seconds": decision.paid_seconds,
        "codecs": list(decision.codecs),
        "targets": targets(decision),
        "steps": _steps(decision),
    }


def _steps(decision: Decision) -> list[dict[str, Any]]:
    return [
        {"check": step.check, "verdict": step.verdict, "key": step.message.key, "values": dict(step.message.values)}
        for step in decision.steps
    ]


def outcome_name(decision: Decision) -> str:
    """bridge, conference, service or reject."""
    plan = decision.plan
    if isinstance(plan, Conference):
        return "conference"
    return "reject" if isinstance(plan, Reject) else "service" if isinstance(plan, (Echo, Confirm)) else "bridge"


def targets(decision: Decision) -> list[str]:
    """Where the call goes, in the order tried."""
    plan = decision.plan
    if isinstance(plan, Bridge):
        return [f"{plan.user}@{plan.domain} via {edge.edge} {edge.address}" for group in plan.groups for edge in group]
    if isinstance(plan, Conference):
        return [f"room {plan.room} on {plan.owner}"]
    if isinstance(plan, Direct):
        return [f"{plan.user}@{plan.address}"]
    if isinstance(plan, Outbound):
        return [" & ".join(map(_at_carrier, legs)) for legs in plan.attempts]
    if isinstance(plan, Confirm):
        return [f"{plan.wish.word} {plan.wish.number}".rstrip()]
    return ["echo"] if isinstance(plan, Echo) else []


def _at_carrier(leg: CarrierLeg) -> str:
    by = f" via {leg.edge.edge} {leg.edge.address}" if leg.edge else ""
    return f"{leg.number}@{leg.gateway} of {leg.carrier}{by}"


def next_carrier(plan: Outbound, failure: Failure, full: Sequence[str], left: Outbound) -> dict[str, Any]:
    """What a call's story says where an attempt at carriers failed and the next is made; `full` were passed over."""
    data = {
        "failed": [_at_carrier(leg) for leg in plan.attempts[0]],
        "causes": sorted(failure.causes),
        "sip": failure.status or None,
        "seconds": round(failure.seconds, 1),
        "full": list(full),
        "next": [_at_carrier(leg) for leg in left.attempts[0]],
    }
    return {name: value for name, value in data.items() if value not in (None, [])}


def sent_on(decision: Decision, after: Reason) -> dict[str, Any]:
    """What a call's story says where it goes on to another destination."""
    return {"after": after.machine_name, "destination": decision.destination, "steps": _steps(decision)}


def answered(a_leg: Event) -> Record:
    """The A-leg's ANSWER."""
    return Record(
        "cdr",
        _call(
            a_leg.get("Unique-ID"),
            a_leg.number("Caller-Channel-Created-Time"),
            state="answered",
            node=a_leg.get("FreeSWITCH-Switchname"),
            answered_at=a_leg.number("Caller-Channel-Answered-Time") or a_leg.number("Event-Date-Timestamp"),
            basis=a_leg.variable("callctl_basis"),
            buy=buying.bought(a_leg),
        ),
    )


def ended(a_leg: Event) -> list[Record]:
    """The A-leg's HANGUP_COMPLETE: the call's last facts, and what it tells of each attempt."""
    call, started = a_leg.get("Unique-ID"), a_leg.number("Caller-Channel-Created-Time")
    answer = a_leg.number("Caller-Channel-Answered-Time")
    end = charging.ended_us(a_leg)
    ring = a_leg.number("Caller-Channel-Progress-Time") or a_leg.number("Caller-Channel-Progress-Media-Time")
    reason = end_reason(a_leg)
    tried = outcome.attempts(a_leg)
    fields = _call(
        call,
        started,
        state="final",
        kind=a_leg.variable("callctl_kind"),
        node=a_leg.get("FreeSWITCH-Switchname"),
        controller=a_leg.variable("callctl_controller"),
        account=a_leg.variable("callctl_account"),
        endpoint=a_leg.variable("callctl_endpoint"),
        caller=printable(a_leg.get("Caller-Caller-ID-Number")),
        called=a_leg.variable("callctl_called") or printable(a_leg.get("Caller-Destination-Number")),
        called_original=printable(a_leg.get("Caller-Destination-Number")),
        answered_at=answer or None,
        ended_at=end,
        ring_ms=((answer or end) - ring) // 1000 if ring else None,
        duration_ms=(end - answer) // 1000 if answer else 0,
        attempts=len(tried),
        codec_in=a_leg.variable("rtp_use_codec_name").upper(),
        sip_status=_sip_status(a_leg, answer, reason),
        q850=a_leg.number("variable_hangup_cause_q850") or None,
        hangup_cause=a_leg.get("Hangup-Cause"),
        hangup_by=_ended_by(a_leg, answer, reason),
        reason=reason.machine_name if reason else None,
        source_ip=printable(a_leg.variable("sip_network_ip")),
        sip_call_id=printable(a_leg.variable("sip_call_id"), 255),
        emergency=1 if a_leg.variable("callctl_emergency") else None,
        **charging.columns(charging.charges(a_leg), charging.cost(a_leg)),
    )
    legs = [
        Record("leg", _call(call, started, leg=number, leg_uuid=uuid, hangup_cause=None if cause == "NONE" else cause))
        for number, (uuid, cause) in enumerate(tried, 1)
    ]
    return [Record("cdr", fields), *legs]


def leg_ended(b_leg: Event) -> list[Record]:
    """A B-leg's HANGUP_COMPLETE; nothing for a leg of a call that is not ours."""
    call, started = b_leg.variable("originator"), b_leg.number("variable_callctl_started")
    uuid = b_leg.get("Unique-ID")
    if not (call and started and uuid):
        return []
    answer = b_leg.number("Caller-Channel-Answered-Time")
    ringing = b_leg.number("Caller-Channel-Progress-Time") or b_leg.number("Caller-Channel-Progress-Media-Time")
    status = _callee_status(b_leg)
    leg = _call(
        call,
        started,
        leg_uuid=uuid,
        carrier=printable(b_leg.variable("callctl_carrier"), 64),
        gateway=printable(b_leg.variable("callctl_gateway"), 128),
        number=printable(b_leg.variable("callctl_number"), 32),
        target=printable(b_leg.variable("callctl_edge") or b_leg.get("Caller-Destination-Number"), 255),
        dialed_at=b_leg.number("Caller-Channel-Created-Time"),
        ringing_at=ringing or None,
        answered_at=answer or None,
        ended_at=b_leg.number("Caller-Channel-Hangup-Time"),
        sip_status=200 if answer else status or None,
        hangup_cause=b_leg.get("Hangup-Cause"),
    )
    records = [Record("leg", leg)]
    if answer:
        codec = b_leg.variable("rtp_use_codec_name").upper()
        node = b_leg.get("FreeSWITCH-Switchname")
        talking = _call(call, started, state="answered", node=node, codec_out=codec, carrier=leg.get("carrier"))
        records.append(Record("cdr", talking))
    return records


def _callee_status(b_leg: Event) -> int:
    """What the callee's side answered; after a 302 that is not followed `sip_term_status` says 487 (observed)."""
    said = b_leg.variable("proto_specific_hangup_cause").removeprefix("sip:")
    if said.isascii() and said.isdecimal() and len(said) == 3:
        return int(said)
    return b_leg.number("variable_sip_term_status") or b_leg.number("variable_sip_invite_failure_status")


def unheard(call: OpenCall, seen_us: int) -> Record:
    """The end of a call that was gone when its switch could be heard again; `seen_us` is when that was found.

    One that costs is charged until it was last known to be up.
    """
    answered = call.state == "answered"
    charged = charging.unheard(call) if answered else ()
    talked = charging.known_us(call) // 1000 if charged else None
    reason = Reason.END_UNHEARD
    return Record(
        "cdr",
        _call(
            call.call_uuid,
            call.started_us,
            state="final",
            node=call.node,
            ended_at=seen_us,
            hangup_by="switch",
            reason=reason.machine_name,
            duration_ms=talked if answered else 0,
            **charging.columns(charged, charging.unheard_cost(call) if answered else None),
        ),
    )


def event(call: str, started_us: int, sequence: int, at_us: int, name: str, data: Mapping[str, Any]) -> Record:
    """A line of the call's story; `sequence` is the switch's own, so that what is heard twice is written once."""
    return Record("event", _call(call, started_us, seq=sequence, at=at_us, event=name, data=data))


def end_reason(a_leg: Event) -> Reason | None:
    """Why the call was not connected or was cut; None for one that was answered and hung up by its parties."""
    if named := BY_NAME.get(a_leg.variable("callctl_reason")):
        return named
    if cut := _cut_by(a_leg):
        return cut
    if a_leg.number("Caller-Channel-Answered-Time"):
        return None
    if a_leg.variable("originate_disposition"):
        return outcome.failure(a_leg)
    if a_leg.variable("sip_hangup_disposition") == "recv_cancel":
        return Reason.CALLER_GAVE_UP
    # The switch itself may refuse the caller's offer (observed, case i).
    by_switch = a_leg.get("Hangup-Cause") == Reason.NO_COMMON_CODEC.cause
    return Reason.NO_COMMON_CODEC if by_switch else Reason.CONTROLLER_LOST


def _cut_by(a_leg: Event) -> Reason | None:
    """What the cause itself tells; a call that the timer ended is told by what was to end it."""
    cause = a_leg.get("Hangup-Cause")
    if cause == Reason.TIME_UP.cause:
        return _TIMED_OUT.get(a_leg.variable("callctl_limit"), Reason.TIME_UP)
    return _CAUSES.get(cause)


def _call(call: str, started_us: int, **fields: Any) -> dict[str, Any]:
    """A part of a row: what is unknown is left out, so that it never overwrites what is known."""
    known = {name: value for name, value in fields.items() if value is not None and value != ""}
    return {"call_uuid": call, "started_at": started_us, **known}


def _sip_status(a_leg: Event, answer: int, reason: Reason | None) -> int | None:
    if answer:
        return 200
    return a_leg.number("variable_sip_term_status") or (reason.sip if reason else None)


def _ended_by(a_leg: Event, answer: int, reason: Reason | None) -> str:
    how = a_leg.variable("sip_hangup_disposition")
    if how.startswith("recv_"):
        return "caller"
    if reason is Reason.ENDED_BY_OPERATOR:
        return "controller"
    if reason in _CALLEES_DOING:
        return "callee"
    if reason in _SWITCHS_DOING:
        return "switch"
    if answer and a_leg.variable("last_bridge_hangup_cause"):
        return "callee"
    return "switch" if answer else "controller"
