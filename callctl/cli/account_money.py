"""What is done with an account's money on the command line: looked at, topped up, adjusted; and the account blocked."""

from __future__ import annotations

import re
import time
from decimal import Decimal
from typing import Any

import click

from callctl.admission import money
from callctl.cli.account_shown import Shown, read, show_shown
from callctl.cli.database import opened
from callctl.cli.output import Context, pass_context
from callctl.declaration.account import MOST
from callctl.errors import RedisAway
from callctl.live.client import asking, connect
from callctl.store import hold as store_hold
from callctl.store.ledger import Entry, Kind
from callctl.store.posting import Posted, post
from callctl.world import Booked

_AMOUNT = re.compile(r"[+-]?[0-9]{1,10}(\.[0-9]{1,6})?")
_MICRO = Decimal("0.000001")
_LONGEST = 128  # characters of a reference


def _amount(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text) or abs(Decimal(text)) > MOST:
        said = f"{text!r} is no amount; write one as 12.50, with 6 decimals at most and no more than {MOST}"
        raise click.BadParameter(said, param_hint="AMOUNT")
    return Decimal(text).quantize(_MICRO)


def _reference(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    if not 0 < len(text) <= _LONGEST or text != text.strip() or not text.isprintable():
        raise click.BadParameter(f"{text!r} is none; write 1 to {_LONGEST} characters, without spaces at the ends")
    if text.startswith("call:"):
        raise click.BadParameter("those that begin with call: are of calls; write another")
    return text


def _note(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    if len(text) > 255 or not text.isprintable():
        raise click.BadParameter("write 255 characters at most, on one line")
    return text


_reference_option = click.option(
    "--reference",
    required=True,
    callback=_reference,
    help="Names the act: repeated, it changes nothing.  操作的唯一编号，重复执行不会再次生效",
)
_note_option = click.option("--note", default="", callback=_note, help="Kept with it, for people.  备注")


@click.command()
@click.argument("name")
@click.option("--entries", type=click.IntRange(0, 1000), default=5, show_default=True, help="Of the ledger.  账目条数")
@pass_context
def show(context: Context, name: str, entries: int) -> None:
    """An account's balance, what calls hold of it, what is left, its limits and the last entries of its ledger.

    查看账户：余额、通话占用、可用金额、限制的使用情况，以及最近的账目。
    """
    shown: Shown
    with opened(context) as pool:
        shown = read(pool, context.settings, name, entries)
    show_shown(context, shown)


@click.command()
@click.argument("name")
@click.argument("amount")
@_reference_option
@_note_option
@pass_context
def topup(context: Context, name: str, amount: str, reference: str, note: str) -> None:
    """Add money to an account; calls in progress last longer for it.

    为账户充值；正在进行的通话会相应延长。
    """
    paid = _amount(amount)
    if paid <= 0:
        raise click.BadParameter(f"{amount} adds nothing; to take money, use `adjust`", param_hint="AMOUNT")
    _book(context, name, "topup", paid, reference, note)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("amount")
@_reference_option
@_note_option
@pass_context
def adjust(context: Context, name: str, amount: str, reference: str, note: str) -> None:
    """Add or take (-5.00) what an account was charged wrongly, or for any other reason.

    调整账户余额，可增可减 (-5.00)。
    """
    difference = _amount(amount)
    if not difference:
        raise click.BadParameter("nothing would change; write an amount as -5.00", param_hint="AMOUNT")
    _book(context, name, "adjust", difference, reference, note)


@click.command()
@click.argument("name")
@_reference_option
@_note_option
@pass_context
def hold(context: Context, name: str, reference: str, note: str) -> None:
    """Block an account and those below it: within seconds they make no calls. Calls in progress go on.

    冻结账户及其下级：几秒内不能再发起呼叫；正在进行的通话不受影响。
    """
    with opened(context) as pool:
        new = store_hold.block(pool, name, reference, note)
    done = (f"Account {name} is blocked: {reference}.", f"账户 {name} 已冻结：{reference}。")
    before = (f"Account {name} is blocked by {reference} already.", f"账户 {name} 已被 {reference} 冻结。")
    _say(context, {"account": name, "reference": reference, "already": not new}, done if new else before)


@click.command()
@click.argument("name")
@_reference_option
@pass_context
def release(context: Context, name: str, reference: str) -> None:
    """End a hold. The account calls again when no hold of it or of one above it is left.

    解除冻结；账户及其上级没有其他冻结时即可呼叫。
    """
    with opened(context) as pool:
        new = store_hold.release(pool, name, reference)
        with pool.transaction() as cursor:
            left = [each.reference for each in store_hold.holds(cursor, name)]
    done = (f"Hold {reference} of account {name} is released.", f"账户 {name} 的冻结 {reference} 已解除。")
    before = (f"Hold {reference} of account {name} was released already.", f"账户 {name} 的冻结 {reference} 早已解除。")
    _say(
        context,
        {"account": name, "reference": reference, "already": not new, "holds": left},
        done if new else before,
    )
    if left and not context.as_json:
        names = ", ".join(left)
        click.echo(context.words(f"It is still blocked by {names}.", f"仍被 {names} 冻结。"))


def _book(context: Context, name: str, kind: Kind, amount: Decimal, reference: str, note: str) -> None:
    with opened(context) as pool:
        posted = post(pool, Entry(name, kind, amount, "", reference, time.time_ns() // 1000, note))
    away = _tell_redis(context, posted.booked)
    answer = {
        "account": name,
        "kind": kind,
        "amount": f"{posted.entry.amount:f}",
        "currency": posted.entry.currency,
        "reference": reference,
        "balance": f"{posted.booked.balance:f}",
        "already": posted.already,
        "redis": away or None,
    }
    _say(context, answer, _sentences(posted))
    if away:
        late = context.words(
            f"{away} It is booked; calls in progress hear of it when Redis is back.",
            f"{away} 已入账；Redis 恢复后对进行中的通话生效。",
        )
        click.echo(f"callctl: {late}", err=True)


def _sentences(posted: Posted) -> tuple[str, str]:
    entry, balance = posted.entry, f"{posted.booked.balance:f} {posted.entry.currency}"
    amount = f"{entry.amount:+f} {entry.currency}"
    if posted.already:
        return (
            f"Reference {entry.reference} is booked already: {amount} to {entry.account}; nothing changed.",
            f"编号 {entry.reference} 已入账：{entry.account} {amount}；没有变化。",
        )
    return (
        f"{amount} to {entry.account}; its balance is {balance}.",
        f"{entry.account} {amount}；余额 {balance}。",
    )


def _tell_redis(context: Context, booked: Booked) -> str:
    """Tell Redis, so that calls in progress hear of it; why that could not be, else nothing."""
    settings = context.settings.redis
    try:
        with asking(settings):
            money.booked(connect(settings), settings, booked)
    except RedisAway as error:
        return str(error)
    return ""


def _say(context: Context, answer: dict[str, Any], sentence: tuple[str, str]) -> None:
    if context.as_json:
        context.json(answer)
    else:
        click.echo(context.words(*sentence))


COMMANDS = (show, topup, adjust, hold, release)
