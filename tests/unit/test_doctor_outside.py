"""What `callctl doctor` says of carriers, routes and currencies by which calls are to leave the platform."""

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from callctl.directory import Snapshot
from callctl.doctor import outside
from callctl.doctor.outside import Configured
from callctl.model import Account
from callctl.outside import Carrier, Gateway, Outside, Route, RouteEntry
from callctl.rating.tariff import When
from callctl.settings import Calls, Edge, Settings

EDGE = Edge(name="a", server_id=1, address="127.0.0.1:5061")
OFF = Edge(name="off", server_id=2, address="127.0.0.1:5062", enabled=False)
GATEWAY = (Gateway("198.51.100.1:5060"),)
NEAR, FAR = Carrier("near", gateways=GATEWAY, tariff="cost"), Carrier("far", gateways=GATEWAY, direct=True)
CHECKS = {check.__name__: check for check in outside.room(Settings()).checks}
FIRE = Calls(emergency=("112", "999"), emergency_route="world")
NOWHERE = Calls(emergency=("112",), emergency_route="nowhere")
SOMETIMES = When(start=3600)


def entry(*names, prefix="", **fields):
    return RouteEntry(prefix, tuple((name, 1) for name in names), **fields)


def configured(carriers=(NEAR, FAR), entries=None, worth=None, calls=None, edges=(EDGE, OFF), pays="sell"):
    by_prefix = entries or {"": (entry("near", "far"),)}
    around = Outside(
        {}, worth or {}, {each.name: each for each in carriers}, {"world": Route("world", entries=by_prefix)}, {}
    )
    accounts = (Account("reseller", tariff=pays), Account("shop", parent="reseller", routes="world"))
    settings = Settings(edges=edges, calls=calls or Calls())
    tariffs = {"sell": "USD", "cost": "USD", "eur": "EUR"}
    return Configured(settings, accounts, Snapshot(1, accounts, (), around), tariffs)


@pytest.mark.parametrize("check", CHECKS)
def test_what_is_well(check):
    assert CHECKS[check](configured(calls=FIRE)).verdict == "ok"
    assert CHECKS[check](configured()).verdict == "ok"


IN_EUROS = replace(NEAR, tariff="eur")
SHUT, BY_OFF = replace(NEAR, active=False), replace(NEAR, edges=("off",))
WRONG = {
    "no emergency route": ("emergency", {"entries": {"44": (entry("near"),)}, "calls": FIRE}, "fail", "112, 999"),
    "an emergency route that is none": ("emergency", {"calls": NOWHERE}, "fail", "nowhere is no plan of routes"),
    "an emergency number that is not routed": (
        "emergency", {"entries": {"": (entry("near"),), "9": (entry(),)}, "calls": FIRE}, "fail", "calls to 999 lead",
    ),
    "an hour without emergency calls": (
        "emergency", {"entries": {"": (entry("near"), entry(when=SOMETIMES))}, "calls": FIRE}, "fail", "112, 999",
    ),
    "a carrier without gateway": ("carriers", {"carriers": (NEAR, replace(FAR, gateways=()))}, "warn", "far"),
    "a carrier by an edge that is off": ("carriers", {"carriers": (BY_OFF, FAR)}, "warn", "near"),
    "no edge": ("carriers", {"edges": (OFF,)}, "warn", "near"),
    "a prefix whose carrier is closed": (
        "routes", {"carriers": (SHUT, FAR), "entries": {"44": (entry("near"),)}}, "fail", "world 44",
    ),
    "currencies of no worth": ("currencies", {"carriers": (IN_EUROS, FAR)}, "warn", "EUR with USD"),
    "half of the currencies' worth": (
        "currencies", {"carriers": (IN_EUROS, FAR), "worth": {"USD": Decimal(1)}}, "warn", "EUR with USD",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not(wrong):
    check, changes, verdict, what = WRONG[wrong]
    answer = CHECKS[check](configured(**changes))
    assert (answer.verdict, what in answer.what.en) == (verdict, True), answer
    assert all(re.search("[一-鿿]", words.zh) for words in (answer.what, answer.mend))


def test_a_prefix_without_carriers_is_meant():
    assert CHECKS["routes"](configured(entries={"": (entry("near"),), "900": (entry(),)})).verdict == "ok"


def test_currencies_compare_where_each_is_worth_something_and_where_nobody_pays():
    worth = {"USD": Decimal(1), "EUR": Decimal("1.1")}
    assert CHECKS["currencies"](configured((IN_EUROS, FAR), worth=worth)).verdict == "ok"
    assert CHECKS["currencies"](configured((IN_EUROS, FAR), pays="")).verdict == "ok"


def test_a_carriers_password_is_on_this_host(tmp_path):
    file = tmp_path / "near.password"
    wants = replace(NEAR, username="u", password_file=file)
    answer = CHECKS["passwords"](configured((wants, FAR)))
    assert (answer.verdict, str(file) in answer.what.en) == ("fail", True)
    assert CHECKS["passwords"](configured((replace(wants, active=False), FAR))).verdict == "ok"
    file.write_text("b7f1 c2")
    answer = CHECKS["passwords"](configured((wants, FAR)))
    assert (answer.verdict, str(file) in answer.what.en, str(file) in answer.what.zh) == ("fail", True, True)
    assert "b7f1" not in str(answer)
    file.write_text("b7f1")
    file.chmod(0o644)
    answer = CHECKS["passwords"](configured((wants, FAR)))
    assert (answer.verdict, answer.mend.en) == ("warn", f"chmod o-rwx {file}")
    file.chmod(0o640)
    assert CHECKS["passwords"](configured((wants, FAR))).verdict == "ok"
