"""What `callctl cdr verify` says, a line for each thing that does not add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click

from callctl.cli.output import Context
from callctl.store.verify import Wrong

SENTENCES = {
    "no_end": (
        "call {call_uuid} of account {account} began at {started_at} and has no end: it is not charged",
        "账户 {account} 的呼叫 {call_uuid} 始于 {started_at}，没有结束记录，未计费",
    ),
    "other_price": (
        "call {call_uuid} of account {account} has price {price} and tax {tax} {currency}, and no charge like that",
        "账户 {account} 的呼叫 {call_uuid} 价格 {price}、税 {tax} {currency}，但没有与之相符的费用记录",
    ),
    "other_cost": (
        "call {call_uuid} has cost {cost} with carrier {carrier}, and no charge of the carrier like that",
        "呼叫 {call_uuid} 在运营商 {carrier} 的成本为 {cost}，但没有与之相符的运营商费用记录",
    ),
    "not_charged": (
        "call {call_uuid} of account {account} was answered for {duration_ms} ms, rates were found, nobody was charged",
        "账户 {account} 的呼叫 {call_uuid} 通话 {duration_ms} 毫秒，有费率却没有计费",
    ),
    "not_numbered": (
        "call {call_uuid} of account {account} is charged, and neither has a number nor waits for one",
        "账户 {account} 的呼叫 {call_uuid} 已计费，但没有编号，也不在等待编号",
    ),
    "charge_without_call": (
        "account {account} is charged {amount} {currency} for call {call_uuid}, which is not recorded as booked",
        "账户 {account} 因呼叫 {call_uuid} 被收取 {amount} {currency}，但该呼叫没有入账的话单",
    ),
    "other_entry": (
        "account {account} is charged {amount} {currency} for call {call_uuid}, and the ledger has {booked}",
        "账户 {account} 因呼叫 {call_uuid} 应收 {amount} {currency}，账目中为 {booked}",
    ),
    "entry_without_charge": (
        "entry {reference} of account {account} is of {amount} {currency}, and no call was charged so",
        "账户 {account} 的账目 {reference} 为 {amount} {currency}，但没有对应的费用记录",
    ),
    "balance_without_entry": (
        "account {account} has balance {balance} without an entry in the ledger",
        "账户 {account} 的余额为 {balance}，但没有任何账目",
    ),
    "broken_chain": (
        "entry {id} ({reference}) of account {account} is of {amount} and leaves {balance_after}, not {expected}",
        "账户 {account} 的账目 {id}（{reference}）为 {amount}，之后余额为 {balance_after}，应为 {expected}",
    ),
    "other_currency": (
        "entry {id} ({reference}) of account {account} is in {currency}, those before it in {expected}",
        "账户 {account} 的账目 {id}（{reference}）的货币为 {currency}，此前为 {expected}",
    ),
    "other_balance": (
        "account {account} has balance {balance} of entry {ledger_id}, and its last entry {id} leaves {balance_after}",
        "账户 {account} 的余额为 {balance}（账目 {ledger_id}），而最后一条账目 {id} 之后应为 {balance_after}",
    ),
}


def show(context: Context, wrong: Wrong) -> None:
    """One thing that does not add up."""
    if context.as_json:
        found = {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in wrong.found.items()}
        context.json({"wrong": wrong.kind, **found})
        return
    known = {name: _shown(value, context) for name, value in wrong.found.items()}
    click.echo(context.words(*SENTENCES[wrong.kind]).format_map(known))


def show_counted(context: Context, counted: dict[str, int]) -> None:
    """How much was compared, and with what result."""
    if context.as_json:
        context.json(counted)
        return
    en = "{calls} calls, {charges} charges, {entries} entries of {accounts} accounts: "
    zh = "{calls} 个呼叫、{charges} 笔费用、{accounts} 个账户的 {entries} 条账目："
    if counted["wrong"]:
        en, zh = en + "{wrong} do not add up.", zh + "{wrong} 处不一致。"
    else:
        en, zh = en + "all adds up.", zh + "全部一致。"
    click.echo(context.words(en, zh).format_map(counted))


def _shown(value: Any, context: Context) -> str:
    if value is None:
        return context.words("nothing", "无")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
