"""How many calls real nodes carry, with callctl and without: `python -m benchmarks.nodes [--rates 50 100 150]`.

Everything is on this machine: SIPp's phones, two edges of deploy/kamailio, rtpengine, two FreeSWITCHes of
freeswitch-conf/ and callctl with a private MariaDB and Redis. Each rate is offered twice: to FreeSWITCH with a bare
dialplan that bridges to the callee's edge by itself, callctl stopped, and then to callctl. Phones prove their
passwords; no RTP is sent. The nodes have a tenth of the weight of the rest, as docs/install.md has it on a shared
machine.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gevent

from deploy.private_services import running
from tests.edge.phone import DOMAIN, SCENARIOS, Phone
from tests.edge.sip import Udp
from tests.freeswitch.whole import Whole, whole
from tests.integration.platform import wait
from tests.ports import free_port

USERS = 60  # who call, each from an address of his own, as edges ban floods; and as many who are called
PASSWORD = "benchmark"  # SIPp takes none with a blank
CALLEES = "127.9.1.1"
PATIENCE = 40.0  # seconds that legs may outlive their calls: a node whose answer nobody hears gives up after 32
LATEST = 90  # seconds that the last call may take
BARE = """
    <extension name="bare">
      <condition field="destination_number" expression="^bare_(u[0-9]+)$">
        <action application="set" data="hangup_after_bridge=true"/>
        <action application="bridge" data="sofia/internal/$1@{domain};fs_path=%3Csip:{edge}%3Blr%3E"/>
      </condition>
    </extension>
"""


@dataclass(frozen=True)
class Run:
    """What became of the calls of one run."""

    offered: int
    connected: int
    failed: Counter[str]  # by what their callers heard
    retransmitted: int
    busy: float  # the part of the machine's processors that was in use
    node_ms: float  # processor time of both FreeSWITCHes a call offered


def bare_dialplan(found: Whole) -> None:
    """Let each node bridge `bare_USER` to the second edge without asking anybody."""
    for switch in found.switches:
        file = switch.folder / "conf" / "dialplan" / "callctl.xml"
        text = file.read_text(encoding="utf-8")
        extension = BARE.format(domain=DOMAIN, edge=found.b.edge.address)
        file.write_text(text.replace('<context name="callctl">', f'<context name="callctl">{extension}'))
        switch.api("reloadxml")


@contextmanager
def callees(found: Whole, folder: Path) -> Iterator[None]:
    """Phones at the second edge that take every call."""
    port = free_port(CALLEES)
    for number in range(USERS, 2 * USERS):
        phone = Phone(f"u{number}", Udp(CALLEES, found.b.at(), port), password=PASSWORD)
        assert phone.register(expires=3600).status == 200
        phone.close()
        gevent.sleep(0.05)  # slower than what the edge takes for a flood
    command = [
        "sipp", found.b.address(), "-sf", str(SCENARIOS / "callee.xml"), "-i", CALLEES, "-p", str(port), "-nostdin",
        "-key", "user", "any", "-key", "contact", f"{CALLEES}:{port}",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def offer(found: Whole, folder: Path, prefix: str, rate: int, calls: int, hold: float) -> Run:
    """Calls from phones of the first edge to those of the second, so many a second."""
    folder.mkdir()
    lines = [
        f"u{number};{prefix}u{USERS + number};[authentication username=u{number} password={PASSWORD}];{address}"
        for number, address in enumerate(f"127.9.0.{last}" for last in range(1, USERS + 1))
    ]
    (folder / "phones.csv").write_text("\n".join(["SEQUENTIAL", *lines, ""]))
    command = [
        "sipp", found.a.address(), "-sf", str(Path(__file__).parent / "sipp" / "caller.xml"), "-inf", "phones.csv",
        "-t", "ui", "-ip_field", "3", "-i", "127.9.0.1", "-p", str(free_port("127.9.0.1")), "-key", "domain", DOMAIN,
        "-r", str(rate), "-m", str(calls), "-l", "5000", "-max_socket", "10000", "-d", str(round(1000 * hold)),
        "-nostdin", "-recv_timeout", "40000", "-timeout", f"{calls // rate + round(hold) + LATEST}s",
        "-trace_stat", "-stf", "stat.csv", "-trace_err", "-error_file", "errors",
    ]  # fmt: skip
    busy, nodes = _busy(), _cpu(found)
    with (folder / "screen").open("wb") as screen:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen)
        wait(lambda: process.poll() is not None, "SIPp is done", calls / rate + hold + LATEST + 30)
    used, total = (now - then for now, then in zip(_busy(), busy, strict=True))
    assert (folder / "stat.csv").exists(), (folder / "screen").read_text()
    last = list(csv.DictReader((folder / "stat.csv").open(), delimiter=";"))[-1]
    connected, offered = int(last["SuccessfulCall(C)"]), int(last["TotalCallCreated"])
    errors = (folder / "errors").read_text(errors="replace") if (folder / "errors").exists() else ""
    return Run(
        offered, connected, _failures(errors, offered - connected),
        int(last["Retransmissions(C)"]), used / total, 1000 * (_cpu(found) - nodes) / offered,
    )  # fmt: skip


def _failures(errors: str, failed: int) -> Counter[str]:
    """By status; the rest heard nothing in time."""
    found = Counter(re.findall(r"unexpected message.*?received '(?:SIP/2\.0 )?(\S+)", errors, re.DOTALL))
    if rest := failed - found.total():
        found["no answer in time"] = rest
    return found


def _busy() -> tuple[float, float]:
    """Processor time used on this machine, and all there was."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(fields) - fields[3] - fields[4], sum(fields)


def _cpu(found: Whole) -> float:
    """Seconds of processor time that the nodes used."""
    ticks = 0
    for switch in found.switches:
        fields = Path(f"/proc/{switch.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def show(name: str, rate: int, run: Run) -> None:
    """One line of the table."""
    failed = ", ".join(f"{count} x {what}" for what, count in run.failed.most_common()) or "none"
    print(
        f"{name:8} {rate:4}/s  offered {run.offered:5}  connected {run.connected:5}  failed: {failed:24} "
        f"sent again {run.retransmitted:5}  processors {100 * run.busy:3.0f} %  nodes {run.node_ms:5.1f} ms a call",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.nodes", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 100, 150], metavar="R", help="calls a second")
    parser.add_argument("--calls", type=int, default=1000, help="of each run")
    parser.add_argument("--hold", type=float, default=1.0, metavar="SECONDS", help="that each call lasts")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before.")
    with tempfile.TemporaryDirectory(prefix="callctl-nodes-") as name:
        folder = Path(name)
        with (
            running(folder / "var") as services,
            whole(services, folder, users=2 * USERS, password=PASSWORD, highest_port=25_999) as found,
        ):
            bare_dialplan(found)
            for switch in found.switches:
                switch.give_way()
            with callees(found, folder):
                for rate in options.rates:
                    measure(found, folder, rate, options)


def measure(found: Whole, folder: Path, rate: int, options: argparse.Namespace) -> None:
    """One rate, without callctl and with it."""
    found.serve.stop()
    for name, prefix in (("bare", "bare_"), ("callctl", "")):
        if not prefix:
            found.serve.start()
        show(name, rate, offer(found, folder / f"{name}{rate}", prefix, rate, options.calls, options.hold))
        if left := legs_left(found):
            print(f"  {left} legs were left on the nodes {PATIENCE:g} s later, and ended by hand")
        time.sleep(2)


def legs_left(found: Whole) -> int:
    """How many legs outlive the calls; none after this."""
    try:
        wait(lambda: not any(found.channels()), "no leg is left on any node", PATIENCE)
    except AssertionError:
        left = sum(found.channels())
        for switch in found.switches:
            switch.api("hupall")
        return left
    return 0


if __name__ == "__main__":
    main()
