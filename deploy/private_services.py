"""A private MariaDB and Redis under one folder, for the demo, the tests and the benchmarks.

Both listen on loopback only, on ports of their own, with random passwords kept in files that only the owner may read.
`python deploy/private_services.py start|stop FOLDER` does the same from a shell.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Below the range the kernel gives to outgoing connections, so that a client that retries while a server is down can
# never be given the server's own port.
PORTS = range(20_000, 32_000)
START_DEADLINE = 60.0  # seconds; the first start on a slow disk
STOP_DEADLINE = 30.0

PACKAGES = {"mariadbd": "mariadb-server", "mariadb-install-db": "mariadb-server", "redis-server": "redis-server"}


class ServiceError(Exception):
    """A private service cannot be started or stopped; one sentence with cause and mend."""


@dataclass(frozen=True)
class Services:
    """Where the services of a folder listen. `mysql_admin` may do everything, through `mysql_socket` only."""

    folder: Path
    mysql_port: int
    mysql_password: str  # of user callctl: database callctl, and reading database kamailio
    redis_port: int
    redis_password: str
    mysql_user: str = "callctl"

    @property
    def mysql_socket(self) -> Path:
        """The unix socket of MariaDB."""
        return self.folder / "mysql" / "mysql.sock"

    @property
    def mysql_admin(self) -> str:
        """The MariaDB user that the operating system's user of the same name is, without a password."""
        return getpass.getuser()


def start(folder: Path) -> Services:
    """Start what does not run yet and return once both answer; a second start changes nothing."""
    for name in PACKAGES:
        _binary(name)
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_one(folder):
        start_mysql(folder)
        start_redis(folder)
    return Services(
        folder,
        _kept_port(folder, "mysql"),
        _password(folder, "mysql"),
        _kept_port(folder, "redis"),
        _password(folder, "redis"),
    )


def stop(folder: Path) -> None:
    """Stop what runs; the data stay."""
    stop_redis(folder)
    stop_mysql(folder)


@contextmanager
def running(folder: Path) -> Iterator[Services]:
    """Both services for the length of a with block, or until this process dies of whatever cause."""
    command = [sys.executable, __file__, "stop-at-eof", str(folder.absolute())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        yield start(folder)  # the end of the block closes the pipe and waits


def start_mysql(folder: Path) -> None:
    """Start the MariaDB of a folder on the port it had before."""
    folder = folder.absolute()
    if _pid(folder, "mysql"):
        return
    server = _binary("mariadbd")
    data = folder / "mysql"
    _temporary(folder).mkdir(mode=0o700, exist_ok=True)
    if not data.exists():
        _make_database(folder)
    port = _port(folder, "mysql")
    command = [
        server, "--no-defaults", f"--datadir={data}", "--socket=mysql.sock", f"--init-file={_grants(folder)}",
        f"--tmpdir={_temporary(folder)}", f"--port={port}", "--bind-address=127.0.0.1", "--skip-networking=0",
        "--skip-name-resolve", "--skip-log-bin",
        "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=48M", "--performance-schema=OFF",
        "--max-connections=300", "--character-set-server=utf8mb4", "--collation-server=utf8mb4_bin",
        *(["--user=root"] if os.geteuid() == 0 else []),
    ]  # fmt: skip
    _launch(folder, "mysql", command)
    # The greeting comes only after the init file has been carried out.
    _await(folder, "mysql", lambda: _says(port, b"", b"\x0a", offset=4))


def stop_mysql(folder: Path) -> None:
    """Stop the MariaDB of a folder cleanly."""
    _end(folder.absolute(), "mysql")


def start_redis(folder: Path) -> None:
    """Start the Redis of a folder on the port it had before."""
    folder = folder.absolute()
    if _pid(folder, "redis"):
        return
    server = _binary("redis-server")
    data = folder / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    port = _port(folder, "redis")
    configuration = folder / "redis.conf"
    _write_secret(
        configuration,
        f'bind 127.0.0.1\nport {port}\ndir "{data}"\nrequirepass {_password(folder, "redis")}\n'
        'set-proc-title no\nappendonly yes\nsave ""\nmaxmemory-policy noeviction\n',
    )
    _launch(folder, "redis", [server, str(configuration)])
    _await(folder, "redis", lambda: _says(port, b"PING\r\n", b"-NOAUTH"))


def stop_redis(folder: Path) -> None:
    """Stop the Redis of a folder cleanly."""
    _end(folder.absolute(), "redis")


def _make_database(folder: Path) -> None:
    """Initialise the data folder aside and rename it, so that an interrupted start leaves no half of one."""
    install = _binary("mariadb-install-db")
    fresh = folder / "mysql.new"
    shutil.rmtree(fresh, ignore_errors=True)
    command = [
        install, "--no-defaults", f"--datadir={fresh}", f"--tmpdir={_temporary(folder)}",
        "--auth-root-authentication-method=socket",
        f"--auth-root-socket-user={getpass.getuser()}", "--skip-test-db", "--skip-name-resolve",
        *(["--user=root"] if os.geteuid() == 0 else []),
    ]  # fmt: skip
    log = folder / "mysql-install.log"
    with log.open("wb") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise ServiceError(f"mariadb-install-db failed: see {log}.")
    fresh.rename(folder / "mysql")


def _temporary(folder: Path) -> Path:
    """Where MariaDB keeps temporary tables: in /tmp another MariaDB that starts would remove them."""
    return folder / "mysql.tmp"


def _grants(folder: Path) -> Path:
    """The init file: MariaDB carries it out at every start, so it only says what shall be."""
    file = folder / "mysql-init.sql"
    user = f"callctl@127.0.0.1 IDENTIFIED BY '{_password(folder, 'mysql')}'"
    _write_secret(
        file,
        "CREATE DATABASE IF NOT EXISTS callctl;\nCREATE DATABASE IF NOT EXISTS kamailio;\n"
        f"CREATE USER IF NOT EXISTS {user};\nALTER USER {user};\n"
        "GRANT ALL ON callctl.* TO callctl@127.0.0.1;\nGRANT SELECT ON kamailio.* TO callctl@127.0.0.1;\n",
    )
    return file


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two starts at once on one folder follow each other."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _binary(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        raise ServiceError(f"{name} is not on this machine: install the Debian package {PACKAGES[name]}.")
    return path


def _write_secret(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")


def _password(folder: Path, name: str) -> str:
    file = folder / f"{name}.password"
    if not file.exists():
        _write_secret(file, secrets.token_hex(16))
    return file.read_text(encoding="utf-8")


def _kept_port(folder: Path, name: str) -> int:
    return int((folder / f"{name}.port").read_text(encoding="utf-8"))


def _port(folder: Path, name: str) -> int:
    """The port this service had before if it is free, else another, which is kept."""
    file = folder / f"{name}.port"
    candidates = [_kept_port(folder, name)] if file.exists() else []
    candidates += random.sample(PORTS, 100)
    port = next((port for port in candidates if _free(port)), None)
    if port is None:
        raise ServiceError(f"No free port was found between {PORTS.start} and {PORTS.stop}: stop what listens there.")
    file.write_text(str(port), encoding="utf-8")
    return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _launch(folder: Path, name: str, command: Sequence[str]) -> None:
    """Run a server that outlives us; its shell writes the pid file before it becomes the server."""
    pid_file = folder / f"{name}.pid"
    pid_file.unlink(missing_ok=True)
    with (folder / f"{name}.log").open("ab") as log:
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", 'echo $$ >"$0" && exec "$@"', str(pid_file), *command],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", check=True,
        )  # fmt: skip
    _until(lambda: pid_file.exists() and pid_file.read_text() != "", START_DEADLINE)


def _pid(folder: Path, name: str) -> int | None:
    """The process of a service, None when it does not run: a pid may have gone to another program since."""
    try:
        pid = int((folder / f"{name}.pid").read_text(encoding="utf-8"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if str(folder).encode() in command else None


def _await(folder: Path, name: str, answers: Callable[[], bool]) -> None:
    if not _until(lambda: answers() or _gone(folder, name), START_DEADLINE) or _gone(folder, name):
        raise ServiceError(f"The private {name} server did not start: see {folder / name}.log.")


def _gone(folder: Path, name: str) -> bool:
    """Whether a service does not run; for a moment one that is just being executed has no command line to be seen."""
    return all(_pid(folder, name) is None or time.sleep(0.05) for _ in range(2))


def _says(port: int, question: bytes, answer: bytes, offset: int = 0) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as peer:
            peer.sendall(question)
            return peer.recv(256)[offset:].startswith(answer)
    except OSError:
        return False


def _end(folder: Path, name: str) -> None:
    pid = _pid(folder, name)
    if pid is None:
        return
    os.kill(pid, signal.SIGTERM)
    if not _until(lambda: _pid(folder, name) != pid, STOP_DEADLINE):
        raise ServiceError(f"The private {name} server (process {pid}) did not stop: see {folder / name}.log.")


def _until(happened: Callable[[], bool], deadline: float) -> bool:
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.02)
    return False


def main(arguments: Sequence[str]) -> int:
    """The command line: start or stop the services of a folder."""
    if len(arguments) != 2 or arguments[0] not in {"start", "stop", "stop-at-eof"}:
        print("Usage: private_services.py start|stop FOLDER", file=sys.stderr)
        return 2
    folder = Path(arguments[1])
    try:
        if arguments[0] == "start":
            services = start(folder)
            print(f"MariaDB on 127.0.0.1:{services.mysql_port}, Redis on 127.0.0.1:{services.redis_port}")
            return 0
        if arguments[0] == "stop-at-eof":
            sys.stdin.read()
        stop(folder)
    except (ServiceError, OSError) as error:
        print(error, file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
