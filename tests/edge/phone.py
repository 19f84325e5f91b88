"""Phones: a small one in Python, for transports and rudeness that SIPp has not, and SIPp's."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from gevent import subprocess

from tests.edge.sip import ANSWER, BRANCH, Message, Wire, credentials, parse, response, uri_of

SCENARIOS = Path(__file__).parent / "sipp"
DOMAIN = "example.net"
PASSWORD = "correct horse"
Headers = tuple[tuple[str, str], ...]


class Phone:
    """One user at one edge."""

    def __init__(
        self, user: str, wire: Wire, *, domain: str = DOMAIN, password: str = PASSWORD, parameters: str = ""
    ) -> None:
        self.user, self.wire, self.domain, self.password = user, wire, domain, password
        self.parameters = parameters  # of its Contact
        self.call_id = secrets.token_hex(8)
        self.tag = secrets.token_hex(4)
        self.cseq = 0
        self.aor = f"sip:{user}@{domain}"

    @property
    def contact(self) -> str:
        """Where it says it is."""
        host, port = self.wire.own
        if self.wire.proto in {"WS", "WSS"}:
            return f"<sip:{self.user}@{self.tag}.invalid;transport=ws>{self.parameters}"
        host = f"[{host}]" if ":" in host else host
        return f"<sip:{self.user}@{host}:{port};transport={self.wire.proto.lower()}>{self.parameters}"

    def request(self, method: str, uri: str, *extra: tuple[str, str], body: str = "", to: str = "") -> Message:
        """A request of a call, or of none."""
        if method not in {"ACK", "CANCEL"}:
            self.cseq += 1
        host, port = self.wire.own
        host = f"[{host}]" if ":" in host else host
        own = () if any(name == "Contact" for name, _ in extra) else (("Contact", self.contact),)
        to = to or f"<{self.aor if method == 'REGISTER' else uri}>"
        headers = (
            ("Via", f"SIP/2.0/{self.wire.proto} {host}:{port};branch={BRANCH}{secrets.token_hex(8)};rport"),
            ("From", f"<{self.aor}>;tag={self.tag}"), ("To", to), ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} {method}"), ("Max-Forwards", "70"), *own, *extra,
        )  # fmt: skip
        return Message(f"{method} {uri} SIP/2.0", headers, body)

    def send(self, message: Message) -> None:
        """Send it."""
        self.wire.send(bytes(message))

    def receive(self, patience: float = ANSWER) -> Message | None:
        """The next message that is no 100."""
        while (data := self.wire.receive(patience)) is not None:
            message = parse(data)
            if message.status != 100:
                return message
        return None

    def expect(self, what: int | str, patience: float = ANSWER) -> Message:
        """The next message, which has this status or method."""
        message = self.receive(patience)
        assert message is not None, f"{self.user} hears nothing instead of {what}"
        assert what in {message.status, message.first.split()[0]}, (what, message)
        return message

    def ask(self, method: str, uri: str, *extra: tuple[str, str], body: str = "") -> Message:
        """Send a request, answer the challenge to it, and return what comes first after that."""
        self.send(self.request(method, uri, *extra, body=body))
        answer = self.receive()
        assert answer is not None, f"{self.user} hears no answer to {method}"
        if answer.status not in {401, 407}:
            return answer
        if method == "INVITE":
            self.acknowledge(answer, uri)
        self.send(self.request(method, uri, *extra, self.proof(answer, method, uri), body=body))
        answer = self.receive()
        assert answer is not None, f"{self.user} hears no answer to {method} with credentials"
        return answer

    def proof(self, challenge: Message, method: str = "INVITE", uri: str = "") -> tuple[str, str]:
        """What answers a 401 or 407."""
        return credentials(challenge, self.user, self.password, method, uri or f"sip:{self.domain}")

    def silent_register(self) -> bool:
        """Whether a REGISTER is not answered at all."""
        self.send(self.request("REGISTER", f"sip:{self.domain}"))
        return self.receive(0.4) is None

    def register(self, *extra: tuple[str, str], expires: int = 600) -> Message:
        """Register here."""
        return self.ask("REGISTER", f"sip:{self.domain}", ("Expires", str(expires)), *extra)

    def call(self, uri: str, *extra: tuple[str, str], body: str = "") -> Message:
        """Call, and return the final answer, acknowledged."""
        answer = self.ask("INVITE", uri, *extra, body=body or sdp(self.wire.own[0]))
        while answer.status < 200:
            following = self.receive()
            assert following is not None, f"{self.user} hears no final answer"
            answer = following
        self.acknowledge(answer, uri)
        return answer

    def acknowledge(self, answer: Message, uri: str) -> None:
        """ACK: along the route of an answer that is yes, to the edge where it is no."""
        if answer.status < 300:
            self.send(self.in_dialog("ACK", answer))
            return
        ack = self.request("ACK", uri, to=answer.one("To"))
        kept = [("Via", answer.one("Via")) if name == "Via" else (name, value) for name, value in ack.headers]
        self.send(Message(ack.first, tuple(kept)))

    def in_dialog(self, method: str, answer: Message, *extra: tuple[str, str], body: str = "") -> Message:
        """A request of the call that `answer` set up."""
        routes = [("Route", route) for route in answer.all("Record-Route")[::-1]]
        to = answer.one("To")
        return self.request(method, uri_of(answer.one("Contact")), *routes, *extra, body=body, to=to)

    def in_dialog_of(self, method: str, invite: Message) -> Message:
        """A request of the call that came by `invite` and was taken."""
        routes = [("Route", route) for route in invite.all("Record-Route")]
        self.call_id = invite.one("Call-ID")
        message = self.request(method, uri_of(invite.one("Contact")), *routes, to=invite.one("From"))
        own = f"{invite.one('To')};tag={self.tag}"
        return Message(message.first, tuple((n, own if n == "From" else v) for n, v in message.headers))

    def cancel(self, invite: Message) -> None:
        """Give up a call that rings."""
        message = self.request("CANCEL", invite.uri)
        kept = tuple((n, invite.one("Via")) if n == "Via" else (n, v) for n, v in message.headers)
        self.send(Message(message.first, kept))

    def ring(self, invite: Message) -> None:
        """Say that it rings."""
        self.send(response(invite, "180 Ringing", ("Contact", self.contact), tag=self.tag))

    def answer(self, invite: Message, body: str = "", extra: Headers = ()) -> None:
        """Take a call."""
        headers = (("Contact", self.contact), *extra)
        self.send(response(invite, "200 OK", *headers, tag=self.tag, body=body or sdp(self.wire.own[0])))

    def close(self) -> None:
        """Go away without a word."""
        self.wire.close()


def sdp(host: str, port: int = 4000) -> str:
    """The offer of a plain phone."""
    family = "IP6" if ":" in host else "IP4"
    return (
        f"v=0\r\no=- 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    )


class Sipp:
    """A SIPp that plays one scenario of sipp/ `calls` times at once, talking for `ms`; `sets` are variables of it."""

    def __init__(
        self, folder: Path, scenario: str, host: str, port: int, edge: str, *, calls: int = 1, ms: int = 500,
        sets: Sequence[str] = (), **keys: str,
    ) -> None:  # fmt: skip
        name = folder / f"{scenario}-{port}-{secrets.token_hex(3)}"
        self._patience = 20 + ms // 1000
        self._screen = name.with_suffix(".screen")
        self._trace = name.with_suffix(".trace")
        command = [
            "sipp", edge, "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", host, "-p", str(port), "-m", str(calls),
            "-r", str(calls), "-d", str(ms), "-nostdin", "-timeout", f"{self._patience}s", "-timeout_error",
            "-trace_msg", "-message_file", str(self._trace), "-t", keys.pop("transport", "u1"), "-ap", PASSWORD,
            "-au", keys["user"], "-s", keys.get("called", "0"),
        ]  # fmt: skip
        for variable in sets:
            command += ["-set", variable, "1"]
        for key, value in ({"domain": DOMAIN, "contact": f"{host}:{port}"} | keys).items():
            command += ["-key", key, value]
        with self._screen.open("wb") as screen:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen
            )  # fmt: skip

    def wait(self) -> str:
        """Until its scenario is over, as it is written; what it sent and heard."""
        code = self._process.wait(timeout=self._patience + 10)
        trace = self._trace.read_text() if self._trace.exists() else ""
        assert code == 0, f"{self._process.args} left with {code}\n{trace}\n{self._screen.read_text()[-600:]}"
        return trace

    def stop(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
