import gevent
import pytest
from redis import Redis
from structlog.testing import capture_logs

from callctl.errors import RedisAway
from callctl.live import board
from callctl.live import rooms as rooms_module
from callctl.live.board import Board
from callctl.live.client import connect
from callctl.live.rooms import KNOWN, LEASE, Looks, Rooms
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


@pytest.mark.parametrize("ask", [Rooms.owner, Rooms.keep])
def test_only_who_hosts_a_room_renews_its_lease(rooms, redis, ask):
    """A caller elsewhere must not keep a room with a node that died."""
    rooms.owner("7", "fs1")
    redis.expire("callctl:room:7", 5)
    assert ask(rooms, "7", "fs2") == "fs1"
    assert redis.ttl("callctl:room:7") <= 5
    assert ask(rooms, "7", "fs1") == "fs1"
    assert redis.ttl("callctl:room:7") > 5


def test_a_room_alive_on_a_node_whose_lease_ended_is_that_nodes_again(rooms):
    assert rooms.keep("7", "fs2") == "fs2"
    assert rooms.owner("7", "fs1") == "fs2"


def test_a_thousand_callers_at_once_on_three_nodes_find_one_owner(settings):
    patient = settings.redis.model_copy(update={"timeout": 60.0})  # they take turns, and the machine may be busy
    rooms = Rooms(connect(patient), patient)
    callers = [gevent.spawn(rooms.owner, "7", f"fs{number % 3}") for number in range(1000)]
    gevent.joinall(callers, raise_error=True)
    assert len({caller.value for caller in callers}) == 1


class TestLooks:
    """Redis may have lost the leases: a room that seems free may be open on another node."""

    @pytest.fixture
    def marks(self, tmp_path):
        return Board(tmp_path / "board", [board.rooms(node) for node in ("fs1", "fs2")])

    @pytest.fixture
    def waiting(self, client, settings, marks, monkeypatch):
        monkeypatch.setattr(rooms_module, "POLL", 0.01)
        return Rooms(client, settings.redis, Looks(marks, ["fs1", "fs2"]))

    def test_who_takes_a_room_waits_until_the_other_nodes_are_known(self, waiting, marks):
        caller = gevent.spawn(waiting.owner, "7", "fs1")
        gevent.sleep(0.1)
        assert not caller.ready()
        waiting.keep("7", "fs2")  # the recorder comes back and finds it open there
        waiting.looked("fs2")
        assert caller.get(timeout=1) == "fs2"

    def test_who_finds_an_owner_does_not_wait(self, waiting):
        waiting.keep("7", "fs2")
        with gevent.Timeout(0.5):
            assert waiting.owner("7", "fs1") == "fs2"

    def test_nobody_waits_for_ever(self, waiting, monkeypatch):
        monkeypatch.setattr(rooms_module, "PATIENCE", 0.05)
        with capture_logs() as logs:
            assert waiting.owner("7", "fs1") == "fs1"
        assert [line["nodes"] for line in logs] == [["fs2"]]

    def test_a_look_counts_for_less_time_than_a_lease(self):
        assert rooms_module.RENEW * 3 < KNOWN < LEASE


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
    for ask in (lambda: nobody.present_owner("7"), lambda: nobody.keep("7", "a")):
        with pytest.raises(RedisAway):
            ask()
