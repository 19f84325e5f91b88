"""The lists of declarative files about what lies outside: `currencies`, `carriers`, `routes`, `dids`."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from callctl.declaration.account import Codec, LimitsEntry, Zone
from callctl.declaration.file import Currency, Entry, ItemEntry, Name
from callctl.declaration.media import MediaEntry
from callctl.declaration.numbers import Number, RewritingEntry
from callctl.declaration.tariff import Amount, Moment, WhenEntry
from callctl.settings import Address

Prefix = Annotated[str, Field(pattern=r"^\+?[0-9*#]{0,20}$"), AfterValidator(lambda text: text.removeprefix("+"))]
Share = Annotated[float, Field(ge=0, le=1)]


def _network(text: str) -> str:
    return str(ip_network(text, strict=False))


class CurrencyEntry(ItemEntry):
    """What one unit of a currency is worth in the platform's base currency, whose own rate is 1."""

    code: Currency
    rate: Annotated[Amount, Field(gt=0)]

    @property
    def key(self) -> str:
        """What names it among currencies."""
        return self.code


class GatewayEntry(Entry):
    """A gateway of a carrier: those of the lowest priority first, among them by weight."""

    address: Address
    weight: int = Field(1, ge=0, le=1000)
    priority: int = Field(0, ge=0, le=100)


def _as_gateway(value: Any) -> Any:
    """A gateway may stand as its address alone."""
    return {"address": value} if isinstance(value, str) else value


class CarrierEntry(ItemEntry):
    """A carrier: where its calls go, what they cost, how much it takes."""

    name: Name
    status: Literal["active", "closed"] = "active"
    currency: Currency | None = None
    tariff: Name | None = None  # what its calls cost us
    timezone: Zone = "UTC"
    limits: LimitsEntry = LimitsEntry()
    codecs: tuple[Codec, ...] = ()
    caller_id: Literal["pai", "rpid", "none"] = "pai"
    gateways: tuple[Annotated[GatewayEntry, BeforeValidator(_as_gateway)], ...] = ()
    sources: tuple[Annotated[str, AfterValidator(_network)], ...] = ()  # where its calls come from, beside gateways
    via: Literal["edge", "direct"] = "edge"
    edges: tuple[Name, ...] = ()  # those its calls go out by; empty: any that is healthy
    username: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")] | None = None
    password_file: Path | None = None  # on each controller, never in the database
    ring_timeout: int = Field(60, ge=1, le=600)
    progress_timeout: int = Field(10, ge=1, le=600)  # seconds until it must have said that it rings
    outgoing: RewritingEntry = RewritingEntry()
    incoming: RewritingEntry = RewritingEntry()
    media: MediaEntry = MediaEntry()

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file go together")
        if self.via == "direct" and self.edges:
            raise ValueError("a carrier that is reached directly goes out by no edges")
        if self.via == "direct" and self.media.relay is not None:
            raise ValueError("a carrier that is reached directly has no edge to relay its media; leave relay out")
        if self.progress_timeout > self.ring_timeout:
            raise ValueError("progress_timeout is longer than ring_timeout; make it shorter")
        return self

    @property
    def key(self) -> str:
        """What names it among carriers."""
        return self.name


class CarrierShare(Entry):
    """A carrier of a route and its share of the calls."""

    name: Name
    weight: int = Field(1, ge=0, le=1000)


class FloorEntry(Entry):
    """Below what a carrier is left out of a route: its answers per seizure, and seconds per answer, lately."""

    asr: Share = 0.0
    acd: int = Field(0, ge=0, le=3600)  # seconds
    calls: int = Field(20, ge=1, le=10_000)  # fewer say nothing
    probe: Share = 0.02  # of the calls go to a carrier that was left out, to see whether it is better


def _as_share(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class RouteEntryEntry(Entry):
    """The carriers of a prefix while `when` holds; of several the greatest weight counts, then the latest start."""

    prefix: Prefix
    carriers: tuple[Annotated[CarrierShare, BeforeValidator(_as_share)], ...] = ()  # none: the prefix is not routed
    choose: Literal["priority", "share", "least-cost", "quality"] = "priority"
    floor: FloorEntry = FloorEntry()
    fork: int = Field(1, ge=1, le=5)  # how many are tried at once
    allow_loss: bool = False
    weight: int = Field(0, ge=-1000, le=1000)
    when: WhenEntry = WhenEntry()

    @model_validator(mode="after")
    def _each_carrier_once(self) -> Self:
        names = [carrier.name for carrier in self.carriers]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"carrier {twice} stands twice; a greater weight gives it more of the calls")
        return self


class RouteEntry(ItemEntry):
    """A plan of routes: the longest prefix of the number that holds now decides."""

    name: Name
    timezone: Zone = "UTC"
    budget: int = Field(90, ge=5, le=600)  # seconds for all attempts of a call
    expected_seconds: int = Field(180, ge=1, le=36_000)  # the talk that prices are compared for
    next_on: tuple[Annotated[str, Field(pattern=r"^([1-6][0-9]{2}|[A-Z_]{3,64})$")], ...] | None = None  # SIP, causes
    entries: tuple[RouteEntryEntry, ...] = Field(min_length=1)

    @property
    def key(self) -> str:
        """What names it among routes."""
        return self.name


class TargetEntry(Entry):
    """Where a DID's call goes: exactly one of these."""

    endpoint: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+*-]{1,64}(@[A-Za-z0-9.-]{1,253})?$")] | None = None
    room: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")] | None = None
    number: Number | None = None
    uri: Annotated[str, Field(pattern=r"^sip:[A-Za-z0-9_.+*-]{1,64}@[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?$")] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.endpoint, self.room, self.number, self.uri)) != 1:
            raise ValueError("a destination is one of endpoint, room, number and uri")
        return self


class DidEntry(ItemEntry):
    """A number that reaches an account from outside."""

    number: Number
    account: Name
    status: Literal["active", "blocked"] = "active"
    expires: Moment | None = None
    carrier: Name | None = None  # the only one it may come from
    calls: int | None = Field(None, ge=0, le=100_000)  # at once
    tariff: Name | None = None  # what calls to it cost its account; else the account's `tariff_in`
    numbers: RewritingEntry = RewritingEntry()
    to: tuple[TargetEntry, ...] = Field(min_length=1, max_length=10)

    @property
    def key(self) -> str:
        """What names it among DIDs."""
        return self.number
