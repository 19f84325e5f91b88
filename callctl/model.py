"""The words the rooms share: who calls, what is configured, what a check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from callctl.outside import NO_CALLER_IDS, NO_FORWARD, NO_MEDIA, NO_REWRITING, CallerIds, Forward, Media, Rewriting
from callctl.reason import Reason

ROOM = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}"  # what a conference room may be named; a part of a pattern

Kind = Literal["onnet", "pstn", "did", "conference", "service"]

Verdict = Literal["pass", "fail", "skip"]

ANONYMOUS = "anonymous"  # the number shown of a caller who shows none


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
    srtp: bool = False  # X-Callctl-Srtp says that the edge was offered encrypted media; counts only from an edge
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
