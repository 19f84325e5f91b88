"""A call in the simulated switch: the A-leg, its dialplan, its private queue and what its caller does."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event

from callctl.sim import blocks, callers, media
from callctl.sim.dialstring import scoped
from callctl.sim.leg import Leg
from callctl.sim.result import CallResult
from callctl.sim.scenario import SimCall

if TYPE_CHECKING:
    from callctl.sim.node import SimNode
    from callctl.sim.outbound import Outbound

Application = Callable[["Call", str], None]
APPLICATIONS: dict[str, Application] = {}
ZOMBIE = frozenset(("set", "multiset", "export", "hangup"))  # run on a channel that is down, too
_EXPANSION = re.compile(r"[$%]\{([^{}]*)\}")


def application(name: str) -> Callable[[Application], Application]:
    """Makes a function the application `name`."""

    def register(function: Application) -> Application:
        APPLICATIONS[name] = function
        return function

    return register


@dataclass(frozen=True, slots=True)
class Queued:
    """A message to a channel (sendmsg)."""

    verb: str
    app: str
    argument: str
    event_uuid: str
    locked: bool
    loops: int
    cause: str


class Call:
    """One A-leg and its thread."""

    def __init__(self, node: SimNode, spec: SimCall) -> None:
        self.node = node
        self.spec = spec
        self.queue: deque[Queued] = deque()
        self.control: Outbound | None = None
        self.legs: list[Leg] = []  # B-legs, in the order dialled
        self.status = 0  # what the caller was answered with
        self.bridged = False
        self.talking = Event()
        self.ended = Event()
        self.dialled = 0.0  # monotonic, when the controller was dialled
        self._changed = Event()
        self._locked = 0
        self._left = Event()  # the controller let go
        self._closed = Event()  # its connection is gone, so the channel may go
        name = f"sofia/{node.values['profile']}/{spec.caller}@{spec.domain}"
        shown = spec.caller_name or spec.caller
        profile = {
            "user": spec.caller, "caller_name": shown, "caller_number": spec.caller, "orig_caller_name": shown,
            "orig_caller_number": spec.caller, "callee_name": "", "callee_number": "", "network": spec.source_ip,
            "destination": spec.called,
        }  # fmt: skip
        self.leg = Leg(node, node.new_uuid(), name, profile)
        self.result = CallResult(uuid=self.leg.uuid, scenario=spec.scenario.name)

    # the A-leg's thread

    def run(self) -> None:
        """The whole call, from INVITE to the channel's end."""
        caller = self.node.spawn(callers.behave, self)
        try:
            self._arrive()
            for app, argument in self.node.dialplan:
                if self.leg.down:
                    break
                self.execute(app, argument)
            self.hang_up("NORMAL_CLEARING")
            self._finish()
        finally:
            caller.kill(block=False)
            self.node.forget(self)
            self.result.finished.set()
            self.ended.set()

    def _arrive(self) -> None:
        leg = self.leg
        leg.fire("CHANNEL_STATE")
        leg.enter("CS_INIT")
        leg.variables.update(blocks.fill("inbound.txt", leg.values(**self.spec.values(), now=str(leg.times.created))))
        for header, value in self.spec.headers.items():
            leg.variables.set(f"sip_h_{header}", value)
        leg.variables.set("switch_r_sdp", self.spec.sdp)
        leg.variables.set("ep_codec_string", media.codec_string(self.spec.codecs))
        leg.variables.set("endpoint_disposition", "DELAYED NEGOTIATION")
        leg.number = 2
        leg.fire("CHANNEL_CREATE")
        leg.state = "CS_ROUTING"
        leg.call("RINGING")
        leg.fire("CHANNEL_STATE")
        leg.enter("CS_EXECUTE")
        leg.variables.set("DP_MATCH", f"ARRAY::{self.spec.called}|:{self.spec.called}")
        leg.variables.set("call_uuid", leg.uuid)

    def _finish(self) -> None:
        leg, result = self.leg, self.result
        answered = bool(leg.times.answered)
        self.node.cancel_tasks(leg.uuid)
        result.status = self.status or (200 if answered else blocks.sip_of(leg.cause))
        result.cause, result.answered = leg.cause, answered
        self.set_up()
        disposition = leg.variables.get("sip_hangup_disposition") or ("send_bye" if answered else "send_refuse")
        leg.report(disposition)
        result.billed_us = leg.times.hangup - leg.times.answered if answered else 0
        result.legs = [(other.uuid, other.cause) for other in self.legs]
        result.finished.set()
        if self.control is not None:
            self.control.poll_soon()
            self._closed.wait()
        leg.destroy()

    # what runs on it

    def execute(self, app: str, argument: str = "", event_uuid: str = "", loops: int = 1) -> bool:
        """Run an application with its events; False when there is none of that name, which ends the call."""
        leg = self.leg
        function = APPLICATIONS.get(app)
        if event_uuid:
            leg.variables.set("app_uuid", event_uuid)
        if function is None:
            self.hang_up("DESTINATION_OUT_OF_ORDER")
            return False
        if leg.down and app not in ZOMBIE:
            return True
        leg.variables.remove("app_uuid")
        outer = leg.scope
        leg.scope, argument = scoped(self._expand(argument))
        headers = [("Application", app)] + ([("Application-Data", argument)] if argument else [])
        identity = ("Application-UUID", event_uuid or self.node.new_uuid())
        for _ in range(max(1, loops)):
            leg.last_app = (app, argument)
            leg.variables.remove("current_application_response")
            leg.variables.set("current_application_data", argument)
            leg.variables.set("current_application", app)
            began = time.monotonic()
            leg.fire("CHANNEL_EXECUTE", after=[*headers, identity])
            function(self, argument)
            response = ("Application-Response", leg.variables.get("current_application_response", "_none_"))
            leg.fire("CHANNEL_EXECUTE_COMPLETE", after=[*headers, response, identity])
            if leg.down or time.monotonic() - began < 0.5:  # a run of under half a second ends the loop (case n)
                break
        leg.scope = outer
        return True

    def _expand(self, text: str) -> str:
        """Variables of `${name}`; a call of an API is remembered, as it would have run on the switch."""

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if "(" in name:
                self.node.api_expansions.append(name)
                return ""
            return self.leg.variables.get(name)

        return _EXPANSION.sub(value, text)

    def enqueue(self, message: Queued) -> None:
        """Take a message; the channel's thread runs it when it comes to it."""
        if self.result.acted is None:
            self.result.acted = time.monotonic() - self.dialled
        self.queue.append(message)
        self._changed.set()

    def _run_queue(self) -> None:
        while self.queue:
            message = self.queue.popleft()
            if message.verb == "hangup":
                self.hang_up(message.cause)
            elif message.verb == "execute":
                self.leg.variables.set("current_loop", "1")
                self.leg.variables.set("total_loops", str(message.loops))
                self._locked += message.locked
                found = self.execute(message.app, message.argument, message.event_uuid, message.loops)
                self._locked -= message.locked
                self.leg.variables.remove("current_loop", "total_loops")
                if not found:
                    return

    def wait(self, until: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait inside an application, in steps of 20 ms, for `until`; the end of the channel ends it, too.

        What was sent without event-lock runs meanwhile, unless the waiting application itself is locked.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not until() and not self.leg.down:
            if self.queue and not self._locked:
                self._run_queue()
                continue
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            self._changed.clear()
            if self._changed.wait(left):
                gevent.sleep(self.node.tick())
        return until()

    def park(self) -> None:
        """Hold the call for its controller, until that goes or the call ends."""
        leg, variables = self.leg, self.leg.variables
        seconds, _, cause = variables.get("park_timeout").partition(":")
        variables.remove("park_timeout")
        deadline = time.monotonic() + float(seconds) if seconds else None
        leg.fire("CHANNEL_PARK")
        while not leg.down and not self._left.is_set():
            if self.queue:
                self._run_queue()
                continue
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                self.hang_up(blocks.known_cause(cause or "NORMAL_CLEARING"))
                break
            self._changed.clear()
            if self._changed.wait(left):
                gevent.sleep(self.node.tick())
        leg.fire("CHANNEL_UNPARK")

    # what others do to it

    def touch(self) -> None:
        """Something the thread may be waiting for happened."""
        self._changed.set()

    def hang_up(self, cause: str) -> bool:
        """End the A-leg; False when it had ended."""
        if self.leg.down:
            return False
        if self.bridged:
            self.leg.variables.set("last_bridge_role", "originator")
        self.leg.hang_up(cause)
        if self.control is not None:
            self.control.poll_soon()
        self._changed.set()
        return True

    def heard_controller(self) -> None:
        """The controller's first command came."""
        if self.result.first_command is None:
            self.result.first_command = time.monotonic() - self.dialled

    def set_up(self) -> None:
        """The caller hears what becomes of the call."""
        if self.result.set_up is None and self.dialled:
            self.result.set_up = time.monotonic() - self.dialled

    def released(self, *, after_command: bool) -> None:
        """The controller's connection is gone. One that never gave a command leaves the call parked (cases k4, k5)."""
        if after_command:
            self._left.set()
        self._closed.set()
        self._changed.set()

    def caller_leaves(self) -> None:
        """The caller hangs up."""
        callers.leave(self)
