"""Back-up and restore of what callctl keeps in MySQL, with the settings of this host.

    backup.py save FOLDER     a dump of the database, of one moment, as FOLDER/callctl-TIME.sql.gz; the newest 14 stay
    backup.py restore FILE    puts the dump in place of what the database has; callctl must not be running anywhere

Redis needs none: what it holds is made again from MySQL and from the calls that are up.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from callctl.errors import CallctlError, ConfigError, ServiceAway
from callctl.settings import Mysql, load

KEPT = 14


@contextmanager
def credentials(mysql: Mysql) -> Iterator[Path]:
    """An options file for MariaDB's programs: a password in an argument could be seen by everybody on the host."""
    with tempfile.NamedTemporaryFile("w", prefix="callctl-", suffix=".cnf") as file:
        password = mysql.password.get_secret_value().replace("\\", "\\\\").replace('"', '\\"')
        file.write(f'[client]\nhost="{mysql.host}"\nport={mysql.port}\nuser="{mysql.user}"\npassword="{password}"\n')
        file.flush()
        yield Path(file.name)


def save(mysql: Mysql, folder: Path) -> Path:
    """Dump the database and drop the oldest dumps; a dump that is there is whole. Raises CallctlError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{mysql.database}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sql.gz"
    part = target.with_suffix(".part")
    with credentials(mysql) as options:
        command = [
            program("mariadb-dump", "mysqldump"), f"--defaults-extra-file={options}", "--single-transaction", "--quick",
            "--no-tablespaces", "--hex-blob", mysql.database,
        ]  # fmt: skip
        try:
            with subprocess.Popen(command, stdout=subprocess.PIPE) as dump, part.open("wb") as raw:
                os.fchmod(raw.fileno(), 0o600)
                assert dump.stdout is not None
                with gzip.open(raw, "wb") as packed:
                    shutil.copyfileobj(dump.stdout, packed, 1 << 20)
                raw.flush()
                os.fsync(raw.fileno())
            if dump.returncode:
                raise ServiceAway("The dump was not made: see what MariaDB's program says above.")
            part.rename(target)
        except OSError as error:
            raise CallctlError(f"The dump cannot be written to {folder} ({error.strerror}): make room.") from error
        finally:
            part.unlink(missing_ok=True)
    for old in sorted(folder.glob(f"{mysql.database}-*.sql.gz"))[:-KEPT]:
        old.unlink()
    return target


def restore(mysql: Mysql, file: Path) -> None:
    """Put a dump in place of the database's tables. Raises CallctlError."""
    try:
        with gzip.open(file) as packed:
            packed.read(1)
    except (OSError, EOFError) as error:
        raise ConfigError(f"{file} is no dump that `backup.py save` made ({error}): name one of those.") from error
    with credentials(mysql) as options, gzip.open(file) as packed:
        command = [program("mariadb", "mysql"), f"--defaults-extra-file={options}", mysql.database]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as client:
            assert client.stdin is not None
            shutil.copyfileobj(packed, client.stdin, 1 << 20)
            client.stdin.close()
        if client.returncode:
            raise ServiceAway("The dump was not restored as a whole: mend what MariaDB's program says above.")


def program(*names: str) -> str:
    """The first of MariaDB's programs that this host has. Raises ConfigError."""
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise ConfigError(f"{names[0]} is not on this host: apt-get install mariadb-client.")
    return found


def main() -> int:
    """Do what the arguments say; the exit codes are callctl's."""
    if len(sys.argv) != 3 or sys.argv[1] not in ("save", "restore"):
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    path = Path(sys.argv[2])
    try:
        mysql = load().mysql
        if sys.argv[1] == "save":
            print(save(mysql, path))
        else:
            restore(mysql, path)
    except CallctlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
