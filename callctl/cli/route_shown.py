"""What a plan of routes does with a number, as `callctl route show` tells it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from random import Random
from typing import Any

import click

from callctl.call.explain import imagined
from callctl.call.world import dry_facts
from callctl.case import Case, WayOut
from callctl.cli.country import country
from callctl.cli.output import Context
from callctl.declaration.tariff import EPOCH
from callctl.errors import CallctlError
from callctl.language import say
from callctl.model import Message
from callctl.policy import charge
from callctl.rating.rounding import shown
from callctl.routing.choice import entry_for
from callctl.routing.outbound import compare


def show(context: Context, name: str, number: str, at: datetime) -> None:
    """For people or machines; exit 1 where no entry holds. Raises CallctlError."""
    if not re.fullmatch("[0-9]{1,32}", number):
        raise click.BadParameter(f"{number!r} is none; write one as 442079460000", param_hint="NUMBER")
    facts = dry_facts(context.settings)
    assert facts.directory is not None, "dry_facts has read it"
    plan = facts.directory.route(name)
    if plan is None:
        raise CallctlError(f"There is no route {name}: `callctl route list` names those there are.")
    at_us = (at - EPOCH) // timedelta(microseconds=1)
    entry = entry_for(plan, number, at_us)
    if entry is None:
        raise CallctlError(f"Route {name} has no entry for {number} that holds then: see `callctl route show {name}`.")
    case = Case(imagined(number, "", "", "", (), at_us), facts.directory, facts, context.settings)
    case.out = WayOut(number, "", plan, entry)
    case.buying = charge.costs(case, case.out)
    compared = compare(case, case.out, Random())  # noqa: S311
    order = [
        {
            "carrier": each.carrier.name,
            "weight": each.weight,
            "cost": None if each.cost is None else shown(each.cost),
            "gateways": [gateway.address for gateway in each.carrier.gateways],
            "quality": each.quality._asdict() if each.quality else None,
        }
        for each in compared.choice.order
    ]
    answer = {
        "route": name, "number": number, "country": country(number, context.lang) or None, "prefix": entry.prefix,
        "choose": entry.choose, "seconds": plan.expected_seconds, "currency": compared.currency or None,
        "carriers": order,
        "left_out": [
            {"carrier": each.carrier, "why": say(Message(each.key, each.values), context.lang)}
            for each in compared.choice.skipped
        ],
    }  # fmt: skip
    if context.as_json:
        context.json(answer)
        return
    lately = [say(step.message, context.lang) for step in case.beside]
    _print(context, answer, lately)


def _print(context: Context, answer: dict[str, Any], lately: list[str]) -> None:
    prefix, where = answer["prefix"] or "*", answer["country"] or ""
    click.echo(f"{answer['number']}  {where}".rstrip())
    click.echo(
        context.words(
            f"by prefix {prefix}, {answer['choose']}; what {answer['seconds']} s cost:",
            f"按前缀 {prefix}，{answer['choose']}；{answer['seconds']} 秒的成本：",
        )
    )
    for place, each in enumerate(answer["carriers"], 1):
        cost = "-" if each["cost"] is None else f"{each['cost']} {answer['currency']}"
        at = tuple(each["gateways"])
        told = Message("carrier.chosen", {"place": place, "carrier": each["carrier"], "cost": cost, "gateways": at})
        click.echo(say(told, context.lang))
    for line in (*(each["why"] for each in answer["left_out"]), *lately):
        click.echo(f"· {line}")
    if answer["choose"] == "share":
        click.echo(context.words("Each call has an order of its own, by the shares.", "每个呼叫按权重各自排序。"))
