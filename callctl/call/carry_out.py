"""Do what was decided, and follow the call on its own socket until it ends or is let go.

The time that is paid for is armed inside FreeSWITCH before the call is answered, so that a dead controller can never
mean free minutes. An answered bridge is let go when the node's feed hears its end: an open socket costs FreeSWITCH
more than the bridge does (measured).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

import structlog

from callctl.call import facts, media, outbound, outcome
from callctl.call.ringing import Ringing
from callctl.case import Decision
from callctl.errors import CommandFailed, DeadlineExceeded, Gone
from callctl.esl import command
from callctl.esl.session import Session, subscribe
from callctl.esl.wire import Event
from callctl.model import ANONYMOUS, CallRequest
from callctl.plan import Bridge, Conference, Confirm, Direct, LegMedia, Outbound, Reject
from callctl.reason import Reason
from callctl.settings import Settings

log = structlog.get_logger()

EVENTS = ("CHANNEL_ANSWER", "CHANNEL_BRIDGE", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP_COMPLETE")
BRIDGE_ID = "callctl-bridge"
CORE_RING_TIMEOUT = 10  # seconds for another node of the core to take a conference caller


def carry_out(
    decision: Decision,
    request: CallRequest,
    session: Session,
    settings: Settings,
    controller: str,
    may_let_go: Callable[[], bool],
    again: Callable[[Event], Decision | Reason] = outcome.failure,
    connected: Callable[[str], Mapping[str, str]] = lambda leg: {},
) -> Event | None:
    """The A-leg's HANGUP_COMPLETE; None when the call was let go, or its socket ended first.

    `again` is asked, with the event of each bridge that failed, what else to do, or why the call is refused;
    `connected`, with the UUID of the leg that answered, which variables change by that. Raises UnsafeText when what was
    decided cannot be said to FreeSWITCH, Gone when the socket ended before it was.
    """
    known = facts.variables(request, decision, controller)
    # One write: each costs a system call here and wakes FreeSWITCH's listener there.
    session.write(*take_over(session.uuid), *commands(decision, request, settings, known))

    def go_on(failed: Event) -> Decision | None:
        other = again(failed)
        if isinstance(other, Reason):
            session.write(*_refuse(session.uuid, other, {}))
            return None
        known = facts.FORGET | facts.variables(request, other, controller)
        session.write(*commands(other, request, settings, known))
        return other

    def answered(leg: str) -> None:
        if changed := connected(leg):
            # It may have ended meanwhile; and whoever talks goes on talking, though its socket ended or says nothing.
            with suppress(CommandFailed, DeadlineExceeded, Gone):
                session.send(f"api {command.setting(session.uuid, changed)}")  # it is to be set before a call is let go

    return _follow(session, decision, settings, may_let_go, go_on, answered)


def take_over(call: str) -> tuple[bytes, ...]:
    """Cancel the dialplan's guard against a silent controller, and ask for the events that control needs."""
    return command.line(f"api sched_del {command.uuid(call)}"), *subscribe(call, EVENTS)


def commands(
    decision: Decision, request: CallRequest, settings: Settings, known: dict[str, str]
) -> tuple[bytes, ...]:
    """What FreeSWITCH is told to do. Raises UnsafeText."""
    call, plan = request.call_uuid, decision.plan
    if isinstance(plan, Reject):
        return _refuse(call, plan.reason, known)
    known |= {"execute_on_answer_callctl": f"sched_hangup +{decision.paid_seconds + 1} ALLOTTED_TIMEOUT"}
    codecs = outbound.near_codecs(plan) if isinstance(plan, Outbound) else decision.codecs
    if codecs:
        known["absolute_codec_string"] = command.codec_list(codecs)
    started = {"callctl_started": str(request.started_us)}
    if decision.account:
        started["callctl_account"] = decision.account
    if isinstance(plan, (Bridge, Direct, Outbound)):
        known |= _common() | _caller_id(request, decision) | media.of_caller(_near(decision))
        if isinstance(plan, Outbound):
            known |= outbound.known(plan, call)
        return command.set_variables(call, known), _bridge(plan, call, _profile(request, settings), started)
    if isinstance(plan, Conference):
        return _conference(plan, request, settings, decision, known, started)
    answered = command.set_variables(call, known), command.execute("answer")
    if isinstance(plan, Confirm):
        return *answered, command.execute("playback", command.DONE), command.hangup("NORMAL_CLEARING")
    return *answered, command.execute("echo")


def _near(decision: Decision) -> LegMedia:
    """How the media of the caller's side goes; with carriers, as it does with those that are called now."""
    if isinstance(decision.plan, Outbound):
        return outbound.near_media(decision.plan, decision.media)
    return decision.media


def _bridge(plan: Bridge | Direct | Outbound, call: str, profile: str, started: dict[str, str]) -> bytes:
    """The last thing told."""
    if isinstance(plan, Outbound):
        return outbound.bridge(plan, call, profile, started, BRIDGE_ID)
    if isinstance(plan, Bridge):
        return command.bridge(command.dial_string(plan, profile, started | media.of_callee(plan.media)), BRIDGE_ID)
    legs = {
        "callctl_edge": plan.address,
        "outbound_redirect_fatal": "true",
        "originate_timeout": str(plan.ring_timeout),
        "ignore_early_media": "false" if plan.media.early_media else "true",
    }
    legs |= media.of_callee(plan.media)
    dialled = command.direct_dial_string(plan.user, plan.address, profile, plan.codecs, started | legs)
    return command.bridge(dialled, BRIDGE_ID)


def _refuse(call: str, reason: Reason, known: dict[str, str]) -> tuple[bytes, ...]:
    refusal = command.respond(reason.response) if reason.response else command.hangup(reason.cause)
    return command.set_variables(call, known | {"callctl_reason": reason.machine_name}), refusal


def _common() -> dict[str, str]:
    """What every bridge wants; without sip_ignore_remote_cause the caller is given the callee's answer, not ours."""
    return {
        "hangup_after_bridge": "true",
        "continue_on_fail": "true",
        "sip_copy_custom_headers": "false",
        "sip_ignore_remote_cause": "true",
    }


def _caller_id(request: CallRequest, decision: Decision) -> dict[str, str]:
    """Who the callee sees calling; each only where there is something to show."""
    name = "Anonymous" if decision.caller_id == ANONYMOUS else request.caller_name
    shown = {"effective_caller_id_number": decision.caller_id, "effective_caller_id_name": name}
    return {name: value for name, value in shown.items() if value}


def _conference(
    plan: Conference,
    request: CallRequest,
    settings: Settings,
    decision: Decision,
    known: dict[str, str],
    started: dict[str, str],
) -> tuple[bytes, ...]:
    """Enter the room here, or be bridged to the node that holds it. The variables are a contract with the edges."""
    call = request.call_uuid
    exported = {
        "sip_h_X-MEDIATRA": "1",
        "effective_caller_id_number": call,
        "effective_caller_id_name": call,
        "common_uuid": call,
        "caller_callid": call,
    }
    known |= exported | _common() | {
        "export_vars": ",".join(exported),
        "bypass_media": "false",
        "proxy_media": "true" if settings.calls.proxy_media else "false",
        "sip_h_X-FROMURI": call,
        "call_timeout": "30",
        "media_mix_inbound_outbound_codecs": "true",
    }
    if plan.hop:
        known["callctl_hop"] = plan.hop
    if plan.max_members is not None:
        known["conference_max_members"] = str(plan.max_members)
    set_up = command.set_variables(call, known)
    if plan.owner_sip:
        legs = started | {"sip_h_X-Callctl-Hop": call, "callctl_edge": plan.owner}
        legs |= {"originate_timeout": str(CORE_RING_TIMEOUT)}
        dialled = command.direct_dial_string(
            f"conf_{plan.room}", plan.owner_sip, _profile(request, settings), decision.codecs, legs
        )
        return set_up, command.bridge(dialled, BRIDGE_ID)
    room = command.conference(f"{plan.room}-{plan.owner}", plan.profile, plan.pin)
    return set_up, command.execute("answer"), command.execute("conference", room), command.hangup("NORMAL_CLEARING")


def _profile(request: CallRequest, settings: Settings) -> str:
    """The SIP profile of the node the call is on."""
    return next((node.profile for node in settings.nodes if node.name == request.node), "internal")


def _follow(
    session: Session,
    decision: Decision,
    settings: Settings,
    may_let_go: Callable[[], bool],
    go_on: Callable[[Event], Decision | None],
    answered: Callable[[str], None],
) -> Event | None:
    ringing = Ringing(decision, settings)
    refused = False
    bridged = ""  # to which leg
    while True:
        try:
            event = session.next_event(ringing.patience())
        except CommandFailed as error:
            # A caller who hung up meanwhile leaves no channel to command; its last event is on the way.
            if "No such channel" not in error.reply and not refused:
                refused = True
                log.error("command refused", error=str(error), mend="socket must be called with async full")
                session.write(*_refuse(session.uuid, Reason.CONTROLLER_FAULT, {}))
            continue
        if event is None and not session.lost and ringing.early:
            with suppress(Gone):  # the call may live on: what it holds stays held
                session.write(ringing.give_up())
            continue
        if event is None or event.name == "CHANNEL_HANGUP_COMPLETE":
            return event
        ringing.hear(event)
        # With early media the bridge comes before the answer (observed).
        if event.name == "CHANNEL_BRIDGE":
            bridged = event.get("Other-Leg-Unique-ID")
        if event.get("Answer-State") == "answered":
            if bridged:
                answered(bridged)
            session.may_go = may_let_go
            if bridged and may_let_go():
                return None
        if _bridge_failed(event) and (other := go_on(event)):
            ringing, bridged = Ringing(other, settings), ""


def _bridge_failed(event: Event) -> bool:
    """Whether our bridge is over without an answer, and the caller is still there to be told.

    `originate_disposition` does not tell: a callee who sent early media and then refused leaves SUCCESS (observed).
    """
    return (
        event.name == "CHANNEL_EXECUTE_COMPLETE"
        and event.get("Application-UUID") == BRIDGE_ID
        and event.get("Answer-State") not in ("answered", "hangup")
    )
