"""How long a call is waited for, and the end of one that rings too long."""

from __future__ import annotations

import time

from callctl.call import outbound
from callctl.case import Decision
from callctl.esl import command
from callctl.esl.wire import Event
from callctl.plan import Bridge, Outbound
from callctl.settings import Settings

SET_UP = 60  # seconds a call may take beyond its ringing and its talking


class Ringing:
    """One bridge. No time-out of FreeSWITCH's ends one with early media, which it takes for connected (observed)."""

    def __init__(self, decision: Decision, settings: Settings) -> None:
        plan = decision.plan
        seconds = settings.calls.ring_timeout
        if isinstance(plan, Bridge):
            seconds *= len(plan.groups)
        elif isinstance(plan, Outbound):
            seconds = outbound.seconds(plan)
        self._until = time.monotonic() + seconds
        self._most = seconds + decision.max_seconds + SET_UP
        self._ends = not decision.emergency  # who hears an emergency service's announcement is left to it
        self.early = ""  # the leg whose early media the caller hears

    def patience(self) -> float:
        """Seconds to wait for the next event."""
        return max(0.0, self._until - time.monotonic()) if self.early else self._most

    def hear(self, event: Event) -> None:
        """What an event says of early media."""
        if event.get("Answer-State") != "early" or event.name == "CHANNEL_EXECUTE_COMPLETE":
            self.early = ""
        elif event.name == "CHANNEL_BRIDGE" and self._ends:
            self.early = event.get("Other-Leg-Unique-ID")

    def give_up(self) -> bytes:
        """The command that ends the leg that has not answered in its time."""
        leg, self.early = self.early, ""
        return command.line(f"api {command.end(leg, 'NO_ANSWER')}")
