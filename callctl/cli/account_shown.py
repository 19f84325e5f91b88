"""An account as `callctl account show` tells it: what MySQL has booked, and what Redis knows of calls in progress."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import click

from callctl.admission.limits import Limits
from callctl.admission.money import Look, Money
from callctl.cli.output import Context
from callctl.errors import CallctlError, RedisAway
from callctl.live.client import connect
from callctl.model import NO_LIMITS, Account
from callctl.settings import Settings
from callctl.store import hold, ledger
from callctl.store.balance import Balances, Opening
from callctl.store.configuration import body_of
from callctl.store.directory import lineage
from callctl.store.hold import Hold
from callctl.store.ledger import Entry, Standing
from callctl.store.pool import Pool
from callctl.world import Level


class Shown(NamedTuple):
    """What there is to show. `away`: why Redis was not asked, and then `look` and `in_use` are None."""

    lineage: list[Account]
    body: Mapping[str, Any]
    opening: Opening
    holds: list[Hold]
    entries: list[tuple[Entry, Standing]]
    look: Look | None
    in_use: tuple[int, int] | None
    away: str

    @property
    def account(self) -> Account:
        """The account itself."""
        return self.lineage[0]

    @property
    def available(self) -> Decimal:
        """What is left for calls."""
        look = self.look
        balance = self.opening.balance if look is None else look.balance - look.held - look.pending
        return balance + self.account.credit_limit

    @property
    def spent(self) -> Decimal:
        """Today, on the account's own day."""
        known = self.look is not None and self.look.day == self.opening.day
        return self.look.spent if self.look is not None and known else self.opening.spent


def read(pool: Pool, settings: Settings, name: str, entries: int) -> Shown:
    """All of it. Raises CallctlError where there is no such account, and StoreError."""
    with pool.transaction() as cursor:
        accounts = lineage(cursor, name)
        if not accounts:
            raise CallctlError(f"There is no account {name}: `callctl account list` names those there are.")
        body = body_of(cursor, "account", name)
        holds = hold.holds(cursor, name)
        last = ledger.last(cursor, name, entries)
    balances = Balances(pool)
    opening = balances.opening(name)
    client = connect(settings.redis)
    look, in_use, away = None, None, ""
    try:
        look = Money(client, settings.redis, balances.opening).look(name)
        in_use = Limits(client, settings.redis).in_use(Level(f"account {name}", None, None))
    except RedisAway as error:
        away = str(error)
    return Shown(accounts, body, opening, holds, last, look if in_use else None, in_use, away)


def show_shown(context: Context, shown: Shown) -> None:
    """For people or machines."""
    if context.as_json:
        context.json(_told(shown))
        return
    for label, text in _lines(context, shown):
        click.echo(f"{label}: {text}" if context.lang == "en" else f"{label}：{text}")
    if shown.away:
        click.echo(
            context.words(
                f"! {shown.away} What calls hold and what limits count could not be asked.",
                f"! {shown.away} 无法得知通话占用的金额和限制的使用情况。",
            )
        )
    if shown.entries:
        columns = context.words("AT KIND AMOUNT BALANCE REFERENCE NOTE", "时间 类型 金额 余额 编号 备注").split()
        context.table(columns, [_row(entry, standing) for entry, standing in shown.entries])


def _lines(context: Context, shown: Shown) -> list[tuple[str, str]]:
    account, words = shown.account, context.words
    configured = "; ".join(f"{key} {_value(value)}" for key, value in shown.body.items() if key != "name")
    lines = [(words("account", "账户"), f"{account.name}  {configured}".rstrip())]
    for each in shown.holds:
        note = f" ({each.note})" if each.note else ""
        blocked = f"{each.reference}{note}, {each.held_at:%Y-%m-%d %H:%M:%S} UTC"
        lines.append((words("blocked", "冻结"), blocked))
    for above in shown.lineage[1:]:
        state = words("closed", "已关闭") if not above.active else above.held and words("blocked", "已冻结")
        lines.append((words("belongs to", "上级"), f"{above.name} {state}".rstrip()))
    if account.currency:
        lines += _money_lines(context, shown)
    if account.limits != NO_LIMITS and shown.in_use is not None:
        calls, starts = shown.in_use
        used = f"{calls}/{_most(account.limits.calls)}, {starts}/{_most(account.limits.cps)}"
        lines.append((words("calls, starts a second", "并发呼叫，每秒新呼叫"), used))
    return lines


def _money_lines(context: Context, shown: Shown) -> list[tuple[str, str]]:
    account, look, words = shown.account, shown.look, context.words
    lines = [(words("balance", "余额"), f"{shown.opening.balance:f} {account.currency}")]
    if look is not None:
        calls = ", ".join(f"{call} {amount:f}" for call, amount in look.holds.items())
        lines.append((words("held by calls", "通话占用"), f"{look.held:f}" + (f" ({calls})" if calls else "")))
        lines.append((words("ended, not yet booked", "已结束未入账"), f"{look.pending:f}"))
        credit = f" ({words('with credit', '含信用额度')} {account.credit_limit:f})" if account.credit_limit else ""
        lines.append((words("available", "可用"), f"{shown.available:f}{credit}"))
    limit = f" / {account.spend_per_day:f}" if account.spend_per_day is not None else ""
    lines.append((words("spent today", "今日消费"), f"{shown.spent:f}{limit} ({shown.opening.day} {account.timezone})"))
    return lines


def _row(entry: Entry, standing: Standing) -> tuple[object, ...]:
    at = f"{ledger.moment(entry.at_us):%Y-%m-%d %H:%M:%S}"
    return at, entry.kind, f"{entry.amount:+f}", f"{standing.balance:f}", entry.reference, entry.note


def _told(shown: Shown) -> dict[str, Any]:
    account, look = shown.account, shown.look
    calls, starts = shown.in_use or (None, None)
    return {
        "name": account.name,
        "status": "active" if account.active else "closed",
        "configured": dict(shown.body),
        "currency": account.currency or None,
        "balance": f"{shown.opening.balance:f}",
        "credit_limit": f"{account.credit_limit:f}",
        "held": f"{look.held:f}" if look else None,
        "holds": {call: f"{amount:f}" for call, amount in look.holds.items()} if look else None,
        "pending": f"{look.pending:f}" if look else None,
        "available": f"{shown.available:f}" if look else None,
        "day": shown.opening.day,
        "spent_today": f"{shown.spent:f}",
        "spend_per_day": f"{account.spend_per_day:f}" if account.spend_per_day is not None else None,
        "calls": calls,
        "starts": starts,
        "limits": account.limits._asdict(),
        "blocked_by": [each._asdict() for each in shown.holds],
        "above": [
            {"name": each.name, "active": each.active, "blocked_by": each.held or None} for each in shown.lineage[1:]
        ],
        "ledger": [
            {
                "id": standing.ledger_id,
                "at": ledger.moment(entry.at_us),
                "kind": entry.kind,
                "amount": f"{entry.amount:f}",
                "balance_after": f"{standing.balance:f}",
                "currency": entry.currency,
                "reference": entry.reference,
                "note": entry.note,
            }
            for entry, standing in shown.entries
        ],
        "redis": shown.away or None,
    }


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _most(limit: int | None) -> str:
    return "-" if limit is None else str(limit)
