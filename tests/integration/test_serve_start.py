"""What stands in the way of `callctl serve`: one sentence on stderr, exit 2 or 3, never a traceback."""

from contextlib import closing, contextmanager

import pytest
from gevent import socket

from callctl.errors import ConfigError
from callctl.settings import load
from tests.integration.platform import Platform, together, wait
from tests.ports import free_port


@pytest.fixture(scope="module")
def platform(services, tmp_path_factory):
    """Not started: a migrated database and no controller."""
    with Platform(tmp_path_factory.mktemp("start"), services) as platform:
        platform.configure(load(platform.serve().config).mysql)
        yield platform


@contextmanager
def listening():
    """A port that somebody holds."""
    port = free_port()
    with closing(socket.socket()) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield f"127.0.0.1:{port}"


def refused(done, code, *words):
    """`serve` left with `code` and one sentence that has all `words`."""
    assert done.code == code, done
    (sentence,) = done.err.splitlines()
    assert sentence.startswith("callctl: ")
    assert sentence.endswith(".")
    assert not [word for word in words if word not in sentence], sentence
    assert done.out == ""


WRONG_SETTINGS = {
    "no such key": ({"esl": {"lisen": "127.0.0.1:1"}}, ["esl.lisen", "callctl.toml"]),
    "no such section": ({"edge": {}}, ["edge", "callctl.toml"]),
    "no address": ({"esl": {"listen": "127.0.0.1"}}, ["esl.listen", "HOST:PORT"]),
    "no port": ({"mysql": {"port": 70000}}, ["mysql.port", "65536"]),
    "longer than the guard": ({"location": {"deadline": 3.0}}, ["location.deadline", "2.5"]),
    "no password file": ({"redis": {"password_file": "/nowhere/secret"}}, ["redis", "/nowhere/secret"]),
    "a node twice": ({"nodes": [{"name": "n", "sip": "10.0.0.1:5080"}] * 2}, ["stands twice"]),
}


@pytest.mark.parametrize("name", WRONG_SETTINGS)
def test_a_wrong_setting_is_named(platform, name):
    wrong, words = WRONG_SETTINGS[name]
    host = platform.serve()
    host.rewrite({**platform.tree(), **wrong})
    with pytest.raises(ConfigError) as error:
        load(host.config)
    assert not [word for word in words if word not in str(error.value)], error.value
    assert "\n" not in str(error.value)


def test_settings_that_cannot_be_read(platform):
    unknown, no_toml, no_file, in_variable = (platform.serve() for _ in range(4))
    unknown.rewrite({**platform.tree(), "esl": {"lisen": "127.0.0.1:1"}})
    no_toml.config.write_text("[esl\nlisten = 1\n")
    no_file.config.unlink()
    answers = together(
        lambda: unknown.run("serve"), lambda: no_toml.run("serve"), lambda: no_file.run("serve"),
        lambda: in_variable.run("serve", CALLCTL_ESL__LINGER="soon"),
    )  # fmt: skip
    refused(answers[0], 2, str(unknown.config), "esl.lisen")
    refused(answers[1], 2, str(no_toml.config))
    refused(answers[2], 2, str(no_file.config), "--config")
    refused(answers[3], 2, "esl.linger")


def test_an_address_that_cannot_be_had(platform):
    with listening() as address:
        calls, health, elsewhere = together(
            lambda: platform.serve(esl={"listen": address}).run("serve"),
            lambda: platform.serve(http={"listen": address}).run("serve"),
            lambda: platform.serve(esl={"listen": "192.0.2.1:8084"}).run("serve"),
        )
    refused(calls, 2, address, "[esl] listen")
    refused(health, 2, address, "[http] listen")
    refused(elsewhere, 2, "192.0.2.1:8084", "[esl] listen")


def test_a_spool_that_cannot_be_used(platform, tmp_path):
    (tmp_path / "file").touch()
    spoiled = platform.serve()
    spoiled.spool.mkdir()
    (spoiled.spool / "spool.db").write_bytes(b"not a database, and longer than the header of one" * 100)
    no_folder, no_spool = together(
        lambda: platform.serve(spool={"directory": str(tmp_path / "file" / "spool")}).run("serve"),
        lambda: spoiled.run("serve"),
    )
    refused(no_folder, 2, "[spool] directory")
    refused(no_spool, 3, str(spoiled.spool))


def test_mysql_that_cannot_be_used(platform):
    port = free_port()
    with platform.admin() as cursor:
        cursor.execute("CREATE DATABASE IF NOT EXISTS callctl_empty")
        cursor.execute("GRANT ALL ON callctl_empty.* TO callctl@127.0.0.1")
    stranger = platform.serve()
    stranger.rewrite({**platform.tree(), "mysql": {"port": platform.services.mysql_port, "password": "wrong"}})
    wrong, away, empty = together(
        lambda: stranger.run("serve"),
        lambda: platform.serve(mysql={"port": port}).run("serve"),
        lambda: platform.serve(mysql={"database": "callctl_empty"}).run("serve"),
    )
    refused(wrong, 3, "'callctl'", "password")
    refused(away, 3, f"127.0.0.1:{port}", "start it")
    with platform.admin() as cursor:
        cursor.execute("DROP DATABASE callctl_empty")
        cursor.execute("REVOKE ALL ON callctl_empty.* FROM callctl@127.0.0.1")
    refused(empty, 2, "callctl migrate")


def test_a_second_start_in_the_same_spool_folder(platform):
    first = platform.serve()
    first.spawn()
    wait(lambda: first.readyz().get("ready"), "the first serves")
    assert first.metric("callctl_redis_up") == 1
    second = platform.serve(spool={"directory": str(first.spool)})
    refused(second.run("serve"), 2, str(first.spool), f"process {first.pid}")
    assert first.metric("callctl_redis_up") == 1, "the second left the first's counts alone"
    metrics = (first.spool / "metrics").resolve()
    assert metrics.is_dir()
    assert first.stop() == 0
    assert not metrics.exists(), "its counts are gone with it"


def test_wrong_usage_is_told_with_exit_2(platform):
    host = platform.serve()
    for done in together(lambda: host.run("serve", "--workers", "0"), lambda: host.run("srve")):
        assert done.code == 2
        assert "Traceback" not in done.err
