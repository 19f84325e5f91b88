"""Tariffs in declarative files: what they mean, and every fault named by file and line."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from callctl.declaration import read, tariffs
from callctl.declaration.check import Known
from callctl.errors import ConfigError
from callctl.rating.rounding import Rounding, Tax
from callctl.rating.tariff import Rate, Step, When

HELD = Known(tariffs={"held": {"currency": "GBP"}})
GOOD = """\
accounts:
  - {name: acme}
tariffs:
  - name: gold
    currency: USD
    rounding: {method: up, decimals: 4}
    tax: {mode: inclusive, parts: ["10", "2.5"]}
    rates:
      - prefix: "+44"
        destination: United Kingdom
        weight: 10
        when: {weekdays: [1, 2], months: [3], monthdays: [4], dates: [2026-03-04], start: "08:30"}
        connect_fee: "0.4"
        grace_seconds: 1
        free_seconds: 2
        steps:
          - {after: 0, price: "0.2", per: 60, increment: 60}
          - {after: 60, price: "0.1", per: 1, increment: 6}
        max_cost: "10"
        beyond_max_cost: free
        effective: 2026-01-01
        expires: "2027-01-01T00:00:00+08:00"
      - prefix: ""
        steps: [{price: "1"}]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "tariff.yaml"
    file.write_text(text)
    return file


def microseconds(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000


def test_every_field_reaches_the_rate(tmp_path):
    tariff = tariffs(written(tmp_path, GOOD))["gold"].tariff()
    assert (tariff.name, tariff.currency) == ("gold", "USD")
    assert tariff.rounding == Rounding("up", 4)
    assert tariff.tax == Tax(True, (Decimal(10), Decimal("2.5")))
    rate = Rate(
        prefix="44",
        destination="United Kingdom",
        weight=10,
        when=When(frozenset({1, 2}), frozenset({3}), frozenset({4}), frozenset({date(2026, 3, 4)}), 8 * 3600 + 30 * 60),
        connect_fee=Decimal("0.4"),
        grace_seconds=1,
        free_seconds=2,
        steps=(Step(0, Decimal("0.2"), 60, 60), Step(60, Decimal("0.1"), 1, 6)),
        max_cost=Decimal(10),
        free_beyond=True,
        effective_us=microseconds(2026, 1, 1),
        expires_us=microseconds(2026, 12, 31, 16),
    )
    assert tariff.find("442079", microseconds(2026, 3, 4)).rates == (rate,)
    default = Rate("", (Step(0, Decimal(1), 60, 1),))
    assert tariff.find("33", 0).rates == (default,)


FAULTS = [
    ('price: "0.2", per', "price: 0.2, per", 17, 'rates.0.steps.0.price: write it in quotes: "0.2"'),
    ('price: "0.2"', 'price: "-0.2"', 17, "rates.0.steps.0.price"),
    ('price: "0.2"', 'price: "0.20000000001"', 17, "rates.0.steps.0.price"),
    ('price: "0.2"', 'price: "NaN"', 17, "rates.0.steps.0.price"),
    ("after: 60", "after: 0", 16, "rates.0.steps: the step after 0 seconds is followed by one after 0"),
    ("after: 0,", "after: 1,", 16, "rates.0.steps: the first step begins after 0 seconds"),
    ("per: 1,", "per: 0,", 18, "rates.0.steps.1.per"),
    ("increment: 6}", "increment: 0}", 18, "rates.0.steps.1.increment"),
    ('"08:30"', "18:30:00", 12, 'rates.0.when.start: write the time of day in quotes: "18:00:00"'),
    ('"08:30"', '"24:00"', 12, "rates.0.when.start"),
    ("weekdays: [1, 2]", "weekdays: [0, 1]", 12, "rates.0.when.weekdays"),
    ("dates: [2026-03-04]", "dates: [2026-02-30]", 4, "day is out of range"),
    ('prefix: "+44"', "prefix: 44", 9, "rates.0.prefix"),
    ('prefix: "+44"', 'prefix: "4x"', 9, "rates.0.prefix"),
    ('max_cost: "10"\n        beyond', "beyond", 9, "rates.0: beyond_max_cost says nothing without max_cost"),
    ("effective: 2026-01-01", "effective: 2027-01-01", 9, "rates.0: a rate expires after it is effective"),
    ("effective: 2026-01-01", "effective: 2027", 21, "rates.0.effective: write a date"),
    ("effective: 2026-01-01", "effective: 0001-01-01", 21, "rates.0.effective: write a year"),
    ("decimals: 4", "decimals: 7", 6, "rounding.decimals"),
    ("method: up", "method: bankers", 6, "rounding.method"),
    ('parts: ["10", "2.5"]', 'parts: ["1", "1", "1", "1"]', 7, "tax.parts"),
    ("currency: USD", "currency: dollars", 5, "currency"),
    ("destination:", "country:", 10, "rates.0.country: there is no such key"),
    ('steps: [{price: "1"}]', "steps: []", 24, "rates.1.steps"),
    ('        steps: [{price: "1"}]\n', "", 23, "rates.1.steps"),
    (
        '        steps: [{price: "1"}]\n',
        '        steps: [{price: "1"}]\n      - {prefix: "", steps: [{price: "2"}]}\n',
        25,
        "rates.2: starts when rates.1 does and has its weight",
    ),
    ("tariffs:", "tarifs:", 3, "there is no list 'tarifs'"),
]


@pytest.mark.parametrize(("good", "bad", "line", "said"), FAULTS)
def test_a_fault_is_named_by_line(tmp_path, good, bad, line, said):
    assert GOOD.count(good) >= 1
    file = written(tmp_path, GOOD.replace(good, bad, 1))
    with pytest.raises(ConfigError) as caught:
        tariffs(file)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_name_twice(tmp_path):
    file = written(tmp_path, "tariffs:\n  - {name: a, currency: USD}\n  - {name: a, currency: EUR}\n")
    with pytest.raises(ConfigError, match=r"tariff.yaml:3: a stands at .*tariff.yaml:2 already"):
        tariffs(file)


def test_what_is_applied_has_tariffs_with_their_rates(tmp_path):
    declared = read([written(tmp_path, GOOD)]).among(Known())
    assert [len(entry.rates) for entry in declared.tariffs.values()] == [2]
    assert list(declared.accounts) == ["acme"]


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("tariff: silver", "there is no tariff silver; declare it"),
        ("tariff: gold, currency: EUR", "account acme is in EUR and its tariff gold in USD"),
        ("tariff: held, currency: EUR", "account acme is in EUR and its tariff held in GBP"),
        ("timezone: Mars/Olympus", "timezone: there is no time zone 'Mars/Olympus'"),
        ("timezone: ../UTC", "timezone: there is no time zone"),
        ("timezone: Asia", "timezone: there is no time zone"),
        ("currency: dollars", "currency: "),
    ],
)
def test_an_account_names_what_there_is(tmp_path, account, said):
    file = written(tmp_path, GOOD.replace("{name: acme}", f"{{name: acme, {account}}}"))
    with pytest.raises(ConfigError) as caught:
        read([file]).among(HELD)
    assert str(caught.value).startswith(f"{file}:2: ")
    assert said in str(caught.value)


def test_an_account_may_name_a_tariff_that_is_in_no_file(tmp_path):
    file = written(tmp_path, "accounts: [{name: acme, tariff: held, currency: GBP, timezone: Asia/Shanghai}]")
    assert read([file]).among(HELD).accounts["acme"].tariff == "held"
