"""`callctl endpoint`."""

from __future__ import annotations

import sys

import click

from callctl.cli import entry
from callctl.cli.database import opened
from callctl.cli.keys import ENDPOINT_KEYS
from callctl.cli.output import Context, pass_context
from callctl.declaration.account import EndpointEntry
from callctl.declaration.file import Misplaced, validated
from callctl.store.directory import load_directory


@click.group(context_settings=entry.SETTINGS)
def endpoint() -> None:
    """Phones and trunks. NAME is user@domain, an address or network, or prefix@network with its /.

    话机与中继。NAME 为 用户@域名、IP 地址或网段，或 前缀@网段（须带 /）。
    """


@endpoint.command()
@click.argument("name")
@ENDPOINT_KEYS.options
@pass_context
def create(context: Context, /, name: str, **values: str | None) -> None:
    """Add a phone, 1001@example.net, or a trunk, 203.0.113.0/29; with a prefix that it dials, 77@203.0.113.0/29.

    新建话机 (1001@example.net) 或中继 (203.0.113.0/29)；带拨号前缀的中继写作 77@203.0.113.0/29。
    """
    entry.show(context, entry.create(context, ENDPOINT_KEYS, _identity(name), ENDPOINT_KEYS.given(values)))


@endpoint.command()
@click.argument("name")
@ENDPOINT_KEYS.options
@pass_context
def change(context: Context, /, name: str, **values: str | None) -> None:
    """Change what options say, and leave the rest; an empty value ("") is the default again.

    修改选项所给的内容，其余不变；空值 ("") 表示恢复默认值。
    """
    entry.show(context, entry.change(context, ENDPOINT_KEYS, _key(name), ENDPOINT_KEYS.given(values)))


@endpoint.command()
@click.argument("name")
@click.option("--from-stdin", is_flag=True, help="Read it from stdin, a line, and do not ask.  从标准输入读取")
@pass_context
def password(context: Context, name: str, from_stdin: bool) -> None:
    """Give a phone a password; only its hash is kept, here and in Kamailio's subscriber table.

    设置话机密码；此处与 Kamailio 的 subscriber 表中都只保存其哈希值。
    """
    if from_stdin:
        text = sys.stdin.readline().rstrip("\n")
    else:
        text = click.prompt(context.words("Password", "密码"), hide_input=True, confirmation_prompt=True)
    entry.show(context, entry.change(context, ENDPOINT_KEYS, _key(name), {"ha1": None, "password": text}))


@endpoint.command()
@click.argument("name")
@pass_context
def delete(context: Context, name: str) -> None:
    """Remove a phone or a trunk.

    删除话机或中继。
    """
    entry.show(context, entry.delete(context, "endpoint", _key(name)))


@endpoint.command("list")
@click.option("--account", help="Only those of this account.  只列出该账户的")
@pass_context
def list_(context: Context, account: str | None) -> None:
    """The phones and trunks there are.

    列出话机与中继。
    """
    with opened(context) as pool:
        found = [each for each in load_directory(pool)[2] if account in (None, each.account)]
    if context.as_json:
        for each in found:
            context.json({
                "name": each.name,
                "account": each.account,
                "extension": each.extension or None,
                "caller_id": each.caller_id or None,
                "codecs": each.codecs,
                "limits": each.limits._asdict(),
                "forward": {word: number for word, number in each.forward._asdict().items() if number},
                "dnd": each.dnd,
            })
        return
    columns = context.words(
        "NAME ACCOUNT EXTENSION CALLER_ID CODECS CALLS CPS", "名称 账户 分机 主叫号码 编解码 并发 每秒"
    ).split()
    context.table(
        columns,
        [
            (each.name, each.account, each.extension, each.caller_id, ",".join(each.codecs), *each.limits)
            for each in found
        ],
    )


def _identity(name: str) -> dict[str, str]:
    """The keys that NAME stands for."""
    before, at, behind = name.rpartition("@")
    if not at:
        return {"address": name}
    return {"prefix": before, "address": behind} if "/" in behind else {"user": before, "domain": behind}


def _key(name: str) -> str:
    """The name as it is kept; what cannot be one is left, and then not found."""
    try:
        return validated(EndpointEntry, {"account": "any", **_identity(name)}).key
    except Misplaced:
        return name
