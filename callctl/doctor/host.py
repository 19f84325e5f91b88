"""This host: the spool folder, the ports, the limits of a process."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import resource
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from callctl.doctor.finding import Answer, Room, Words, fail, ok, warn
from callctl.settings import Settings, split_address

VOLATILE = {"tmpfs", "ramfs"}
BACKLOG = 10_000  # records; minutes of a busy host
NO_NAMES = {"localhost", "(none)"}
OTHER_FILES = 256  # that a worker has open beside its calls
_HELD_TIMEOUT = 2.0  # seconds


def room(settings: Settings) -> Room[Settings]:
    """This host's checks."""
    checks = (disk, free_room, backlog, rejected, esl_port, http_port, open_files, name, priority)
    return Room("host", nullcontext(settings), checks, gates=(spool,), blocking=True)


def spool(settings: Settings) -> Answer:
    """Records can be written where they wait for MySQL."""
    folder = settings.spool.directory
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"x")
    except OSError as error:
        mend = Words(
            f"Let the user that callctl runs as write in {place}, or set [spool] directory to another folder.",
            f"请让运行 callctl 的用户可写 {place}，或将 [spool] directory 设为其他目录。",
        )
        return fail(f"{place} cannot be written ({error.strerror})", f"{place} 不可写（{error.strerror}）", mend)
    if place != folder:
        return ok(f"{folder} can be made by callctl serve", f"{folder} 可由 callctl serve 创建")
    return ok(f"{folder} can be written", f"{folder} 可写")


def disk(settings: Settings) -> Answer:
    """What lies in memory is gone at the next start."""
    kind = _filesystem(_existing(settings.spool.directory))
    if kind not in VOLATILE:
        return ok(f"the spool is on {kind}", f"缓存目录位于 {kind}")
    mend = Words("Set [spool] directory to a folder on a disk.", "请将 [spool] directory 设为磁盘上的目录。")
    return fail(f"the spool is on {kind}: a restart loses its records", f"缓存目录位于 {kind}：重启会丢失话单", mend)


def free_room(settings: Settings) -> Answer:
    """Below [spool] min_free_mb new calls are refused."""
    free, least = shutil.disk_usage(_existing(settings.spool.directory)).free >> 20, settings.spool.min_free_mb
    mend = Words("Make room on the spool's disk.", "请为缓存目录所在磁盘腾出空间。")
    if free < least:
        return fail(
            f"{free} MB free and {least} needed: calls are refused", f"剩余 {free} MB，需要 {least}：呼叫会被拒绝", mend
        )
    if free < 4 * least:
        return warn(
            f"only {free} MB free; calls are refused below {least}", f"仅剩 {free} MB；低于 {least} 将拒绝呼叫", mend
        )
    return ok(f"{free} MB free", f"剩余 {free} MB")


def backlog(settings: Settings) -> Answer:
    """Records get on to MySQL."""
    waiting = _records(settings, "SELECT COUNT(*) FROM record")
    if isinstance(waiting, Answer):
        return waiting
    if waiting[0] <= BACKLOG:
        return ok(f"{waiting[0]} records wait for MySQL", f"{waiting[0]} 条话单等待写入 MySQL")
    mend = Words(
        "See that callctl serve runs and MySQL answers; they are written then.",
        "请确认 callctl serve 正在运行且 MySQL 应答；随后会写入。",
    )
    return warn(f"{waiting[0]} records wait for MySQL", f"{waiting[0]} 条话单等待写入 MySQL", mend)


def rejected(settings: Settings) -> Answer:
    """No record was such that MySQL would never take it."""
    aside = _records(settings, "SELECT COUNT(*), MAX(error) FROM rejected")
    if isinstance(aside, Answer):
        return aside
    count, error = aside
    if not count:
        return ok("no record was set aside", "没有被搁置的话单")
    file = settings.spool.directory / "spool.db"
    mend = Words(
        f"Read the table `rejected` of {file} with sqlite3 and report what is in it; then delete the rows.",
        f"请用 sqlite3 查看 {file} 的 rejected 表并上报，然后删除这些行。",
    )
    return warn(
        f"{count} records that MySQL refused are set aside: {error}",
        f"{count} 条被 MySQL 拒绝的话单已搁置：{error}",
        mend,
    )


def esl_port(settings: Settings) -> Answer:
    """FreeSWITCH's calls can be listened for, or are."""
    return _port(settings, settings.esl.listen, "[esl] listen", held=server(settings) is not None)


def http_port(settings: Settings) -> Answer:
    """So can health checks."""
    return _port(settings, settings.http.listen, "[http] listen", held=_is_ours(settings.http.listen))


def open_files(settings: Settings) -> Answer:
    """A call is an open file of its worker."""
    process = server(settings)
    most = _limit_of(process) if process else resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    need = settings.esl.max_sessions + OTHER_FILES
    if most in (None, resource.RLIM_INFINITY) or most >= need:
        return ok(f"{most} open files", f"打开文件数上限 {most}")
    mend = Words(
        f"Set LimitNOFILE={need} in the unit (or `ulimit -n {need}`), or lower [esl] max_sessions.",
        f"请在服务单元中设置 LimitNOFILE={need}（或 ulimit -n {need}），或减小 [esl] max_sessions。",
    )
    return warn(
        f"{most} open files are allowed; {settings.esl.max_sessions} calls a worker need {need}",
        f"打开文件数上限 {most}；每进程 {settings.esl.max_sessions} 个呼叫需要 {need}",
        mend,
    )


def name(settings: Settings) -> Answer:
    """Records and the keeping of calls go by the host's name: each controller needs its own."""
    own = socket.gethostname()
    if own.partition(".")[0] not in NO_NAMES:
        return ok(f"this host is {own}", f"本机名为 {own}")
    return warn(
        f"this host calls itself {own}, as others do: two controllers of one name both keep a node's calls",
        f"本机名为 {own}，容易与其他主机重名：两台同名控制器会同时管理同一节点的呼叫",
        Words(
            "`hostnamectl set-hostname NAME`, another on each controller.",
            "请执行 hostnamectl set-hostname 名称，每台控制器不同。",
        ),
    )


def priority(settings: Settings) -> Answer:
    """A FreeSWITCH on this host goes behind what answers it."""
    before = sorted(nice for nice in _nice("freeswitch") if nice < 0)
    if not before:
        return ok("no FreeSWITCH here goes before callctl", "本机没有优先级高于 callctl 的 FreeSWITCH")
    return warn(
        f"a FreeSWITCH here has priority (nice {before[0]}): under load callctl has no processor to answer it with",
        f"本机的 FreeSWITCH 优先级更高（nice {before[0]}）：负载高时 callctl 得不到处理器来应答它",
        Words(
            "Start it with -np, and `systemctl set-property freeswitch.service CPUWeight=10`.",
            "启动时加 -np，并执行 systemctl set-property freeswitch.service CPUWeight=10。",
        ),
    )


def _nice(program: str) -> Iterator[int]:
    """The nice value of each process of a program, as proc(5) has it."""
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            head, _, fields = file.read_text(encoding="utf-8", errors="replace").rpartition(")")
            if head.partition("(")[2] == program:
                yield int(fields.split()[16])


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())


def _filesystem(place: Path) -> str:
    """The kind of file system a folder is on, as /proc tells."""
    best = ("", "?")
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, mount, kind = line.split()[:3]
        mount = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), mount)
        if place.resolve().is_relative_to(mount) and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]


def _records(settings: Settings, sql: str) -> tuple[int, ...] | Answer:
    """A row of the spool, read without taking part in it."""
    file = settings.spool.directory / "spool.db"
    if not file.exists():
        return ok("there is no spool yet", "尚无缓存")
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=_HELD_TIMEOUT)
        ) as database:
            row: tuple[int, ...] = database.execute(sql).fetchone()
            return row
    except sqlite3.Error as error:
        mend = Words(
            f"Let the user that callctl runs as own {file}; move a damaged one aside (sqlite3's .recover reads it).",
            f"请让运行 callctl 的用户拥有 {file}；若已损坏请移开（可用 sqlite3 的 .recover 恢复）。",
        )
        return fail(f"{file} cannot be read: {error}", f"无法读取 {file}：{error}", mend)


def server(settings: Settings) -> int | None:
    """The process that serves from the spool folder, 0 where it cannot be told; None when there is none."""
    file = settings.spool.directory / "serve.lock"
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 20).decode("ascii", "replace").strip()
        return int(text) if text.isdecimal() else 0
    finally:
        os.close(descriptor)
    return None


def workers(settings: Settings) -> int:
    """How many `callctl serve` has here; where none serves, or it may not be asked, one on each core."""
    process = server(settings)
    if process:
        with suppress(OSError):
            text = Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8", errors="replace").replace("=", "\0")
            found = re.search(r"\0--workers\0(\d+)", text)
            return int(found[1]) if found else 1
    return os.cpu_count() or 1


def _port(settings: Settings, address: str, setting: str, *, held: bool) -> Answer:
    host, port = split_address(address)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if held:
                return ok(f"callctl serve listens on {address}", f"callctl serve 正在监听 {address}")
            in_use = error.errno == errno.EADDRINUSE
            find = f"`ss -ltnp sport = :{port}`"
            mend = Words(
                f"End what holds it ({find}), or change {setting}."
                if in_use
                else f"Set {setting} to an address of this host.",
                f"请结束占用者（{find}），或修改 {setting}。" if in_use else f"请将 {setting} 设为本机地址。",
            )
            return fail(
                f"{address} cannot be listened on ({error.strerror})", f"无法监听 {address}（{error.strerror}）", mend
            )
    if server(settings) is not None:
        mend = Words("See the log of callctl serve.", "请查看 callctl serve 的日志。")
        return fail(
            f"callctl serve runs and does not listen on {address}", f"callctl serve 在运行但未监听 {address}", mend
        )
    return ok(f"{address} is free", f"{address} 空闲")


def _is_ours(address: str) -> bool:
    """Whether what listens there says that it is callctl."""
    host, port = split_address(address)
    client = HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=_HELD_TIMEOUT)  # noqa: S104
    try:
        client.request("GET", "/healthz")
        return bool(json.loads(client.getresponse().read(1024)) == {"alive": True})
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        client.close()


def _limit_of(process: int) -> int | None:
    """The open files a process may have; None when it may not be asked, or has no limit."""
    try:
        text = Path(f"/proc/{process}/limits").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^Max open files\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else None
