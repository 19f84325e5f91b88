"""Whether entries go together, with each other and with what is configured already; each fault with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType
from typing import Any, NamedTuple

from callctl.declaration.account import AccountEntry, EndpointEntry
from callctl.declaration.file import Placed
from callctl.declaration.tariff import TariffEntry
from callctl.errors import CallctlError, ConfigError

Bodies = Mapping[str, Mapping[str, Any]]  # entries by key, as they are kept: without what has its default
NONE: Bodies = MappingProxyType({})
CONFIGURED = "is configured already"

Accounts = Mapping[str, Placed[AccountEntry]]
Endpoints = Mapping[str, Placed[EndpointEntry]]
Tariffs = Mapping[str, Placed[TariffEntry]]


class Known(NamedTuple):
    """What is configured already and stays where it is not declared anew."""

    accounts: Bodies = NONE
    endpoints: Bodies = NONE
    tariffs: Bodies = NONE
    items: Mapping[str, Bodies] = MappingProxyType({})  # by what they are: carrier, route, …
    booked: Mapping[str, str] = MappingProxyType({})  # accounts with entries in the ledger, and the currency of those


def check(accounts: Accounts, endpoints: Endpoints, tariffs: Tariffs, known: Known) -> None:
    """Raise ConfigError for the first thing that does not go together."""
    _references(endpoints, {*accounts, *known.accounts})
    _extensions(endpoints, known)
    _parents(accounts, known)
    _money(accounts, tariffs, known)
    _addresses(endpoints, known)


def _references(endpoints: Endpoints, accounts: set[str]) -> None:
    for placed in endpoints.values():
        if placed.entry.account not in accounts:
            said = f"there is no account {placed.entry.account}; declare it or correct the name"
            raise ConfigError(f"{placed.at('account')}: {said}.")


def _extensions(endpoints: Endpoints, known: Known) -> None:
    taken = {
        (body["account"], body["extension"]): f"{key}, which {CONFIGURED}"
        for key, body in known.endpoints.items()
        if key not in endpoints and "extension" in body
    }
    for placed in endpoints.values():
        entry = placed.entry
        if entry.extension is None:
            continue
        other = taken.setdefault((entry.account, entry.extension), placed.at("extension"))
        if other != placed.at("extension"):
            said = f"extension {entry.extension} of account {entry.account} is taken at {other}"
            raise ConfigError(f"{placed.at('extension')}: {said}.")


def _parents(accounts: Accounts, known: Known) -> None:
    parents: dict[str, str | None] = {name: body.get("parent") for name, body in known.accounts.items()}
    parents |= {name: placed.entry.parent for name, placed in accounts.items()}
    for name, placed in accounts.items():
        above = [name]
        while (parent := parents[above[-1]]) is not None:
            if parent not in parents:
                said = f"there is no account {parent} to be a parent; declare it or correct it"
                raise ConfigError(f"{placed.at('parent')}: {said}.")
            if parent in above:
                circle = " → ".join([*above, parent])
                raise ConfigError(f"{placed.at('parent')}: the parents of {name} go in a circle: {circle}.")
            above.append(parent)


def _money(accounts: Accounts, tariffs: Tariffs, known: Known) -> None:
    """That every account has one currency: its own, its tariff's and its ledger's."""
    currencies = {name: body["currency"] for name, body in known.tariffs.items()}
    currencies |= {name: placed.entry.currency for name, placed in tariffs.items()}
    for name, placed in accounts.items():
        entry = placed.entry
        if entry.tariff is not None and entry.tariff not in currencies:
            said = f"there is no tariff {entry.tariff}; declare it, import it or correct the name"
            raise ConfigError(f"{placed.at('tariff')}: {said}.")
        _one_currency(name, entry.tariff, entry.currency, currencies, known.booked, placed.at("tariff"))
        if entry.tariff is None and entry.currency is None and (money := next(_amounts(entry), "")):
            said = f"{money} of account {name} is of no currency; give the account a tariff or a currency"
            raise ConfigError(f"{placed.place}: {said}.")
    for name, body in known.accounts.items():
        placed_tariff = tariffs.get(body.get("tariff", ""))
        if name not in accounts and placed_tariff is not None:
            place = placed_tariff.at("currency")
            _one_currency(name, body["tariff"], body.get("currency"), currencies, known.booked, place)


def _one_currency(
    name: str,
    tariff: str | None,
    currency: str | None,
    currencies: Mapping[str, str],
    booked: Mapping[str, str],
    place: str,
) -> None:
    own = currencies[tariff] if tariff is not None else currency
    if currency not in (None, own):
        said = f"account {name} is in {currency} and its tariff {tariff} in {own}; make them one currency"
        raise ConfigError(f"{place}: {said}.")
    if booked.get(name, own) != own:
        said = f"the ledger of account {name} is in {booked[name]}, not {own or 'no currency'}"
        raise ConfigError(f"{place}: {said}; leave its currency, and make another account for another one.")


def _amounts(entry: AccountEntry) -> Iterator[str]:
    """The keys by which an account has amounts of money."""
    if entry.credit_limit:
        yield "credit_limit"
    if entry.limits.spend_per_day is not None:
        yield "limits.spend_per_day"
    if entry.limits.price_per_minute is not None:
        yield "limits.price_per_minute"


class _Trunk(NamedTuple):
    key: str
    account: str
    prefix: str
    network: IPv4Network | IPv6Network
    place: str  # empty: configured already


def _addresses(endpoints: Endpoints, known: Known) -> None:
    """That of any call from an address one account at most is the caller, by the prefix it dials where need be."""
    inside: list[_Trunk] = []  # each network within the one before
    for trunk in sorted(_trunks(endpoints, known), key=_by_network):
        while inside and not _contains(inside[-1], trunk):
            inside.pop()
        for other in inside:
            if trunk.account != other.account and (trunk.place or other.place) and _alike(trunk.prefix, other.prefix):
                _refuse(*((trunk, other) if trunk.place else (other, trunk)))
        inside.append(trunk)


def _trunks(endpoints: Endpoints, known: Known) -> Iterator[_Trunk]:
    for key, placed in endpoints.items():
        entry = placed.entry
        if entry.address is not None:
            yield _Trunk(key, entry.account, entry.prefix or "", ip_network(entry.address), placed.at("address"))
    for key, body in known.endpoints.items():
        if key not in endpoints and "address" in body:
            yield _Trunk(key, body["account"], body.get("prefix", ""), ip_network(body["address"]), "")


def _by_network(trunk: _Trunk) -> tuple[int, int, int, str]:
    network = trunk.network
    return network.version, int(network.network_address), network.prefixlen, trunk.key


def _contains(wide: _Trunk, narrow: _Trunk) -> bool:
    one, other = wide.network, narrow.network
    return one.version == other.version and other.network_address in one


def _alike(one: str, other: str) -> bool:
    """Whether a number may have both prefixes in front of it."""
    return one.startswith(other) or other.startswith(one)


def _refuse(trunk: _Trunk, other: _Trunk) -> None:
    where = f"stands at {other.place}" if other.place else CONFIGURED
    said = f"{trunk.key} of account {trunk.account} and {other.key} of account {other.account}, which {where}, overlap"
    mend = "give each a prefix that the other does not begin with, or addresses of its own"
    raise ConfigError(f"{trunk.place}: {said}; {mend}.")


def refuse_removal(what: str, key: str, known: Known) -> None:
    """Raise CallctlError if something else refers to what shall be removed."""
    users = list(_users(what, key, known))
    if users:
        more = f" and {len(users) - 3} more" if len(users) > 3 else ""
        raise CallctlError(
            f"The {what} {key} is still needed by {', '.join(users[:3])}{more}: remove or change what needs it first."
        )


def _users(what: str, key: str, known: Known) -> Iterable[str]:
    if what == "tariff":
        payers = [f"account {name}" for name, body in known.accounts.items() if key in _tariffs_of(body)]
        return payers + [f"{what} {name}" for what, name, body in _items(known) if key in _tariffs_of(body)]
    if what == "account":
        children = [f"account {name}" for name, body in known.accounts.items() if body.get("parent") == key]
        children += [f"endpoint {name}" for name, body in known.endpoints.items() if body["account"] == key]
        return children + [f"{what} {name}" for what, name, body in _items(known) if body.get("account") == key]
    if what == "carrier":
        dids = [f"did {name}" for name, body in known.items.get("did", {}).items() if body.get("carrier") == key]
        return [f"route {name}" for name, body in known.items.get("route", {}).items() if key in _carriers(body)] + dids
    if what == "route":
        return [f"account {name}" for name, body in known.accounts.items() if body.get("routes") == key]
    return ()


def _tariffs_of(body: Mapping[str, Any]) -> tuple[Any, Any]:
    return body.get("tariff"), body.get("tariff_in")


def _carriers(route: Mapping[str, Any]) -> set[str]:
    return {carrier["name"] for entry in route["entries"] for carrier in entry.get("carriers", ())}


def _items(known: Known) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for what, group in known.items.items():
        for name, body in group.items():
            yield what, name, body
