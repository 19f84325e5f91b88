"""Which carriers a call is offered to, in which order, and why others are not. Pure: chance is given to it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from callctl.outside import Carrier, Floor, Gateway, Quality, Route, RouteEntry
from callctl.plan import Buy
from callctl.rating.rounding import shown
from callctl.rating.window import of_several

LONGEST_PREFIX = 20

T = TypeVar("T")


class Candidate(NamedTuple):
    """A carrier of the route. Money is in the caller's currency."""

    carrier: Carrier
    weight: int = 1
    cost: Decimal | None = None  # of the call, as long as it is expected to last; None: nobody can say
    quality: Quality | None = None
    buy: Buy | None = None  # by what it costs
    unknown: str = "carrier.no_tariff"  # why nobody can say: a key of callctl.language


class Skipped(NamedTuple):
    """A carrier that is left out: a key of callctl.language, and its values."""

    carrier: str
    key: str
    values: dict[str, Any]


class Choice(NamedTuple):
    """The carriers to try, the first first, and those left out."""

    order: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...]


def entry_for(route: Route, number: str, at_us: int) -> RouteEntry | None:
    """The entry that decides: of the longest prefix for which one holds at that moment."""
    zone = ZoneInfo(route.timezone)
    for length in range(min(len(number), LONGEST_PREFIX), -1, -1):
        entries = route.entries.get(number[:length], ())
        by_precedence = sorted(entries, key=lambda entry: (entry.weight, entry.when.start), reverse=True)
        if found := of_several(by_precedence, at_us, zone):
            return found
    return None


def choose(entry: RouteEntry, candidates: Sequence[Candidate], most: Decimal | None, chance: Random) -> Choice:
    """Order the candidates as the entry says; `most` is what is paid for the call, None where nobody pays.

    No carrier that costs more is tried, nor one whose cost nobody knows, unless the entry allows a loss. Those below
    the entry's floor are where there is no other.
    """
    left: list[Candidate] = []
    skipped: list[Skipped] = []
    poor: list[Candidate] = []
    for candidate in candidates:
        reason = _barred(entry, candidate, most)
        if reason is not None:
            skipped.append(reason)
        elif entry.choose == "quality" and (below := _below(entry.floor, candidate)):
            skipped.append(below)
            poor.append(candidate)
        else:
            left.append(candidate)
    order = _ordered(entry, left or poor, chance)
    if not left:  # a poor carrier is better than none
        poor_names = {each.carrier.name for each in poor}
        return Choice(tuple(order), tuple(each for each in skipped if each.carrier not in poor_names))
    if poor and chance.random() < entry.floor.probe:
        probed = chance.choice(poor)
        order = [probed, *order]
        skipped = [each for each in skipped if each.carrier != probed.carrier.name]
    return Choice(tuple(order), tuple(skipped))


def _barred(entry: RouteEntry, candidate: Candidate, most: Decimal | None) -> Skipped | None:
    name = candidate.carrier.name
    if not candidate.carrier.active:
        return Skipped(name, "carrier.closed", {"carrier": name})
    if not candidate.carrier.gateways:
        return Skipped(name, "carrier.no_gateway", {"carrier": name})
    if candidate.cost is None:
        unknown = entry.choose == "least-cost" or not entry.allow_loss
        return Skipped(name, candidate.unknown, {"carrier": name}) if unknown and most is not None else None
    if most is not None and candidate.cost > most and not entry.allow_loss:
        return Skipped(name, "carrier.dearer", {"carrier": name, "cost": shown(candidate.cost), "price": shown(most)})
    return None


def _below(floor: Floor, candidate: Candidate) -> Skipped | None:
    """What is known of a carrier is below the floor; of one that had too few calls nothing is known."""
    quality = candidate.quality
    if quality is None or quality.calls < floor.calls or (quality.asr >= floor.asr and quality.acd >= floor.acd):
        return None
    values = {
        "carrier": candidate.carrier.name, "asr": f"{quality.asr:.0%}", "acd": f"{quality.acd:.0f}",
        "least_asr": f"{floor.asr:.0%}", "least_acd": floor.acd, "calls": quality.calls,
    }  # fmt: skip
    return Skipped(candidate.carrier.name, "carrier.poor", values)


def _ordered(entry: RouteEntry, left: list[Candidate], chance: Random) -> list[Candidate]:
    if entry.choose == "share":
        return shuffled(left, [candidate.weight for candidate in left], chance)
    if entry.choose == "least-cost":
        return sorted(left, key=lambda each: (each.cost is None, each.cost or Decimal(0)))
    if entry.choose == "quality":
        return sorted(left, key=lambda each: _badness(entry.floor, each.quality))
    return left


def _badness(floor: Floor, quality: Quality | None) -> tuple[float, float, float]:
    """The best first; one that is hardly known comes before those known to be worse than the floor, behind the good."""
    if quality is None or quality.calls < floor.calls:
        return -floor.asr, -float(floor.acd), 0.0
    return -quality.asr, -quality.acd, quality.pdd


def gateways(carrier: Carrier, chance: Random) -> list[Gateway]:
    """A carrier's gateways in the order to try: the lowest priority first, of equals one by its weight."""
    ordered: list[Gateway] = []
    for priority in sorted({gateway.priority for gateway in carrier.gateways}):
        equals = [gateway for gateway in carrier.gateways if gateway.priority == priority]
        ordered += shuffled(equals, [gateway.weight for gateway in equals], chance)
    return ordered


def shuffled(items: Sequence[T], weights: Sequence[int], chance: Random) -> list[T]:
    """All items: each place goes to one of those left by chance, in proportion to its weight; weight 0 comes last."""
    if len(items) == 1:
        return list(items)
    left = list(zip(items, weights, strict=True))
    ordered: list[T] = []
    while left:
        total = sum(weight for _, weight in left)
        if not total:
            return ordered + [item for item, _ in left]
        drawn = chance.randrange(total)
        for position, (item, weight) in enumerate(left):
            drawn -= weight
            if drawn < 0:
                ordered.append(item)
                del left[position]
                break
    return ordered
