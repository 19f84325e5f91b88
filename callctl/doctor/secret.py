"""Passwords that anybody knows, and files with passwords that anybody may read."""

from __future__ import annotations

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
    return Room("secrets", nullcontext(Secrets(settings, file)), (passwords, files), blocking=True)


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
    is_open = sorted(str(file) for file in candidates if file is not None and file.stat().st_mode & stat.S_IROTH)
    if not is_open:
        return ok("files with passwords are not for everybody", "含密码的文件并非人人可读")
    what = " ".join(is_open)
    mend = Words(f"chmod o-rwx {what}", f"chmod o-rwx {what}")
    return warn(f"everybody on this host may read the passwords in {what}", f"本机任何人都可读取 {what} 中的密码", mend)


def _has_password(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any((key == "password" and bool(value)) or _has_password(value) for key, value in tree.items())
    return isinstance(tree, list) and any(map(_has_password, tree))
