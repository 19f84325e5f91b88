"""`callctl doctor` on an installation that is well, and on one broken in each way it can be broken."""

import getpass
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path

import gevent
import MySQLdb
import pytest
from gevent import subprocess as green
from pydantic import SecretStr
from redis import Redis as Client

from callctl import settings as configuration
from callctl.cdr.spool import Record, Spool
from callctl.doctor import finding, host
from callctl.doctor.installation import examine_all
from callctl.settings import Edge, Esl, Http, Mysql, Node, Redis
from callctl.settings import Spool as SpoolSettings
from callctl.sim import api
from callctl.sim.node import SimNode, controlled_by
from callctl.store.migrate import migrate

ROWS = Path(__file__).parents[1] / "data" / "kamailio" / "location_rows.sql"
DATABASE = "kamailio_doctor"
PASSWORD = "0d1c7a"
EDGES = (
    Edge(name="a", server_id=1, address="127.0.1.1:5060", sockets=("127.0.0.1", "[::1]:5061")),
    Edge(name="b", server_id=2, address="127.0.1.2:5060", sockets=("127.0.0.2", "[::1]:5062")),
)


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def administrator(services):
    """Runs statements as the one who may do everything."""
    connection = MySQLdb.connect(unix_socket=str(services.mysql_socket), user=getpass.getuser(), autocommit=True)
    with closing(connection), closing(connection.cursor()) as cursor:

        def run(*statements):
            for statement in statements:
                cursor.execute(statement)
                while cursor.nextset():
                    pass

        yield run


@pytest.fixture
def location(administrator):
    """A `location` table as two Kamailios keep it, with its `version`; callctl may read it."""
    administrator(
        f"CREATE DATABASE {DATABASE}", f"USE {DATABASE}", f"GRANT SELECT ON {DATABASE}.* TO callctl@127.0.0.1"
    )
    administrator(
        ROWS.read_text(encoding="utf-8"),
        "CREATE TABLE version (table_name VARCHAR(32), table_version INT)",
        "INSERT INTO version VALUES ('location', 9)",
        "UPDATE location SET last_modified = UTC_TIMESTAMP(), expires = UTC_TIMESTAMP() + INTERVAL 1 HOUR"
        " WHERE expires > '1970-01-03'",
    )
    yield administrator
    administrator(f"DROP DATABASE {DATABASE}", f"REVOKE SELECT ON {DATABASE}.* FROM callctl@127.0.0.1")


@pytest.fixture
def installation(settings, location, tmp_path):
    """Settings of a whole installation, and its node; the spool is on a disk wherever /tmp is."""
    migrate(settings.mysql)
    listen = f"127.0.0.1:{free_port()}"
    node = SimNode("sim1", [listen], listen_esl=("127.0.0.1", 0), password=PASSWORD).start()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        yield (
            settings.model_copy(
                update={
                    "esl": Esl(listen=listen, command_timeout=2, max_sessions=100),
                    "http": Http(listen=f"127.0.0.1:{free_port()}"),
                    "nodes": (
                        Node(name="sim1", esl=node.esl_address, sip="127.0.0.1:5080", password=SecretStr(PASSWORD)),
                    ),
                    "edges": EDGES,
                    "location": configuration.Location(table=f"{DATABASE}.location"),
                    "spool": SpoolSettings(directory=Path(folder) / "spool", min_free_mb=1),
                }
            ),
            node,
        )
    node.stop()


def diagnose(settings):
    return {found.check: found for found in examine_all(settings, None)}


def expect(settings, check, verdict, what, mend, also=()):
    """`check` says so in both languages, and no other fails but `also` and what is skipped for it."""
    found = diagnose(settings)
    assert found[check].verdict == verdict, found[check]
    assert what in found[check].what.en
    assert mend in found[check].mend.en
    assert re.search("[一-鿿]", found[check].mend.zh) or found[check].mend.zh == found[check].mend.en
    assert {name for name, one in found.items() if one.verdict == "fail"} <= {check, *also}
    return found


def with_node(settings, **changes):
    return settings.model_copy(update={"nodes": (settings.nodes[0].model_copy(update=changes),)})


def with_edges(settings, *edges):
    return settings.model_copy(update={"edges": edges})


# well


def write(settings, folder):
    """The settings as a file."""
    file = folder / "callctl.toml"
    node, mysql, redis = settings.nodes[0], settings.mysql, settings.redis
    edges = "".join(
        f'[[edges]]\nname = "{edge.name}"\nserver_id = {edge.server_id}\naddress = "{edge.address}"\n'
        f"sockets = {json.dumps(edge.sockets)}\n"
        for edge in settings.edges
    )
    file.write_text(
        f'[esl]\nlisten = "{settings.esl.listen}"\nmax_sessions = 100\n[http]\nlisten = "{settings.http.listen}"\n'
        f'[[nodes]]\nname = "{node.name}"\nesl = "{node.esl}"\nsip = "{node.sip}"\npassword = "{PASSWORD}"\n{edges}'
        f'[mysql]\nport = {mysql.port}\npassword = "{mysql.password.get_secret_value()}"\n'
        f'[redis]\nport = {redis.port}\npassword = "{redis.password.get_secret_value()}"\n'
        f'[location]\ntable = "{settings.location.table}"\n'
        f'[spool]\ndirectory = "{settings.spool.directory}"\nmin_free_mb = 1\n'
    )
    file.chmod(0o600)
    return file


def run(file, *options):
    command = [sys.executable, "-m", "callctl", "--config", str(file), "doctor", *options]
    return green.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def test_a_healthy_installation(installation, tmp_path):
    settings, _ = installation
    file = write(settings, tmp_path)
    done = run(file, "--json", "--lang", "en")
    findings = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in findings if one["verdict"] != "ok"] == []
    assert {"check", "about", "verdict", "what", "mend"} == set(findings[0])
    assert len(findings) == len({one["check"] for one in findings}) > 40
    assert (done.returncode, done.stderr) == (0, "")


def test_what_people_read(installation, tmp_path):
    settings, node = installation
    file = write(settings, tmp_path)
    node.name = "other"
    english, chinese = run(file, "--lang", "en"), run(file, "--lang", "zh")
    assert english.returncode == chinese.returncode == 1
    assert "✗ switch.name sim1           it calls itself other, and the settings call it sim1\n" in english.stdout
    assert "→ Set [[nodes]] name to other" in english.stdout
    assert "→ 请将 [[nodes]] name 设为 other" in chinese.stdout
    assert english.stdout.splitlines()[-1].endswith("0 to look at, 1 failed, 0 not examined")


def test_settings_that_cannot_be_read(tmp_path):
    file = tmp_path / "callctl.toml"
    file.write_text("[redis]\nprot = 1\n")
    done = run(file)
    assert (done.returncode, done.stdout) == (2, "")
    assert "redis.prot: there is no such setting" in done.stderr


def test_beside_a_controller_that_serves(installation, tmp_path):
    settings, _ = installation
    file = write(settings, tmp_path)
    with (tmp_path / "log").open("wb") as log:
        serving = green.Popen([sys.executable, "-m", "callctl", "--config", str(file), "serve"], stderr=log)
    try:
        deadline = time.monotonic() + 30
        while not host._is_ours(settings.http.listen):
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            gevent.sleep(0.1)
        found = diagnose(settings)
        assert [one for one in found.values() if one.verdict == "fail"] == []
        assert "callctl serve listens" in found["host.esl_port"].what.en
        assert "callctl serve listens" in found["host.http_port"].what.en
        assert found["host.backlog"].what.en == "0 records wait for MySQL"
    finally:
        serving.terminate()
        serving.wait()


# MySQL


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


# location


@pytest.mark.parametrize(
    ("statement", "check", "verdict", "what", "mend"),
    [
        ("DROP TABLE location", "columns", "fail", "doesn't exist", "[location] table"),
        ("ALTER TABLE location DROP COLUMN server_id", "columns", "fail", "server_id", "[location] kind"),
        ("UPDATE version SET table_version = 7", "version", "warn", "version 7", "Upgrade"),
        ("DELETE FROM location", "rows", "warn", "no phone is registered", "db_mode to 1"),
        (
            "UPDATE location SET server_id = 7, socket = 'udp:203.0.113.9:5060' WHERE username = 'erin'",
            "edges", "fail", "no edge has server_id 7, socket udp:203.0.113.9:5060 (1)", "Add the server_id",
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
    location(statement)
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


# Redis


@pytest.mark.parametrize(
    ("changes", "what", "mend"),
    [
        ({"port": 1}, "did not answer", "See that it runs"),
        ({"password": SecretStr("wrong")}, "does not accept the password", "Correct [redis] password"),
    ],
)
def test_no_redis(installation, changes, what, mend):
    settings, _ = installation
    wrong = settings.model_copy(update={"redis": settings.redis.model_copy(update=changes)})
    found = expect(wrong, "redis.reachable", "fail", what, mend)
    assert found["redis.writable"].verdict == "skip"


@pytest.mark.parametrize(
    ("values", "check", "verdict", "what", "mend", "also"),
    [
        ({"appendonly": "no"}, "persistence", "fail", "appendonly is off", "`appendonly yes`", ()),
        ({"maxmemory-policy": "allkeys-lru"}, "eviction", "warn", "allkeys-lru", "noeviction", ()),
        (
            {"maxmemory": 2**30, "maxmemory-policy": "volatile-ttl"},
            "eviction", "fail", "volatile-ttl drops keys", "noeviction", (),
        ),
        ({"maxmemory": 1000}, "eviction", "warn", "of maxmemory is used", "Raise maxmemory", ("redis.writable",)),
        ({"maxmemory": 1000}, "writable", "fail", "used memory > 'maxmemory'", "the memory or disk it lacks", ()),
    ],
)  # fmt: skip
def test_a_redis_set_up_wrongly(installation, services, values, check, verdict, what, mend, also):
    settings, _ = installation
    with Client(port=services.redis_port, password=services.redis_password, decode_responses=True) as redis:
        before = redis.config_get(*values)
        try:
            for name, value in values.items():
                redis.config_set(name, value)
            expect(settings, f"redis.{check}", verdict, what, mend, also)
        finally:
            for name, value in before.items():
                redis.config_set(name, value)


def test_a_redis_user_that_may_not_write_our_keys(installation, services):
    settings, _ = installation
    with Client(port=services.redis_port, password=services.redis_password) as redis:
        redis.acl_setuser("guest", enabled=True, passwords=["+x7"], keys=["other:*"], commands=["+@all"])
        try:
            guest = Redis(port=services.redis_port, username="guest", password=SecretStr("x7"))
            expect(
                settings.model_copy(update={"redis": guest}),
                "redis.writable",
                "fail",
                "cannot be written",
                "Let this user write",
            )
        finally:
            redis.acl_deluser("guest")


# FreeSWITCH


def test_no_switch(installation):
    settings, node = installation
    node.stop()
    found = expect(settings, "switch.reachable", "fail", "cannot be reached", "mod_event_socket listens there")
    assert found["switch.dialplan"].verdict == "skip"
    assert found["switch.reachable"].about == "sim1"


def test_a_wrong_password(installation):
    settings, _ = installation
    wrong = with_node(settings, password=SecretStr("x8"))
    expect(wrong, "switch.reachable", "fail", "does not accept the password", "[[nodes]] password")


def test_a_switch_that_says_nothing(installation):
    settings, _ = installation
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        quiet = settings.esl.model_copy(update={"command_timeout": 0.2})
        mute = with_node(settings.model_copy(update={"esl": quiet}), esl=f"127.0.0.1:{silent.getsockname()[1]}")
        expect(mute, "switch.reachable", "fail", "timed out", "mod_event_socket listens there")


def test_one_of_two_nodes(installation):
    settings, _ = installation
    nodes = (*settings.nodes, Node(name="fs2", esl="127.0.0.1:1", sip="127.0.0.1:5090", password=SecretStr("x9")))
    found = list(examine_all(settings.model_copy(update={"nodes": nodes}), None))
    assert [(one.check, one.about) for one in found if one.verdict == "fail"] == [("switch.reachable", "fs2")]


def test_another_name(installation):
    settings, node = installation
    node.name = "other"
    expect(settings, "switch.name", "fail", "it calls itself other", "Set [[nodes]] name to other")


def test_another_profile(installation):
    settings, _ = installation
    found = expect(with_node(settings, profile="core"), "switch.profile", "fail", "core is not up", "[[nodes]] profile")
    assert found["switch.dialplan"].verdict == "skip"


def test_another_sip_address(installation):
    settings, _ = installation
    expect(with_node(settings, sip="127.0.0.1:5099"), "switch.profile", "warn", "127.0.0.1:5080", "[[nodes]] sip")


STATUS = (
    "FreeSWITCH (Version 1) is {}ready\n{} session(s) - peak 9\n"
    "0 session(s) per Sec out of max {}, peak {}, \n2000 session(s) max\n"
)


@pytest.mark.parametrize(
    ("command", "answer", "check", "verdict", "what", "mend"),
    [
        ("status", STATUS.format("not ", 0, 100, 5), "ready", "fail", "not ready", "fsctl resume"),
        ("status", STATUS.format("", 1900, 100, 5), "limits", "warn", "1900 of 2000 sessions", "max-sessions"),
        ("status", STATUS.format("", 0, 30, 5), "limits", "warn", "30 new ones a second", "sessions-per-second"),
        ("status", STATUS.format("", 0, 100, 100), "limits", "warn", "peak 100", "sessions-per-second"),
        ("fsctl", "+OK api_expansion is on \n", "expansion", "warn", "could run commands", "api-expansion"),
        ("strmicroepoch", "1000000", "time_of_day", "fail", "behind ours", "NTP"),
    ],
)
def test_a_switch_that_answers(installation, monkeypatch, command, answer, check, verdict, what, mend):
    settings, _ = installation
    monkeypatch.setitem(api.COMMANDS, command, lambda _node, _arguments: answer)
    expect(settings, f"switch.{check}", verdict, what, mend)


@pytest.mark.parametrize(
    ("module", "check", "verdict", "what", "mend"),
    [
        ("mod_conference", "modules", "fail", "mod_conference", "modules.conf.xml"),
        ("mod_opus", "codecs", "warn", "OPUS", "Load mod_opus"),
    ],
)
def test_a_module_that_is_not_loaded(installation, monkeypatch, module, check, verdict, what, mend):
    settings, _ = installation
    monkeypatch.setattr(api, "MODULES", api.MODULES - {module})
    expect(settings, f"switch.{check}", verdict, what, mend)


def changed(place, *action):
    """The dialplan that is right, with an action changed or left out."""
    return lambda listen: [*(plan := list(controlled_by([listen])))[:place], *action, *plan[place + 1 :]]


@pytest.mark.parametrize(
    ("dialplan", "what", "mend"),
    [
        (lambda _: [("answer", ""), ("echo", "")], "application socket", "freeswitch-conf/dialplan/callctl.xml"),
        (lambda _: controlled_by(["127.0.0.1:9"]), "calls are brought to 127.0.0.1:9, not to", "callctl_controllers"),
        (lambda listen: changed(2, ("socket", f"{listen} async"))(listen), "async full", "freeswitch-conf"),
        (changed(1), "no sched_hangup guard", "freeswitch-conf"),
        (changed(0, ("set", "park_timeout=3:NETWORK_OUT_OF_ORDER")), "park_timeout 3 is shorter", "freeswitch-conf"),
        (changed(3, ("hangup", "NORMAL_CLEARING")), "nothing after socket that answers 503", "freeswitch-conf"),
    ],
)
def test_a_dialplan(installation, dialplan, what, mend):
    settings, node = installation
    node.dialplan = dialplan(settings.esl.listen)
    expect(settings, "switch.dialplan", "fail", what, mend)


def test_a_dialplan_that_is_not_there(installation, monkeypatch):
    settings, _ = installation
    monkeypatch.setitem(api.COMMANDS, "xml_locate", lambda _node, _arguments: "can't find anything\n")
    expect(settings, "switch.dialplan", "fail", "no dialplan context callctl", "freeswitch-conf/dialplan/callctl.xml")


# this host


def test_a_spool_folder_that_cannot_be_written(installation, tmp_path):
    settings, _ = installation
    (tmp_path / "file").write_text("")
    wrong = settings.model_copy(update={"spool": SpoolSettings(directory=tmp_path / "file")})
    found = expect(wrong, "host.spool", "fail", "cannot be written", "[spool] directory")
    assert found["host.backlog"].verdict == "skip"


@pytest.mark.skipif(host._filesystem(Path("/dev/shm")) != "tmpfs", reason="/dev/shm is no tmpfs")
def test_a_spool_in_memory(installation):
    settings, _ = installation
    wrong = settings.model_copy(update={"spool": SpoolSettings(directory=Path("/dev/shm/callctl"), min_free_mb=1)})
    expect(wrong, "host.disk", "fail", "tmpfs", "folder on a disk")


@pytest.mark.parametrize(("share", "verdict"), [(2, "fail"), (0.5, "warn")])
def test_a_disk_that_is_full(installation, share, verdict):
    settings, _ = installation
    free = os.statvfs("/var/tmp")
    least = int(free.f_bavail * free.f_frsize / 2**20 * share)
    scarce = settings.spool.model_copy(update={"min_free_mb": least})
    expect(settings.model_copy(update={"spool": scarce}), "host.free_room", verdict, "MB free", "Make room")


def test_records_that_wait_or_were_refused(installation, monkeypatch):
    settings, _ = installation
    monkeypatch.setattr(host, "BACKLOG", 1)
    settings.spool.directory.mkdir()
    spool = Spool(settings.spool.directory)
    facts = {"call_uuid": "u", "started_at": 1, "state": "routed", "node": "sim1"}
    spool.put([Record("cdr", facts)] * 3).wait(10)
    spool.reject(1, "no such column: x")
    spool.close()
    found = expect(settings, "host.backlog", "warn", "2 records wait", "callctl serve runs")
    assert "1 records that MySQL refused are set aside: no such column: x" in found["host.rejected"].what.en
    assert found["host.rejected"].verdict == "warn"


def test_a_spool_that_is_none(installation):
    settings, _ = installation
    settings.spool.directory.mkdir()
    (settings.spool.directory / "spool.db").write_bytes(b"not a database" * 100)
    expect(settings, "host.backlog", "fail", "not a database", "move a damaged one aside", ("host.rejected",))


def test_a_spool_of_which_another_process_keeps_hold(installation, monkeypatch):
    settings, _ = installation
    settings.spool.directory.mkdir()
    file = settings.spool.directory / "spool.db"
    monkeypatch.setattr(host, "_HELD_TIMEOUT", 0.1)
    with closing(sqlite3.connect(file)) as other:
        other.executescript("CREATE TABLE record (id); CREATE TABLE rejected (error); BEGIN EXCLUSIVE")
        expect(settings, "host.backlog", "fail", "locked", "Let the user", ("host.rejected",))


def test_a_spool_that_hangs(installation, monkeypatch):
    settings, _ = installation
    settings.spool.directory.mkdir()
    pipe = settings.spool.directory / "spool.db"
    os.mkfifo(pipe)
    monkeypatch.setattr(finding, "DEADLINE", 0.5)
    try:
        expect(settings, "host.backlog", "fail", "no answer within", "hangs", ("host.rejected",))
    finally:
        os.close(os.open(pipe, os.O_WRONLY))  # lets the threads go


@pytest.mark.parametrize(("check", "setting"), [("esl_port", "esl"), ("http_port", "http")])
def test_a_port_that_another_has(installation, check, setting):
    settings, _ = installation
    host_name, port = getattr(settings, setting).listen.split(":")
    with closing(socket.create_server((host_name, int(port)))) as other:
        other.settimeout(0)
        expect(settings, f"host.{check}", "fail", "Address already in use", f"ss -ltnp sport = :{port}")


def test_an_address_of_another_host(installation):
    settings, _ = installation
    elsewhere = settings.model_copy(update={"http": Http(listen="192.0.2.1:8085")})
    expect(elsewhere, "host.http_port", "fail", "Cannot assign", "an address of this host")


def test_too_few_open_files(installation):
    settings, _ = installation
    many = settings.esl.model_copy(update={"max_sessions": 10**8})
    expect(
        settings.model_copy(update={"esl": many}), "host.open_files", "warn", "open files are allowed", "LimitNOFILE"
    )


def test_settings_and_secrets_are_examined_too(installation):
    settings, _ = installation
    wrong = with_edges(settings, EDGES[0].model_copy(update={"sockets": ("::not::",)}), EDGES[1])
    expect(wrong, "settings.sockets", "fail", "::not::", "IPv6 in brackets", ("location.edges",))
    expect(
        with_node(settings, password=SecretStr("ClueCon")),
        "secrets.passwords",
        "fail",
        "sim1 is one that everybody knows",
        "openssl",
        ("switch.reachable",),
    )
