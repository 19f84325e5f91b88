"""`callctl migrate`."""

from __future__ import annotations

import click

from callctl.cli.output import Context, pass_context
from callctl.store.migrate import EXPECTED
from callctl.store.migrate import migrate as bring_up


@click.command()
@pass_context
def migrate(context: Context) -> None:
    """Create or upgrade the MySQL schema; twice, or from two hosts at once, is safe.

    创建或升级 MySQL 数据库结构；可重复执行。
    """
    applied = bring_up(context.settings.mysql)
    if context.as_json:
        context.json({"applied": applied, "version": EXPECTED})
    elif applied:
        numbers = ", ".join(map(str, applied))
        done = (
            f"Applied {numbers}; the schema is now version {EXPECTED}.",
            f"已执行 {numbers}；结构版本为 {EXPECTED}。",
        )
        click.echo(context.words(*done))
    else:
        click.echo(context.words(f"The schema is version {EXPECTED} already.", f"结构已是版本 {EXPECTED}。"))
