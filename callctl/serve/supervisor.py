"""Holds the listening socket and keeps the processes of one host alive: N workers and a recorder."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import gevent
import structlog
from gevent.event import Event as Signal

from callctl.cdr.spool import Spool
from callctl.errors import ConfigError
from callctl.esl.server import listen
from callctl.live import board
from callctl.serve.connections import CHECKING
from callctl.serve.parts import open_board
from callctl.settings import Settings, state_directory
from callctl.store.migrate import require_current
from callctl.store.pool import Pool

log = structlog.get_logger()

PAUSE = 1.0  # seconds before a process that fell is started anew
MEMORY = "/dev/shm"  # noqa: S108  mkdtemp makes a folder there that is ours alone
RECORDER_PATIENCE = 30.0  # seconds the recorder gets to write what it has


class Supervisor:
    """Starts, restarts and ends the processes. `run` returns the exit code."""

    def __init__(self, settings: Settings, workers: int, config: Path | None) -> None:
        self._settings = settings
        self._workers = workers
        self._config = config
        self._ending = Signal()

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT. Raises CallctlError when it cannot begin."""
        folder = state_directory(self._settings)
        lock = _lock(folder)
        listener = listen(self._settings.esl.listen)
        self._check(folder)
        metrics = _make_room_for_metrics(folder)
        os.set_inheritable(listener.fileno(), True)
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._ending.set)
        marks = open_board(self._settings, self._workers)
        feeds = [board.feed(node.name) for node in self._settings.nodes]
        recorder = Kept(
            lambda: self._start("recorder", "--workers", str(self._workers)), lambda: marks.clear(*feeds), self._ending
        )
        workers = [
            Kept(
                lambda index=index: self._worker(index, listener.fileno()),  # type: ignore[misc]
                lambda index=index: marks.clear(board.worker(index)),  # type: ignore[misc]
                self._ending,
            )
            for index in range(self._workers)
        ]
        log.info("serving", listen=self._settings.esl.listen, workers=self._workers)
        self._ending.wait()
        listener.close()
        for worker in workers:
            worker.end()  # all of them before waiting for one: none may go on accepting
        codes = [worker.wait(None) for worker in workers]
        recorder.end()
        codes.append(recorder.wait(RECORDER_PATIENCE))
        shutil.rmtree(metrics, ignore_errors=True)
        lock.close()
        return max(codes)

    def _check(self, folder: Path) -> None:
        """What would end the processes again and again is said once, here. Raises CallctlError."""
        listen(self._settings.http.listen, "[http] listen").close()
        Spool(folder).close()
        pool = Pool(self._settings.mysql, CHECKING)
        try:
            require_current(pool)
        finally:
            pool.close()

    def _worker(self, index: int, listener: int) -> subprocess.Popen[bytes]:
        return self._start(
            "worker", "--index", str(index), "--workers", str(self._workers), "--listener", str(listener), fd=listener
        )

    def _start(self, *arguments: str, fd: int | None = None) -> subprocess.Popen[bytes]:
        config = ("--config", str(self._config)) if self._config else ()
        command = [sys.executable, "-m", "callctl", *config, "process", *arguments]
        return subprocess.Popen(command, pass_fds=() if fd is None else (fd,), start_new_session=True)  # noqa: S603


class Kept:
    """A process that is started anew when it falls; `on_fall` takes back what it said of itself."""

    def __init__(
        self, start: Callable[[], subprocess.Popen[bytes]], on_fall: Callable[[], None], ending: Signal
    ) -> None:
        self._start = start
        self._on_fall = on_fall
        self._ending = ending
        self.process = start()
        self._greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        """Wait for the process, and start it again unless the whole is ending."""
        while True:
            code = self.process.wait()
            self._on_fall()
            if self._ending.is_set():
                return
            log.error("a process fell and is started anew", pid=self.process.pid, code=code)
            gevent.sleep(PAUSE)
            if self._ending.is_set():
                return
            self.process = self._start()

    def end(self) -> None:
        """Tell the process to end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, patience: float | None) -> int:
        """Its exit code, 0 for an orderly end; it is killed after `patience` seconds."""
        try:
            code = self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._greenlet.kill()
        return 0 if code in (0, -signal.SIGTERM) else 1  # the second: told before it had begun


def _make_room_for_metrics(folder: Path) -> Path:
    """An empty folder in which the processes count; `metrics` in the spool folder leads there.

    It is in memory where that can be: the files are mapped, and a full disk under them kills who counts (SIGBUS).
    """
    link = folder / "metrics"
    shutil.rmtree(link.resolve(), ignore_errors=True)
    link.unlink(missing_ok=True)
    made = Path(tempfile.mkdtemp(prefix="callctl-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    link.symlink_to(made)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(made)
    return made


def _lock(folder: Path) -> IO[str]:
    """Hold the spool folder until the file is closed, or say who does."""
    lock = open(folder / "serve.lock", "a+", opener=lambda path, flags: os.open(path, flags, 0o600))  # noqa: SIM115
    lock.seek(0)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = lock.read(20).strip() or "unknown"
        lock.close()
        raise ConfigError(
            f"callctl already serves from {folder} (process {holder}): "
            "stop it, or give this one its own [spool] directory."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
