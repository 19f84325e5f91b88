"""`callctl doctor`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

import click

from callctl.cli.output import Context, pass_context
from callctl.doctor.finding import Finding, Verdict, Words
from callctl.doctor.installation import examine_all
from callctl.settings import DEFAULT_FILES

MARKS: Mapping[Verdict, tuple[str, str]] = {
    "ok": ("✓", "green"),
    "warn": ("!", "yellow"),
    "fail": ("✗", "red"),
    "skip": ("·", "bright_black"),
}


@click.command()
@pass_context
def doctor(context: Context) -> None:
    """Check every step of an installation, and say what to do about each failure. Exit 1 where something fails.

    检查安装的每一步，并说明如何修复。有失败时退出码为 1。
    """
    settings = context.settings
    file = context.config or next((path for path in DEFAULT_FILES if path.is_file()), None)
    count: Counter[Verdict] = Counter()
    for group in _together(context, examine_all(settings, file)):
        count[group[0].verdict] += len(group)
        _show(context, group)
    if not context.as_json:
        en = f"{count['ok']} ok, {count['warn']} to look at, {count['fail']} failed, {count['skip']} not examined"
        zh = f"正常 {count['ok']}，注意 {count['warn']}，失败 {count['fail']}，未检查 {count['skip']}"
        click.echo(context.words(en, zh))
    sys.stdout.flush()
    sys.exit(1 if count["fail"] else 0)


def _together(context: Context, findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    """Each finding alone; but for people those of one thing that were skipped for one reason in one."""

    def alike(finding: Finding) -> object:
        folded = finding.verdict == "skip" and not context.as_json
        return (finding.check.partition(".")[0], finding.about, finding.what) if folded else finding

    for _, group in groupby(findings, alike):
        yield list(group)


def _show(context: Context, group: list[Finding]) -> None:
    finding = group[0]
    mend = _said(context, finding.mend)
    if context.as_json:
        context.json(finding._asdict() | {"what": _said(context, finding.what), "mend": mend})
        return
    mark, colour = MARKS[finding.verdict]
    check = finding.check + (f" … {group[-1].check.partition('.')[2]}" if len(group) > 1 else "")
    name = " ".join(filter(None, (check, finding.about)))
    click.echo(f"{click.style(mark, fg=colour)} {name:<26} {_said(context, finding.what)}")
    if mend:
        click.echo(f"  {'':<26} → {mend}")


def _said(context: Context, words: Words | None) -> str | None:
    return words and context.words(*words)
