"""`callctl` commands without the second that Python takes to load them: each is a fork of a process that has.

Apart from that it is what `python -m callctl` would be: a process with arguments, environment and folder of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from gevent import socket

PATIENCE = 60.0  # seconds; only a failing test waits so long


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[object]:
        """Its output, one JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def callctl(*arguments: str, text: str = "", environment: Mapping[str, str] | None = None) -> Done:
    """Run a command to its end; without an `environment` in this process's own."""
    asked = {
        "arguments": arguments, "folder": os.getcwd(),
        "environment": dict(os.environ if environment is None else environment),
    }  # fmt: skip
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        stdin.write(text.encode())
        stdin.seek(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.settimeout(PATIENCE)
            peer.connect(_loaded())
            socket.send_fds(peer, [json.dumps(asked).encode()], [stdin.fileno(), out.fileno(), err.fileno()])
            code = int(peer.recv(64))
        out.seek(0)
        err.seek(0)
        return Done(code, out.read().decode(), err.read().decode())


@cache
def _loaded() -> bytes:
    """Where the process that has loaded callctl listens; it ends with this one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind("")  # an abstract name of the kernel's choice
        listener.listen(16)
        command = [sys.executable, "-m", "tests.forks", str(listener.fileno())]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()], env={**os.environ, "LC_ALL": "C.UTF-8"}
        )
        atexit.register(process.communicate)  # its input ends, and so does it
        name: bytes = listener.getsockname()
        return name
