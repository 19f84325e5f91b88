"""What `callctl doctor` says of a MySQL that is away, or set up wrongly."""

import os
from contextlib import contextmanager

import pytest
from pydantic import SecretStr

from callctl.call.world import PRICING_AT_ONCE
from callctl.doctor import mysql
from callctl.serve.connections import needed
from tests.integration.doctor.bench import DATABASE, diagnose, expect


@contextmanager
def set_to(administrator, variable, value):
    administrator(f"SET @before = @@GLOBAL.{variable}", f"SET GLOBAL {variable} = {value}")
    try:
        yield
    finally:
        administrator(f"SET GLOBAL {variable} = @before")


@pytest.mark.parametrize(
    ("changes", "what", "mend"),
    [
        ({"port": 1}, "cannot be reached", "correct [mysql] host and port"),
        ({"password": SecretStr("wrong")}, "refused user 'callctl'", "Correct [mysql] user and password"),
        ({"database": "nowhere"}, "does not let user", "Grant it"),
    ],
)
def test_no_mysql(installation, changes, what, mend):
    settings, _ = installation
    wrong = settings.model_copy(update={"mysql": settings.mysql.model_copy(update=changes)})
    found = expect(wrong, "mysql.reachable", "fail", what, mend)
    skipped = {name for name, one in found.items() if one.verdict == "skip"}
    assert {"mysql.schema", "location.columns", "location.edges"} <= skipped
    assert not any(name.startswith(("redis", "switch", "host")) for name in skipped)


@pytest.mark.parametrize(
    ("variable", "value", "check", "verdict", "what", "mend"),
    [
        ("read_only", "1", "mysql.writable", "fail", "read-only", "primary"),
        ("innodb_flush_log_at_trx_commit", "2", "mysql.durable", "warn", "power cut", "= 1"),
        ("max_allowed_packet", "1048576", "mysql.packet", "warn", "1024 KiB", "4M"),
        ("max_connections", "12", "mysql.connections", "warn", "max_connections is 12", "Set max_connections to"),
        (
            "init_connect", "'SET timestamp = UNIX_TIMESTAMP() + 7200'",
            "mysql.time_of_day", "fail", "s ahead of ours", "NTP",
        ),
        (
            "init_connect", "'SET timestamp = UNIX_TIMESTAMP() - 9'",
            "mysql.time_of_day", "warn", "s behind ours", "NTP",
        ),
    ],
)  # fmt: skip
def test_a_mysql_set_up_wrongly(installation, administrator, monkeypatch, variable, value, check, verdict, what, mend):
    settings, _ = installation
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    with set_to(administrator, variable, value):
        expect(settings, check, verdict, what, mend)


def test_connections_are_those_of_every_pool(installation, administrator, monkeypatch):
    """What is said to be needed is enough, and one less is not: so many does `callctl serve` open at most."""
    settings, _ = installation
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    most = settings.location.connections
    own = 3 * (1 + PRICING_AT_ONCE + 1 + most) + 1 + 2 + 2 + 1
    assert needed(settings, 3) == (own - 3 * most, 3 * most)
    monkeypatch.setattr(mysql, "OTHER_CONNECTIONS", 5)
    for limit, verdict in (own + 5, "ok"), (own + 4, "warn"):
        with set_to(administrator, "max_connections", str(limit + 1)):  # one is the administrator's
            found = diagnose(settings)["mysql.connections"]
        assert (found.verdict, f"{own + 5}" in found.what.en) == (verdict, True), found


def test_a_user_who_may_not_connect_so_often(installation, administrator):
    settings, _ = installation
    administrator("ALTER USER callctl@127.0.0.1 WITH MAX_USER_CONNECTIONS 12")
    try:
        expect(settings, "mysql.connections", "warn", "max_user_connections is 12", "Set max_user_connections to")
    finally:
        administrator("ALTER USER callctl@127.0.0.1 WITH MAX_USER_CONNECTIONS 0")


def test_a_location_server_of_its_own(installation, administrator):
    settings, _ = installation
    apart = settings.location.model_copy(update={"mysql": settings.mysql})
    settings = settings.model_copy(update={"location": apart})
    found = diagnose(settings)
    assert found["location.connections"].what.en.startswith("max_connections is")
    with set_to(administrator, "max_connections", "12"):
        assert diagnose(settings)["location.connections"].verdict == "warn"
    with set_to(administrator, "init_connect", "'SET timestamp = UNIX_TIMESTAMP() + 7200'"):
        assert diagnose(settings)["location.time_of_day"].verdict == "fail"


@pytest.mark.parametrize(
    ("grant", "verdict", "what", "mend"),
    [
        ("SELECT, INSERT, UPDATE ON callctl.*", "fail", "lacks DELETE, CREATE, ALTER", "GRANT DELETE, CREATE, ALTER"),
        ("ALL ON *.*", "warn", "ALL PRIVILEGES on the whole server", "REVOKE"),
    ],
)
def test_privileges(installation, administrator, grant, verdict, what, mend):
    settings, _ = installation
    user = "doctored@127.0.0.1"
    administrator(
        f"CREATE USER {user} IDENTIFIED BY 'x5'", f"GRANT {grant} TO {user}", f"GRANT SELECT ON {DATABASE}.* TO {user}"
    )
    try:
        mysql = settings.mysql.model_copy(update={"user": "doctored", "password": SecretStr("x5")})
        expect(settings.model_copy(update={"mysql": mysql}), "mysql.privileges", verdict, what, mend)
    finally:
        administrator(f"DROP USER {user}")


@pytest.mark.parametrize(
    ("statement", "what", "mend"),
    [
        ("DELETE FROM callctl.callctl_schema", "version 0", "`callctl migrate`"),
        ("INSERT INTO callctl.callctl_schema (version, checksum) VALUES (999, '')", "version 999", "newer callctl"),
    ],
)
def test_another_schema(installation, administrator, statement, what, mend):
    settings, _ = installation
    administrator("CREATE TEMPORARY TABLE callctl.kept AS SELECT * FROM callctl.callctl_schema", statement)
    try:
        expect(settings, "mysql.schema", "fail", what, mend)
    finally:
        administrator(
            "DELETE FROM callctl.callctl_schema", "INSERT INTO callctl.callctl_schema SELECT * FROM callctl.kept",
            "DROP TABLE callctl.kept",
        )  # fmt: skip
