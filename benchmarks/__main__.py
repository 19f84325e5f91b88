"""Measures controllers side by side and prints one table: `python -m benchmarks [--rounds N] [--seconds S] [NAME …]`.

Every controller is a process on processor 0; one driver, on another processor, plays the recorded calls to each in
turn, round after round, so that a busy moment of the machine falls on all of them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.servers import (
    ROOT,
    Callctl,
    CallctlKeeping,
    CallctlOutbound,
    CallctlRated,
    Eslgo,
    PlainGreenswitch,
    Server,
    Unavailable,
)

KINDS: tuple[type[Server], ...] = (PlainGreenswitch, Callctl, CallctlRated, CallctlOutbound, CallctlKeeping, Eslgo)
CONCURRENCY = 50
RATE = 200  # new calls a second, open loop
HELD = 1000  # calls in progress while memory is measured
IDLE = 5.0  # seconds
Figures = dict[str, float]

ROWS = (
    ("closed loop, calls a second", "calls", "{:.0f}"),
    ("  processor ms a call", "cpu_ms", "{:.2f}"),
    ("  the same events to all, calls a second", "same_calls", "{:.0f}"),
    (f"{RATE} new calls/s: first command, p50 ms", "first_p50", "{:.1f}"),
    (f"{RATE} new calls/s: first command, p99 ms", "first_p99", "{:.1f}"),
    (f"{RATE} new calls/s: bridge, p50 ms", "decided_p50", "{:.1f}"),
    (f"{RATE} new calls/s: bridge, p99 ms", "decided_p99", "{:.1f}"),
    ("calls not carried out", "failed", "{:.0f}"),
    (f"KiB a call in progress, of {HELD}", "kib", "{:.1f}"),
    (f"processor % with {HELD} calls and nothing to do", "held_cpu", "{:.1f}"),
    ("processor % without calls", "idle_cpu", "{:.1f}"),
)


def drive(server: Server, *arguments: str) -> Figures:
    """Run the driver against a server."""
    done = subprocess.run(_driver(server, *arguments), cwd=ROOT, check=True, capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def _driver(server: Server, *arguments: str) -> list[str]:
    pin = ["taskset", "--cpu-list", f"1-{max(1, (os.cpu_count() or 2) - 1)}"]
    return [*pin, sys.executable, "-m", "benchmarks.driver", server.address, server.called, *arguments]


def one_round(server: Server, seconds: float) -> Figures:
    """The loads that are repeated."""
    before = server.cpu()
    closed = drive(server, "closed", str(seconds), str(CONCURRENCY))
    spent = server.cpu() - before
    same = drive(server, "closed", str(seconds), str(CONCURRENCY), "--same")
    opened = drive(server, "open", str(seconds), str(RATE))
    return {
        "calls": closed["per_second"], "cpu_ms": 1000 * spent / max(1.0, closed["done"]),
        "same_calls": same["per_second"], "failed": closed["failed"] + same["failed"] + opened["failed"],
        **{name: opened[name] for name in ("first_p50", "first_p99", "decided_p50", "decided_p99")},
        "driver": closed["cpu"],
    }  # fmt: skip


def hold(server: Server) -> Figures:
    """Memory and idle processor time of calls in progress, on a server that has already seen some."""
    drive(server, "open", "2", "100")
    time.sleep(2)
    idle = _idle(server)
    before = server.resident()
    driver = subprocess.Popen(
        _driver(server, "hold", str(HELD), "100"), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    holding: Any = json.loads(driver.stdout.readline())["holding"]
    time.sleep(3)
    kib = (server.resident() - before) / 1024 / max(1, holding)
    held = _idle(server)
    out, _ = driver.communicate("\n")
    return {"kib": kib, "held_cpu": held, "idle_cpu": idle, "failed": json.loads(out)["failed"] + HELD - holding}


def _idle(server: Server) -> float:
    """Percent of a processor used while nothing happens."""
    before = server.cpu()
    time.sleep(IDLE)
    return 100 * (server.cpu() - before) / IDLE


def started(kinds: list[type[Server]], folder: Path) -> list[Server]:
    """Those that can be measured here; of the others it is said why not."""
    servers = []
    for kind in kinds:
        own = folder / kind.__name__
        own.mkdir()
        server = kind(own)
        try:
            server.start()
        except Unavailable as error:
            print(f"{kind.name} is left out: {error}.")
            server.stop()
            continue
        servers.append(server)
    return servers


def table(found: dict[str, list[Figures]]) -> None:
    """Medians, in brackets what they are of plain greenswitch's, and the least and most of the rounds."""
    names = list(found)
    print("\n" + " " * 46 + "".join(f"{name:>34}" for name in names))
    for title, key, form in ROWS:
        cells = []
        for name in names:
            values = [figures[key] for figures in found[name] if key in figures]
            cells.append(f"{_cell(values, found[names[0]], key, form):>34}")
        print(f"{title:<46}" + "".join(cells))


def _cell(values: list[float], reference: list[Figures], key: str, form: str) -> str:
    if not values:
        return "-"
    if key == "failed":
        return form.format(sum(values))
    middle = statistics.median(values)
    base = statistics.median([figures[key] for figures in reference if key in figures])
    text = form.format(middle) + (f" ({middle / base:.2f}x)" if base > 0 else "")
    if len(values) > 1:
        text += f" [{form.format(min(values))}..{form.format(max(values))}]"
    return text


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=(__doc__ or "").split("\n", 1)[0])
    names = [kind.name for kind in KINDS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all without")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load in each round")
    options = parser.parse_args()
    if unknown := set(options.names) - set(names):
        parser.error(f"there is no {unknown.pop()} to measure: name {', '.join(names)}")
    kinds = [kind for kind in KINDS if not options.names or kind.name in options.names]
    print(f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}.")
    with tempfile.TemporaryDirectory(prefix="callctl-bench-") as folder:
        servers = started(kinds, Path(folder))
        if not servers:
            sys.exit(3)
        try:
            found: dict[str, list[Figures]] = {server.name: [] for server in servers}
            for server in servers:
                found[server.name].append(hold(server))
            for _ in range(options.rounds):
                for server in servers:
                    found[server.name].append(one_round(server, options.seconds))
        finally:
            for server in servers:
                server.stop()
    table(found)
    busiest = max((f["driver"] for rows in found.values() for f in rows if "driver" in f), default=0.0)
    print(f"\nMedian of {options.rounds} rounds of {options.seconds:g} s [least..most]; ratios to {next(iter(found))}.")
    print(f"The driver used at most {100 * busiest:.0f} % of its processor.")


if __name__ == "__main__":
    main()
