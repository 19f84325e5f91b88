"""What may become of a call."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

from callctl.model import NO_LIMITS, Limits
from callctl.rating.basis import Basis
from callctl.reason import Reason

Word = Literal["always", "busy", "no_answer", "not_registered", "dnd"]


class EdgeTarget(NamedTuple):
    """One leg: the edge that holds the callee's registration. `q` orders edges, highest first."""

    edge: str
    address: str  # HOST:PORT, core side
    q: float


class Wish(NamedTuple):
    """What a phone says by a service code: for which of its calls, and where they go; "" takes that back."""

    word: Word
    number: str  # of dnd, any


class LegMedia(NamedTuple):
    """How the media of one side goes."""

    path: Literal["switch", "proxy", "bypass"] = "switch"
    srtp: Literal["off", "offered", "demanded"] | None = None  # None: as FreeSWITCH does by itself
    early_media: bool = True  # what the callee says before the answer is passed to the caller
    fax: bool = False  # T.38 is passed through
    relay: bool = True  # by the edge
    by_edge: bool = False  # an edge is between it and the switch, and ends its encryption


PLAIN_MEDIA = LegMedia()


@dataclass(frozen=True, slots=True)
class Bridge:
    """Ring the callee: edges of one group at once, group after group."""

    user: str
    domain: str
    groups: tuple[tuple[EdgeTarget, ...], ...]
    codecs: tuple[str, ...]  # empty: as FreeSWITCH negotiates
    ring_timeout: int  # seconds, each group
    media: LegMedia = PLAIN_MEDIA


@dataclass(frozen=True, slots=True)
class Direct:
    """Call a SIP URI outside."""

    user: str
    address: str  # HOST:PORT
    codecs: tuple[str, ...]  # empty: as FreeSWITCH negotiates
    ring_timeout: int  # seconds
    media: LegMedia = PLAIN_MEDIA


class Buy(NamedTuple):
    """By what a carrier costs us, and what a unit of its currency and of that of the call's record are worth.

    A call's record is in the currency of the first who pays. Where nobody has said, worth nothing.
    """

    basis: Basis
    worth: Decimal = Decimal(1)
    paid_worth: Decimal = Decimal(1)


class CarrierLeg(NamedTuple):
    """One try at a carrier: at one gateway of it, by one edge or straight."""

    carrier: str
    gateway: str  # HOST:PORT
    number: str  # as the carrier's `outgoing` rules make it
    caller_id: str  # likewise
    shown_by: Literal["pai", "rpid", "none"]  # the header that says who calls
    ring_timeout: int  # seconds
    progress_timeout: int  # seconds until it must have said that it rings
    edge: EdgeTarget | None = None  # None: straight
    codecs: tuple[str, ...] = ()  # empty: as FreeSWITCH negotiates
    near_codecs: tuple[str, ...] = ()  # of the caller's side
    media: LegMedia = PLAIN_MEDIA
    username: str = ""  # with which it is to be convinced; "": with none
    password_file: Path | None = None
    limits: Limits = NO_LIMITS  # the carrier's; its place is taken when the try begins
    buy: Buy | None = None  # None: nobody can say what it costs, or it is not asked


@dataclass(frozen=True, slots=True)
class Outbound:
    """Call outside: one attempt after the other, the legs of one at once; the first that answers has the call."""

    attempts: tuple[tuple[CarrierLeg, ...], ...]
    budget: int  # seconds for all of them
    next_on: frozenset[str] | None = None  # SIP statuses and causes after which the next is tried; None: the usual
    number: str = ""  # in international form; "" of an emergency call, by which no carrier is judged


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


Plan = Bridge | Direct | Outbound | Conference | Echo | Confirm | Reject
