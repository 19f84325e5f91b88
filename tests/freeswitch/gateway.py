"""A carrier's gateway in Python: it does what SIPp cannot, of many calls at once, such as to ask who calls."""

from __future__ import annotations

import hashlib
import re
import socket

import gevent
from gevent import socket as gevent_socket

from tests.edge.phone import sdp
from tests.edge.sip import Message, parse, response
from tests.freeswitch.phones import HOST

NONCE, REALM = "f8a1c0", "gateway.example"
CHALLENGES = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


class Gateway:
    """One gateway. `does` is what it answers to a call, in turn: statuses (183 with SDP), and seconds to wait.

    With `password` it asks first, by the status `asks`, and answers 403 to a wrong one.
    """

    def __init__(self, *does: float, password: str = "", asks: int = 407, host: str = HOST) -> None:
        self.does, self.password, self.asks = does, password, asks
        self.heard: list[Message] = []
        self._socket = gevent_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self.port = self._socket.getsockname()[1]
        self.address = f"{host}:{self.port}"
        self._busy = [gevent.spawn(self._serve)]

    def calls(self) -> list[Message]:
        """The INVITEs it took for calls: those it did not ask who calls."""
        return [message for message in self.heard if message.first.startswith("INVITE ") and self._known(message)]

    def got(self, method: str) -> list[Message]:
        """The requests of one method."""
        return [message for message in self.heard if message.method == method]

    def stop(self) -> None:
        """Be gone."""
        gevent.killall(self._busy)
        self._socket.close()

    def _serve(self) -> None:
        seen: set[str] = set()
        while True:
            data, sender = self._socket.recvfrom(65536)
            message = parse(data)
            if message.status or message.one("Via") + message.method in seen:
                continue
            seen.add(message.one("Via") + message.method)
            self.heard.append(message)
            if message.method == "INVITE":
                self._busy.append(gevent.spawn(self._invited, message, sender))
            elif message.method == "CANCEL":
                self._say(message, "200 OK", sender)
                invite = next(each for each in self.heard if each.one("Via") == message.one("Via"))
                self._say(invite, "487 Request Terminated", sender)
            elif message.method != "ACK":
                self._say(message, "200 OK", sender)

    def _invited(self, invite: Message, sender: tuple[str, int]) -> None:
        if not self._known(invite):
            asked, answered = CHALLENGES[self.asks]
            status = "403 Forbidden" if invite.one(answered) else f"{self.asks} Who Is It"
            challenge = f'Digest realm="{REALM}", nonce="{NONCE}", algorithm=MD5, qop="auth"'
            self._say(invite, status, sender, (asked, challenge))
            return
        for step in self.does:
            if step < 100:
                gevent.sleep(step)
            elif not any(each.one("Via") == invite.one("Via") for each in self.got("CANCEL")):
                self._say(invite, f"{int(step)} As Told", sender, body=_answer(invite) if step in {183, 200} else "")

    def _say(
        self, request: Message, status: str, to: tuple[str, int], *headers: tuple[str, str], body: str = ""
    ) -> None:
        contact = ("Contact", f"<sip:{self.address}>")
        self._socket.sendto(bytes(response(request, status, contact, *headers, tag="g", body=body)), to)

    def _known(self, invite: Message) -> bool:
        """Whether the caller said the password, where there is one."""
        if not self.password:
            return True
        said = dict(re.findall(r'(\w+)="?([^",]*)"?', invite.one(CHALLENGES[self.asks][1])))
        secret = _md5(f"{said.get('username')}:{REALM}:{self.password}")
        rest = f"{NONCE}:{said.get('nc')}:{said.get('cnonce')}:auth:{_md5('INVITE:' + said.get('uri', ''))}"
        return said.get("response") == _md5(f"{secret}:{rest}")


def _answer(invite: Message) -> str:
    """Takes the first codec that is offered."""
    payload = re.search(r"m=audio \d+ RTP/AVP (\d+)", invite.body)
    return sdp(HOST).replace("RTP/AVP 0\r\na=rtpmap:0 PCMU/8000", f"RTP/AVP {payload[1] if payload else 0}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
