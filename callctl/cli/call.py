"""`callctl call`."""

from __future__ import annotations

import click

from callctl.call.nodes import Nodes, hang_up
from callctl.cli.output import Context, pass_context


@click.group()
def call() -> None:
    """A call that is up.

    一个正在进行的呼叫。
    """


@call.command()
@click.argument("call_uuid")
@pass_context
def hangup(context: Context, call_uuid: str) -> None:
    """End a call, on whichever node has it; the beginning of its UUID is enough.

    结束一个呼叫，无论它在哪个节点；UUID 的开头部分即可。
    """
    with Nodes(context.settings) as nodes:
        ended = hang_up(nodes, call_uuid)
    if context.as_json:
        context.json({"call": ended.uuid, "node": ended.node})
    else:
        said = f"Call {ended.uuid} on {ended.node} was ended.", f"已结束节点 {ended.node} 上的呼叫 {ended.uuid}。"
        click.echo(context.words(*said))
