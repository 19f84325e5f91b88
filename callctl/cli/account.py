"""`callctl account`: what is configured of accounts. What is done with their money stands in account_money."""

from __future__ import annotations

from typing import Any

import click

from callctl.cli import account_money, entry
from callctl.cli.database import opened
from callctl.cli.output import Context, pass_context
from callctl.store import ledger
from callctl.store.directory import load_directory

KEYS = entry.Keys(
    "account",
    {
        "status": "active, or closed: then it makes no calls.  active 启用，closed 关闭",
        "parent": "The account it belongs to, whose limits and tariff hold too.  上级账户",
        "mode": "prepaid, or postpaid with a credit limit.  prepaid 预付，postpaid 后付",
        "credit_limit": "How far a postpaid balance may fall below nothing.  后付账户的信用额度",
        "tariff": "By which it pays for calls; without one it does not.  费率",
        "currency": "As USD; without one, its tariff's.  货币",
        "timezone": "As Asia/Shanghai, for rates by the hour and limits by the day.  时区",
        "limits.calls": "Calls at once.  并发呼叫数",
        "limits.cps": "Calls begun a second.  每秒新呼叫数",
        "limits.spend_per_day": "Money a day.  每日消费上限",
        "limits.price_per_minute": "The most a minute may cost.  每分钟最高单价",
        "max_duration": "Seconds a call may last.  最长通话秒数",
        "blocked": "Prefixes it may not call, as 1900,44.  禁止的号码前缀",
        "allowed": "The only prefixes it may call.  只允许的号码前缀",
        "premium": "true: it may call premium numbers.  是否可呼叫高额收费号码",
        "codecs": "As PCMA,OPUS; without, the platform's.  编解码",
        "codec_check": "false: leave codecs to FreeSWITCH.  是否检查编解码",
    },
    frozenset({"blocked", "allowed", "codecs"}),
)


@click.group(context_settings=entry.SETTINGS)
def account() -> None:
    """Accounts: who pays and whose rules hold. Each act of `callctl apply` one by one, and their money.

    账户：谁付费、适用谁的规则。不用文件也可逐项操作，并管理账户的余额。
    """


@account.command()
@click.argument("name")
@KEYS.options
@pass_context
def create(context: Context, /, name: str, **values: str | None) -> None:
    """Add an account. What no option says has its default.

    新建账户；未给出的选项取默认值。
    """
    entry.show(context, entry.create(context, KEYS, {"name": name}, KEYS.given(values)))


@account.command()
@click.argument("name")
@KEYS.options
@pass_context
def change(context: Context, /, name: str, **values: str | None) -> None:
    """Change what options say, and leave the rest; an empty value ("") is the default again.

    修改选项所给的内容，其余不变；空值 ("") 表示恢复默认值。
    """
    entry.show(context, entry.change(context, KEYS, name, KEYS.given(values)))


@account.command()
@click.argument("name")
@pass_context
def delete(context: Context, name: str) -> None:
    """Remove an account that nothing refers to. One that has a ledger is closed, and its ledger stays.

    删除无人引用的账户；已有账目的账户只会被关闭，账目保留。
    """
    changes = entry.delete(context, "account", name)
    entry.show(context, changes)
    if not context.as_json and not any(change.key == name and not change.now for change in changes):
        click.echo(
            context.words(
                f"Account {name} has a ledger, so it is closed and not deleted.",
                f"账户 {name} 已有账目，因此被关闭而不是删除。",
            )
        )


@account.command("list")
@pass_context
def list_(context: Context) -> None:
    """The accounts there are, with their balances.

    列出所有账户及其余额。
    """
    with opened(context) as pool:
        accounts = load_directory(pool)[1]
        balances = ledger.balances(pool)
    rows: list[dict[str, Any]] = [
        {
            "name": each.name,
            "status": _status(each.active, each.held),
            "parent": each.parent or None,
            "tariff": each.tariff or None,
            "currency": each.currency or None,
            "balance": f"{balances.get(each.name, ledger.Standing()).balance:f}" if each.currency else None,
            "credit_limit": f"{each.credit_limit:f}" if each.credit_limit else None,
        }
        for each in accounts
    ]
    if context.as_json:
        for row in rows:
            context.json(row)
        return
    columns = context.words(
        "NAME STATUS PARENT TARIFF CURRENCY BALANCE CREDIT", "名称 状态 上级 费率 货币 余额 信用额度"
    ).split()
    context.table(columns, [list(row.values()) for row in rows])


def _status(active: bool, held: str) -> str:
    return "closed" if not active else f"held: {held}" if held else "active"


for _command in account_money.COMMANDS:
    account.add_command(_command)
