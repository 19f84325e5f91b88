"""LOAD DATA LOCAL INFILE of bytes that we made ourselves: no file is opened, whatever a server asks for.

`pool.Connection` tells the server that it may ask for a file, and tells the client library never to give one. So the
one request that is answered is answered here: it must be for NAME, byte by byte, and what it is given are our bytes.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from itertools import pairwise

from gevent.monkey import get_original
from MySQLdb import Error

from callctl.store.pool import Connection

NAME = "callctl"
_REQUEST = bytes((1 + len(NAME), 0, 0, 1, 0xFB)) + NAME.encode()  # length, sequence, what it is
# Packets are numbered from 2 on, in a byte. 254 of them and an empty one end at number 0, which is where the library,
# which saw none of them, expects the server's answer to go on.
_PACKETS = 254
_LONGEST_PACKET = (1 << 24) - 2

_blocking_socket = get_original("socket", "socket")


def send(connection: Connection, statement: str, data: bytes) -> bool:
    """Have `data` loaded, and then call `answered`; False if that cannot be had here and nothing was loaded."""
    if not _PACKETS <= len(data) <= _PACKETS * _LONGEST_PACKET:
        return False
    connection.send_query(statement.encode())
    connection.wait()
    with _blocking_socket(fileno=os.dup(connection.fileno())) as wire:
        if wire.recv(len(_REQUEST), socket.MSG_PEEK) == _REQUEST:
            wire.recv(len(_REQUEST))
            connection.write(wire, _packets(data))
            return True
    with suppress(Error):  # the server refuses, or what it says cannot be read here, as under TLS
        connection.read_query_result()
    return False


def _packets(data: bytes) -> bytes:
    ends = [len(data) * number // _PACKETS for number in range(_PACKETS + 1)]
    parts: list[bytes] = []
    for number, (begin, end) in enumerate(pairwise(ends), 2):
        parts += ((end - begin).to_bytes(3, "little"), bytes((number,)), data[begin:end])
    return b"".join((*parts, bytes(4)))
