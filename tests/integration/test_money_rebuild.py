"""Redis that forgot, remembers what is no longer so, or was not told: made right from MySQL, calls and the spool."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain

import gevent
import pytest
from redis import BusyLoadingError

from callctl.admission.money import Money, account_keys, booked, settle
from callctl.admission.rebuild import Holding, Owed, Rebuild
from callctl.errors import RedisAway, StoreError
from callctl.settings import Mysql
from callctl.store.balance import Balances
from callctl.store.pool import Pool
from callctl.world import Demand
from deploy import private_services
from tests.integration.accounts import book_call, put_account, put_balance


def today():
    return datetime.now(UTC).date().isoformat()


def demand(want, account="acme", **more):
    return Demand(account, Decimal(want), Decimal(want), Decimal(0), today(), **more)


def holding(call, amount, account="acme"):
    return Holding(call, account, Decimal(amount), 60)


def owed(call, amount, account="acme"):
    return Owed(call, account, Decimal(amount), today())


@pytest.fixture
def redis(settings, connected):
    return connected(settings.redis)


@pytest.fixture
def recorder(redis, settings, database):
    return Rebuild(redis, settings.redis, Balances(database))


@pytest.fixture
def money(redis, settings, database):
    return Money(redis, settings.redis, Balances(database).opening)


def seen(money, account="acme"):
    """What is said of the account after a call of no cost, which opens it."""
    money.hold("nobody", [demand("0", account)], 60)
    look = money.look(account)
    return look.balance, look.held, look.pending, look.spent


def restart(services, redis):
    private_services.stop_redis(services.folder)
    private_services.start_redis(services.folder)
    while True:  # it answers before it has read its file
        try:
            return redis.ping()
        except BusyLoadingError:
            gevent.sleep(0.01)


class Past:
    """Redis as it was once: kept, and put back into a Redis that was restarted since."""

    def __init__(self, redis, services):
        self._redis, self._services = redis, services
        self._kept = {key: redis.dump(key) for key in redis.scan_iter("callctl:*")}

    def comes_back(self):
        restart(self._services, self._redis)
        self._redis.flushall()
        for key, value in self._kept.items():
            self._redis.restore(key, 0, value)


@pytest.fixture
def keep(services, settings, connected):
    """Dumps are bytes."""
    raw = connected(settings.redis)
    raw.connection_pool.connection_kwargs["decode_responses"] = False
    return lambda: Past(raw, services)


def test_an_empty_redis_is_told_of_balances_live_calls_and_unwritten_charges(redis, recorder, money, database):
    put_balance(database, "acme", "100")
    book_call(database, "written", "acme", "10")
    recorder.rebuild([], [])
    redis.flushall()
    assert not recorder.ready()
    with pytest.raises(RedisAway, match="is being rebuilt"):
        money.hold("c", [demand("1")], 60)
    recorder.rebuild([holding("live", 20)], [owed("unwritten", 5), owed("written", 10)])
    assert recorder.ready()
    assert seen(money) == (90, 20, 5, 15)
    assert money.hold("c", [demand("65.000001")], 60)[0].refused == "money"
    assert money.hold("c", [demand("65")], 60)[0].granted == 65


def test_what_a_restored_redis_remembers_wrongly_is_made_right(keep, recorder, money, database, settings, redis):
    put_balance(database, "acme", "100")
    recorder.rebuild([], [])
    for call, amount in (("ended", 10), ("extended", 10), ("owing", 10)):
        money.hold(call, [demand(amount)], 600)
    settle(redis, settings.redis, "owing", "acme", Decimal(9), today())
    past = keep()
    money.hold("extended", [demand(20)], 600)
    money.hold("new", [demand(5)], 600)
    settle(redis, settings.redis, "ended", "acme", Decimal(8), today())
    for call, cost in (("ended", "8"), ("owing", "9")):
        booked(redis, settings.redis, book_call(database, call, "acme", cost))
    settle(redis, settings.redis, "unwritten", "acme", Decimal(3), today())
    right = money.look("acme")
    past.comes_back()
    assert not recorder.ready()
    with pytest.raises(RedisAway, match="is being rebuilt"):
        money.hold("c", [demand(1)], 60)
    recorder.rebuild([holding("extended", 20), holding("new", 5)], [owed("unwritten", 3), owed("ended", 8)])
    assert seen(money) == (83, 25, 3, 20)
    assert money.look("acme") == right


def test_two_hosts_rebuild_at_once_while_calls_come_and_charges_are_booked(
    redis, settings, database, services, connected
):
    """No money is there twice at any time, and all of it is there in the end."""
    patient = settings.redis.model_copy(update={"timeout": 30.0})
    put_balance(database, "acme", "100")
    hosts = [Rebuild(connected(patient), patient, Balances(Pool(settings.mysql, 2))) for _ in range(2)]
    money = Money(connected(patient), patient, Balances(database).opening)
    hosts[0].rebuild([], [])
    live, ended = [f"live{number}" for number in range(30)], [f"ended{number}" for number in range(20)]
    for call in (*live, *ended):
        money.hold(call, [demand(2)], 600)
    restart(services, redis)
    redis.flushall()

    def ask(name):
        while True:
            try:
                return money.hold(name, [demand(2)], 600)[0].granted
            except RedisAway:
                gevent.sleep(0.005)

    def write():
        for call in ended:
            told = book_call(database, call, "acme", "1")
            gevent.sleep(0.002)
            booked(redis, settings.redis, told)

    holdings, charges = [holding(call, 2) for call in live], [owed(call, 1) for call in ended]
    writer = gevent.spawn_later(0.01, write)
    callers = [gevent.spawn(ask, f"new{number}") for number in range(60)]
    late = zip(hosts * 3, (0, 0, 0.01, 0.02, 0.04, 0.08), strict=True)
    rebuilds = [gevent.spawn_later(seconds, host.rebuild, holdings, charges) for host, seconds in late]
    gevent.joinall([writer, *callers, *rebuilds], raise_error=True)
    assert sum(job.value for job in callers) <= 20
    hosts[1].heal()
    for number in range(60):
        ask(f"after{number}")
    look = money.look("acme")
    assert (look.balance, look.held, look.pending, look.spent) == (80, 80, 0, 20)


def test_a_late_rebuild_does_not_disturb_calls_it_does_not_know(recorder, money, database, settings, redis):
    put_balance(database, "acme", "100")
    recorder.rebuild([], [])
    money.hold("a", [demand(10)], 60)
    money.hold("a", [demand(7)], 60)
    money.hold("b", [demand(5)], 60)
    settle(redis, settings.redis, "b", "acme", Decimal(4), today())
    recorder.rebuild([holding("a", 10), holding("b", 5)], [owed("b", 4)])
    assert seen(money) == (100, 7, 4, 4)


def test_a_recorder_that_dies_between_the_commit_and_telling(recorder, money, database, settings, redis):
    put_balance(database, "acme", "100")
    recorder.rebuild([], [])
    money.hold("c", [demand(10)], 60)
    settle(redis, settings.redis, "c", "acme", Decimal(8), today())
    book_call(database, "c", "acme", "8")
    assert seen(money) == (100, 0, 8, 8)
    for _ in range(2):
        recorder.heal()
        assert seen(money) == (92, 0, 0, 8)


def test_a_top_up_nobody_told_of_is_seen_within_a_minute(recorder, money, database):
    put_balance(database, "acme", "1")
    recorder.rebuild([], [])
    assert money.hold("c", [demand(5)], 60)[0].refused == "money"
    put_balance(database, "acme", "6")
    recorder.heal()
    assert money.hold("c", [demand(5)], 60)[0].granted == 5


def test_healing_leaves_alone_what_is_right(recorder, money, database, settings, redis):
    names = [f"account{number}" for number in range(1200)]
    recorder.rebuild([], [])
    for name in names[:30]:
        put_balance(database, name, "10")
        money.hold("c", [demand(1, name)], 60)
        settle(redis, settings.redis, "d", name, Decimal(2), today())
    before = [money.look(name) for name in names[:30]]
    recorder.heal()
    assert [money.look(name) for name in names[:30]] == before


def test_what_was_spent_today_is_read_where_the_account_lives(recorder, money, database):
    put_account(database, "acme", timezone="Pacific/Kiritimati")
    put_balance(database, "acme", "100")
    book_call(database, "now", "acme", "3")
    book_call(database, "earlier", "acme", "4")
    with database.transaction() as cursor:
        cursor.execute("UPDATE ledger SET at = at - INTERVAL 1 DAY WHERE reference LIKE 'call:earlier:%'")
    recorder.rebuild([], [])
    opening = Balances(database).opening("acme")
    assert (opening.balance, opening.spent) == (93, 3)
    assert opening.day > datetime.now(UTC).date().isoformat() or datetime.now(UTC).hour < 10
    assert Balances(database).opening("nobody")[:2] == (0, 0)


def test_mysql_away_leaves_redis_waiting_and_the_calls_of_known_accounts_alone(
    recorder, money, database, settings, redis
):
    put_balance(database, "acme", "100")
    recorder.rebuild([], [])
    money.hold("c", [demand(10)], 60)
    away = Rebuild(redis, settings.redis, Balances(Pool(Mysql(port=1), 1)))
    with pytest.raises(StoreError):
        away.rebuild([holding("c", 10)], [owed("d", 1)])
    assert money.hold("e", [demand(1)], 60)[0].granted == 1
    redis.flushall()
    with pytest.raises(StoreError):
        away.rebuild([holding("c", 10)], [owed("d", 1)])
    with pytest.raises(RedisAway):
        money.hold("e", [demand(1)], 60)
    recorder.rebuild([holding("c", 10)], [owed("d", 1)])
    assert seen(money) == (100, 10, 1, 1)


def test_redis_restarted_in_the_middle_is_not_taken_for_told(recorder, services, database, redis):
    put_balance(database, "acme", "100")
    again = recorder._balances.booked

    def meanwhile(pending):
        restart(services, redis)
        return again(pending)

    recorder._balances.booked = meanwhile
    with pytest.raises(RedisAway, match="restarted"):
        recorder.rebuild([holding("c", 10)], [])
    assert not recorder.ready()


def test_every_key_of_an_account_is_of_one_slot_and_stays_no_longer_than_it_must(
    recorder, money, database, redis, settings
):
    put_balance(database, "acme", "100")
    recorder.rebuild([holding("a", 1)], [owed("b", 1)])
    seen(money)
    keys = set(redis.scan_iter("callctl:*acme*"))
    assert keys == set(account_keys(settings.redis, "acme"))
    assert {key[key.index("{") : key.index("}")] for key in keys} == {"{account acme"}
    assert set(chain(redis.scan_iter("callctl:money*"))) == {"callctl:money:ready", "callctl:money:accounts"}


@pytest.mark.parametrize("known", ["not", "as owing", "as it was"])
def test_what_is_booked_while_a_balance_is_read_is_not_missed(known, recorder, database, settings, redis, keep):
    """The account is asked for the first time since Redis runs, and meanwhile a call is booked and an amount added."""
    put_balance(database, "acme", "100")
    recorder.rebuild([], [])
    if known == "as it was":
        Money(redis, settings.redis, Balances(database).opening).hold("c", [demand(3)], 60)
        keep().comes_back()
    recorder.rebuild([], [owed("c", 3)] if known != "not" else [])
    news = []

    def overtaken(account, calls):
        opening = Balances(database).opening(account, calls)
        if not news:
            news.extend([book_call(database, "c", "acme", "3"), put_balance(database, "acme", "200")])
            for each in reversed(news):
                booked(redis, settings.redis, each)
        return opening

    assert seen(Money(redis, settings.redis, overtaken)) == (200, 0, 0, 3)


def test_what_ends_while_a_balance_is_read_counts_once(recorder, database, settings, redis):
    put_balance(database, "acme", "100")
    recorder.rebuild([], [])
    news = []

    def overtaken(account, calls):
        if not news:
            news.append(book_call(database, "c", "acme", "3"))
        opening = Balances(database).opening(account, calls)
        settle(redis, settings.redis, "c", "acme", Decimal(3), today())
        return opening

    money = Money(redis, settings.redis, overtaken)
    assert seen(money) == (97, 0, 0, 3)
    booked(redis, settings.redis, news[0])
    assert seen(money) == (97, 0, 0, 3)
