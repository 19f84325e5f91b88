"""A caller whom the node of his room did not take: where is the room now?

A node that died keeps its rooms for as long as their leases last. Callers wait for that, rather than be told to call
again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import gevent

from callctl.case import Case, Decision
from callctl.live.rooms import LEASE
from callctl.model import CallRequest
from callctl.plan import Conference
from callctl.routing import reach
from callctl.settings import Settings
from callctl.world import Directory, World

ASK = 0.5  # seconds


def decide_again(
    request: CallRequest,
    decision: Decision,
    directory: Directory,
    world: World,
    settings: Settings,
    is_up: Callable[[str], bool],
) -> Decision | None:
    """The decision with the room where it is by now; None while it is where it was, on a node that lives."""
    plan = decision.plan
    if not isinstance(plan, Conference) or not plan.owner_sip:
        return None
    case = Case(request, directory, world, settings, kind="conference", room=plan.room)
    deadline = time.monotonic() + LEASE + 1
    while True:
        case.plan = None
        step = reach.check(case)
        if isinstance(case.plan, Conference) and case.plan.owner != plan.owner:
            assert step is not None, "a plan comes with its step"
            return replace(decision, plan=case.plan, steps=(*decision.steps, step))
        if is_up(plan.owner) or time.monotonic() > deadline:
            return None
        gevent.sleep(ASK)
