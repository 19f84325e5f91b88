"""`callctl cdr`: records in MySQL. What `verify` says of them stands in cdr_verify."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import click
import orjson

from callctl.cli import cdr_verify
from callctl.cli.database import opened
from callctl.cli.moment import Day, Moment
from callctl.cli.output import Context, pass_context
from callctl.store import export as store
from callctl.store import partitions
from callctl.store.verify import Verifier

_DEADLINE = 3600.0  # seconds a statement may take: those that look at every record take a while
_AT_ONCE = 500  # rows


@click.group()
def cdr() -> None:
    """Records of calls in MySQL: export them, prove that the books add up, drop old days.

    MySQL 中的话单：导出、核对账目、删除旧日期的数据。
    """


@cdr.command()
@click.option("--since", type=Moment(), help="Calls that began then or later; UTC without an offset.  起始时间")
@click.option("--until", type=Moment(), help="Calls that began before.  截止时间（不含）")
@click.option("--account", help="Calls of one account.  只导出该账户")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", help="csv unless --json.  格式")
@pass_context
def export(context: Context, since: datetime | None, until: datetime | None, account: str | None, form: str) -> None:
    """Write records to standard output, oldest first, as they are read: a million take no more memory than ten.

    将话单按时间顺序写到标准输出；边读边写，占用内存不随数量增长。
    """
    with opened(context, _DEADLINE) as pool:
        rows = store.records(pool, store.Wanted(since, until, account))
        pieces = _jsonl(rows) if context.as_json or form == "jsonl" else _csv(rows)
        for piece in pieces:
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


@cdr.command()
@click.option("--since", type=Moment(), help="Leave out what is older; UTC without an offset.  起始时间")
@pass_context
def verify(context: Context, since: datetime | None) -> None:
    """Prove the books and name what does not add up: calls, charges, entries of the ledger, balances.

    Every call that was to be paid has its charges, every charge its entry in the ledger, and every balance is the one
    before it and the amount. Exit 1 when something does not add up.

    核对账目并指出不一致之处：呼叫、费用、账目、余额。有不一致时退出码为 1。
    """
    with opened(context, _DEADLINE, connections=2) as pool:
        verifier = Verifier(pool, since)
        for wrong in verifier.run():
            cdr_verify.show(context, wrong)
    cdr_verify.show_counted(context, verifier.counted)
    if verifier.counted["wrong"]:
        sys.exit(1)


@cdr.command()
@click.option("--before", type=Day(), required=True, help="The first day to keep (UTC).  保留的第一天")
@click.option("--yes", is_flag=True, help="Do not ask.  不再询问")
@pass_context
def drop(context: Context, before: date, yes: bool) -> None:
    """Drop the records of old days: calls, legs, events and charges. The ledger and the balances stay.

    Refused while calls of those days wait for their number, as then no billing job has seen them.

    删除旧日期的话单、分支、事件和费用记录；账目和余额保留。仍有呼叫未编号时拒绝执行。
    """
    today = datetime.now(UTC).date()
    if before > today:
        raise click.BadParameter(f"{before} is not over yet; name {today} or an earlier day", param_hint="--before")
    with opened(context, _DEADLINE) as pool:
        found = partitions.droppable(pool, before)
        if found and not yes:
            question = f"Drop all records of calls before {found.day}?", f"删除 {found.day} 之前的全部话单？"
            click.confirm(context.words(*question), abort=True, err=True)
        numbers = partitions.drop(pool, found) if found else 0
    if context.as_json:
        dropped = {table: list(names) for table, names in found.partitions.items()} if found else {}
        context.json({"kept_since": found.day if found else None, "partitions": dropped, "numbers": numbers})
    elif found:
        click.echo(context.words(f"Records before {found.day} are dropped.", f"{found.day} 之前的话单已删除。"))
    else:
        said = f"No partition holds only days before {before}: nothing dropped."
        click.echo(context.words(said, f"没有只含 {before} 之前日期的分区，未删除任何数据。"))


def _csv(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(store.COLUMNS)
    for some in _pieces(rows):
        writer.writerows(row.values() for row in some)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def _jsonl(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for some in _pieces(rows):
        yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in some)


def _pieces(rows: Iterator[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    while some := list(islice(rows, _AT_ONCE)):
        yield some
