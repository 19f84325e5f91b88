"""Passwords that anybody knows, and files with passwords that anybody may read."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import tomllib
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from callctl.doctor.finding import Answer, Room, Words, fail, ok, warn
from callctl.settings import Settings, WithPassword

WELL_KNOWN = {
    "cluecon",
    "password",
    "changeme",
    "secret",
    "admin",
    "root",
    "callctl",
    "kamailio",
    "kamailiorw",
    "123456",
}


class Secrets(NamedTuple):
    """The settings, and the file they were read from."""

    settings: Settings
    file: Path | None

    def holders(self) -> list[tuple[str, WithPassword]]:
        """Everything that has a password, by the name of its place in the settings."""
        own = self.settings
        found: list[tuple[str, WithPassword]] = [("[mysql]", own.mysql), ("[redis]", own.redis)]
        if own.location.mysql is not None:
            found.append(("[location.mysql]", own.location.mysql))
        return found + [(f"[[nodes]] {node.name}", node) for node in own.nodes]


def room(settings: Settings, file: Path | None) -> Room[Secrets]:
    """The checks on secrets."""
    return Room("secrets", nullcontext(Secrets(settings, file)), (passwords, files, readable), blocking=True)


def passwords(secrets: Secrets) -> Answer:
    """No password is empty or in every manual."""
    weak = []
    for place, holder in secrets.holders():
        text = holder.password.get_secret_value()
        if not text:
            weak.append((place, "empty", "为空"))
        elif text.lower() in WELL_KNOWN:
            weak.append((place, "one that everybody knows", "为众所周知的默认值"))
    if not weak:
        return ok("no password is empty or a default", "没有空密码或默认密码")
    mend = Words(
        "Give each service a random password of its own (`openssl rand -hex 16`), there and here.",
        "请为每个服务设置随机密码（openssl rand -hex 16），服务端与此处一致。",
    )
    return fail(
        "password " + "; ".join(f"of {place} is {en}" for place, en, _ in weak),
        "；".join(f"{place} 的密码{zh}" for place, _, zh in weak),
        mend,
    )


def files(secrets: Secrets) -> Answer:
    """Files with passwords are for their owner (and group) alone."""
    candidates = {holder.password_file for _, holder in secrets.holders()} - {None}
    if secrets.file is not None and _has_password(tomllib.loads(secrets.file.read_text(encoding="utf-8"))):
        candidates.add(secrets.file)
    for_all = sorted(str(file) for file in candidates if file is not None and is_open(file))
    if not for_all:
        return ok("files with passwords are not for everybody", "含密码的文件并非人人可读")
    what = " ".join(for_all)
    mend = Words(f"chmod o-rwx {what}", f"chmod o-rwx {what}")
    return warn(f"everybody on this host may read the passwords in {what}", f"本机任何人都可读取 {what} 中的密码", mend)


def readable(secrets: Secrets) -> Answer:
    """Who runs `callctl serve` can read them too, whoever asks now."""
    named = {holder.password_file for _, holder in secrets.holders()} | {secrets.file}
    user = server(secrets.settings)
    unread = sorted(str(file) for file in named if file is not None and not may_read(file, user))
    if not unread:
        return ok(f"{user.name} can read settings and passwords", f"{user.name} 可读取配置与密码文件")
    what = " ".join(unread)
    mend = Words(f"chgrp {user.group} {what}; chmod g+r {what}", f"chgrp {user.group} {what}; chmod g+r {what}")
    return fail(
        f"{user.name}, who runs callctl, cannot read {what}", f"运行 callctl 的 {user.name} 无法读取 {what}", mend
    )


class User(NamedTuple):
    """Who runs `callctl serve` here; with all its groups' numbers."""

    name: str
    group: str
    user_id: int
    group_ids: frozenset[int]


def server(settings: Settings) -> User:
    """The owner of the spool folder when root asks, else who asks."""
    folder = settings.spool.directory
    number = folder.stat().st_uid if os.geteuid() == 0 and folder.is_dir() else os.geteuid()
    try:
        entry = pwd.getpwuid(number)
        groups = frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))
        return User(entry.pw_name, grp.getgrgid(entry.pw_gid).gr_name, number, groups)
    except KeyError:  # a number without a name, as in containers
        return User(str(number), str(os.getegid()), number, frozenset({os.getegid(), *os.getgroups()}))


def may_read(file: Path, user: User) -> bool:
    """Whether a user may read a file that is there, by its mode."""
    try:
        found = file.stat()
    except OSError:
        return False
    if user.user_id == 0:
        return True
    if found.st_uid == user.user_id:
        return bool(found.st_mode & stat.S_IRUSR)
    return bool(found.st_mode & (stat.S_IRGRP if found.st_gid in user.group_ids else stat.S_IROTH))


def is_open(file: Path) -> bool:
    """Whether everybody may read a file."""
    return bool(file.stat().st_mode & stat.S_IROTH)


def _has_password(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any((key == "password" and bool(value)) or _has_password(value) for key, value in tree.items())
    return isinstance(tree, list) and any(map(_has_password, tree))
