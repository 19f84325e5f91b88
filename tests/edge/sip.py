"""SIP as much of it as the tests speak: messages, digest, and wires to carry them (UDP, TCP, TLS, WebSocket)."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import socket
import ssl
from dataclasses import dataclass

ANSWER = 24.0  # seconds an answer may take: an edge waits 18 for two nodes that say nothing
BRANCH = "z9hG4bK"


@dataclass(frozen=True)
class Message:
    """A request or a response."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: str = ""

    def all(self, name: str) -> list[str]:
        """The values of every header `name`, in order."""
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def one(self, name: str) -> str:
        """The first of them, "" where there is none."""
        return next(iter(self.all(name)), "")

    @property
    def status(self) -> int:
        """The status of a response, 0 for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        """Of a request, or of the request that a response is to."""
        return self.one("CSeq").split()[1] if self.status else self.first.split()[0]

    @property
    def uri(self) -> str:
        """The request URI."""
        return self.first.split()[1]

    @property
    def tagged(self) -> bool:
        """Whether To has a tag: a request in a dialog."""
        return "tag=" in self.one("To")

    def __bytes__(self) -> bytes:
        kind = [("Content-Type", "application/sdp")] if self.body else []
        headers = [*self.headers, *kind, ("Content-Length", str(len(self.body.encode())))]
        return "\r\n".join([self.first, *(f"{name}: {value}" for name, value in headers), "", self.body]).encode()


def parse(data: bytes) -> Message:
    """The message in `data`; lists of Via and of routes are taken apart."""
    head, _, body = data.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, _, value = line.partition(":")
        parts = re.split(r",\s*(?=<)", value) if "route" in name.lower() else [value]
        headers += [(name.strip(), part.strip()) for part in parts]
    return Message(first, tuple(header for header in headers if not header[0].lower().startswith("content-")), body)


def uri_of(header: str) -> str:
    """The URI of a From, To, Contact or Record-Route."""
    found = re.search(r"<([^>]*)>", header)
    return found[1] if found else header.partition(";")[0]


def response(request: Message, status: str, *headers: tuple[str, str], tag: str = "", body: str = "") -> Message:
    """The answer to a request; `tag` is put into To unless that has one."""
    copied = [(n, v) for n, v in request.headers if n.lower() in {"via", "from", "call-id", "cseq", "record-route"}]
    to = request.one("To") + (f";tag={tag}" if tag and not request.tagged else "")
    return Message(f"SIP/2.0 {status}", (*copied, ("To", to), *headers), body)


def credentials(challenge: Message, user: str, password: str, method: str, uri: str) -> tuple[str, str]:
    """The header that answers a 401 or 407."""
    name = "WWW-Authenticate" if challenge.status == 401 else "Proxy-Authenticate"
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge.one(name).partition(" ")[2]))
    cnonce = secrets.token_hex(4)
    secret = _md5(f"{user}:{given['realm']}:{password}")
    proof = _md5(f"{secret}:{given['nonce']}:00000001:{cnonce}:auth:{_md5(f'{method}:{uri}')}")
    value = (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
        f'response="{proof}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}"'
    )
    return ("Authorization" if challenge.status == 401 else "Proxy-Authorization"), value


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


class Udp:
    """From an address of its own to one edge."""

    proto = "UDP"

    def __init__(self, host: str, edge: tuple[str, int], port: int = 0) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self._socket.connect(edge)
        self.own = self._socket.getsockname()[:2]

    def send(self, data: bytes) -> None:
        """Send a message as it is."""
        self._socket.send(data)

    def receive(self, patience: float = ANSWER) -> bytes | None:
        """The next message, None when there is none in time."""
        self._socket.settimeout(patience)
        try:
            while len(data := self._socket.recv(65536)) <= 4:
                pass  # a keep-alive
        except OSError:
            return None
        return data

    def close(self) -> None:
        """Hang up the wire."""
        self._socket.close()


class Tcp:
    """A connection to one edge, TLS when `secure`."""

    proto = "TCP"

    def __init__(self, host: str, edge: tuple[str, int], port: int = 0, *, secure: bool = False) -> None:
        connection = socket.create_connection(edge, ANSWER, source_address=(host, port))
        self.own = connection.getsockname()[:2]
        if secure:
            self.proto = "TLS"
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = context.wrap_socket(connection)
        self._socket = connection
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Send a message as it is."""
        self._socket.sendall(data)

    def receive(self, patience: float = ANSWER) -> bytes | None:
        """The next message, None when there is none in time."""
        self._socket.settimeout(patience)
        try:
            head = self._until(b"\r\n\r\n").lstrip(b"\r\n")
            length = re.search(rb"\r\ncontent-length:\s*(\d+)", head, re.IGNORECASE)
            return head + self._take(int(length[1]) if length else 0)
        except OSError:
            return None

    def close(self) -> None:
        """Hang up the wire."""
        self._socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._rest:
            self._read()
        return self._take(self._rest.index(end) + len(end))

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._read()
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def _read(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self._rest += data


class WebSocket(Tcp):
    """SIP over WebSocket (RFC 7118)."""

    proto = "WS"

    def __init__(self, host: str, edge: tuple[str, int], port: int = 0, *, secure: bool = False) -> None:
        super().__init__(host, edge, port, secure=secure)
        self.proto = "WSS" if secure else "WS"
        key = base64.b64encode(os.urandom(16)).decode()
        super().send(
            f"GET / HTTP/1.1\r\nHost: {edge[0]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = self._until(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer

    def send(self, data: bytes) -> None:
        """Send a message as it is."""
        self._frame(0x81, data)

    def _frame(self, opcode: int, data: bytes) -> None:
        size = len(data)
        head = bytes((opcode, 0x80 | size)) if size < 126 else bytes((opcode, 0xFE)) + size.to_bytes(2)
        super().send(head + bytes(4) + data)  # a mask of zeros changes nothing

    def receive(self, patience: float = ANSWER) -> bytes | None:
        """The next message, None when there is none in time."""
        self._socket.settimeout(patience)
        try:
            while True:
                opcode, size = self._take(2)
                if size == 126:
                    size = int.from_bytes(self._take(2))
                data = self._take(size)
                if opcode & 0x0F == 9:
                    self._frame(0x8A, data)
                elif opcode & 0x0F in {1, 2}:
                    return data
        except OSError:
            return None


Wire = Udp | Tcp
