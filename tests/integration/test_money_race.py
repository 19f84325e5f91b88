"""Many calls at once on little money: all of it can be used, and none of it twice."""

import random
from decimal import Decimal
from itertools import pairwise

import gevent
import pytest

from callctl.admission import micro
from callctl.admission.money import Money, account_keys, booked, release, renew, settle
from callctl.admission.rebuild import Rebuild
from callctl.store.balance import Balances
from callctl.store.pool import Pool
from callctl.world import Demand
from tests.integration.accounts import book_call, put_balance

MINUTE = Decimal("0.070010")
DAY = "2999-01-01"  # not before the day it is, of which MySQL is asked

AUDIT = """
local function sum(key)
    local total = 0
    for _, value in ipairs(redis.call('HVALS', key)) do total = total + tonumber(string.match(value, '^-?%d+')) end
    return total
end
local apart = 0
for _, uuid in ipairs(redis.call('HKEYS', KEYS[2])) do
    if not redis.call('ZSCORE', KEYS[3], uuid) then apart = apart + 1 end
end
local function field(name) return tonumber(redis.call('HGET', KEYS[1], name) or 0) end
return {field('held') - sum(KEYS[2]), field('pending') - sum(KEYS[4]),
    apart + redis.call('ZCARD', KEYS[3]) - redis.call('HLEN', KEYS[2])}
"""


def demand(account="acme", want=MINUTE, need=None, credit=0, **more):
    return Demand(account, Decimal(want), Decimal(want if need is None else need), Decimal(credit), DAY, **more)


def at_once(work, arguments):
    jobs = [gevent.spawn(work, argument) for argument in arguments]
    try:
        gevent.joinall(jobs, raise_error=True)
    finally:
        gevent.killall(jobs)
    return [job.value for job in jobs]


@pytest.fixture
def patient(settings):
    """They share eight connections."""
    return settings.redis.model_copy(update={"timeout": 30.0})


@pytest.fixture
def redis(patient, connected):
    return connected(patient)


@pytest.fixture
def money(redis, patient, database):
    Rebuild(redis, patient, Balances(database)).rebuild([], [])
    return Money(redis, patient, Balances(database).opening)


@pytest.fixture
def adds_up(redis, patient):
    """Whether the totals of an account are the sums of their members."""
    audit = redis.register_script(AUDIT)
    return lambda account: audit(keys=account_keys(patient, account)) == [0, 0, 0]


def test_two_hundred_calls_hold_ten_minutes_of_money_and_no_more(money, database, adds_up):
    put_balance(database, "acme", str(10 * MINUTE))
    answers = at_once(lambda name: money.hold(name, [demand()], 60)[0], [f"c{number}" for number in range(200)])
    assert sorted(held.granted for held in answers)[-11:] == [0, *[MINUTE] * 10]
    assert {held.refused for held in answers if not held.granted} == {"money"}
    assert money.look("acme").held == 10 * MINUTE
    assert adds_up("acme")


def test_parts_of_a_minute_add_up_to_the_last_micro_unit(money, database, adds_up):
    put_balance(database, "acme", str(10 * MINUTE))

    def call(name):
        want = micro.money(random.Random(name).randint(1, 70_010))
        return money.hold(name, [demand(want=want, need=micro.money(1))], 60)[0].granted

    assert sum(at_once(call, [f"c{number}" for number in range(200)])) == 10 * MINUTE
    assert adds_up("acme")


def test_calls_that_go_on_and_end_spend_ten_minutes_and_no_more(money, database, redis, patient, adds_up):
    """Each talks for as many slices as it is given, and its charge is booked while the others still talk."""
    put_balance(database, "acme", str(10 * MINUTE))
    talked = []

    def call(name):
        chance = random.Random(name)
        slices = 0
        while money.hold(name, [demand(want=MINUTE / 2 * (slices + 1))], 60)[0].granted:
            slices += 1
            gevent.sleep(chance.random() / 50)
            if chance.random() < 0.3:
                break
        if not slices:
            release(redis, patient, name, "acme")
            return
        cost = MINUTE / 2 * slices
        talked.append(cost)
        settle(redis, patient, name, "acme", cost, DAY)
        gevent.sleep(chance.random() / 50)
        booked(redis, patient, book_call(database, name, "acme", str(cost)))

    at_once(call, [f"c{number}" for number in range(200)])
    assert sum(talked) == 10 * MINUTE
    look = money.look("acme")
    assert (look.balance, look.held, look.pending) == (0, 0, 0)
    assert adds_up("acme")


def test_a_level_that_cannot_pay_leaves_nothing_held_at_any(money, database, adds_up):
    for name, balance in (("child", 100), ("middle", "0.069"), ("top", 100)):
        put_balance(database, name, str(balance))
    levels = [demand("child"), demand("middle"), demand("top")]
    found = at_once(lambda name: money.hold(name, levels, 60), [f"c{number}" for number in range(100)])
    assert all([held.refused for held in answer] == ["", "money"] for answer in found)
    for name in ("child", "middle", "top"):
        look = money.look(name)
        assert (look.held, look.holds) == (0, {})
        assert adds_up(name)


def test_a_level_with_little_money_bounds_all_three(money, database):
    for name, minutes in (("child", 1000), ("middle", 10), ("top", 1000)):
        put_balance(database, name, str(minutes * MINUTE))
    levels = [demand("child"), demand("middle"), demand("top")]
    found = at_once(lambda name: money.hold(name, levels, 60), [f"c{number}" for number in range(200)])
    assert [answer[-1].refused for answer in found].count("") == 10
    assert [money.look(name).held for name in ("child", "middle", "top")] == [10 * MINUTE] * 3


def test_a_top_up_during_calls_is_for_those_who_come_after(money, database, redis, patient):
    put_balance(database, "acme", str(10 * MINUTE))

    def call(name):
        gevent.sleep(random.Random(name).random() / 5)
        while not (held := money.hold(name, [demand()], 60)[0]).granted and name.startswith("patient"):
            gevent.sleep(0.01)
        return held.granted

    def top_up():
        gevent.sleep(0.1)
        booked(redis, patient, put_balance(database, "acme", str(30 * MINUTE)))

    jobs = [gevent.spawn(call, f"patient{number}") for number in range(30)]
    gevent.joinall([*jobs, gevent.spawn(top_up)], raise_error=True)
    assert at_once(call, [f"late{number}" for number in range(50)]) == [0] * 50
    assert money.look("acme").held == 30 * MINUTE


def test_a_crash_of_all_who_hold_is_healed_by_who_comes_next(money, database):
    put_balance(database, "acme", str(10 * MINUTE))
    at_once(lambda name: money.hold(name, [demand(want=MINUTE / 10)], 1), [f"crashed{number}" for number in range(100)])
    assert money.hold("next", [demand()], 60)[0].refused == "money"
    gevent.sleep(1.1)
    answers = at_once(lambda name: money.hold(name, [demand()], 60)[0], [f"c{number}" for number in range(50)])
    assert [held.granted for held in answers].count(MINUTE) == 10


def test_more_leases_run_out_than_one_act_ends(money, database, redis, patient, adds_up):
    put_balance(database, "acme", "1000")
    at_once(lambda name: money.hold(name, [demand(want=1)], 1), [f"crashed{number}" for number in range(450)])
    gevent.sleep(1.1)
    held = []
    while not held or held[-1]:
        held.append(money.look("acme").held)
        assert adds_up("acme")
    ended = [before - after for before, after in pairwise(held)]
    assert {*ended[:-1]} == {100}, "fewer are left to be ended where the holds took a second"
    assert 0 < ended[-1] <= 100


@pytest.mark.parametrize("seed", range(3))
def test_after_a_storm_every_total_is_the_sum_of_its_members(money, database, redis, patient, settings, adds_up, seed):
    """Two hosts' calls hold, extend, crash, end twice, are renewed late, booked late and rebuilt, all at once."""
    names = ["child", "middle", "top"]
    for name in names:
        put_balance(database, name, "30")
    rebuild = Rebuild(redis, patient, Balances(Pool(settings.mysql, 2)))

    def call(name):
        chance = random.Random(name)
        lineage = names[chance.randrange(3) :]
        for step in range(chance.randint(1, 12)):
            gevent.sleep(chance.random() / 100)
            act, account = chance.choice(ACTS), chance.choice(lineage)
            if act == "hold":
                levels = [
                    demand(level, step + 1, micro.money(chance.randrange(10**6)), chance.choice([0, 5]))
                    for level in lineage
                ]
                money.hold(name, levels, chance.choice([60, 0.01]))
            elif act == "settle":
                for _ in range(2):
                    settle(redis, patient, name, account, Decimal(step) / 8, DAY)
            elif act == "release":
                release(redis, patient, name, account)
            elif act == "renew":
                renew(redis, patient, name, account, Decimal(step) / 4, 1)
            elif act == "lapse":
                redis.zadd(account_keys(patient, account)[2], {name: 1}, xx=True)
            elif act == "book":
                settle(redis, patient, name, account, Decimal(step) / 8, DAY)
                told = book_call(database, f"{name}-{step}", account, str(Decimal(step) / 8))
                gevent.sleep(chance.random() / 100)
                booked(redis, patient, told._replace(calls=(name,)))
            elif act == "heal":
                rebuild.heal()
            assert adds_up(account)

    at_once(call, [f"{seed}-{number}" for number in range(200)])
    for name in names:
        assert adds_up(name)
        look = money.look(name)
        assert look.pending >= 0
        assert look.held == sum(look.holds.values())
        with database.transaction() as cursor:
            cursor.execute("SELECT balance, ledger_id FROM account_balance WHERE account = %s", (name,))
            assert cursor.fetchone() == (look.balance, look.ledger_id)


ACTS = ["hold"] * 6 + ["settle", "release", "renew", "lapse", "book", "book", "heal"]
