"""How fast `callctl tariff import` is, beside MariaDB's own LOAD DATA of the same file into the same table.

`python -m benchmarks.tariff_import [ROWS]`; on a private MariaDB, in turn, three times: the import of a new tariff, the
import in place of as many rates, which it removes then, and LOAD DATA.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import MySQLdb

from callctl.settings import Mysql
from callctl.store.migrate import migrate
from deploy.private_services import Services, running

ROUNDS = 3
LOAD = """
LOAD DATA LOCAL INFILE '{file}' INTO TABLE loaded FIELDS TERMINATED BY ',' IGNORE 1 LINES
(prefix, destination, price, connect_fee, `increment`, minimum)
SET tariff = 'wholesale', generation = 1, id = @line := @line + 1, weight = 0, per = 60, grace = 0, free = 0
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.tariff_import", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="callctl-bench-") as folder, running(Path(folder) / "services") as services:
        mysql = Mysql(port=services.mysql_port, password=services.mysql_password)
        migrate(mysql)
        file = Path(folder) / "rates.csv"
        write(file, rows)
        figures = [measured(services, file) for _ in range(ROUNDS)]
    print(f"{rows} rates sorted by prefix, {os.cpu_count()} cores, {ROUNDS} rounds: median (least to most)")
    for what, seconds, ratios in zip(
        ("import of a new tariff", "import in place of as many", "LOAD DATA LOCAL"),
        zip(*figures, strict=True),
        zip(*([figure[-1] / each for each in figure] for figure in figures), strict=True),
        strict=True,
    ):
        speeds = spread([rows / each for each in seconds], ",.0f")
        print(f"{what:<27} {speeds} rates/s, {spread(ratios, '.2f')} of LOAD DATA")


def measured(services: Services, file: Path) -> tuple[float, float, float]:
    """Seconds of an import, of another one in its place, and of LOAD DATA."""
    connection = connected(services)
    for table in ("tariff", "tariff_generation", "tariff_rate"):
        connection.query(f"TRUNCATE {table}".encode())
    connection.close()
    return imported(services, file), imported(services, file), loaded(services, file)


def spread(figures: Sequence[float], form: str) -> str:
    """The median, and between what they all are."""
    return f"{statistics.median(figures):{form}} ({min(figures):{form}} to {max(figures):{form}})"


def write(file: Path, rows: int) -> None:
    """Rates of a wholesale list: as many prefixes as rows, ten thousand prices, a thousand destinations."""
    chosen = random.Random(1)
    with file.open("w", encoding="utf-8") as out:
        out.write("prefix,destination,rate,connect_fee,increment,minimum\n")
        for number in range(rows):
            price = f"0.{chosen.randrange(10_000):04}"
            out.write(f"{1_000_000 + number},Destination {number // 1000},{price},0,1,{chosen.choice((1, 30, 60))}\n")


def imported(services: Services, file: Path) -> float:
    """Seconds of the command, its start and its removal of the rates before included."""
    environment = {
        **os.environ,
        "CALLCTL_MYSQL__PORT": str(services.mysql_port),
        "CALLCTL_MYSQL__PASSWORD": services.mysql_password,
    }
    command = [sys.executable, "-m", "callctl", "tariff", "import", "wholesale", str(file), "--currency", "USD"]
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def connected(services: Services) -> MySQLdb.Connection:
    """A connection of our own."""
    return MySQLdb.connect(
        host="127.0.0.1", port=services.mysql_port, user=services.mysql_user, password=services.mysql_password,
        database="callctl", local_infile=1, autocommit=True,
    )  # fmt: skip


def loaded(services: Services, file: Path) -> float:
    """Seconds of the statement."""
    connection = connected(services)
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS loaded")
    cursor.execute("CREATE TABLE loaded LIKE tariff_rate")
    cursor.execute("SET @line = 1")
    begun = time.perf_counter()
    cursor.execute(LOAD.format(file=file))
    seconds = time.perf_counter() - begun
    cursor.execute("DROP TABLE loaded")
    connection.close()
    return seconds


if __name__ == "__main__":
    main()
