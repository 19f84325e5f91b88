"""`callctl did`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from callctl.cli import entry
from callctl.cli.country import country
from callctl.cli.database import opened
from callctl.cli.keys import DID_KEYS
from callctl.cli.output import Context, pass_context
from callctl.declaration.tariff import EPOCH
from callctl.directory import Snapshot
from callctl.store.directory import load_directory


@click.group(context_settings=entry.SETTINGS)
def did() -> None:
    """DIDs: numbers that reach an account from outside. Each act of `callctl apply` one by one.

    DID：从外部呼入账户的号码。不用文件也可逐项操作。
    """


@did.command()
@click.argument("number")
@DID_KEYS.options
@pass_context
def create(context: Context, /, number: str, **values: str | None) -> None:
    """Give an account a number, in international form.

    为账户分配一个号码（国际格式）。
    """
    entry.show(context, entry.create(context, DID_KEYS, {"number": number}, _given(values)))


@did.command()
@click.argument("number")
@DID_KEYS.options
@pass_context
def change(context: Context, /, number: str, **values: str | None) -> None:
    """Change what options say, and leave the rest; an empty value ("") is the default again.

    修改选项所给的内容，其余不变；空值 ("") 表示恢复默认值。
    """
    entry.show(context, entry.change(context, DID_KEYS, number.removeprefix("+"), _given(values)))


@did.command()
@click.argument("number")
@pass_context
def delete(context: Context, number: str) -> None:
    """Take a number away.

    收回一个号码。
    """
    entry.show(context, entry.delete(context, "did", number.removeprefix("+")))


@did.command("list")
@click.option("--account", help="Only those of this account.  只列出该账户的")
@pass_context
def list_(context: Context, account: str | None) -> None:
    """The DIDs there are.

    列出所有 DID。
    """
    with opened(context) as pool:
        dids = Snapshot(*load_directory(pool)).outside.dids.values()
    rows: list[dict[str, Any]] = [
        {
            "number": each.number,
            "country": country(each.number, context.lang) or None,
            "account": each.account,
            "status": "active" if each.active else "blocked",
            "carrier": each.carrier or None,
            "calls": each.calls,
            "expires": _moment(each.expires_us),
            "to": [target.value if target.kind == "uri" else f"{target.kind}:{target.value}" for target in each.to],
        }
        for each in dids
        if account in (None, each.account)
    ]
    if context.as_json:
        for row in rows:
            context.json(row)
        return
    columns = context.words(
        "NUMBER COUNTRY ACCOUNT STATUS CARRIER CALLS EXPIRES TO", "号码 国家和地区 账户 状态 运营商 并发 到期 去向"
    ).split()
    context.table(columns, [(*list(row.values())[:-1], ", ".join(row["to"])) for row in rows])


def _given(values: dict[str, str | None]) -> dict[str, Any]:
    """What options said; a destination stands as KIND:VALUE, a SIP URI as it is."""
    given = DID_KEYS.given(values)
    if given.get("to"):
        given["to"] = [_target(word) for word in given["to"]]
    return given


def _moment(at_us: int | None) -> str | None:
    return None if at_us is None else (EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")


def _target(word: str) -> dict[str, str]:
    kind, _, value = word.partition(":")
    if kind == "sip":
        return {"uri": word}
    if kind not in ("endpoint", "room", "number"):
        said = f"{word!r} is none; write one as endpoint:1001, room:sales, number:442079460000 or sip:a@b.example"
        raise click.BadParameter(said, param_hint="--to")
    return {kind: value}
