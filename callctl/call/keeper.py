"""Keeps the rated calls of a node paid for while they last, slice by slice, and ends none itself: the switch does.

The switch has a timer for the time that is paid. When more is held the variables say so first, then a new timer is
armed and the old one deleted: who dies in between has only made a call shorter. Of several hosts one keeps a node; what
it knows stands in the variables of each call, so another goes on from there when it is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import gevent
import structlog
from gevent.pool import Pool

from callctl.admission.limits import LEASE
from callctl.admission.rebuild import Holding
from callctl.call import paid
from callctl.call.paid import Paid
from callctl.case import Ending
from callctl.errors import CallctlError, CommandFailed, DeadlineExceeded, RedisAway, SwitchError
from callctl.esl import command
from callctl.esl.wire import Event
from callctl.live.lease import Lease
from callctl.model import Account
from callctl.settings import Money
from callctl.world import Demand, Held

log = structlog.get_logger()

TICK = 1.0  # seconds between looks at what is due, and the most one look takes
PATIENCE = 5.0  # seconds what is done for one call may take
AT_ONCE = 8  # calls that something is done for
WELL = 10.0  # seconds without a failure after which all is well again
KEEP = 5  # seconds a node stays with a keeper of whom nothing is heard
GONE = ("-ERR No such channel", "-ERR invalid uuid")


def lease_name(node: str) -> str:
    """The lease of who keeps the calls of a node."""
    return f"keeper:{node}"


class Holds(Protocol):
    """Where money is held: callctl.admission.money.Money."""

    def hold(self, call: str, demands: Sequence[Demand], lease_seconds: int) -> list[Held]:
        """Make a call's holds what is demanded, or leave them as they are. Raises RedisAway and StoreError."""
        ...


class Switch(Protocol):
    """The node: callctl.esl.feed.Feed."""

    def api(self, text: str) -> str:
        """What an api command prints. Raises SwitchError."""
        ...


@dataclass(slots=True)
class _Kept:
    """A call, and what is to be done for it."""

    paid: Paid
    asked: bool  # whether `paid` is what the switch says, or said by us
    anew: bool = False  # what it holds may be another amount than what is paid costs
    busy: bool = False
    failed: bool = False  # the last that was tried for it
    warned: int = -1  # of which end


class Keeper:
    """The rated calls of one node. `heard` and `ended` return at once; `run` in a greenlet of its own does the rest."""

    def __init__(
        self, settings: Money, money: Holds, lease: Lease, account: Callable[[str], Account | None]
    ) -> None:
        self._settings = settings
        self._money = money
        self._lease = lease
        self._account = account
        # A keeper who dies while he pays may leave the old end in force: the next needs the lease's time to come to it.
        self._lead = max(settings.slice / 2, settings.warn_before + 2 * TICK, KEEP + 2 * TICK)
        self._calls: dict[str, _Kept] = {}
        self._switch: Switch | None = None
        self._timers: list[str] = []  # of ended calls
        self._pool = Pool(AT_ONCE)
        self._failed_at = 0.0  # 0: all is well
        self.keeping = False

    # what the recorder tells

    def follow(self, switch: Switch | None) -> None:
        """The node can be asked, or no longer: what it did not tell meanwhile is to be asked for."""
        self._switch = switch
        self._ask_all()

    def heard(self, a_leg: Event) -> tuple[str, ...]:
        """A call rings, or was answered; the accounts that pay for it, its caller's first."""
        uuid = a_leg.get("Unique-ID")
        try:
            call = paid.read(a_leg, time.monotonic())
        except (ValueError, CallctlError) as error:
            log.error("what is paid for a call cannot be read; it ends at that", call=uuid, error=str(error))
            return ()
        if call is None:
            return ()
        kept = self._calls.setdefault(uuid, _Kept(call, asked=self.keeping))
        kept.paid = call
        kept.asked = self.keeping and not kept.busy
        poorest = call.limit == "money" and len(call.purses) > 1  # the others hold what that one cannot
        kept.anew = call.repriced or poorest
        return tuple(purse.account for purse in call.purses)

    def ended(self, a_leg: Event) -> None:
        """A call ended: its timer is not wanted any more."""
        uuid = a_leg.get("Unique-ID")
        timer = a_leg.number("variable_callctl_timer")
        if self._calls.pop(uuid, None) is not None and timer and self.keeping:
            self._timers.append(_group(uuid, timer))

    def forget(self, uuid: str) -> None:
        """The switch says that a call is not up."""
        self._calls.pop(uuid, None)

    def holdings(self) -> Iterator[Holding]:
        """What its calls hold. Where another keeps the node, the switch is asked."""
        for kept in list(self._calls.values()):
            if not self.keeping and self._switch is not None:
                with suppress(SwitchError, ValueError):
                    kept.paid = self._said(self._switch, kept.paid.uuid)
            for purse, amount in zip(kept.paid.purses, kept.paid.held, strict=True):
                yield Holding(kept.paid.uuid, purse.account, amount, LEASE)

    # what it does by itself

    def run(self) -> None:
        """Look every second what is due, for ever."""
        while True:
            began = time.monotonic()
            if self._switch is not None and self._may_keep():
                self._tick(self._switch, began)
            gevent.sleep(max(0.05, began + TICK - time.monotonic()))

    def _may_keep(self) -> bool:
        """Whether this host keeps the node. With Redis away that stays as it is: nobody can hold anything then."""
        try:
            ours = self._lease.held()
        except RedisAway as error:
            self._failed(error)
            return self.keeping
        if ours and not self.keeping:
            self._ask_all()  # somebody else may have paid for more
        self.keeping = ours
        return ours

    def _ask_all(self) -> None:
        for kept in self._calls.values():
            kept.asked = False

    def _tick(self, switch: Switch, began: float) -> None:
        """Begin what is due: what is likely to succeed before what failed, then what ends first. The rest waits."""
        if self._timers and self._pool.free_count():
            timers, self._timers = self._timers, []
            self._pool.spawn(self._do, None, partial(_delete, switch, timers))
        due = [kept for kept in self._calls.values() if not kept.busy and self._is_due(kept, began)]
        due.sort(key=lambda kept: (kept.failed or kept.paid.limit == "money", kept.paid.left(began)))
        for kept in due:
            if not self._pool.wait_available(timeout=max(0.0, began + TICK - time.monotonic())):
                return
            kept.busy = True
            self._pool.spawn(self._do, kept, partial(self._care, switch, kept))

    def _is_due(self, kept: _Kept, now: float) -> bool:
        call = kept.paid
        if not kept.asked:
            return True
        return call.answered is not None and (kept.anew or self._is_short(call, now))

    def _is_short(self, call: Paid, now: float) -> bool:
        return call.limit != "time" and call.left(now) < self._lead

    def _do(self, kept: _Kept | None, work: Callable[[], None]) -> None:
        """Do something for a call; what goes wrong with it is tried again at the next tick."""
        try:
            with gevent.Timeout(PATIENCE, DeadlineExceeded(f"A call was not seen to within {PATIENCE:g} s.")):
                work()
            if kept is not None:
                kept.failed = False
        except (CallctlError, ValueError) as error:
            if kept is not None and isinstance(error, CommandFailed) and error.reply.startswith(GONE):
                self._calls.pop(kept.paid.uuid, None)  # its end is on the way
                return
            if kept is not None:
                kept.failed = True
                kept.asked = kept.asked and not isinstance(error, SwitchError)  # which may have done it or not
            self._failed(error)
        finally:
            if kept is not None:
                kept.busy = False

    def _failed(self, error: Exception) -> None:
        if not self._failed_at:
            log.error("calls cannot be paid for, and end at what is paid", error=str(error))
        self._failed_at = time.monotonic()

    def _succeeded(self) -> None:
        if self._failed_at and time.monotonic() - self._failed_at > WELL:
            log.warning("calls are paid for again")
            self._failed_at = 0.0

    # one call

    def _care(self, switch: Switch, kept: _Kept) -> None:
        """All that is due for one call."""
        if not kept.asked:
            self._ask(switch, kept)
        if kept.paid.answered is None:
            return
        try:
            if kept.anew:
                self._pay(switch, kept.paid, kept.paid.seconds, need=1)
                kept.anew = False
            if self._is_short(kept.paid, time.monotonic()):
                self._extend(switch, kept.paid)
        finally:
            self._warn(switch, kept)

    def _ask(self, switch: Switch, kept: _Kept) -> None:
        """Learn what is paid, and arm that anew: who kept the call before may not have come to it."""
        kept.asked = True
        call = kept.paid = self._said(switch, kept.paid.uuid)
        if call.answered is not None:
            old = {_group(call.uuid, timer) for timer in (0, call.timer, max(0, call.timer - 1))}
            _arm(switch, call, call.seconds, call.limit, sorted(old))

    def _said(self, switch: Switch, uuid: str) -> Paid:
        """What the switch says is paid. Raises SwitchError, and ValueError where it says nothing of the kind."""
        call = paid.read(Event(switch.api(f"uuid_dump {uuid}").encode()), time.monotonic())
        if call is None:
            raise ValueError(f"the switch does not say what is paid for call {uuid}")
        return call

    def _extend(self, switch: Switch, call: Paid) -> None:
        seconds = call.next(self._settings.slice)
        if seconds > call.seconds:
            self._pay(switch, call, seconds, need=call.seconds + 1)
        elif call.limit != "money":
            _say(switch, call, call.seconds, "money", call.timer)  # a tariff's maximum cost ends it

    def _pay(self, switch: Switch, call: Paid, wanted: int, need: int) -> None:
        """Hold what `wanted` seconds cost, or the part of it that is there, and let the call last so long."""
        held = self._money.hold(call.uuid, call.demands(wanted, need, self._account), LEASE)
        seconds, limit = call.granted(held, wanted)
        if not held[-1].refused and [each.granted for each in held] != list(call.costs(seconds)):
            self._money.hold(call.uuid, call.demands(seconds, seconds, self._account), LEASE)
        if seconds != call.seconds:
            _arm(switch, call, seconds, limit, [_group(call.uuid, call.timer)])
            log.debug("call paid for", call=call.uuid, seconds=seconds, limit=limit)
        elif limit != call.limit:
            _say(switch, call, seconds, limit, call.timer)
        self._succeeded()

    def _warn(self, switch: Switch, kept: _Kept) -> None:
        """Tell the caller that the call is about to end, once for each end."""
        call = kept.paid
        left = call.left(time.monotonic())
        if call.limit != "time" and left <= self._settings.warn_before and kept.warned != call.seconds and left > 0:
            kept.warned = call.seconds
            log.info("caller is warned", call=call.uuid, left=round(left))
            switch.api(command.warning(call.uuid))


def _arm(switch: Switch, call: Paid, seconds: int, limit: Ending, old: Sequence[str]) -> None:
    """Have the call end after so many seconds of talk, and no longer when it was to."""
    timer = call.timer + 1
    _say(switch, call, seconds, limit, timer)
    switch.api(command.end_later(call.uuid, call.ticks(seconds, time.monotonic()), _group(call.uuid, timer)))
    _delete(switch, old)


def _say(switch: Switch, call: Paid, seconds: int, limit: Ending, timer: int) -> None:
    """Write down with the switch, and then here, what is paid."""
    values = {"callctl_paid": str(seconds), "callctl_limit": limit, "callctl_timer": str(timer)}
    switch.api(command.setting(call.uuid, values))
    call.say(seconds, limit, timer)


def _delete(switch: Switch, groups: Sequence[str]) -> None:
    for group in groups:
        switch.api(command.cancel(group))


def _group(uuid: str, timer: int) -> str:
    """The scheduler's name of a call's timer; the first is armed by the call's answer, as the channel's own."""
    return f"callctl-{uuid}-{timer}" if timer else uuid
