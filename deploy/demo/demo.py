"""`make demo`: callctl at work on simulated calls, with a private MariaDB and Redis under ./var.

Nothing is left running, unless --keep; --stop ends what --keep left.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))

from deploy.private_services import Services, start, stop  # noqa: E402

VAR = ROOT / "var"
CONFIG = VAR / "callctl.toml"
PID = VAR / "serve.pid"
MIX = (
    "answered,callee_ends,edge_dead,conference,busy,no_answer,"
    "unknown_number,no_common_codec,gives_up,hostile_name,echo"
)
OUTSIDE = ["--mix", "carrier_fails", "--caller", "4001@example.net"]
PAYING = ["--speed", "1", "--calls", "3", "--mix", "brief"]
PAYING += ["--caller", "3001@example.net", "--caller", "4001@example.net", "--caller", "4001@example.net"]
FROM_CARRIER = ["--source-ip", "192.0.2.20", "--to", "02079460001", "--caller", "02079460999@example.net"]
READY = 30  # seconds
CALLS = (
    "SELECT LEFT(call_uuid, 8) AS call_uuid, kind, account, caller, called, ring_ms, duration_ms, attempts AS tries,"
    " CONCAT_WS('>', codec_in, codec_out) AS codec, sip_status AS sip, hangup_cause, hangup_by, reason, price, tax,"
    " cost, carrier"
    " FROM cdr WHERE started_at >= '{since:%F %T}' ORDER BY started_at"
)
CHARGES = (
    "SELECT LEFT(call_uuid, 8) AS call_uuid, account, side, tariff, prefix, destination, billed_seconds, amount, tax,"
    " currency FROM cdr_charge WHERE started_at >= '{since:%F %T}' ORDER BY started_at, call_uuid, account"
)


def main() -> int:
    """Run the demo; the exit code of what failed, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--stop", action="store_true", help="end what --keep left running")
    options = parser.parse_args()
    if options.stop:
        end()
        return 0
    try:
        show()
    except subprocess.CalledProcessError as error:
        print(f"demo: `{' '.join(map(str, error.cmd))}` failed; see {VAR / 'serve.log'} too.", file=sys.stderr)
        end()
        return error.returncode
    except BaseException:
        end()
        raise
    if options.keep:
        print("\nLeft running; `make clean` ends it. To place more calls: callctl --config var/callctl.toml sim")
    else:
        end()
    return 0


def show() -> None:
    """Start everything, place the calls, print what became of them."""
    say("A private MariaDB and Redis")
    end()
    services = start(VAR / "services")
    write_config(services)
    say("The schema, a small company, and registrations at two Kamailio edges")
    callctl("migrate")
    callctl("apply", "-f", ROOT / "examples" / "company.yaml")
    load_locations(services)
    callctl("account", "topup", "cafe", "0.05", "--reference", f"demo-{datetime.now(UTC):%FT%T}")
    callctl("account", "change", "hotel", "--limits-calls", "1")
    say("The controller")
    serve()
    say("Calls from two simulated FreeSWITCH nodes, as `callctl tail` shows them")
    print("acme's cost nothing; cafe is prepaid and has money for 4 seconds; hotel may make one at a time.")
    print("The first comes from a carrier to a DID: 1001 cannot be reached, 1004 is busy, 1002 answers.")
    print("The last is hotel's to a number outside: the cheapest carrier takes no call, the next does.", flush=True)
    tail = subprocess.Popen(command("tail"))
    time.sleep(1)  # the tail begins at the newest event
    began = datetime.now(UTC)
    paying = subprocess.Popen(command("sim", "--node", "fs2", *PAYING), stdout=subprocess.DEVNULL)
    callctl("sim", "--mix", "brief", *FROM_CARRIER, stdout=subprocess.DEVNULL)
    callctl("sim", "--mix", MIX, stdout=subprocess.DEVNULL)
    if paying.wait():
        raise subprocess.CalledProcessError(paying.returncode, paying.args)
    callctl("sim", *OUTSIDE, stdout=subprocess.DEVNULL)
    time.sleep(2)  # records are in MySQL within a second
    tail.send_signal(signal.SIGINT)
    tail.wait()
    say("What stands in MySQL: calls (table cdr)")
    table(services, CALLS.format(since=began))
    say("What they cost: the customer by its tariff, the reseller by its own, us by the carrier's (table cdr_charge)")
    table(services, CHARGES.format(since=began))
    say("What is left (callctl account list)")
    callctl("account", "list")
    say("Where to look next")
    config = CONFIG.relative_to(ROOT)
    outside = ("explain", "--to", "00442079467777", "--endpoint", "4001@example.net")
    broke = ("explain", "--to", "1009", "--endpoint", "3001@example.net", "--codecs", "PCMA,G729")
    print(f"callctl --config {config} {' '.join(broke)}")
    print(f"callctl --config {config} {' '.join(outside)}")
    print(f"callctl --config {config} why <call_uuid>     (the first letters are enough)")
    print(f"callctl --config {config} account show cafe")
    print(f"callctl --config {config} account topup cafe 5 --reference receipt-1")
    print(f"callctl --config {config} doctor              (with `make demo KEEP=1`)")
    print("callctl is .venv/bin/callctl; README.md tells how to install it for real.")
    print("The first two of these say:\n", flush=True)
    for arguments in (broke, outside):
        subprocess.run(command(*arguments), check=False, cwd=ROOT)
        print(flush=True)


def say(text: str) -> None:
    """A heading."""
    print(f"\n== {text}", flush=True)


def command(*arguments: str | Path) -> list[str]:
    """callctl with the demo's settings."""
    return [sys.executable, "-m", "callctl", "--config", str(CONFIG), *map(str, arguments)]


def callctl(*arguments: str | Path, stdout: int | None = None) -> None:
    """Run a command of callctl to its end."""
    subprocess.run(command(*arguments), check=True, cwd=ROOT, stdout=stdout)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_config(services: Services) -> None:
    """The demo's callctl.toml; its one secret of its own is made anew."""
    secret = VAR / "node.password"
    secret.touch(mode=0o600)
    secret.write_text(secrets.token_urlsafe(24))
    CONFIG.write_text(
        f"""\
# The demo's settings. Everything is on loopback.
[esl]
listen = "127.0.0.1:{free_port()}"

[[nodes]]                               # a FreeSWITCH; here simulated
name = "fs1"
esl = "127.0.0.1:{free_port()}"
sip = "127.0.0.1:5080"
password_file = "{secret}"

[[nodes]]
name = "fs2"
esl = "127.0.0.1:{free_port()}"
sip = "127.0.0.1:5082"
password_file = "{secret}"

[[edges]]                               # the Kamailios that phones register at
name = "kam-a"
server_id = 1
address = "127.0.1.1:5060"
sockets = ["udp:203.0.113.1:5060"]

[[edges]]
name = "kam-b"
server_id = 2
address = "127.0.1.2:5060"
sockets = ["tls:203.0.113.2:5061"]

[mysql]
port = {services.mysql_port}
password_file = "{services.folder / "mysql.password"}"

[location]
table = "kamailio.location"

[redis]
port = {services.redis_port}
password_file = "{services.folder / "redis.password"}"

[money]                                 # phones of ours cost here, so that there is something to charge
rated = ["onnet", "pstn"]
slice = 10
warn_before = 2

[spool]
directory = "{VAR / "spool"}"

[http]
listen = "127.0.0.1:{free_port()}"

[log]
format = "console"
"""
    )


def load_locations(services: Services) -> None:
    """Registrations of ten phones."""
    with (HERE / "location.sql").open() as sql:
        subprocess.run(["mariadb", "--socket", str(services.mysql_socket)], stdin=sql, check=True)


def serve() -> None:
    """Start the controller and wait until it would take a call."""
    with (VAR / "serve.log").open("w") as log:
        process = subprocess.Popen(command("serve"), stdout=log, stderr=log, start_new_session=True)
    PID.write_text(str(process.pid))
    listen = next(line for line in CONFIG.read_text().split("[http]")[1].splitlines() if "listen" in line)
    url = f"http://{listen.split(chr(34))[1]}/readyz"
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                print(f"ready: {answer.read().decode().strip()}")
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise subprocess.CalledProcessError(process.poll() or 1, command("serve"))


def table(services: Services, sql: str) -> None:
    """Rows as billing jobs would read them."""
    subprocess.run(["mariadb", "--socket", str(services.mysql_socket), "--table", "callctl", "-e", sql], check=True)


def end() -> None:
    """Stop the controller, MariaDB and Redis, where they run."""
    if PID.exists():
        try:
            os.kill(int(PID.read_text()), signal.SIGTERM)
        except (ProcessLookupError, ValueError):
            pass
        else:
            wait_for_end(int(PID.read_text()))
        PID.unlink()
    if (VAR / "services").exists():
        stop(VAR / "services")


def wait_for_end(pid: int) -> None:
    """Until the process is gone; it may be a child of ours or of an earlier demo."""
    for _ in range(300):
        try:
            if os.waitpid(pid, os.WNOHANG) != (0, 0):
                return
        except ChildProcessError:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
