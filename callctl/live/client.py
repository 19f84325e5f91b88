"""The Redis client: one pool a process, every wait with a deadline; what calls ask at once makes one journey."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from select import POLLIN
from typing import Any, NamedTuple

import gevent
import redis
from gevent.event import AsyncResult
from gevent.monkey import get_original
from gevent.queue import LifoQueue
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from callctl.errors import RedisAway
from callctl.settings import Redis

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


class _Question(NamedTuple):
    """What a call asks, and where its answers are waited for."""

    script: Script
    asked: Sequence[Asked]
    answers: AsyncResult[list[Any]]


class Client(redis.Redis):
    """A client whose scripts are asked for many calls at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._waiting: list[_Question] = []
        self._asking = False

    def evaluate(self, script: Script, asked: Sequence[Asked]) -> list[Any]:
        """What a script answers for each keys and values.

        What comes while answers are awaited is asked next, all of it at once: a fraction of the time of asking each.
        Unlike with redis-py's own call nothing is tried again when the connection breaks. Raises as that does.
        """
        question = _Question(script, asked, AsyncResult())
        self._waiting.append(question)
        if not self._asking:
            self._asking = True
            gevent.spawn(self._ask_all)
        answers: Any = question.answers.get()
        for answer in answers:
            if isinstance(answer, redis.ResponseError):
                raise answer
        return list(answers)

    def _ask_all(self) -> None:
        """Until nobody waits."""
        while self._waiting:
            questions, self._waiting = self._waiting, []
            try:
                answers = iter(self._answers(questions))
            except Exception as error:  # noqa: BLE001  whoever waits raises it
                for question in questions:
                    question.answers.set_exception(error)
            else:
                for question in questions:
                    question.answers.set(list(islice(answers, len(question.asked))))
        self._asking = False

    def _answers(self, questions: Sequence[_Question]) -> list[Any]:
        pool = self.connection_pool
        connection = pool.get_connection()
        wanted = [(script, keys, values) for script, asked, _ in questions for keys, values in asked]
        try:
            answers = _told(connection, [("EVALSHA", script.sha, *rest) for script, *rest in wanted])
            # A Redis that was started since does not know a script; EVAL has it keep it.
            unknown = [position for position, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
            again = [("EVAL", wanted[position][0].script, *wanted[position][1:]) for position in unknown]
            for position, answer in zip(unknown, _told(connection, again), strict=True):
                answers[position] = answer
        finally:
            pool.release(connection)
        return answers


def _told(connection: Any, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Each answer, or the error in its place: whoever leaves one unread gives it to the next who asks."""
    if not commands:
        return []
    packed = connection.pack_commands([
        (command, script, len(keys), *keys, *values) for command, script, keys, values in commands
    ])  # fmt: skip
    connection.send_packed_command(packed, check_health=False)
    answers = []
    for _ in commands:
        try:
            answers.append(connection.read_response())
        except redis.ResponseError as error:
            answers.append(error)
    return answers


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
    return Client(connection_pool=pool)


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
