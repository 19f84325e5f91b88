"""What stands in the way of `callctl serve`: one sentence on stderr, exit 2 or 3, never a traceback."""

from contextlib import closing, contextmanager

import pytest
from gevent import socket

from tests.integration.platform import Platform, free_ports, wait


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    """Not started: a migrated database and no controller."""
    with Platform(tmp_path_factory.mktemp("start"), services) as platform:
        assert platform.serve().run("migrate").code == 0
        yield platform


@contextmanager
def listening():
    """A port that somebody holds."""
    (port,) = free_ports(1)
    with closing(socket.socket()) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield f"127.0.0.1:{port}"


def refused(host, code, *words):
    """`serve` leaves with `code` and one sentence that has all `words`."""
    done = host.run("serve")
    assert done.code == code, done
    sentences = [line for line in done.err.splitlines() if line.startswith("callctl: ")]
    assert done.err.splitlines() == sentences, done.err
    assert len(sentences) == 1
    assert sentences[0].endswith(".")
    assert not [word for word in words if word not in sentences[0]], sentences[0]
    assert done.out == ""


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"esl": {"lisen": "127.0.0.1:1"}}, ["esl.lisen", "callctl.toml"]),
        ({"esl": {"listen": "127.0.0.1"}}, ["esl.listen", "HOST:PORT"]),
        ({"mysql": {"port": 70000}}, ["mysql.port", "65536"]),
        ({"redis": {"password_file": "/nowhere/secret"}}, ["redis", "/nowhere/secret"]),
        ({"nodes": [{"name": "n", "sip": "10.0.0.1:5080"}] * 2}, ["stands twice"]),
        ({"edge": {}}, ["edge", "callctl.toml"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_named(platform, section, words):
    host = platform.serve()
    host.rewrite({**platform.tree(), **section})
    refused(host, 2, *words)


def test_a_settings_file_that_is_not_toml_is_named(platform):
    host = platform.serve()
    host.config.write_text("[esl\nlisten = 1\n")
    refused(host, 2, str(host.config))


def test_a_settings_file_that_is_missing_is_named(platform):
    host = platform.serve()
    host.config.unlink()
    refused(host, 2, str(host.config), "--config")


def test_a_wrong_variable_is_named(platform):
    host = platform.serve()
    done = host.run("serve", CALLCTL_ESL__LINGER="soon")
    assert (done.code, done.out) == (2, "")
    assert "esl.linger" in done.err
    assert "Traceback" not in done.err


def test_a_busy_port_for_calls(platform):
    with listening() as address:
        refused(platform.serve(esl={"listen": address}), 2, address, "[esl] listen")


def test_a_busy_port_for_the_health_page(platform):
    with listening() as address:
        refused(platform.serve(http={"listen": address}), 2, address, "[http] listen")


def test_an_address_of_another_host(platform):
    refused(platform.serve(esl={"listen": "192.0.2.1:8084"}), 2, "192.0.2.1:8084", "[esl] listen")


def test_a_spool_folder_that_cannot_be_made(platform, tmp_path):
    (tmp_path / "file").touch()
    refused(platform.serve(spool={"directory": str(tmp_path / "file" / "spool")}), 2, "[spool] directory")


def test_a_spool_that_is_not_one(platform, tmp_path):
    host = platform.serve()
    host.spool.mkdir()
    (host.spool / "spool.db").write_bytes(b"not a database, and longer than the header of one" * 100)
    refused(host, 3, str(host.spool))


def test_a_wrong_password_of_mysql(platform):
    tree = platform.tree()["mysql"]
    host = platform.serve()
    host.rewrite({**platform.tree(), "mysql": {"port": tree["port"], "password": "wrong"}})
    refused(host, 3, "'callctl'", "password")


def test_mysql_away(platform):
    (port,) = free_ports(1)
    refused(platform.serve(mysql={"port": port}), 3, f"127.0.0.1:{port}", "start it")


def test_a_schema_that_is_missing(platform):
    with platform.admin() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS callctl_empty")
        cursor.execute("GRANT ALL ON callctl_empty.* TO callctl@127.0.0.1")
    refused(platform.serve(mysql={"database": "callctl_empty"}), 2, "callctl migrate")


def test_a_second_start_in_the_same_spool_folder(platform):
    first = platform.serve()
    first.spawn()
    wait(lambda: first.readyz().get("ready"), "the first serves")
    assert first.metric("callctl_redis_up") == 1
    second = platform.serve(spool={"directory": str(first.spool)})
    refused(second, 2, str(first.spool), f"process {first.pid}")
    assert first.metric("callctl_redis_up") == 1, "the second left the first's counts alone"
    assert first.stop() == 0


def test_wrong_usage_is_told_with_exit_2(platform):
    for arguments in (["serve", "--workers", "0"], ["serve", "--wrokers", "2"], ["srve"]):
        done = platform.serve().run(*arguments)
        assert done.code == 2
        assert "Traceback" not in done.err
