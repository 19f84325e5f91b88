import pytest
from redis import Redis

from callctl.errors import RedisAway
from callctl.live.calls import LEASE, LiveCall, NodeCalls, read
from callctl.live.client import connect
from callctl.live.publisher import Publisher
from callctl.settings import Redis as RedisSettings


@pytest.fixture
def redis(services):
    with Redis(port=services.redis_port, password=services.redis_password, decode_responses=True) as made:
        yield made


@pytest.fixture
def client(settings):
    made = connect(settings.redis)
    yield made
    made.connection_pool.disconnect()


@pytest.fixture
def publisher(client, settings):
    return Publisher(client, settings.redis)


@pytest.fixture
def calls(settings, publisher):
    return NodeCalls("fs1", publisher, settings.redis)


def call(uuid, state="ringing", since=17):
    return LiveCall(uuid, state, "acme", "1001", "1002", since, "fs1")


def shown(client, settings, publisher, *nodes):
    """What anybody reads once all is written."""
    publisher.flush(5)
    found, unheard = read(client, settings.redis, nodes or ("fs1",))
    return [(found_call.uuid, found_call.state) for found_call in found], unheard


def test_calls_that_are_up_are_shown_oldest_first(client, settings, publisher, calls):
    calls.renew()
    calls.put(call("b", since=2))
    calls.put(call("a", since=1))
    calls.put(call("b", "answered", since=2))
    assert shown(client, settings, publisher) == ([("a", "ringing"), ("b", "answered")], [])
    calls.drop("a")
    calls.drop("unknown")
    assert shown(client, settings, publisher) == ([("b", "answered")], [])
    assert calls.get("b").state == "answered"
    assert calls.get("a") is None
    assert (len(calls), [one.uuid for one in calls]) == (1, ["b"])


def test_a_node_that_nobody_follows_is_said(client, settings, publisher, calls):
    calls.put(call("a"))
    assert shown(client, settings, publisher, "fs1", "fs2") == ([("a", "ringing")], ["fs1", "fs2"])
    calls.renew()
    assert shown(client, settings, publisher, "fs1", "fs2") == ([("a", "ringing")], ["fs2"])
    calls.lost()
    assert shown(client, settings, publisher) == ([("a", "ringing")], ["fs1"])


def test_the_mirror_of_a_node_ends_with_its_lease(client, settings, publisher, calls, redis):
    calls.put(call("a"))
    calls.renew()
    publisher.flush(5)
    assert 0 < redis.ttl("callctl:live:fs1") <= LEASE
    assert 0 < redis.ttl("callctl:live:fs1:feed") <= LEASE


def test_the_whole_mirror_is_written_again_to_a_redis_that_lost_it(client, settings, publisher, calls, redis):
    calls.renew()
    calls.put(call("a"))
    calls.put(call("b"))
    calls.drop("b")
    publisher.flush(5)
    redis.flushall()
    redis.hset("callctl:live:fs1", "ghost", "{}")
    calls.rewrite()
    assert shown(client, settings, publisher) == ([("a", "ringing")], [])
    assert 0 < redis.ttl("callctl:live:fs1") <= LEASE


def test_redis_away_is_not_no_calls():
    nobody = RedisSettings(port=1, timeout=0.2)
    with pytest.raises(RedisAway):
        read(connect(nobody), nobody, ["fs1"])
