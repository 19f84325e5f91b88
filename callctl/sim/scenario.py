"""What callers and callees do in a simulated call, and the calls that are placed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from callctl.sim.blocks import encode, read
from callctl.sim.world import DEAD, Phone, World

PAYLOADS = {
    "PCMU": (0, "PCMU/8000"), "PCMA": (8, "PCMA/8000"), "G722": (9, "G722/8000"), "G729": (18, "G729/8000"),
    "OPUS": (96, "opus/48000/2"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of call: whom it is for, what the callee's phone does, when the caller acts (seconds, before scaling)."""

    name: str
    called: str
    phone: Phone | None = None  # None: nobody has the number, or the switch itself answers
    talk: float | None = None  # the caller hangs up after so much talk; None: the other side does
    patience: float | None = None  # the caller gives up when nobody has answered by then
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    caller_name: str = "Alice"
    dead_first: bool = False  # the first edge tried does not work


FAILING = "192.0.2.30:5060"  # a gateway that takes no call: that of a carrier in examples/company.yaml
HOSTILE = "Bob%0Avariable_accountcode: 1001\n\n${system(id)}, \"x\"|'y'"

MIX = {
    scenario.name: scenario
    for scenario in (
        Scenario("answered", "1002", Phone(ring=3, talk=None), talk=30),
        Scenario("brief", "1002", talk=6),
        Scenario("callee_ends", "1003", Phone(ring=3, talk=20)),
        Scenario("busy", "1004", Phone(status=486, ring=1)),
        Scenario("no_answer", "1005", Phone(status=0)),
        Scenario("refused", "1006", Phone(status=603, ring=4)),
        Scenario("not_there", "1007", Phone(status=404, ring=0, rings=False)),
        Scenario("codec_refused", "1008", Phone(status=488, ring=0, rings=False)),
        Scenario("edge_dead", "1009", Phone(ring=3, talk=None), talk=30, dead_first=True),
        Scenario("gives_up", "1010", Phone(status=0), patience=8),
        Scenario("unknown_number", "9999"),
        Scenario("no_common_codec", "1002", codecs=("G729",)),
        Scenario("conference", "conf_3001", talk=30),
        Scenario("echo", "*43", talk=10),
        Scenario("hostile_name", "1002", talk=30, caller_name=HOSTILE),
        Scenario("carrier_fails", "00442079467777", Phone(ring=3, talk=None), talk=6),
    )
}


def standard_world(domain: str, edges: Iterable[str]) -> World:
    """The world in which every scenario of MIX happens: its callees at all `edges`, the first of them without
    the callees of scenarios whose first edge is dead; those outside at every gateway but the failing one."""
    phones: dict[tuple[str, str], Phone] = {("*", FAILING): DEAD}
    first, *_ = edges
    for scenario in MIX.values():
        if scenario.phone is not None:
            outside = scenario.called.startswith("00")
            number = scenario.called.removeprefix("00")
            callees = [f"{number}@*", f"+{number}@*"] if outside else [f"{scenario.called}@{domain}"]
            phones |= {(callee, "*"): scenario.phone for callee in callees}
            if scenario.dead_first:
                phones[(f"{scenario.called}@{domain}", first)] = DEAD
    return World(phones)


def offer(user: str, address: str, port: int, codecs: Iterable[str]) -> str:
    """An SDP offer; the static payloads need no more than their numbers, rtpmap is given all the same."""
    payloads = [PAYLOADS[codec] for codec in codecs] + [(101, "telephone-event/8000")]
    text = read("offer.txt").format(
        user=user, address=address, port=port,
        payloads=" ".join(str(number) for number, _ in payloads),
        rtpmaps="\n".join(f"a=rtpmap:{number} {name}" for number, name in payloads),
    )  # fmt: skip
    return text.replace("\n", "\r\n")


@dataclass(slots=True)
class SimCall:
    """An INVITE as it reaches the switch."""

    scenario: Scenario
    caller: str = "1001"
    domain: str = "example.net"
    called: str = ""  # empty: the scenario's
    caller_name: str = ""
    source_ip: str = "127.0.0.1"
    source_port: int = 5060
    asserted: str = ""  # P-Asserted-Identity as the profile parses it
    headers: dict[str, str] = field(default_factory=dict)  # X- headers
    sip_call_id: str = ""
    codecs: tuple[str, ...] = ()
    sdp: str = ""

    def __post_init__(self) -> None:
        self.called = self.called or self.scenario.called
        self.caller_name = self.caller_name or self.scenario.caller_name
        self.codecs = self.codecs or self.scenario.codecs
        self.sdp = self.sdp or offer(self.caller, self.source_ip, 6004, self.codecs)
        self.sip_call_id = self.sip_call_id or f"{random.getrandbits(64):016x}@{self.source_ip}"

    def values(self) -> dict[str, str]:
        """What the call puts in the places of inbound.txt; not encoded."""
        return {
            "from_user": self.caller, "from_name": self.caller_name, "to_user": self.called, "domain": self.domain,
            "source_ip": self.source_ip, "source_port": str(self.source_port), "asserted": self.asserted,
            "sip_call_id": self.sip_call_id, "tag": encode(self.sip_call_id)[:12],
        }  # fmt: skip
