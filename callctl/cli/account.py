"""`callctl account`: what is configured of accounts. What is done with their money stands in account_money."""

from __future__ import annotations

from typing import Any

import click

from callctl.cli import account_money, entry
from callctl.cli.database import opened
from callctl.cli.keys import ACCOUNT_KEYS
from callctl.cli.output import Context, pass_context
from callctl.store import ledger
from callctl.store.directory import load_directory


@click.group(context_settings=entry.SETTINGS)
def account() -> None:
    """Accounts: who pays and whose rules hold. Each act of `callctl apply` one by one, and their money.

    账户：谁付费、适用谁的规则。不用文件也可逐项操作，并管理账户的余额。
    """


@account.command()
@click.argument("name")
@ACCOUNT_KEYS.options
@pass_context
def create(context: Context, /, name: str, **values: str | None) -> None:
    """Add an account. What no option says has its default.

    新建账户；未给出的选项取默认值。
    """
    entry.show(context, entry.create(context, ACCOUNT_KEYS, {"name": name}, ACCOUNT_KEYS.given(values)))


@account.command()
@click.argument("name")
@ACCOUNT_KEYS.options
@pass_context
def change(context: Context, /, name: str, **values: str | None) -> None:
    """Change what options say, and leave the rest; an empty value ("") is the default again.

    修改选项所给的内容，其余不变；空值 ("") 表示恢复默认值。
    """
    entry.show(context, entry.change(context, ACCOUNT_KEYS, name, ACCOUNT_KEYS.given(values)))


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
