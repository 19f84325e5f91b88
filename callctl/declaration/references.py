"""Whether what entries name is there: carriers of routes, rules of numbers, tariffs of carriers, accounts of DIDs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from callctl.declaration.account import AccountEntry, EndpointEntry
from callctl.declaration.check import Accounts, Endpoints, Known, Tariffs
from callctl.declaration.file import Entry, ItemEntry, Placed
from callctl.declaration.numbers import RewritingEntry
from callctl.declaration.outside import CarrierEntry, DidEntry, RouteEntry
from callctl.declaration.room import RoomEntry
from callctl.errors import ConfigError

E = TypeVar("E", bound=Entry)
Items = Mapping[str, Mapping[str, Placed[ItemEntry]]]


def check_items(accounts: Accounts, endpoints: Endpoints, tariffs: Tariffs, items: Items, known: Known) -> None:
    """Raise ConfigError for the first entry that names what is not there, with its place."""
    there = {what: {*items.get(what, ()), *known.items.get(what, ())} for what in {*items, *known.items}}
    there |= {"account": {*accounts, *known.accounts}, "tariff": {*tariffs, *known.tariffs}}
    for account in accounts.values():
        _all_there(account, there)
    for endpoint in endpoints.values():
        _all_there(endpoint, there)
    for group in items.values():
        for item in group.values():
            _all_there(item, there)
    _currencies(tariffs, items, known)
    _incoming(accounts, tariffs, items, known)


def _all_there(placed: Placed[E], there: Mapping[str, set[str]]) -> None:
    for what, name, key in _named(placed.entry):
        if name not in there.get(what, ()):
            raise ConfigError(f"{placed.at(key)}: there is no {what} {name}; declare it or correct the name.")


def _named(entry: Entry) -> Iterator[tuple[str, str, str]]:
    """What an entry names: what it is, its name, and the key that says so."""
    match entry:
        case AccountEntry():
            yield from _some(("route", entry.routes, "routes"), ("tariff", entry.tariff_in, "tariff_in"))
            yield from _rules(entry.numbers, "numbers")
        case EndpointEntry():
            yield from _rules(entry.numbers, "numbers")
        case CarrierEntry():
            yield from _some(("tariff", entry.tariff, "tariff"))
            yield from _rules(entry.outgoing, "outgoing")
            yield from _rules(entry.incoming, "incoming")
        case RouteEntry():
            for each in entry.entries:
                yield from (("carrier", carrier.name, "entries") for carrier in each.carriers)
        case DidEntry():
            yield from _some(
                ("account", entry.account, "account"),
                ("carrier", entry.carrier, "carrier"),
                ("tariff", entry.tariff, "tariff"),
            )
            yield from _rules(entry.numbers, "numbers")
            # Digits are a room that need not be declared.
            yield from (("room", to.room, "to") for to in entry.to if to.room is not None and not to.room.isdecimal())
        case RoomEntry():
            yield "account", entry.account, "account"


def _some(*named: tuple[str, str | None, str]) -> Iterator[tuple[str, str, str]]:
    for what, name, key in named:
        if name is not None:
            yield what, name, key


def _rules(rewriting: RewritingEntry, key: str) -> Iterator[tuple[str, str, str]]:
    yield from _some(("numbers", rewriting.called, key), ("numbers", rewriting.caller, key))


def _currencies(tariffs: Tariffs, items: Items, known: Known) -> None:
    """That a carrier is in its tariff's currency."""
    currencies = {name: body["currency"] for name, body in known.tariffs.items()}
    currencies |= {name: placed.entry.currency for name, placed in tariffs.items()}
    for placed in items.get("carrier", {}).values():
        entry = placed.entry
        assert isinstance(entry, CarrierEntry)
        own = currencies.get(entry.tariff or "", entry.currency)
        if entry.currency not in (None, own):
            said = f"carrier {entry.name} is in {entry.currency} and its tariff {entry.tariff} in {own}"
            raise ConfigError(f"{placed.at('currency')}: {said}; make them one currency.")


def _incoming(accounts: Accounts, tariffs: Tariffs, items: Items, known: Known) -> None:
    """That an account pays for calls to its DIDs in its own currency."""
    currencies = {name: body["currency"] for name, body in known.tariffs.items()}
    currencies |= {name: placed.entry.currency for name, placed in tariffs.items()}
    own = {name: (body.get("currency"), body.get("tariff")) for name, body in known.accounts.items()}
    own |= {name: (placed.entry.currency, placed.entry.tariff) for name, placed in accounts.items()}
    named = [(name, placed.entry.tariff_in, placed.at("tariff_in")) for name, placed in accounts.items()]
    for placed in items.get("did", {}).values():
        assert isinstance(placed.entry, DidEntry)
        named.append((placed.entry.account, placed.entry.tariff, placed.at("tariff")))
    for account, tariff, place in named:
        if tariff is None:
            continue
        currency, by = own[account]
        has = currency or currencies.get(by or "")
        if has != currencies[tariff]:
            incoming = f"tariff {tariff} for its DIDs in {currencies[tariff]}"
            said = f"account {account} is in {has or 'no currency'} and {incoming}"
            raise ConfigError(f"{place}: {said}; make them one currency.")
