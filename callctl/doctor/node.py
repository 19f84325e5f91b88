"""A FreeSWITCH node: its event socket, and apart from that its SIP address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import gevent

from callctl.doctor import sip as wire
from callctl.doctor.dialplan import dialplan
from callctl.doctor.finding import Answer, Room, Words, fail, ok, warn
from callctl.doctor.profile import arrivals, guards, peers, profile, rooms
from callctl.doctor.switch import Asked, codecs, expansion, limits, modules, name, ready, time_of_day
from callctl.esl.feed import Feed
from callctl.settings import Node, Settings


def room(node: Node, settings: Settings) -> Room[Asked]:
    """The checks of one node that its event socket answers."""
    return Room(
        "switch",
        _open(node, settings),
        (
            name,
            ready,
            time_of_day,
            modules,
            codecs,
            profile,
            peers,
            guards,
            rooms,
            limits,
            expansion,
            dialplan,
            arrivals,
        ),
        where=Words(f"its event socket answers at {node.esl}", f"其事件套接字在 {node.esl} 应答"),
        lost=f"无法登录 {node.esl} 的事件套接字",
        mend="请确认 FreeSWITCH 正在运行，mod_event_socket 在该地址监听，ACL 与防火墙允许本机，且密码一致。",
        about=node.name,
    )


def sip_room(node: Node) -> Room[Node]:
    """The check of its SIP address, whatever becomes of its event socket."""
    return Room("switch", nullcontext(node), (sip,), about=node.name)


@contextmanager
def _open(node: Node, settings: Settings) -> Iterator[Asked]:
    feed = Feed(node, settings.esl.command_timeout)
    reader = gevent.Greenlet(feed.drain)
    try:
        feed.connect()
        reader.start()
        feed.api("status")  # one that logs us in and then hangs is not reached
        yield Asked(feed, node, settings)
    finally:
        feed.stop()
        reader.kill()


def sip(node: Node) -> Answer:
    """Edges and other nodes can bring calls to it."""
    if problem := wire.silence(node.sip):
        return fail(
            f"nothing is heard from its SIP address {node.sip} ({problem.en})",
            f"其 SIP 地址 {node.sip} 无响应（{problem.zh}）",
            Words(
                "Correct [[nodes]] sip, start its SIP profile, and let UDP of edges, nodes and controllers through its "
                "firewall (deploy/nftables/node.nft).",
                "请改正 [[nodes]] sip，启动其 SIP profile，并在其防火墙放行边缘代理、节点与控制器的 UDP"
                "（deploy/nftables/node.nft）。",
            ),
        )
    status = wire.status(node.sip, f"sip:{node.sip}")
    if status.startswith("2"):
        return ok(f"it answers OPTIONS at {node.sip}", f"在 {node.sip} 应答 OPTIONS")
    return warn(
        f"it answers OPTIONS with {status or 'nothing'}: edges take no call to it",
        f"其 OPTIONS 应答为 {status or '空'}：边缘代理不会向它送呼叫",
        Words(
            "See whether it is paused or full (`status`), and what refuses OPTIONS.",
            "请查看其是否暂停或已满（status），以及谁拒绝了 OPTIONS。",
        ),
    )
