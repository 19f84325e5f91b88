"""The private MariaDB and Redis that the demo, the tests and the benchmarks run on."""

import subprocess
import sys
import time
from pathlib import Path

from redis import Redis

from callctl.store.pool import Pool
from deploy import private_services
from deploy.private_services import Services, start


def test_a_second_start_changes_nothing(services: Services):
    before = private_services._pid(services.folder, "mysql"), private_services._pid(services.folder, "redis")
    assert start(services.folder) == services
    assert (private_services._pid(services.folder, "mysql"), private_services._pid(services.folder, "redis")) == before


def test_data_port_and_password_outlive_a_stop(services: Services, database: Pool):
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO account (name) VALUES ('acme')")
    with Redis(port=services.redis_port, password=services.redis_password) as redis:
        redis.set("a", "b")
        private_services.stop(services.folder)
        assert start(services.folder) == services
        assert redis.get("a") == b"b"
    assert database.rows("SELECT name FROM account") == [("acme",)]


def test_secrets_are_the_owners_and_servers_listen_on_loopback(services: Services):
    assert services.folder.stat().st_mode & 0o077 == 0
    for name in ("mysql.password", "redis.password", "mysql-init.sql", "redis.conf"):
        assert (services.folder / name).stat().st_mode & 0o777 == 0o600
    for name, secret in (("mysql", services.mysql_password), ("redis", services.redis_password)):
        assert secret.encode() not in Path(f"/proc/{private_services._pid(services.folder, name)}/cmdline").read_bytes()
    for port in (services.mysql_port, services.redis_port):
        lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()]
        listening = [line[1] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"]
        assert listening == [f"0100007F:{port:04X}"]


def test_callctl_may_use_its_databases_only(services: Services, database: Pool):
    names = {name for (name,) in database.rows("SHOW DATABASES")}
    assert names == {"callctl", "kamailio", "information_schema"}


def test_a_missing_program_is_named_with_its_package(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, private_services.__file__, "start", str(tmp_path / "var")],
        env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.endswith("is not on this machine: install the Debian package mariadb-server.\n")
    assert not (tmp_path / "var").exists()


def test_services_end_with_the_process_that_had_them(tmp_path: Path):
    """However it ends: a killed test run leaves no server behind."""
    program = (
        "import sys, time; from pathlib import Path; from deploy.private_services import running\n"
        "with running(Path(sys.argv[1])): print(flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    child.stdout.readline()
    assert private_services._pid(tmp_path, "mysql")
    child.kill()
    child.wait()
    child.stdout.close()
    while private_services._pid(tmp_path, "mysql") or private_services._pid(tmp_path, "redis"):
        time.sleep(0.05)
