"""A call whose bridge failed: what else is done with it.

The room of a caller may have moved. A DID may lead elsewhere next, and a phone send its calls on when it is busy, does
not answer or cannot be reached: then the call is decided anew, knowing what was tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from callctl.call import outcome
from callctl.call.again import decide_again
from callctl.call.decide import decide
from callctl.case import Decision
from callctl.esl.wire import Event
from callctl.model import CallRequest
from callctl.plan import Conference, Outbound, Reject
from callctl.reason import Reason
from callctl.routing.attempts import after
from callctl.settings import Settings
from callctl.world import Directory, World


class Onward:
    """One call's way: `decision` is what is being done with it now, `after` why the way before failed."""

    def __init__(self, request: CallRequest, decision: Decision) -> None:
        self.decision = decision
        self.after: Reason | None = None
        self._request = request
        self._failed: dict[str, Reason] = {}
        self._tried: set[str] = set()
        self._followed = False  # whether its room was looked for again

    def next(
        self, failed: Event, directory: Directory, world: World, settings: Settings, is_up: Callable[[str], bool]
    ) -> Decision | None:
        """What to do in place of the bridge that failed; a refusal where that takes places and then may not go on."""
        now = self.decision
        if isinstance(now.plan, Conference):
            if self._followed:
                return None
            self._followed = True
            return decide_again(self._request, now, directory, world, settings, is_up)
        before = frozenset(self._tried)
        self.after = outcome.failure(failed, before)
        self._tried |= {uuid for uuid, _ in outcome.attempts(failed)}
        if isinstance(now.plan, Outbound):
            causes = [cause for uuid, cause in outcome.attempts(failed) if uuid not in before]
            left = after(now.plan, causes or [failed.variable("originate_disposition")], emergency=now.emergency)
            if left is not None:
                return replace(now, plan=left)
        if not now.goes_on:
            return None
        self._failed[now.destination] = self.after
        return decide(self._request, directory, world, settings, self._failed)

    def take(self, other: Decision) -> bool:
        """Whether a decision is another way; it is what is done from now on."""
        if isinstance(other.plan, Reject):
            return False
        self.decision = other
        return True
