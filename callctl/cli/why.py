"""`callctl why`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click

from callctl.call.explain import mend, told_from_trace
from callctl.cli.country import country
from callctl.cli.explain import MARKS
from callctl.cli.output import Context, pass_context
from callctl.cli.tail import WORDS
from callctl.errors import CallctlError
from callctl.rating.rounding import shown
from callctl.store.cdr import find
from callctl.store.pool import Pool

DECIDED = ("outcome", "max_seconds", "paid_seconds", "codecs", "targets")
WHO = {
    "caller": ("the caller", "主叫"),
    "callee": ("the callee's side", "被叫侧"),
    "controller": ("the controller", "控制器"),
    "switch": ("the switch", "交换机"),
}


@click.command()
@click.argument("call_uuid")
@pass_context
def why(context: Context, call_uuid: str) -> None:
    """Why a call did what it did: each check, each attempt, what the switch said, and what to mend.

    一个呼叫为何如此：每个检查、每次尝试、交换机的应答以及修改建议。
    """
    call = find(Pool(context.settings.mysql, 1), call_uuid)
    if call is None:
        raise CallctlError(
            f"MySQL has no single call {call_uuid}: "
            "give more of its UUID; a call of the last seconds may not be written yet."
        )
    steps = told_from_trace(call["trace"], context.lang)
    advice = mend(call["reason"], context.lang)
    if context.as_json:
        decided = {key: call["trace"].get(key) for key in DECIDED}
        where = _countries(context, call)
        context.json({
            **call, "margin": _margin(call), **decided, "sip": call["sip_status"], "steps": steps, "mend": advice,
            "countries": where,
        })  # fmt: skip
    else:
        _print(context, call, steps, advice)


def _where(leg: dict[str, Any]) -> str:
    """Whom a leg was to: an edge, or a carrier at its gateway and by which edge."""
    if not leg["carrier"]:
        return str(leg["target"] or leg["leg_uuid"])
    by = f" via {leg['target']}" if leg["target"] not in (None, leg["gateway"]) else ""
    return f"{leg['carrier']} {leg['gateway']}{by}"


def _print(context: Context, call: dict[str, Any], steps: list[dict[str, Any]], advice: str | None) -> None:
    click.echo(f"{call['call_uuid']}  {call['started_at']} UTC  {call['kind'] or '-'}  {call['account'] or '-'}")
    click.echo(f"{call['caller'] or '?'} → {call['called'] or '?'}  ({call['node']}, {call['controller'] or '-'})")
    for step in steps:
        click.echo(f"{MARKS[step['verdict']]} {step['check']:<12} {step['detail']}")
    for number, where in _countries(context, call).items():
        click.echo(context.words(f"  outside: {number}  {where}", f"  外呼：{number}  {where}"))
    for leg in call["legs"]:
        status = f"SIP {leg['sip_status']}" if leg["sip_status"] else ""
        click.echo(f"  {leg['leg'] or '?'}. {_where(leg)}  {status} {leg['hangup_cause'] or ''}")
    for event in call["events"]:
        word = context.words(*WORDS.get(event["event"], (event["event"], event["event"])))
        data = {key: value for key, value in event["data"].items() if key != "steps"}
        said = "  ".join(f"{key}={value}" for key, value in data.items() if value not in (None, "", []))
        click.echo(f"  {event['at']:%H:%M:%S.%f}  {word:<12} {said}")
        for step in told_from_trace(event["data"], context.lang):
            click.echo(f"    {MARKS[step['verdict']]} {step['check']:<12} {step['detail']}")
    for charge in call["charges"]:
        click.echo(f"  {_charge(context, charge)}")
    if call["price"] is not None or call["cost"] is not None:
        click.echo(f"  {_money(context, call)}")
    click.echo(_ending(context, call))
    if advice:
        click.echo(f"→ {call['reason']}: {advice}")


def _countries(context: Context, call: dict[str, Any]) -> dict[str, str]:
    """The numbers that were called outside, each with its country."""
    numbers = dict.fromkeys(leg["number"] for leg in call["legs"] if leg["number"])
    return {number: country(number, context.lang) for number in numbers}


def _charge(context: Context, charge: dict[str, Any]) -> str:
    amount, tax = (f"{shown(charge[name])} {charge['currency']}" for name in ("amount", "tax"))
    rate = f"{charge['tariff']} {charge['prefix'] or '*'} {charge['destination']}".rstrip()
    account, seconds = charge["account"], charge["billed_seconds"]
    paid = context.words(*{"sell": ("pays", "支付"), "buy": ("is paid", "收取")}[charge["side"]])
    return context.words(
        f"{account} {paid} {amount}, {tax} of it tax: {seconds} s by {rate}",
        f"{account} {paid} {amount}，其中税 {tax}：{seconds} 秒，{rate}",
    )


def _margin(call: dict[str, Any]) -> Decimal | None:
    """What a call brought, without tax; None where that cannot be said."""
    return None if call["price"] is None or call["cost"] is None else call["price"] - call["cost"]


def _money(context: Context, call: dict[str, Any]) -> str:
    """What the call came to for us; who has no price, cost or margin has none, or nobody can say it."""
    known = (call["price"], call["cost"], _margin(call))
    price, cost, margin = ("-" if each is None else shown(each) for each in known)
    currency = call["currency"]
    return context.words(
        f"without tax: price {price}, cost {cost}, margin {margin} {currency}",
        f"不含税：价格 {price}，成本 {cost}，毛利 {margin} {currency}",
    )


def _ending(context: Context, call: dict[str, Any]) -> str:
    if call["state"] != "final":
        return context.words("The call is still up, or its end is not written yet.", "呼叫仍在进行，或结束尚未写入。")
    seconds = (call["duration_ms"] or 0) / 1000
    said = f"SIP {call['sip_status'] or '-'}, {call['hangup_cause'] or '-'} (Q.850 {call['q850'] or '-'})"
    by = context.words(*WHO.get(call["hangup_by"], ("nobody", "无人")))
    if call["answered_at"]:
        return context.words(
            f"Answered, {seconds:.3f} s, ended by {by}: {said}.", f"已接通 {seconds:.3f} 秒，由{by}结束：{said}。"
        )
    return context.words(f"Not answered; ended by {by}: {said}.", f"未接通；由{by}结束：{said}。")
