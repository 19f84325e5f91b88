"""A Kamailio edge, asked by OPTIONS at its core address: there, and known to itself by all that leads to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from gevent.pool import Pool

from callctl.doctor import sip
from callctl.doctor.finding import Answer, Room, Words, fail, ok, skip
from callctl.errors import ServiceAway
from callctl.routing.location import parse_socket
from callctl.settings import Edge

STRANGER = "callctl.invalid:5060"  # nobody's address
NOT_MINE = "404 Not My Address"  # what deploy/kamailio answers for another's
_AT_ONCE = 8
_ROUTE = re.compile(r"<sips?:(?:[^@<>]*@)?(\[[^]]*\]|[^:;<>]+)(?::(\d+))?", re.IGNORECASE)
_VIA = re.compile(r"^(?:Via|v)\s*:\s*SIP/2\.0/\w+\s+(\[[^]]*\]|[^:;,\s]+)(?::(\d+))?", re.IGNORECASE | re.MULTILINE)
_RECORD_ROUTE = re.compile(r"^Record-Route\s*:(.*)$", re.IGNORECASE | re.MULTILINE)


def room(edge: Edge) -> Room[Edge]:
    """The checks of one edge."""
    return Room(
        "edge",
        _open(edge),
        (itself,),
        where=Words(f"it answers OPTIONS at {edge.address}", f"在 {edge.address} 应答 OPTIONS"),
        lost=f"无法以 SIP 到达边缘代理 {edge.name}（{edge.address}）",
        mend="请确认 Kamailio 正在运行并以 UDP 监听该地址，[[edges]] address 为其核心侧地址，"
        "且防火墙放行本机的 UDP（deploy/nftables/edge.nft）。",
        about=edge.name,
    )


@contextmanager
def _open(edge: Edge) -> Iterator[Edge]:
    problem = sip.silence(edge.address)
    if problem:
        raise ServiceAway(
            f"Edge {edge.name} cannot be reached by SIP at {edge.address} ({problem.en}): see that Kamailio runs and "
            "listens there by UDP, that [[edges]] address is its core address, and that the firewall lets UDP from "
            "this host through (deploy/nftables/edge.nft)."
        )
    yield edge


def itself(edge: Edge) -> Answer:
    """What Routes name is known to it as its own, or ACK and BYE of a call do not find their way."""
    named = list(dict.fromkeys((edge.address, *_listeners(edge), *_routes(edge))))
    *answers, stranger = Pool(_AT_ONCE).map(lambda name: sip.status(edge.address, f"sip:{name}"), [*named, STRANGER])
    known = [name for name, answer in zip(named, answers, strict=True) if answer.startswith("2")]
    unknown = [name for name in named if name not in known]
    if unknown and (known or NOT_MINE in answers):
        aliases = " ".join(f"alias={name}" for name in unknown)
        return fail(
            f"it does not take {', '.join(unknown)} for its own: calls whose Route names that lose ACK and BYE",
            f"它不认为 {'、'.join(unknown)} 是自己的地址：Route 中带有该地址的呼叫会丢失 ACK 与 BYE",
            Words(
                f"Write `{aliases}` into its edge.cfg, or take out the `advertised_address` or the entry of `sockets` "
                "that is wrong; see Kamailio's log whether each `listen` came up.",
                f"请在 edge.cfg 中写入 {aliases}，或删除错误的 advertised_address 或 sockets 条目；"
                "并查看 Kamailio 日志确认各 listen 已生效。",
            ),
        )
    if unknown or stranger.startswith("2"):
        return skip(
            "its answers to OPTIONS do not tell; those of deploy/kamailio do",
            "其 OPTIONS 应答无法说明；deploy/kamailio 的配置可以",
        )
    return ok(f"it knows itself as {', '.join(known)}", f"它认得自己的地址 {'、'.join(known)}")


def _listeners(edge: Edge) -> Iterator[str]:
    """Those of its `sockets` that say a port."""
    for listener in filter(None, map(parse_socket, edge.sockets)):
        if listener.port:
            yield _address(listener.host, str(listener.port))


def _routes(edge: Edge) -> Iterator[str]:
    """What it calls itself in Via and Record-Route, where it sends back what is asked for `routes`."""
    back = sip.heard(edge.address, f"sip:routes@{edge.address}")
    if not back.startswith("OPTIONS "):
        return
    for line in _RECORD_ROUTE.findall(back):
        for host, port in _ROUTE.findall(line):
            yield _address(host, port)
    if via := _VIA.search(back):
        yield _address(*via.groups(""))


def _address(host: str, port: str) -> str:
    host = host.removeprefix("[").removesuffix("]")
    return f"[{host}]:{port or 5060}" if ":" in host else f"{host}:{port or 5060}"
