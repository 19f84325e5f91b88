"""The words the rooms share: who calls, what is configured, what a check found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol

from callctl.outside import (
    NO_CALLER_IDS,
    NO_FORWARD,
    NO_MEDIA,
    NO_REWRITING,
    CallerIds,
    Carrier,
    Did,
    Forward,
    Media,
    Rewriting,
    Route,
    Target,
)
from callctl.rating.basis import Basis
from callctl.rating.tariff import Tariff
from callctl.reason import Reason
from callctl.settings import Settings

ROOM = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}"  # what a conference room may be named; a part of a pattern
Kind = Literal["onnet", "pstn", "did", "conference", "service"]
Verdict = Literal["pass", "fail", "skip"]
ANONYMOUS = "anonymous"  # the number shown of a caller who shows none
Word = Literal["always", "busy", "no_answer", "not_registered", "dnd"]
Ending = Literal["time", "slice", "money"]  # at the end of what is paid: may last no longer, may be paid on, no money


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call as it reached us. Text is already reduced to what its field may hold; `called_raw` is for display only."""

    call_uuid: str
    node: str  # FreeSWITCH's switchname
    caller: str  # number or user, "" when withheld
    caller_name: str
    called: str  # "" when it has a character no number may have
    called_raw: str
    domain: str  # of the request URI
    asserted: str  # what X-Callctl-Endpoint says: the endpoint's AOR; counts only from an edge
    source_ip: str  # who sent the INVITE
    sip_call_id: str
    sdp: str
    hop: str  # what X-Callctl-Hop says: the call another node of the core sends on; counts only from a node
    started_us: int  # microseconds since the epoch, the A-leg's creation
    at_us: int  # microseconds since the epoch, when the switch brought the call to us
    sequence: int  # Event-Sequence of the channel data
    origin: str = ""  # what X-Callctl-Source says: who sent the INVITE to the edge; counts only from an edge


class Limits(NamedTuple):
    """How much at once; None: as much as there is."""

    calls: int | None = None  # calls in progress, ringing ones too
    cps: int | None = None  # calls begun within a second


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays and whose rules hold."""

    name: str
    active: bool = True
    codecs: tuple[str, ...] = ()  # empty: the platform's
    codec_check: bool = True
    max_duration: int | None = None  # seconds
    parent: str = ""  # the account this one belongs to
    limits: Limits = NO_LIMITS
    tariff: str = ""  # by which it pays for calls; empty: it does not
    currency: str = ""  # of its tariff, balance and limits
    timezone: str = "UTC"
    credit_limit: Decimal = Decimal(0)  # how far a postpaid account's balance may fall below nothing
    spend_per_day: Decimal | None = None  # a day of its time zone
    price_per_minute: Decimal | None = None  # the most a call may cost
    blocked: tuple[str, ...] = ()  # prefixes it may not call
    allowed: tuple[str, ...] = ()  # the only prefixes it may call; empty: all
    premium: bool = False  # whether it may call premium numbers
    held: str = ""  # the reference under which an operator has blocked it
    routes: str = ""  # by which it calls outside; empty: it does not
    tariff_in: str = ""  # by which it pays for calls to its DIDs
    numbers: Rewriting = NO_REWRITING  # of calls it makes
    caller_ids: CallerIds = NO_CALLER_IDS
    media: Media = NO_MEDIA


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A phone (SIP user at a domain) or a trunk (source address)."""

    account: str
    name: str  # user@domain, or the address
    user: str = ""
    domain: str = ""
    extension: str = ""
    caller_id: str = ""
    address: str = ""  # a network, for trunks
    codecs: tuple[str, ...] = ()  # empty: the account's
    limits: Limits = NO_LIMITS
    prefix: str = ""  # a trunk's: what it dials in front of every number
    numbers: Rewriting = NO_REWRITING  # of calls it makes, before its account's
    caller_ids: CallerIds | None = None  # None: its account's
    media: Media = NO_MEDIA
    forward: Forward = NO_FORWARD
    dnd: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """A conference room that is declared; one that is not is open to all, and the platform's settings hold."""

    name: str
    account: str  # whose callers, and those of the accounts below it, may enter
    pin: str = ""  # digits that FreeSWITCH asks of each who enters
    profile: str = ""  # of FreeSWITCH's conferences; empty: the platform's
    max_members: int | None = None


class Message(NamedTuple):
    """A sentence for people: a key of callctl.language and its values."""

    key: str
    values: Mapping[str, Any]


class Step(NamedTuple):
    """What one check found."""

    check: str
    verdict: Verdict
    message: Message
    reason: Reason | None = None  # of a failure


def passed(check: str, key: str, /, **values: Any) -> Step:
    """A check that lets the call go on."""
    return Step(check, "pass", Message(key, values))


def failed(check: str, reason: Reason, key: str, /, **values: Any) -> Step:
    """A check that refuses the call for `reason`."""
    return Step(check, "fail", Message(key, values), reason)


def skipped(check: str, key: str, /, **values: Any) -> Step:
    """A check that does not apply to this call."""
    return Step(check, "skip", Message(key, values))


@dataclass(frozen=True, slots=True)
class EdgeTarget:
    """One leg: the edge that holds the callee's registration. `q` orders edges, highest first."""

    edge: str
    address: str  # HOST:PORT, core side
    q: float


@dataclass(frozen=True, slots=True)
class Located:
    """Where the location table says a callee is. No targets: `unusable` says what was found and could not be used."""

    targets: tuple[EdgeTarget, ...]
    contacts: int  # live contacts, duplicates of one device folded
    unusable: tuple[str, ...] = ()


class Level(NamedTuple):
    """Where places are counted: `name` is "endpoint …" or "account …"."""

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


class Wish(NamedTuple):
    """What a phone says by a service code: for which of its calls, and where they go; "" takes that back."""

    word: Word
    number: str  # of dnd, any


class World(Protocol):
    """What a decision must ask outside: the only way it reaches the world."""

    def locate(self, user: str, domain: str) -> Located:
        """The edges that hold a live registration of user@domain. Raises ServiceAway: could not ask."""
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


@dataclass(frozen=True, slots=True)
class Bridge:
    """Ring the callee: edges of one group at once, group after group."""

    user: str
    domain: str
    groups: tuple[tuple[EdgeTarget, ...], ...]
    codecs: tuple[str, ...]  # empty: as FreeSWITCH negotiates
    ring_timeout: int  # seconds, each group


@dataclass(frozen=True, slots=True)
class Direct:
    """Call a SIP URI, or a carrier's gateway, outside."""

    user: str
    address: str  # HOST:PORT
    codecs: tuple[str, ...]  # empty: as FreeSWITCH negotiates
    ring_timeout: int  # seconds
    carrier: str = ""  # whose gateway it is
    edges: tuple[EdgeTarget, ...] = ()  # by which it is reached, one after the other; none: straight
    progress_timeout: int = 0  # seconds until it must have said that it rings; 0: as long as it may ring


@dataclass(frozen=True, slots=True)
class Conference:
    """Enter `room` on `owner`; when that is not this node, `owner_sip` is where to bridge to."""

    room: str
    owner: str
    profile: str
    owner_sip: str = ""
    pin: str = ""
    max_members: int | None = None
    hop: str = ""  # the caller's own call, where another node sent it on


@dataclass(frozen=True, slots=True)
class Echo:
    """Answer and play back what is heard."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """Answer with a tone: what was asked for by a service code is done."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse."""

    reason: Reason


Plan = Bridge | Direct | Conference | Echo | Confirm | Reject


@dataclass(slots=True)
class Case:
    """A call while it is decided: what is known at the start, then what the checks find, each for those after it."""

    request: CallRequest
    directory: Directory
    world: World
    settings: Settings
    hop: bool = False
    emergency: str = ""  # the emergency number that is called
    endpoint: Endpoint | None = None
    account: Account | None = None
    kind: Kind | None = None
    carriers: tuple[Carrier, ...] = ()  # that call from where it comes from
    carrier: Carrier | None = None  # who brought it
    did: Did | None = None  # by which it came in
    dids: tuple[Did, ...] = ()  # all that led it, the last to the target
    failed: Mapping[str, Reason] = field(default_factory=dict)  # what was tried already, by its name
    target: Target | None = None  # where it goes in place of the number dialled
    by: Endpoint | None = None  # the phone that sent it there; None: a DID did
    left: tuple[Target, ...] = ()  # where it may go after that
    forwarders: tuple[tuple[Endpoint, str], ...] = ()  # the phones that sent it on to the target, and to which number
    again: bool = False  # whether the destination is another now
    callee: Endpoint | None = None
    room: str = ""
    uri: str = ""
    gateway: str = ""  # CARRIER/HOST:PORT
    caller_id: str = ""
    codecs: tuple[str, ...] = ()
    plan: Plan | None = None
    levels: tuple[str, ...] = ()
    bases: tuple[Basis, ...] = ()
    most: int | None = None  # seconds that a call that costs may last, whatever the money
    paid: int | None = None  # seconds of these for which money is held
    ending: Ending = "time"
    near: list[Near] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a call, and every step that led there."""

    plan: Plan
    steps: tuple[Step, ...]
    kind: Kind | None = None
    account: str = ""
    endpoint: str = ""
    caller_id: str = ""  # that the callee is shown
    max_seconds: int = 0  # that it may last, whatever the money
    paid_seconds: int = 0  # of these, for which money is held
    ending: Ending = "time"  # what ends the call after them
    codecs: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()  # where the call holds a place until it ends, though it be refused
    bases: tuple[Basis, ...] = ()  # by what each account pays, the caller's first; where there are any, money is held
    near: tuple[Near, ...] = ()
    called: str = ""  # the number called, without the prefix of the trunk it came by
    emergency: bool = False
    destination: str = ""  # what is tried, by its name
    goes_on: bool = False  # whether there may be another way when that fails
