"""What a decision asks of the world, and of what is configured."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Protocol

from callctl.model import Account, Endpoint, Room
from callctl.outside import Carrier, Did, Quality, Route
from callctl.plan import EdgeTarget, Wish
from callctl.rating.tariff import Tariff


@dataclass(frozen=True, slots=True)
class Located:
    """Where the location table says a callee is. No targets: `unusable` says what was found and could not be used."""

    targets: tuple[EdgeTarget, ...]
    contacts: int  # live contacts, duplicates of one device folded
    unusable: tuple[str, ...] = ()


CARRIER = "carrier "  # before its name, what the level of a carrier is called


class Level(NamedTuple):
    """Where places are counted: `name` is "endpoint …", "account …", "did …" or "carrier …"."""

    name: str
    calls: int | None
    cps: int | None


class Admitted(NamedTuple):
    """What a level said: `refused` is "calls", "cps" or "" ; how many calls and starts it counts, this one included."""

    level: Level
    refused: str
    calls: int
    starts: int


class Demand(NamedTuple):
    """Money that a call wants to hold at an account, all it holds there included; never less than `need`."""

    account: str
    want: Decimal
    need: Decimal  # the least that is of use
    credit: Decimal  # how far the balance may fall below nothing
    day: str  # the account's own, YYYY-MM-DD
    spend_per_day: Decimal | None = None


class Held(NamedTuple):
    """What an account said to a demand: `refused` is "money", "day" or "".

    What the call itself holds is in `granted` only.
    """

    account: str
    refused: str
    granted: Decimal  # what the call holds there now, less than wanted where only a part was there
    available: Decimal  # balance and credit, less what others hold and what ended calls have yet to pay
    held: Decimal  # by other calls
    spent: Decimal  # today, by calls that ended


class Booked(NamedTuple):
    """What a booking made of an account: its balance, the last entry of the ledger in it, and the calls it charged."""

    account: str
    balance: Decimal
    ledger_id: int
    calls: tuple[str, ...] = ()


class Near(NamedTuple):
    """A limit of an account of which a call leaves little."""

    account: str
    limit: str
    used: Decimal | int
    of: Decimal | int


class World(Protocol):
    """What a decision must ask outside: the only way it reaches the world."""

    def locate(self, user: str, domain: str) -> Located:
        """The edges that hold a live registration of user@domain. Raises ServiceAway: could not ask."""
        ...

    def answering(self, edges: Sequence[str]) -> Collection[str]:
        """Those of the edges that are not known to be down; all of them where every one is."""
        ...

    def no_password(self, file: Path) -> str:
        """Why the password of a carrier cannot be had from its file; "" where it can."""
        ...

    def room_owner(self, room: str, node: str) -> str:
        """The node that hosts `room`: the present owner, else `node`, which becomes it."""
        ...

    def admit(self, call: str, levels: Sequence[Level]) -> Sequence[Admitted]:
        """Take a place at each level, or none: the last one given then says which refused. Raises ServiceAway."""
        ...

    def rates(self, tariffs: Sequence[str], number: str) -> Mapping[str, Tariff]:
        """Those of the tariffs that there are, each with its rates for calls to `number`. Raises ServiceAway."""
        ...

    def quality(self, prefix: str) -> Mapping[str, Quality]:
        """What carriers did lately with calls to `prefix`, by their names: those of which anything is known.

        Only prefixes of entries that choose by quality are known.
        """
        ...

    def hold(self, call: str, demands: Sequence[Demand]) -> Sequence[Held]:
        """Hold money at each account, or none: the last one given then says which refused. Raises CallctlError."""
        ...

    def keep(self, endpoint: str, wish: Wish) -> None:
        """Let what a phone says count from now on. Raises ServiceAway."""
        ...


class Directory(Protocol):
    """What is configured."""

    def account(self, name: str) -> Account | None:
        """The account of that name."""
        ...

    def lineage(self, name: str) -> Sequence[Account]:
        """The account, its parent, and so on to the top."""
        ...

    def room(self, name: str) -> Room | None:
        """The conference room declared under that name."""
        ...

    def endpoint_by_aor(self, user: str, domain: str) -> Endpoint | None:
        """The phone user@domain."""
        ...

    def endpoint_by_user(self, account: str, user: str) -> Endpoint | None:
        """The phone of that user in an account, at whichever domain."""
        ...

    def endpoint_by_extension(self, account: str, extension: str) -> Endpoint | None:
        """The phone with that extension in an account."""
        ...

    def endpoints_by_source(self, address: str) -> Sequence[Endpoint]:
        """The trunks that call from an IP address: the longest prefix first, then the narrowest network."""
        ...

    def carrier(self, name: str) -> Carrier | None:
        """The carrier of that name."""
        ...

    def carriers_by_source(self, address: str) -> Sequence[Carrier]:
        """The carriers that call from an IP address, the narrowest network first."""
        ...

    def route(self, name: str) -> Route | None:
        """The plan of routes of that name."""
        ...

    def did(self, number: str) -> Did | None:
        """The DID, by its digits in international form."""
        ...

    def worth(self, currency: str) -> Decimal | None:
        """What one unit of a currency is worth in the base currency; None where nobody has said."""
        ...
