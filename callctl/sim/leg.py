"""One channel: its states, its variables and the events it gives."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from callctl.sim import blocks, media
from callctl.sim.event import SwitchEvent
from callctl.sim.variables import Variables

if TYPE_CHECKING:
    from callctl.sim.node import SimNode

Headers = Iterable[tuple[str, str]]

_STATES = {
    "CS_NEW": 0, "CS_INIT": 1, "CS_NONE": 1, "CS_ROUTING": 2, "CS_EXECUTE": 4, "CS_EXCHANGE_MEDIA": 5,
    "CS_CONSUME_MEDIA": 7, "CS_HANGUP": 10, "CS_REPORTING": 11, "CS_DESTROY": 12,
}  # fmt: skip
_CALL_STATES = {"DOWN": 0, "RINGING": 2, "EARLY": 3, "ACTIVE": 4, "RING_WAIT": 6, "HANGUP": 7}
BARE = frozenset(("CHANNEL_STATE", "CHANNEL_CALLSTATE", "CHANNEL_OUTGOING", "CODEC", "CUSTOM"))  # without variables


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


class Times:
    """When what happened, in microseconds since the epoch; 0 where it has not."""

    def __init__(self) -> None:
        self.created = now_us()
        self.progress = self.progress_media = self.answered = self.bridged = self.hangup = 0


class Leg:
    """A channel, seen from the event socket."""

    def __init__(self, node: SimNode, uuid: str, name: str, profile: dict[str, str], parent: Leg | None = None) -> None:
        self.node = node
        self.uuid = uuid
        self.name = name
        self.profile = profile  # of profile.txt, not encoded
        self.parent = parent  # the A-leg of a B-leg
        self.other: Leg | None = parent
        self.call_uuid = uuid
        self.session_id = node.next_session()
        self.state = "CS_NONE" if parent else "CS_NEW"
        self.number = _STATES[self.state]
        self.call_state = "DOWN"
        self.answer_state = "ringing"
        self.cause = ""
        self.codec = ""
        self.rate = 8000
        self.last_app = ("", "")
        self.times = Times()
        self.variables = Variables()
        self.scope: dict[str, str] = {}  # variables of the application that runs, `%~[…]` before its argument

    @property
    def down(self) -> bool:
        """Whether it was hung up."""
        return bool(self.cause)

    def values(self, **more: str) -> dict[str, str]:
        """What this leg puts in the places of a block, encoded."""
        known = {"uuid": self.uuid, "channel_name": self.name, "session_id": str(self.session_id), **self.profile}
        return {name: blocks.encode(value) for name, value in {**self.node.values, **known, **more}.items()}

    def enter(self, state: str, number: int | None = None) -> None:
        """Change state and tell. A hung-up channel keeps its state until its thread has noticed."""
        self.state = state
        self.number = _STATES[state] if number is None else number
        self.fire("CHANNEL_STATE")

    def call(self, state: str) -> None:
        """Change the call state and tell."""
        original, self.call_state = self.call_state, state
        number = str(_CALL_STATES[state])
        self.fire(
            "CHANNEL_CALLSTATE",
            before=(("Original-Channel-Call-State", original), ("Channel-Call-State-Number", number)),
        )

    def fire(self, name: str, before: Headers = (), after: Headers = (), subclass: str = "") -> None:
        """Give an event with headers before and after the channel's own."""
        sequence = self.node.next_sequence()
        audience = self.node.audience(name, subclass, (self.parent or self).uuid)
        if not audience:
            return
        head = self.node.core(name, sequence, subclass)
        head += blocks.lines(before) + self.data(variables=name not in BARE) + blocks.lines(after)
        event = SwitchEvent(name, head, unique_id=self.uuid, subclass=subclass)
        for listener in audience:
            listener.hear(event)

    def data(self, *, variables: bool = True) -> str:
        """The channel's headers in the order FreeSWITCH writes them."""
        head = blocks.lines(self._basic())
        if self.state == "CS_NEW":
            return head
        head += self.profile_lines("Caller", self)
        if self.other is not None:
            head += f"Other-Type: {'originator' if self.parent else 'originatee'}\n"
            head += self.profile_lines("Other-Leg", self.other)
        if not variables:
            return head
        scope = blocks.lines((f"scope_variable_{name}", value) for name, value in self.scope.items())
        return head + scope + self.variables.text()

    def _basic(self) -> list[tuple[str, str]]:
        direction = "outbound" if self.parent else "inbound"
        basic = [
            ("Channel-State", self.state), ("Channel-Call-State", self.call_state),
            ("Channel-State-Number", str(self.number)), ("Channel-Name", self.name), ("Unique-ID", self.uuid),
            ("Call-Direction", direction), ("Presence-Call-Direction", direction),
            ("Channel-HIT-Dialplan", "false" if self.parent else "true"), ("Channel-Call-UUID", self.call_uuid),
            ("Answer-State", self.answer_state),
        ]  # fmt: skip
        if self.cause:
            basic.append(("Hangup-Cause", self.cause))
        if self.codec:
            for way in ("Read", "Write"):
                basic += [(f"Channel-{way}-Codec-Name", self.codec), (f"Channel-{way}-Codec-Rate", str(self.rate))]
                basic.append((f"Channel-{way}-Codec-Bit-Rate", "64000"))
        return basic

    def profile_lines(self, prefix: str, leg: Leg) -> str:
        """A caller profile under a prefix: this leg's own, or its other leg's."""
        own = leg is self
        copied = not own and self.parent is not None  # an originator's profile is a copy made when it dialled
        times = Times() if copied else leg.times
        direction = "outbound" if leg.parent else "inbound"
        values = leg.values(
            direction=direction,
            logical=direction if own else "inbound",
            index="1" if own else "",
            created=str(0 if copied else times.created),
            answered=str(times.answered),
            progress=str(self.times.progress if copied else times.progress),
            progress_media=str(times.progress_media),
            hangup=str(times.hangup),
            bridged=str(0 if copied else times.bridged),
        )
        if copied:
            values["callee_name"] = values["callee_number"] = ""
        return "".join(f"{prefix}-{name}: {value}\n" for name, value in blocks.fill("profile.txt", values))

    # what happens to a channel

    def ringing(self) -> None:
        """It rings (180)."""
        self.times.progress = self.times.progress or now_us()
        self.fire("CHANNEL_PROGRESS")

    def set_media(self, remote: str) -> None:
        """Media is set up: codec, addresses."""
        self.fire("CODEC")
        values = media.values(self, remote, self.node.values["address"])
        self.variables.update(blocks.fill("media.txt", self.values(**values)))

    def pre_answered(self) -> None:
        """Early media (183), or the first half of an answer."""
        self.times.progress_media = now_us()
        self.answer_state = "early"
        self.variables.set("endpoint_disposition", "EARLY MEDIA")
        self.fire("CHANNEL_PROGRESS_MEDIA")
        self.call("EARLY")

    def hang_up(self, cause: str) -> bool:
        """End it; the first cause counts. The channel's own thread does the rest when it notices."""
        if self.cause:
            return False
        self.cause = cause
        self.answer_state = "hangup"
        self.number = _STATES["CS_HANGUP"]
        self.fire("CHANNEL_HANGUP")
        return True

    def report(self, disposition: str = "") -> None:
        """The end of a channel, up to HANGUP_COMPLETE."""
        self.state = "CS_HANGUP"
        self.fire("CHANNEL_STATE")
        self.times.hangup = now_us()
        self.call("HANGUP")
        if self.parent:
            self.call_uuid = self.uuid
            self.variables.set("call_uuid", self.uuid)
        self.enter("CS_REPORTING")
        self._bill(disposition)
        self.fire("CHANNEL_HANGUP_COMPLETE", before=(("Hangup-Cause", self.cause),))

    def destroy(self) -> None:
        """The channel is gone."""
        self.number = _STATES["CS_DESTROY"]
        self.fire("CHANNEL_DESTROY")
        self.state = "CS_DESTROY"
        self.fire("CHANNEL_STATE")

    def _bill(self, disposition: str) -> None:
        times, put = self.times, self.variables.set
        put("hangup_cause", self.cause)
        put("hangup_cause_q850", str(blocks.q850(self.cause)))
        put("digits_dialed", "none")
        marks = {
            "start": times.created, "profile_start": times.created, "answer": times.answered,
            "bridge": times.bridged, "progress": times.progress, "progress_media": times.progress_media,
            "end": times.hangup,
        }  # fmt: skip
        for name, at in marks.items():
            if at:
                put(f"{name}_stamp", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at // 1_000_000)))
        for name, at in {**marks, "last_hold": 0, "resurrect": 0}.items():
            put(f"{name}_epoch", str(at // 1_000_000))
            put(f"{name}_uepoch", str(at))
        for name in ("seconds", "usec", "ms"):
            put(f"hold_accum_{name}", "0")
        put("last_app", self.last_app[0])
        put("last_arg", self.last_app[1])
        put("caller_id", f'"{self.profile["caller_name"]}" <{self.profile["caller_number"]}>')
        self._durations()
        put("sip_hangup_disposition", disposition or self.variables.get("sip_hangup_disposition"))
        if self.codec:
            self.variables.update(blocks.fill("rtp.txt", {}))

    def _durations(self) -> None:
        times, put = self.times, self.variables.set
        spans = {
            "duration": (times.created, times.hangup), "billsec": (times.answered, times.hangup),
            "progresssec": (times.created, times.progress), "answersec": (times.created, times.answered),
            "waitsec": (times.created, times.bridged), "progress_mediasec": (times.created, times.progress_media),
            "flow_billsec": (times.created, times.hangup if times.answered else 0),
        }  # fmt: skip
        for name, (start, end) in spans.items():
            whole = start and end
            put(name, str(end // 1_000_000 - start // 1_000_000 if whole else 0))
            for unit, divisor in (("m", 1000), ("u", 1)):
                stem = f"{unit}{name}" if name == "duration" else f"{name.removesuffix('sec')}{unit}sec"
                put(stem, str((end - start) // divisor if whole else 0))
