"""The Redis client: one pool a process, every wait with a deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from gevent.queue import LifoQueue
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from callctl.errors import RedisAway
from callctl.settings import Redis

Client = redis.Redis
Evaluate = Callable[[Script, Sequence[str], Sequence[Any]], Any]  # script, keys, values
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
def evaluating(client: Client) -> Iterator[Evaluate]:
    """Runs scripts on one connection, one after another, at half the processor time of calling each.

    Unlike there nothing is tried again here when the connection breaks.
    """
    pool = client.connection_pool
    connection = pool.get_connection()

    def evaluate(script: Script, keys: Sequence[str], values: Sequence[Any]) -> Any:
        try:
            return _answer(connection, "EVALSHA", script.sha, keys, values)
        except NoScriptError:  # a Redis that was started since; EVAL has it keep the script
            return _answer(connection, "EVAL", script.script, keys, values)

    try:
        yield evaluate  # who gives up while he waits has redis-py disconnect
    finally:
        pool.release(connection)


def _answer(connection: Any, command: str, script: Any, keys: Sequence[str], values: Sequence[Any]) -> Any:
    packed = connection.pack_command(command, script, len(keys), *keys, *values)
    connection.send_packed_command(packed, check_health=False)
    return connection.read_response()


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
