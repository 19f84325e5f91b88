"""The Redis client: one pool a process, every wait with a deadline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from gevent.queue import LifoQueue

from callctl.errors import RedisAway
from callctl.settings import Redis

Client = redis.Redis
CONNECTIONS = 8


def connect(settings: Redis) -> Client:
    """A client; nothing is sent before it is used."""
    pool = redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]
        max_connections=CONNECTIONS,
        timeout=settings.timeout,
        queue_class=LifoQueue,
        host=settings.host,
        port=settings.port,
        db=settings.database,
        username=settings.username,
        password=settings.password.get_secret_value() or None,
        socket_timeout=settings.timeout,
        socket_connect_timeout=settings.timeout,
        decode_responses=True,
    )
    return redis.Redis(connection_pool=pool)


@contextmanager
def asking(settings: Redis) -> Iterator[None]:
    """Turns what goes wrong with Redis into RedisAway."""
    try:
        yield
    except redis.AuthenticationError as error:
        raise RedisAway(
            f"Redis at {settings.host}:{settings.port} does not accept the password: correct [redis] password."
        ) from error
    except (redis.RedisError, OSError) as error:
        raise RedisAway(
            f"Redis at {settings.host}:{settings.port} did not answer ({error}): see that it runs and is reachable."
        ) from error
