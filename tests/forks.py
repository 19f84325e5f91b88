"""The process whose forks are the commands of `tests.command`: `python -m tests.forks LISTENER`, until stdin ends."""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import gc
import json
import os
import runpy
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module

from callctl.cli import COMMANDS
from callctl.cli.country import country

# Nothing here waits by way of gevent: its loop would be one that the forks share.
Socket = monkey.get_original("socket", "socket")
fork = monkey.get_original("os", "fork")
waitpid = monkey.get_original("os", "waitpid")
select = monkey.get_original("select", "select")

# What commands import only when they are used.
USED = ("doctor", "ov500", "serve.recording", "serve.supervisor", "serve.worker")


def load() -> None:
    """All that a command may need."""
    for name in sorted({f"cli.{module}" for module in COMMANDS.values()} | set(USED)):
        import_module(f"callctl.{name}")
    country("442079460000", "en")
    gc.freeze()  # what all share is not written to


def serve(listener: socket.socket) -> None:
    """A fork for every peer."""
    while sys.stdin not in select([listener, sys.stdin], [], [])[0]:
        peer, _ = listener.accept()
        if not fork():
            listener.close()
            answer(peer)
            os._exit(0)
        peer.close()
        with suppress(ChildProcessError):
            while waitpid(-1, os.WNOHANG)[0]:
                pass


def answer(peer: socket.socket) -> None:
    """Run the command that a peer asks for in a process of its own, and tell its exit code."""
    request, files, _, _ = socket.recv_fds(peer, 1 << 17, 3)
    child = fork()
    if not child:
        peer.close()
        become(files, **json.loads(request))
    _, status = waitpid(child, 0)
    peer.send(str(os.waitstatus_to_exitcode(status)).encode())


def become(files: Sequence[int], arguments: Sequence[str], folder: str, environment: Mapping[str, str]) -> None:
    """Be `python -m callctl` to the end."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["callctl", *arguments]
    runpy.run_module("callctl", run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    load()
    serve(Socket(fileno=int(sys.argv[1])))
