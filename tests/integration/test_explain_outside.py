"""`callctl explain` of calls that leave the platform: each carrier with its price, and who pays for which leg."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from callctl.cli import main

COMPANY = """
currencies:
  - {code: USD, rate: "1"}
  - {code: EUR, rate: "1.25"}
tariffs:
  - {name: retail, currency: USD, rates: [{prefix: "44", destination: UK, steps: [{price: "0.6", increment: 1}]}]}
  - {name: in, currency: USD, rates: [{prefix: "4420", destination: DID, steps: [{price: "0.06", increment: 1}]}]}
  - name: euro
    currency: EUR
    tax: {parts: ["20"]}
    rates: [{prefix: "44", connect_fee: "0.1", steps: [{price: "0.2", increment: 60}]}]
  - {name: dollar, currency: USD, rates: [{prefix: "", steps: [{price: "0.61", increment: 1}]}]}
  - {name: yuan, currency: CNY, rates: [{prefix: "", steps: [{price: "0.1", increment: 1}]}]}
carriers:
  - {name: north, tariff: euro, via: direct, gateways: [{address: "198.51.100.1:5060"}]}
  - {name: south, tariff: dollar, via: direct, gateways: [{address: "198.51.100.2:5060"}]}
  - {name: east, tariff: yuan, via: direct, gateways: [{address: "198.51.100.3:5060"}]}
  - {name: free, via: direct, gateways: [{address: "198.51.100.4:5060"}]}
  - {name: shut, status: closed, tariff: dollar, gateways: [{address: "198.51.100.5:5060"}]}
  - {name: source, sources: [203.0.113.7]}
routes:
  - name: out
    entries:
      - {prefix: "44", choose: least-cost, carriers: [south, east, free, shut, north]}
      - {prefix: "4499", carriers: []}
accounts:
  - {name: firm, mode: postpaid, credit_limit: "100", tariff: retail, tariff_in: in, routes: out}
  - {name: inner}
endpoints:
  - {account: firm, user: "8001", domain: example.net}
  - {account: firm, user: "8002", domain: example.net, extension: "2", forward: {always: "00447700900123"}}
  - {account: inner, user: "9001", domain: example.net}
dids:
  - {number: "442079460000", account: firm, to: [{number: "00447700900123"}]}
"""
CANDIDATES = [
    # 3 minutes of 0.2 and the fee, 20 % tax, at 1.25
    "1. carrier north: costs 1.05 USD, gateways 198.51.100.1:5060",
    "carrier south is left out: it costs 1.83, and 1.8 is paid",
    "carrier east is left out: `currencies` does not say what its currency or the caller's is worth",
    "carrier free is left out: it has no tariff, so nobody can say what it costs",
    "carrier shut is left out: it is closed",
    "447700900123 by route out, prefix 44, least-cost: north; firm pays 1.8 USD for 180 s",
]


PAGE = Path(__file__).parents[2] / "docs" / "outside.md"


@pytest.fixture
def explain(database, settings, monkeypatch, tmp_path):
    """Explains calls by what a file says."""
    for service in ("MYSQL", "REDIS"):
        configured = getattr(settings, service.lower())
        monkeypatch.setenv(f"CALLCTL_{service}__PORT", str(configured.port))
        monkeypatch.setenv(f"CALLCTL_{service}__PASSWORD", configured.password.get_secret_value())
    monkeypatch.setenv("CALLCTL_MONEY__RATED", '["pstn", "did"]')

    def run(*words):
        return CliRunner().invoke(main, words, catch_exceptions=False)

    file = tmp_path / "company.yaml"

    def explain(*words, company=COMPANY):
        file.write_text(company)
        applied = run("apply", "-f", str(file))
        assert applied.exit_code == 0, applied.stderr
        return run("explain", "--lang", "en", *words)

    return explain


def steps(done, check):
    return [step["detail"] for step in json.loads(done.stdout)["steps"] if step["check"] == check]


def test_every_carrier_is_there_with_its_price_and_why_it_is_tried_or_not(explain):
    done = explain("--endpoint", "8001@example.net", "--to", "+447700900123", "--json")
    assert done.exit_code == 0
    assert steps(done, "route") == CANDIDATES
    assert json.loads(done.stdout)["targets"] == ["447700900123@198.51.100.1:5060 of north"]
    answer = json.loads(done.stdout)
    assert (answer["outside"], answer["country"]) == ("447700900123", "United Kingdom")
    people = explain("--endpoint", "8001@example.net", "--to", "+447700900123")
    assert "✓ route        1. carrier north: costs 1.05 USD" in people.stdout
    assert "· route        carrier shut is left out" in people.stdout
    assert "→ bridge: 447700900123@198.51.100.1:5060 of north  United Kingdom" in people.stdout
    chinese = explain("--endpoint", "8001@example.net", "--to", "+447700900123", "--lang", "zh")
    assert "不用运营商 shut：已关闭" in chinese.stdout
    assert "of north  英国" in chinese.stdout


def test_a_did_that_leads_outside_costs_its_account_both_ways(explain):
    done = explain("--source-ip", "203.0.113.7", "--to", "442079460000", "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["kind"], answer["account"]) == (0, "did", "firm")
    assert steps(done, "route") == CANDIDATES
    (charge,) = steps(done, "charge")
    assert "firm in 4420 DID 0.06 USD/min" in charge
    assert "firm retail 44 UK 0.6 USD/min" in charge


def test_who_forwards_pays_for_the_way_out(explain):
    done = explain("--endpoint", "8001@example.net", "--to", "2", "--json")
    assert json.loads(done.stdout)["targets"] == ["447700900123@198.51.100.1:5060 of north"]
    assert steps(done, "charge") == ["447700900123 costs (tariff, prefix, a minute): firm retail 44 UK 0.6 USD/min"]


@pytest.mark.parametrize(
    ("number", "reason"), [("449912345678", "no_route"), ("33123456789", "no_route"), ("alice", "number_unknown")]
)
def test_a_number_that_no_route_leads_to_is_refused(explain, number, reason):
    done = explain("--endpoint", "8001@example.net", "--to", number, "--json")
    assert (done.exit_code, json.loads(done.stdout)["reason"]) == (1, reason)
    inner = explain("--endpoint", "9001@example.net", "--to", "447700900123", "--json")
    assert json.loads(inner.stdout)["reason"] == "number_unknown"


def test_the_page_about_it_shows_what_works(explain, monkeypatch):
    monkeypatch.setenv("CALLCTL_EDGES", '[{"name": "kam", "server_id": 1, "address": "10.0.0.1:5060"}]')
    (company,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    words = ("--account", "shop", "--json", "--to")
    answer = json.loads(explain(*words, "02079460000", company=company).stdout)
    told = [step["detail"] for step in answer["steps"] if step["check"] == "route"]
    assert told[0] == "1. carrier north: costs 0.0324 USD, gateways 198.51.100.1:5060"
    assert told[1].startswith("2. carrier south: costs 0.037 USD, gateways 198.51.100.")
    assert told[2].endswith("shop pays 0.09 USD for 180 s")
    assert answer["reason"] == "no_money"
    unrouted = json.loads(explain(*words, "00447012345678", company=company).stdout)
    assert unrouted["reason"] == "no_route"
