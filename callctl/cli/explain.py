"""`callctl explain`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click

from callctl.call.decide import decide
from callctl.call.explain import imagined, told
from callctl.call.world import dry_facts
from callctl.cli.country import country
from callctl.cli.output import Context, pass_context
from callctl.directory import Snapshot
from callctl.errors import ConfigError
from callctl.model import Endpoint

MARKS = {"pass": "✓", "fail": "✗", "skip": "·"}
PRETENDED = "explain"  # a source address that no call can have


@click.command()
@click.option("--to", "called", required=True, help="The number dialled.  被叫号码")
@click.option("--endpoint", help="Who calls: user@domain, or a trunk's [prefix@]network.  主叫终端")
@click.option("--account", help="Who calls: an account's first endpoint.  主叫账户")
@click.option("--source-ip", help="Who calls: whoever that address is.  来源地址")
@click.option("--from", "caller", default="", help="The caller's number.  主叫号码")
@click.option("--codecs", default="", help="What the caller offers, as PCMU,OPUS.  主叫提供的编解码")
@click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]), help="When, UTC; else now.  时间")
@pass_context
def explain(
    context: Context,
    called: str,
    endpoint: str | None,
    account: str | None,
    source_ip: str | None,
    caller: str,
    codecs: str,
    at: datetime | None,
) -> None:
    """What would become of a call, and why: every check, nothing held or changed.

    假设一个呼叫会怎样以及为什么：显示每个检查，不改变任何状态。
    """
    if sum(value is not None for value in (endpoint, account, source_ip)) != 1:
        raise click.UsageError("say who calls by one of --endpoint, --account and --source-ip")
    facts = dry_facts(context.settings)
    assert facts.directory is not None, "dry_facts has read it"
    directory = facts.directory
    source = source_ip or PRETENDED
    if source_ip is None:
        directory = _Pretending(directory, _endpoint(directory, endpoint, account))
    moment = at.replace(tzinfo=UTC).timestamp() if at else time.time()
    domain = endpoint.rpartition("@")[2] if endpoint else ""
    offer = tuple(codec.strip().upper() for codec in codecs.split(",") if codec.strip())
    request = imagined(called, caller, source, domain, offer, int(moment * 1e6))
    answer = told(decide(request, directory, facts, context.settings), context.lang)
    answer["country"] = country(answer["outside"] or "", context.lang) or None
    show(context, answer)
    sys.exit(1 if answer["outcome"] == "reject" else 0)


class _Pretending(Snapshot):
    """The configuration, with one endpoint that calls from nowhere."""

    def __init__(self, real: Snapshot, caller: Endpoint) -> None:
        self.__dict__.update(real.__dict__)
        self._caller = caller

    def endpoints_by_source(self, address: str) -> list[Endpoint]:
        """The endpoint that is asked about; --to is the number without its prefix."""
        return [replace(self._caller, prefix="")]


def _endpoint(directory: Snapshot, name: str | None, account: str | None) -> Endpoint:
    if name is not None:
        found = directory.endpoint(name)
        if found is None:
            raise ConfigError(f"There is no endpoint {name}: name one as user@domain, or its [prefix@]network.")
        return found
    assert account is not None
    if directory.account(account) is None:
        raise ConfigError(f"There is no account {account}: correct the name.")
    return next(iter(directory.endpoints_of(account)), Endpoint(account, f"any of {account}"))


def show(context: Context, answer: dict[str, Any]) -> None:
    """A decision, for people or machines."""
    if context.as_json:
        context.json(answer)
        return
    for step in answer["steps"]:
        click.echo(f"{MARKS[step['verdict']]} {step['check']:<12} {step['detail']}")
    if answer["outcome"] == "reject":
        click.echo(f"→ {answer['reason']}: SIP {answer['sip']}, Q.850 {answer['q850']}")
        click.echo(f"  {answer['mend']}")
        return
    most, paid = answer["max_seconds"], answer["paid_seconds"]
    limit = context.words(f"at most {most} s", f"最长 {most} 秒")
    if paid < most:
        limit += context.words(f", {paid} s of them paid for at first", f"，首先付 {paid} 秒")
    where = f"  {answer['country']}" if answer.get("country") else ""
    click.echo(f"→ {answer['outcome']}: {'; '.join(answer['targets'])}{where}  ({limit})")
