"""Places at levels, on a real Redis: many callers at once, twice, a crash, a Redis that lost everything."""

import gevent
import pytest
from redis.exceptions import ResponseError

from callctl.admission.limits import LEASE, Limits, calls_key, release, renew
from callctl.errors import RedisAway
from callctl.live.client import connect
from callctl.settings import Redis
from callctl.world import Admitted, Level

FREE = Level("account free", None, None)


@pytest.fixture
def redis(settings):
    return connect(settings.redis)


@pytest.fixture
def limits(redis, settings):
    return Limits(redis, settings.redis)


def refused(found):
    return found[-1].refused


def test_two_hundred_at_once_get_the_places_there_are(settings):
    patient = settings.redis.model_copy(update={"timeout": 30.0})  # all make one journey
    limits = Limits(connect(patient), patient)
    level = Level("account acme", 30, None)
    jobs = [gevent.spawn(limits.admit, f"c{number}", [FREE, level]) for number in range(200)]
    gevent.joinall(jobs, raise_error=True)
    answers = [refused(job.value) for job in jobs]
    assert (answers.count(""), answers.count("calls")) == (30, 170)


def test_what_calls_ask_at_once_makes_one_journey(limits, redis):
    """Beside the first one's, who did not know of the others: Redis counts how often it had something to read."""
    limits.admit("first", [FREE])  # which also tells it the script
    before = redis.info("stats")["total_reads_processed"]
    gevent.joinall([gevent.spawn(limits.admit, f"c{number}", [FREE]) for number in range(50)], raise_error=True)
    assert redis.info("stats")["total_reads_processed"] - before <= 4  # one of them asks for the count


def test_calls_a_second_are_counted_over_a_second_that_slides(limits):
    level = Level("endpoint x", None, 3)
    assert [refused(limits.admit(f"c{number}", [level])) for number in range(5)] == ["", "", "", "cps", "cps"]
    gevent.sleep(1.05)
    assert refused(limits.admit("later", [level])) == ""


def test_none_at_all_is_a_limit_too(limits):
    assert refused(limits.admit("c", [Level("account shut", 0, None)])) == "calls"


def test_the_same_call_takes_one_place(limits):
    level = Level("account one", 1, 1)
    assert refused(limits.admit("c", [level])) == ""
    assert refused(limits.admit("c", [level])) == ""
    assert refused(limits.admit("other", [level])) == "cps"


def test_a_level_that_refuses_leaves_nothing_taken_below(limits, redis, settings):
    below, above = Level("account child", 5, 5), Level("account parent", 1, None)
    assert refused(limits.admit("first", [below, above])) == ""
    found = limits.admit("second", [below, above])
    assert [place.refused for place in found] == ["", "calls"]
    assert redis.zrange(calls_key(settings.redis, below.name), 0, -1) == ["first"]
    assert redis.zcard("callctl:{account child}:starts") == 1


def test_a_level_that_refuses_leaves_nothing_taken_above(limits, redis, settings):
    below, above = Level("account child", 1, None), Level("account parent", 5, 5)
    assert refused(limits.admit("first", [below, above])) == ""
    found = limits.admit("second", [below, above])
    assert [place.refused for place in found] == ["calls"]
    assert redis.zrange(calls_key(settings.redis, above.name), 0, -1) == ["first"]
    assert redis.zcard("callctl:{account parent}:starts") == 1


def test_asking_takes_nothing(limits):
    level = Level("account one", 1, None)
    assert refused(limits.admit("a", [level], only_ask=True)) == ""
    assert refused(limits.admit("b", [level])) == ""
    assert refused(limits.admit("a", [level], only_ask=True)) == "calls"


def test_an_end_heard_twice_frees_one_place(limits, redis, settings):
    level = Level("account two", 2, None)
    for call in ("a", "b"):
        limits.admit(call, [level])
    for _ in range(2):
        release(redis, settings.redis, "a", [level.name])
    assert [refused(limits.admit(call, [level])) for call in ("c", "d")] == ["", "calls"]


def test_a_place_nobody_renews_is_free_again(limits, redis, settings):
    level = Level("account one", 1, None)
    limits.admit("crashed", [level])
    redis.zadd(calls_key(settings.redis, level.name), {"crashed": 1})  # its lease ended in 1970
    assert refused(limits.admit("next", [level])) == ""


def test_a_live_call_has_its_place_again_after_redis_lost_everything(limits, redis, settings):
    level = Level("account one", 1, None)
    limits.admit("live", [level])
    redis.flushall()
    renew(redis, settings.redis, "live", [level.name])
    assert refused(limits.admit("next", [level])) == "calls"
    assert 0 < redis.ttl(calls_key(settings.redis, level.name)) <= LEASE


def test_without_redis_nobody_can_say():
    away = Redis(port=1, timeout=0.2)
    with pytest.raises(RedisAway):
        Limits(connect(away), away).admit("c", [FREE])


def test_a_redis_that_forgot_the_scripts_is_told_them_again(limits, settings):
    _, level = levels = [FREE, Level("account a", 1, None)]
    assert limits.admit("one", levels)[-1].refused == ""
    connect(settings.redis).script_flush()
    assert limits.admit("two", levels)[-1] == Admitted(level, "calls", 1, 1)
    assert limits.admit("two", levels)[-1].refused == "calls"


def test_who_gives_up_leaves_no_answer_for_the_next(settings):
    patient = settings.redis.model_copy(update={"timeout": 30.0})
    client = connect(patient)
    late = client.register_script("local n = 0 for i = 1, 2e7 do n = n + i end return 'late'")
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.02):
        client.evaluate(late, [([], []), ([], [])])
    assert client.evaluate(client.register_script("return ARGV[1]"), [([], ["mine"])]) == ["mine"]


def test_an_answer_that_is_an_error_leaves_none_unread(settings):
    client = connect(settings.redis)
    script = client.register_script("if ARGV[1] == 'bad' then return redis.error_reply('BAD') end return ARGV[1]")
    with pytest.raises(ResponseError):
        client.evaluate(script, [([], ["bad"]), ([], ["good"])])
    assert client.evaluate(script, [([], ["a"]), ([], ["b"])]) == ["a", "b"]


def test_who_asks_at_once_gets_his_own_answers_and_his_own_errors(settings):
    client = connect(settings.redis)
    echo = client.register_script("if ARGV[1] == 'bad' then return redis.error_reply('BAD') end return ARGV[1]")
    other = client.register_script("return 'other ' .. ARGV[1]")
    asking = [
        gevent.spawn(client.evaluate, script, [([], [each, number]) for each in texts])
        for number in range(40)
        for script, texts in ((echo, (f"a{number}", f"b{number}")), (other, (f"c{number}",)), (echo, ("x", "bad")))
    ]
    gevent.wait(asking, timeout=5)
    for number in range(40):
        first, second, third = asking[3 * number : 3 * number + 3]
        assert first.get() == [f"a{number}", f"b{number}"]
        assert second.get() == [f"other c{number}"]
        assert isinstance(third.exception, ResponseError)


def test_all_who_ask_are_told_that_redis_is_away_and_are_answered_when_it_is_back(settings):
    client = connect(settings.redis)
    script = client.register_script("return ARGV[1]")
    right = client.connection_pool.connection_kwargs["port"]
    client.connection_pool.connection_kwargs["port"] = 1
    asking = [gevent.spawn(Limits(client, settings.redis).admit, f"c{number}", [FREE]) for number in range(5)]
    gevent.wait(asking, timeout=5)
    assert all(isinstance(each.exception, RedisAway) for each in asking)
    client.connection_pool.connection_kwargs["port"] = right
    client.connection_pool.reset()
    assert client.evaluate(script, [([], ["back"])]) == ["back"]
