"""A call whose bridge failed: what else is done with it.

The room of a caller may have moved. Another carrier may take a call to the outside. A DID may lead elsewhere next, and
a phone send its calls on when it is busy, does not answer or cannot be reached: then the call is decided anew, knowing
what was tried.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from callctl.call import facts, outbound, outcome
from callctl.call.again import decide_again
from callctl.call.decide import decide
from callctl.case import Decision
from callctl.errors import ServiceAway
from callctl.esl.wire import Event
from callctl.model import CallRequest
from callctl.plan import Conference, Outbound, Reject
from callctl.policy.limits import carrier_levels
from callctl.reason import Reason
from callctl.routing import attempts
from callctl.routing.attempts import Failure
from callctl.settings import Settings
from callctl.world import CARRIER, Admitted, Directory, World


class Onward:
    """One call's way: `decision` is what is being done with it now, `after` why the way before failed.

    `story` is what is told of the way that was taken last: an event's name, and its data.
    """

    def __init__(self, request: CallRequest, decision: Decision) -> None:
        self.decision = decision
        self.after: Reason | None = None
        self.story: tuple[str, Mapping[str, Any]] = ("", {})
        self._request = request
        self._failed: dict[str, Reason] = {}
        self._tried: set[str] = set()
        self._followed = False  # whether its room was looked for again
        self._since = time.monotonic()  # when the present attempt began

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
        self._tried |= {uuid for uuid, _ in outcome.attempts(failed)}
        if isinstance(now.plan, Outbound):
            failure = outcome.at_carriers(failed, before, time.monotonic() - self._since)
            self.after = attempts.reason(now.plan, failure)
            if other := self._next_carrier(now.plan, failure, world):
                return other
        else:
            self.after = outcome.failure(failed, before)
        if not now.goes_on:
            return None
        self._failed[now.destination] = self.after
        return decide(self._request, directory, world, settings, self._failed)

    def why(self, failed: Event) -> Reason:
        """Why the call is refused when there is no other way."""
        if isinstance(self.decision.plan, Outbound) and self.after is not None:
            return self.after
        return outcome.failure(failed)

    def take(self, other: Decision) -> bool:
        """Whether a decision is another way; it is what is done from now on."""
        if isinstance(other.plan, Reject):
            return False
        if isinstance(other.plan, Conference):
            self.story = "room_moved", {"room": other.plan.room, "owner": other.plan.owner}
        elif other.destination != self.decision.destination and self.after is not None:
            self.story = "sent_on", facts.sent_on(other, self.after)
        self._since = time.monotonic()
        self.decision = other
        return True

    def connected(self, leg: str) -> Decision | None:
        """The decision without the places of carriers that were called at once with the one that answered by `leg`."""
        now = self.decision
        if not isinstance(now.plan, Outbound) or len(now.plan.attempts[0]) == 1:
            return None
        has = {each.carrier for each in now.plan.attempts[0] if outbound.leg_uuid(self._request.call_uuid, each) == leg}
        kept = tuple(
            level for level in now.levels if not level.startswith(CARRIER) or level.removeprefix(CARRIER) in has
        )
        if not has or kept == now.levels:
            return None
        self.decision = replace(now, levels=kept)
        return self.decision

    def _next_carrier(self, plan: Outbound, failure: Failure, world: World) -> Decision | None:
        """The next attempt at carriers, its places taken; carriers that are full are passed over."""
        now = self.decision
        seconds = plan.budget - (time.monotonic() - self._since)
        left = attempts.after(plan, failure, seconds, emergency=now.emergency)
        own = tuple(level for level in now.levels if not level.startswith(CARRIER))
        full: list[str] = []
        while left is not None:
            levels = carrier_levels(left)
            found: Sequence[Admitted] = ()
            try:
                found = world.admit(self._request.call_uuid, levels) if levels else ()
            except ServiceAway:  # as of all limits: then they are not enforced
                levels = []
            if found and found[-1].refused:
                full.append(found[-1].level.name.removeprefix(CARRIER))
                left = attempts.without(left, full)
                continue
            self.story = "next_carrier", facts.next_carrier(plan, failure, full, left)
            return replace(now, plan=left, levels=(*own, *(level.name for level in levels)))
        return None
