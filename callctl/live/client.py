"""The Redis client: one pool a process, every wait with a deadline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from select import POLLIN
from typing import Any

import redis
from gevent.monkey import get_original
from gevent.queue import LifoQueue
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from callctl.errors import RedisAway
from callctl.settings import Redis

Client = redis.Redis
Asked = tuple[Sequence[str], Sequence[Any]]  # keys, values
CONNECTIONS = 8

_blocking_poll = get_original("select", "poll")


class _Connection(redis.Connection):
    """One that is asked whether it is as it was left, each time it is used, by one system call.

    redis-py waits with gevent for no time at all, which takes fifty times as long.
    """

    def can_read(self, timeout: float = 0) -> bool:
        """Whether something is to be read, or the server has ended it."""
        if timeout or self._sock is None:
            return bool(super().can_read(timeout))
        poll = _blocking_poll()
        poll.register(self._sock.fileno(), POLLIN)
        return bool(poll.poll(0)) and bool(super().can_read(0))


def connect(settings: Redis) -> Client:
    """A client; nothing is sent before it is used."""
    pool = redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]
        connection_class=_Connection,
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


def evaluate(client: Client, script: Script, asked: Sequence[Asked]) -> list[Any]:
    """What a script answers for each keys and values, all asked at once: a fraction of the time of calling each.

    Unlike with redis-py's own call nothing is tried again when the connection breaks. Raises as that does.
    """
    pool = client.connection_pool
    connection = pool.get_connection()
    try:
        answers = _answers(connection, "EVALSHA", script.sha, asked)
        # A Redis that was started since does not know the script; EVAL has it keep it.
        unknown = [each for each, answer in zip(asked, answers, strict=True) if isinstance(answer, NoScriptError)]
        again = iter(_answers(connection, "EVAL", script.script, unknown))
        answers = [next(again) if isinstance(answer, NoScriptError) else answer for answer in answers]
    finally:
        pool.release(connection)
    for answer in answers:
        if isinstance(answer, redis.ResponseError):
            raise answer
    return answers


def _answers(connection: Any, command: str, script: Any, asked: Sequence[Asked]) -> list[Any]:
    """Each answer, or the error in its place: whoever leaves one unread gives it to the next who asks."""
    if not asked:
        return []
    packed = connection.pack_commands([(command, script, len(keys), *keys, *values) for keys, values in asked])
    connection.send_packed_command(packed, check_health=False)
    answers = []
    for _ in asked:
        try:
            answers.append(connection.read_response())
        except redis.ResponseError as error:
            answers.append(error)
    return answers


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
