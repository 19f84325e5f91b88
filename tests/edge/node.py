"""A FreeSWITCH node as its edges see it: a back-to-back user agent on UDP that does with a call what `does` says.

It finds the callee's edge by callctl's own rule from Kamailio's `location`, as a bridge of callctl would. Like
FreeSWITCH it ends a call whose ACK does not come.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
from gevent import socket as gevent_socket
from gevent.pool import Group

from tests.edge.sip import BRANCH, Message, parse, response, uri_of

Headers = tuple[tuple[str, str], ...]
ASTRAY = 32.0  # seconds that an answer waits for its ACK
Locate = Callable[[str, str], str | None]  # user and domain -> HOST:PORT of the edge that has the phone


@dataclass
class Leg:
    """One side of a call."""

    invite: Message
    tag: str
    target: str = ""
    routes: list[str] = field(default_factory=list)
    to: str = ""  # the other side, with its tag
    own: str = ""  # ours, with our tag
    other: Leg | None = None
    cseq: int = 1
    acknowledged: bool = False


class Node:
    """One node. `does` is bridge, answer, echo (answer and send back the RTP that comes), ring, silence, or a status.

    A status may also come later: `ring, then …`.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.does = "bridge"
        self.heard: list[Message] = []
        self.extra = ""  # lines of SDP
        self.locate: Locate = lambda user, domain: None
        self._waiting = Group()
        self._legs: dict[str, Leg] = {}
        self._media = gevent_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind((host, 0))
        self._echoing = gevent.spawn(self._echo)
        self.port = 0
        self.open()

    @property
    def media(self) -> tuple[str, int]:
        """Where its RTP goes."""
        return self._media.getsockname()

    def open(self) -> None:
        """Be there, on the port it had."""
        self._socket = gevent_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.host, self.port))
        self.port = self._socket.getsockname()[1]
        self.wake()

    def close(self) -> None:
        """Be gone, as if killed."""
        self.sleep()
        self._socket.close()

    def sleep(self) -> None:
        """Be too busy to look at what comes; it waits in the socket until `wake`."""
        self._serving.kill()

    def wake(self) -> None:
        """Look at what came."""
        self._serving = gevent.spawn(self._serve)

    def end(self) -> None:
        """Be gone for good."""
        self.close()
        self._echoing.kill()
        self._waiting.kill()
        self._media.close()

    def calls(self) -> list[Message]:
        """The calls that were brought here."""
        return [message for message in self.heard if message.first.startswith("INVITE ") and not message.tagged]

    def got(self, method: str, call_id: str) -> list[Message]:
        """What it heard of one call."""
        return [m for m in self.heard if not m.status and m.method == method and m.one("Call-ID") == call_id]

    def send(self, message: Message, to: str) -> None:
        """Send to HOST:PORT."""
        host, _, port = to.rpartition(":")
        self._socket.sendto(bytes(message), (host, int(port)))

    def request(self, leg: Leg, method: str, body: str = "") -> None:
        """A request in the dialog of a leg."""
        if method != "ACK":
            leg.cseq += 1
        headers = [
            ("Via", self._via()), *(("Route", route) for route in leg.routes), ("From", leg.own), ("To", leg.to),
            ("Call-ID", leg.invite.one("Call-ID")), ("CSeq", f"{leg.cseq} {method}"), ("Max-Forwards", "70"),
            ("Contact", self._contact()), ("User-Agent", "FreeSWITCH"),
        ]  # fmt: skip
        self.send(Message(f"{method} {leg.target} SIP/2.0", tuple(headers), body), _next_hop(leg))

    def leg(self, call_id: str) -> Leg:
        """The leg of a Call-ID."""
        return self._legs[call_id]

    def sdp(self) -> str:
        """What it offers and answers, the addresses of the core in it."""
        host, port = self.media
        return (
            f"v=0\r\no=FreeSWITCH 1 1 IN IP4 {host}\r\ns=FreeSWITCH\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n{self.extra}"
        )

    def _serve(self) -> None:
        while True:
            data, (host, port) = self._socket.recvfrom(65536)
            message = parse(data)
            if message.first.startswith("OPTIONS "):
                if self.does != "silence":
                    self.send(response(message, "200 OK", tag="1"), f"{host}:{port}")
                continue
            self.heard.append(message)
            if message.status:
                self._answered(message)
            else:
                self._requested(message, f"{host}:{port}")

    def _echo(self) -> None:
        while True:
            data, source = self._media.recvfrom(2048)
            if self.does == "echo":
                self._media.sendto(data, source)

    def _requested(self, request: Message, source: str) -> None:
        if request.method == "INVITE" and not request.tagged:
            self._called(request, source)
        elif request.method == "INVITE":
            self.send(response(request, "200 OK", ("Contact", self._contact()), body=self.sdp()), source)
        elif request.method == "BYE":
            self.send(response(request, "200 OK"), source)
            other = self._legs[request.one("Call-ID")].other
            if other is not None:
                self.request(other, "BYE")
        elif request.method == "CANCEL":
            self.send(response(request, "200 OK"), source)
            leg = self._legs[request.one("Call-ID")]
            self.send(response(leg.invite, "487 Request Terminated", tag=leg.tag), source)
        elif request.method == "ACK":
            self._legs[request.one("Call-ID")].acknowledged = True
        else:
            self.send(response(request, "200 OK", tag="1"), source)

    def _called(self, invite: Message, source: str) -> None:
        if self.does == "silence":
            return
        self.send(response(invite, "100 Trying"), source)
        leg = self._new_leg(invite)
        if self.does == "bridge":
            self._bridge(leg, source)
        elif self.does in {"answer", "echo"}:
            self._answer(leg, source)
        elif self.does.startswith("ring"):
            self.send(response(invite, "180 Ringing", tag=leg.tag), source)
            if self.does != "ring":
                gevent.sleep(0.3)  # or the edge may work on both at once
                self.send(response(invite, self.does.removeprefix("ring, then "), tag=leg.tag), source)
        else:
            self.send(response(invite, self.does, tag=leg.tag), source)

    def _new_leg(self, invite: Message) -> Leg:
        leg = Leg(invite, secrets.token_hex(4), uri_of(invite.one("Contact")), invite.all("Record-Route"))
        leg.to, leg.own = invite.one("From"), f"{invite.one('To')};tag={leg.tag}"
        self._legs[invite.one("Call-ID")] = leg
        return leg

    def _answer(self, leg: Leg, edge: str) -> None:
        headers = (("Contact", self._contact()), ("X-MEDIATRA", "1"), ("Server", "FreeSWITCH"))
        self.send(response(leg.invite, "200 OK", *headers, tag=leg.tag, body=self.sdp()), edge)
        self._waiting.spawn(self._await_ack, leg)

    def _await_ack(self, leg: Leg) -> None:
        gevent.sleep(ASTRAY)
        if not leg.acknowledged:
            for each in (leg, leg.other):
                if each is not None:
                    self.request(each, "BYE")

    def _bridge(self, leg: Leg, edge: str) -> None:
        user, _, domain = leg.invite.uri.removeprefix("sip:").partition("@")
        callees_edge = self.locate(user, domain)
        if callees_edge is None:
            self.send(response(leg.invite, "480 Temporarily Unavailable", tag=leg.tag), edge)
            return
        leg.other = self.call(f"sip:{user}@{domain}", callees_edge, own=leg.invite.one("From").partition(";")[0])
        leg.other.other = leg

    def call(self, uri: str, edge: str, own: str = "<sip:core@example.net>", more: Headers = (), **said: str) -> Leg:
        """Call a phone by way of an edge, as a bridge with fs_path does; `said` are X-Callctl- headers of the call."""
        tag = secrets.token_hex(4)
        headers = (
            ("Via", self._via()), ("Route", f"<sip:{edge};lr>"), ("From", f"{own};tag={tag}"), ("To", f"<{uri}>"),
            ("Call-ID", secrets.token_hex(8)), ("CSeq", "1 INVITE"), ("Max-Forwards", "69"),
            ("Contact", self._contact()), ("X-Secret", "1"), ("User-Agent", "FreeSWITCH"),
            *((f"X-Callctl-{name.title()}", value) for name, value in said.items()), *more,
        )  # fmt: skip
        leg = Leg(Message(f"INVITE {uri} SIP/2.0", headers, self.sdp()), tag, uri, [f"<sip:{edge};lr>"])
        leg.own = f"{own};tag={tag}"
        self._legs[leg.invite.one("Call-ID")] = leg
        self.send(leg.invite, edge)
        return leg

    def _answered(self, answer: Message) -> None:
        leg = self._legs[answer.one("Call-ID")]
        if answer.method != "INVITE" or leg.invite.first.split()[0] != "INVITE" or answer.status == 100:
            return
        leg.to = answer.one("To")
        caller = leg.other
        if answer.status < 200:
            if caller is not None:
                self.send(response(caller.invite, "180 Ringing", tag=caller.tag), _via_of(caller.invite))
        elif answer.status < 300:
            leg.target = uri_of(answer.one("Contact"))
            leg.routes = answer.all("Record-Route")[::-1] or leg.routes  # within a call its Routes stay
            self.request(leg, "ACK")
            if caller is not None:
                self._answer(caller, _via_of(caller.invite))
        else:
            headers = tuple(
                (name, leg.to if name == "To" else value.replace("INVITE", "ACK") if name == "CSeq" else value)
                for name, value in leg.invite.headers
                if name in {"Via", "Route", "From", "To", "Call-ID", "CSeq", "Max-Forwards"}
            )
            self.send(Message(f"ACK {leg.invite.uri} SIP/2.0", headers), _next_hop(leg))
            if caller is not None:
                status = answer.first.removeprefix("SIP/2.0 ")
                self.send(response(caller.invite, status, tag=caller.tag), _via_of(caller.invite))

    def _via(self) -> str:
        return f"SIP/2.0/UDP {self.host}:{self.port};branch={BRANCH}{secrets.token_hex(8)};rport"

    def _contact(self) -> str:
        return f"<sip:mod_sofia@{self.host}:{self.port}>"


def _next_hop(leg: Leg) -> str:
    return uri_of(leg.routes[0]).removeprefix("sip:").partition(";")[0]


def _via_of(request: Message) -> str:
    return request.one("Via").split()[1].partition(";")[0]
