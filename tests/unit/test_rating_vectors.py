"""The figures that other rating engines expect of themselves, held at their exact value."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from callctl.declaration.tariff import EPOCH, TariffEntry
from callctl.rating.chain import stretches
from callctl.rating.longest import longest
from callctl.rating.price import Price, price, split
from callctl.rating.rounding import Rounding
from callctl.rating.tariff import SECOND, NoRate, RateSet
from callctl.rating.window import opening

VECTORS = json.loads((Path(__file__).parent.parent / "data" / "rating-vectors.json").read_text())
COSTS = {vector["id"]: vector for vector in VECTORS["cost_vectors"]}
OTHERS = {vector["id"]: vector for vector in VECTORS["other_vectors"]}
METHODS = {"middle": "half-up", "up": "up", "down": "down"}
NOT_OURS = {
    "CGR-M4": "an account has one balance, so none that blocks another",
    "CGR-D1": "an account has one balance, so no bundle of seconds before the money",
    "CGR-D4": "an account has one balance, so no bundle of seconds before the money",
    "CGR-D5": "a balance below zero is the ledger's matter; its price is priced below",
}


def declared(intervals: list[dict], prefix: str = "49") -> RateSet:
    """The rates of a vector, read as a declarative file is."""
    rates = []
    for interval in intervals:
        slots = interval["slots"]
        rate = {
            "prefix": prefix,
            "weight": interval.get("weight", 0),
            "when": interval.get("timing", {}),
            "connect_fee": slots[0].get("connect_fee", "0"),
            "steps": [
                {
                    "after": slot["group_start_s"],
                    "price": slot["rate"],
                    "per": slot["unit_s"],
                    "increment": slot["increment_s"],
                }
                for slot in slots
            ],
        }
        if "max_cost" in interval:
            rate |= {"max_cost": interval["max_cost"], "beyond_max_cost": interval["max_cost_strategy"]}
        rates.append(rate)
    rounding = intervals[0].get("rounding", {"method": "middle", "decimals": 4})
    entry = TariffEntry.model_validate(
        {
            "name": "vector",
            "currency": "USD",
            "rounding": {"method": METHODS[rounding["method"]], "decimals": rounding["decimals"]},
            "rates": rates,
        }
    )
    return entry.tariff().find(prefix, 0)


def flat(values: dict) -> RateSet:
    """The rates of a vector that names one price."""
    slot = {
        "group_start_s": 0,
        "rate": values["rate"],
        "unit_s": values["unit_s"],
        "increment_s": values.get("increment_s", 1),
        "connect_fee": values.get("connect_fee", "0"),
    }
    return declared([{"slots": [slot], **{key: values[key] for key in values if key.startswith("max_cost")}}])


def blocks(per_minute: str, first: int, then: int, fee: str, later_per_minute: str | None = None, **more) -> RateSet:
    """A first block of `first` seconds, then increments of `then` seconds; 4 decimals, half-up."""
    steps = [{"after": 0, "price": per_minute, "per": 60, "increment": first or then}]
    if first:
        steps.append({"after": first, "price": later_per_minute or per_minute, "per": 60, "increment": then})
    entry = TariffEntry.model_validate(
        {
            "name": "vector",
            "currency": "USD",
            "rounding": {"method": "half-up", "decimals": 4},
            "rates": [{"prefix": "", "connect_fee": fee, "steps": steps, **more}],
        }
    )
    return entry.tariff().find("49", 0)


def microseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def priced(rates: RateSet, seconds: int, start: str = "2024-01-03T12:00:00Z") -> Price:
    return price(rates, microseconds(start), seconds * SECOND, UTC)


def test_every_vector_is_held_or_named():
    assert sorted([*HELD, *NOT_OURS]) == sorted(OTHERS)


@pytest.mark.parametrize("name", COSTS)
def test_cost(name):
    vector = COSTS[name]
    rates = declared(vector["tariff"]["intervals"])
    start, seconds = microseconds(vector["input"]["start"]), vector["input"]["duration_s"]
    if vector["input"].get("loop_index"):
        first, rest = split(rates, start - SECOND, [SECOND, (1 + seconds) * SECOND], UTC)
        assert first.total == 2, "a second and the connect fee"
        assert rest.total == Decimal(vector["expected"]["exact"])
    else:
        assert price(rates, start, seconds * SECOND, UTC).money.total == Decimal(vector["expected"]["exact"])


def test_increments_expand():
    assert priced(declared(COSTS["CGR-40"]["tariff"]["intervals"]), 60).billed_seconds == 90


def max_duration(name):
    values = OTHERS[name]["input"]
    balance = sum(map(Decimal, values["balance"].split("+")))
    start = microseconds(values["start"])
    seconds = longest(flat(values), start, UTC, balance, values["requested_s"])
    expected = OTHERS[name]["expected"]["max_duration_s"]
    assert seconds == (values["requested_s"] if expected == ">0" else expected)


def rounding(name):
    for (value, decimals, method), expected in zip(OTHERS[name]["input"], OTHERS[name]["expected"], strict=True):
        rule = Rounding(METHODS[method], decimals)
        assert rule.money(rule.units(*Decimal(value).as_integer_ratio())) == Decimal(expected)


def no_rate(name):
    tariff = flat({"rate": "1", "unit_s": 1}).tariff
    with pytest.raises(NoRate, match=OTHERS[name]["input"]["destination"]):
        tariff.find(OTHERS[name]["input"]["destination"], 0)


def prefix(name):
    values = OTHERS[name]["input"]
    entry = TariffEntry.model_validate(
        {
            "name": "vector",
            "currency": "USD",
            "rates": [{"prefix": prefix, "steps": [{"price": "1"}]} for prefix in values["prefixes"]],
        }
    )
    found = entry.tariff().find(values["destination"], 0)
    assert found.rates[0].prefix == OTHERS[name]["expected"]["matched"]


def timing(name):
    rates = declared(COSTS["CGR-01"]["tariff"]["intervals"])
    counts = []
    for begin, end in OTHERS[name]["input"]:
        start, until = microseconds(begin), microseconds(end)
        chain = stretches(rates, opening(rates, start, UTC), start, (until - start) // SECOND, UTC, 0)
        counts.append(len(list(chain)))
    assert counts == OTHERS[name]["expected"]


def session_refund(name):
    values, expected = OTHERS[name]["input"], OTHERS[name]["expected"]
    peak = next(
        interval for interval in COSTS["CGR-24"]["tariff"]["intervals"] if interval["slots"][0]["connect_fee"] == "0.8"
    )
    rates, balance = declared([peak]), Decimal(values["balance"])
    reserved = priced(rates, values["reserve_s"], values["start"]).money.total
    final = priced(rates, values["final_s"], values["start"]).money.total
    assert balance - reserved == Decimal(expected["balance_after_reserve_exact"])
    assert balance - final == Decimal(expected["balance_after_end"])


def astpp(name):
    values = OTHERS[name]["input"]
    rates = blocks(
        values["cost_per_min"],
        values["initial_block_s"],
        values["increment_s"],
        values["connect"],
        free_seconds=values["included_s"],
    )
    assert priced(rates, values["billsec"]).money.total == Decimal(OTHERS[name]["expected"]["cost"])


def yeti(name):
    values, expected = OTHERS[name]["input"], OTHERS[name]["expected"]
    rates = blocks(
        values["initial_rate_min"],
        values["initial_interval_s"],
        values["next_interval_s"],
        values["fee"],
        values["next_rate_min"],
    )
    result = priced(rates, values["duration_s"])
    assert result.money.total == Decimal(expected["amount"])
    assert result.billed_seconds == expected["billed_s"]


def kazoo(name):
    values = OTHERS[name]["input"]
    unit = Decimal("0.0001")
    rates = blocks(
        str(values["rate_units_per_min"] * unit),
        values["minimum_s"],
        values["increment_s"],
        str(values["surcharge_units"] * unit),
    )
    assert priced(rates, values["billing_s"]).money.total == OTHERS[name]["expected"]["units"] * unit


HELD = {
    "CGR-M1": max_duration,
    "CGR-M2": max_duration,
    "CGR-M5": max_duration,
    "CGR-M7": max_duration,
    "CGR-M8": max_duration,
    "CGR-S1": session_refund,
    "CGR-R1": rounding,
    "CGR-E1": no_rate,
    "CGR-E2": prefix,
    "CGR-E4": timing,
    "ASTPP-F1": astpp,
    "ASTPP-F2": astpp,
    "ASTPP-F4": astpp,
    "YETI-F1": yeti,
    "YETI-F3": yeti,
    "KAZOO-F1": kazoo,
    "KAZOO-F3": kazoo,
}


@pytest.mark.parametrize("name", HELD)
def test_other(name):
    HELD[name](name)


def test_postpaid_price():
    values = OTHERS["CGR-D5"]["input"]
    assert priced(flat(values), values["requested_s"]).money.total == Decimal(OTHERS["CGR-D5"]["expected"]["cost_each"])
