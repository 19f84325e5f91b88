"""Tells Redis of money again: all of it where Redis forgot, and every minute what it may not have been told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from callctl.admission import scripts
from callctl.admission.money import account_keys, accounts_key, booked, ready_key, renew, settle
from callctl.errors import RedisAway
from callctl.live.client import Client, asking
from callctl.settings import Redis
from callctl.store.balance import Balances

_PAGE = 500  # accounts, holds or charges in one journey

_One = TypeVar("_One")


class Holding(NamedTuple):
    """What a live call holds at an account."""

    call: str
    account: str
    amount: Decimal
    lease_seconds: int


class Owed(NamedTuple):
    """What an ended call owes an account, on a day of that account's own."""

    call: str
    account: str
    amount: Decimal
    day: str


class Rebuild:
    """Any number of recorders may do this at once, and end anywhere in it: each act of it is harmless twice."""

    def __init__(self, client: Client, settings: Redis, balances: Balances) -> None:
        self._client = client
        self._settings = settings
        self._balances = balances
        self._ready, self._set_ready, self._forget = (
            client.register_script(text) for text in (scripts.READY, scripts.SET_READY, scripts.FORGET)
        )

    def ready(self) -> bool:
        """Whether Redis, since it runs, was told of all that is held and owed: ask every second. Raises RedisAway."""
        return bool(self._present()[1])

    def rebuild(self, holdings: Collection[Holding], owed: Collection[Owed]) -> None:
        """Make right what Redis knows: at the start of a recorder, and whenever it is not `ready`.

        `holdings` are those of the live calls of all nodes, `owed` the charges the spool has and MySQL may not have.
        Until this was done once nobody can hold. Raises RedisAway and StoreError: then it is to be done again.
        """
        run = self._present()[0]
        accounts = self._known() | {entry.account for entry in holdings} | {entry.account for entry in owed}
        self._each(accounts, lambda pipe, name: self._forget(account_keys(self._settings, name), [run], pipe))
        self._each(accounts, lambda pipe, name: pipe.sadd(accounts_key(self._settings), name))
        self._each(holdings, lambda pipe, one: renew(pipe, self._settings, *one))
        self._each(owed, lambda pipe, one: settle(pipe, self._settings, *one))
        self._heal(accounts)  # of what is owed, some may be booked
        with asking(self._settings):
            if not self._set_ready(keys=[ready_key(self._settings)], args=[run]):
                raise RedisAway(
                    f"Redis at {self._settings.host}:{self._settings.port} was restarted while it was told "
                    "what live calls hold: it is told again."
                )

    def heal(self) -> None:
        """Tell Redis what MySQL has booked and nobody told it: every minute. Raises RedisAway and StoreError."""
        self._heal(self._known())

    def _heal(self, accounts: Collection[str]) -> None:
        for names in _pages(accounts):
            with asking(self._settings):
                pipe = self._client.pipeline(transaction=False)
                for name in names:
                    money, _, _, pending, *_ = account_keys(self._settings, name)
                    pipe.hget(money, "ledger_id")
                    pipe.hkeys(pending)
                answers = pipe.execute()
            entries = dict(zip(names, (int(entry or 0) for entry in answers[::2]), strict=True))
            found = self._balances.booked(dict(zip(names, answers[1::2], strict=True)))
            news = [entry for entry in found if entry.calls or entry.ledger_id > entries[entry.account]]
            self._each(news, lambda pipe, entry: booked(pipe, self._settings, entry))

    def _present(self) -> Any:
        with asking(self._settings):
            return self._ready(keys=[ready_key(self._settings)])

    def _known(self) -> set[str]:
        with asking(self._settings):
            return set(self._client.sscan_iter(accounts_key(self._settings), count=_PAGE))

    def _each(self, ones: Collection[_One], put: Callable[[Any, _One], object]) -> None:
        for some in _pages(ones):
            with asking(self._settings):
                pipe = self._client.pipeline(transaction=False)
                for one in some:
                    put(pipe, one)
                pipe.execute()


def _pages(ones: Collection[_One]) -> Iterator[list[_One]]:
    ordered = list(ones)
    for begin in range(0, len(ordered), _PAGE):
        yield ordered[begin : begin + _PAGE]
