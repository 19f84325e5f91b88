"""`callctl tariff`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from callctl import rates_csv
from callctl.cli import entry
from callctl.cli.country import PREFIX, Countries, countries
from callctl.cli.database import opened
from callctl.cli.keys import TARIFF_KEYS
from callctl.cli.output import Context, pass_context
from callctl.errors import ConfigError
from callctl.store import rates
from callctl.store import tariff as store

_DEADLINE = 600.0  # seconds a statement may take: those that look at every rate take a while
_NAMED = 5  # countries that an import names
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


@click.group(context_settings=entry.SETTINGS)
def tariff() -> None:
    """Rates in MySQL: import them from CSV, say what there is.

    MySQL 中的费率：从 CSV 导入、查看。
    """


@tariff.command()
@click.argument("name")
@TARIFF_KEYS.options
@pass_context
def create(context: Context, /, name: str, **values: str | None) -> None:
    """Add a tariff without rates; `tariff import` gives it some.

    新建没有费率条目的费率表；用 `tariff import` 导入条目。
    """
    entry.show(context, entry.create(context, TARIFF_KEYS, {"name": name}, TARIFF_KEYS.given(values)))


@tariff.command()
@click.argument("name")
@TARIFF_KEYS.options
@pass_context
def change(context: Context, /, name: str, **values: str | None) -> None:
    """Change what options say, and leave the rest and the rates; an empty value ("") is the default again.

    修改选项所给的内容，其余及费率条目不变；空值 ("") 表示恢复默认值。
    """
    entry.show(context, entry.change(context, TARIFF_KEYS, name, TARIFF_KEYS.given(values)))


@tariff.command()
@click.argument("name")
@pass_context
def delete(context: Context, name: str) -> None:
    """Remove a tariff by which no account pays, and its rates.

    删除没有账户使用的费率表及其条目。
    """
    entry.show(context, entry.delete(context, "tariff", name))


@tariff.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--currency", help="Of a tariff that is new, as USD.  新费率的货币")
@pass_context
def import_(context: Context, name: str, file: Path, currency: str | None) -> None:
    """Replace a tariff's rates by those of a CSV file, all at once; when a row is bad nothing changes.

    The first line names the columns, in any order. Needed: prefix, rate. Else: destination, connect_fee (0), increment
    (1), minimum (the first increment; as increment), per (60: the rate is per minute), grace (0), free (0), effective,
    expires (ISO 8601; UTC without an offset). In brackets is what an empty cell means; times are in seconds.

    OV500's names do as well: ppm, ppc, minimal, resolution, grace, multiplier, addition, status; and rate,
    connection_charge, minimal_time, resolution_time, grace_period, rate_multiplier, rate_addition, rates_status.

    It is fastest where MySQL has local_infile on; no file but this one is read, whatever the server asks for.

    用 CSV 文件一次性替换一个费率表；只要有一行错误就什么都不改变。第一行为列名，顺序任意。
    必需：prefix（号码前缀）、rate（单价）。可选：destination（目的地）、connect_fee（接通费，默认 0）、
    increment（计费单元，默认 1 秒）、minimum（首个计费单元，默认同 increment）、per（单价对应的秒数，默认 60）、
    grace（免计费的短通话秒数，默认 0）、free（免费秒数，默认 0）、effective 和 expires（生效与失效时间，
    ISO 8601，默认 UTC）。也接受 OV500 的列名。MySQL 开启 local_infile 时最快；无论服务器要求什么，都只读取这一个文件。
    """
    if not _NAME.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no name of a tariff; use letters, digits and _.-", param_hint="NAME")
    if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
        raise click.BadParameter(f"{currency!r} is none; write one as USD", param_hint="--currency")
    with opened(context, _DEADLINE, loads=True) as pool, _file(file) as rows, _watched(context, file, rows) as watched:
        try:
            done = store.replace_rates(pool, name, currency, rates_csv.read(watched, str(file), rates.terms))
        except store.RatesTwice as error:
            said = f"prefix {error.prefix} has a rate of that moment at line {error.first} already; keep one"
            raise ConfigError(f"{file}:{error.second}: {said}.") from error
        where = countries(store.beginnings(pool, name, PREFIX), context.lang)
    if context.as_json:
        context.json({"tariff": name, **done._asdict(), **_fields(where)})
        return
    click.echo(
        context.words(
            f"Tariff {name} ({done.currency}) has {done.rates} rates now in place of {done.replaced}.",
            f"费率 {name}（{done.currency}）现有 {done.rates} 条，替换了 {done.replaced} 条。",
        )
    )
    _say_most(context, where, name)
    _say_unknown(context, where)


@tariff.command("list")
@pass_context
def list_(context: Context) -> None:
    """The tariffs there are.

    列出所有费率。
    """
    with opened(context, _DEADLINE) as pool:
        found = store.summaries(pool)
    if context.as_json:
        for each in found:
            context.json(each)
    else:
        _table(context, found)


@tariff.command()
@click.argument("name")
@pass_context
def show(context: Context, name: str) -> None:
    """One tariff: its currency, how many rates it has, when it changed, and how many of them are of which country.

    查看一个费率：货币、条数、修改时间，以及各国家和地区的条数。
    """
    with opened(context, _DEADLINE) as pool:
        found = store.summary(pool, name)
        where = countries(store.beginnings(pool, name, PREFIX), context.lang)
    if context.as_json:
        context.json({**found, **_fields(where)})
        return
    _table(context, [found])
    if where.rates:
        click.echo()
        context.table(context.words("country rates", "国家和地区 条数").split(), list(where.rates.items()))
    _say_unknown(context, where)


def _fields(where: Countries) -> dict[str, Any]:
    return {"countries": where.rates, "no_country": where.unknown}


def _say_most(context: Context, where: Countries, name: str) -> None:
    """The countries that have most of the rates."""
    number = len(where.rates)
    most = [f"{country} {count}" for country, count in where.rates.items()][:_NAMED]
    en, zh = ", ".join(most), "、".join(most)
    if number > _NAMED:
        en += f" and {number - _NAMED} more: see `callctl tariff show {name}`"
        zh += f" 等 {number} 个：见 `callctl tariff show {name}`"
    if most:
        click.echo(context.words(f"Countries: {en}.", f"国家和地区：{zh}。"))


def _say_unknown(context: Context, where: Countries) -> None:
    """How many rates are of no country: those of satellites and the like, or prefixes that are not international."""
    if where.unknown:
        named = ", ".join(prefix or "*" for prefix in where.examples)
        more = " …" if where.more else ""
        click.echo(
            context.words(
                f"Of no country: {where.unknown} (prefixes that begin with {named}{more})",
                f"不属于任何国家和地区：{where.unknown} 条（前缀以 {named}{more} 开头）",
            )
        )


def _table(context: Context, found: list[dict[str, Any]]) -> None:
    columns = ("name", "currency", "rates", "generation", "changed")
    titles = ("名称", "货币", "条数", "版本", "修改时间") if context.lang == "zh" else columns
    context.table(titles, [[each[column] for column in columns] for each in found])


@contextmanager
def _file(file: Path) -> Iterator[BinaryIO]:
    try:
        with file.open("rb") as rows:
            yield rows
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error


@contextmanager
def _watched(context: Context, file: Path, rows: BinaryIO) -> Iterator[BinaryIO]:
    """The file, showing how far it has been read, on a terminal and for people only."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=context.as_json or not console.is_terminal) as bar:
        yield bar.wrap_file(rows, file.stat().st_size, description=file.name)
