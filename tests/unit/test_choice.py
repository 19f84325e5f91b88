"""Which carriers are tried, in which order, and why others are not."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callctl.outside import Carrier, Floor, Gateway, Quality, Route, RouteEntry
from callctl.rating.tariff import When
from callctl.routing.choice import Candidate, choose, entry_for, gateways, shuffled

MONDAY_NOON = 1_798_718_400_000_000 - 86_400_000_000 * 3  # 2026-12-28T12:00:00Z
GATEWAY = (Gateway("192.0.2.1:5060"),)


def candidate(name, cost=None, weight=1, quality=None, **carrier):
    money = None if cost is None else Decimal(cost)
    return Candidate(Carrier(name, **{"gateways": GATEWAY, **carrier}), weight, money, quality)


def names(choice):
    return [each.carrier.name for each in choice.order]


def test_the_longest_prefix_that_holds_now_decides():
    office = RouteEntry("442", when=When(weekdays=frozenset({1}), start=9 * 3600), weight=1)
    night = RouteEntry("442", when=When(weekdays=frozenset({1}), start=18 * 3600), weight=1)
    route = Route("r", entries={"": (RouteEntry(""),), "44": (RouteEntry("44"),), "442": (office, night)})
    assert entry_for(route, "4420", MONDAY_NOON) is office
    assert entry_for(route, "4420", MONDAY_NOON + 7 * 3600 * 10**6) is night
    assert entry_for(route, "4420", MONDAY_NOON + 86_400 * 10**6).prefix == "44"
    assert entry_for(route, "443", MONDAY_NOON).prefix == "44"
    assert entry_for(route, "1", MONDAY_NOON).prefix == ""
    assert entry_for(replace(route, timezone="Asia/Shanghai"), "4420", MONDAY_NOON) is night
    assert entry_for(Route("r", entries={"44": (office,)}), "1", MONDAY_NOON) is None


def test_no_carrier_is_dearer_than_what_is_paid():
    some = [candidate("dear", "2"), candidate("same", "1"), candidate("cheap", "0.5"), candidate("unknown")]
    entry = RouteEntry("", choose="least-cost")
    choice = choose(entry, some, Decimal(1), Random(1))
    assert names(choice) == ["cheap", "same"]
    assert [each[:2] for each in choice.skipped] == [("dear", "carrier.dearer"), ("unknown", "carrier.no_tariff")]
    assert names(choose(replace(entry, allow_loss=True), some, Decimal(1), Random(1))) == ["cheap", "same", "dear"]
    assert names(choose(entry, some, None, Random(1))) == ["cheap", "same", "dear", "unknown"]


def test_what_cannot_take_calls_is_left_out():
    some = [candidate("closed", active=False), candidate("nowhere", gateways=()), candidate("good")]
    choice = choose(RouteEntry(""), some, None, Random(1))
    assert names(choice) == ["good"]
    assert [each.key for each in choice.skipped] == ["carrier.closed", "carrier.no_gateway"]


def test_quality_comes_first_and_the_poor_are_probed_now_and_then():
    some = [
        candidate("poor", quality=Quality(100, 0.1, 60, 2)), candidate("fair", quality=Quality(100, 0.5, 60, 2)),
        candidate("best", quality=Quality(100, 0.6, 60, 2)), candidate("new", quality=Quality(3, 0.0, 0, 9)),
        candidate("short", quality=Quality(100, 0.9, 5, 2)),
    ]  # fmt: skip
    entry = RouteEntry("", choose="quality", floor=Floor(asr=0.3, acd=10, probe=0.1))
    chance = Random(7)
    choices = [choose(entry, some, None, chance) for _ in range(2000)]
    plain = [choice for choice in choices if len(choice.order) == 3]
    assert names(plain[0]) == ["best", "fair", "new"]
    assert {each.carrier for each in plain[0].skipped} == {"poor", "short"}
    probes = Counter(names(choice)[0] for choice in choices if len(choice.order) == 4)
    assert set(probes) == {"poor", "short"}
    assert 150 < probes.total() < 250


def test_the_poor_are_better_than_none():
    some = [candidate("worse", quality=Quality(100, 0.1, 60, 2)), candidate("poor", quality=Quality(100, 0.2, 60, 2))]
    choice = choose(RouteEntry("", choose="quality", floor=Floor(asr=0.3, probe=0.0)), some, None, Random(1))
    assert (names(choice), choice.skipped) == (["poor", "worse"], ())


def test_shares_converge():
    some = [candidate("a", weight=1), candidate("b", weight=3), candidate("never", weight=0)]
    chance = Random(3)
    firsts = Counter(names(choose(RouteEntry("", choose="share"), some, None, chance))[0] for _ in range(8000))
    assert firsts["never"] == 0
    assert firsts["b"] / firsts.total() == pytest.approx(0.75, abs=0.02)


def test_gateways_by_priority_then_weight():
    carrier = Carrier("c", gateways=(Gateway("b:1", 1, 1), Gateway("a:1", 1, 0), Gateway("a:2", 9, 0)))
    orders = Counter(tuple(gateway.address for gateway in gateways(carrier, Random(seed))) for seed in range(500))
    assert set(orders) == {("a:1", "a:2", "b:1"), ("a:2", "a:1", "b:1")}
    assert orders["a:2", "a:1", "b:1"] > 400


costs = st.none() | st.decimals(0, 10, places=4)
qualities = st.none() | st.builds(Quality, st.integers(0, 100), st.floats(0, 1), st.floats(0, 600), st.floats(0, 9))
entries = st.builds(
    RouteEntry, st.just(""), choose=st.sampled_from(["priority", "share", "least-cost", "quality"]),
    allow_loss=st.booleans(), floor=st.builds(Floor, st.floats(0, 1), st.integers(0, 60), st.just(20), st.floats(0, 1)),
)  # fmt: skip


@given(entries, st.lists(st.tuples(costs, st.integers(0, 5), qualities), max_size=8), costs, st.integers(0, 99))
def test_every_carrier_is_tried_once_or_left_out_and_none_is_dearer(entry, some, most, seed):
    given_ones = [Candidate(Carrier(str(number), gateways=GATEWAY), weight, cost, quality)
                  for number, (cost, weight, quality) in enumerate(some)]  # fmt: skip
    choice = choose(entry, given_ones, most, Random(seed))
    told = names(choice) + [each.carrier for each in choice.skipped]
    assert sorted(told) == sorted(each.carrier.name for each in given_ones)
    if most is not None and not entry.allow_loss:
        assert all(each.cost is not None and each.cost <= most for each in choice.order)


@given(st.lists(st.integers(0, 9), max_size=9), st.integers())
def test_shuffling_loses_nothing(weights, seed):
    items = list(range(len(weights)))
    assert sorted(shuffled(items, weights, Random(seed))) == items
