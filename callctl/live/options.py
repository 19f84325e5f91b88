"""OPTIONS over UDP: the question whether SIP is spoken somewhere."""

from __future__ import annotations

import secrets

from gevent import socket

from callctl.settings import split_address


def ask(address: str, patience: float, uri: str = "", to: str = "") -> str | None:
    """The first message that comes back from HOST:PORT, None when none does in `patience` seconds.

    `uri` is what is asked for, `sip:HOST:PORT` where it is not said, and `to` whom To names, else the same.
    Raises OSError where nobody listens.
    """
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience)
        sock.connect((host, port))
        uri = uri or f"sip:{address}"
        sock.send(_options(uri, to or uri, sock.getsockname()))
        try:
            return sock.recv(65_535).decode(errors="replace")
        except TimeoutError:
            return None


def _options(uri: str, to: str, own: tuple[str, int]) -> bytes:
    host = f"[{own[0]}]" if ":" in own[0] else own[0]
    token = secrets.token_hex(8)
    lines = (
        f"OPTIONS {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{own[1]};branch=z9hG4bK{token};rport",
        "Max-Forwards: 1",
        f"From: <sip:callctl@{host}>;tag={token}",
        f"To: <{to}>",
        f"Call-ID: {token}@{host}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode()
