"""`callctl sim`."""

from __future__ import annotations

import secrets
import sys
import time
from collections import Counter

import click
import gevent

from callctl.cli.output import Context, pass_context
from callctl.errors import ConfigError
from callctl.settings import Node, Settings, split_address
from callctl.sim.node import SimNode
from callctl.sim.result import CallResult
from callctl.sim.scenario import MIX, Scenario, SimCall, standard_world

FEED = 6.0  # seconds to wait for a controller's feed; calls go on without one
LONGEST = 120.0  # seconds to wait for the calls' ends


def _mix(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[Scenario]:
    names = value.split(",") if value else list(MIX)
    for name in names:
        if name not in MIX:
            raise click.BadParameter(f"there is no scenario {name}; known: {', '.join(MIX)}")
    return [MIX[name] for name in names]


@click.command()
@click.option("--calls", "count", type=click.IntRange(1), help="How many calls; else one of each scenario.  呼叫数")
@click.option("--rate", default=2.0, show_default=True, type=click.FloatRange(0.01), help="Calls a second.  每秒呼叫数")
@click.option("--mix", callback=_mix, help="Scenarios, in turn: answered,busy,…  场景")
@click.option("--speed", default=10.0, show_default=True, help="How much faster than life phones ring and people talk.")
@click.option(
    "--caller",
    "callers",
    multiple=True,
    default=["1001@example.net"],
    show_default=True,
    help="The endpoint that calls; several call in turn.  主叫终端，可给多个轮流呼叫",
)
@click.option("--to", "called", default="", help="The number dialled, in place of the scenarios'.  被叫号码")
@click.option("--source-ip", "source", default="", help="Calls come from there, and by no edge.  来源地址")
@click.option("--node", "name", help="Which of [[nodes]] to play; else the first.  扮演的节点")
@click.option("--seed", type=int, help="Makes the same calls, with the same UUIDs, as the last time it was given.")
@pass_context
def sim(
    context: Context,
    count: int | None,
    rate: float,
    mix: list[Scenario],
    speed: float,
    callers: tuple[str, ...],
    called: str,
    source: str,
    name: str | None,
    seed: int | None,
) -> None:
    """Play a FreeSWITCH node: dial the controller with calls, and answer its feed.

    模拟一个 FreeSWITCH 节点：向控制器发起呼叫并应答其监听连接。
    """
    settings = context.settings
    node = _play(settings, _node(settings, name), speed, callers[0].rpartition("@")[2], seed)
    try:
        results = _place(node, mix, count or len(mix), rate, callers, settings, called, source)
    finally:
        node.stop()
    _report(context, results)
    sys.exit(0 if all(result.finished.is_set() for result in results) else 1)


def _node(settings: Settings, name: str | None) -> Node:
    for node in settings.nodes:
        if name in (None, node.name):
            return node
    raise ConfigError(f"There is no node {name or ''} to play: add it to [[nodes]].")


def _play(settings: Settings, node: Node, speed: float, domain: str, seed: int | None) -> SimNode:
    if not settings.edges:
        raise ConfigError("There is no edge that calls could come from: add one to [[edges]].")
    return SimNode(
        node.name,
        [settings.esl.listen],
        listen_esl=split_address(node.esl),
        password=node.password.get_secret_value(),
        seed=secrets.randbits(32) if seed is None else seed,
        world=standard_world(domain, [edge.address for edge in settings.edges]),
        scale=1 / speed,
        sip=node.sip,
        profile=node.profile,
    ).start()


def _place(
    node: SimNode,
    mix: list[Scenario],
    count: int,
    rate: float,
    callers: tuple[str, ...],
    settings: Settings,
    called: str,
    source: str,
) -> list[CallResult]:
    """Calls in turn from the edges, once the controller's feed has found this node."""
    deadline = time.monotonic() + FEED
    while not node.has_feed and time.monotonic() < deadline:
        gevent.sleep(0.05)
    results = []
    for number in range(count):
        caller = callers[number % len(callers)]
        edge, _ = split_address(settings.edges[number % len(settings.edges)].address)
        spec = SimCall(
            mix[number % len(mix)],
            caller=caller.partition("@")[0],
            domain=caller.rpartition("@")[2],
            called=called,
            source_ip=source or edge,
            headers={"X-Callctl-Endpoint": "" if source else caller},
        )
        results.append(node.dial(spec))
        gevent.sleep(1 / rate)
    gevent.wait([result.finished for result in results], timeout=LONGEST)
    gevent.sleep(1.0)  # the last events are on their way to the feed
    return results


def _report(context: Context, results: list[CallResult]) -> None:
    counts = Counter((result.scenario, result.outcome if result.finished.is_set() else "no end") for result in results)
    if context.as_json:
        for result in results:
            context.json({
                "call": result.uuid,
                "scenario": result.scenario,
                "sip": result.status,
                "cause": result.cause,
                "answered": result.answered,
                "billed_us": result.billed_us,
            })
        return
    columns = context.words("SCENARIO ANSWER CALLS", "场景 结果 呼叫数").split()
    context.table(columns, [(scenario, outcome, number) for (scenario, outcome), number in counts.items()])
