import shutil

import gevent
import orjson
import pytest
from prometheus_client import REGISTRY
from redis import Redis
from structlog.testing import capture_logs

from callctl.errors import RedisAway
from callctl.live import publisher as publisher_module
from callctl.live.calls import LiveCall, NodeCalls
from callctl.live.client import connect
from callctl.live.publisher import Publisher
from callctl.live.tail import follow
from callctl.settings import Redis as RedisSettings
from deploy.private_services import start_redis, stop_redis


@pytest.fixture(autouse=True)
def _no_test_hangs():
    with gevent.Timeout(60):
        yield


@pytest.fixture
def redis(services):
    with Redis(port=services.redis_port, password=services.redis_password, decode_responses=True) as made:
        yield made


@pytest.fixture
def redis_stopped(services):
    """Stops the Redis all tests share, for the length of a block, and has it run again afterwards whatever happens."""
    yield lambda: stop_redis(services.folder)
    start_redis(services.folder)


@pytest.fixture
def client(settings):
    made = connect(settings.redis)
    yield made
    made.connection_pool.disconnect()


@pytest.fixture
def publisher(client, settings, monkeypatch):
    monkeypatch.setattr(publisher_module, "RETRY", 0.05)
    return Publisher(client, settings.redis)


@pytest.fixture
def running(publisher):
    greenlet = gevent.spawn(publisher.run)
    yield publisher
    settle(publisher, greenlet)


def settle(publisher, greenlet):
    """End a sender when it has nothing to do: redis-py leaves a socket behind that is killed while it connects."""
    tell(publisher, "settled")
    until(lambda: not publisher.away and not publisher._writes)
    gevent.sleep(0.05)
    greenlet.kill()


def stream(redis):
    return [fields for _, fields in redis.xrange("callctl:events")]


def tell(publisher, *names):
    for name in names:
        publisher.event(name, "c-1", 17, "fs1", "acme", {"n": name})


def dropped():
    """What Prometheus is told."""
    return REGISTRY.get_sample_value("callctl_live_writes_dropped_total")


def until(happened):
    while not happened():
        gevent.sleep(0.005)


def without_yielding(work):
    """What work gives, having let no other greenlet run."""
    others = []
    gevent.spawn(others.append, 1)
    result = work()
    assert others == []
    return result


def test_an_event_is_what_anybody_may_read(running, redis):
    running.event("routed", "c-1", 1_795_405_444_653_906, "fs1", "acme", {"to": "1002", "edges": ("a", "b")})
    until(lambda: stream(redis))
    (fields,) = stream(redis)
    assert orjson.loads(fields.pop("data")) == {"to": "1002", "edges": ["a", "b"]}
    assert fields == {"event": "routed", "call": "c-1", "at": "1795405444653906", "node": "fs1", "account": "acme"}


def test_events_come_in_the_order_they_were_told(running, redis):
    names = [f"e{number}" for number in range(2000)]
    tell(running, *names)
    until(lambda: redis.xlen("callctl:events") == 2000)
    assert [fields["event"] for fields in stream(redis)] == names


def test_what_is_on_its_way_has_arrived_after_a_flush(running, redis):
    def slow(pipe):
        gevent.sleep(0.1)
        pipe.rpush("callctl:written", "first")

    running.write(slow)
    gevent.sleep(0.05)
    running.write(lambda pipe: pipe.rpush("callctl:written", "last"))
    running.flush(5)
    assert redis.lrange("callctl:written", 0, -1) == ["first", "last"]


def test_an_event_that_two_recorders_heard_stands_once(running, publisher, settings, redis):
    other = Publisher(connect(settings.redis), settings.redis)
    tell(running, "ended", "ended")
    tell(other, "ended")
    other.flush(5)
    running.flush(5)
    running.event("ended", "c-1", 18, "fs1", "acme", {})
    running.event("ended", "c-2", 17, "fs1", "acme", {})
    running.flush(5)
    assert [(fields["call"], fields["at"]) for fields in stream(redis)] == [("c-1", "17"), ("c-1", "18"), ("c-2", "17")]
    other._client.connection_pool.disconnect()


def test_what_is_told_once_in_a_while_stands_once_whatever_call_it_is_told_of(running, settings, redis):
    for call, account in (("c-1", "acme"), ("c-2", "acme"), ("c-3", "globex")):
        running.event("near_limit", call, 17, "fs1", account, {}, f"{account}:calls", 3600)
    running.flush(5)
    assert [(fields["call"], fields["account"]) for fields in stream(redis)] == [("c-1", "acme"), ("c-3", "globex")]
    assert 3500 < redis.ttl("{callctl:events}:acme:calls:near_limit") <= 3600


def test_the_stream_is_cut_by_length_and_by_age(settings, client, redis):
    short = settings.redis.model_copy(update={"events_max": 200, "events_age": 10})
    redis.xadd("callctl:events", {"event": "old"}, id="1-1")
    for _ in range(300):
        redis.xadd("callctl:events", {"event": "old"}, id="1-*")
    publisher = Publisher(client, short)
    tell(publisher, *[f"e{number}" for number in range(1000)])
    publisher.flush(10)
    names = [fields["event"] for fields in stream(redis)]
    assert 200 <= len(names) <= 400, "Redis cuts whole nodes of its tree only"
    assert names[-1] == "e999"
    assert "old" not in names


def test_a_call_never_waits_for_redis(running, redis, redis_stopped):
    without_yielding(lambda: tell(running, "here"))
    until(lambda: stream(redis))
    redis_stopped()
    without_yielding(lambda: tell(running, *[f"away {number}" for number in range(1000)]))
    until(lambda: running.away)
    without_yielding(lambda: tell(running, *[f"still away {number}" for number in range(1000)]))


def test_redis_away_and_back_again(services, running, monkeypatch, redis, redis_stopped):
    publisher, returned = running, []
    monkeypatch.setattr(publisher, "_on_return", lambda: returned.append(1))
    tell(publisher, "before")
    until(lambda: stream(redis))
    with capture_logs() as logs:
        redis_stopped()
        tell(publisher, *[f"e{number}" for number in range(1200)])
        until(lambda: publisher.away)
        gevent.sleep(0.2)
        assert returned == []
        tell(publisher, "last")
        start_redis(services.folder)
        until(lambda: returned)
        until(lambda: redis.xlen("callctl:events") >= 1202)
    assert [fields["event"] for fields in stream(redis)] == [
        "before",
        *[f"e{number}" for number in range(1200)],
        "last",
    ]
    assert not publisher.away
    assert returned == [1]
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("error", "Redis is away; calls go on, live events wait"), ("warning", "Redis is back"),
    ]  # fmt: skip
    assert logs[1]["dropped"] == 0


def test_a_redis_that_comes_back_empty_is_told_again_what_is_up(client, settings, services, redis, redis_stopped):
    def rewrite():
        calls.rewrite()

    publisher = Publisher(client, settings.redis, rewrite)
    calls = NodeCalls("fs1", publisher, settings.redis)
    sender = gevent.spawn(publisher.run)
    calls.put(LiveCall("c-1", "ringing", "acme", "1001", "1002", 17, "fs1"))
    until(lambda: redis.hlen("callctl:live:fs1"))
    redis_stopped()
    shutil.rmtree(services.folder / "redis")
    calls.put(LiveCall("c-2", "ringing", "acme", "1001", "1002", 18, "fs1"))
    until(lambda: publisher.away)
    start_redis(services.folder)
    until(lambda: redis.hlen("callctl:live:fs1") == 2)
    until(lambda: redis.get("callctl:live:fs1:feed") == "up")
    settle(publisher, sender)


def test_what_waits_is_bounded_and_the_oldest_goes(running, services, monkeypatch, redis, redis_stopped):
    monkeypatch.setattr(publisher_module, "KEPT", 1000)
    monkeypatch.setattr(running, "_writes", type(running._writes)(maxlen=1000))
    counted = dropped()
    redis_stopped()
    tell(running, *[f"e{number}" for number in range(1400)])
    until(lambda: running.away)
    tell(running, *[f"e{number}" for number in range(1400, 1700)])
    gevent.sleep(0.2)
    start_redis(services.folder)
    until(lambda: not running.away)
    until(lambda: redis.xlen("callctl:events") >= 1000)
    assert [fields["event"] for fields in stream(redis)] == [f"e{number}" for number in range(700, 1700)]
    assert dropped() - counted == 700


def test_what_no_longer_fits_beside_newer_events_is_dropped_and_counted(monkeypatch):
    """Events that come while a batch is being tried take the places of its oldest."""
    monkeypatch.setattr(publisher_module, "RETRY", 0)
    monkeypatch.setattr(publisher_module, "KEPT", 20)
    nobody = RedisSettings(port=1, timeout=0.2)
    publisher = Publisher(connect(nobody), nobody)
    publisher._writes = type(publisher._writes)(maxlen=20)
    counted = dropped()
    written = []

    def note(name):
        return lambda _pipe: written.append(name)

    def first(_pipe):
        for number in range(20, 35):
            publisher.write(note(number))

    publisher.write(first)
    for number in range(1, 20):
        publisher.write(note(number))
    publisher._send_some()
    assert publisher.away
    assert dropped() - counted == 15
    written.clear()
    publisher._send_some()
    assert written == list(range(15, 35))


def test_flushing_sends_what_is_left(publisher, redis):
    tell(publisher, *[f"e{number}" for number in range(700)])
    publisher.flush(10)
    assert redis.xlen("callctl:events") == 700


def test_flushing_gives_up_when_redis_is_away(monkeypatch):
    monkeypatch.setattr(publisher_module, "RETRY", 0)
    nobody = RedisSettings(port=1, timeout=0.2)
    publisher = Publisher(connect(nobody), nobody)
    tell(publisher, *[f"e{number}" for number in range(700)])
    publisher.flush(60)
    assert publisher.away


def test_a_wrong_password_is_redis_away_too(settings, monkeypatch):
    monkeypatch.setattr(publisher_module, "RETRY", 0)
    wrong = RedisSettings(port=settings.redis.port, password="wrong")
    publisher = Publisher(connect(wrong), wrong)
    tell(publisher, "e")
    with capture_logs() as logs:
        publisher.flush(5)
    assert "does not accept the password" in logs[0]["error"]


class TestTail:
    def test_events_are_followed_as_they_happen(self, running, settings):
        tell(running, "before")
        running.flush(5)
        following = follow(settings.redis, None)
        found = gevent.spawn(lambda: [next(following) for _ in range(2)])
        gevent.sleep(0.1)  # it reads from now on
        tell(running, "one", "two")
        events = found.get()
        assert [event.event for event in events] == ["one", "two"]
        assert events[0] == ("one", "c-1", 17, "fs1", "acme", {"n": "one"})

    def test_the_past_is_read_first_when_it_is_asked_for(self, publisher, settings):
        tell(publisher, "one", "two")
        publisher.flush(5)
        following = follow(settings.redis, 60)
        assert [next(following).event for _ in range(2)] == ["one", "two"]

    def test_redis_away_is_said(self):
        with pytest.raises(RedisAway, match="did not answer"):
            next(follow(RedisSettings(port=1), None))
