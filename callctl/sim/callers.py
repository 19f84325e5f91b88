"""The caller's side of a simulated call: how it is answered, and how it gives up or hangs up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

from callctl.sim import media
from callctl.sim.leg import now_us

if TYPE_CHECKING:
    from callctl.sim.call import Call

_BYE = (("sip_term_status", "200"), ("proto_specific_hangup_cause", "sip:200"), ("sip_term_cause", "16"))
_CANCEL = (
    ("sip_hangup_disposition", "recv_cancel"), ("sip_invite_failure_status", "487"),
    ("sip_invite_failure_phrase", "CANCEL"), ("sip_term_status", "487"),
    ("proto_specific_hangup_cause", "sip:487"), ("sip_term_cause", "487"),
)  # fmt: skip


def behave(call: Call) -> None:
    """Wait for somebody to talk to as long as the scenario has patience, then talk as long as it says."""
    scenario, node = call.spec.scenario, call.node
    patience = None if scenario.patience is None else node.scaled(scenario.patience)
    if call.talking.wait(patience):
        if scenario.talk is None:
            return
        gevent.sleep(node.scaled(scenario.talk))
    leave(call)


def leave(call: Call) -> None:
    """BYE, or CANCEL while it still rings (cases a, d)."""
    leg = call.leg
    if leg.down:
        return
    put = leg.variables.set
    if leg.times.answered:
        for name, value in _BYE:
            put(name, value)
        call.hang_up("NORMAL_CLEARING")
        put("sip_hangup_disposition", "recv_bye")
        return
    for name, value in _CANCEL:
        put(name, value)
    call.status = 487
    call.hang_up("ORIGINATOR_CANCEL")


def answer(call: Call) -> bool:
    """Answer the caller; False when no codec is common, which ends the call (case i)."""
    leg = call.leg
    if leg.times.answered:
        return True
    if not pre_answer(call):
        return False
    leg.times.answered = now_us()
    leg.answer_state = "answered"
    leg.variables.set("rtp_local_sdp_str", media.local_sdp(leg, call.node.values["address"]))
    leg.fire("CHANNEL_ANSWER")
    leg.variables.set("endpoint_disposition", "ANSWER")
    call.set_up()
    for name, value in leg.variables.items():
        if name.startswith("execute_on_answer"):
            app, _, argument = value.partition(" ")
            call.execute(app, argument)
    leg.call("ACTIVE")
    return True


def pre_answer(call: Call) -> bool:
    """Set up the caller's media."""
    leg = call.leg
    if leg.times.progress_media:
        return True
    codec = media.preferred(call.spec.codecs)
    if not codec:
        for kind, flow in (("video", "inactive"), ("text", "inactive"), ("audio", "sendrecv")):
            leg.variables.set(f"remote_{kind}_media_flow", flow)
        leg.variables.set("audio_media_flow", "sendrecv")
        leg.variables.set("dtmf_type", "info")
        leg.variables.set("endpoint_disposition", "CODEC NEGOTIATION ERROR")
        call.hang_up("INCOMPATIBLE_DESTINATION")
        return False
    leg.codec, leg.rate = codec, media.PROFILE[codec].rate
    leg.set_media(call.spec.source_ip)
    leg.pre_answered()
    return True
