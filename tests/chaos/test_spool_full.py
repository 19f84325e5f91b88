"""The disk of the spool is full: new calls are refused, those that are up go on, and no record is lost."""

import os
import resource
import signal
import subprocess
from contextlib import contextmanager, suppress

import pytest

from callctl.sim.node import controlled_by
from tests.integration.platform import ECHOES, RINGS, TALKS, alive, wait

SIZE = 24  # MiB of the spool's disk
MIN_FREE = 4  # MiB


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A small file system of its own."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "callctl-test", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs to mount a file system: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def small(whole, disk):
    """A controller whose spool is on that disk."""
    host = whole.serve(spool={"directory": str(disk / "spool"), "min_free_mb": MIN_FREE}).start()
    yield host
    host.stop()


@pytest.fixture
def host(platform, small):
    """The same, and it gets the calls."""
    node = platform.nodes["sim1"]
    before, node.dialplan = node.dialplan, controlled_by([small.listen])
    yield small
    node.dialplan = before


@contextmanager
def filled(disk, leave):
    """All of the disk but `leave` bytes is taken."""
    file = disk / "filler"
    with file.open("wb") as filler:
        wait(lambda: _taken(filler, disk, leave), "the disk is full")
    try:
        yield
    finally:
        file.unlink()


def _taken(filler, disk, leave):
    """Whether all that was free could be had: others write meanwhile."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with suppress(OSError):
        os.posix_fallocate(filler.fileno(), 0, os.fstat(filler.fileno()).st_size + free - leave)
        return True
    return False


def refused(platform):
    result = platform.place("echo")
    return (result.status, result.cause) == (503, "SWITCH_CONGESTION") and result


def taken(platform):
    result = platform.place("echo")
    return result.status == 200 and result


def test_too_little_room_refuses_new_calls(platform, host, disk):
    before = taken(platform)
    with filled(disk, leave=2 * 2**20):
        late = wait(lambda: refused(platform), "calls are refused")
        wait(lambda: host.readyz()["spool"] is False, "the operator is told")
        assert host.readyz()["ready"] is False
    after = wait(lambda: taken(platform), "calls are taken again")
    wait(lambda: host.readyz()["ready"], "the operator is told")
    assert [platform.story(result).cdr["reason"] for result in (before, late, after)] == [None, "spool_full", None]


def test_no_room_at_all_loses_nothing(platform, host, disk):
    parts = host.part("worker"), host.part("recorder")
    talks, rings = platform.talking(platform.dial(TALKS)), platform.ringing(platform.dial(RINGS))
    echoes = platform.talking(platform.dial(ECHOES))
    with filled(disk, leave=0):
        late = [wait(lambda: refused(platform), "calls are refused") for _ in range(3)]
        platform.hang_up(talks, rings, echoes)
        wait(lambda: host.logged("spool"), "the operator is told")
        more = refused(platform)
        wait(lambda: host.readyz()["ready"] is False, "the operator is told")
    after = wait(lambda: taken(platform), "calls are taken again")
    assert (host.part("worker"), host.part("recorder")) == parts
    for result in (talks, rings, echoes, after):
        assert platform.story(result).cdr["sip_status"] == result.status
        wait(lambda result=result: platform.final(result.uuid)["trace"], "what the worker kept in memory is written")
    assert {platform.story(result).cdr["reason"] for result in (*late, more)} == {"spool_full"}
    wait(lambda: host.metric("callctl_spool_records") == 0, "all is written")


def test_a_worker_that_begins_without_room(platform, host, disk):
    former = host.part("worker")
    with filled(disk, leave=0):
        os.kill(former, signal.SIGKILL)
        wait(lambda: not alive(former), "the worker is dead")
        late = wait(lambda: refused(platform), "calls are refused")
        assert host.part("worker") != former
    after = wait(lambda: taken(platform), "calls are taken again")
    assert platform.story(after).cdr["sip_status"] == 200
    wait(lambda: platform.final(late.uuid)["trace"], "what the worker kept in memory is written")
    assert platform.final(late.uuid)["reason"] == "spool_full"


def test_files_that_cannot_grow_lose_nothing(platform):
    """The same without a disk of one's own; the log is such a file, too, and what it lacks costs no call."""
    host = platform.host
    parts = host.part("worker"), host.part("recorder")
    talks, echoes = platform.talking(platform.dial(TALKS)), platform.talking(platform.dial(ECHOES))
    limits = [resource.prlimit(part, resource.RLIMIT_FSIZE) for part in parts]
    for part, (_, hard) in zip(parts, limits, strict=True):
        resource.prlimit(part, resource.RLIMIT_FSIZE, (1, hard))
    try:
        late = wait(lambda: refused(platform), "calls are refused")
        platform.hang_up(talks, echoes)
        wait(lambda: host.readyz()["ready"] is False, "the operator is told")
    finally:
        for part, limit in zip(parts, limits, strict=True):
            resource.prlimit(part, resource.RLIMIT_FSIZE, limit)
    after = wait(lambda: taken(platform), "calls are taken again")
    assert (host.part("worker"), host.part("recorder")) == parts
    for result in (talks, echoes, after):
        assert platform.story(result).cdr["sip_status"] == result.status
    wait(lambda: platform.final(late.uuid)["reason"] == "spool_full", "what the worker kept in memory is written")
