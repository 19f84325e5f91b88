import pytest
from redis import Redis
from structlog.testing import capture_logs

from callctl.errors import RedisAway
from callctl.live.client import connect
from callctl.live.rooms import LEASE, Rooms
from callctl.settings import Redis as RedisSettings


@pytest.fixture
def client(settings):
    made = connect(settings.redis)
    yield made
    made.connection_pool.disconnect()


@pytest.fixture
def rooms(client, settings):
    return Rooms(client, settings.redis)


@pytest.fixture
def redis(services):
    with Redis(port=services.redis_port, password=services.redis_password, decode_responses=True) as made:
        yield made


@pytest.fixture
def nobody():
    settings = RedisSettings(port=1, timeout=0.2)
    return Rooms(connect(settings), settings)


def test_the_first_callers_node_takes_a_room_and_keeps_it(rooms, redis):
    assert rooms.present_owner("7") is None
    assert rooms.owner("7", "fs1") == "fs1"
    assert rooms.owner("7", "fs2") == "fs1"
    assert rooms.owner("8", "fs2") == "fs2"
    assert rooms.present_owner("7") == "fs1"
    assert 0 < redis.ttl("callctl:room:7") <= LEASE


def test_asking_does_not_renew_a_lease_and_renewing_does(rooms, redis):
    rooms.owner("7", "fs1")
    redis.expire("callctl:room:7", 5)
    rooms.owner("7", "fs1")
    rooms.owner("7", "fs2")
    assert redis.ttl("callctl:room:7") <= 5
    assert rooms.renew("7", "fs2") == "fs1"
    assert redis.ttl("callctl:room:7") <= 5
    assert rooms.renew("7", "fs1") == "fs1"
    assert redis.ttl("callctl:room:7") > 5


def test_a_room_alive_on_a_node_whose_lease_ended_is_that_nodes_again(rooms):
    assert rooms.renew("7", "fs2") == "fs2"
    assert rooms.owner("7", "fs1") == "fs2"


def test_only_the_owner_gives_a_room_back(rooms):
    rooms.owner("7", "fs1")
    rooms.release("7", "fs2")
    assert rooms.present_owner("7") == "fs1"
    rooms.release("7", "fs1")
    rooms.release("7", "fs1")
    assert rooms.owner("7", "fs2") == "fs2"


def test_rooms_live_under_the_prefix_of_the_settings(client, settings, redis):
    other = settings.redis.model_copy(update={"prefix": "other:"})
    Rooms(client, other).owner("7", "fs1")
    assert redis.keys() == ["other:room:7"]


def test_scripts_are_sent_again_to_a_redis_that_forgot_them(rooms, redis):
    rooms.owner("7", "fs1")
    redis.script_flush()
    assert rooms.owner("7", "fs2") == "fs1"


def test_without_redis_everybody_hosts_his_own_and_the_operator_is_told(nobody):
    with capture_logs() as logs:
        assert nobody.owner("7", "fs2") == "fs2"
    assert [(line["log_level"], line["room"]) for line in logs] == [("error", "7")]
    for ask in (lambda: nobody.present_owner("7"), lambda: nobody.renew("7", "a"), lambda: nobody.release("7", "a")):
        with pytest.raises(RedisAway):
            ask()
