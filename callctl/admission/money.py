"""Money that calls hold at the accounts that pay for them, so that none is spent twice.

What a call holds is a member of its account's holds, keyed by the call's UUID, with an expiry that is moved on while
the call lasts. When it ends, what it owes is pending until MySQL has booked it: the balance here is a copy of MySQL's.
So a crash heals by itself, and what is told twice counts once. A script touches the keys of one account only (one hash
tag); all accounts are asked at once, and what was taken is given back when one refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple

from redis.commands.core import Script

from callctl.admission import micro, scripts
from callctl.errors import CallctlError, RedisAway
from callctl.live.client import Asked, Client, asking
from callctl.settings import Redis
from callctl.store.balance import Opening
from callctl.world import Booked, Demand, Held

OpenAccount = Callable[[str, Sequence[str]], Opening]  # account, calls: see callctl.store.balance.Balances.opening

BOOKED_AT_ONCE = 500  # calls in one script
_TRIES = 10  # readings of a balance that was overtaken each time

_encoder = Client()  # only knows how text becomes bytes; it is never asked
_RENEW, _RELEASE, _SETTLE, _BOOKED = (
    Script(_encoder, text) for text in (scripts.RENEW, scripts.RELEASE, scripts.SETTLE, scripts.BOOKED)
)


class Look(NamedTuple):
    """What Redis knows of an account's money."""

    balance: Decimal
    ledger_id: int  # the last entry that `balance` contains
    held: Decimal  # by calls in progress
    pending: Decimal  # what ended calls owe that `balance` does not contain yet
    day: str
    spent: Decimal  # that day, by calls that ended
    holds: dict[str, Decimal]  # by call


class Money:
    """The accounts' money in Redis; `open_account` tells what MySQL says of one that Redis does not know."""

    def __init__(self, client: Client, settings: Redis, open_account: OpenAccount) -> None:
        self._client = client
        self._settings = settings
        self._open_account = open_account
        self._hold, self._undo, self._open, self._look, self._ready = (
            client.register_script(text)
            for text in (scripts.HOLD, scripts.UNDO, scripts.OPEN, scripts.LOOK, scripts.READY)
        )

    def hold(self, call: str, demands: Sequence[Demand], lease_seconds: int, *, only_ask: bool = False) -> list[Held]:
        """Hold money at each account; the last of what is returned says which refused, if one did.

        Then what this act took is given back, and what the call held before stands. Where only a part of what is wanted
        is there, all of it is granted, unless that is less than needed. A call's hold becomes what it now wants, be it
        less; never less than it has while it wants more. `only_ask` takes nothing. Raises RedisAway and StoreError.
        """
        asked = [self._asked(call, demand, lease_seconds, only_ask) for demand in demands]
        answers = self._ask(asked)
        try:
            for position, answer in enumerate(answers):
                if answer[0] == "unknown":
                    answers[position] = self._opened(demands[position].account, asked[position], only_ask)
        except CallctlError:
            with suppress(RedisAway):  # then the leases end by themselves
                self._give_back(call, demands, answers, only_ask)
            raise
        found = [_held(demand.account, answer) for demand, answer in zip(demands, answers, strict=True)]
        refused = next((position for position, held in enumerate(found) if held.refused), None)
        if refused is None:
            return found
        self._give_back(call, demands, answers, only_ask)
        return found[: refused + 1]

    def look(self, account: str) -> Look:
        """An account as Redis knows it, or else as MySQL does; to be shown. Raises RedisAway and StoreError."""
        with asking(self._settings):
            answer: Any = self._look(keys=account_keys(self._settings, account))
        known, holds = (dict(zip(pairs[::2], pairs[1::2], strict=True)) for pairs in answer)
        if "run" not in known:
            opening = self._open_account(account, ())
            known |= {"balance": micro.capped(opening.balance), "ledger_id": opening.ledger_id}
            known |= {"day": opening.day, "spent": micro.capped(opening.spent)}
        balance, held, pending, spent = (
            micro.money(int(known.get(name, 0))) for name in ("balance", "held", "pending", "spent")
        )
        amounts = {call: micro.money(int(amount)) for call, amount in holds.items()}
        return Look(balance, int(known["ledger_id"]), held, pending, known["day"], spent, amounts)

    def _asked(self, call: str, demand: Demand, lease: int, only_ask: bool) -> Asked:
        most = -1 if demand.spend_per_day is None else micro.capped(demand.spend_per_day)
        amounts = [micro.held(demand.want), micro.held(demand.need), micro.capped(demand.credit)]
        values = [call, *amounts, demand.day, most, lease * 1000, int(only_ask)]
        return account_keys(self._settings, demand.account), values

    def _ask(self, asked: Sequence[Asked]) -> list[Any]:
        with asking(self._settings):
            return self._client.evaluate(self._hold, asked)

    def _opened(self, account: str, asked: Asked, only_ask: bool) -> Any:
        """What an account says that Redis did not know."""
        if only_ask:
            opening = self._open_account(account, ())
            keys, values = asked
            known = [micro.capped(opening.balance), opening.day, micro.capped(opening.spent)]
            return self._ask([(keys, [*values, *known])])[0]
        self._open_in_redis(account)
        answer = self._ask([asked])[0]
        if answer[0] == "unknown":
            raise self._rebuilding()
        return answer

    def _open_in_redis(self, account: str) -> None:
        """Tell Redis what MySQL says, if it has been told what live calls hold and ended ones owe."""
        keys = account_keys(self._settings, account)
        for _ in range(_TRIES):
            with asking(self._settings):
                run, ready = self._ready(keys=[ready_key(self._settings)])
                if not ready:
                    raise self._rebuilding()
                pending: Any = self._client.hkeys(keys[3])
            opening = self._open_account(account, pending)
            with asking(self._settings):
                self._client.sadd(accounts_key(self._settings), account)
                booked(
                    self._client, self._settings, Booked(account, opening.balance, opening.ledger_id, opening.booked)
                )
                unbooked = set(pending).difference(opening.booked)
                args = [run, micro.capped(opening.balance), opening.ledger_id, opening.day, micro.capped(opening.spent)]
                if self._open(keys=keys, args=[*args, *unbooked]):
                    return
        raise self._rebuilding()

    def _give_back(self, call: str, demands: Sequence[Demand], answers: Sequence[Any], only_ask: bool) -> None:
        """Let each account that granted something have it again."""
        granted = [] if only_ask else [each for each in zip(demands, answers, strict=True) if not each[1][0]]
        with asking(self._settings):
            for demand, answer in granted:
                keys = account_keys(self._settings, demand.account)
                self._undo(keys=keys, args=[call, int(answer[1]), int(answer[5])])

    def _rebuilding(self) -> RedisAway:
        return RedisAway(
            f"What Redis at {self._settings.host}:{self._settings.port} knows of accounts' money is being rebuilt: "
            "see that a recorder of `callctl serve` runs, and that MySQL answers it."
        )


def _held(account: str, answer: Any) -> Held:
    granted, available, others, spent = (micro.money(int(number)) for number in answer[1:5])
    return Held(account, answer[0], granted, available, others, spent)


def held(client: Client, settings: Redis, calls: Sequence[tuple[str, str]]) -> list[Decimal | None]:
    """What each call holds at an account, None where that is nothing. Raises RedisAway."""
    with asking(settings):
        pipe = client.pipeline(transaction=False)
        for call, account in calls:
            pipe.hget(account_keys(settings, account)[1], call)
        amounts: Any = pipe.execute()
    return [None if amount is None else micro.money(int(amount)) for amount in amounts]


def account_keys(settings: Redis, account: str) -> list[str]:
    """The keys of an account, as every script takes them."""
    return [f"{settings.prefix}{{account {account}}}:{name}" for name in scripts.KEYS]


def ready_key(settings: Redis) -> str:
    """The run of Redis in which it was told of all that live calls hold and ended ones owe."""
    return f"{settings.prefix}money:ready"


def accounts_key(settings: Redis) -> str:
    """The accounts Redis knows."""
    return f"{settings.prefix}money:accounts"


def settle(pipe: Any, settings: Redis, call: str, account: str, amount: Decimal, day: str) -> None:
    """A call ended and owes `amount`, spent on the account's own `day`, on a pipeline.

    It holds nothing any more, and never will; told again, nothing changes.
    """
    _SETTLE(keys=account_keys(settings, account), args=[call, micro.capped(amount), day], client=pipe)


def release(pipe: Any, settings: Redis, call: str, account: str) -> None:
    """A call that owes nothing holds nothing any more, on a pipeline."""
    _RELEASE(keys=account_keys(settings, account), args=[call], client=pipe)


def renew(pipe: Any, settings: Redis, call: str, account: str, amount: Decimal, lease_seconds: int) -> None:
    """Move the expiry of what a live call holds on, on a pipeline.

    What it holds stays as it is; where Redis lost it, it is `amount` again.
    """
    args: list[str | int] = [call, micro.capped(amount), lease_seconds * 1000]
    _RENEW(keys=account_keys(settings, account), args=args, client=pipe)


def booked(pipe: Any, settings: Redis, what: Booked) -> None:
    """MySQL has booked these calls, or a top-up (no calls), on a pipeline. Told late or twice, nothing is lost."""
    keys = account_keys(settings, what.account)
    for begin in range(0, max(1, len(what.calls)), BOOKED_AT_ONCE):
        calls = what.calls[begin : begin + BOOKED_AT_ONCE]
        args: list[str | int] = [micro.capped(what.balance), what.ledger_id, *calls]
        _BOOKED(keys=keys, args=args, client=pipe)
