"""Money through `callctl serve`: calls are held, paid for while they last, cut when it is up, and charged exactly."""

import json
import os
import signal
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from tests.integration.platform import Platform, alive, children, wait
from tests.integration.purse import SETTINGS, STAYS, Purse, paid, start


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("money"), services, settings=SETTINGS, scale=1.0) as platform:
        start(platform)
        yield platform


def charges(platform, result):
    sql = "SELECT account, amount FROM cdr_charge WHERE call_uuid = %s"
    return {row["account"]: row["amount"] for row in platform.rows(sql, result.uuid)}


def kill(host):
    """As a power cut does."""
    parts = children(host.pid)
    for pid in (host.pid, *parts):
        os.kill(pid, signal.SIGKILL)
    host.process.wait()
    wait(lambda: not any(alive(pid) for pid in parts), "the parts are gone")


def known_us(host, result):
    """How long the host knows a call to have lasted."""
    with closing(sqlite3.connect(host.spool / "spool.db")) as database:
        sql = "SELECT seen_us - answered_us FROM open_call WHERE call_uuid = ? AND state = 'answered'"
        row = database.execute(sql, (result.uuid,)).fetchone()
    return row[0] if row else 0


def test_a_call_is_cut_where_its_money_is_up_and_charged_to_the_cent(platform):
    purse = Purse(platform, "alone").top_up("4")
    result = platform.place(STAYS)
    assert (result.cause, result.answered) == ("ALLOTTED_TIMEOUT", True)
    assert 4 <= result.billed_us / 1e6 < 5.5
    cdr = platform.final(result.uuid)
    assert (cdr["reason"], cdr["hangup_by"], cdr["price"], cdr["billed_seconds"]) == ("money_up", "switch", 4, 4)
    assert purse.settled() == 0
    refused = platform.place(STAYS)
    assert (refused.status, platform.final(refused.uuid)["reason"]) == (402, "no_money")


def test_what_a_call_cost_and_what_it_left_little_of_is_told(platform):
    purse = Purse(platform, "alone").top_up("11")
    host = platform.serves[0]
    explained = host.run("explain", "--to", "1002", "--account", "alone", "--json").objects[0]
    assert (explained["max_seconds"], explained["paid_seconds"]) == (14_400, 10)
    assert purse.redis("held") == 0
    results = [platform.talking(platform.dial(STAYS)) for _ in range(2)]
    platform.hang_up(*results)
    talked = [platform.final(result.uuid)["billed_seconds"] for result in results]
    assert purse.settled() == 11 - sum(talked)
    events = [fields for _, fields in platform.redis().xrange(f"{platform.prefix}events")]
    near = [(each["account"], json.loads(each["data"])["limit"]) for each in events if each["event"] == "near_limit"]
    assert near.count(("alone", "money")) == 1
    why = host.run("why", results[0].uuid)
    assert f"alone pays {talked[0]} USD, 0 USD of it tax: {talked[0]} s by retail 1\n" in why.out
    assert "1002 costs (tariff, prefix, a minute): alone retail 1 60 USD/min" in why.out
    assert "paid for 10 of at most 14400 s; held of available" in why.out
    chinese = host.run("why", results[0].uuid, "--lang", "zh").out
    assert f"alone 支付 {talked[0]} USD，其中税 0 USD：{talked[0]} 秒，retail 1\n" in chinese
    purse.spend_all()


def test_a_top_up_lengthens_a_call(platform):
    purse = Purse(platform, "alone").top_up("3")
    result = platform.talking(platform.dial(STAYS))
    purse.top_up("3.50")
    platform.finish(result)
    assert 6 <= result.billed_us / 1e6 < 7.5
    assert platform.final(result.uuid)["reason"] == "money_up"
    assert purse.settled() == Decimal("0.50")
    purse.spend_all()


def test_the_top_of_three_levels_runs_out(platform):
    purses = [Purse(platform, name) for name in ("shop", "chain", "telco")]
    for purse, amount in zip(purses, ("100", "100", "2.50"), strict=True):
        purse.top_up(amount)
    result = platform.talking(platform.dial(STAYS, caller="1003"))
    wait(lambda: purses[0].redis("held") == 5, "no more is held than the poorest can pay")
    platform.finish(result)
    assert 5 <= result.billed_us / 1e6 < 6.5
    assert platform.final(result.uuid)["reason"] == "money_up"
    wait(lambda: len(charges(platform, result)) == 3, "it is booked at every level")
    assert charges(platform, result) == {"shop": 5, "chain": Decimal("2.5"), "telco": Decimal("2.5")}
    assert [purse.settled() for purse in purses] == [95, Decimal("97.5"), 0]
    refused = platform.place(STAYS, caller="1003")
    values = platform.final(refused.uuid)["trace"]["steps"][-1]["values"]
    assert (refused.status, values["account"]) == (402, "telco")


def test_a_recorder_that_is_killed_goes_on_where_it_was(platform):
    purse = Purse(platform, "alone").top_up("100")
    host = platform.serves[0]
    result = platform.talking(platform.dial(STAYS))
    wait(lambda: paid(platform, result) > 10, "it is paid for further")
    before = paid(platform, result)
    os.kill(host.part("recorder"), signal.SIGKILL)
    wait(lambda: paid(platform, result) > before, "it is paid for further by another", 25)
    assert purse.redis("held") == paid(platform, result)
    platform.hang_up(result)
    talked = platform.final(result.uuid)["billed_seconds"]
    assert purse.settled() == 100 - talked
    purse.spend_all()


def test_a_redis_that_was_emptied_is_told_and_nothing_is_spent_twice(platform):
    purse = Purse(platform, "alone").top_up("10")
    result = platform.talking(platform.dial(STAYS))
    redis = platform.redis()
    assert purse.redis("held") == 10
    (shown,) = platform.serves[0].run("calls", "--json").objects
    assert (shown["uuid"], shown["payer"], Decimal(shown["held"])) == (result.uuid, "alone", 10)
    for key in redis.scan_iter(f"{platform.prefix}*"):
        redis.delete(key)
    wait(lambda: redis.exists(f"{platform.prefix}money:ready"), "it is told")
    assert purse.redis("held") == 10
    second = platform.place(STAYS)
    assert (second.status, platform.final(second.uuid)["reason"]) == (402, "no_money")
    platform.hang_up(result)
    talked = platform.final(result.uuid)["billed_seconds"]
    assert purse.settled() == 10 - talked
    purse.spend_all()


def test_a_controller_that_is_gone_leaves_the_end_to_the_switch_and_the_books_to_its_return(platform):
    purse = Purse(platform, "alone").top_up("100")
    host = platform.serves[0]
    result = platform.talking(platform.dial(STAYS))
    wait(lambda: known_us(host, result) > 1_000_000, "the call is known to have lasted")
    armed = paid(platform, result)
    kill(host)
    platform.finish(result)
    assert result.cause == "ALLOTTED_TIMEOUT"
    assert armed <= result.billed_us / 1e6 < armed + 1.5
    known = known_us(host, result)
    host.start()
    cdr = platform.final(result.uuid)
    assert (cdr["reason"], cdr["billed_seconds"]) == ("end_unheard", -(-known // 1_000_000))
    assert purse.settled() == 100 - cdr["billed_seconds"]
    purse.spend_all()


def test_calls_at_once_spend_one_balance_once(platform):
    purse = Purse(platform, "alone").top_up("24")
    results = platform.finish(*(platform.dial(STAYS) for _ in range(12)))
    refused = [result for result in results if not result.answered]
    assert {result.status for result in refused} == {402}
    assert len(refused) == 9
    billed = [platform.final(result.uuid)["billed_seconds"] for result in results if result.answered]
    assert sorted(billed) == [4, 10, 10]
    assert purse.settled() == 0


def test_another_host_goes_on_with_the_calls_of_one_that_died(platform):
    second = platform.serve().start()
    purse = Purse(platform, "alone").top_up("100")
    first = platform.serves[0]
    lease = f"{platform.prefix}keeper:sim1"
    assert str(first.spool) in platform.redis().get(lease)
    result = platform.talking(platform.dial(STAYS))
    wait(lambda: paid(platform, result) > 10, "it is paid for further")
    before = paid(platform, result)
    kill(first)
    wait(lambda: paid(platform, result) > before, "it is paid for further by the other host", 25)
    assert str(second.spool) in platform.redis().get(lease)
    platform.hang_up(result)
    assert purse.settled() == 100 - platform.final(result.uuid)["billed_seconds"]
