"""A Kamailio edge, asked by OPTIONS at its core address: there, known to itself, and in touch with every node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from gevent.pool import Pool

from callctl.doctor import sip
from callctl.doctor.finding import Answer, Room, Words, fail, ok, skip
from callctl.errors import ServiceAway
from callctl.routing.location import parse_socket
from callctl.settings import Edge, Node

STRANGER = "callctl.invalid:5060"  # nobody's address
NOT_CALLED = "503 Node Is Not Called"  # what it answers for a node that it does not know, or that does not answer it
NOT_MINE = "404 Not My Address"  # what deploy/kamailio answers for another's
_AT_ONCE = 8
_ROUTE = re.compile(r"<sips?:(?:[^@<>]*@)?(\[[^]]*\]|[^:;<>]+)(?::(\d+))?", re.IGNORECASE)
_VIA = re.compile(r"^(?:Via|v)\s*:\s*SIP/2\.0/\w+\s+(\[[^]]*\]|[^:;,\s]+)(?::(\d+))?", re.IGNORECASE | re.MULTILINE)
_RECORD_ROUTE = re.compile(r"^Record-Route\s*:(.*)$", re.IGNORECASE | re.MULTILINE)


class Asked(NamedTuple):
    """An edge, and the nodes that it is to know."""

    edge: Edge
    nodes: tuple[Node, ...]


def room(edge: Edge, nodes: tuple[Node, ...]) -> Room[Asked]:
    """The checks of one edge."""
    return Room(
        "edge",
        _open(edge, nodes),
        (itself, reaches),
        where=Words(f"it answers OPTIONS at {edge.address}", f"在 {edge.address} 应答 OPTIONS"),
        lost=f"无法以 SIP 到达边缘代理 {edge.name}（{edge.address}）",
        mend="请确认 Kamailio 正在运行并以 UDP 监听该地址，[[edges]] address 为其核心侧地址，"
        "且防火墙放行本机的 UDP（deploy/nftables/edge.nft）。",
        about=edge.name,
    )


@contextmanager
def _open(edge: Edge, nodes: tuple[Node, ...]) -> Iterator[Asked]:
    problem = sip.silence(edge.address)
    if problem:
        raise ServiceAway(
            f"Edge {edge.name} cannot be reached by SIP at {edge.address} ({problem.en}): see that Kamailio runs and "
            "listens there by UDP, that [[edges]] address is its core address, and that the firewall lets UDP from "
            "this host through (deploy/nftables/edge.nft)."
        )
    yield Asked(edge, nodes)


def itself(asked: Asked) -> Answer:
    """What Routes name is known to it as its own, or ACK and BYE of a call do not find their way."""
    edge = asked.edge
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


def reaches(asked: Asked) -> Answer:
    """Every node answers its OPTIONS: only then calls are sent there. Only the edge sees whether a port is blocked."""
    address = asked.edge.address
    named = [(f"{node.name} ({node.sip})", node.sip) for node in asked.nodes]
    wanted = [*(sip_address for _, sip_address in named), STRANGER]
    *answers, stranger = Pool(_AT_ONCE).map(
        lambda node: sip.status(address, f"sip:nodes@{address}", f"sip:{node}"), wanted
    )
    if stranger != NOT_CALLED:
        return skip(
            "it does not tell which nodes answer it; one of deploy/kamailio does",
            "它不说明哪些节点应答它；deploy/kamailio 的配置会说明",
        )
    away = [name for (name, _), answer in zip(named, answers, strict=True) if answer == NOT_CALLED]
    if not away:
        return ok("every node answers it", "所有节点都应答它")
    what = ", ".join(away)
    return fail(
        f"it sends no calls to {what}: nothing answers its OPTIONS there with 2xx, or it does not know the node",
        f"它不向 {what} 送呼叫：该处未以 2xx 应答其 OPTIONS，或它不认识该节点",
        Words(
            "Let UDP between both through the firewalls (deploy/nftables), see that the node takes calls, and that "
            "`dispatcher` has it as sip:HOST:PORT, then `kamcmd dispatcher.reload`.",
            "请在防火墙放行两者之间的 UDP（deploy/nftables），确认该节点接受呼叫，且 dispatcher 表中为 sip:HOST:PORT，"
            "然后执行 kamcmd dispatcher.reload。",
        ),
    )


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
