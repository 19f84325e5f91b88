"""`callctl tail`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from callctl.cli.output import Context, pass_context
from callctl.live.tail import LiveEvent, follow
from callctl.reason import BY_NAME

STYLES = {"refused": "red", "answered": "green", "ended": "dim", "leg_ended": "yellow", "ringing": "cyan"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
WORDS: Mapping[str, tuple[str, str]] = {
    "routed": ("routed", "已路由"),
    "refused": ("refused", "拒绝"),
    "ringing": ("ringing", "振铃"),
    "early_media": ("early media", "早期媒体"),
    "answered": ("answered", "应答"),
    "bridged": ("bridged", "接通"),
    "leg_ended": ("leg ended", "分支结束"),
    "room_joined": ("room joined", "进入会议"),
    "room_left": ("room left", "离开会议"),
    "sent_on": ("sent on", "转往"),
    "next_carrier": ("next carrier", "换运营商"),
    "room_moved": ("room moved", "会议迁移"),
    "ended": ("ended", "结束"),
    "near_limit": ("near limit", "接近上限"),
}


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]+)([smhd])", value)
    if match is None:
        raise click.BadParameter("say it as 30s, 10m, 2h or 1d")
    return int(match[1]) * UNITS[match[2]]


@click.command()
@click.option("--account", help="Only this account's calls.  账户")
@click.option("--number", help="Only calls from or to this number.  号码")
@click.option("--call", help="Only this call.  呼叫 UUID")
@click.option("--since", callback=_seconds, help="Begin that long ago: 30s, 10m, 2h.  起始时间")
@pass_context
def tail(context: Context, account: str | None, number: str | None, call: str | None, since: float | None) -> None:
    """Live call events as they happen, until Ctrl-C.

    实时显示呼叫事件，按 Ctrl-C 结束。
    """
    console = Console(highlight=False, soft_wrap=True)
    chosen = _Choice(account, number, call)
    try:
        for event in follow(context.settings.redis, since):
            if not chosen.takes(event):
                continue
            if context.as_json:
                context.json({"at" if name == "at_us" else name: value for name, value in event._asdict().items()})
            else:
                console.print(_line(event, context))
    except KeyboardInterrupt:
        return


class _Choice:
    """Which events are wanted."""

    def __init__(self, account: str | None, number: str | None, call: str | None) -> None:
        self._account = account
        self._number = number
        self._call = call
        self._having = set[str]()  # calls seen to have the number: their later events do not repeat it

    def takes(self, event: LiveEvent) -> bool:
        if self._account not in (None, event.account) or not event.call.startswith(self._call or ""):
            return False
        if self._number is None:
            return True
        if self._number in (event.data.get("from"), event.data.get("to")):
            self._having.add(event.call)
        wanted = event.call in self._having
        if event.event == "ended":
            self._having.discard(event.call)
        return wanted


def _line(event: LiveEvent, context: Context) -> Text:
    at = datetime.fromtimestamp(event.at_us / 1e6, UTC).strftime("%H:%M:%S.%f")[:-3]
    word = context.words(*WORDS.get(event.event, (event.event, event.event)))
    text = Text(f"{at} {event.call[:8]} ", style="dim")
    text.append(f"{word:<12}", style=STYLES.get(event.event, ""))
    text.append(f" {event.account or '-'} {_detail(event.data, context)}")
    return text


def _detail(data: dict[str, Any], context: Context) -> str:
    parts = []
    if "from" in data:
        parts.append(f"{data['from'] or '?'} → {data['to'] or '?'}")
    for key, value in data.items():
        if key in ("from", "to") or value in (None, "", []):
            continue
        if key == "reason" and value in BY_NAME:
            parts.append(f"{value}: {BY_NAME[value].sentence(context.lang)}")
        else:
            parts.append(f"{key}={','.join(map(str, value)) if isinstance(value, list) else value}")
    return "  ".join(parts)
