"""Whose registrations `location` has: each an edge's that we know, each edge with a server_id of its own."""

from __future__ import annotations

from collections import defaultdict

from callctl.doctor.finding import Answer, Words, fail, ok, warn
from callctl.doctor.location_rows import Table
from callctl.routing.location import parse_socket


def rows(table: Table) -> Answer:
    """Somebody is registered."""
    live = sum(row["live"] or 0 for row in table.rows)
    if live:
        return ok(f"{live} live registrations", f"{live} 个有效注册")
    return warn(
        "no phone is registered",
        "没有任何有效注册",
        Words(
            "Set usrloc db_mode to 1 (0 writes nothing) and see that db_url leads to this table.",
            "请将 usrloc 的 db_mode 设为 1（0 不写库），并确认 db_url 指向此表。",
        ),
    )


def edges(table: Table) -> Answer:
    """Each live row leads to an edge of the settings."""
    unknown = {row["unknown"]: 0 for row in table.rows if row["unknown"] and row["live"]}
    for row in table.rows:
        if row["unknown"] in unknown:
            unknown[row["unknown"]] += row["live"]
    if not unknown:
        return ok("every live registration is at an edge of the settings", "所有有效注册都属于已配置的边缘代理")
    shown = "; ".join(f"{why} ({count})" for why, count in sorted(unknown.items(), key=lambda item: -item[1])[:5])
    return fail(
        f"phones that cannot be called: {shown}",
        f"无法呼叫的注册：{shown}",
        Words(
            "Add the server_id, or the listener to `sockets`, to its [[edges]].",
            "请在对应的 [[edges]] 中填写该 server_id，或将监听地址加入 sockets。",
        ),
    )


def domains(table: Table) -> Answer:
    """Calls look users up with their domain."""
    if not table.settings.location.use_domain:
        return ok("users are looked up without their domain", "按用户名（不含域）查找")
    without = sum(row["homeless"] or 0 for row in table.rows)
    if not without:
        return ok("every live registration has a domain", "所有有效注册都带有域")
    return fail(
        f"{without} live registrations have no domain: they are never found",
        f"{without} 个有效注册没有域：永远查不到",
        Words(
            "Set usrloc use_domain to 1 on every edge, or [location] use_domain to false.",
            "请在每个边缘代理将 usrloc 的 use_domain 设为 1，或将 [location] use_domain 设为 false。",
        ),
    )


def unlisted(table: Table) -> Answer:
    """Each server_id is one of the settings, so that no Path or socket has to say whose a row is."""
    known = {0, *(edge.server_id for edge in table.edges)}
    found: dict[int, str] = {}
    for row in table.rows:
        if row["live"] and not row["unknown"] and row["server_id"] not in known:
            found[row["server_id"]] = row["edge"]
    if not found:
        return ok("no edge writes a server_id that the settings lack", "没有边缘代理写入配置之外的 server_id")
    en = ", ".join(f"{server_id} (by Path or socket: {edge})" for server_id, edge in found.items())
    return warn(
        f"rows have a server_id that no edge of the settings has: {en}",
        f"有行的 server_id 不属于任何已配置的边缘代理：{en}",
        Words(
            "Make `server_id` in [[edges]] and SERVER_ID in the edge's edge.cfg the same.",
            "请使 [[edges]] 的 server_id 与该边缘代理 edge.cfg 中的 SERVER_ID 一致。",
        ),
    )


def server_ids(table: Table) -> Answer:
    """Two edges with one server_id would both be taken for the same."""
    mend = Words(
        "Give each edge a server_id of its own (SERVER_ID in edge.cfg, and [[edges]]): edges with one delete each "
        "other's registrations. If all listeners are of one edge, list them in its `sockets`.",
        "请为每个边缘代理设置不同的 server_id（edge.cfg 的 SERVER_ID 与 [[edges]]）：相同者会互相删除注册。"
        "若监听地址属于同一个，请全部列入其 sockets。",
    )
    theirs = {(row["server_id"], row["edge"], row["claimed"]) for row in table.rows if row["live"] and row["server_id"]}
    for server_id, edge, claimed in sorted(theirs):
        if claimed and claimed != edge and server_id in {one.server_id for one in table.edges}:
            return fail(
                f"rows with server_id {server_id}, which is edge {edge}'s, are of edge {claimed} by Path or socket",
                f"server_id {server_id} 属于边缘代理 {edge}，但有行按 Path 或 socket 属于 {claimed}",
                mend,
            )
    hosts: dict[int, set[str]] = defaultdict(set)
    for row in table.rows:
        listener = parse_socket(row["socket"] or "")
        if row["server_id"] and row["live"] and listener:
            hosts[row["server_id"]].add(listener.host)
    for server_id, seen in hosts.items():
        edge = next((edge for edge in table.edges if edge.server_id == server_id), None)
        names = {one.host for one in map(parse_socket, (edge.address, *edge.sockets)) if one} if edge else set()
        if len(seen) > 1 and seen - names:
            what = ", ".join(sorted(seen))
            return warn(
                f"server_id {server_id} is written by listeners of several hosts: {what}",
                f"server_id {server_id} 由多个主机的监听地址写入：{what}",
                mend,
            )
    return ok("no two edges are seen under one server_id", "未见两个边缘代理共用 server_id")
