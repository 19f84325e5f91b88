"""`callctl carrier`. What `show` tells stands in carrier_shown."""

from __future__ import annotations

import click

from callctl.cli import carrier_shown, entry, places
from callctl.cli.database import opened
from callctl.cli.keys import CARRIER_KEYS
from callctl.cli.output import Context, pass_context
from callctl.directory import Snapshot
from callctl.model import Limits
from callctl.store.directory import load_directory


@click.group(context_settings=entry.SETTINGS)
def carrier() -> None:
    """Carriers: who takes calls to the outside. Each act of `callctl apply` one by one, and how they do.

    运营商：承接外呼的一方。不用文件也可逐项操作，并查看其状况。
    """


@carrier.command()
@click.argument("name")
@CARRIER_KEYS.options
@pass_context
def create(context: Context, /, name: str, **values: str | None) -> None:
    """Add a carrier; no call goes to it before a route names it.

    新建运营商；路由引用它之后才会有呼叫。
    """
    entry.show(context, entry.create(context, CARRIER_KEYS, {"name": name}, CARRIER_KEYS.given(values)))


@carrier.command()
@click.argument("name")
@CARRIER_KEYS.options
@pass_context
def change(context: Context, /, name: str, **values: str | None) -> None:
    """Change what options say, and leave the rest: --status closed, and within seconds it is offered no more calls.

    修改选项所给的内容，其余不变；--status closed 后数秒内不再向其送呼叫。
    """
    entry.show(context, entry.change(context, CARRIER_KEYS, name, CARRIER_KEYS.given(values)))


@carrier.command()
@click.argument("name")
@pass_context
def delete(context: Context, name: str) -> None:
    """Remove a carrier that no route and no DID names.

    删除没有路由和 DID 引用的运营商。
    """
    entry.show(context, entry.delete(context, "carrier", name))


@carrier.command("list")
@pass_context
def list_(context: Context) -> None:
    """The carriers there are, and the places that their calls take.

    列出运营商及其占用的并发。
    """
    with opened(context) as pool:
        carriers = Snapshot(*load_directory(pool)).outside.carriers
    limits = {name: Limits(each.calls, each.cps) for name, each in carriers.items()}
    used = places.of_carriers(context, limits)
    if context.as_json:
        for name, each in carriers.items():
            context.json({
                "name": name, "status": "active" if each.active else "closed", "tariff": each.tariff or None,
                "gateways": [gateway.address for gateway in each.gateways], "limits": limits[name]._asdict(),
                **carrier_shown.in_use(used, name), "redis": used.away or None,
            })  # fmt: skip
        return
    columns = context.words(
        "NAME STATUS TARIFF GATEWAYS CALLS,STARTS", "名称 状态 费率 网关 并发,每秒"
    ).split()
    context.table(columns, [
        (name, "active" if each.active else "closed", each.tariff, ", ".join(at.address for at in each.gateways),
         places.said(used, name, limits[name]))
        for name, each in carriers.items()
    ])  # fmt: skip
    places.say_away(context, used)


@carrier.command()
@click.argument("name")
@pass_context
def show(context: Context, name: str) -> None:
    """One carrier: what is declared, its gateways and routes, places in use, and what it did lately with its calls.

    查看一个运营商：配置、网关、所在路由、占用的并发及近期质量。
    """
    carrier_shown.show(context, name)
