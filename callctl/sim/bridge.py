"""The `bridge` application: dials B-legs, joins one to the caller, and says what became of it as FreeSWITCH does."""

from __future__ import annotations

import gevent

from callctl.sim import blocks, callers
from callctl.sim.attempt import Attempt
from callctl.sim.call import Call, application
from callctl.sim.dialstring import Originate, Target, parse
from callctl.sim.leg import now_us

_DIALSTATUS = {
    "ORIGINATOR_CANCEL": "CANCEL", "USER_BUSY": "BUSY", "NO_ANSWER": "NOANSWER", "CALL_REJECTED": "DONTCALL",
    "DESTINATION_OUT_OF_ORDER": "INVALIDARGS",
}  # fmt: skip
_ALWAYS_CONTINUE = ("NO_ANSWER", "NO_USER_RESPONSE", "ORIGINATOR_CANCEL")
DEFAULT_TIMEOUT = 60


@application("bridge")
def bridge(call: Call, argument: str) -> None:
    """Dial, join, and wait for the end of either side."""
    variables = call.leg.variables
    variables.set("originate_disposition", "failure")
    variables.set("DIALSTATUS", "INVALIDARGS")
    if call.leg.times.answered:
        call.leg.call("RING_WAIT")
    answered = _originate(call, argument)
    if answered is None:
        if call.leg.times.answered and not call.leg.down:
            call.leg.call("ACTIVE")
        _failed(call)
    else:
        _join(call, answered)


def _originate(call: Call, argument: str) -> Attempt | None:
    """Each originate's groups in turn, until a leg answers."""
    originates = parse(argument)
    longest = max(len(originate.groups) for originate in originates)
    for at in range(longest):
        waiting: list[tuple[Originate, Target | None]] = []
        for originate in originates:
            if at < len(originate.groups):
                waiting += [(originate, target) for target in originate.groups[at]]
        answered = _group(call, waiting)
        if answered is not None or call.leg.down:
            return answered
    return None


def _group(call: Call, targets: list[tuple[Originate, Target | None]]) -> Attempt | None:
    attempts = [
        Attempt(call, target, {**originate.variables, **target.variables})
        for originate, target in targets
        if target is not None
    ]
    for attempt in attempts:
        attempt.dial()
    timeouts = [_timeout(call, originate) for originate, _ in targets]
    call.wait(lambda: _settled(call, attempts), call.node.whole_seconds(max(timeouts)))
    answered = next((attempt for attempt in attempts if attempt.answered or attempt.early), None)
    if answered is None:
        cause = "ORIGINATOR_CANCEL" if call.leg.down else "NO_ANSWER"
        _give_up(call, attempts, cause)
        return None
    _give_up(call, [attempt for attempt in attempts if attempt is not answered], "LOSE_RACE")
    return answered


def _timeout(call: Call, originate: Originate) -> int:
    text = originate.variables.get("originate_timeout") or call.leg.variables.get("call_timeout")
    return int(text) if text.isdecimal() else DEFAULT_TIMEOUT


def _settled(call: Call, attempts: list[Attempt]) -> bool:
    """One answered or all failed. The first ring is passed on to the caller on the way."""
    heard = next((attempt for attempt in attempts if attempt.rang or attempt.early or attempt.answered), None)
    if heard is not None:
        call.leg.profile["callee_name"], call.leg.profile["callee_number"] = "Outbound Call", heard.target.user
    if any(attempt.rang for attempt in attempts) and not call.leg.times.progress:
        call.leg.times.progress = now_us()
        if not call.leg.times.answered:
            call.leg.variables.set("sip_to_tag", call.node.tag())
            call.leg.ringing()
            call.set_up()
    connected = any(attempt.answered or attempt.early for attempt in attempts)
    return connected or all(attempt.leg.down for attempt in attempts)


def _give_up(call: Call, attempts: list[Attempt], cause: str) -> None:
    """End what still rings, and write down how each attempt ended."""
    variables = call.leg.variables
    first = ""
    for attempt in attempts:
        attempt.cancel(cause)
        variables.push("originate_causes", f"{attempt.leg.uuid};{attempt.leg.cause}")
        if attempt.leg.cause != "LOSE_RACE":
            first = first or attempt.leg.cause
    if cause == "LOSE_RACE":
        return
    if call.leg.down:
        first = "ORIGINATOR_CANCEL"
    elif first == "NO_ANSWER":
        variables.set("last_bridge_hangup_cause", first)
    _dispose(call, first or "DESTINATION_OUT_OF_ORDER")


def _dispose(call: Call, cause: str) -> None:
    call.leg.variables.set("originate_disposition", cause)
    call.leg.variables.set("DIALSTATUS", _DIALSTATUS.get(cause, cause))


def _failed(call: Call) -> None:
    """Nobody answered: the caller stays, if the cause is one to continue on, else gets it."""
    variables = call.leg.variables
    if variables.get("originate_disposition") == "ALLOTTED_TIMEOUT":  # the last leg's own time-out
        _dispose(call, "NO_ANSWER")
    cause = variables.get("originate_disposition")
    variables.set("originate_failed_cause", cause)
    wanted = variables.get("continue_on_fail")
    names = wanted.upper().split(",")
    stays = wanted == "true" or cause in names or str(blocks.q850(cause)) in names
    if not wanted:
        stays = cause in _ALWAYS_CONTINUE
    if not stays:
        call.hang_up(cause)


def _join(call: Call, attempt: Attempt) -> None:
    """Both legs talk until one ends."""
    leg, peer = call.leg, attempt.leg
    ids = (("Bridge-A-Unique-ID", leg.uuid), ("Bridge-B-Unique-ID", peer.uuid))
    joined = callers.answer(call) if attempt.answered else callers.pre_answer(call)
    if not joined:
        attempt.cancel("INCOMPATIBLE_DESTINATION")
        return
    _mark_bridged(call, attempt)
    leg.other = peer
    call.bridged = True
    if attempt.answered and leg.call_state != "ACTIVE":
        leg.call("ACTIVE")
    leg.fire("CHANNEL_BRIDGE", before=ids)
    peer.enter("CS_EXCHANGE_MEDIA")
    call.node.later(0.02, _update, call, attempt)
    call.wait(lambda: peer.down or attempt.answered)  # while there is early media
    if attempt.answered and not leg.down and callers.answer(call):
        attempt.talk()
        call.talking.set()
        call.wait(lambda: peer.down)
    call.bridged = False
    _part(call, attempt, ids)


def _mark_bridged(call: Call, attempt: Attempt) -> None:
    leg, peer = call.leg, attempt.leg
    leg.times.bridged = peer.times.bridged = now_us()
    leg.times.progress = leg.times.progress or peer.times.progress
    variables = leg.variables
    variables.set("switch_m_sdp", peer.variables.get("switch_r_sdp"))
    variables.set("video_media_flow", "inactive")
    variables.set("text_media_flow", "inactive")
    variables.set("sip_cseq", "1")
    variables.set("sip_to_tag", variables.get("sip_to_tag") or call.node.tag())
    variables.set("originate_disposition", "SUCCESS")
    variables.set("DIALSTATUS", "SUCCESS")
    variables.push("originate_causes", f"{peer.uuid};NONE")
    variables.remove("originate_signal_bond")
    variables.set("signal_bond", peer.uuid)


def _update(call: Call, attempt: Attempt) -> None:
    leg, peer = call.leg, attempt.leg
    if leg.down or peer.down:
        return
    for one, two in ((peer, leg), (leg, peer)):
        name = two.profile["callee_name"] if two is peer else two.profile["caller_name"]
        number = two.profile["callee_number"] if two is peer else two.profile["caller_number"]
        for variable, value in (
            ("bridge_to", two.uuid), ("last_bridge_to", two.uuid), ("bridge_channel", two.name),
            ("bridge_uuid", two.uuid), ("last_sent_callee_id_name", name), ("last_sent_callee_id_number", number),
        ):  # fmt: skip
            one.variables.set(variable, value)
        one.fire("CALL_UPDATE", before=(
            ("Direction", "SEND"), ("Sent-Callee-ID-Name", name), ("Sent-Callee-ID-Number", number),
            ("Bridged-To", two.uuid),
        ))  # fmt: skip


def _part(call: Call, attempt: Attempt, ids: tuple[tuple[str, str], ...]) -> None:
    """One side ended. The caller first: its HANGUP went out before this UNBRIDGE (case a); else after (case e)."""
    leg, peer, variables = call.leg, attempt.leg, call.leg.variables
    variables.remove("bridge_to")
    if peer.down:
        if attempt.answered:
            variables.set("sip_hangup_phrase", "OK" if attempt.left else None)
        variables.set("last_bridge_hangup_cause", peer.cause)
        if attempt.left:
            variables.set("last_bridge_proto_specific_hangup_cause", "sip:200")
        variables.set("bridge_hangup_cause", peer.cause)
    else:
        attempt.hang_up_towards()
        gevent.sleep(call.node.random() * 0.002)  # the B-leg's end and the A-leg's are told by two threads
        variables.set("bridge_hangup_cause", peer.cause)
    leg.fire("CHANNEL_UNBRIDGE", before=ids)
    if leg.times.answered and not leg.down and variables.get("hangup_after_bridge") == "true":
        call.hang_up(peer.cause)
