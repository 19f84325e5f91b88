"""What is configured, in memory: read from MySQL as a whole, swapped as a whole, so that no call waits for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from ipaddress import ip_network

from callctl.model import Account, Endpoint, Room
from callctl.networks import Network, Networks
from callctl.outside import NOTHING, Carrier, Did, Outside, Route
from callctl.settings import split_address


class Snapshot:
    """Accounts, endpoints and rooms of one configuration `version`, indexed by what calls ask for."""

    def __init__(
        self,
        version: int,
        accounts: Iterable[Account],
        endpoints: Iterable[Endpoint],
        outside: Outside = NOTHING,
        rooms: Iterable[Room] = (),
    ) -> None:
        self.version = version
        self.outside = outside
        self._accounts = {account.name: account for account in accounts}
        self._rooms = {room.name: room for room in rooms}
        self._by_aor: dict[tuple[str, str], Endpoint] = {}
        self._by_user: dict[tuple[str, str], Endpoint] = {}
        self._by_extension: dict[tuple[str, str], Endpoint] = {}
        self._by_name: dict[str, Endpoint] = {}
        networks: list[tuple[Network, Endpoint]] = []
        for endpoint in endpoints:
            self._by_name[endpoint.name] = endpoint
            if endpoint.user:
                self._by_aor[endpoint.user, endpoint.domain.lower()] = endpoint
                self._by_user[endpoint.account, endpoint.user] = endpoint
            if endpoint.extension:
                self._by_extension[endpoint.account, endpoint.extension] = endpoint
            if endpoint.address:
                networks.append((ip_network(endpoint.address, strict=False), endpoint))
        self._trunks = Networks(networks)
        carriers = outside.carriers.values()
        self._carriers = Networks((network, carrier) for carrier in carriers for network in _sources(carrier))

    def account(self, name: str) -> Account | None:
        """The account of that name."""
        return self._accounts.get(name)

    def lineage(self, name: str) -> list[Account]:
        """The account, its parent, and so on to the top; it ends where a parent is missing or comes again."""
        found: dict[str, Account] = {}
        while (account := self._accounts.get(name)) is not None and name not in found:
            found[name] = account
            name = account.parent
        return list(found.values())

    def endpoint(self, name: str) -> Endpoint | None:
        """The endpoint of that name: user@domain, a trunk's network, or prefix@network."""
        return self._by_name.get(name)

    def endpoints_of(self, account: str) -> list[Endpoint]:
        """All endpoints of an account."""
        return [endpoint for endpoint in self._by_name.values() if endpoint.account == account]

    def room(self, name: str) -> Room | None:
        """The conference room declared under that name."""
        return self._rooms.get(name)

    def endpoint_by_aor(self, user: str, domain: str) -> Endpoint | None:
        """The phone user@domain."""
        return self._by_aor.get((user, domain.lower()))

    def endpoint_by_user(self, account: str, user: str) -> Endpoint | None:
        """The phone of that user in an account, at whichever domain."""
        return self._by_user.get((account, user))

    def endpoint_by_extension(self, account: str, extension: str) -> Endpoint | None:
        """The phone with that extension in an account."""
        return self._by_extension.get((account, extension))

    def endpoints_by_source(self, address: str) -> list[Endpoint]:
        """The trunks that call from an IP address: the longest prefix first, then the narrowest network."""
        return sorted(self._trunks.holding(address), key=lambda trunk: len(trunk.prefix), reverse=True)

    def carrier(self, name: str) -> Carrier | None:
        """The carrier of that name."""
        return self.outside.carriers.get(name)

    def carriers_by_source(self, address: str) -> list[Carrier]:
        """The carriers that call from an IP address, the narrowest network first."""
        return list(dict.fromkeys(self._carriers.holding(address)))

    def route(self, name: str) -> Route | None:
        """The plan of routes of that name."""
        return self.outside.routes.get(name)

    def did(self, number: str) -> Did | None:
        """The DID, by its digits in international form."""
        return self.outside.dids.get(number)

    def worth(self, currency: str) -> Decimal | None:
        """What one unit of a currency is worth in the base currency; None where nobody has said."""
        return self.outside.currencies.get(currency)


def _sources(carrier: Carrier) -> Iterator[Network]:
    """Where a carrier's calls come from: its networks, and those of its gateways that are addresses."""
    yield from map(ip_network, carrier.sources)
    for gateway in carrier.gateways:
        try:
            yield ip_network(split_address(gateway.address)[0])
        except ValueError:
            continue  # a name, which says nothing about who calls
