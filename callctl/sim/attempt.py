"""One B-leg: dialled, perhaps ringing, answered or refused, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gevent

from callctl.sim import blocks, media
from callctl.sim.dialstring import Target
from callctl.sim.leg import Leg, now_us

if TYPE_CHECKING:
    from callctl.sim.call import Call

_REFUSED = frozenset(("sip_call_id", "sip_reply_host", "sip_reply_port", "sip_network_ip", "sip_network_port"))


class Attempt:
    """A B-leg and the phone at its far end."""

    def __init__(self, call: Call, target: Target, variables: dict[str, str]) -> None:
        self.call = call
        self.target = target
        self.rang = self.early = False
        self.answered = False
        self.left = False  # the callee said BYE
        node, caller = call.node, call.leg
        self.phone = node.world.phone(f"{target.user}@{target.host}", target.edge)
        self._timeouts = [
            (variables.get("leg_timeout", ""), self._leg_timeout),
            (variables.get("leg_progress_timeout", ""), self._progress_timeout),
        ]
        self._ignores_early_media = variables.get("ignore_early_media") == "true"
        number = caller.variables.get("effective_caller_id_number") or caller.profile["caller_number"]
        name = caller.variables.get("effective_caller_id_name") or caller.profile["caller_name"]
        profile = {
            **caller.profile,
            "caller_number": variables.get("origination_caller_id_number", number),
            "caller_name": variables.get("origination_caller_id_name", name),
            "callee_name": "Outbound Call", "callee_number": target.user, "destination": target.user,
        }  # fmt: skip
        uuid = variables.get("origination_uuid") or node.new_uuid()
        self.leg = Leg(node, uuid, f"sofia/{target.profile}/{target.user}@{target.host}", profile, caller)
        self._own = {name: value for name, value in variables.items() if name != "origination_uuid"}
        self._disposition = ""

    def dial(self) -> None:
        """Send the INVITE."""
        leg, call = self.leg, self.call
        caller = call.leg
        call.legs.append(leg)
        call.node.legs[leg.uuid] = self
        leg.fire("CHANNEL_OUTGOING")
        leg.call_uuid = caller.uuid
        leg.state = "CS_INIT"
        leg.fire("CHANNEL_STATE")
        codec = f"{caller.codec}@{caller.rate}h@20i" if caller.codec else caller.variables.get("ep_codec_string")
        leg.variables.update(blocks.fill("outbound.txt", leg.values(
            to_user=self.target.user, to_host=self.target.host, originator=caller.uuid, originator_codec=codec,
            sdp=caller.variables.get("switch_r_sdp"), media_port=str(media.port(leg)),
            local_sdp=media.local_sdp(leg, call.node.values["address"]),
        )))  # fmt: skip
        self._inherit()
        leg.number = 2
        leg.fire("CHANNEL_CREATE")
        leg.fire("CHANNEL_ORIGINATE")
        caller.variables.push("originated_legs", f"{leg.uuid};Outbound Call;{self.target.user}")
        caller.variables.set("originate_signal_bond", leg.uuid)
        caller.variables.remove("sip_invite_failure_status", "sip_invite_failure_phrase")  # of the attempt before
        self.call.node.spawn(self._far_end)
        for seconds, gives_up in self._timeouts:
            if seconds.isdecimal():
                self.call.node.later(call.node.whole_seconds(int(seconds)), gives_up)

    def _inherit(self) -> None:
        """Variables of the dial string, exported ones, and X- headers, which FreeSWITCH copies by itself."""
        mine, theirs = self.leg.variables, self.call.leg.variables
        if theirs.get("sip_copy_custom_headers") != "false":
            for name, value in theirs.items():
                if name.startswith("sip_h_X-"):
                    mine.set(name, value)
        scope = self.call.leg.scope
        exported = scope.get("export_vars", theirs.get("export_vars"))
        mine.set("export_vars", exported)
        for name in filter(None, exported.split(",")):
            mine.set(name.removeprefix("nolocal:"), scope.get(name, theirs.get(name)))
        for name, value in self._own.items():
            mine.set(name, value)

    # the far end

    def _far_end(self) -> None:
        leg, phone, node = self.leg, self.phone, self.call.node
        leg.state = "CS_ROUTING"
        leg.fire("CHANNEL_STATE")
        leg.enter("CS_CONSUME_MEDIA")
        if phone.early:
            self._play()
        elif phone.rings:
            self._ring()
        if not phone.status:
            return
        gevent.sleep(node.scaled(phone.ring))
        if leg.down:
            return
        if phone.status == 200:
            self._answer()
        else:
            self._refuse(phone.status)
        self.call.touch()

    def _replied(self) -> list[tuple[str, str]]:
        """What a leg learns from a reply of its edge."""
        host, _, port = self.target.edge.rpartition(":")
        leg, node = self.leg, self.call.node
        return blocks.fill("ringing.txt", leg.values(
            edge_host=host, edge_port=port, to_user=self.target.user, to_host=self.target.host,
            from_user=leg.profile["caller_number"], from_name=leg.profile["caller_name"],
            tag=node.tag(), to_tag=node.tag(), sip_call_id=node.new_uuid(),
        ))  # fmt: skip

    def _ring(self) -> None:
        leg = self.leg
        self.rang = True
        leg.times.progress = now_us()
        leg.variables.update(self._replied())
        leg.fire("CHANNEL_PROGRESS")
        leg.call("RINGING")
        self.call.touch()

    def _play(self) -> None:
        """Early media: what the caller is connected to, unless several ring at once."""
        leg = self.leg
        self.early = not self._ignores_early_media
        leg.variables.update(self._replied())
        leg.pre_answered()
        self.call.touch()

    def _answer(self) -> None:
        leg, call = self.leg, self.call
        self.answered = True
        leg.variables.set("switch_r_sdp", call.spec.sdp)
        leg.variables.set("ep_codec_string", media.codec_string(call.spec.codecs))
        leg.codec, leg.rate = call.leg.codec or media.preferred(call.spec.codecs), call.leg.rate
        leg.set_media(self.target.edge.rpartition(":")[0])
        leg.times.answered = now_us()
        leg.answer_state = "answered"
        leg.fire("CHANNEL_ANSWER")
        leg.variables.set("endpoint_disposition", "ANSWER")
        leg.call("ACTIVE")
        for name, value in self._own.items():
            app, _, argument = value.partition(" ")
            if name.startswith("execute_on_answer") and app == "sched_hangup":
                seconds, _, cause = argument.removeprefix("+").partition(" ")
                call.node.arm(leg.uuid, int(seconds), blocks.known_cause(cause or "ALLOTTED_TIMEOUT"))

    def _refuse(self, status: int) -> None:
        """The callee's side answered with an error."""
        cause, phrase = blocks.cause_of(status)
        mine, theirs = self.leg.variables, self.call.leg.variables
        if not self.rang:
            mine.update((name, value) for name, value in self._replied() if name in _REFUSED)
        for name, value in (
            ("sip_hangup_disposition", "recv_refuse"), ("sip_invite_failure_status", str(status)),
            ("sip_invite_failure_phrase", phrase), ("sip_term_status", str(status)),
            ("proto_specific_hangup_cause", f"sip:{status}"), ("sip_term_cause", str(blocks.q850(cause))),
        ):  # fmt: skip
            mine.set(name, value)
        theirs.set("sip_invite_failure_status", str(status))
        theirs.set("sip_invite_failure_phrase", phrase)
        theirs.set("sip_hangup_phrase", phrase)
        theirs.set("last_bridge_hangup_cause", cause)
        theirs.set("last_bridge_proto_specific_hangup_cause", f"sip:{status}")
        self.end(cause)

    def _leg_timeout(self) -> None:
        if not (self.answered or self.early):  # early media counts as connected
            self._give_up("ALLOTTED_TIMEOUT")

    def _progress_timeout(self) -> None:
        if not (self.answered or self.rang or self.leg.times.progress_media):
            self._give_up("PROGRESS_TIMEOUT")

    def _give_up(self, cause: str) -> None:
        if not self.leg.down:
            self.call.leg.variables.set("last_bridge_hangup_cause", cause)
            self.end(cause)
            self.call.touch()

    def talk(self) -> None:
        """The bridge is up: the callee may hang up after its time."""
        if self.phone.talk is not None:
            self.call.node.later(self.call.node.scaled(self.phone.talk), self._callee_leaves)

    def _callee_leaves(self) -> None:
        if self.leg.down or self.call.leg.down:
            return
        self.left = True
        for name, value in (
            ("sip_term_status", "200"), ("proto_specific_hangup_cause", "sip:200"), ("sip_term_cause", "16"),
        ):  # fmt: skip
            self.leg.variables.set(name, value)
        self._disposition = "recv_bye"
        self.end("NORMAL_CLEARING")

    # its end

    def cancel(self, cause: str) -> None:
        """Stop it ringing."""
        if self.leg.down:
            return
        put = self.leg.variables.set
        put("sip_hangup_phrase", "Request Terminated" if self.call.leg.down else None)
        if self.call.leg.down:
            put("last_bridge_hangup_cause", self.call.leg.cause)
            put("last_bridge_proto_specific_hangup_cause", "sip:487")
        elif cause == "LOSE_RACE":
            self.call.leg.variables.set("last_bridge_hangup_cause", cause)
        self._disposition = "send_bye" if self.answered else "send_cancel"
        self.end(cause)

    def hang_up_towards(self) -> None:
        """The caller's side ended: BYE to the callee."""
        put = self.leg.variables.set
        put("bridge_to", None)
        put("sip_hangup_phrase", "OK")
        put("last_bridge_hangup_cause", "NORMAL_CLEARING")
        put("last_bridge_proto_specific_hangup_cause", "sip:200")
        if self.call.node.random() < 0.5:  # it is there in some recordings, in others not
            put("bridge_hangup_cause", "NORMAL_CLEARING")
        self._disposition = "send_bye"
        self.end("NORMAL_CLEARING")

    def end(self, cause: str) -> None:
        """Hang the leg up; its own thread tells the rest a little later."""
        if self.leg.hang_up(cause):
            self.call.touch()
            self.call.node.later(self.call.node.random() * 0.002, self._finish)

    def _finish(self) -> None:
        self.call.node.cancel_tasks(self.leg.uuid)
        if self._disposition == "send_cancel":
            self.leg.variables.set("sip_invite_failure_status", "487")
            self.leg.variables.set("sip_invite_failure_phrase", "CANCEL")
        self.leg.report(self._disposition or ("send_bye" if self.answered else ""))
        self.leg.destroy()
        self.call.node.legs.pop(self.leg.uuid, None)
