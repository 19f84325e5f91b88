"""`callctl rate` on the tariff of examples/."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from callctl.cli import main

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "tariff.yaml"


def run(*arguments: str, file: Path = EXAMPLE):
    return CliRunner().invoke(main, ["rate", "-f", str(file), *arguments])


def priced(to: str, start: str, seconds: int, *more: str) -> dict:
    result = run("--to", to, "--start", start, "--seconds", str(seconds), "--json", *more)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_from_day_into_night():
    answer = priced("+442079460000", "2026-11-02T18:59:00Z", 600, "--timezone", "Europe/London", "--balance", "1")
    assert answer == {
        "price": "1.0500",
        "tax": "0.1313",
        "taxes": ["0.1050", "0.0263"],
        "total": "1.1813",
        "currency": "USD",
        "billed_seconds": 600,
        "tariff": "gold",
        "prefix": "44",
        "destination": "United Kingdom",
        "country": "United Kingdom",
        "connect_fee": "0.4",
        "steps": [
            {
                "at": "2026-11-02T18:59:00+00:00",
                "after": 0,
                "price": "0.2",
                "per": 60,
                "increment": 60,
                "increments": 1,
                "seconds": 60,
                "amount": "0.2",
            },
            {
                "at": "2026-11-02T19:00:00+00:00",
                "after": 60,
                "price": "0.05",
                "per": 60,
                "increment": 1,
                "increments": 540,
                "seconds": 540,
                "amount": "0.45",
            },
        ],
        "max_seconds": 406,  # (1 / 1.125 - 0.6) / 0.05 minutes after the first
    }


@pytest.mark.parametrize(
    ("start", "amount"),
    [
        ("2026-11-02T12:00:00", "0.6"),  # Monday by day
        ("2026-11-02T03:00:00", "0.24"),  # Monday before 08:00: the weekend
        ("2026-11-03T03:00:00", "0.3"),  # Tuesday before 08:00: the night
        ("2026-11-07T12:00:00", "0.24"),  # Saturday
        ("2026-12-25T12:00:00", "0.01"),  # Christmas
        ("2026-04-06T12:00:00", "0.01"),  # Easter Monday
    ],
)
def test_windows_of_the_example(start, amount):
    answer = priced("442079460000", start, 60)
    assert sum(Decimal(step["amount"]) for step in answer["steps"]) + Decimal(answer["connect_fee"]) == Decimal(amount)


def test_start_without_offset_is_by_the_clock_of_the_zone():
    zone = ("--timezone", "Asia/Shanghai")
    assert priced("442079", "2026-11-02T19:00:00", 60, *zone) == priced("442079", "2026-11-02T11:00:00Z", 60, *zone)


def test_the_longest_prefix_and_grace_and_freephone():
    assert priced("447911123456", "2026-11-02T12:00:00Z", 2)["total"] == "0.0000"
    assert priced("447911123456", "2026-11-02T12:00:00Z", 3)["destination"] == "United Kingdom mobile"
    assert priced("4480012345", "2026-11-02T12:00:00Z", 3600, "--balance", "0")["max_seconds"] == 3600


def test_no_rate_is_exit_code_1_and_a_sentence():
    result = run("--to", "33123", "--start", "2026-11-02T12:00:00Z", "--seconds", "60", "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "callctl: Tariff gold has no rate in force for 33123: add one for its prefix.\n"


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["connect fee 0.4", "1.1813 USD: price 1.0500, tax 0.1313; 600 s billed", "the balance pays for 600 s"]),
        ("zh", ["接通费 0.4", "1.1813 USD：价格 1.0500，税 0.1313；计费 600 秒", "余额可通话 600 秒"]),
    ],
)
def test_for_people(lang, words):
    start = ("--start", "2026-11-02T18:59:00Z", "--timezone", "Europe/London")
    result = run("--to", "442079", *start, "--seconds", "600", "--balance", "5", "--lang", lang)
    assert result.exit_code == 0
    assert "540 × 1 s" in result.stdout
    for sentence in words:
        assert sentence in result.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        ("--start", "yesterday", "--seconds", "60"),
        ("--start", "9999-12-31", "--seconds", "60"),
        ("--start", "2026-11-02", "--seconds", "-1"),
        ("--start", "2026-11-02", "--seconds", "60", "--timezone", "Mars/Olympus"),
        ("--start", "2026-11-02", "--seconds", "60", "--timezone", "../etc/passwd"),
        ("--start", "2026-11-02", "--seconds", "60", "--balance", "much"),
        ("--start", "2026-11-02", "--seconds", "60", "--balance", "Infinity"),
    ],
)
def test_wrong_usage_is_exit_code_2(wrong):
    result = run("--to", "442079", *wrong)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "declares none"),
        ("tariffs: [{name: a, currency: USD}, {name: b, currency: USD}]", "declares a, b"),
        ("tariffs: [{name: a}]", "tariff.yaml:1: currency"),
    ],
)
def test_a_file_without_one_good_tariff_is_exit_code_2(tmp_path, text, said):
    file = tmp_path / "tariff.yaml"
    file.write_text(text)
    result = run("--to", "44", "--start", "2026-11-02", "--seconds", "60", file=file)
    assert result.exit_code == 2
    assert said in result.stderr
