"""What operators type about an account while `callctl serve` carries its calls."""

import json
import time
from decimal import Decimal

import pytest

from tests.integration.platform import TALKS, Platform, wait

COMPANY = """
accounts:
  - {name: shop, tariff: second, parent: chain}
  - {name: chain}
endpoints:
  - {account: shop, user: "3009", domain: example.net}
tariffs:
  - name: second
    currency: USD
    rates: [{prefix: "", steps: [{price: "60", per: 60, increment: 1}]}]
"""
PAYS = {"caller": "3009"}


@pytest.fixture(scope="module")
def host(platform):
    return platform.serves[0]


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    settings = {"money": {"rated": ["onnet"], "slice": 10, "warn_before": 0}}
    # Timers of the switch are of money here, so they run in real time.
    with Platform(tmp_path_factory.mktemp("topup"), services, settings=settings, scale=1) as platform:
        host = platform.start()
        platform.apply(host, COMPANY)
        yield platform


def shown(host):
    done = host.run("account", "show", "shop", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_top_up_lengthens_the_call_that_is_up(platform, host):
    assert host.run("account", "topup", "shop", "6", "--reference", "first").code == 0
    call = platform.talking(platform.dial(TALKS, **PAYS))
    began = time.monotonic()
    held = wait(lambda: (found := shown(host))["holds"] == {call.uuid: "6.000000"} and found, "its money is held")
    assert (held["balance"], held["available"]) == ("6.000000", "0.000000")
    done = host.run("account", "topup", "shop", "5", "--reference", "second")
    assert (done.code, done.err) == (0, "")
    platform.finish(call)
    assert 10.5 < time.monotonic() - began < 16
    cdr = platform.final(call.uuid)
    assert cdr["reason"] == "money_up"
    assert Decimal(10) <= cdr["price"] <= Decimal(11)
    after = wait(lambda: (found := shown(host))["balance"] == f"{11 - cdr['price']:f}" and found, "the call is booked")
    assert (after["held"], after["holds"], after["spent_today"]) == ("0.000000", {}, f"{cdr['price']:f}")


def test_a_hold_of_the_parent_refuses_calls_within_seconds_until_it_is_released(platform, host):
    host.run("account", "topup", "shop", "60", "--reference", "third")

    def asked():
        return host.run("explain", "--account", "shop", "--to", "1002", "--json").objects[0]["reason"]

    assert host.run("account", "hold", "chain", "--reference", "unpaid").code == 0
    assert asked() == "account_held"
    version = platform.rows("SELECT version FROM config_version")[0]["version"]
    wait(lambda: any(line["version"] == version for line in host.logged("configuration read")), "it is read", 10)
    refused = platform.place(TALKS, **PAYS)
    assert (refused.status, platform.final(refused.uuid)["reason"]) == (403, "account_held")
    host.run("account", "release", "chain", "--reference", "unpaid")
    assert asked() is None
