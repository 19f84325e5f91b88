"""`callctl rate`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from callctl.cli.country import country
from callctl.cli.output import Context, pass_context
from callctl.declaration import tariffs
from callctl.declaration.tariff import EPOCH
from callctl.errors import ConfigError
from callctl.rating.chain import Stretch
from callctl.rating.longest import longest
from callctl.rating.price import Price, price
from callctl.rating.rounding import Rounding
from callctl.rating.tariff import SECOND, Tariff
from callctl.store.migrate import require_current
from callctl.store.pool import Pool
from callctl.store.tariff import load

SHOWN = Rounding("half-up", 10)  # what is not money yet is shown to so many decimals


def _parsed(parse: Callable[[str], Any], example: str) -> Callable[..., Any]:
    def callback(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Any:
        try:
            return None if value is None else parse(value)
        except (ValueError, OSError, InvalidOperation, KeyError) as error:
            raise click.BadParameter(f"{value!r} is none; write one as {example}") from error

    return callback


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if not 1971 <= moment.year <= 9000:  # room for its zone and the length of the call
        raise ValueError(text)
    return moment


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite():
        raise ValueError(text)
    return amount


@click.command()
@click.option("-f", "--file", type=click.Path(path_type=Path), help="A YAML file with the tariff.  费率文件")
@click.option("--tariff", "name", help="Which of the file; without -f, one that is in MySQL.  费率名称")
@click.option("--to", "called", required=True, help="The number called, in international form.  被叫号码")
@click.option(
    "--start",
    required=True,
    callback=_parsed(_moment, "2026-11-02T18:00:00Z"),
    help="When the call was answered, ISO 8601; without an offset, in --timezone.  应答时间",
)
@click.option("--seconds", required=True, type=click.IntRange(0, 366 * 86_400), help="How long it lasts.  通话秒数")
@click.option(
    "--timezone",
    "zone",
    default="UTC",
    show_default=True,
    callback=_parsed(ZoneInfo, "Asia/Shanghai"),
    help="The account's, for the time windows.  账户时区",
)
@click.option(
    "--balance",
    callback=_parsed(_amount, "12.50"),
    help="Also how many seconds, --seconds at most, this much money pays for.  余额可通话的秒数",
)
@pass_context
def rate(
    context: Context,
    file: Path | None,
    name: str | None,
    called: str,
    start: datetime,
    seconds: int,
    zone: ZoneInfo,
    balance: Decimal | None,
) -> None:
    """Price a call against a tariff, of a file or in MySQL, and say how the price comes about.

    按文件或 MySQL 中的费率计算一个呼叫的价格，并说明其构成。
    """
    called = called.removeprefix("+")
    if file is not None:
        tariff = _of_file(file, name)
    elif name is not None:
        tariff = _loaded(context, name, called)
    else:
        raise click.UsageError("say which tariff: -f FILE, or --tariff NAME of one that is in MySQL")
    start_us = (start.replace(tzinfo=start.tzinfo or zone) - EPOCH) // timedelta(microseconds=1)
    rates = tariff.find(called, start_us)
    priced = price(rates, start_us, seconds * SECOND, zone)
    answer = {**told(tariff, priced, zone), "country": country(called, context.lang) or None}
    if balance is not None:
        answer["max_seconds"] = longest(rates, start_us, zone, balance, seconds)
    if context.as_json:
        context.json(answer)
    else:
        _show(context, answer)


def _of_file(file: Path, name: str | None) -> Tariff:
    found = tariffs(file)
    names = ", ".join(found) or "none"
    if name is not None:
        if name not in found:
            raise ConfigError(f"{file} declares {names}, not {name}: correct --tariff.")
        return found[name].tariff()
    if len(found) != 1:
        raise ConfigError(f"{file} must declare one tariff, but declares {names}: say which with --tariff.")
    return next(iter(found.values())).tariff()


def _loaded(context: Context, name: str, number: str) -> Tariff:
    pool = Pool(context.settings.mysql, 1)
    try:
        require_current(pool)
        return load(pool, name, number)
    finally:
        pool.close()


def told(tariff: Tariff, priced: Price, zone: tzinfo) -> dict[str, Any]:
    """A price as JSON has it; money is text."""
    money = priced.money
    return {
        "price": str(money.price),
        "tax": str(money.tax),
        "taxes": [str(tax) for tax in money.taxes],
        "total": str(money.total),
        "currency": tariff.currency,
        "billed_seconds": priced.billed_seconds,
        "tariff": tariff.name,
        "prefix": priced.rate.prefix,
        "destination": priced.rate.destination,
        "connect_fee": _shown(priced.exact(priced.connect_fee)),
        "steps": [_step(stretch, priced.exact(stretch.cost), zone) for stretch in priced.stretches],
    }


def _step(stretch: Stretch, cost: Fraction, zone: tzinfo) -> dict[str, Any]:
    step = stretch.step
    return {
        "at": datetime.fromtimestamp(stretch.begins_us // SECOND, zone).isoformat(),
        "after": step.after,
        "price": str(step.price),
        "per": step.per,
        "increment": step.increment,
        "increments": stretch.increments,
        "seconds": stretch.seconds,
        "amount": _shown(cost),
    }


def _shown(amount: Fraction) -> str:
    return f"{SHOWN.money(SHOWN.units(*amount.as_integer_ratio())).normalize():f}"


def _show(context: Context, answer: dict[str, Any]) -> None:
    words = context.words
    currency = answer["currency"]
    where = f"  {answer['country']}" if answer["country"] else ""
    click.echo(f"{answer['prefix'] or '*'} {answer['destination']} ({answer['tariff']}){where}")
    if Decimal(answer["connect_fee"]):
        click.echo(f"{words('connect fee', '接通费')} {answer['connect_fee']}")
    columns = ("at", "seconds", "increments", "price", "amount")
    if context.lang == "zh":
        columns = ("时间", "秒数", "计费单元", "单价", "金额")
    rows = [
        (
            step["at"],
            step["seconds"],
            f"{step['increments']} × {step['increment']} s",
            f"{step['price']} / {step['per']} s",
            step["amount"],
        )
        for step in answer["steps"]
    ]
    if rows:
        context.table(columns, rows)
    click.echo(
        words(
            f"→ {answer['total']} {currency}: price {answer['price']}, tax {answer['tax']}; "
            f"{answer['billed_seconds']} s billed",
            f"→ {answer['total']} {currency}：价格 {answer['price']}，税 {answer['tax']}；"
            f"计费 {answer['billed_seconds']} 秒",
        )
    )
    if "max_seconds" in answer:
        seconds = answer["max_seconds"]
        click.echo(words(f"  the balance pays for {seconds} s", f"  余额可通话 {seconds} 秒"))
