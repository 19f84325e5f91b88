"""`callctl serve`, and the processes it starts."""

from __future__ import annotations

import sys

import click

from callctl import logs
from callctl.cli.output import Context, pass_context


@click.command()
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that control calls.  进程数"
)
@pass_context
def serve(context: Context, workers: int) -> None:
    """Control calls: the socket FreeSWITCH brings them to, the node feeds, the records, the health page.

    控制呼叫：接收 FreeSWITCH 的呼叫、监听节点、写入话单、提供健康页面。
    """
    from callctl.serve.supervisor import Supervisor  # noqa: PLC0415  a worker does not need it

    settings = context.settings
    logs.configure(settings.log, process="supervisor")
    sys.exit(Supervisor(settings, workers, context.config).run())


@click.group(hidden=True)
def process() -> None:
    """One of the processes of `callctl serve`."""


@process.command()
@click.option("--index", type=int, required=True)
@click.option("--workers", type=int, required=True)
@click.option("--listener", type=int, required=True)
@pass_context
def worker(context: Context, index: int, workers: int, listener: int) -> None:
    """Control calls."""
    from callctl.serve.worker import run  # noqa: PLC0415  the recorder does not need it

    logs.configure(context.settings.log, process=f"worker {index}")
    run(context.settings, index, workers, listener)


@process.command()
@click.option("--workers", type=int, required=True)
@pass_context
def recorder(context: Context, workers: int) -> None:
    """Record calls."""
    from callctl.serve.recording import run  # noqa: PLC0415  a worker does not need it

    logs.configure(context.settings.log, process="recorder")
    run(context.settings, workers)
