"""What `callctl doctor` says of Kamailio's `location`, and of edges by what they write there."""

import pytest
from pydantic import SecretStr

from callctl.settings import Mysql
from tests.integration.doctor.bench import DATABASE, diagnose, expect


@pytest.mark.parametrize(
    ("statement", "check", "verdict", "what", "mend"),
    [
        ("DROP TABLE location", "columns", "fail", "doesn't exist", "usrloc-create.sql; `callctl migrate` never does"),
        ("ALTER TABLE location DROP COLUMN server_id", "columns", "fail", "server_id", "[location] kind"),
        ("UPDATE version SET table_version = 7", "version", "warn", "version 7", "Upgrade"),
        ("DELETE FROM location", "rows", "warn", "no phone is registered", "db_mode to 1"),
        (
            "UPDATE location SET server_id = 7, socket = 'udp:203.0.113.9:5060' WHERE username = 'erin'",
            "edges", "fail", "no edge has server_id 7, socket udp:203.0.113.9:5060 (1)", "Add the server_id",
        ),
        (
            "UPDATE location SET server_id = 7, path = '<sip:{b};lr>' WHERE username = 'erin'",
            "unlisted", "warn", "that no edge of the settings has: 7 (by Path or socket: b)", "SERVER_ID",
        ),
        (
            "UPDATE location SET server_id = 1, path = '<sip:{b};lr>' WHERE username = 'erin'",
            "server_ids", "fail", "server_id 1, which is edge a's, are of edge b", "server_id of its own",
        ),
        (
            "DELETE FROM location WHERE username <> 'erin'; UPDATE location SET server_id = 1",
            "server_ids", "fail", "server_id 1, which is edge a's, are of edge b", "server_id of its own",
        ),
        ("UPDATE location SET domain = NULL WHERE username = 'erin'", "domains", "fail", "1 live", "use_domain to 1"),
        ("UPDATE dispatcher SET destination = 'sip:1.2.3.4'", "nodes", "warn", "lacks sim1 (", "dispatcher.reload"),
        (
            "INSERT INTO dispatcher VALUES (1, 'sip:10.0.0.11:5080;transport=udp')",
            "nodes", "warn", "also send calls to 10.0.0.11:5080", "Add it to [[nodes]]",
        ),
        (
            "UPDATE location SET last_modified = last_modified - INTERVAL 5 HOUR, expires = expires - INTERVAL 5 HOUR"
            " WHERE server_id = 2 AND expires > '1970-01-03'; DELETE FROM location WHERE expires < '1970-01-03'",
            "time_zone", "warn", "newest row is 5 h old", "TZ=UTC",
        ),
        (
            "UPDATE location SET socket = 'udp:203.0.113.9:5060' WHERE username = 'erin'",
            "server_ids", "warn", "server_id 2 is written by listeners of several hosts", "server_id of its own",
        ),
        (
            "UPDATE location SET last_modified = last_modified + INTERVAL 8 HOUR, expires = expires + INTERVAL 8 HOUR"
            " WHERE server_id = 1",
            "time_zone", "fail", "a by 8 h", "TZ=UTC",
        ),
        (
            "UPDATE location SET last_modified = last_modified + INTERVAL 5 MINUTE WHERE server_id = 1",
            "time_zone", "warn", "ahead of MySQL's: a by ", "NTP",
        ),
        (
            "UPDATE location SET expires = UTC_TIMESTAMP() - INTERVAL 10 MINUTE WHERE username = 'erin'",
            "removed", "warn", "1 of b", "delete the rows",
        ),
        # 2000 phones that register for an hour write every other second.
        (
            "INSERT INTO location (ruid, username, domain, contact, expires, last_modified, server_id)"
            " SELECT seq, seq, 'x', seq, UTC_TIMESTAMP() + INTERVAL 58 MINUTE, UTC_TIMESTAMP() - INTERVAL 2 MINUTE, 2"
            " FROM seq_1_to_2000; UPDATE location SET last_modified = UTC_TIMESTAMP() - INTERVAL 2 MINUTE"
            " WHERE server_id = 2",
            "written_through", "warn", "b for 12", "db_mode",
        ),
    ],
)  # fmt: skip
def test_a_location_table(installation, location, statement, check, verdict, what, mend):
    settings, _ = installation
    location(statement.format(b=settings.edges[1].address))
    found = expect(settings, f"location.{check}", verdict, what, mend)
    if check == "columns":
        assert found["location.rows"].verdict == "skip"


def test_a_location_table_that_may_not_be_read(installation, location):
    settings, _ = installation
    location(f"REVOKE SELECT ON {DATABASE}.* FROM callctl@127.0.0.1")
    try:
        expect(settings, "location.columns", "fail", "denied", f"GRANT SELECT ON {DATABASE}.location TO callctl;")
    finally:
        location(f"GRANT SELECT ON {DATABASE}.* TO callctl@127.0.0.1")


def test_a_location_of_another_server(installation):
    settings, _ = installation
    elsewhere = settings.location.model_copy(update={"mysql": Mysql(port=1, password=SecretStr("x6"))})
    found = expect(
        settings.model_copy(update={"location": elsewhere}),
        "location.reachable",
        "fail",
        "cannot be reached",
        "Start it",
    )
    assert found["mysql.schema"].verdict == "ok"
    assert found["location.edges"].verdict == "skip"


def test_an_opensips_table(installation, location):
    settings, _ = installation
    location(
        "CREATE TABLE dealt (contact_id BIGINT AUTO_INCREMENT PRIMARY KEY, username CHAR(64), domain CHAR(64),"
        " contact TEXT, received CHAR(255), path CHAR(255), expires INT UNSIGNED, q FLOAT, cseq INT,"
        " last_modified DATETIME, socket CHAR(64), sip_instance CHAR(255))",
        "INSERT INTO version VALUES ('dealt', 1013)",
        "INSERT INTO dealt (username, domain, contact, expires, q, last_modified, socket) VALUES"
        " ('u', 'x', 'c', UNIX_TIMESTAMP() + 600, 1, UTC_TIMESTAMP(), 'udp:127.0.0.1:5061'),"
        " ('p', 'x', 'c', 0, 1, UTC_TIMESTAMP(), 'udp:127.0.0.2:5062'),"
        " ('o', 'x', 'c', UNIX_TIMESTAMP() - 600, 1, UTC_TIMESTAMP(), 'udp:127.0.0.2:5062')",
    )
    dealt = settings.location.model_copy(update={"table": f"{DATABASE}.dealt", "kind": "opensips"})
    found = expect(settings.model_copy(update={"location": dealt}), "location.removed", "warn", "1 of b", "edge runs")
    assert found["location.rows"].what.en == "2 live registrations"
    assert found["location.version"].verdict == found["location.edges"].verdict == "ok"
    mistaken = settings.location.model_copy(update={"table": f"{DATABASE}.dealt"})
    expect(settings.model_copy(update={"location": mistaken}), "location.columns", "fail", "Unknown", "[location] kind")


def test_a_node_of_two_that_edges_do_not_know(installation):
    settings, _ = installation
    second = settings.nodes[0].model_copy(update={"name": "fs2", "sip": "127.0.0.1:9"})
    two = settings.model_copy(update={"nodes": (*settings.nodes, second)})
    found = diagnose(two)["location.nodes"]
    assert found.verdict == "fail"
    assert "lacks fs2 (127.0.0.1:9)" in found.what.en


def test_users_without_a_domain(installation, location):
    settings, _ = installation
    location("UPDATE location SET domain = NULL")
    plain = settings.location.model_copy(update={"use_domain": False})
    assert diagnose(settings.model_copy(update={"location": plain}))["location.domains"].verdict == "ok"
