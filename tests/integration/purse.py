"""Accounts with money, for tests of `callctl serve`: a second costs 1 at retail and half of it wholesale."""

from __future__ import annotations

from decimal import Decimal

from callctl.sim.result import CallResult
from callctl.sim.scenario import Scenario
from callctl.sim.world import Phone
from tests.integration.platform import DOMAIN, Platform, Serve, wait

COMPANY = """
accounts:
  - {name: telco, tariff: wholesale, currency: USD}
  - {name: chain, parent: telco, tariff: wholesale, currency: USD}
  - {name: shop, parent: chain, tariff: retail, currency: USD}
  - {name: alone, tariff: retail, currency: USD}
endpoints:
  - {account: alone, user: "1001", domain: example.net}
  - {account: shop, user: "1003", domain: example.net}
  - {account: shop, user: "1002", domain: example.net}
tariffs:
  - name: retail
    currency: USD
    rates: [{prefix: "1", steps: [{price: "60", per: 60, increment: 1}]}]
  - name: wholesale
    currency: USD
    rates: [{prefix: "1", steps: [{price: "30", per: 60, increment: 1}]}]
"""
SETTINGS = {"money": {"rated": ["onnet"], "slice": 10, "warn_before": 0}}
STAYS = Scenario("stays", "1002")


def start(platform: Platform) -> Serve:
    """Start a platform, of scale 1, whose callers pay; the controller."""
    platform.world.phones[f"1002@{DOMAIN}", "*"] = Phone(ring=0.1)
    host = platform.start()
    platform.apply(host, COMPANY)
    return host


class Purse:
    """The money of an account."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.platform = platform
        self.name = name

    def top_up(self, amount: str) -> Purse:
        """Put money in."""
        self._book("topup", amount)
        return self

    def spend_all(self) -> None:
        """Leave it with nothing, so that tests do not meddle with each other."""
        if self.balance:
            self._book("adjust", str(-self.balance))

    def _book(self, verb: str, amount: str) -> None:
        entries = len(self.platform.rows("SELECT id FROM ledger"))
        done = self.platform.serves[0].run("account", verb, self.name, amount, "--reference", f"{verb} {entries}")
        assert done.code == 0, done.err

    @property
    def balance(self) -> Decimal:
        """What MySQL says."""
        rows = self.platform.rows("SELECT balance FROM account_balance WHERE account = %s", self.name)
        return rows[0]["balance"] if rows else Decimal(0)

    def redis(self, field: str) -> Decimal:
        """An amount that Redis knows: balance, held, pending or spent."""
        key = f"{self.platform.prefix}{{account {self.name}}}:money"
        return Decimal(self.platform.redis().hget(key, field) or 0) / 1_000_000

    def settled(self) -> Decimal:
        """The balance, once nothing is held or pending and Redis agrees with MySQL."""
        wait(lambda: not self.redis("held") and not self.redis("pending"), f"nothing of {self.name} is held")
        wait(lambda: self.redis("balance") == self.balance, "Redis knows the balance")
        return self.balance


def paid(platform: Platform, result: CallResult) -> int:
    """The seconds that a call is paid for, as its channel says; 0 when it has ended."""
    call = next((node.call(result.uuid) for node in platform.nodes.values() if node.call(result.uuid)), None)
    return int(call.leg.variables.get("callctl_paid", "0")) if call else 0
