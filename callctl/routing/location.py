"""Which edges a callee is registered at: rows of `location` in, one leg per edge out. No I/O.

A row's edge is the one whose `server_id` wrote it, else the one it names in Path, else the one that owns its `socket`.
A row that names none of the three may be anywhere: every edge is then tried, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import ip_address
from itertools import groupby
from typing import NamedTuple

from callctl.plan import EdgeTarget
from callctl.settings import Edge, split_address
from callctl.world import Located

_PROTOCOLS = frozenset(("udp", "tcp", "tls", "sctp", "ws", "wss"))
_HOST_NAME = re.compile(r"[a-z0-9_][a-z0-9._-]{0,252}")
_PORT = re.compile(r"[0-9]{1,5}")
# A Path entry stands in angle brackets; a URI inside its parameters (received=sip:…) is not one.
_PATH_URI = re.compile(r"<\s*(sips?):(?:[^@<>]*@)?(\[[^]<>]*\]|[^]\[:;<>?,\s]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_SHOWN = 80  # characters of a row's text that a sentence repeats


class Contact(NamedTuple):
    """A live row of `location`. `server_id` is 0 and `reg_id` 0 where the table has no such column."""

    ruid: str
    contact: str
    received: str | None
    path: str | None
    socket: str | None
    server_id: int
    q: float  # -1 when the phone sent none
    last_modified: datetime
    cseq: int
    instance: str | None
    reg_id: int


class Socket(NamedTuple):
    """A listener as a row or a setting names it. `proto` is "" and `port` 0 when not said; IPv6 without brackets."""

    proto: str
    host: str
    port: int


def parse_socket(text: str) -> Socket | None:
    """The listener `[proto:]host[:port]` names, None when it names none.

    A bare IPv6 address ends in its port when a protocol stands before it, as Kamailio writes advertised ones, with two
    NULs behind.
    """
    rest = text.strip("\0 \t").lower()
    proto, colon, after = rest.partition(":")
    if colon and proto in _PROTOCOLS:
        rest = after
    else:
        proto = ""
    if rest.startswith("["):
        host, closed, port = rest[1:].partition("]")
        choices = [(host, port)] if closed else []
    else:
        host, colon, port = rest.rpartition(":")
        choices = [(rest, ""), (host, colon + port)] if not proto else [(host, colon + port), (rest, "")]
    for host, port in choices:
        if (known := _host(host)) and (number := _port(port)) is not None:
            return Socket(proto, known, number)
    return None


def group(contacts: Iterable[Contact], edges: Sequence[Edge]) -> Located:
    """One target per usable edge that holds a contact, highest q first; edges only guessed at have a q below 0."""
    devices = _fold(contacts)
    best: dict[str, float] = {}
    unusable: dict[str, None] = {}
    anywhere = False
    for contact in devices:
        edge = _edge_of(contact, edges)
        if edge is None and not (contact.path or contact.socket):
            anywhere = True
        elif edge is None:
            unusable[_unknown(contact)] = None
        elif not edge.enabled:
            unusable[f"edge {edge.name} is disabled"] = None
        else:
            best[edge.name] = max(best.get(edge.name, 0.0), 1.0 if contact.q < 0 else contact.q)
    if anywhere:
        guesses = [edge for edge in edges if edge.enabled and edge.name not in best]
        best |= {edge.name: -1.0 - turn for turn, edge in enumerate(guesses)}
        if not best:
            unusable["no edge is enabled"] = None
    targets = [EdgeTarget(edge.name, edge.address, best[edge.name]) for edge in edges if edge.name in best]
    return Located(tuple(sorted(targets, key=_order)), len(devices), tuple(unusable))


def ring_groups(targets: Iterable[EdgeTarget]) -> tuple[tuple[EdgeTarget, ...], ...]:
    """Targets of equal q together, to ring at once; those of a lower q in a later group."""
    return tuple(tuple(equal) for _, equal in groupby(sorted(targets, key=_order), key=lambda target: target.q))


def _order(target: EdgeTarget) -> tuple[float, str]:
    return -target.q, target.edge


def _fold(contacts: Iterable[Contact]) -> list[Contact]:
    """The newest row of each device: a phone that moved leaves a live row at its former edge."""
    newest: dict[tuple[str, str | int | None], Contact] = {}
    for contact in contacts:
        # Two phones behind two NATs may share a private contact: where the packets came from tells them apart.
        device = (contact.instance, contact.reg_id) if contact.instance else (contact.contact, contact.received)
        if device not in newest or _age(contact) > _age(newest[device]):
            newest[device] = contact
    return list(newest.values())


def _age(contact: Contact) -> tuple[datetime, int]:
    # last_modified is in whole seconds; a move within one is told by the CSeq.
    return contact.last_modified, contact.cseq


def _edge_of(contact: Contact, edges: Sequence[Edge]) -> Edge | None:
    for edge in edges:
        if edge.server_id == contact.server_id:
            return edge
    for scheme, host, port in _PATH_URI.findall(contact.path or ""):
        known = _host(host.removeprefix("[").removesuffix("]").lower())
        if own := _only(edges, known, int(port) if port else 5061 if scheme.lower() == "sips" else 5060):
            return own
    found = parse_socket(contact.socket or "")
    if found is None:
        return None
    return _only(edges, found.host, found.port) or _only(edges, found.host, None)


def _only(edges: Sequence[Edge], host: str, port: int | None) -> Edge | None:
    """The one edge known by host and port, or, without a port, by its host whatever the port; None where two are."""
    known = [edge for edge in edges if host and (host, port) in _names(edge)]
    return known[0] if len(known) == 1 else None


def _names(edge: Edge) -> set[tuple[str, int | None]]:
    host, port = split_address(edge.address)
    host = _host(host.lower())
    names: set[tuple[str, int | None]] = {(host, port), (host, None)}
    for text in edge.sockets:
        if socket := parse_socket(text):
            names.add((socket.host, socket.port or None))
    return names


def _host(text: str) -> str:
    """A host in the one form used to compare, "" when it is none."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text if _HOST_NAME.fullmatch(text) else ""


def _port(text: str) -> int | None:
    """The port of `:port`, 0 of nothing, None of anything else."""
    if not text:
        return 0
    digits = text.removeprefix(":")
    if digits == text or not _PORT.fullmatch(digits) or not 0 < int(digits) < 65536:
        return None
    return int(digits)


def _unknown(contact: Contact) -> str:
    said = {"server_id": contact.server_id or None, "path": contact.path, "socket": contact.socket}
    return "no edge has " + ", ".join(f"{name} {_printable(str(value))}" for name, value in said.items() if value)


def _printable(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text.strip("\0"))[:_SHOWN]
