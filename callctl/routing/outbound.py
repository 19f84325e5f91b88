"""To which carriers a call to the outside is offered: what each costs, in which order they are tried, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest
from operator import itemgetter
from random import Random
from typing import NamedTuple

from callctl.case import Case, WayOut
from callctl.model import ANONYMOUS, Limits, Message, Step, failed, passed, skipped
from callctl.outside import Carrier, Quality
from callctl.plan import Buy, CarrierLeg, EdgeTarget, Outbound
from callctl.policy import media
from callctl.rating.basis import Basis, cost
from callctl.rating.rounding import shown
from callctl.rating.tariff import NoRate
from callctl.reason import Reason
from callctl.routing import onward
from callctl.routing.choice import Candidate, Choice, choose, gateways
from callctl.routing.numbers import rewrite


class Compared(NamedTuple):
    """The carriers of a way out, in their order; the least that somebody pays for it, None where nobody pays."""

    choice: Choice
    currency: str  # in which they compare
    price: Decimal | None
    payer: str = ""


def check(case: Case) -> Step | None:
    """Sets the attempts of a call to the outside, and says of each carrier why it is tried or not."""
    if case.out is None:
        return None
    name = onward.name(case)
    if tried := case.failed.get(name):
        return failed("route", tried, "locate.tried", name=name, reason=tried.machine_name)
    chance = Random(case.request.call_uuid)  # noqa: S311  a call decided anew is decided the same
    choice, currency, price, payer = compare(case, case.out, chance)
    ways = [(candidate, _legs(case, case.out, candidate, chance)) for candidate in choice.order]
    ways = [(candidate, legs) for candidate, legs in ways if legs]
    _say(case, choice, ways, currency)
    if not ways:
        reason = Reason.EMERGENCY_UNROUTED if case.emergency else Reason.NO_CARRIER
        return failed("route", reason, "route.nobody", route=case.out.route.name, number=case.out.number)
    route, entry = case.out.route, case.out.entry
    number = "" if case.emergency else case.out.number
    case.plan = Outbound(_attempts([legs for _, legs in ways], entry.fork), route.budget, route.next_on, number)
    return passed(
        "route", "route.unpaid" if price is None else "route.order",
        number=case.out.number, route=route.name, prefix=entry.prefix or "*", choose=entry.choose,
        price="-" if price is None else f"{shown(price)} {currency}", payer=payer, seconds=route.expected_seconds,
        carriers=tuple(candidate.carrier.name for candidate, _ in ways),
    )  # fmt: skip


def compare(case: Case, out: WayOut, chance: Random) -> Compared:
    """What each carrier costs and did lately, and how the entry orders them by that."""
    currency, price, payer = _price(case, out)
    qualities = case.world.quality(out.entry.prefix) if out.entry.choose == "quality" else {}
    _say_qualities(case, out, qualities)
    candidates = [
        each._replace(quality=qualities.get(each.carrier.name)) for each in _candidates(case, out, currency)
    ]
    return Compared(choose(out.entry, candidates, price, chance), currency, price, payer)


def _price(case: Case, out: WayOut) -> tuple[str, Decimal | None, str]:
    """The currency in which carriers compare; the least that a level pays for a call of the expected length, and which.

    A reseller who pays less than his customer is the one whom a dearer carrier would have us make a loss with.
    """
    if not case.sell:
        currencies = [tariff.currency for tariff in case.buying.values()]
        comparable = (currency for currency in currencies if case.directory.worth(currency) is not None)
        return next(comparable, next(iter(currencies), "")), None, ""
    at_us, currency = case.request.started_us, case.sell[0].rates.tariff.currency
    prices = []
    for basis in case.sell:
        amount = _converted(case, cost(basis, at_us, out.route.expected_seconds, at_us), basis, currency)
        if amount is not None:
            prices.append((amount, basis.account))
    price, payer = min(prices, key=itemgetter(0))
    return currency, price, payer


def _converted(case: Case, amount: Decimal, basis: Basis, currency: str) -> Decimal | None:
    """An amount that a basis came to, in another currency, rounded up to 10 decimals; None where nobody has said."""
    own = basis.rates.tariff.currency
    if own == currency:
        return amount
    worth, others = case.directory.worth(own), case.directory.worth(currency)
    return None if worth is None or others is None else _ceiling(Fraction(amount) * Fraction(worth) / Fraction(others))


def _candidates(case: Case, out: WayOut, currency: str) -> Iterator[Candidate]:
    for name, weight in out.entry.carriers:
        carrier = case.directory.carrier(name)
        if carrier is not None:
            yield _candidate(case, out, carrier, weight, currency)


def _candidate(case: Case, out: WayOut, carrier: Carrier, weight: int, currency: str) -> Candidate:
    """A carrier, and what a call of the expected length costs with it."""
    tariff = case.buying.get(carrier.tariff)
    if tariff is None:
        return Candidate(carrier, weight, unknown="carrier.no_tariff")
    try:
        basis = Basis(carrier.name, carrier.timezone, tariff.find(out.number, case.request.started_us))
        amount = cost(basis, case.request.started_us, out.route.expected_seconds)
    except NoRate:
        return Candidate(carrier, weight, unknown="carrier.no_rate")
    compared = _converted(case, amount, basis, currency)
    unknown = "carrier.no_worth" if compared is None else ""
    return Candidate(carrier, weight, compared, buy=_buy(case, basis), unknown=unknown)


def _buy(case: Case, basis: Basis) -> Buy:
    """What is needed to say a call's cost in the currency of its record, which need not be that of who pays here."""
    own = basis.rates.tariff.currency
    paid = case.bases[0].rates.tariff.currency if case.bases else own
    if own == paid:
        return Buy(basis)
    return Buy(basis, case.directory.worth(own) or Decimal(0), case.directory.worth(paid) or Decimal(0))


def _ceiling(amount: Fraction) -> Decimal:
    """An amount of another currency, rounded up to 10 decimals: what is a hair dearer is dearer."""
    return Decimal(-(-amount.numerator * 10**10 // amount.denominator)).scaleb(-10)


def _legs(case: Case, out: WayOut, candidate: Candidate, chance: Random) -> list[CarrierLeg]:
    """Each gateway of a carrier, then each by another of its edges; none where no edge or codec leads there."""
    carrier = candidate.carrier
    found = media.towards(case, carrier)
    if found is None:
        case.beside.append(skipped("route", "carrier.no_codec", carrier=carrier.name, codecs=carrier.codecs))
        return []
    how, near, codecs = found
    if carrier.password_file is not None and (error := case.world.no_password(carrier.password_file)):
        case.beside.append(skipped("route", "carrier.no_password", carrier=carrier.name, error=error))
        return []
    edges = [None] if carrier.direct else _edges(case, carrier, chance)
    if not edges:
        case.beside.append(skipped("route", "carrier.no_edge", carrier=carrier.name))
    number = rewrite(carrier.outgoing.called, out.number).number
    caller = case.caller_id
    if caller != ANONYMOUS:
        caller = rewrite(carrier.outgoing.caller, caller).number
    ordered = gateways(carrier, chance)
    told = media.leg(case, how, carrier.media, by_edge=not carrier.direct)
    limits = Limits() if case.emergency else Limits(carrier.calls, carrier.cps)
    return [
        CarrierLeg(
            carrier=carrier.name,
            gateway=gateway.address,
            number=number,
            caller_id=caller,
            shown_by=carrier.caller_id,
            ring_timeout=carrier.ring_timeout,
            progress_timeout=carrier.progress_timeout,
            edge=edge,
            codecs=codecs,
            near_codecs=near,
            media=told,
            username=carrier.username,
            password_file=carrier.password_file,
            limits=limits,
            buy=candidate.buy,
        )
        for edge in edges
        for gateway in ordered
    ]


def _edges(case: Case, carrier: Carrier, chance: Random) -> list[EdgeTarget | None]:
    """The edges by which a carrier is reached, but for those that are down; each call begins with another."""
    own = [edge for edge in case.settings.edges if edge.enabled and (not carrier.edges or edge.name in carrier.edges)]
    up = case.world.answering([edge.name for edge in own])
    edges: list[EdgeTarget | None] = [EdgeTarget(edge.name, edge.address, 1.0) for edge in own if edge.name in up]
    first = chance.randrange(len(edges)) if edges else 0
    return edges[first:] + edges[:first]


def _attempts(ways: list[list[CarrierLeg]], fork: int) -> tuple[tuple[CarrierLeg, ...], ...]:
    """One carrier after the other; where the plan forks, so many at once, each at its first gateway first.

    A gateway by another edge comes when everything else was tried.
    """
    firsts = [[leg for leg in legs if leg.edge == legs[0].edge] for legs in ways]
    others = [[leg for leg in legs if leg.edge != legs[0].edge] for legs in ways]
    return tuple(
        attempt
        for some in (firsts, others)
        for begin in range(0, len(some), fork)
        for at_once in zip_longest(*some[begin : begin + fork])
        for attempt in _by_password([leg for leg in at_once if leg is not None])
    )


def _by_password(legs: list[CarrierLeg]) -> Iterator[tuple[CarrierLeg, ...]]:
    """FreeSWITCH can be told one password for an attempt without its log having it: a second one is an attempt more."""
    wanted = list(dict.fromkeys(leg.password_file for leg in legs if leg.password_file is not None))
    yield tuple(leg for leg in legs if leg.password_file in (None, *wanted[:1]))
    for file in wanted[1:]:
        yield tuple(leg for leg in legs if leg.password_file == file)


def _say_qualities(case: Case, out: WayOut, qualities: Mapping[str, Quality]) -> None:
    """What each carrier of the entry did lately."""
    for name, _ in out.entry.carriers:
        if known := qualities.get(name):
            case.beside.append(
                passed(
                    "route", "carrier.quality", carrier=name, prefix=out.entry.prefix or "*", calls=known.calls,
                    asr=f"{known.asr:.0%}", acd=f"{known.acd:.0f}", pdd=f"{known.pdd:.1f}",
                )
            )  # fmt: skip


def _say(case: Case, choice: Choice, ways: list[tuple[Candidate, list[CarrierLeg]]], currency: str) -> None:
    """Why each carrier is tried, and when, or is not."""
    for place, (candidate, legs) in enumerate(ways, 1):
        told = "-" if candidate.cost is None else f"{shown(candidate.cost)} {currency}"
        at = tuple(dict.fromkeys(leg.gateway for leg in legs))
        case.beside.append(
            passed("route", "carrier.chosen", place=place, carrier=candidate.carrier.name, cost=told, gateways=at)
        )
    case.beside += [Step("route", "skip", Message(each.key, each.values)) for each in choice.skipped]
