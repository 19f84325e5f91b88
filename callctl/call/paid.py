"""How long a rated call has been paid for, and what more is to be demanded for it; pure.

The switch keeps what is paid in variables of the A-leg, so that whoever hears the node can go on from what it says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from callctl.case import Ending
from callctl.esl import command
from callctl.esl.wire import Event
from callctl.model import Account
from callctl.policy.money import day
from callctl.rating.basis import Basis, unpack
from callctl.rating.purse import Purse, affords, cost, lasts, purses
from callctl.rating.tariff import SECOND
from callctl.world import Demand, Held

LIMITS: dict[str, Ending] = {"time": "time", "slice": "slice", "money": "money"}
_unpack = lru_cache(1024)(unpack)  # calls to one destination are paid for alike


@dataclass(slots=True)
class Paid:
    """A rated call. `seconds` of talk are paid for, of the `most` it may last whatever the money."""

    uuid: str
    bases: tuple[Basis, ...]
    started_us: int  # the A-leg's creation, microseconds since the epoch
    answered_us: int  # 0 before the answer
    seconds: int
    most: int
    limit: Ending
    timer: int  # the number of the timer that ends it; 0 is the one armed by its answer
    answered: float | None  # on the monotonic clock
    purses: tuple[Purse, ...] = field(init=False)
    held: tuple[Decimal, ...] = field(init=False)  # at the account of each purse

    def __post_init__(self) -> None:
        self.purses = purses(self.bases)
        self.held = self.costs(self.seconds)

    def costs(self, seconds: int) -> tuple[Decimal, ...]:
        """What so long a call costs each account."""
        return tuple(cost(purse, self._from, seconds, self.started_us) for purse in self.purses)

    def left(self, now: float) -> float:
        """Seconds until the time paid for is over; all of it before the answer."""
        return self.seconds if self.answered is None else self.answered + self.seconds - now

    def ticks(self, seconds: int, now: float) -> int:
        """How many whole seconds the switch's clock goes on until so long a talk is over, at least one."""
        assert self.answered is not None
        now_us = self.answered_us + int((now - self.answered) * SECOND)
        end_us = self.answered_us + seconds * SECOND
        return max(1, -(-end_us // SECOND) - now_us // SECOND)

    def reaches(self, amounts: Sequence[Decimal], most: int) -> int:
        """How long, up to `most` seconds, the amounts last, each at its account."""
        levels = zip(self.purses, amounts, strict=True)
        return min(affords(purse, self._from, amount, most, self.started_us) for purse, amount in levels)

    def next(self, slice_: int) -> int:
        """Until when it is to be paid for next; what is paid for already where its tariffs let it last no longer."""
        wanted = min(self.seconds + slice_, self.most)
        return max(self.seconds, min(lasts(purse, self._from, wanted, self.started_us) for purse in self.purses))

    def demands(self, seconds: int, need: int, account: Callable[[str], Account | None]) -> list[Demand]:
        """What each account is asked to hold for `seconds` of talk, of which less than `need` is of no use."""
        wanted, needed = self.costs(seconds), self.costs(need)
        found = []
        for purse, want, least in zip(self.purses, wanted, needed, strict=True):
            payer = account(purse.account)
            found.append(
                Demand(
                    account=purse.account,
                    want=want,
                    need=min(want, least),
                    credit=payer.credit_limit if payer else Decimal(0),
                    day=day(purse.zone, time.time_ns() // 1000),
                    spend_per_day=payer.spend_per_day if payer else None,
                )
            )
        return found

    def granted(self, held: Sequence[Held], wanted: int) -> tuple[int, Ending]:
        """How long what accounts hold lasts, and what ends the call then; the time before it where one refused."""
        if len(held) < len(self.purses) or held[-1].refused:
            return self.seconds, "money"
        seconds = self.reaches([each.granted for each in held], self.most)
        if seconds >= self.most:
            return self.most, "time"
        return seconds, "slice" if seconds >= wanted else "money"

    def say(self, seconds: int, limit: Ending, timer: int) -> None:
        """So much is paid for now."""
        self.seconds, self.limit, self.timer = seconds, limit, timer
        self.held = self.costs(seconds)

    @property
    def repriced(self) -> bool:
        """Whether by the rates of the answer the time costs other than by those it was held by when decided."""
        before = tuple(cost(purse, self.started_us, self.seconds, self.started_us) for purse in self.purses)
        return bool(self.answered_us) and before != self.held

    @property
    def _from(self) -> int:
        """Where its pricing begins: at the answer; while it rings, as it was decided."""
        return self.answered_us or self.started_us


def read(a_leg: Event, now: float) -> Paid | None:
    """What the switch says of a call; None for one that nobody pays for. `now` is when it was said, monotonic.

    Raises ValueError where what it says cannot be read, UnsafeText where its UUID is none.
    """
    packed = a_leg.variable("callctl_basis")
    if not packed:
        return None
    bases = _unpack(packed)
    limit = LIMITS.get(a_leg.variable("callctl_limit"))
    if limit is None:
        raise ValueError("callctl_limit is none of a call")
    answer = a_leg.number("Caller-Channel-Answered-Time")
    talked = (a_leg.number("Event-Date-Timestamp") - answer) / SECOND
    return Paid(
        uuid=command.uuid(a_leg.get("Unique-ID")),
        bases=bases,
        started_us=a_leg.number("Caller-Channel-Created-Time"),
        answered_us=answer,
        seconds=a_leg.number("variable_callctl_paid"),
        most=a_leg.number("variable_callctl_most"),
        limit=limit,
        timer=a_leg.number("variable_callctl_timer"),
        answered=now - talked if answer else None,
    )

