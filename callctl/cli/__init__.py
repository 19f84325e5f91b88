"""What a person types: one file per noun.

Exit codes: 0 done, 1 the answer is no, 2 wrong usage or configuration, 3 a needed service is away.
"""

from __future__ import annotations

import sys
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any

import click
import gevent

from callctl import __version__
from callctl.cli.output import Context
from callctl.errors import CallctlError

COMMANDS = {
    "account": "account",
    "apply": "apply",
    "call": "call",
    "calls": "calls",
    "carrier": "carrier",
    "cdr": "cdr",
    "conference": "conference",
    "did": "did",
    "doctor": "doctor",
    "endpoint": "endpoint",
    "explain": "explain",
    "import": "import_",
    "migrate": "migrate",
    "number": "number",
    "process": "serve",
    "rate": "rate",
    "replay": "replay",
    "route": "route",
    "serve": "serve",
    "sim": "sim",
    "tail": "tail",
    "tariff": "tariff",
    "why": "why",
}


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Where an option is given, before the command or behind it, does not matter."""
    if value and param.name:
        setattr(ctx.ensure_object(Context), param.name, value)


def _common() -> list[click.Parameter]:
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            callback=_keep,
            expose_value=False,
            help="Settings file; else ./callctl.toml, then /etc/callctl/callctl.toml.  配置文件",
        ),
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            callback=_keep,
            expose_value=False,
            help="One JSON object, or one a line.  输出 JSON",
        ),
        click.Option(
            ["--lang"],
            type=click.Choice(["en", "zh"]),
            callback=_keep,
            expose_value=False,
            help="Language of what people read.  语言",
        ),
    ]


def _attribute(name: str) -> str:
    """What a command is called in its module: `import` is a word of Python's own."""
    return f"{name}_" if iskeyword(name) else name


class Commands(click.Group):
    """Loads a command's module when it is used: `callctl tail` does not import the controller."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, for --help."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, with the options that every command has."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(f"callctl.cli.{module}"), _attribute(cmd_name))
        for each in (command, *getattr(command, "commands", {}).values()):
            if not any(parameter.name == "as_json" for parameter in each.params):
                each.params += _common()
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run; what callctl can name is one sentence on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except CallctlError as error:
            click.echo(f"callctl: {error}", err=True)
            sys.exit(error.exit_code)


@click.group(cls=Commands, params=_common(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="callctl")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Decides, connects and records the calls of a FreeSWITCH platform, and says why.

    为 FreeSWITCH 平台决定、接续并记录每一个呼叫，并说明原因。
    """
    ctx.ensure_object(Context)
    gevent.get_hub().NOT_ERROR += (KeyboardInterrupt,)  # Ctrl-C is no fault to print a traceback of
