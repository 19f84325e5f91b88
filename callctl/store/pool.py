"""A small pool of MySQL connections that let other greenlets run while MySQL works.

mysqlclient is C and blocks. A `Connection` sends its statement, waits for its socket in the hub, then reads the result;
connecting cannot be split so and runs on a thread. A connection that saw any exception is thrown away: after a timeout
its next statement would be given the rows of the one before, silently.
"""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult
from gevent.lock import BoundedSemaphore
from gevent.monkey import get_original
from gevent.socket import wait_read, wait_write
from gevent.threadpool import ThreadPool
from MySQLdb import Error, OperationalError, connections
from MySQLdb.constants import CLIENT, CR
from MySQLdb.cursors import Cursor

from callctl.errors import StoreError
from callctl.settings import Mysql
from callctl.store.failure import LOST, code, explain, late

_SESSION = "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
LATEST = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"  # of the next transaction, or statement without one
_CONNECTING_AT_ONCE = 4
_AT_ONCE = 50  # rows whose statement is made before other greenlets have their turn: about a millisecond
_STREAMED = 1000  # rows in memory at once
# Whoever is given the rows may take his time. MariaDB (only it reads the comment) would sort wide rows by reading each
# once more, from wherever it lies, which took ten times as long.
_STREAMING = "SET SESSION net_write_timeout = 3600 /*M!100100 , max_length_for_sort_data = 8388608 */"
_WRITABLE = 4  # POLLOUT
_TUPLES, _BY_NAME = 0, 1  # forms of a row, as fetch_row takes them

_blocking_socket = get_original("socket", "socket")
_blocking_poll = get_original("select", "poll")

Values = Sequence[Any]


class Connection(connections.Connection):
    """A connection for one greenlet at a time; `deadline` is how many seconds a statement may take.

    The library gives no server a file, not even when `loads` says to the server that it may ask (`store/loading.py`).
    """

    if TYPE_CHECKING:  # untyped in mysqlclient's stubs

        def send_query(self, query: bytes) -> None: ...  # noqa: D102
        def read_query_result(self) -> None: ...  # noqa: D102
        def fileno(self) -> int: ...  # noqa: D102
        def affected_rows(self) -> int: ...  # noqa: D102
        def warning_count(self) -> int: ...  # noqa: D102
        def close(self) -> None: ...  # noqa: D102

    def __init__(self, mysql: Mysql, deadline: float, *, loads: bool = False) -> None:
        self.loads = loads
        self._mysql = mysql
        self._deadline = deadline
        super().__init__(
            host=mysql.host,
            port=mysql.port,
            user=mysql.user,
            password=mysql.password.get_secret_value(),
            database=mysql.database,
            connect_timeout=mysql.connect_timeout,
            read_timeout=math.ceil(deadline),
            write_timeout=math.ceil(deadline),
            charset="utf8mb4",
            init_command=_SESSION,
            autocommit=True,
            multi_statements=False,
            local_infile=0,
            client_flag=CLIENT.LOCAL_FILES if loads else 0,
        )

    def query(self, query: bytes | bytearray | str) -> None:
        """Send a statement and return when its result has begun to arrive."""
        self.send_query(bytes(query, "utf-8") if isinstance(query, str) else bytes(query))
        self.answered()

    def answered(self) -> None:
        """Return when the result of what `send_query` sent has begun to arrive."""
        self.wait()
        self.read_query_result()

    def wait(self) -> None:
        """Return when the server says something."""
        try:
            wait_read(self.fileno(), timeout=self._deadline)
        except TimeoutError:
            raise late(self._mysql, self._deadline) from None

    def write(self, wire: socket.socket, data: bytes) -> None:
        """Send bytes of our own on `wire`, a copy of this connection's socket."""
        rest = memoryview(data)
        try:
            while rest:
                try:
                    rest = rest[wire.send(rest, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) :]
                except BlockingIOError:
                    wait_write(self.fileno(), timeout=self._deadline)
        except TimeoutError:
            raise late(self._mysql, self._deadline) from None
        except OSError as error:
            raise OperationalError(CR.SERVER_LOST, error.strerror) from error

    def commit(self) -> None:
        """Commit, as a statement, so that it waits like one."""
        self.query(b"COMMIT")

    def rollback(self) -> None:
        """Roll back, as a statement, so that it waits like one."""
        self.query(b"ROLLBACK")

    def discard(self) -> None:
        """Close at once: the socket is shut first, so that the farewell cannot wait for a silent server."""
        with suppress(OSError, Error), _blocking_socket(fileno=os.dup(self.fileno())) as copy:
            copy.shutdown(2)
        with suppress(Error):
            self.close()

    def forsaken(self) -> bool:
        """Whether the server ended this idle connection: nothing else makes its socket readable."""
        poll = _blocking_poll()
        poll.register(self.fileno())
        return bool(poll.poll(0)[0][1] & ~_WRITABLE)


class Pool:
    """At most `size` connections; `deadline` is how many seconds a checkout, and then each statement, may take."""

    def __init__(self, mysql: Mysql, size: int, deadline: float | None = None, *, loads: bool = False) -> None:
        self.mysql = mysql
        self._size = size
        self._loads = loads
        self._deadline = mysql.deadline if deadline is None else deadline
        self._slots = BoundedSemaphore(size)
        self._idle: list[Connection] = []  # last in, first out: what a busy hour opened goes stale and is dropped
        self._threads = ThreadPool(min(size, _CONNECTING_AT_ONCE))
        self._closed = False

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """The rows of a reading statement, all within one deadline; asked once more when the connection was lost."""
        return self._read(sql, values, _TUPLES)

    def records(self, sql: str, values: Values = ()) -> list[dict[str, Any]]:
        """As `rows`, each row by its columns' names."""
        return self._read(sql, values, _BY_NAME)

    def stream(self, sql: str, values: Values | Mapping[str, Any] = ()) -> Iterator[dict[str, Any]]:
        """As `records`, handed over as MySQL sends them: for commands, as waiting for them blocks the process."""
        with self.connection() as connection:
            connection.query(_STREAMING)
            cursor = connection.cursor()
            connection.query(cursor.mogrify(sql, values))
            result: Any = connection.use_result()  # type: ignore[no-untyped-call]
            while rows := result.fetch_row(_STREAMED, _BY_NAME):
                yield from rows

    @contextmanager
    def transaction(self, *, idle: int = 0) -> Iterator[Cursor]:
        """A cursor whose statements are committed together at the end of the block, or not at all.

        With `idle` it is for who writes what others write too: each statement sees what is committed by then and holds
        rows, not the gaps between them; and MySQL rolls it back when it hears nothing for so many seconds.
        """
        with self.connection() as connection:
            if idle:
                connection.query(f"SET SESSION wait_timeout = {idle}")
                connection.query(LATEST)
            connection.begin()
            yield connection.cursor()
            connection.commit()

    @contextmanager
    def connection(self, *, unseen: bool = False) -> Iterator[Connection]:
        """A connection for this greenlet alone. Any exception within throws it away; MySQL's come out as StoreError.

        `unseen` spares the look whether the server has ended it meanwhile, for who can ask again.
        """
        if not self._slots.acquire(timeout=self._deadline):
            raise self._busy()
        try:
            connection = (self._idle.pop() if unseen and self._idle else self._idle_one()) or self._connect()
            try:
                yield connection
            except BaseException as error:
                connection.discard()
                if isinstance(error, Error):
                    raise explain(error, self.mysql) from error
                raise
            self._keep(connection)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close what is idle now, and what is in use as it comes back."""
        self._closed = True
        self._drop_idle()
        self._threads.kill()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().discard()

    def _read(self, sql: str, values: Values, form: int) -> list[Any]:
        timeout = gevent.Timeout.start_new(self._deadline)
        try:
            try:
                return self._read_once(sql, values, form)
            except StoreError as error:
                if code(error.__cause__) not in LOST:
                    raise
                self._drop_idle()  # what ended one ended them all, a restart most likely
                return self._read_once(sql, values, form)
        except gevent.Timeout as passed:
            if passed is not timeout:
                raise
            raise late(self.mysql, self._deadline) from None
        finally:
            timeout.close()

    def _read_once(self, sql: str, values: Values, form: int) -> list[Any]:
        """What a Cursor does for one reading statement, without the rest of what it does."""
        with self.connection(unseen=True) as connection:
            same = {id(value): value for value in values}  # what stands several times is made text of once
            literals = {name: connection.literal(value) for name, value in same.items()}
            connection.query(sql.encode() % tuple(literals[id(value)] for value in values))
            result: Any = connection.store_result()  # type: ignore[no-untyped-call]
            return list(result.fetch_row(0, form))

    def _busy(self) -> StoreError:
        return StoreError(
            f"All {self._size} connections to MySQL at {self.mysql.host}:{self.mysql.port} were in use "
            f"for {self._deadline:g} s: see that it is not overloaded."
        )

    def _idle_one(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.forsaken():
                return connection
            connection.discard()
        return None

    def _keep(self, connection: Connection) -> None:
        if self._closed:
            connection.discard()
        else:
            self._idle.append(connection)

    def _connect(self) -> Connection:
        with gevent.Timeout(self._deadline, late(self.mysql, self._deadline)):
            opening = self._threads.spawn(self._open)
            try:
                opened = opening.get()
            except BaseException:
                opening.rawlink(_abandon)  # the thread cannot be stopped; what it opens has no owner any more
                raise
        if isinstance(opened, Connection):
            return opened
        assert opened is not None
        raise explain(opened, self.mysql) from opened

    def _open(self) -> Connection | Error:
        """Runs on a thread. An error is returned: gevent prints what a thread raises."""
        try:
            return Connection(self.mysql, self._deadline, loads=self._loads)
        except Error as error:
            return error


def put(cursor: Cursor, sql: str, rows: Sequence[Values]) -> None:
    """Run an INSERT for many rows, a few at a time, so that other greenlets have their turn."""
    for begin in range(0, len(rows), _AT_ONCE):
        cursor.executemany(sql, rows[begin : begin + _AT_ONCE])


def _abandon(opening: AsyncResult[Connection | Error]) -> None:
    if isinstance(opening.value, Connection):
        opening.value.discard()
