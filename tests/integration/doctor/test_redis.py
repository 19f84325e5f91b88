"""What `callctl doctor` says of a Redis that is away, or set up wrongly."""

import pytest
from pydantic import SecretStr
from redis import Redis as Client

from callctl.settings import Redis
from tests.integration.doctor.bench import expect


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
            )
        finally:
            redis.acl_deluser("guest")
