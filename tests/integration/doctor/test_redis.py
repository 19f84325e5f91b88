"""What `callctl doctor` says of a Redis that is away, or set up wrongly."""

import fcntl
import socket
from contextlib import contextmanager

import pytest
from pydantic import SecretStr
from redis import Redis as Client

from callctl.settings import Redis
from tests.integration.doctor.bench import diagnose, expect


@pytest.mark.parametrize(
    ("changes", "what", "mend"),
    [
        ({"port": 1}, "did not answer", "See that it runs"),
        ({"password": SecretStr("wrong")}, "does not accept the password", "Correct [redis] password"),
    ],
)
def test_no_redis(installation, changes, what, mend):
    settings, _ = installation
    wrong = settings.model_copy(update={"redis": settings.redis.model_copy(update=changes)})
    found = expect(wrong, "redis.reachable", "fail", what, mend)
    assert found["redis.writable"].verdict == "skip"


@pytest.mark.parametrize(
    ("values", "check", "verdict", "what", "mend", "also"),
    [
        ({"appendonly": "no"}, "persistence", "fail", "appendonly is off", "`appendonly yes`", ()),
        ({"maxmemory-policy": "allkeys-lru"}, "eviction", "warn", "allkeys-lru", "noeviction", ()),
        (
            {"maxmemory": 2**30, "maxmemory-policy": "volatile-ttl"},
            "eviction", "fail", "volatile-ttl drops keys", "noeviction", (),
        ),
        ({"maxmemory": 1000}, "eviction", "warn", "of maxmemory is used", "Raise maxmemory", ("redis.writable",)),
        ({"maxmemory": 1000}, "writable", "fail", "used memory > 'maxmemory'", "the memory or disk it lacks", ()),
    ],
)  # fmt: skip
def test_a_redis_set_up_wrongly(installation, services, values, check, verdict, what, mend, also):
    settings, _ = installation
    with Client(port=services.redis_port, password=services.redis_password, decode_responses=True) as redis:
        before = redis.config_get(*values)
        try:
            for name, value in values.items():
                redis.config_set(name, value)
            expect(settings, f"redis.{check}", verdict, what, mend, also)
        finally:
            for name, value in before.items():
                redis.config_set(name, value)


def test_a_redis_user_that_may_not_write_our_keys(installation, services):
    settings, _ = installation
    with Client(port=services.redis_port, password=services.redis_password) as redis:
        redis.acl_setuser("guest", enabled=True, passwords=["+x7"], keys=["other:*"], commands=["+@all"])
        try:
            guest = Redis(port=services.redis_port, username="guest", password=SecretStr("x7"))
            expect(
                settings.model_copy(update={"redis": guest}),
                "redis.writable",
                "fail",
                "cannot be written",
                "Let this user write",
                ("redis.money", "redis.controllers"),
            )
        finally:
            redis.acl_deluser("guest")


def test_a_restart_of_redis_is_not_noticed(installation, monkeypatch):
    """As behind a proxy that answers INFO itself."""
    settings, _ = installation
    info = Client.info
    monkeypatch.setattr(Client, "info", lambda self: {k: v for k, v in info(self).items() if k != "run_id"})
    expect(settings, "redis.run", "fail", "does not say its run_id", "INFO")


@contextmanager
def serving(settings):
    """As if callctl served here."""
    settings.spool.directory.mkdir(parents=True)
    with (settings.spool.directory / "serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_redis_that_was_not_told_of_money(installation, services):
    settings, _ = installation
    assert diagnose(settings)["redis.money"].what.en == "callctl serve tells it of money when it starts"
    with serving(settings):
        also = ("host.esl_port", "host.http_port")  # nobody listens
        expect(settings, "redis.money", "fail", "calls that cost are refused", "log of callctl serve", also)
        free = settings.money.model_copy(update={"rated": ()})
        assert diagnose(settings.model_copy(update={"money": free}))["redis.money"].verdict == "ok"
        with Client(port=services.redis_port, password=services.redis_password, decode_responses=True) as redis:
            redis.set("callctl:money:ready", redis.info()["run_id"])
        assert diagnose(settings)["redis.money"].verdict == "ok"


def test_another_controller_of_the_same_name(installation, services):
    settings, _ = installation
    with Client(port=services.redis_port, password=services.redis_password) as redis:
        redis.set("callctl:keeper:sim1", "another /var/lib/callctl")
        assert diagnose(settings)["redis.controllers"].verdict == "ok"
        redis.set("callctl:keeper:sim1", f"{socket.gethostname()} {settings.spool.directory}")
    expect(settings, "redis.controllers", "fail", "keeps the calls of sim1", "set-hostname")
    with serving(settings):
        assert diagnose(settings)["redis.controllers"].verdict == "ok"
