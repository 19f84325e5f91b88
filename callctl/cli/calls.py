"""`callctl calls`."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import click

from callctl.admission.money import held
from callctl.cli.output import Context, age, pass_context
from callctl.live import client
from callctl.live.calls import LiveCall, read


@click.command()
@pass_context
def calls(context: Context) -> None:
    """Calls that are up now, on every node.

    所有节点上正在进行的呼叫。
    """
    settings = context.settings
    redis = client.connect(settings.redis)
    up, unheard = read(redis, settings.redis, [node.name for node in settings.nodes])
    amounts = held(redis, settings.redis, [(call.uuid, call.payer) for call in up])
    for node in unheard:
        warning = context.words(
            f"Nobody follows node {node}: start `callctl serve`, or see its log for why the feed is down.",
            f"没有进程在监听节点 {node}：请启动 `callctl serve`，或在其日志中查看原因。",
        )
        click.echo(f"callctl: {warning}", err=True)
    if context.as_json:
        for call, amount in zip(up, amounts, strict=True):
            context.json(_shown(call) | {"held": None if amount is None else str(amount)})
    else:
        columns = context.words("UUID STATE ACCOUNT FROM TO SINCE NODE HELD", "UUID 状态 账户 主叫 被叫 时长 节点 占用")
        rows = [_row(call, time.time(), amount) for call, amount in zip(up, amounts, strict=True)]
        context.table(columns.split(), rows)
    if unheard:
        sys.exit(3)


def _shown(call: LiveCall) -> dict[str, Any]:
    """A call under the names that people see; `since` is microseconds since the epoch."""
    names = {"caller": "from", "called": "to", "since_us": "since"}
    return {names.get(name, name): value for name, value in asdict(call).items()}


def _row(call: LiveCall, now: float, amount: Decimal | None) -> tuple[str, ...]:
    since = age(now - call.since_us / 1e6)
    money = "" if amount is None else f"{amount.normalize():f}"
    return call.uuid, call.state, call.account, call.caller, call.called, since, call.node, money
