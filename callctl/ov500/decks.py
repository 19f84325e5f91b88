"""The rates by which OV500 charges in a tariff: of its ratecards by their order and hours, one list by prefix.

OV500 takes the ratecard of the best priority that has any prefix of the number, and the longest of it; here the longest
prefix decides. So where a better ratecard has a shorter prefix, the longer one gets its rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from callctl.ov500.made import Made
from callctl.ov500.source import Row, Source, amount, text, whole
from callctl.ov500.windows import WEEK, Window, cuts, schedule, window

_LAST = Decimal(1).scaleb(-10)
_LONGEST_PREFIX, _LONGEST_DESTINATION, _DAY = 20, 100, 86_400


class Price(NamedTuple):
    """What a call costs: at least `minimum` seconds, then multiples of `increment`."""

    minute: Decimal
    connect_fee: Decimal
    minimum: int
    increment: int
    grace: int


class Charge(NamedTuple):
    """A rate; a blocked one refuses the call."""

    destination: str
    price: Price
    blocked: bool


class Card(NamedTuple):
    """A ratecard of a tariff: its rates by prefix, and when they count."""

    priority: int
    window: Window
    charges: Mapping[str, Charge]


Plan = list[tuple[dict[str, Any], Charge]]
Groups = tuple[tuple[int, ...], ...]  # positions of ratecards, those of the best priority first


class Deck(NamedTuple):
    """A tariff's rates: of each prefix what holds when; and the prefixes that are blocked."""

    rates: list[tuple[str, Plan]]
    blocked: list[str]


def deck(source: Source, made: Made, tariff: str, carrier: bool, incoming: bool) -> Deck:
    """The rates of customers or of a carrier, for calls that go out or come in."""
    table = "carrier_rates" if carrier else "customer_rates"
    cards = list(_cards(source, made, tariff, table, "INCOMING" if incoming else "OUTGOING"))
    hours = _Hours(cards, carrier)
    found: dict[str, Plan] = {}
    blocked: list[str] = []
    for prefix in sorted({prefix for card in cards for prefix in card.charges}):
        plan, gap = hours.plan(prefix)
        if gap:
            made.notes.add("tariff.gap", f"tariff {tariff}: {prefix}")
        allowed = [(when, charge) for when, charge in plan if not charge.blocked]
        if len(allowed) < len(plan):
            if allowed or carrier or plan[0][0]:
                made.notes.add("rate.blocked_partly", f"tariff {tariff}: {prefix}")
            else:
                blocked.append(prefix)
        if allowed and (len(cards) == 1 or allowed != _above(found, prefix)):
            found[prefix] = allowed
    return Deck(list(found.items()), blocked)


class _Hours:
    """Which ratecards count when, found out once for all prefixes."""

    def __init__(self, cards: list[Card], carrier: bool) -> None:
        self._cards = cards
        self._preferred = max if carrier else min  # of equals OV500 takes the dearest of a carrier's
        self._borders = cuts(card.window for card in cards)
        self._groups = {(day, second): _groups(cards, day, second) for day in WEEK for second in self._borders}
        self._always = len(set(self._groups.values())) == 1

    def plan(self, prefix: str) -> tuple[Plan, bool]:
        """What holds through the week, and whether for a while nothing does."""
        if not self._always:
            return schedule(self._borders, partial(self._chosen, prefix))
        charge = self._chosen(prefix, 1, 0)
        return [] if charge is None else [({}, charge)], False

    def _chosen(self, prefix: str, day: int, second: int) -> Charge | None:
        """What OV500 takes: the best priority that has a prefix of it, and the longest of those."""
        for group in self._groups[day, second]:
            for length in range(len(prefix), 0, -1):
                begin = prefix[:length]
                found = [charge for at in group if (charge := self._cards[at].charges.get(begin))]
                if found:
                    return self._preferred(found, key=lambda charge: charge.price.minute)
        return None


def _groups(cards: Sequence[Card], day: int, second: int) -> Groups:
    open_now = [at for at, card in enumerate(cards) if card.window.holds(day, second)]
    open_now.sort(key=lambda at: cards[at].priority)
    return tuple(tuple(group) for _, group in groupby(open_now, lambda at: cards[at].priority))


def _above(found: Mapping[str, Plan], prefix: str) -> Plan | None:
    """The plan of the longest shorter prefix, which holds where this one is left out."""
    shorter = (found[prefix[:length]] for length in range(len(prefix) - 1, 0, -1) if prefix[:length] in found)
    return next(shorter, None)


def _cards(source: Source, made: Made, tariff: str, table: str, way: str) -> Iterable[Card]:
    ways = {text(row, "ratecard_id"): text(row, "ratecard_for") for row in source.rows("ratecard")}
    for row in source.rows("tariff_ratecard_map"):
        card = text(row, "ratecard_id")
        if text(row, "tariff_id") != tariff or ways.get(card) != way:
            continue
        open_at = window(row)
        if open_at is None:
            made.notes.add("tariff.never", f"tariff {tariff}: {card}")
            continue
        if text(row, "status") == "0":
            made.notes.add("tariff.map_off", f"tariff {tariff}: {card}")
        yield Card(whole(row, "priority") or 0, open_at, _charges(source, made, table, card))


def _charges(source: Source, made: Made, table: str, card: str) -> dict[str, Charge]:
    found: dict[str, Charge] = {}
    prices: dict[Price, Price] = {}
    for row in source.rates(table, card):
        prefix = text(row, "prefix").removeprefix("+")
        if not (prefix.isascii() and prefix.isdigit() and len(prefix) <= _LONGEST_PREFIX):
            made.notes.add("rate.prefix", f"{card}: {prefix or '-'}")
            continue
        price, exact = _price(row)
        destination = text(row, "destination")
        shown = "".join(each for each in destination if each.isprintable())[:_LONGEST_DESTINATION].strip()
        if shown != destination or not exact:
            made.notes.add("rate.cut", f"{card}: {prefix}")
        found[prefix] = Charge(shown, prices.setdefault(price, price), text(row, "rates_status") != "1")
    return found


def _price(row: Row) -> tuple[Price, bool]:
    """OV500 leaves signs out, and its factor and addition are in the price here; whether it could be kept exactly."""
    minute = abs(amount(row, "rate")) * abs(amount(row, "rate_multiplier", "1"))
    fee = abs(amount(row, "connection_charge")) + abs(amount(row, "rate_addition"))
    kept, kept_fee = minute.quantize(_LAST), fee.quantize(_LAST)
    increment = min(abs(whole(row, "resolution_time") or 1), _DAY)
    minimum = min(abs(whole(row, "minimal_time") or 0), _DAY)
    grace = min(abs(whole(row, "grace_period") or 0), _DAY)
    return Price(kept, kept_fee, max(minimum, increment), increment, grace), (kept, kept_fee) == (minute, fee)


