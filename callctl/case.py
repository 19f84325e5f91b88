"""A call while it is decided, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from callctl.model import Account, CallRequest, Endpoint, Kind, Step
from callctl.outside import Carrier, Did, Route, RouteEntry, Target
from callctl.plan import PLAIN_MEDIA, LegMedia, Plan
from callctl.policy.together import Together
from callctl.rating.basis import Basis
from callctl.rating.tariff import Tariff
from callctl.reason import Reason
from callctl.settings import Settings
from callctl.world import Directory, Near, World

Ending = Literal["time", "slice", "money"]  # at the end of what is paid: may last no longer, may be paid on, no money


class WayOut(NamedTuple):
    """Where a call leaves the platform: the number in international form, who dials it, and the carriers for it."""

    number: str
    account: str
    route: Route
    entry: RouteEntry


@dataclass(slots=True)
class Case:
    """A call while it is decided: what is known at the start, then what the checks find, each for those after it."""

    request: CallRequest
    directory: Directory
    world: World
    settings: Settings
    hop: bool = False
    by_edge: bool = False  # the call comes from one
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
    out: WayOut | None = None
    sell: tuple[Basis, ...] = ()  # by what each who pays for the way out does, the nearest first
    buying: Mapping[str, Tariff] = field(default_factory=dict)  # tariffs of its carriers, by name
    caller_id: str = ""
    media: Together | None = None
    codecs: tuple[str, ...] = ()  # of the caller's side
    far_codecs: tuple[str, ...] = ()  # of the callee's
    plan: Plan | None = None
    levels: tuple[str, ...] = ()
    bases: tuple[Basis, ...] = ()
    most: int | None = None  # seconds that a call that costs may last, whatever the money
    paid: int | None = None  # seconds of these for which money is held
    ending: Ending = "time"
    near: list[Near] = field(default_factory=list)
    beside: list[Step] = field(default_factory=list)  # what a check says before its own step


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
    codecs: tuple[str, ...] = ()  # of the caller's side
    media: LegMedia = PLAIN_MEDIA  # likewise
    levels: tuple[str, ...] = ()  # where the call holds a place until it ends, though it be refused
    basis: str = ""  # `bases`, as the call carries them
    bases: tuple[Basis, ...] = ()  # by what each account pays, the caller's first; where there are any, money is held
    near: tuple[Near, ...] = ()
    called: str = ""  # the number called, without the prefix of the trunk it came by
    emergency: bool = False
    destination: str = ""  # what is tried, by its name
    goes_on: bool = False  # whether there may be another way when that fails
