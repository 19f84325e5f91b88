"""What decisions ask: the configuration in memory, and the questions that reach outside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import structlog

from callctl.admission.limits import LEASE, Limits
from callctl.admission.money import Money
from callctl.call import credentials
from callctl.call.configuration import Configuration
from callctl.call.quality import Qualities, asked
from callctl.live.board import Board
from callctl.live.client import connect
from callctl.live.edges import usable
from callctl.live.rooms import Rooms
from callctl.outside import Quality, Route
from callctl.plan import Wish
from callctl.rating.tariff import Tariff
from callctl.routing.location import group
from callctl.settings import Settings
from callctl.store import forwarding
from callctl.store.balance import Balances
from callctl.store.location import LocationStore
from callctl.store.pool import Pool
from callctl.store.quality import measure
from callctl.store.tariff import load_several
from callctl.world import Admitted, Demand, Held, Level, Located

log = structlog.get_logger()

PRICING = 1.0  # seconds MySQL may take to say what a call costs; the dialplan's guard ends one undecided after 3 to 4
PRICING_AT_ONCE = 4  # connections


class Facts(Configuration):
    """The World of live calls."""

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        location: LocationStore,
        rooms: Rooms,
        limits: Limits,
        money: Money,
        prices: Pool,
        qualities: Qualities,
        board: Board | None = None,
    ) -> None:
        super().__init__(pool)
        self._settings = settings
        self._money = money
        self._prices = prices
        self._qualities = qualities
        self._location = location
        self._rooms = rooms
        self._limits = limits
        self._board = board  # None where no recorder of this host is asked

    def locate(self, user: str, domain: str) -> Located:
        """The edges that hold a live registration of user@domain. Raises ServiceAway: could not ask."""
        found = group(self._location.contacts(user, domain), self._settings.edges)
        if self._board is None or not found.targets:
            return found
        up = usable((target.edge for target in found.targets), self._board)
        silent = tuple(f"edge {target.edge} no longer answers" for target in found.targets if target.edge not in up)
        return Located(
            tuple(target for target in found.targets if target.edge in up), found.contacts, found.unusable + silent
        )

    def answering(self, edges: Sequence[str]) -> Collection[str]:
        """Those of the edges that are not known to be down; all of them where every one is."""
        return usable(edges, self._board) if self._board is not None else edges

    def no_password(self, file: Path) -> str:
        """Why the password of a carrier cannot be had from its file, which is logged as well; "" where it can."""
        error = credentials.lacking(file)
        if error:
            log.error("carrier left out", error=error, mend=credentials.MEND)
        return error

    def room_owner(self, room: str, node: str) -> str:
        """The node that hosts `room`; `node` becomes it where none does, and where Redis cannot be asked."""
        return self._rooms.owner(room, node)

    def admit(self, call: str, levels: Sequence[Level]) -> Sequence[Admitted]:
        """Take a place at each level, or none: the last one given then says which refused. Raises RedisAway."""
        return self._limits.admit(call, levels)

    def rates(self, tariffs: Sequence[str], number: str) -> Mapping[str, Tariff]:
        """Those of the tariffs that there are, each with its rates for calls to `number`. Raises StoreError."""
        return load_several(self._prices, tariffs, number)

    def quality(self, prefix: str) -> Mapping[str, Quality]:
        """What carriers did lately with calls to `prefix`, as it was read last."""
        return self._qualities.of(prefix)

    def routes(self) -> Iterable[Route]:
        """The plans of routes that are configured now."""
        return self.directory.outside.routes.values() if self.directory is not None else ()

    def keep_qualities(self) -> None:
        """Read the quality of carriers for ever."""
        self._qualities.keep_fresh(self.routes)

    def hold(self, call: str, demands: Sequence[Demand]) -> Sequence[Held]:
        """Hold money at each account, or none. Raises RedisAway, StoreError and AmountError."""
        return self._money.hold(call, demands, LEASE)

    def keep(self, endpoint: str, wish: Wish) -> None:
        """Let what a phone says count from now on, for every worker within seconds. Raises StoreError."""
        forwarding.keep(self._prices, endpoint, wish)

    def refresh_if_possible(self) -> bool:
        """As any configuration, and say so: calls are decided by it from now on."""
        changed = super().refresh_if_possible()
        if changed and self.directory is not None:
            log.info("configuration read", version=self.directory.version)
        return changed


class DryFacts(Facts):
    """The World of dry runs: asks as a live call does, and changes nothing."""

    def no_password(self, file: Path) -> str:
        """As a live call's, and logs nothing."""
        return credentials.lacking(file)

    def room_owner(self, room: str, node: str) -> str:
        """The node that hosts `room` now, else `node`. Raises RedisAway."""
        return self._rooms.present_owner(room) or node

    def admit(self, call: str, levels: Sequence[Level]) -> Sequence[Admitted]:
        """What each level would say now. Raises RedisAway."""
        return self._limits.admit(call, levels, only_ask=True)

    def keep(self, endpoint: str, wish: Wish) -> None:
        """Nothing."""

    def quality(self, prefix: str) -> Mapping[str, Quality]:
        """What carriers did lately with calls to `prefix`. Raises StoreError."""
        wanted = asked(self.routes())
        return measure(self._prices, {prefix: wanted[prefix]})[prefix] if prefix in wanted else {}

    def hold(self, call: str, demands: Sequence[Demand]) -> Sequence[Held]:
        """What each account would say now. Raises RedisAway, StoreError and AmountError."""
        return self._money.hold(call, demands, LEASE, only_ask=True)


def dry_facts(settings: Settings) -> DryFacts:
    """What a dry run asks, with the configuration read. Raises ServiceAway."""
    registrations = Pool(settings.location_mysql, 1, settings.location.deadline)
    redis, prices = connect(settings.redis), Pool(settings.mysql, 1)
    facts = DryFacts(
        settings,
        Pool(settings.mysql, 1),
        LocationStore(registrations, settings.location),
        Rooms(redis, settings.redis),
        Limits(redis, settings.redis),
        Money(redis, settings.redis, Balances(prices).opening),
        prices,
        Qualities(prices),
    )
    facts.refresh()
    return facts
