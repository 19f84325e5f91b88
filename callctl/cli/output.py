"""How commands answer: a table or plain sentences for people, JSON for machines."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from callctl.language import Lang, from_environment
from callctl.settings import Settings, load


class Context:
    """What every command is given: where the settings are, the language, and whether a machine reads."""

    def __init__(self) -> None:
        self.config: Path | None = None
        self.as_json = False
        self.lang: Lang = from_environment()

    @cached_property
    def settings(self) -> Settings:
        """The settings, read when a command first needs them. Raises ConfigError."""
        return load(self.config)

    def words(self, en: str, zh: str) -> str:
        """Whichever is of the reader's language."""
        return zh if self.lang == "zh" else en

    def json(self, value: Any) -> None:
        """One JSON value on a line of its own."""
        sys.stdout.buffer.write(orjson.dumps(value, default=str, option=orjson.OPT_NAIVE_UTC) + b"\n")
        sys.stdout.buffer.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Rows under their column names; cut to the terminal's width only where there is a terminal."""
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in columns:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row))
        console.print(table)


def age(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"


pass_context = click.make_pass_decorator(Context)
