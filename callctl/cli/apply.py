"""`callctl apply`."""

from __future__ import annotations

from pathlib import Path

import click

from callctl import declaration
from callctl.cli.database import opened, provide_phones
from callctl.cli.entry import line, shown
from callctl.cli.output import Context, pass_context
from callctl.declaration import Hidden
from callctl.store import configuration
from callctl.store.configuration import Applied


@click.command()
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A declarative file; may be given several times.  声明文件",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.  只显示将发生的变化")
@click.option("--prune", is_flag=True, help="Remove what is configured and in no file.  删除文件中没有的配置")
@pass_context
def apply(context: Context, files: tuple[Path, ...], dry_run: bool, prune: bool) -> None:
    """Make accounts, endpoints, rooms and tariffs what the YAML files declare; twice changes nothing.

    使账户、终端、会议室和费率与 YAML 文件一致；重复执行不会产生变化。
    """
    with opened(context) as pool:
        written = declaration.read(files)
        applied = configuration.apply(pool, written.among, prune=prune, dry_run=dry_run)
        if not dry_run:
            provide_phones(context, pool, applied.changes)
    _print(context, applied, written.hidden(), dry_run)


def _print(context: Context, applied: Applied, hidden: list[Hidden], dry_run: bool) -> None:
    if context.as_json:
        context.json({
            "dry_run": dry_run,
            "changes": [shown(change)._asdict() for change in applied.changes],
            "kept": [f"{what} {key}" for what, key in applied.kept],
            "hidden": [each._asdict() for each in hidden],
        })
        return
    for change in applied.changes:
        click.echo(line(change))
    for what, key in applied.kept:
        click.echo(context.words(f"= {what} {key}: in no file, kept", f"= {what} {key}：文件中没有，保留"))
    for place, ruleset, rule, before in hidden:
        en = f"{place}: no number reaches rule {rule} of {ruleset}: rule {before} before it takes them all."
        zh = f"{place}：{ruleset} 的第 {rule} 条规则永远用不到：前面的第 {before} 条已覆盖其全部号码。"
        click.echo(context.words(en, zh), err=True)
    count = len(applied.changes)
    if dry_run:
        click.echo(context.words(f"{count} changes would be made.", f"将有 {count} 处变化。"))
    else:
        click.echo(context.words(f"{count} changes made.", f"已做 {count} 处变化。"))
