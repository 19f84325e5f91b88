"""What holds for every plan of routes: none is dearer than allowed, none is lost, a call is decided the same twice."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import cycle, islice
from math import ceil
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.call.decide import decide
from callctl.call.explain import told, told_from_trace
from callctl.call.facts import trace
from callctl.directory import Snapshot
from callctl.outside import Carrier, Floor, Gateway, Outside, Quality, Route, RouteEntry
from callctl.plan import Outbound, Reject
from callctl.rating.rounding import Tax
from callctl.rating.tariff import SECOND, Rate
from callctl.reason import Reason
from callctl.routing.attempts import Failure, after
from callctl.settings import Calls, Money, Settings
from tests.unit import rating_reference as reference
from tests.unit.company import ACCOUNTS, EDGE, ENDPOINTS, NODE, OTHER_EDGE, World, request
from tests.unit.rating_calls import stepped, tariff
from tests.wire.budget import fuzz

NUMBER = "4915112345678"
NAMES = ("a", "b", "c", "d", "e")
WORTH = {"USD": Decimal(1), "EUR": Decimal("1.3333333333"), "JPY": Decimal("0.0067")}  # nobody says it of XAU
OFF = OTHER_EDGE.model_copy(update={"name": "edge-off", "server_id": 3, "enabled": False})
START = request().started_us
ZONES = {"gold": "Asia/Shanghai", "base": "UTC"}  # of shop and reseller, who pay by them

prices = st.sampled_from(["0.1", "0.11", "0.15", "0.2", "0.0333", "0.3", "0"]).map(Decimal)
fees = st.sampled_from(["0", "0.1", "0.3"]).map(Decimal)


class Terms(NamedTuple):
    """A tariff of one rate, until it has a name."""

    rate: Rate
    rules: dict[str, object]

    def named(self, name):
        return tariff(self.rate, name=name, **self.rules)

    def exact(self, seconds, zone):
        """What so many seconds cost, by a slow second opinion; None: nobody can say."""
        if not NUMBER.startswith(self.rate.prefix):
            return None
        amount, _, _ = reference.declared([self.rate], START, seconds * SECOND, ZoneInfo(zone))
        return reference.price_and_total(amount, self.named(""))[1]

    @property
    def worth(self):
        """What one unit of its currency is; None: nobody can say."""
        return Fraction(WORTH[self.rules["currency"]]) if self.rules["currency"] in WORTH else None


@st.composite
def terms(draw):
    step = (0, draw(prices), 60, draw(st.sampled_from([1, 6, 60, 90])))
    prefix = draw(st.sampled_from(["49", "4915", ""] * 4 + ["1"]))
    rules = {
        "rounding": (draw(st.sampled_from(["up", "down", "half-up"])), draw(st.sampled_from([2, 6]))),
        "tax": Tax(draw(st.booleans()), (Decimal(draw(st.sampled_from(["0", "7.25", "19"]))),)),
        "currency": draw(st.sampled_from(["USD"] * 4 + ["EUR"] * 2 + ["JPY", "XAU"])),
    }
    return Terms(stepped(step, connect_fee=draw(fees))._replace(prefix=prefix), rules)


gateways = st.sampled_from([0, 1, 1, 2, 2, 3]).flatmap(
    lambda many: st.tuples(
        *(st.builds(Gateway, st.just(f"198.51.100.{each}:5060"), st.integers(0, 3), st.integers(0, 1))
          for each in range(many))
    )
)  # fmt: skip
carriers = st.builds(
    Carrier, st.just(""), active=st.sampled_from([True] * 6 + [False]), gateways=gateways, direct=st.booleans(),
    edges=st.sampled_from([(), (), (), ("edge-a",), ("edge-b", "edge-off"), ("edge-off",)]),
    codecs=st.sampled_from([(), (), ("PCMA", "G729"), ("PCMU",), ("G729",)]),
    timezone=st.sampled_from(["UTC", "Asia/Shanghai"]),
)  # fmt: skip


class Plan(NamedTuple):
    """What is drawn: carriers, what each costs, who pays by what, and the only entry of the route."""

    carriers: dict[str, Carrier]
    costs: dict[str, Terms]
    sell: dict[str, Terms]
    entry: RouteEntry
    seconds: int  # that a call is expected to last
    checked: bool = False  # whether codecs are
    qualities: Mapping[str, Quality] = MappingProxyType({})

    def decided(self, call="c-1"):
        """What becomes of a call, and what was asked of the world for it."""
        accounts = [
            replace(each, tariff=each.tariff if each.tariff in self.sell else "", routes="out") for each in ACCOUNTS
        ]
        way = Route("out", expected_seconds=self.seconds, entries={"": (self.entry,)})
        known = Snapshot(1, accounts, ENDPOINTS, Outside({}, WORTH, self.carriers, {"out": way}, {}))
        priced = {name: each.named(name) for name, each in (self.costs | self.sell).items()}
        world = World(tariffs=priced, money={"shop": "100000", "reseller": "100000"})
        world.qualities = self.qualities
        configured = Settings(
            edges=(EDGE, OTHER_EDGE, OFF), nodes=(NODE,), money=Money(rated=("pstn",)),
            calls=Calls(codec_check=("pstn",) if self.checked else ()),
        )  # fmt: skip
        asked = request(asserted="7001@example.net", called=NUMBER, call_uuid=call)
        return decide(asked, known, world, configured), world.asked

    @property
    def payer(self):
        """Whose currency counts: the nearest's; None where nobody pays."""
        return next(iter(self.sell), None)

    @property
    def price(self):
        """The least that a level pays, in the nearest's currency."""
        own = self.sell[self.payer]
        found = []
        for name, terms in self.sell.items():
            amount = terms.exact(self.seconds, ZONES[name])
            if terms.rules["currency"] == own.rules["currency"]:
                found.append(amount)
            elif terms.worth and own.worth:
                found.append(amount * terms.worth / own.worth)
        return min(found)

    def cost(self, name):
        """What a carrier costs in the currency of who pays; None where nobody can say."""
        carrier = self.carriers[name]
        terms = self.costs.get(carrier.tariff)
        amount = terms and terms.exact(self.seconds, carrier.timezone)
        sold = self.sell.get(self.payer)
        if amount is None or (sold and terms.rules["currency"] == sold.rules["currency"]):
            return amount
        into = sold.worth if sold else Fraction(1)
        return amount * terms.worth / into if terms.worth and into else None

    def affordable(self, name):
        cost = self.cost(name)
        if not self.sell or (self.entry.allow_loss and (cost is not None or self.entry.choose != "least-cost")):
            return True
        return cost is not None and up(cost) <= up(self.price)

    def edges(self, name):
        """By which it may be reached."""
        carrier = self.carriers[name]
        enabled = [edge for edge in ("edge-a", "edge-b") if not carrier.edges or edge in carrier.edges]
        return [None] if carrier.direct else enabled

    def usable(self, name):
        carrier = self.carriers[name]
        heard = not self.checked or not carrier.codecs or bool({"PCMA", "PCMU"} & set(carrier.codecs))
        return carrier.active and carrier.gateways and self.edges(name) and heard

    def poor(self, name):
        """Whether it is known to be below the floor."""
        floor, known = self.entry.floor, self.qualities.get(name)
        if self.entry.choose != "quality" or known is None or known.calls < floor.calls:
            return False
        return known.asr < floor.asr or known.acd < floor.acd

    def only_poor(self):
        """Whether all that could be chosen are below the floor: they are better than none."""
        left = [name for name, each in self.carriers.items() if each.active and each.gateways and self.affordable(name)]
        return all(self.poor(name) for name in left)


def up(amount):
    """As amounts of other currencies are compared: rounded up to 10 decimals."""
    return ceil(amount * 10**10)


qualities = st.builds(
    Quality, st.sampled_from([3, 20, 500]), st.sampled_from([0.1, 0.4, 0.6]), st.sampled_from([5.0, 60.0, 200.0]),
    st.sampled_from([0.5, 4.0]),
)  # fmt: skip
floors = st.builds(
    Floor, st.sampled_from([0.0, 0.3, 0.5]), st.sampled_from([0, 30]), st.just(20), st.sampled_from([0.0, 0.5, 1.0])
)


@st.composite
def plans(draw, **fixed):
    drawn = {name: draw(carriers) for name in NAMES[: draw(st.sampled_from([1, 3, 4, 5]))]}
    drawn = {name: replace(each, name=name, tariff=draw(st.sampled_from([name] * 6 + [""])))
             for name, each in drawn.items()}  # fmt: skip
    said = {
        "choose": draw(st.sampled_from(["priority", "share", "least-cost", "quality"])), "floor": draw(floors),
        "fork": draw(st.integers(1, 3)), "allow_loss": draw(st.booleans()),
    }  # fmt: skip
    shares = tuple((name, draw(st.integers(0, 3))) for name in draw(st.permutations(list(drawn))))
    return Plan(
        drawn,
        {name: draw(terms()) for name in drawn},
        {name: draw(terms()) for name in draw(st.sampled_from([(), ("gold",), ("base",), ("gold", "base")]))},
        RouteEntry("", shares, **said | fixed),
        draw(st.sampled_from([1, 60, 180, 3601])),
        draw(st.booleans()),
        {name: draw(qualities) for name in drawn if draw(st.booleans())},
    )


def refused_for_the_price(decision):
    """A call that somebody would have to pay for and has no rate for never comes to the carriers."""
    return decision.plan == Reject(Reason.NO_RATE)


def tried(decision):
    """The carriers in the order they are tried, each once."""
    return list(dict.fromkeys(leg.carrier for legs in decision.plan.attempts for leg in legs))


def places(decision):
    """Where each attempt's legs go."""
    return [(leg.carrier, leg.gateway, leg.edge and leg.edge.edge) for legs in decision.plan.attempts for leg in legs]


@given(plans())
@fuzz(150)
def test_every_carrier_that_can_be_used_and_paid_for_is_tried_and_every_other_is_left_out(plan):
    decision, _ = plan.decided()
    if refused_for_the_price(decision):
        return
    able = {name for name in plan.carriers if plan.usable(name) and plan.affordable(name)}
    good = {name for name in able if not plan.poor(name) or plan.only_poor()}
    told_of = [step for step in decision.steps if step.message.key.startswith("carrier.")]
    out = {step.message.values["carrier"] for step in told_of if step.verdict == "skip"}
    if isinstance(decision.plan, Outbound):
        assert set(tried(decision)) == set(plan.carriers) - out
        assert good <= set(tried(decision)) <= able
    else:
        assert decision.plan == Reject(Reason.NO_CARRIER)
        assert (out, good) == (set(plan.carriers), set())


@given(plans(allow_loss=False))
@fuzz(150)
def test_no_attempt_is_dearer_than_what_is_paid(plan):
    decision, _ = plan.decided()
    if isinstance(decision.plan, Outbound) and plan.payer is not None:
        costs = [plan.cost(name) for name in tried(decision)]
        assert all(cost is not None and up(cost) <= up(plan.price) for cost in costs)


@given(plans())
@fuzz(100)
def test_each_gateway_is_tried_once_by_each_edge_that_may(plan):
    decision, _ = plan.decided()
    if not isinstance(decision.plan, Outbound):
        return
    wanted = Counter(
        (name, gateway.address, edge)
        for name in tried(decision)
        for gateway in plan.carriers[name].gateways
        for edge in plan.edges(name)
    )
    assert Counter(places(decision)) == wanted
    for legs in decision.plan.attempts:
        assert 0 < len({leg.carrier for leg in legs}) == len(legs) <= plan.entry.fork
    for name in tried(decision):
        priority = {gateway.address: gateway.priority for gateway in plan.carriers[name].gateways}
        own = [(gateway, edge) for carrier, gateway, edge in places(decision) if carrier == name]
        for begin in range(0, len(own), len(priority)):
            by_edge = own[begin : begin + len(priority)]
            assert len({edge for _, edge in by_edge}) == 1, "all gateways by one edge, then by the next"
            assert [priority[gateway] for gateway, _ in by_edge] == sorted(priority.values())


@given(plans(fork=1))
@fuzz(300)
def test_the_order_is_what_the_entry_says(plan):
    decision, _ = plan.decided()
    if not isinstance(decision.plan, Outbound):
        return
    order = tried(decision)
    if plan.entry.choose == "priority":
        assert order == [name for name, _ in plan.entry.carriers if name in order]
    if plan.entry.choose == "least-cost":
        known = [plan.cost(name) for name in order]
        costs = [cost for cost in known if cost is not None]
        assert costs == sorted(costs)
        assert known == [*costs, *[None] * (len(known) - len(costs))], "who cannot be compared comes last"
    if plan.entry.choose == "quality":
        known = [plan.qualities[name] for name in order if name in plan.qualities and not plan.poor(name)]
        known = [(-each.asr, -each.acd, each.pdd) for each in known if each.calls >= plan.entry.floor.calls]
        assert known == sorted(known)


@given(plans(choose="quality", floor=Floor(0.5, 30, 20, 1.0), allow_loss=True))
@fuzz(150)
def test_one_of_the_poor_is_probed_and_it_comes_first(plan):
    decision, _ = plan.decided()
    if isinstance(decision.plan, Outbound):
        poor = [name for name in tried(decision) if plan.poor(name)]
        assert plan.only_poor() or poor in ([], tried(decision)[:1])


@given(plans(), st.uuids())
@fuzz(100)
def test_a_call_decided_again_is_decided_the_same_and_asks_for_prices_once(plan, call):
    one, asked = plan.decided(str(call))
    other, _ = plan.decided(str(call))
    assert told(one, "en") == told(other, "en")
    if isinstance(one.plan, Outbound):
        assert places(one) == places(other)
    assert sum(isinstance(question, tuple) and isinstance(question[0], list) for question in asked) <= 1


@given(plans())
@fuzz(100)
def test_a_decision_is_told_the_same_from_its_record_in_each_language(plan):
    decision, _ = plan.decided()
    for lang in ("en", "zh"):
        assert told_from_trace(trace(decision), lang) == told(decision, lang)["steps"]
    lines = [step for step in decision.steps if step.message.key.startswith("carrier.")]
    named = [step.message.values["carrier"] for step in lines if step.message.key != "carrier.quality"]
    assert refused_for_the_price(decision) or sorted(named) == sorted(plan.carriers), "each has one line"


causes = st.sampled_from(["USER_BUSY", "NORMAL_TEMPORARY_FAILURE", "NETWORK_OUT_OF_ORDER", "CALL_REJECTED"])
failures = st.builds(
    Failure, st.sets(causes, min_size=1),
    st.sampled_from([0, 403, 404, 480, 486, 488, 500, 503, 603]), st.sampled_from([0.5, 3.0, 31.0]),
)  # fmt: skip


@given(plans(), st.lists(failures, min_size=1, max_size=4), st.booleans(), st.sampled_from([None, {"503"}]))
@fuzz(150)
def test_failover_ends_and_tries_nothing_twice(plan, ways_to_fail, emergency, next_on):
    decision, _ = plan.decided()
    if not isinstance(decision.plan, Outbound):
        return
    left, budget, tries = replace(decision.plan, next_on=next_on and frozenset(next_on)), 20.0, []
    for failure in islice(cycle(ways_to_fail), 40):
        tries += [(leg.carrier, leg.gateway, leg.edge) for leg in left.attempts[0]]
        budget -= failure.seconds
        rest = after(left, failure, budget, emergency=emergency)
        if rest is None:
            break
        assert emergency or budget >= 1
        assert len(rest.attempts) < len(left.attempts)
        left = rest
    else:
        pytest.fail("it goes on for ever")
    assert len(set(tries)) == len(tries)
    if emergency:
        assert {carrier for carrier, _, _ in tries} == set(tried(decision)), "every carrier is tried"


def test_shares_converge():
    weights = {"a": 1, "b": 2, "c": 5, "d": 0}
    drawn = {name: Carrier(name, gateways=(Gateway("198.51.100.1:5060"),)) for name in weights}
    plan = Plan(drawn, {}, {}, RouteEntry("", tuple(weights.items()), choose="share"), 60)
    firsts = Counter(tried(plan.decided(f"c-{call}")[0])[0] for call in range(1200))
    shares = {name: firsts[name] / 1200 for name in weights}
    assert shares == pytest.approx({"a": 0.125, "b": 0.25, "c": 0.625, "d": 0}, abs=0.04)
    assert firsts["d"] == 0


def test_edges_and_gateways_share_the_calls():
    carrier = Carrier("a", gateways=(Gateway("198.51.100.1:5060", 1), Gateway("198.51.100.2:5060", 3)))
    plan = Plan({"a": carrier}, {}, {}, RouteEntry("", (("a", 1),)), 60)
    firsts = Counter(places(plan.decided(f"c-{call}")[0])[0][1:] for call in range(800))
    assert {key: count / 800 for key, count in firsts.items()} == pytest.approx({
        ("198.51.100.1:5060", "edge-a"): 0.125, ("198.51.100.1:5060", "edge-b"): 0.125,
        ("198.51.100.2:5060", "edge-a"): 0.375, ("198.51.100.2:5060", "edge-b"): 0.375,
    }, abs=0.05)  # fmt: skip
