"""What `callctl doctor` says of this host, and of its settings."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from gevent import subprocess as green
from pydantic import SecretStr

from callctl.cdr.spool import Record, Spool
from callctl.doctor import finding, host
from callctl.settings import Http, Settings
from callctl.settings import Spool as SpoolSettings
from tests.integration.doctor.bench import (
    expect,
    with_edges,
    with_node,
)
from tests.integration.platform import wait


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


@pytest.mark.parametrize("own", ["localhost", "localhost.localdomain"])
def test_a_host_without_a_name(installation, monkeypatch, own):
    settings, _ = installation
    monkeypatch.setattr(host.socket, "gethostname", lambda: own)
    expect(settings, "host.name", "warn", f"calls itself {own}", "set-hostname")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise a priority")
def test_a_freeswitch_that_goes_before_callctl(installation, tmp_path):
    settings, _ = installation
    shutil.copy("/bin/sleep", tmp_path / "freeswitch")
    before = subprocess.Popen(["nice", "-n", "-10", str(tmp_path / "freeswitch"), "60"])
    try:
        name = Path(f"/proc/{before.pid}/comm")
        wait(lambda: name.read_text() == "freeswitch\n", "nice has become it")
        expect(settings, "host.priority", "warn", "nice -10", "-np")
    finally:
        before.kill()
        before.wait()


def test_workers_are_counted_where_they_run(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert host.workers(Settings()) == 7
    script = "import sys, time; print(flush=True); time.sleep(60)"
    for more, count in (["serve", "--workers", "3"], 3), (["serve", "--workers=12"], 12), (["serve"], 1):
        with green.Popen([sys.executable, "-c", script, *more], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            monkeypatch.setattr(host, "server", lambda _, number=process.pid: number)
            assert host.workers(Settings()) == count
            process.kill()


def test_settings_and_secrets_are_examined_too(installation):
    settings, _ = installation
    first, second = settings.edges
    wrong = with_edges(settings, first.model_copy(update={"sockets": ("::not::",)}), second)
    expect(wrong, "settings.sockets", "fail", "::not::", "IPv6 in brackets", ("location.edges",))
    expect(
        with_node(settings, password=SecretStr("ClueCon")),
        "secrets.passwords",
        "fail",
        "sim1 is one that everybody knows",
        "openssl",
        ("switch.reachable",),
    )
