"""Whether the settings fit together; that they can be read, and have no unknown key, is known before."""

from __future__ import annotations

from contextlib import nullcontext
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain

from gevent import socket

from callctl.doctor.finding import Answer, Room, Words, fail, ok, warn
from callctl.routing.location import parse_socket
from callctl.settings import Settings, split_address


def room(settings: Settings) -> Room[Settings]:
    """The settings' checks."""
    return Room("settings", nullcontext(settings), (nodes, edges, sockets, places, addresses, allowed, listen))


def nodes(settings: Settings) -> Answer:
    """There is a FreeSWITCH."""
    if settings.nodes:
        names = ", ".join(node.name for node in settings.nodes)
        return ok(f"{len(settings.nodes)} nodes: {names}", f"{len(settings.nodes)} 个节点：{names}")
    mend = Words("Add a [[nodes]] section for each FreeSWITCH.", "请为每个 FreeSWITCH 添加一个 [[nodes]] 段。")
    return fail("no FreeSWITCH node is named", "没有配置任何 FreeSWITCH 节点", mend)


def edges(settings: Settings) -> Answer:
    """There is an edge, and one is enabled."""
    enabled = [edge.name for edge in settings.edges if edge.enabled]
    if enabled:
        return ok(f"enabled edges: {', '.join(enabled)}", f"已启用的边缘代理：{', '.join(enabled)}")
    mend = Words(
        "Add a [[edges]] section for each Kamailio, or enable one.", "请为每个 Kamailio 添加 [[edges]] 段，或启用一个。"
    )
    return fail("no Kamailio edge is named and enabled", "没有已启用的 Kamailio 边缘代理", mend)


def sockets(settings: Settings) -> Answer:
    """Each entry of an edge's `sockets` names a listener, and no two edges have the same."""
    unread = [text for edge in settings.edges for text in edge.sockets if parse_socket(text) is None]
    if unread:
        mend = Words(
            "Write each as [proto:]host[:port], IPv6 in brackets, as Kamailio's location table has it.",
            "请写成 [proto:]host[:port]，IPv6 用方括号，与 Kamailio 的 location 表一致。",
        )
        return fail(
            f"[[edges]] sockets that name no listener: {', '.join(map(repr, unread))}",
            f"[[edges]] sockets 中无法识别的项：{', '.join(map(repr, unread))}",
            mend,
        )
    seen: dict[tuple[str, int], str] = {}
    for edge in settings.edges:
        for listener in filter(None, map(parse_socket, {edge.address, *edge.sockets})):
            other = seen.setdefault((listener.host, listener.port), edge.name)
            if other != edge.name:
                mend = Words("Leave each listener to one edge.", "每个监听地址只应属于一个边缘代理。")
                what = f"{other}, {edge.name}: {listener.host}:{listener.port}"
                return fail(f"two edges have one listener ({what})", f"两个边缘代理使用同一监听地址（{what}）", mend)
    return ok("every edge's listeners can be read", "所有边缘代理的监听地址均可识别")


def places(settings: Settings) -> Answer:
    """Each edge and node has a SIP address of its own, each node and this host a port of its own for calls."""
    sip = [(f"edge {one.name}", one.address) for one in settings.edges] + [
        (f"node {one.name}", one.sip) for one in settings.nodes
    ]
    tcp = [("[esl] listen", settings.esl.listen), ("[http] listen", settings.http.listen)] + [
        (f"node {one.name}", one.esl) for one in settings.nodes
    ]
    for group in sip, tcp:
        seen: dict[tuple[str, int], str] = {}
        for name, address in group:
            other = seen.setdefault(split_address(address), name)
            if other != name:
                return fail(
                    f"{other} and {name} have one address, {address}",
                    f"{other} 与 {name} 使用同一地址 {address}",
                    Words(
                        "Write [[edges]] address, [[nodes]] sip and esl as each of them has it.",
                        "请按实际情况填写 [[edges]] address、[[nodes]] sip 与 esl。",
                    ),
                )
    return ok("edges and nodes have addresses of their own", "边缘代理与节点的地址各不相同")


def addresses(settings: Settings) -> Answer:
    """Edges and nodes are dialled by IP address: FreeSWITCH looks a name up while the call waits."""
    dialled = chain((edge.address for edge in settings.edges), (node.sip for node in settings.nodes))
    names = [address for address in dialled if _ip(split_address(address)[0]) is None]
    if not names:
        return ok("edges and nodes are dialled by IP address", "边缘代理与节点均以 IP 地址呼叫")
    mend = Words(
        "Give [[edges]] address and [[nodes]] sip as IP addresses.",
        "请将 [[edges]] address 与 [[nodes]] sip 写成 IP 地址。",
    )
    what = ", ".join(names)
    return warn(f"dialled by name, which holds calls up: {what}", f"以主机名呼叫会拖慢呼叫：{what}", mend)


def allowed(settings: Settings) -> Answer:
    """Calls of every node are let in."""
    out = [node.name for node in settings.nodes if not _let_in(settings, node.esl) | _let_in(settings, node.sip)]
    if not out and (wide := [str(one) for one in settings.esl.allowed if not one.prefixlen]):
        return warn(
            f"[esl] allowed has {', '.join(wide)}: whoever reaches the port can bring calls, with any account's name",
            f"[esl] allowed 含 {', '.join(wide)}：能到达该端口者都可冒任何账户送入呼叫",
            Words("Name the nodes' networks only.", "请只填写节点所在网段。"),
        )
    if not out:
        return ok("every node's address is in [esl] allowed", "所有节点地址都在 [esl] allowed 中")
    mend = Words("Add the node's network to [esl] allowed.", "请将节点的网段加入 [esl] allowed。")
    what = ", ".join(out)
    return fail(f"calls are refused at the door from: {what}", f"以下节点的呼叫会被拒绝接入：{what}", mend)


def listen(settings: Settings) -> Answer:
    """Nodes on other hosts can reach the socket that calls are brought to."""
    host = _ip(split_address(settings.esl.listen)[0])
    far = [node.name for node in settings.nodes if _elsewhere(split_address(node.esl)[0])]
    if host is None or not host.is_loopback or not far:
        return ok(f"calls are brought to {settings.esl.listen}", f"呼叫送达 {settings.esl.listen}")
    mend = Words("Set [esl] listen to an address of the core network.", "请将 [esl] listen 设为核心网络的地址。")
    what = ", ".join(far)
    return fail(
        f"[esl] listen is {settings.esl.listen}, which other hosts cannot reach: {what}",
        f"[esl] listen 为 {settings.esl.listen}，其他主机无法访问：{what}",
        mend,
    )


def _ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _elsewhere(host: str) -> bool:
    known = _ip(host)
    return known is not None and not known.is_loopback


def _let_in(settings: Settings, address: str) -> bool:
    host, port = split_address(address)
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return any(ip_address(one.partition("%")[0]) in network for one in found for network in settings.esl.allowed)
