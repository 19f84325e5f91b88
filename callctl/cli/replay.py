"""`callctl replay`."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from callctl.call.explain import told
from callctl.call.replay import replay as run_again
from callctl.call.world import dry_facts
from callctl.cli.explain import show
from callctl.cli.output import Context, pass_context
from callctl.errors import ConfigError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@pass_context
def replay(context: Context, file: Path) -> None:
    """Decide a recorded call again, and show what would be told to FreeSWITCH beside what was.

    FILE is what FreeSWITCH sent on one outbound socket (NAME.recv); what it was told is read from NAME.sent beside it.
    Exit 1 where the two differ.

    重新决定一个录制的呼叫，并与当时的指令对比。
    """
    try:
        received = file.read_bytes()
        said = file.with_suffix(".sent")
        sent = said.read_bytes() if said != file and said.is_file() else b""
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    facts = dry_facts(context.settings)
    assert facts.directory is not None, "dry_facts has read it"
    again = run_again(received, sent, facts.directory, facts, context.settings)
    difference = list(difflib.ndiff(again.then, again.now)) if again.then else []
    answer = told(again.decision, context.lang)
    if context.as_json:
        context.json({**answer, "call": again.request.call_uuid, "now": again.now, "then": again.then})
    else:
        show(context, answer)
        for line in difference or [f"  {line}" for line in again.now]:
            click.echo(line.rstrip())
    sys.exit(1 if again.then and again.then != again.now else 0)
