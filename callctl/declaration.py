"""The declarative files of `callctl apply`: read, checked, and every fault named by file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from callctl.declaration_file import Currency, Entry, Name, Placed, entries
from callctl.declaration_tariff import Amount, TariffEntry
from callctl.errors import ConfigError


def _network(text: str) -> str:
    return str(ip_network(text, strict=False))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"there is no time zone {name!r}; write one as Asia/Shanghai") from error
    return name


User = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+*-]{1,64}$")]
Domain = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]
Prefix = Annotated[str, Field(pattern=r"^[0-9*#]{1,20}$")]
Codec = Annotated[str, Field(pattern=r"^[A-Z0-9_.-]{1,32}$")]


MOST = 9_000_000_000  # of a currency; more micro-units than Redis counts exactly


class LimitsEntry(Entry):
    """How much at once; what is not named has no limit."""

    calls: int | None = Field(None, ge=0, le=1_000_000)
    cps: int | None = Field(None, ge=0, le=100_000)


class AccountLimits(LimitsEntry):
    """An account's, which may be of money too: a day of its time zone, a minute of a call."""

    spend_per_day: Amount | None = None
    price_per_minute: Amount | None = None


class AccountEntry(Entry):
    """An account. No codecs: the platform's; no max_duration (seconds): the platform's."""

    name: Name
    status: Literal["active", "closed"] = "active"
    codecs: tuple[Codec, ...] = ()
    codec_check: bool = True
    max_duration: int | None = Field(None, gt=0, le=86_400 * 7)
    parent: Name | None = None
    limits: AccountLimits = AccountLimits()
    mode: Literal["prepaid", "postpaid"] = "prepaid"
    credit_limit: Annotated[Amount, Field(le=MOST)] = Decimal(0)  # how far a postpaid balance may fall below nothing
    tariff: Name | None = None
    currency: Currency | None = None
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"  # by whose clock the windows of its rates hold
    blocked: tuple[Prefix, ...] = ()
    allowed: tuple[Prefix, ...] = ()
    premium: bool = False

    @model_validator(mode="after")
    def _credit_is_postpaid(self) -> Self:
        if self.mode == "prepaid" and self.credit_limit:
            raise ValueError("a prepaid account has no credit_limit; make its mode postpaid or leave it out")
        if self.mode == "postpaid" and "credit_limit" not in self.model_fields_set:
            raise ValueError("a postpaid account needs a credit_limit: how far its balance may fall below nothing")
        return self

    @property
    def key(self) -> str:
        """What names it among accounts."""
        return self.name


class EndpointEntry(Entry):
    """A phone (user at domain) or a trunk (address or network)."""

    account: Name
    user: User | None = None
    domain: Domain | None = None
    address: Annotated[str, AfterValidator(_network)] | None = None
    extension: Annotated[str, Field(pattern=r"^[0-9*+]{1,32}$")] | None = None
    caller_id: Annotated[str, Field(pattern=r"^[0-9A-Za-z+*_.-]{0,64}$")] = ""
    codecs: tuple[Codec, ...] = ()
    limits: LimitsEntry = LimitsEntry()

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.user is None) == (self.address is None):
            raise ValueError("an endpoint has either a user or an address")
        if self.user is not None and self.domain is None:
            raise ValueError("an endpoint with a user has a domain")
        if self.address is not None and (self.domain or self.extension):
            raise ValueError("an endpoint with an address has neither domain nor extension")
        return self

    @property
    def key(self) -> str:
        """What names it among endpoints: user@domain, or the network."""
        return f"{self.user}@{self.domain.lower()}" if self.domain is not None else str(self.address)


KINDS: Mapping[str, type[Entry]] = {"accounts": AccountEntry, "endpoints": EndpointEntry, "tariffs": TariffEntry}


class Declaration(NamedTuple):
    """What the files declare, by key."""

    accounts: dict[str, AccountEntry]
    endpoints: dict[str, EndpointEntry]
    tariffs: dict[str, TariffEntry]


def read(
    files: Iterable[Path],
    known_accounts: Mapping[str, str | None],
    known_tariffs: Mapping[str, str] = MappingProxyType({}),
) -> Declaration:
    """The declaration of all files together; what is known exists without being in them: accounts, each with its
    parent, and tariffs, each with its currency.

    Raises ConfigError with file and line: bad YAML, unknown keys, a name twice, an unknown account, parent or tariff,
    parents in a circle, an extension twice.
    """
    accounts: dict[str, Placed] = {}
    endpoints: dict[str, Placed] = {}
    tariffs: dict[str, Placed] = {}
    groups: Mapping[type[Entry], dict[str, Placed]] = {
        AccountEntry: accounts, EndpointEntry: endpoints, TariffEntry: tariffs,
    }  # fmt: skip
    for file in files:
        for placed in entries(file, KINDS):
            assert isinstance(placed.entry, AccountEntry | EndpointEntry | TariffEntry)
            group = groups[type(placed.entry)]
            if other := group.get(placed.entry.key):
                raise ConfigError(f"{placed.place}: {placed.entry.key} stands at {other.place} already; keep one.")
            group[placed.entry.key] = placed
    _check_references(endpoints.values(), {*accounts, *known_accounts})
    _check_parents(accounts, known_accounts)
    declared = {key: entry for key, (entry, _) in tariffs.items() if isinstance(entry, TariffEntry)}
    _check_tariffs(accounts.values(), {**known_tariffs, **{key: entry.currency for key, entry in declared.items()}})
    return Declaration(
        {key: entry for key, (entry, _) in accounts.items() if isinstance(entry, AccountEntry)},
        {key: entry for key, (entry, _) in endpoints.items() if isinstance(entry, EndpointEntry)},
        declared,
    )


def tariffs(file: Path) -> dict[str, TariffEntry]:
    """The tariffs of a file, which may hold other lists too. Raises ConfigError with file and line."""
    found: dict[str, TariffEntry] = {}
    for entry, place in entries(file, KINDS):
        if isinstance(entry, TariffEntry):
            if entry.name in found:
                raise ConfigError(f"{place}: there is a tariff {entry.name} above already; keep one.")
            found[entry.name] = entry
    return found


def _check_references(endpoints: Iterable[Placed], accounts: set[str]) -> None:
    extensions: dict[tuple[str, str], str] = {}
    for entry, place in endpoints:
        assert isinstance(entry, EndpointEntry)
        if entry.account not in accounts:
            raise ConfigError(f"{place}: there is no account {entry.account}; declare it or correct the name.")
        if entry.extension:
            other = extensions.setdefault((entry.account, entry.extension), place)
            if other != place:
                raise ConfigError(
                    f"{place}: extension {entry.extension} of account {entry.account} is taken at {other}."
                )


def _check_parents(accounts: Mapping[str, Placed], known: Mapping[str, str | None]) -> None:
    parents = dict(known)
    for entry, _ in accounts.values():
        assert isinstance(entry, AccountEntry)
        parents[entry.name] = entry.parent
    for name, (_, place) in accounts.items():
        above = [name]
        while (parent := parents[above[-1]]) is not None:
            if parent not in parents:
                raise ConfigError(f"{place}: there is no account {parent} to be a parent; declare it or correct it.")
            if parent in above:
                raise ConfigError(f"{place}: the parents of {name} go in a circle: {' → '.join([*above, parent])}.")
            above.append(parent)


def _check_tariffs(accounts: Iterable[Placed], currencies: Mapping[str, str]) -> None:
    for entry, place in accounts:
        assert isinstance(entry, AccountEntry)
        if entry.tariff is None:
            continue
        currency = currencies.get(entry.tariff)
        if currency is None:
            raise ConfigError(f"{place}: there is no tariff {entry.tariff}; declare it, import it or correct the name.")
        if entry.currency not in (None, currency):
            raise ConfigError(
                f"{place}: account {entry.name} is in {entry.currency} and its tariff {entry.tariff} in {currency}; "
                "make them one currency."
            )
