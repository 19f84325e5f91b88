"""Phones and edges played by SIPp: the scenarios of sipp/, and what each party sent and received.

They wait through gevent, like the rest of the platform: the test's own greenlets must run meanwhile.
"""

from __future__ import annotations

import random
import re
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import gevent
from gevent import socket as gevent_socket
from gevent import subprocess

from tests.integration.platform import wait
from tests.ports import free_port

SCENARIOS = Path(__file__).parent / "sipp"
HOST = "127.0.0.1"
STRANGER = "127.0.0.2"  # no peer of the switch
LONGEST = 40  # seconds a call may last; only a failing test waits so long


@dataclass(frozen=True)
class SipMessage:
    """One SIP message as SIPp logged it."""

    at: float  # seconds since the epoch
    sent: bool
    first: str
    head: str
    body: str

    def header(self, name: str) -> str:
        """The value of the first header `name`, "" where there is none."""
        found = re.search(rf"^{re.escape(name)}:[ \t]*(.*)$", self.head, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""

    @property
    def status(self) -> int:
        """The status of a response, 0 for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0


class Party:
    """A running SIPp that has one call."""

    def __init__(self, folder: Path, port: int, scenario: str, arguments: list[str], status: str = "") -> None:
        self.port = port
        self._name = f"{scenario}-{port}-{random.getrandbits(24):06x}"
        self._folder = folder
        # SIPp takes no key in a status line.
        script = (SCENARIOS / f"{scenario}.xml").read_text().replace("STATUS", status)
        self._file("xml").write_text(script)
        command = [
            "sipp", "-sf", str(self._file("xml")), "-p", str(port), "-m", "1", "-nostdin", "-timeout", str(LONGEST),
            "-timeout_error", "-trace_msg", "-message_file", str(self._file("messages")), *arguments,
        ]  # fmt: skip
        with self._file("screen").open("wb") as screen:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen, cwd=folder
            )

    def _file(self, kind: str) -> Path:
        return self._folder / f"{self._name}.{kind}"

    def wait(self) -> Party:
        """Until its call is over, which went as its scenario says."""
        code = self._process.wait(timeout=LONGEST + 5)
        told = "\n".join(f"{'>' if message.sent else '<'} {message.first}" for message in self.messages)
        assert code == 0, f"{self._name} left with {code}:\n{told}\n{self._file('screen').read_text()[-1000:]}"
        return self

    def listening(self) -> Party:
        """Until it can be called."""
        wait(lambda: _is_bound(self.port) or self._process.poll() is not None, f"{self._name} listens", 10)
        assert self._process.poll() is None, self._file("screen").read_text()[-1000:]
        return self

    def heard(self, first: str) -> SipMessage:
        """The message it gets that begins with `first`, as soon as it comes."""
        return wait(lambda: next(iter(self.received(first)), None), f"{self._name} gets {first}", LONGEST)

    def stop(self) -> None:
        """End it, whatever it is doing."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def messages(self) -> list[SipMessage]:
        """What it sent and received, in order."""
        if not self._file("messages").exists():
            return []
        text = self._file("messages").read_text(errors="replace")
        blocks = re.split(r"^-{20,} (\S+ \S+)\n", text, flags=re.MULTILINE)
        return [_parse(at, block) for at, block in zip(blocks[1::2], blocks[2::2], strict=True)]

    def received(self, first: str) -> list[SipMessage]:
        """The messages it got that begin with `first`."""
        return [message for message in self.messages if not message.sent and message.first.startswith(first)]

    @property
    def talked(self) -> int:
        """Milliseconds from the answer to the BYE, whoever sent it."""
        answer = next(message.at for message in self.messages if message.status == 200)
        return round(1000 * (next(message.at for message in self.messages if message.first.startswith("BYE")) - answer))

    @property
    def final(self) -> SipMessage:
        """The final answer to its INVITE."""
        answers = [message for message in self.received("SIP/2.0 ") if message.header("CSeq").endswith("INVITE")]
        return next(message for message in answers if message.status >= 200)

    @property
    def answers(self) -> list[int]:
        """The statuses its INVITE got, in order, each once."""
        answers = [message for message in self.received("SIP/2.0 ") if message.header("CSeq").endswith("INVITE")]
        return list(dict.fromkeys(message.status for message in answers))

    @property
    def call_id(self) -> str:
        """Of its call."""
        return wait(lambda: self.messages and self.messages[0].header("Call-ID"), f"{self._name} has a call")


def _parse(at: str, block: str) -> SipMessage:
    direction, _, text = block.partition("\n\n")
    head, _, body = text.partition("\n\n")
    first, _, headers = head.partition("\n")
    return SipMessage(datetime.fromisoformat(at).timestamp(), "sent" in direction, first, headers, body.strip())


def _is_bound(port: int) -> bool:
    """Whether somebody on this host has the UDP port."""
    sockets = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(int(line.split()[1].rpartition(":")[2], 16) == port for line in sockets)


class Edge:
    """The address of an edge: it answers OPTIONS, as edges do, and hands all else on to the party that plays it."""

    def __init__(self, switch_port: int) -> None:
        self.port = free_port()
        self.party = 0  # the port of who plays it
        self._switch_port = switch_port
        self.open()

    def open(self) -> None:
        """Be there."""
        self._socket = gevent_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, self.port))
        self._relay = gevent.spawn(self._serve)

    def close(self) -> None:
        """Be gone: the host says that nobody listens."""
        self._relay.kill()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, (_, port) = self._socket.recvfrom(65536)
            if data.startswith(b"OPTIONS "):
                self._socket.sendto(b"SIP/2.0 200 OK\r\n" + data.partition(b"\r\n")[2], (HOST, port))
            else:
                self._socket.sendto(data, (HOST, self._switch_port if port == self.party else self.party))


class Phones:
    """Makes parties and ends them. `sipp/` says what they do, -d is the milliseconds `ms`."""

    def __init__(self, folder: Path, switch_port: int, switch_host: str = HOST) -> None:
        self._folder = folder
        self._switch = f"{switch_host}:{switch_port}"
        self._parties: list[Party] = []

    def edge(
        self, does: str, ms: int = 0, *, at: Edge | None = None, status: str = "486 Busy Here",
        payloads: str = "8 0", contact: str = f"<sip:{HOST}>",
    ) -> Party:  # fmt: skip
        """An edge that does what sipp/edge_*.xml says; it listens already, at an edge's address or one of its own."""
        arguments = ["-i", HOST, "-d", str(ms), "-key", "payloads", payloads, "-key", "contact", contact]
        party = self._start(Party(self._folder, free_port(), f"edge_{does}", arguments, status)).listening()
        if at is not None:
            at.party = party.port
        return party

    def caller(
        self, does: str, called: str, ms: int = 0, *, user: str = "1001", name: str = '"Alice"',
        domain: str = "example.net", header: str = "", payloads: str = "8 0", host: str = HOST,
    ) -> Party:  # fmt: skip
        """An edge that brings a call of `user`, who does what sipp/caller_*.xml says."""
        keys = {
            "from": user, "name": name, "domain": domain, "payloads": payloads,
            "header": header or f"X-Callctl-Endpoint: {user}@{domain}",
        }  # fmt: skip
        arguments = [self._switch, "-i", host, "-d", str(ms), "-s", called]
        for key, value in keys.items():
            arguments += ["-key", key, value]
        return self._start(Party(self._folder, free_port(), f"caller_{does}", arguments))

    def _start(self, party: Party) -> Party:
        self._parties.append(party)
        return party

    def stop(self) -> None:
        """End them all."""
        for party in self._parties:
            party.stop()
