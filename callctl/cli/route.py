"""`callctl route`. What `show` says of a number stands in route_shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from callctl.cli import entry, route_shown
from callctl.cli.country import country_of_prefix
from callctl.cli.database import opened
from callctl.cli.keys import ROUTE_KEYS
from callctl.cli.output import Context, pass_context
from callctl.errors import CallctlError
from callctl.store.directory import load_directory
from callctl.store.outside import item


@click.group(context_settings=entry.SETTINGS)
def route() -> None:
    """Plans of routes: which carriers calls to the outside are offered to. Their entries are written in files.

    路由计划：外呼按号码前缀选用的运营商。其条目写在文件中。
    """


@route.command()
@click.argument("name")
@ROUTE_KEYS.options
@pass_context
def change(context: Context, /, name: str, **values: str | None) -> None:
    """Change what options say, and leave the rest and the entries; an empty value ("") is the default again.

    修改选项所给的内容，其余及条目不变；空值 ("") 表示恢复默认值。
    """
    entry.show(context, entry.change(context, ROUTE_KEYS, name, ROUTE_KEYS.given(values)))


@route.command()
@click.argument("name")
@pass_context
def delete(context: Context, name: str) -> None:
    """Remove a plan by which no account calls.

    删除没有账户使用的路由计划。
    """
    if name == context.settings.calls.emergency_route:
        raise CallctlError(f"Emergency calls go by {name}: name another plan in [calls] emergency_route first.")
    entry.show(context, entry.delete(context, "route", name))


@route.command("list")
@pass_context
def list_(context: Context) -> None:
    """The plans there are, and who calls by them.

    列出路由计划及使用它们的账户。
    """
    with opened(context) as pool:
        _, accounts, _, outside, _ = load_directory(pool)
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "prefixes": len(plan.entries),
            "carriers": sorted({
                carrier for entries in plan.entries.values() for each in entries for carrier, _ in each.carriers
            }),
            "budget": plan.budget,
            "accounts": sorted(account.name for account in accounts if account.routes == name),
            "emergency": name == context.settings.calls.emergency_route,
        }
        for name, plan in outside.routes.items()
    ]
    if context.as_json:
        for row in rows:
            context.json(row)
        return
    columns = context.words(
        "NAME PREFIXES CARRIERS BUDGET CALLED_BY", "名称 前缀数 运营商 总秒数 使用者"
    ).split()
    emergency = context.words("emergency calls", "紧急呼叫")
    context.table(columns, [
        (row["name"], row["prefixes"], ", ".join(row["carriers"]), row["budget"],
         ", ".join([emergency] * row["emergency"] + row["accounts"]))
        for row in rows
    ])  # fmt: skip


@route.command()
@click.argument("name")
@click.argument("number", required=False)
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]), help="When, UTC; else now.  时间")
@pass_context
def show(context: Context, name: str, number: str | None, at: datetime | None) -> None:
    """The entries of a plan; with a NUMBER, in international form, the one that holds for it and its carriers in order.

    查看路由计划的条目；给出 NUMBER（国际格式）时，显示此时适用的条目及各运营商的顺序。
    """
    if number is not None:
        moment = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
        route_shown.show(context, name, number.removeprefix("+"), moment)
        return
    with opened(context) as pool:
        body = item(pool, "route", name)
    if not body:
        raise CallctlError(f"There is no route {name}: `callctl route list` names those there are.")
    if context.as_json:
        context.json(body)
        return
    said = "; ".join(f"{key} {value}" for key, value in body.items() if key not in ("name", "entries"))
    click.echo(f"{name}  {said}".rstrip())
    columns = context.words(
        "PREFIX COUNTRY CHOOSE CARRIERS WHEN ELSE", "前缀 国家和地区 选择方式 运营商 时段 其他"
    ).split()
    context.table(columns, [_row(context, each) for each in sorted(body["entries"], key=lambda each: each["prefix"])])


def _row(context: Context, body: dict[str, Any]) -> tuple[str, ...]:
    """An entry as it was applied."""
    carriers = ", ".join(_share(each) for each in body.get("carriers", ())) or context.words("none", "无")
    shown = {"prefix", "choose", "carriers", "when"}
    return (
        body["prefix"] or "*",
        country_of_prefix(body["prefix"], context.lang),
        body.get("choose", "priority"),
        carriers,
        _of(body.get("when", {})),
        _of({key: value for key, value in body.items() if key not in shown}),
    )


def _share(carrier: dict[str, Any]) -> str:
    weight = carrier.get("weight", 1)
    return carrier["name"] if weight == 1 else f"{carrier['name']} × {weight}"


def _of(values: dict[str, Any]) -> str:
    """Keys and their values, as files have them."""
    told = (f"{key} {_of(value) if isinstance(value, dict) else _list(value)}" for key, value in values.items())
    return "; ".join(told)


def _list(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
