"""Who connects and is no FreeSWITCH of ours gets nothing, and leaves nothing behind."""

import os
import struct
from contextlib import closing, suppress

from gevent import socket
from gevent.pool import Pool

from callctl.settings import split_address
from tests.integration.platform import get, wait

PROBES = 500
STRANGER = "127.0.0.66"
GARBAGE = (
    b"", b"\n", b"\n\n", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00" * 20, b"A" * 300_000,
    b"Content-Length: 99999999999\n\n", b"Content-Length: -1\n\nx", b"Content-Type: command/reply\n\n",
    b"Content-Type: text/disconnect-notice\nContent-Length: 3\n\nbye", b"Content-Type: command/reply\nReply-Text: +OK",
    b"Unique-ID: not%20a%0Auuid\nContent-Type: command/reply\nReply-Text: +OK\n\n",
)  # fmt: skip


def sockets(pid):
    """Open sockets of a process."""
    found = 0
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            found += os.readlink(f"/proc/{pid}/fd/{descriptor}").startswith("socket:")
    return found


def probe(address, number):
    """Connect, say something or nothing, and go: in order, or with a reset."""
    with closing(socket.create_connection(split_address(address), timeout=30)) as peer, suppress(OSError):
        peer.sendall(GARBAGE[number % len(GARBAGE)])
        if number % 3 == 0:
            peer.recv(100)
        if number % 2:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_probes_leave_nothing_behind(platform):
    host = platform.host
    worker = host.part("worker")
    platform.story(platform.place("answered"))
    wait(lambda: host.metric("callctl_sockets") == 0, "no call is held")
    before = sockets(worker)
    rows = platform.rows("SELECT COUNT(*) AS calls FROM cdr")
    Pool(20).map(lambda number: probe(host.listen, number), range(PROBES))
    silent = [socket.create_connection(split_address(host.listen)) for _ in range(30)]
    assert platform.place("answered").status == 200, "calls come through meanwhile"
    wait(lambda: all(peer.recv(10_000) for peer in silent), "they are greeted as a FreeSWITCH is")
    wait(lambda: all(peer.recv(10_000) == b"" for peer in silent), "who says nothing is let go")
    for peer in silent:
        peer.close()
    wait(lambda: sockets(worker) <= before, "every socket is closed")
    wait(lambda: host.metric("callctl_sockets") == 0, "no call is held")
    assert host.part("worker") == worker
    assert "Traceback" not in host.log.read_text()
    assert not host.logged("decision failed")
    wait(lambda: host.metric("callctl_spool_records") == 0, "all is written")
    (after,) = platform.rows("SELECT COUNT(*) AS calls FROM cdr")
    assert after["calls"] == rows[0]["calls"] + 1


def test_a_peer_that_is_not_allowed_is_told_nothing(platform):
    with closing(socket.create_connection(split_address(platform.host.listen), 30, (STRANGER, 0))) as peer:
        assert peer.recv(1000) == b""
    wait(lambda: STRANGER in {line["peer"] for line in platform.host.logged("peer refused")}, "the operator is told")


def test_the_health_page_answers_what_it_has(platform):
    http = platform.host.http
    assert get(http, "/healthz") == (200, '{"alive":true}\n')
    status, page = get(http, "/metrics")
    assert status == 200
    assert "callctl_live_calls" in page
    assert get(http, "/")[0] == 404
    probe(http, 4)
    assert get(http, "/readyz")[0] == 200
