"""The inbound event socket of a node on which nothing is heard: what callctl needs to let answered calls go."""

from __future__ import annotations

import socketserver

NOTHING = {"show channels as json": b'{"row_count":0}\n', "conference list": b"+OK No active conferences.\n"}


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say(b"Content-Type: auth/request\n\n")
        for line in self.rfile:
            command = line.decode().strip()
            if command.startswith("api "):
                body = NOTHING.get(command.removeprefix("api "), b"+OK\n")
                self._say(b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(body), body))
            elif command:
                self._say(b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")

    def _say(self, frame: bytes) -> None:
        self.wfile.write(frame)


class SilentFeed(socketserver.ThreadingTCPServer):
    """Runs in threads of the process that makes it; any password will do."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.server_address[1]}"
