"""Every test, in runs side by side, as most of their time is waiting: `python tests/run.py`.

What computes gives way to what waits, so that two cores starve nobody. The runs' output is in .venv/tests meanwhile.
"""

import os
import subprocess
import sys
from pathlib import Path

LOGS = Path(".venv/tests")
# Calls that are paid for while they last, that ring long, and rooms whose owner dies: minutes in real time.
TALKING = (
    "tests/integration/test_serve_money.py", "tests/integration/test_keeper.py",
    "tests/integration/test_serve_topup.py", "tests/integration/test_rooms.py",
    "tests/integration/test_serve_forwarding.py",
)  # fmt: skip
COMPUTING = ("tests/unit", "tests/wire")
INSTALLING = ("tests/install",)
BREAKING = ("tests/edge", "tests/chaos")
REAL = ("tests/freeswitch",)
GIVING_WAY = (COMPUTING, INSTALLING)
ELSEWHERE = (*COMPUTING, *INSTALLING, *TALKING, *BREAKING, *REAL)
RUNS = {
    "computing": COMPUTING, "installing": INSTALLING, "talking": TALKING, "breaking": BREAKING, "real": REAL,
    "services": ("tests", *(f"--ignore={path}" for path in ELSEWHERE)),
}  # fmt: skip


def start(name: str, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """A run of pytest whose output goes to a file."""
    command = [sys.executable, "-m", "gevent.monkey", "--module", "pytest", "-p", "no:cacheprovider", *arguments]
    with (LOGS / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    if arguments in GIVING_WAY:
        os.setpriority(os.PRIO_PROCESS, process.pid, 10)
    return process


def main() -> int:
    """Run them, then show all they said, and at the end how each went; 0 when every test passed."""
    LOGS.mkdir(parents=True, exist_ok=True)
    runs = {name: start(name, arguments) for name, arguments in RUNS.items()}
    codes = {name: run.wait() for name, run in runs.items()}
    last = {}
    for name in runs:
        text = (LOGS / f"{name}.log").read_text(errors="replace")
        print(text, flush=True)
        last[name] = text.strip().rpartition("\n")[2].strip("= ")
    for name, code in codes.items():
        print(f"{name}: {last[name]}" + (f" (exit code {code})" if code else ""))
    return int(any(codes.values()))  # a run that a signal ended has a negative one


if __name__ == "__main__":
    sys.exit(main())
