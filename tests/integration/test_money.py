"""What calls hold at accounts, on a real Redis: partial, twice, refused, crashed, settled, booked."""

from decimal import Decimal

import pytest

from callctl.admission.money import Money, account_keys, booked, release, renew, settle
from callctl.admission.rebuild import Rebuild
from callctl.errors import AmountError, RedisAway
from callctl.settings import Redis
from callctl.store.balance import Balances, Opening
from callctl.world import Booked, Demand
from tests.integration.accounts import put_balance

DAY = "2999-01-01"  # not before the day it is, of which MySQL is asked
LATER = 10**12  # an entry of the ledger that is not there yet


def demand(account="acme", want="1", need=None, credit="0", **more):
    return Demand(account, Decimal(want), Decimal(want if need is None else need), Decimal(credit), DAY, **more)


@pytest.fixture
def redis(settings, connected):
    return connected(settings.redis)


@pytest.fixture
def bank(settings, redis, database):
    """Accounts as MySQL has them, and a Redis that was told there is nothing else."""
    Rebuild(redis, settings.redis, Balances(database)).rebuild([], [])
    return lambda **balances: [put_balance(database, name, balance) for name, balance in balances.items()]


@pytest.fixture
def money(redis, settings, database):
    return Money(redis, settings.redis, Balances(database).opening)


def test_a_call_holds_what_it_wants(bank, money):
    bank(acme="10")
    (held,) = money.hold("c", [demand(want="1.5")], 60)
    assert (held.refused, held.granted, held.available, held.held) == ("", Decimal("1.5"), Decimal(10), Decimal(0))
    (other,) = money.hold("d", [demand(want="2")], 60)
    assert (other.available, other.held) == (Decimal("8.5"), Decimal("1.5"))
    look = money.look("acme")
    assert (look.balance, look.held, look.holds) == (10, Decimal("3.5"), {"c": Decimal("1.5"), "d": 2})


def test_a_part_is_granted_down_to_what_is_needed(bank, money):
    bank(acme="10")
    assert money.hold("c", [demand(want="7")], 60)[0].granted == 7
    assert money.hold("d", [demand(want="7", need="3.000001")], 60)[0] == (
        "acme", "money", Decimal(0), Decimal(3), Decimal(7), Decimal(0)
    )  # fmt: skip
    assert money.hold("d", [demand(want="7", need="3")], 60)[0].granted == 3
    assert money.look("acme").held == 10


def test_a_second_hold_of_a_call_is_its_new_want(bank, money):
    bank(acme="10")
    for want, granted in (("4", 4), ("4", 4), ("9", 9), ("12", 10), ("2", 2)):
        (held,) = money.hold("c", [demand(want=want, need="1")], 60)
        assert (held.granted, held.available, held.held) == (granted, 10, 0)
    assert money.look("acme").held == 2


def test_what_is_held_stands_when_more_is_refused_or_less_is_there(bank, money, redis, settings):
    bank(acme="10")
    money.hold("c", [demand(want="8")], 60)
    assert money.hold("c", [demand(want="11")], 60)[0].refused == "money"
    assert money.look("acme").holds == {"c": 8}
    booked(redis, settings.redis, Booked("acme", Decimal(5), LATER))  # an adjustment
    (held,) = money.hold("c", [demand(want="11", need="8")], 60)
    assert (held.refused, held.granted, held.available) == ("", 8, 5)


def test_nothing_may_be_held_for_nothing_when_there_is_nothing(bank, money):
    bank(acme="-1")
    assert money.hold("c", [demand(want="0")], 60)[0].refused == ""
    assert money.hold("c", [demand(want="0.000001")], 60)[0].refused == "money"
    assert money.look("acme").holds == {}


def test_a_postpaid_account_goes_to_its_limit(bank, money):
    bank(acme="-3")
    assert money.hold("c", [demand(want="9", need="0", credit="10")], 60)[0].granted == 7
    assert money.hold("d", [demand(want="0.000001", credit="10")], 60)[0].refused == "money"


def test_spending_of_a_day_counts_what_is_spent_what_others_hold_and_this(bank, money, redis, settings):
    bank(acme="100")
    limit = Decimal(10)
    money.hold("a", [demand(want="4", spend_per_day=limit)], 60)
    settle(redis, settings.redis, "a", "acme", Decimal(4), DAY)
    money.hold("b", [demand(want="3", spend_per_day=limit)], 60)
    (held,) = money.hold("c", [demand(want="4", spend_per_day=limit)], 60)
    assert (held.refused, held.spent, held.held) == ("day", 4, 3)
    assert money.hold("c", [demand(want="4", need="0", spend_per_day=limit)], 60)[0].granted == 3
    tomorrow = demand(want="7", spend_per_day=limit)._replace(day="2999-01-02")
    release(redis, settings.redis, "c", "acme")
    assert money.hold("d", [tomorrow], 60)[0][1:] == ("", 7, 93, 3, 0)


@pytest.mark.parametrize("before", [None, "2"])
def test_a_level_that_refuses_leaves_what_there_was(bank, money, before):
    bank(child="10", middle="10", top="1")
    levels = [demand("child", "5"), demand("middle", "5"), demand("top", "5")]
    if before:
        money.hold("c", [demand("child", before), demand("middle", before)], 60)
    found = money.hold("c", levels, 60)
    assert [held.refused for held in found] == ["", "", "money"]
    held = {} if before is None else {"c": Decimal(before)}
    assert [money.look(name).holds for name in ("child", "middle", "top")] == [held, held, {}]


def test_a_level_that_cannot_be_asked_leaves_nothing_held_below(bank, money, database):
    bank(child="10")

    def open_account(account, calls):
        if account == "away":
            raise RedisAway("away")
        return Balances(database).opening(account, calls)

    money._open_account = open_account
    with pytest.raises(RedisAway):
        money.hold("c", [demand("child"), demand("away")], 60)
    assert money.look("child").holds == {}


def test_asking_takes_nothing(bank, money, redis, settings):
    bank(acme="10")
    for _ in range(2):
        (held,) = money.hold("c", [demand(want="12", need="4")], 60, only_ask=True)
        assert (held.refused, held.granted, held.available) == ("", 10, 10)
    assert not redis.exists(*account_keys(settings.redis, "acme"))
    money.hold("d", [demand(want="7")], 60)
    assert money.hold("c", [demand(want="12", need="4")], 60, only_ask=True)[0].refused == "money"
    assert money.look("acme").holds == {"d": 7}


def test_who_only_asks_need_not_wait_for_a_recorder(money, database):
    put_balance(database, "acme", "10")
    assert money.hold("c", [demand()], 60, only_ask=True)[0].granted == 1
    assert money.look("acme").balance == 10
    with pytest.raises(RedisAway, match="is being rebuilt"):
        money.hold("c", [demand()], 60)


def test_an_end_owes_once_however_often_it_is_told(bank, money, redis, settings):
    bank(acme="10")
    money.hold("c", [demand(want="4")], 60)
    for amount in ("3", "3", "2.5"):
        settle(redis, settings.redis, "c", "acme", Decimal(amount), DAY)
        release(redis, settings.redis, "c", "acme")
        look = money.look("acme")
        assert (look.balance, look.held, look.pending, look.spent) == (10, 0, 3, 3)
    assert money.hold("c", [demand(want="1")], 60)[0].refused == "money"  # it is over
    renew(redis, settings.redis, "c", "acme", Decimal(4), 60)
    assert money.look("acme").holds == {}


def test_a_charge_is_pending_until_it_is_booked(bank, money, redis, settings):
    bank(acme="10")
    money.hold("c", [demand(want="4")], 60)
    settle(redis, settings.redis, "c", "acme", Decimal(3), DAY)
    assert money.hold("d", [demand(want="7.000001")], 60)[0].refused == "money"
    for _ in range(2):
        booked(redis, settings.redis, Booked("acme", Decimal(7), LATER, ("c",)))
        settle(redis, settings.redis, "c", "acme", Decimal(3), DAY)
        look = money.look("acme")
        assert (look.balance, look.pending, look.spent) == (7, 0, 3)


def test_what_is_booked_before_it_is_settled_is_never_pending(bank, money, redis, settings):
    bank(acme="10")
    money.hold("c", [demand(want="4")], 60)
    booked(redis, settings.redis, Booked("acme", Decimal(7), LATER, ("c",)))
    settle(redis, settings.redis, "c", "acme", Decimal(3), DAY)
    look = money.look("acme")
    assert (look.balance, look.held, look.pending) == (7, 0, 0)


def test_an_older_balance_never_replaces_a_newer_one(bank, money, redis, settings):
    bank(acme="10")
    for call in ("a", "b"):
        money.hold(call, [demand(want="1")], 60)
        settle(redis, settings.redis, call, "acme", Decimal(1), DAY)
    booked(redis, settings.redis, Booked("acme", Decimal(8), LATER + 2, ("b",)))
    booked(redis, settings.redis, Booked("acme", Decimal(9), LATER + 1, ("a",)))
    look = money.look("acme")
    assert (look.balance, look.ledger_id, look.pending) == (8, LATER + 2, 0)


def test_more_calls_are_booked_than_one_script_takes(bank, money, redis, settings):
    bank(acme="10000")
    calls = tuple(f"c{number}" for number in range(1201))
    money.hold("live", [demand()], 60)
    pipe = redis.pipeline(transaction=False)
    for call in calls:
        settle(pipe, settings.redis, call, "acme", Decimal(1), DAY)
    pipe.execute()
    assert money.look("acme").pending == 1201
    booked(redis, settings.redis, Booked("acme", Decimal(8799), LATER, calls))
    assert money.look("acme")[:4] == (8799, LATER, 1, 0)


def test_what_a_crashed_call_held_is_given_back(bank, money, redis, settings):
    bank(acme="10")
    money.hold("crashed", [demand(want="10")], 60)
    assert money.hold("next", [demand(want="1")], 60)[0].refused == "money"
    redis.zadd(account_keys(settings.redis, "acme")[2], {"crashed": 1})  # its lease ended in 1970
    assert money.hold("next", [demand(want="10")], 60)[0].granted == 10
    settle(redis, settings.redis, "crashed", "acme", Decimal(2), DAY)  # and yet it owes what it cost
    assert money.look("acme").pending == 2


def test_a_late_renewal_keeps_what_nobody_took_and_holds_anew_what_was_lost(bank, money, redis, settings):
    bank(acme="10")
    leases = account_keys(settings.redis, "acme")[2]
    money.hold("c", [demand(want="4")], 60)
    redis.zadd(leases, {"c": 1})
    renew(redis, settings.redis, "c", "acme", Decimal(3), 60)
    assert money.look("acme").holds == {"c": 4}
    redis.zadd(leases, {"c": 1})
    money.hold("other", [demand(want="10")], 60)
    renew(redis, settings.redis, "c", "acme", Decimal(3), 60)
    assert money.look("acme").holds == {"c": 3, "other": 10}


def test_a_top_up_is_seen_at_once(bank, money, redis, settings):
    bank(acme="1")
    assert money.hold("c", [demand(want="5")], 60)[0].refused == "money"
    booked(redis, settings.redis, Booked("acme", Decimal(6), LATER))
    assert money.hold("c", [demand(want="5")], 60)[0].granted == 5


def test_news_of_an_account_nobody_calls_with_leave_nothing_that_stays(money, redis, settings):
    booked(redis, settings.redis, Booked("idle", Decimal(6), LATER, ("c",)))
    left = [key for key in redis.keys("*idle*") if redis.ttl(key) < 0]
    assert left == []


def test_money_that_cannot_be_counted_is_refused_at_the_door(bank, money, redis, settings):
    bank(acme="1")
    for bad in ("-1", "0.0000001", "1e10"):
        with pytest.raises(AmountError):
            money.hold("c", [demand(want=bad)], 60)
        with pytest.raises(AmountError):
            money.hold("c", [demand(need=bad)], 60)


def test_a_balance_or_limit_beyond_what_redis_counts_is_no_obstacle(bank, money, redis, settings):
    bank(rich="900000000000")
    much = Decimal("900000000000.000001")
    assert money.hold("c", [demand("rich", credit=str(much), spend_per_day=much)], 60)[0].granted == 1
    booked(redis, settings.redis, Booked("rich", -much, LATER))
    assert money.hold("d", [demand("rich", credit="4000000000")], 60)[0].refused == "money"


def test_without_redis_nobody_can_say(connected):
    away = Redis(port=1, timeout=0.2)
    with pytest.raises(RedisAway):
        Money(connected(away), away, lambda account, calls: Opening(Decimal(1), 1, DAY, Decimal(0))).hold(
            "c", [demand()], 60
        )
