"""The declarative files of `callctl apply`: read, checked, and every fault named by file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from callctl.declaration.account import AccountEntry, EndpointEntry
from callctl.declaration.check import Known, check
from callctl.declaration.file import Entry, ItemEntry, Placed, entries
from callctl.declaration.numbers import NumbersEntry
from callctl.declaration.outside import CarrierEntry, CurrencyEntry, DidEntry, RouteEntry
from callctl.declaration.references import check_items
from callctl.declaration.room import RoomEntry
from callctl.declaration.sides import check_media
from callctl.declaration.tariff import TariffEntry
from callctl.errors import ConfigError
from callctl.routing.numbers import hidden

E = TypeVar("E", bound=Entry)

# Lists whose entries are kept as they are: what one is called, and its form.
ITEMS: Mapping[str, tuple[str, type[ItemEntry]]] = {
    "numbers": ("numbers", NumbersEntry),
    "currencies": ("currency", CurrencyEntry),
    "carriers": ("carrier", CarrierEntry),
    "routes": ("route", RouteEntry),
    "dids": ("did", DidEntry),
    "rooms": ("room", RoomEntry),
}
KINDS: Mapping[str, type[Entry]] = {
    "accounts": AccountEntry,
    "endpoints": EndpointEntry,
    "tariffs": TariffEntry,
    **{name: form for name, (_, form) in ITEMS.items()},
}
_WHAT = {form: what for what, form in ITEMS.values()}


class Declaration(NamedTuple):
    """What shall be configured, by key; what else is configured stays, unless it is `removed` (its kind and key)."""

    accounts: Mapping[str, AccountEntry]
    endpoints: Mapping[str, EndpointEntry]
    tariffs: Mapping[str, TariffEntry]
    items: Mapping[str, Mapping[str, ItemEntry]] = MappingProxyType({})  # by what they are: carrier, route, …
    removed: frozenset[tuple[str, str]] = frozenset()


class Written(NamedTuple):
    """What somebody wrote, by key, and where each entry stands."""

    accounts: dict[str, Placed[AccountEntry]]
    endpoints: dict[str, Placed[EndpointEntry]]
    tariffs: dict[str, Placed[TariffEntry]]
    items: dict[str, dict[str, Placed[ItemEntry]]]

    def hidden(self) -> list[Hidden]:
        """The rules of `numbers` that nothing reaches."""
        found = []
        for name, placed in self.items.get("numbers", {}).items():
            assert isinstance(placed.entry, NumbersEntry)
            rules = [each.rule() for each in placed.entry.rules]
            found += [Hidden(placed.place, name, rule, before) for rule, before in hidden(rules)]
        return found

    def among(self, known: Known) -> Declaration:
        """The declaration, if it goes together with what is configured already. Raises ConfigError with the place.

        Refused are an unknown account, parent or tariff, parents in a circle, currencies that differ or are missing,
        an extension twice, and addresses of which nobody could say whose they are.
        """
        check(self.accounts, self.endpoints, self.tariffs, known)
        check_items(self.accounts, self.endpoints, self.tariffs, self.items, known)
        check_media(self.accounts, self.endpoints, known)
        items = {what: _entries(group) for what, group in self.items.items()}
        return Declaration(_entries(self.accounts), _entries(self.endpoints), _entries(self.tariffs), items)


class Hidden(NamedTuple):
    """A rule of `numbers` that no number reaches, as one before it takes them all; both counted from 1."""

    place: str
    ruleset: str
    rule: int
    before: int


def read(files: Iterable[Path]) -> Written:
    """What all files together say. Raises ConfigError with file and line: bad YAML, unknown keys, a name twice."""
    written = Written({}, {}, {}, {what: {} for what in _WHAT.values()})
    for file in files:
        for placed in entries(file, KINDS):
            match placed.entry:
                case AccountEntry() as account:
                    _put(written.accounts, account.key, placed.holding(account))
                case EndpointEntry() as endpoint:
                    _put(written.endpoints, endpoint.key, placed.holding(endpoint))
                case TariffEntry() as tariff:
                    _put(written.tariffs, tariff.key, placed.holding(tariff))
                case ItemEntry() as item:
                    _put(written.items[_WHAT[type(item)]], item.key, placed.holding(item))
    return written


def tariffs(file: Path) -> dict[str, TariffEntry]:
    """The tariffs of a file, which may hold other lists too. Raises ConfigError with file and line."""
    return _entries(read([file]).tariffs)


def _put(group: dict[str, Placed[E]], key: str, placed: Placed[E]) -> None:
    if other := group.get(key):
        raise ConfigError(f"{placed.place}: {key} stands at {other.place} already; keep one.")
    group[key] = placed


def _entries(group: Mapping[str, Placed[E]]) -> dict[str, E]:
    return {key: placed.entry for key, placed in group.items()}
