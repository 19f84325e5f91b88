"""What lies outside the platform, as decisions know it: carriers and their gateways, routes, DIDs, currencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

from callctl.rating.tariff import ALWAYS, When
from callctl.routing.numbers import Rule

Rules = tuple[Rule, ...]


class Rewriting(NamedTuple):
    """The rules for the called and the caller's number."""

    called: Rules = ()
    caller: Rules = ()


NO_REWRITING = Rewriting()


class CallerIds(NamedTuple):
    """Which number callees are shown."""

    allowed: tuple[str, ...] = ()  # those the caller may say himself; with * behind it, all that begin so
    forced: str = ""
    for_prefix: tuple[tuple[str, str], ...] = ()  # prefix of the called number, number shown; longest prefix first
    anonymous: bool = False


NO_CALLER_IDS = CallerIds()


class Forward(NamedTuple):
    """Where a phone's calls go instead, as its account would dial it."""

    always: str = ""
    busy: str = ""
    no_answer: str = ""
    not_registered: str = ""


NO_FORWARD = Forward()


class Media(NamedTuple):
    """How media goes; None: as the next wider one says."""

    path: Literal["switch", "proxy", "bypass"] | None = None
    transcoding: bool | None = None
    order: Literal["caller", "listed"] | None = None  # of codecs: as the caller offers them, or as they are listed
    relay: bool | None = None
    srtp: Literal["off", "offered", "demanded"] | None = None
    early_media: Literal["passed", "held"] | None = None
    fax: bool | None = None

    def over(self, wider: Media) -> Media:
        """These words, and those of `wider` where there are none."""
        if self == NO_MEDIA:
            return wider
        said = {name: value for name, value in self._asdict().items() if value is not None}
        return wider._replace(**said)


NO_MEDIA = Media()


class Gateway(NamedTuple):
    """Where a carrier takes calls: the lowest priority first, among equals by weight."""

    address: str  # HOST:PORT
    weight: int = 1
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Carrier:
    """Who takes calls to the outside, and brings those of DIDs."""

    name: str
    active: bool = True
    tariff: str = ""  # what its calls cost us
    currency: str = ""
    timezone: str = "UTC"
    calls: int | None = None  # at once
    cps: int | None = None
    codecs: tuple[str, ...] = ()
    caller_id: Literal["pai", "rpid", "none"] = "pai"
    gateways: tuple[Gateway, ...] = ()
    sources: tuple[str, ...] = ()  # networks its calls come from, beside its gateways
    direct: bool = False  # from FreeSWITCH straight to the gateway, by no edge
    edges: tuple[str, ...] = ()  # those its calls go out by; empty: any
    username: str = ""
    password_file: Path | None = None
    ring_timeout: int = 60  # seconds
    progress_timeout: int = 10  # seconds
    outgoing: Rewriting = NO_REWRITING
    incoming: Rewriting = NO_REWRITING
    media: Media = NO_MEDIA


class Quality(NamedTuple):
    """What a carrier did lately with calls to a prefix."""

    calls: int
    asr: float  # answered of those tried
    acd: float  # seconds an answered one lasted
    pdd: float  # seconds until it rang


# Causes of a try that was given up from our side: by the caller, as another carrier of the fork was faster, by an
# operator. It says nothing of the carrier.
GIVEN_UP = frozenset({"ORIGINATOR_CANCEL", "LOSE_RACE", "MANAGER_REQUEST"})


class Floor(NamedTuple):
    """Below what a carrier is left out, and how often it is tried all the same."""

    asr: float = 0.0
    acd: int = 0  # seconds
    calls: int = 20
    probe: float = 0.02


NO_FLOOR = Floor()


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """The carriers of a prefix while `when` holds, each with its share."""

    prefix: str
    carriers: tuple[tuple[str, int], ...] = ()
    choose: Literal["priority", "share", "least-cost", "quality"] = "priority"
    floor: Floor = NO_FLOOR
    fork: int = 1
    allow_loss: bool = False
    weight: int = 0
    when: When = ALWAYS


@dataclass(frozen=True, slots=True)
class Route:
    """A plan of routes."""

    name: str
    timezone: str = "UTC"
    budget: int = 90  # seconds for all attempts of a call
    expected_seconds: int = 180  # the talk that prices are compared for
    next_on: frozenset[str] | None = None  # SIP statuses and causes after which the next carrier is tried; None: usual
    entries: Mapping[str, tuple[RouteEntry, ...]] = field(default_factory=dict)  # by prefix


class Target(NamedTuple):
    """Where a call goes.

    `value` is an endpoint's user or user@domain, a room, a number, or a SIP URI.
    """

    kind: Literal["endpoint", "room", "number", "uri"]
    value: str


@dataclass(frozen=True, slots=True)
class Did:
    """A number that reaches an account from outside."""

    number: str
    account: str
    active: bool = True
    expires_us: int | None = None
    carrier: str = ""  # the only one it may come from
    calls: int | None = None
    tariff: str = ""
    numbers: Rewriting = NO_REWRITING
    to: tuple[Target, ...] = ()


class Outside(NamedTuple):
    """All of it."""

    numbers: Mapping[str, Rules]
    currencies: Mapping[str, Decimal]  # what one unit is worth in the base currency
    carriers: Mapping[str, Carrier]
    routes: Mapping[str, Route]
    dids: Mapping[str, Did]


NOTHING = Outside({}, {}, {}, {}, {})
